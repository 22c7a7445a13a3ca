package nn

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// maxFile is the most bytes that a network file may have.
const maxFile = 1 << 20

// maxDepth is how deep layers may be nested in layers.
const maxDepth = 16

// layerTypes holds each type of layer that a network may be made of.
var layerTypes = []Layer{
	Conv2D{}, DepthwiseConv2D{}, Dense{}, MaxPool{}, AvgPool{}, GlobalAvgPool{}, Dropout{}, BatchNorm{}, Flatten{}, Activation{}, Affine{},
	Residual{}, Product{}, Concat{},
	Embedding{}, PositionEmbedding{}, LSTM{}, GRU{}, RNN{}, Attention{}, TransformerBlock{},
	LayerNorm{}, RMSNorm{}, DyT{}, DyISRU{}, Norm{},
}

// kinds returns the types of layers, each as a pointer to decode into.
var kinds = func() map[string]func() Layer {
	m := map[string]func() Layer{}
	for _, l := range layerTypes {
		m[l.kind()] = func() Layer { return reflect.New(reflect.TypeOf(l)).Interface().(Layer) }
	}
	return m
}()

func kindNames() string {
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// plain returns the layer that a pointer to one points to.
func plain(l Layer) Layer {
	if v := reflect.ValueOf(l); v.Kind() == reflect.Pointer && !v.IsNil() {
		return v.Elem().Interface().(Layer)
	}
	return l
}

// ReadNetwork reads a network's JSON description, of at most a mebibyte. An
// error names the layer that is wrong. The description is complete only when New
// has taken it: that checks shapes.
func ReadNetwork(r io.Reader) (Network, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Network{}, err
	}
	if len(data) > maxFile {
		return Network{}, fmt.Errorf("nn: the network's description is longer than %d bytes", maxFile)
	}
	var n Network
	if err := decode(data, &n); err != nil {
		return Network{}, fmt.Errorf("nn: %w", err)
	}
	return n, nil
}

// decode reads one JSON value strictly: unknown members and what follows the
// value are errors.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return jsonError(data, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// jsonError puts an error of package json into words with a line number.
func jsonError(data []byte, err error) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := min(int(s.Offset), len(data))
		return fmt.Errorf("line %d: %s", 1+bytes.Count(data[:at], []byte("\n")), s)
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s must be %s, got a %s", t.Field, plainType(t.Type.Kind().String()), t.Value)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends too early")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func plainType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "slice":
		return "a list"
	case kind == "bool":
		return "true or false"
	}
	return "a " + kind
}

// UnmarshalJSON reads a list of layers.
func (s *Sequential) UnmarshalJSON(data []byte) error { return s.unmarshal(data, 0) }

func (s *Sequential) unmarshal(data []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("layers are nested more than %d deep", maxDepth)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return errors.New("layers must be a list")
	}
	*s = nil
	for i, m := range raw {
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(m, &head); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, jsonError(m, err))
		}
		if head.Type == "" {
			return fmt.Errorf("layer %d has no type; known: %s", i+1, kindNames())
		}
		make, ok := kinds[head.Type]
		if !ok {
			return fmt.Errorf("layer %d: unknown type %q; known: %s", i+1, head.Type, kindNames())
		}
		layer, err := decodeLayer(m, make(), depth)
		if err != nil {
			return fmt.Errorf("layer %d (%s): %w", i+1, head.Type, err)
		}
		*s = append(*s, layer)
	}
	return nil
}

// decodeLayer reads a layer's members but its type.
func decodeLayer(data []byte, l Layer, depth int) (Layer, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, jsonError(data, err)
	}
	delete(members, "type")
	inside := func(name string, to *Sequential) error {
		m, ok := members[name]
		if !ok {
			return nil
		}
		delete(members, name)
		if err := to.unmarshal(m, depth+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	var err error
	switch l := l.(type) {
	case *Residual:
		err = cmp.Or(inside("body", &l.Body), inside("shortcut", &l.Shortcut))
	case *Product:
		err = cmp.Or(inside("body", &l.Body), inside("gate", &l.Gate))
	case *Concat:
		if list, ok := members["branches"]; ok {
			delete(members, "branches")
			l.Branches, err = unmarshalBranches(list, depth)
		}
	}
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	if err := decode(rest, l); err != nil {
		return nil, err
	}
	return plain(l), nil
}

// unmarshalBranches reads a list of lists of layers.
func unmarshalBranches(data []byte, depth int) ([]Sequential, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, errors.New("branches must be a list of lists of layers")
	}
	list := make([]Sequential, len(raw))
	for i, m := range raw {
		if err := list[i].unmarshal(m, depth+1); err != nil {
			return nil, fmt.Errorf("branch %d: %w", i+1, err)
		}
	}
	return list, nil
}

// MarshalJSON writes a list of layers, each with its type.
func (s Sequential) MarshalJSON() ([]byte, error) {
	list := []json.RawMessage{}
	for _, l := range s {
		data, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		head := fmt.Sprintf(`{"type":%q`, l.kind())
		if len(data) > 2 {
			head += ","
		}
		list = append(list, append([]byte(head), data[1:]...))
	}
	return json.Marshal(list)
}

// MarshalJSON writes one number where both are equal.
func (p Pair) MarshalJSON() ([]byte, error) {
	if p.Height == p.Width {
		return json.Marshal(p.Height)
	}
	return json.Marshal([2]int{p.Height, p.Width})
}

// UnmarshalJSON reads a number, or two in brackets.
func (p *Pair) UnmarshalJSON(data []byte) error {
	var n int
	if json.Unmarshal(data, &n) == nil {
		*p = Square(n)
		return nil
	}
	var both []int
	if json.Unmarshal(data, &both) != nil || len(both) != 2 {
		return fmt.Errorf("a height and width must be a whole number or a list of two, got %s", data)
	}
	*p = Pair{both[0], both[1]}
	return nil
}

// MarshalJSON writes the padding in the shortest form.
func (p Padding) MarshalJSON() ([]byte, error) {
	if p.Same {
		return []byte(`"same"`), nil
	}
	return Pair{p.Height, p.Width}.MarshalJSON()
}

// UnmarshalJSON reads "same", "valid", a number, or two in brackets.
func (p *Padding) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"same"`:
		*p = Same
		return nil
	case `"valid"`:
		*p = Padding{}
		return nil
	}
	var both Pair
	if both.UnmarshalJSON(data) != nil {
		return fmt.Errorf(`padding must be "same", "valid", a whole number or a list of two, got %s`, data)
	}
	*p = Padding{Height: both.Height, Width: both.Width}
	return nil
}
