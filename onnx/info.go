package onnx

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// Info describes a model. Nodes, operators, activations and tensors are counted in
// subgraphs as well.
type Info struct {
	Producer     string  `json:"producer"` // name and version
	Domain       string  `json:"domain,omitempty"`
	ModelVersion int64   `json:"model_version,omitempty"`
	Doc          string  `json:"doc,omitempty"`
	IRVersion    int64   `json:"ir_version"`
	Opsets       []Opset `json:"opsets"`

	Inputs  []ValueInfo `json:"inputs"` // those without a value in the model
	Outputs []ValueInfo `json:"outputs"`

	Nodes     int     `json:"nodes"`
	Subgraphs int     `json:"subgraphs"`
	Operators []Count `json:"operators"` // by name, the most frequent first
	// Functions are the model's own, by domain and name.
	Functions   []string         `json:"functions,omitempty"`
	Activations []ActivationInfo `json:"activations"`

	Parameters []ParameterInfo `json:"parameters"` // by element type
	// External are the files that hold tensors, in the model's folder.
	External []string `json:"external,omitempty"`
	// Quantization counts the operators of quantized models, and annotations.
	Quantization []Count    `json:"quantization,omitempty"`
	Metadata     []Metadata `json:"metadata,omitempty"`
}

// Opset is a set of operators that a model uses. The domain of ONNX's own is
// "ai.onnx".
type Opset struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

// ValueInfo describes an input or output.
type ValueInfo struct {
	Name string `json:"name"`
	Type string `json:"type"` // such as float32, or sequence of float32
	// Shape holds numbers, names and, for what is open, "?"; nil if even the number
	// of dimensions is.
	Shape []string `json:"shape"`
}

// String returns name, type and shape.
func (v ValueInfo) String() string {
	if v.Shape == nil {
		return v.Name + " " + v.Type
	}
	return v.Name + " " + v.Type + " [" + strings.Join(v.Shape, ", ") + "]"
}

// Count is how often something is there.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// ActivationInfo describes the activations of one kind and function.
type ActivationInfo struct {
	Kind string `json:"kind"`
	// Function is what [isrlu.Parse] takes, empty where this module lacks it.
	Function string `json:"function,omitempty"`
	// Channels is how many alphas there are where they differ by channel.
	Channels int64 `json:"channels,omitempty"`
	// In is the recurrent operator that the activation is inside of.
	In    string   `json:"in,omitempty"`
	Count int      `json:"count"`
	Nodes []string `json:"nodes"` // their names; composed ones by the last node
}

// String names the activation: its kind, the operator that it is in, and the
// function where that says more.
func (a ActivationInfo) String() string {
	s := a.Kind
	if a.In != "" {
		s += " (" + a.In + ")"
	}
	return s
}

// ParameterInfo sums up the tensors of an element type.
type ParameterInfo struct {
	Type     string `json:"type"`
	Tensors  int    `json:"tensors"`
	Elements int64  `json:"elements"`
	Bytes    int64  `json:"bytes"`
}

// Metadata is a property that the model's author gave it.
type Metadata struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Info describes the model.
func (m *Model) Info() Info {
	p := m.proto
	info := Info{
		Producer: strings.TrimSpace(p.ProducerName + " " + p.ProducerVersion),
		Domain:   p.Domain, ModelVersion: p.ModelVersion, Doc: p.DocString, IRVersion: p.IrVersion,
		Operators: []Count{}, Activations: []ActivationInfo{}, Parameters: []ParameterInfo{},
	}
	for _, o := range p.OpsetImport {
		info.Opsets = append(info.Opsets, Opset{cmp.Or(o.Domain, defaultDomain), o.Version})
	}
	given := map[string]bool{}
	for _, t := range p.Graph.Initializer {
		given[t.Name] = true
	}
	info.Inputs, info.Outputs = []ValueInfo{}, []ValueInfo{}
	for _, v := range p.Graph.Input {
		if !given[v.Name] {
			info.Inputs = append(info.Inputs, describeValue(v))
		}
	}
	for _, v := range p.Graph.Output {
		info.Outputs = append(info.Outputs, describeValue(v))
	}
	for _, f := range p.Functions {
		info.Functions = append(info.Functions, f.Domain+"."+f.Name)
	}
	for _, e := range p.MetadataProps {
		info.Metadata = append(info.Metadata, Metadata{e.Key, e.Value})
	}
	c := counter{m: m, operators: map[string]int{}, quantization: map[string]int{}, place: map[activationKey]int{}}
	c.graph(p.Graph, &info)
	info.Operators = counts(c.operators)
	info.Quantization = counts(c.quantization)
	m.describeTensors(&info)
	return info
}

// A counter counts what graphs hold.
type counter struct {
	m                       *Model
	operators, quantization map[string]int
	place                   map[activationKey]int // in Info.Activations
}

// An activationKey is what one entry of Info.Activations has in common.
type activationKey struct {
	kind, function, in string
	channels           int64
}

// counts lists what is most frequent first.
func counts(of map[string]int) []Count {
	list := []Count{}
	for name, n := range of {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return list
}

func (c counter) graph(p *onnxpb.GraphProto, info *Info) {
	for _, a := range c.m.activations(newGraph(p)) {
		entry := ActivationInfo{Kind: a.kind, Function: a.function, Nodes: []string{nameOf(a.nodes[len(a.nodes)-1])}}
		if a.alpha != nil {
			entry.Channels, _ = elements(a.alpha.Dims)
		}
		c.add(info, entry)
	}
	if n := len(p.QuantizationAnnotation); n > 0 {
		c.quantization["annotation"] += n
	}
	for _, n := range p.Node {
		info.Nodes++
		op := n.OpType
		if !isDefault(n.Domain) {
			op = n.Domain + "." + op
		}
		c.operators[op]++
		if strings.Contains(strings.ToLower(op), "quantize") || strings.Contains(op, "QLinear") || strings.HasSuffix(op, "Integer") || strings.HasSuffix(op, "MatMulNBits") {
			c.quantization[op]++
		}
		if isRecurrent(n) {
			gates, err := gatesOf(n)
			if err != nil {
				continue // such a node cannot be swapped or run, and Swap says why
			}
			for _, g := range gates {
				c.add(info, ActivationInfo{Kind: g.kind, Function: g.function, In: n.OpType, Nodes: []string{nameOf(n)}})
			}
		}
		for _, sub := range subgraphs(n) {
			info.Subgraphs++
			c.graph(sub, info)
		}
	}
}

// add counts an activation with those that are like it.
func (c counter) add(info *Info, a ActivationInfo) {
	key := activationKey{a.Kind, a.Function, a.In, a.Channels}
	i, ok := c.place[key]
	if !ok {
		c.place[key] = len(info.Activations)
		a.Count = 1
		info.Activations = append(info.Activations, a)
		return
	}
	b := &info.Activations[i]
	b.Count++
	if b.Nodes[len(b.Nodes)-1] != a.Nodes[0] { // a recurrent node has several
		b.Nodes = append(b.Nodes, a.Nodes[0])
	}
}

// describeTensors sums up the tensors by their types.
func (m *Model) describeTensors(info *Info) {
	for _, t := range m.tensors() {
		n, err := elements(t.Dims)
		if err != nil {
			continue // it was checked as it was read
		}
		name := typeName(dataType(t))
		i := slices.IndexFunc(info.Parameters, func(p ParameterInfo) bool { return p.Type == name })
		if i < 0 {
			i = len(info.Parameters)
			info.Parameters = append(info.Parameters, ParameterInfo{Type: name})
		}
		p := &info.Parameters[i]
		p.Tensors++
		p.Elements += n
		p.Bytes += bytesOf(dataType(t), n)
		for _, s := range t.StringData {
			p.Bytes += int64(len(s))
		}
		if !external(t) {
			continue
		}
		for _, e := range t.ExternalData {
			if e.Key == "location" && !slices.Contains(info.External, e.Value) {
				info.External = append(info.External, e.Value)
			}
		}
	}
	slices.SortStableFunc(info.Parameters, func(a, b ParameterInfo) int { return cmp.Compare(b.Bytes, a.Bytes) })
}

func describeValue(v *onnxpb.ValueInfoProto) ValueInfo {
	kind, shape := describeType(v.GetType())
	return ValueInfo{v.Name, kind, shape}
}

// describeType returns the element type and, for a tensor, its dimensions.
func describeType(t *onnxpb.TypeProto) (string, []string) {
	elem := func(v int32) string { return typeName(onnxpb.TensorProto_DataType(v)) }
	switch v := t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return elem(v.TensorType.GetElemType()), describeShape(v.TensorType.GetShape())
	case *onnxpb.TypeProto_SparseTensorType:
		return "sparse " + elem(v.SparseTensorType.GetElemType()), describeShape(v.SparseTensorType.GetShape())
	case *onnxpb.TypeProto_SequenceType:
		inner, _ := describeType(v.SequenceType.GetElemType())
		return "sequence of " + inner, nil
	case *onnxpb.TypeProto_OptionalType:
		inner, _ := describeType(v.OptionalType.GetElemType())
		return "optional " + inner, nil
	case *onnxpb.TypeProto_MapType:
		inner, _ := describeType(v.MapType.GetValueType())
		return fmt.Sprintf("map from %s to %s", elem(v.MapType.GetKeyType()), inner), nil
	}
	return "unknown", nil
}

func describeShape(s *onnxpb.TensorShapeProto) []string {
	if s == nil {
		return nil
	}
	shape := []string{}
	for _, d := range s.Dim {
		switch v := d.Value.(type) {
		case *onnxpb.TensorShapeProto_Dimension_DimValue:
			shape = append(shape, strconv.FormatInt(v.DimValue, 10))
		case *onnxpb.TensorShapeProto_Dimension_DimParam:
			shape = append(shape, cmp.Or(v.DimParam, "?"))
		default:
			shape = append(shape, "?")
		}
	}
	return shape
}
