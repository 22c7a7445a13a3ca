package onnx

import (
	"errors"
	"fmt"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A recurrence is an LSTM, GRU or RNN layer in the terms of ONNX's operators of
// these names, but with any activation functions. Values that are left out are
// empty names. D is the number of directions, H that of the hidden units, G that
// of the gates: 4 for LSTM (in the order input, output, forget, cell), 3 for GRU
// (update, reset, hidden) and 1 for RNN.
type recurrence struct {
	op       string
	x        string // [steps, batch, inputs]
	w        string // [D, G H, inputs]
	r        string // [D, G H, H]
	bias     string // [D, 2 G H]: of w, then of r
	initialH string // [D, batch, H], zeros if left out
	initialC string // the same, of LSTM
	hidden   int64  // H
	// backward tells for each direction whether it goes from the last step to the
	// first.
	backward []bool
	// linearBeforeReset is of GRU: the reset gate multiplies the product of the
	// state, not the state.
	linearBeforeReset bool
	// gates are the activation functions of each direction, as ONNX has them:
	// f (gates), g (candidate), h (output of the cell) of LSTM, f and g of GRU, f of
	// RNN.
	gates []activate

	y  string // [steps, D, batch, H]
	yH string // [D, batch, H]
	yC string // the same, of LSTM
}

// An activate adds the nodes of an activation function to a graph, and returns
// what they write.
type activate func(b *builder, x string) (string, error)

// activateBy returns the activation by a function of this module.
func activateBy(f *isrlu.Function) activate {
	return func(b *builder, x string) (string, error) { return b.function(f, x) }
}

// newRecurrence returns the recurrence of a node, without activation functions. It
// fails for what a Scan does not take over.
func newRecurrence(n *onnxpb.NodeProto) (recurrence, error) {
	l := recurrence{op: n.OpType, x: input(n, 0), w: input(n, 1), r: input(n, 2), bias: input(n, 3), initialH: input(n, 5)}
	fail := func(what string) (recurrence, error) {
		return recurrence{}, fmt.Errorf("%s: %s is not supported where its activations become a function that ONNX's %s lacks", label(n), what, n.OpType)
	}
	outputs := []*string{&l.y, &l.yH}
	if n.OpType == "LSTM" {
		l.initialC = input(n, 6)
		outputs = append(outputs, &l.yC)
		if input(n, 7) != "" {
			return fail("P (peepholes)")
		}
		if intAttribute(n, "input_forget", 0) != 0 {
			return fail("input_forget")
		}
	}
	switch {
	case l.x == "" || l.w == "" || l.r == "":
		return recurrence{}, fmt.Errorf("%s: it lacks X, W or R", label(n))
	case input(n, 4) != "":
		return fail("sequence_lens")
	case intAttribute(n, "layout", 0) != 0:
		return fail("layout 1")
	case attribute(n, "clip") != nil:
		return fail("clip")
	}
	for i, name := range n.Output {
		if i < len(outputs) {
			*outputs[i] = name
		}
	}
	l.hidden = intAttribute(n, "hidden_size", 0)
	if l.hidden < 1 || l.hidden > 1<<24 {
		return recurrence{}, fmt.Errorf("%s: hidden_size must be from 1 to %d, got %d", label(n), 1<<24, l.hidden)
	}
	l.linearBeforeReset = n.OpType == "GRU" && intAttribute(n, "linear_before_reset", 0) != 0
	var err error
	l.backward, err = directions(n)
	return l, err
}

// weights of one direction, as a step of it takes them.
type weights struct {
	r       string // [H, G H], or [H, 2 H] of GRU with the reset gate before the product
	rHidden string // [H, H], of that GRU
	bias    string // [G H] that is added to the product of the state, if any
	gates   []activate
}

// scan adds a recurrence: the products of all steps' inputs in one, a Scan over
// the steps for each direction, and the outputs in ONNX's shapes.
func (b *builder) scan(l recurrence) error {
	if b.opset < 9 {
		return fmt.Errorf("a Scan over the steps needs version 9 of ONNX's operators (opset) or later, the model has %d", b.opset)
	}
	if want := len(l.backward) * len(recurrentGates[l.op]); len(l.gates) != want || want == 0 {
		return fmt.Errorf("%s of %d directions has %d activations, want %d", l.op, len(l.backward), len(l.gates), want)
	}
	if l.y == "" && l.yH == "" && l.yC == "" {
		return errors.New("it has no outputs")
	}
	var ys, hs, cs []string
	for d, backward := range l.backward {
		steps, w := b.weights(l, int64(d))
		per := len(recurrentGates[l.op])
		w.gates = l.gates[d*per : (d+1)*per]
		states := []string{b.initialState(l, l.initialH, int64(d))}
		if l.op == "LSTM" {
			states = append(states, b.initialState(l, l.initialC, int64(d)))
		}
		body, err := b.body(l, w)
		if err != nil {
			return err
		}
		outputs := len(states)
		if l.y != "" {
			outputs++
		}
		n := b.nodeOf("Scan", outputs, append(states, steps)...)
		setInt(n, "num_scan_inputs", 1)
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: "body", G: body, Type: onnxpb.AttributeProto_GRAPH})
		if backward {
			setInts(n, "scan_input_directions", 1)
			if l.y != "" {
				setInts(n, "scan_output_directions", 1)
			}
		}
		hs = append(hs, n.Output[0])
		if l.op == "LSTM" {
			cs = append(cs, n.Output[1])
		}
		if l.y != "" {
			ys = append(ys, n.Output[len(states)])
		}
	}
	b.join(l.y, 1, ys)
	b.join(l.yH, 0, hs)
	if l.op == "LSTM" {
		b.join(l.yC, 0, cs)
	}
	return nil
}

// join writes an output of all directions, which get an axis of their own.
func (b *builder) join(output string, axis int64, values []string) {
	if output == "" {
		return
	}
	var parts []string
	for _, v := range values {
		parts = append(parts, b.unsqueeze(v, axis))
	}
	if len(parts) > 1 {
		b.node("Concat", parts...)
		setInt(b.last(), "axis", axis)
	}
	b.last().Output[0] = output
}

func (b *builder) unsqueeze(x string, axis int64) string {
	if b.opset >= 13 {
		return b.node("Unsqueeze", x, b.integers("axis", axis))
	}
	y := b.node("Unsqueeze", x)
	setInts(b.last(), "axes", axis)
	return y
}

// index returns one element of a value along its first axis.
func (b *builder) index(x string, i int64) string {
	return b.node("Gather", x, b.constant("index", intTensor("", nil, i)))
}

func (b *builder) transpose(x string) string {
	y := b.node("Transpose", x)
	setInts(b.last(), "perm", 1, 0)
	return y
}

// split takes a value apart along an axis.
func (b *builder) split(x string, axis int64, sizes ...int64) []string {
	var n *onnxpb.NodeProto
	if b.opset >= 13 {
		n = b.nodeOf("Split", len(sizes), x, b.integers("sizes", sizes...))
	} else {
		n = b.nodeOf("Split", len(sizes), x)
		setInts(n, "split", sizes...)
	}
	setInt(n, "axis", axis)
	return n.Output
}

// weights adds the products of all inputs, [steps, batch, G H], with the biases
// that may be added to them, and what the steps need of a direction.
func (b *builder) weights(l recurrence, d int64) (string, weights) {
	var w weights
	steps := b.node("MatMul", l.x, b.transpose(b.index(l.w, d)))
	r := b.index(l.r, d)
	switch {
	case l.op == "GRU" && !l.linearBeforeReset:
		parts := b.split(r, 0, 2*l.hidden, l.hidden)
		w.r, w.rHidden = b.transpose(parts[0]), b.transpose(parts[1])
	default:
		w.r = b.transpose(r)
	}
	if l.bias != "" {
		steps, w.bias = b.biased(l, d, steps)
	}
	return steps, w
}

// biased adds the biases of a direction to the products of all inputs. It returns
// the sum, and what is left for the steps to add to the product of the state, if
// anything.
func (b *builder) biased(l recurrence, d int64, steps string) (sum, ofState string) {
	pair := b.node("Reshape", b.index(l.bias, d), b.integers("two_rows", 2, -1))
	ofW, ofR := b.index(pair, 0), b.index(pair, 1)
	if l.linearBeforeReset { // the reset gate multiplies the hidden part of ofR
		return b.node("Add", steps, ofW), ofR
	}
	return b.node("Add", steps, b.node("Add", ofW, ofR)), ""
}

// initialState returns the first state of a direction, [batch, H].
func (b *builder) initialState(l recurrence, given string, d int64) string {
	if given != "" {
		return b.index(given, d)
	}
	batch := b.node("Gather", b.node("Shape", l.x), b.integers("second", 1))
	dims := b.node("Concat", batch, b.integers("hidden", l.hidden))
	setInt(b.last(), "axis", 0)
	zeros := b.node("ConstantOfShape", dims)
	zero := &onnxpb.TensorProto{Dims: []int64{1}, DataType: int32(b.elem), RawData: make([]byte, bytesOf(b.elem, 1))}
	b.last().Attribute = []*onnxpb.AttributeProto{{Name: "value", T: zero, Type: onnxpb.AttributeProto_TENSOR}}
	return zeros
}

// body returns the graph of one step: from the state, [batch, H] once or twice,
// and the products of the step's inputs, [batch, G H], to the next state and, if
// wanted, the step's output. It reads the weights from the graph around it.
func (b *builder) body(l recurrence, w weights) (*onnxpb.GraphProto, error) {
	c := &builder{names: b.names, opset: b.opset, elem: b.elem, base: b.base + "/step", constantNodes: b.constantNodes}
	g := &onnxpb.GraphProto{Name: b.names.name(b.base + "/body")}
	in := func(what string, width int64) string {
		name := b.names.name(c.base + "/" + what)
		g.Input = append(g.Input, rowsValue(name, b.elem, width))
		return name
	}
	h := in("h", l.hidden)
	var cell string
	if l.op == "LSTM" {
		cell = in("c", l.hidden)
	}
	x := in("x", recurrentParts[l.op]*l.hidden)
	next, nextCell, err := c.step(l, w, x, h, cell)
	if err != nil {
		return nil, err
	}
	out := func(name string) { g.Output = append(g.Output, rowsValue(name, b.elem, l.hidden)) }
	out(next)
	if l.op == "LSTM" {
		out(nextCell)
	}
	if l.y != "" { // a graph's outputs have names of their own
		out(c.node("Identity", next))
	}
	g.Node = append(c.constNodes, c.nodes...)
	g.Initializer = c.initializers
	return g, nil
}

// step adds the equations of one step.
func (b *builder) step(l recurrence, w weights, x, h, cell string) (next, nextCell string, err error) {
	apply := func(i int, v string) string {
		var y string
		if err == nil {
			y, err = w.gates[i](b, v)
		}
		return y
	}
	product := b.node("MatMul", h, w.r)
	if w.bias != "" {
		product = b.node("Add", product, w.bias)
	}
	n := l.hidden
	switch l.op {
	case "LSTM":
		sum := b.split(b.node("Add", x, product), 1, n, n, n, n)
		i, o, f := apply(0, sum[0]), apply(0, sum[1]), apply(0, sum[2])
		g := apply(1, sum[3])
		nextCell = b.node("Add", b.node("Mul", f, cell), b.node("Mul", i, g))
		next = b.node("Mul", o, apply(2, nextCell))
	case "GRU":
		xs := b.split(x, 1, n, n, n)
		var z, r, candidate string
		if l.linearBeforeReset {
			hs := b.split(product, 1, n, n, n)
			z, r = apply(0, b.node("Add", xs[0], hs[0])), apply(0, b.node("Add", xs[1], hs[1]))
			candidate = b.node("Mul", r, hs[2])
		} else {
			hs := b.split(product, 1, n, n)
			z, r = apply(0, b.node("Add", xs[0], hs[0])), apply(0, b.node("Add", xs[1], hs[1]))
			candidate = b.node("MatMul", b.node("Mul", r, h), w.rHidden)
		}
		c := apply(1, b.node("Add", xs[2], candidate))
		// (1 - z) c + z h
		next = b.node("Add", c, b.node("Mul", z, b.node("Sub", h, c)))
	case "RNN":
		next = apply(0, b.node("Add", x, product))
	default:
		return "", "", fmt.Errorf("unknown recurrent operator %q", l.op)
	}
	return next, nextCell, err
}

// recurrentParts is G, the number of parts that the weights of each operator have.
var recurrentParts = map[string]int64{"LSTM": 4, "GRU": 3, "RNN": 1}

// rowsValue describes a value [batch, width]; runtimes want the shapes of what a
// Scan's graph writes.
func rowsValue(name string, t onnxpb.TensorProto_DataType, width int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
		{}, {Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: width}},
	}}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(t), Shape: shape}}}}
}

func setInts(n *onnxpb.NodeProto, name string, v ...int64) {
	setAttribute(n, &onnxpb.AttributeProto{Name: name, Ints: v, Type: onnxpb.AttributeProto_INTS})
}
