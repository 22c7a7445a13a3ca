package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A builder makes nodes for one graph, and the constants that they read. Their
// names are new in the model.
type builder struct {
	names namer
	opset int64
	elem  onnxpb.TensorProto_DataType // of the floating-point constants
	base  string                      // begins the names
	// constantNodes asks for Constant nodes, where a graph cannot have initializers
	// that are no inputs.
	constantNodes bool

	nodes        []*onnxpb.NodeProto
	constNodes   []*onnxpb.NodeProto // for the graph's beginning
	initializers []*onnxpb.TensorProto
	constants    map[string]string // the names of the constants by what they hold
}

// newScratch returns a builder for the same graph whose nodes are for no use but
// the errors on the way.
func newScratch(b *builder) *builder {
	return &builder{names: newNames(), opset: b.opset, elem: b.elem, base: b.base}
}

// node adds a node and returns the name of its output. The node is called like
// its output.
func (b *builder) node(op string, inputs ...string) string {
	return b.nodeOf(op, 1, inputs...).Output[0]
}

// nodeOf adds a node of so many outputs.
func (b *builder) nodeOf(op string, outputs int, inputs ...string) *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{OpType: op, Input: inputs}
	for range outputs {
		n.Output = append(n.Output, b.names.name(b.base+"/"+op))
	}
	n.Name = n.Output[0]
	b.nodes = append(b.nodes, n)
	return n
}

// last returns the node that was added last.
func (b *builder) last() *onnxpb.NodeProto { return b.nodes[len(b.nodes)-1] }

// number returns a constant of one element.
func (b *builder) number(what string, v float64) string { return b.numbers(what, nil, v) }

// numbers returns a constant of floating-point numbers of the builder's type.
func (b *builder) numbers(what string, dims []int64, v ...float64) string {
	t := &onnxpb.TensorProto{Dims: dims, DataType: int32(b.elem)}
	if b.elem == onnxpb.TensorProto_DOUBLE {
		t.DoubleData = slices.Clone(v)
	} else {
		x := make([]float32, len(v))
		for i := range v {
			x[i] = float32(v[i])
		}
		if err := setFloats(t, x); err != nil {
			panic(err) // the builder's type is one of floating-point numbers
		}
	}
	return b.constant(what, t)
}

// integers returns a constant of int64.
func (b *builder) integers(what string, v ...int64) string {
	return b.constant(what, intTensor("", []int64{int64(len(v))}, v...))
}

// constant returns the name of a constant, the same for the same content.
func (b *builder) constant(what string, t *onnxpb.TensorProto) string {
	key := fmt.Sprint(t.DataType, t.Dims, t.DoubleData, t.RawData)
	if name, ok := b.constants[key]; ok {
		return name
	}
	name := b.names.name("isrlu/" + what)
	if b.constants == nil {
		b.constants = map[string]string{}
	}
	b.constants[key] = name
	if b.constantNodes {
		n := &onnxpb.NodeProto{Name: name, OpType: "Constant", Output: []string{name},
			Attribute: []*onnxpb.AttributeProto{{Name: "value", T: t, Type: onnxpb.AttributeProto_TENSOR}}}
		b.constNodes = append(b.constNodes, n)
		return name
	}
	t.Name = name
	b.initializers = append(b.initializers, t)
	return name
}

func setFloat(n *onnxpb.NodeProto, name string, v float64) {
	f := float32(v)
	setAttribute(n, &onnxpb.AttributeProto{Name: name, F: &f, Type: onnxpb.AttributeProto_FLOAT})
}

func setInt(n *onnxpb.NodeProto, name string, v int64) {
	setAttribute(n, &onnxpb.AttributeProto{Name: name, I: &v, Type: onnxpb.AttributeProto_INT})
}

func setString(n *onnxpb.NodeProto, name, v string) {
	setAttribute(n, &onnxpb.AttributeProto{Name: name, S: []byte(v), Type: onnxpb.AttributeProto_STRING})
}

func setAttribute(n *onnxpb.NodeProto, a *onnxpb.AttributeProto) {
	n.Attribute = append(slices.DeleteFunc(n.Attribute, func(b *onnxpb.AttributeProto) bool { return b.Name == a.Name }), a)
}

// function adds the nodes that compute a function of this module, and returns the
// name of their result. The last node writes it.
func (b *builder) function(f *isrlu.Function, x string) (string, error) {
	p := f.Params()
	switch f.Name() {
	case "identity":
		return b.node("Identity", x), nil
	case "relu":
		return b.node("Relu", x), nil
	case "tanh":
		return b.node("Tanh", x), nil
	case "sigmoid":
		return b.node("Sigmoid", x), nil
	case "softplus":
		return b.node("Softplus", x), nil
	case "selu":
		return b.node("Selu", x), nil
	case "leaky_relu":
		y := b.node("LeakyRelu", x)
		setFloat(b.last(), "alpha", p[0])
		return y, nil
	case "elu":
		y := b.node("Elu", x)
		setFloat(b.last(), "alpha", p[0])
		return y, nil
	case "silu":
		return b.node("Mul", x, b.node("Sigmoid", x)), nil
	case "gelu":
		return b.gelu(x)
	case "gelu_tanh":
		return b.geluTanh(x), nil
	case "isrlu", "isru":
		return b.isr(f.Name(), x, nil, p[0])
	case "isru_sigmoid":
		return b.isruSigmoid(x, p[1], nil, p[0])
	case "dyisru":
		return b.dyisru(x, p[0], p[1])
	}
	return "", fmt.Errorf("%s cannot be expressed in ONNX's operators", f)
}

func (b *builder) gelu(x string) (string, error) {
	switch {
	case b.opset >= 20:
		return b.node("Gelu", x), nil
	case b.opset < 9:
		return "", fmt.Errorf("gelu needs version 9 of ONNX's operators (opset) or later, the model has %d; gelu_tanh does not", b.opset)
	}
	erf := b.node("Erf", b.node("Mul", x, b.number("sqrt_half", 0.7071067811865476)))
	twice := b.node("Mul", x, b.node("Add", erf, b.number("one", 1)))
	return b.node("Mul", twice, b.number("half", 0.5)), nil
}

func (b *builder) geluTanh(x string) string {
	if b.opset >= 20 {
		y := b.node("Gelu", x)
		setString(b.last(), "approximate", "tanh")
		return y
	}
	cube := b.node("Mul", b.node("Mul", b.node("Mul", x, x), x), b.number("cubic", 0.044715))
	u := b.node("Mul", b.node("Add", x, cube), b.number("sqrt_two_over_pi", 0.7978845608028654))
	twice := b.node("Mul", x, b.node("Add", b.node("Tanh", u), b.number("one", 1)))
	return b.node("Mul", twice, b.number("half", 0.5))
}
