package serve

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// headerLength is where the binary tensor data extension tells how long the JSON is that
// stands before the binary data.
const headerLength = "Inference-Header-Content-Length"

// maxTensors bounds the inputs and the outputs that a request may name.
const maxTensors = 64

// maxID bounds the id of a request.
const maxID = 1024

// An inferRequest is a request of the protocol for a model with one input and one output.
type inferRequest struct {
	id     string
	hasID  bool
	binary bool      // whether the output is wanted in binary
	x      []float32 // in the engine's order
}

// An inferReader reads one.
type inferReader struct {
	model  *Model
	rows   int // at most
	held   *reservation
	tail   []byte // binary data
	d      *jsontext.Decoder
	header int // bytes of JSON

	request      inferRequest
	inputs       int
	outputs      []string
	binaryOutput bool  // of the request
	binaryOne    *bool // of the output, if that is told
}

// An inferInput is a tensor of a request.
type inferInput struct {
	name, datatype string
	shape          []int
	size           int // of the binary data, -1 if there are none
	data           *numbers
}

// readInfer reads a request for a model with at most so many samples.
func readInfer(m *Model, rows int, header http.Header, body []byte, held *reservation) (*inferRequest, error) {
	n, told, err := readHeaderLength(header, len(body))
	if err != nil {
		return nil, err
	}
	r := &inferReader{model: m, rows: rows, held: held, tail: body[n:], d: decoder(body[:n]), header: n}
	var in *inferInput
	err = readObject(r.d, func(name string) (err error) {
		switch name {
		case "id":
			r.request.hasID = true
			if r.request.id, err = readString(r.d); err == nil && len(r.request.id) > maxID {
				err = badRequestf("the id is longer than %d bytes", maxID)
			}
			return err
		case "parameters":
			return r.parameters(map[string]func() error{"binary_data_output": func() (err error) {
				r.binaryOutput, err = readBool(r.d)
				return err
			}})
		case "inputs":
			return readList(r.d, "inputs", maxTensors, func() (err error) {
				r.inputs++
				in, err = r.input()
				return err
			})
		case "outputs":
			return readList(r.d, "outputs", maxTensors, r.output)
		}
		return skip(r.d)
	})
	if err == nil {
		err = readEnd(r.d)
	}
	if err != nil {
		return nil, err
	}
	if r.inputs != 1 {
		return nil, badRequestf("the model %s takes one input, %q, got %d", m.Name, m.Input.Name, r.inputs)
	}
	if !told && in.size >= 0 {
		return nil, badRequestf("input %q has a binary_data_size, but the request has no header %s", in.name, headerLength)
	}
	if err := r.outputsKnown(); err != nil {
		return nil, err
	}
	r.request.x, err = r.samples(in)
	return &r.request, err
}

// readHeaderLength returns the length of the JSON, and whether a header tells it.
func readHeaderLength(header http.Header, body int) (int, bool, error) {
	text := header.Get(headerLength)
	if text == "" {
		return body, false, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) > body {
		return 0, false, badRequestf("%s must be from 0 to the length of the body, %d, got %q", headerLength, body, shorten(text))
	}
	return int(n), true, nil
}

// parameters reads an object of parameters: those that known names, and others, which say
// nothing to this server.
func (r *inferReader) parameters(known map[string]func() error) error {
	return readObject(r.d, func(name string) error {
		switch read, ok := known[name]; {
		case ok:
			return read()
		case strings.HasPrefix(name, "shared_memory_") || name == "classification":
			return badRequestf("the parameter %q belongs to an extension that this server does not have", name)
		}
		return skip(r.d)
	})
}

func (r *inferReader) input() (*inferInput, error) {
	in := &inferInput{size: -1}
	err := readObject(r.d, func(name string) (err error) {
		switch name {
		case "name":
			in.name, err = readString(r.d)
			return err
		case "datatype":
			in.datatype, err = readString(r.d)
			return err
		case "shape":
			return readList(r.d, "dimensions", maxDepth, func() error {
				n, err := readSize(r.d)
				in.shape = append(in.shape, n)
				return err
			})
		case "parameters":
			return r.parameters(map[string]func() error{"binary_data_size": func() (err error) {
				in.size, err = readSize(r.d)
				return err
			}})
		case "data":
			room := r.header / 2 // a number and what follows it take two bytes or more
			if n := product(in.shape); n > 0 {
				room = min(room, n)
			}
			in.data, err = readNumbers(r.d, room, r.rows*r.model.Input.size(), r.held)
			return err
		}
		return skip(r.d)
	})
	return in, err
}

// product returns the number of elements of a shape, or 0 where it is none or too large.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if n *= d; n < 1 || n > 1<<30 {
			return 0
		}
	}
	return n
}

func (r *inferReader) output() error {
	name := ""
	err := readObject(r.d, func(member string) (err error) {
		switch member {
		case "name":
			name, err = readString(r.d)
			return err
		case "parameters":
			return r.parameters(map[string]func() error{"binary_data": func() error {
				v, err := readBool(r.d)
				r.binaryOne = &v
				return err
			}})
		}
		return skip(r.d)
	})
	r.outputs = append(r.outputs, name)
	return err
}

// outputsKnown makes sure that the outputs which are wanted are there.
func (r *inferReader) outputsKnown() error {
	want := r.model.Output.Name
	for _, name := range r.outputs {
		if name != want {
			return badRequestf("the model %s has no output %q; it has %q", r.model.Name, shorten(name), want)
		}
	}
	if len(r.outputs) > 1 {
		return badRequestf("the output %q is wanted twice", want)
	}
	r.request.binary = r.binaryOutput
	if r.binaryOne != nil {
		r.request.binary = *r.binaryOne
	}
	return nil
}

// samples checks a tensor, and returns its samples in the engine's order.
func (r *inferReader) samples(in *inferInput) ([]float32, error) {
	m := r.model
	if in.name != m.Input.Name {
		return nil, badRequestf("the model %s has no input %q; it has %q", m.Name, shorten(in.name), m.Input.Name)
	}
	t, err := m.inputType(in.datatype)
	if err != nil {
		return nil, err
	}
	if len(in.shape) != len(m.Input.Shape)+1 || !slices.Equal(in.shape[1:], m.Input.Shape) {
		return nil, badRequestf("input %q has the shape %v; the model takes %v, the number of samples first", in.name, in.shape, shapeText(-1, m.Input.Shape))
	}
	rows := in.shape[0]
	if rows < 1 {
		return nil, badRequestf("input %q has no samples", in.name)
	}
	if rows > r.rows {
		return nil, tooManyRows(rows, r.rows)
	}
	var x []float32
	if in.size >= 0 {
		x, err = r.binaryData(in, t)
	} else {
		x, err = r.jsonData(in, t)
	}
	if err != nil {
		return nil, err
	}
	return m.toEngine(x, t.name == pixelType.name && m.Tokens == 0, r.held)
}

func tooManyRows(rows, most int) error {
	return failf(http.StatusRequestEntityTooLarge, "%d samples in a request; send at most %d", rows, most)
}

func (r *inferReader) binaryData(in *inferInput, t datatype) ([]float32, error) {
	n := product(in.shape)
	switch {
	case in.data != nil:
		return nil, badRequestf("input %q has both data and a binary_data_size", in.name)
	case in.size != n*t.size:
		return nil, badRequestf("input %q: the shape %v of %s takes %d bytes, but binary_data_size is %d", in.name, in.shape, t.name, n*t.size, in.size)
	case in.size != len(r.tail):
		return nil, badRequestf("input %q: binary_data_size is %d, but %d bytes follow the JSON", in.name, in.size, len(r.tail))
	}
	if err := r.held.take(4 * int64(n)); err != nil {
		return nil, err
	}
	x := make([]float32, n)
	return x, t.decode(x, r.tail)
}

func (r *inferReader) jsonData(in *inferInput, t datatype) ([]float32, error) {
	switch n := product(in.shape); {
	case in.data == nil:
		return nil, badRequestf("input %q has neither data nor a binary_data_size", in.name)
	case len(r.tail) > 0:
		return nil, badRequestf("%d bytes follow the JSON, but input %q has no binary_data_size", len(r.tail), in.name)
	case !t.json:
		return nil, badRequestf("input %q: %s is taken as binary data only", in.name, t.name)
	case len(in.data.values) != n || len(in.data.dims) > 1 && !slices.Equal(in.data.dims, in.shape):
		return nil, badRequestf("input %q has the shape %v, but its data have %v", in.name, in.shape, in.data.dims)
	}
	return in.data.values, t.check(in.data.values)
}

// toEngine brings samples into the engine's order, and normalizes them if they are pixels.
func (m *Model) toEngine(x []float32, pixels bool, held *reservation) ([]float32, error) {
	if m.ToEngine != nil {
		if err := held.take(4 * int64(len(x))); err != nil {
			return nil, err
		}
		y := make([]float32, len(x))
		m.ToEngine(y, x)
		x = y
	}
	if pixels {
		m.Pixels.normalize(x)
	}
	return x, nil
}
