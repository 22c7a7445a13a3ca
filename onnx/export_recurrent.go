package onnx

import (
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A recurrentLayer is what an LSTM, GRU or RNN is made of, in ONNX's order of gates.
type recurrentLayer struct {
	op                  string // LSTM, GRU or RNN
	units               int
	last, bidirectional bool
	state               *isrlu.Function
	gate                *isrlu.Function // nil for RNN
	columns             []int           // which of the network's columns of units are where in ONNX
	splits              bool            // whether the network has a bias for the state too
	weight, recurrent   []float64       // of each direction: gates x units x inputs, and x units
	bias, recurrentBias []float64       // of each direction: gates x units
	inputs              int
	directions          int
}

func (e *exporter) recurrent(info nn.LayerInfo, l nn.Layer, x exported) (exported, error) {
	r, err := e.recurrentLayer(info, l, x.shape[1])
	if err != nil {
		return exported{}, err
	}
	// ONNX has the time steps first.
	first := e.node("Transpose", info.Name+".steps_first", []string{x.name}, intsAttr("perm", 1, 0, 2))
	y, err := e.recurrentNodes(info.Name, r, first)
	if err != nil {
		return exported{}, err
	}
	features := r.directions * r.units
	if r.last {
		name := e.node("Transpose", info.Name+".batch_first", []string{y}, intsAttr("perm", 1, 0, 2))
		name = e.node("Flatten", info.Name+".join", []string{name})
		return exported{name: name, shape: nn.Shape{features}}, nil
	}
	name := e.node("Transpose", info.Name+".batch_first", []string{y}, intsAttr("perm", 2, 0, 1, 3))
	name = e.node("Reshape", info.Name+".join", []string{name, e.ints(info.Name+".joined_shape", 0, x.shape[0], features)})
	return exported{name: name, shape: nn.Shape{x.shape[0], features}}, nil
}

// recurrentLayer gathers what a layer holds.
func (e *exporter) recurrentLayer(info nn.LayerInfo, l nn.Layer, inputs int) (*recurrentLayer, error) {
	r := &recurrentLayer{inputs: inputs, directions: 1}
	switch l := l.(type) {
	case nn.LSTM: // i, f, g, o, in ONNX i, o, f, c
		r.op, r.units, r.last, r.bidirectional, r.columns = "LSTM", l.Units, l.Last, l.Bidirectional, []int{0, 3, 1, 2}
	case nn.GRU: // r, z, n, in ONNX z, r, h
		r.op, r.units, r.last, r.bidirectional, r.columns, r.splits = "GRU", l.Units, l.Last, l.Bidirectional, []int{1, 0, 2}, true
	case nn.RNN:
		r.op, r.units, r.last, r.bidirectional, r.columns = "RNN", l.Units, l.Last, l.Bidirectional, []int{0}
	}
	// The layer or the network may name the functions, or nobody: the model knows.
	state, gate, found := strings.Cut(info.Function, ", gates ")
	var err error
	if r.state, err = isrlu.Parse(state); err != nil {
		return nil, err
	}
	if found {
		if r.gate, err = isrlu.Parse(gate); err != nil {
			return nil, err
		}
	}
	prefixes := []string{""}
	if r.bidirectional {
		prefixes, r.directions = append(prefixes, "reverse_"), 2
	}
	width := len(r.columns) * r.units
	for _, prefix := range prefixes {
		name := info.Name + "." + prefix
		weight, err := e.take(name+"weight", r.inputs, width)
		if err != nil {
			return nil, err
		}
		recurrent, err := e.take(name+"recurrent_weight", r.units, width)
		if err != nil {
			return nil, err
		}
		bias, err := e.take(name+"bias", width)
		if err != nil {
			return nil, err
		}
		recurrentBias := make([]float64, width)
		if r.splits {
			if recurrentBias, err = e.take(name+"recurrent_bias", width); err != nil {
				return nil, err
			}
		}
		r.weight = append(r.weight, r.reorder(weight, r.inputs)...)
		r.recurrent = append(r.recurrent, r.reorder(recurrent, r.units)...)
		r.bias = append(r.bias, r.reorder(bias, 1)...)
		r.recurrentBias = append(r.recurrentBias, r.reorder(recurrentBias, 1)...)
	}
	return r, nil
}

// reorder turns rows x columns of the network into columns x rows in ONNX's order.
func (r *recurrentLayer) reorder(w []float64, rows int) []float64 {
	width := len(r.columns) * r.units
	out := make([]float64, 0, len(w))
	for _, column := range r.columns {
		for u := range r.units {
			for i := range rows {
				out = append(out, w[i*width+column*r.units+u])
			}
		}
	}
	return out
}

// recurrentNodes appends ONNX's own operator where that has the functions, and
// otherwise a Scan over the steps. It returns all states, steps x directions x batch
// x units, or where the layer puts out the last one alone, directions x batch x
// units.
func (e *exporter) recurrentNodes(name string, r *recurrentLayer, x string) (string, error) {
	width := len(r.columns) * r.units
	l := recurrence{
		op: r.op, x: x,
		w:      e.initializer(name+".weight", []int{r.directions, width, r.inputs}, r.weight),
		r:      e.initializer(name+".recurrent_weight", []int{r.directions, width, r.units}, r.recurrent),
		bias:   e.initializer(name+".bias", []int{r.directions, 2 * width}, r.biases()),
		hidden: int64(r.units), backward: []bool{false, true}[:r.directions], linearBeforeReset: r.op == "GRU",
	}
	var gates []gate
	own := true
	for range r.directions {
		for _, f := range r.functions() {
			g, ok := gateOf(f)
			own = own && ok
			gates, l.gates = append(gates, g), append(l.gates, activateBy(f))
		}
	}
	if own {
		attributes := []*onnxpb.AttributeProto{intAttr("hidden_size", r.units)}
		if r.directions == 2 {
			attributes = append(attributes, stringAttr("direction", "bidirectional"))
		}
		if l.linearBeforeReset {
			attributes = append(attributes, intAttr("linear_before_reset", 1))
		}
		out := e.nodes(r.op, name, 2, []string{l.x, l.w, l.r, l.bias}, attributes...)
		n := e.graph.Node[len(e.graph.Node)-1]
		setGates(n, gates)
		if r.last {
			n.Output = []string{"", out[1]}
			return out[1], nil
		}
		n.Output = out[:1]
		return out[0], nil
	}
	y := e.names.name(name + "_output")
	if r.last {
		l.yH = y
	} else {
		l.y = y
	}
	b := e.builder(name)
	if err := b.scan(l); err != nil {
		return "", err
	}
	e.add(b)
	for _, n := range b.nodes {
		if n.OpType == "Scan" {
			n.Name = e.names.name(name)
		}
	}
	return y, nil
}

// functions returns those of a direction, as ONNX has them.
func (r *recurrentLayer) functions() []*isrlu.Function {
	switch r.op {
	case "LSTM":
		return []*isrlu.Function{r.gate, r.state, r.state}
	case "GRU":
		return []*isrlu.Function{r.gate, r.state}
	}
	return []*isrlu.Function{r.state}
}

// biases returns those of the input and of the state of each direction, one after
// the other.
func (r *recurrentLayer) biases() []float64 {
	var out []float64
	width := len(r.columns) * r.units
	for d := range r.directions {
		out = append(out, r.bias[d*width:][:width]...)
		out = append(out, r.recurrentBias[d*width:][:width]...)
	}
	return out
}
