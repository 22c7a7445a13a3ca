package onnx

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A graphBuilder makes graphs with random weights.
type graphBuilder struct {
	g    *onnxpb.GraphProto
	r    *rand.Rand
	made int
}

// newBuilder begins a graph with an input, whose dimension 0 may be any.
func newBuilder(dims ...int64) *graphBuilder {
	b := &graphBuilder{g: &onnxpb.GraphProto{Name: "built"}, r: rand.New(rand.NewPCG(3, 4))}
	b.g.Input = append(b.g.Input, valueInfo("input", onnxpb.TensorProto_FLOAT, dims...))
	return b
}

// valueInfo describes a value; a dimension of 0 is open.
func valueInfo(name string, elem onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d == 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	tensor := &onnxpb.TypeProto_Tensor{ElemType: int32(elem)}
	if dims != nil {
		tensor.Shape = shape
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}}}
}

// weight adds an initializer of random numbers, and returns its name.
func (b *graphBuilder) weight(dims ...int64) string {
	n, err := elements(dims)
	if err != nil {
		panic(err)
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(.5 * b.r.NormFloat64())
	}
	return b.init(floatTensor("", dims, x...))
}

// positive is weight with numbers from 0.1 to 1.1.
func (b *graphBuilder) positive(dims ...int64) string {
	name := b.weight(dims...)
	t := b.g.Initializer[len(b.g.Initializer)-1]
	n, _ := elements(dims)
	x := make([]float32, n)
	for i := range x {
		x[i] = .1 + b.r.Float32()
	}
	t.RawData = floatTensor("", dims, x...).RawData
	return name
}

func (b *graphBuilder) number(v float32) string { return b.init(floatTensor("", nil, v)) }
func (b *graphBuilder) list(v ...int64) string {
	return b.init(intTensor("", []int64{int64(len(v))}, v...))
}
func (b *graphBuilder) index(v int64) string { return b.init(intTensor("", nil, v)) }

func (b *graphBuilder) init(t *onnxpb.TensorProto) string {
	t.Name = "w" + string(rune('a'+b.made/26)) + string(rune('a'+b.made%26))
	b.made++
	b.g.Initializer = append(b.g.Initializer, t)
	return t.Name
}

// node adds a node and returns its output. Attributes are names and values in turn:
// float64, int, string or []int.
func (b *graphBuilder) node(op string, inputs []string, attributes ...any) string {
	n := &onnxpb.NodeProto{Name: strings.ToLower(op) + string(rune('a'+b.made/26)) + string(rune('a'+b.made%26)), OpType: op, Input: inputs}
	n.Output = []string{n.Name + "_out"}
	b.made++
	for i := 0; i < len(attributes); i += 2 {
		a := &onnxpb.AttributeProto{Name: attributes[i].(string)}
		switch v := attributes[i+1].(type) {
		case float64:
			f := float32(v)
			a.F, a.Type = &f, onnxpb.AttributeProto_FLOAT
		case int:
			k := int64(v)
			a.I, a.Type = &k, onnxpb.AttributeProto_INT
		case string:
			a.S, a.Type = []byte(v), onnxpb.AttributeProto_STRING
		case []int:
			a.Type = onnxpb.AttributeProto_INTS
			for _, k := range v {
				a.Ints = append(a.Ints, int64(k))
			}
		}
		n.Attribute = append(n.Attribute, a)
	}
	b.g.Node = append(b.g.Node, n)
	return n.Output[0]
}

// gemm is a dense layer of units on so many inputs.
func (b *graphBuilder) gemm(x string, inputs, units int64) string {
	return b.node("Gemm", []string{x, b.weight(units, inputs), b.weight(units)}, "transB", 1)
}

// conv is a convolution with a bias.
func (b *graphBuilder) conv(x string, in, out, kernel int64, attributes ...any) string {
	return b.node("Conv", []string{x, b.weight(out, in, kernel, kernel), b.weight(out)}, attributes...)
}

func (b *graphBuilder) model(t testing.TB, opset int64, output string) *Model {
	t.Helper()
	b.g.Output = []*onnxpb.ValueInfoProto{valueInfo(output, onnxpb.TensorProto_FLOAT)}
	m := &Model{proto: &onnxpb.ModelProto{IrVersion: 8, Graph: b.g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}}}}
	if err := m.validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

// A graphCase is a graph by the shape of its input, 0 for the batch.
type graphCase struct {
	name  string
	dims  []int64
	build func(b *graphBuilder) string
	opset int64    // 13 if zero
	open  bool     // the dimensions beside the batch are open in the file
	wants []string // of the error
}

func one(names ...string) []string { return names }

var graphCases = []graphCase{
	{name: "channels last, padded as TensorFlow does", dims: []int64{0, 6, 6, 3}, build: func(b *graphBuilder) string {
		x := b.node("Transpose", one("input"), "perm", []int{0, 3, 1, 2})
		x = b.node("Conv", one(x, b.weight(4, 3, 3, 3)), "auto_pad", "SAME_UPPER", "strides", []int{2, 2})
		x = b.node("Relu", one(b.node("Add", one(x, b.weight(1, 4, 1, 1)))))
		x = b.node("Transpose", one(x), "perm", []int{0, 2, 3, 1})
		x = b.node("Reshape", one(x, b.list(-1, 36)))
		return b.node("Add", one(b.node("MatMul", one(x, b.weight(36, 5))), b.weight(5)))
	}},
	{name: "pads after", dims: []int64{0, 2, 6, 8}, build: func(b *graphBuilder) string {
		x := b.conv("input", 2, 3, 3, "pads", []int{0, 0, 1, 1}, "strides", []int{2, 2})
		x = b.node("MaxPool", one(x), "kernel_shape", []int{2, 2}, "auto_pad", "SAME_UPPER")
		return b.gemm(b.node("Flatten", one(x)), 36, 4)
	}},
	{name: "pads of both kinds", dims: []int64{0, 2, 6, 6}, wants: []string{"pads"}, build: func(b *graphBuilder) string {
		x := b.conv("input", 2, 3, 3, "pads", []int{0, 1, 1, 1}, "strides", []int{2, 2})
		return b.gemm(b.node("Flatten", one(x)), 27, 4)
	}},
	{name: "ceil_mode", dims: []int64{0, 3, 7, 9}, build: func(b *graphBuilder) string {
		x := b.node("MaxPool", one("input"), "kernel_shape", []int{2, 2}, "strides", []int{2, 2}, "ceil_mode", 1)
		x = b.node("MaxPool", one(x), "kernel_shape", []int{3, 3}, "strides", []int{1, 1}, "pads", []int{1, 1, 1, 1}, "ceil_mode", 1)
		return b.gemm(b.node("Flatten", one(x)), 60, 4)
	}},
	{name: "means of padded windows", dims: []int64{0, 3, 5, 6}, build: func(b *graphBuilder) string {
		x := b.node("AveragePool", one("input"), "kernel_shape", []int{3, 3}, "strides", []int{1, 1}, "pads", []int{1, 1, 1, 1}, "count_include_pad", 1)
		x = b.node("AveragePool", one(x), "kernel_shape", []int{3, 2}, "strides", []int{2, 1}, "pads", []int{1, 0, 1, 0})
		return b.gemm(b.node("Flatten", one(x)), 45, 4)
	}},
	{name: "a line", dims: []int64{0, 3, 10}, build: func(b *graphBuilder) string {
		x := b.node("Conv", one("input", b.weight(5, 3, 3), b.weight(5)), "pads", []int{1, 1}, "kernel_shape", []int{3})
		x = b.node("BatchNormalization", one(x, b.positive(5), b.weight(5), b.weight(5), b.positive(5)))
		x = b.node("MaxPool", one(b.node("Elu", one(x))), "kernel_shape", []int{2}, "strides", []int{2})
		x = b.node("Conv", one(x, b.weight(5, 1, 3)), "group", 5)
		return b.gemm(b.node("Flatten", one(b.node("GlobalAveragePool", one(x)))), 5, 4)
	}},
	{name: "maxima of all pixels", dims: []int64{0, 3, 4, 5}, build: func(b *graphBuilder) string {
		x := b.node("Relu", one(b.conv("input", 3, 4, 3)))
		y := b.node("Squeeze", one(b.node("GlobalMaxPool", one(x)), b.list(2, 3)))
		return b.gemm(y, 4, 3)
	}},
	{name: "recurrent layers without biases", dims: []int64{5, 0, 4}, build: func(b *graphBuilder) string {
		x := b.node("LSTM", one("input", b.weight(1, 12, 4), b.weight(1, 12, 3)), "hidden_size", 3)
		x = b.node("Squeeze", one(x, b.list(1)))
		x = b.node("GRU", one(x, b.weight(1, 6, 3), b.weight(1, 6, 2)), "hidden_size", 2, "linear_before_reset", 1)
		x = b.node("Squeeze", one(x, b.list(1)))
		x = b.node("RNN", one(x, b.weight(1, 4, 2), b.weight(1, 4, 4), b.weight(1, 8)), "hidden_size", 4)
		x = b.node("Slice", one(b.node("Squeeze", one(x, b.list(1))), b.list(-1), b.list(1<<40), b.list(0)))
		return b.gemm(b.node("Squeeze", one(x, b.list(0))), 4, 3)
	}},
	{name: "functions of a recurrent layer", dims: []int64{0, 5, 4}, build: func(b *graphBuilder) string {
		x := b.node("Transpose", one("input"), "perm", []int{1, 0, 2})
		x = b.node("LSTM", one(x, b.weight(1, 12, 4), b.weight(1, 12, 3), b.weight(1, 24)), "hidden_size", 3)
		b.g.Node[len(b.g.Node)-1].Attribute = append(b.g.Node[len(b.g.Node)-1].Attribute, &onnxpb.AttributeProto{
			Name: "activations", Type: onnxpb.AttributeProto_STRINGS, Strings: [][]byte{[]byte("Sigmoid"), []byte("Relu"), []byte("Relu")}})
		x = b.node("Transpose", one(b.node("Squeeze", one(x, b.list(1)))), "perm", []int{1, 0, 2})
		return b.node("MatMul", one(x, b.weight(3, 4)))
	}},
	{name: "reset before the product", dims: []int64{5, 0, 4}, wants: []string{"linear_before_reset 0"}, build: func(b *graphBuilder) string {
		return b.node("GRU", one("input", b.weight(1, 6, 4), b.weight(1, 6, 2)), "hidden_size", 2)
	}},
	{name: "positions and numbers", dims: []int64{0, 5, 4}, build: func(b *graphBuilder) string {
		x := b.node("Add", one("input", b.weight(1, 5, 4)))
		x = b.node("Mul", one(b.number(.3), x))
		x = b.node("Sub", one(x, b.number(.2)))
		x = b.node("Div", one(x, b.positive(4)))
		x = b.node("Sub", one(x, b.weight(1, 1, 4)))
		x = b.node("Add", one(b.number(-2), x))
		return b.node("MatMul", one(x, b.weight(4, 3)))
	}},
	{name: "sums and products of one value", dims: []int64{0, 6}, build: func(b *graphBuilder) string {
		x := b.gemm("input", 6, 5)
		x = b.node("Add", one(x, x))
		x = b.node("Mul", one(x, x))
		a := b.node("Add", one(b.node("Add", one(b.gemm(x, 5, 5), x)), b.node("Tanh", one(x))))
		gate := b.node("Sigmoid", one(b.gemm(a, 5, 4)))
		return b.node("Sum", one(b.node("Mul", one(gate, b.gemm(a, 5, 4))), b.gemm(a, 5, 4)))
	}},
	{name: "channels of a gate", dims: []int64{0, 5, 4}, build: func(b *graphBuilder) string {
		x := b.node("MatMul", one("input", b.weight(4, 6)))
		m := b.node("ReduceMean", one(x), "axes", []int{1}, "keepdims", 1)
		g := b.node("Tanh", one(b.node("MatMul", one(m, b.weight(6, 6)))))
		return b.node("MatMul", one(b.node("Mul", one(x, g)), b.weight(6, 3)))
	}},
	{name: "concatenations", dims: []int64{0, 5, 4}, build: func(b *graphBuilder) string {
		x := b.node("MatMul", one("input", b.weight(4, 6)))
		y := b.node("Relu", one(b.node("MatMul", one(x, b.weight(6, 2)))))
		one1 := b.node("Concat", one(x, y), "axis", 2)
		z := b.node("MatMul", one(one1, b.weight(8, 3)))
		two := b.node("Concat", one(x, y, z), "axis", -1)
		v := b.node("MatMul", one(two, b.weight(11, 2)))
		three := b.node("Concat", one(x, y, z, v), "axis", -1)
		f := b.node("ReduceMean", one(three), "axes", []int{1}, "keepdims", 0)
		return b.node("Concat", one(b.gemm(f, 13, 3), f), "axis", 1)
	}},
	{name: "normalized features of an image", dims: []int64{0, 2, 4, 3}, build: func(b *graphBuilder) string {
		x := b.node("Flatten", one(b.conv("input", 2, 3, 2)))
		x = b.node("BatchNormalization", one(x, b.positive(18), b.weight(18), b.weight(18), b.positive(18)), "epsilon", .001)
		x = b.node("Dropout", one(b.node("Elu", one(x))))
		return b.gemm(b.node("Identity", one(x)), 18, 4)
	}},
	{name: "an image of features", dims: []int64{0, 32}, build: func(b *graphBuilder) string {
		x := b.conv(b.node("Reshape", one("input", b.list(-1, 2, 4, 4))), 2, 3, 3)
		x = b.node("Reshape", one(x, b.list(0, -1)))
		return b.node("Gemm", one(x, b.weight(12, 5), b.weight(1, 5)), "alpha", .5, "beta", 2.)
	}},
	{name: "shuffled channels", dims: []int64{0, 3, 4, 4}, build: func(b *graphBuilder) string {
		x := b.conv("input", 3, 6, 1)
		x = b.node("Reshape", one(x, b.list(0, 2, 3, 4, 4)))
		x = b.node("Transpose", one(x), "perm", []int{0, 2, 1, 3, 4})
		x = b.node("Reshape", one(x, b.list(0, 6, 4, 4)))
		x = b.node("BatchNormalization", one(x, b.positive(6), b.weight(6), b.weight(6), b.positive(6)))
		x = b.node("Conv", one(b.node("PRelu", one(x, b.positive(6, 1, 1))), b.weight(6, 1, 3, 3), b.weight(6)), "group", 6)
		x = b.conv(x, 6, 4, 2)
		return b.gemm(b.node("Flatten", one(x)), 4, 3)
	}},
	{name: "zeros before a convolution", dims: []int64{0, 2, 4, 5}, build: func(b *graphBuilder) string {
		x := b.node("Pad", one("input", b.list(0, 0, 1, 1, 0, 0, 1, 1), b.number(0)))
		return b.gemm(b.node("Flatten", one(b.conv(x, 2, 3, 3))), 60, 4)
	}},
	{name: "zeros before a maximum", dims: []int64{0, 2, 4, 5}, wants: []string{"MaxPool", "padding, which only Conv and AveragePool take"}, build: func(b *graphBuilder) string {
		x := b.node("Pad", one("input", b.list(0, 0, 1, 1, 0, 0, 1, 1)))
		return b.gemm(b.node("Flatten", one(b.node("MaxPool", one(x), "kernel_shape", []int{2, 2}))), 60, 4)
	}},
	{name: "normalizations in several operators", dims: []int64{0, 5, 6}, build: func(b *graphBuilder) string {
		x := b.node("MatMul", one("input", b.weight(6, 6)))
		d := b.node("Sub", one(x, b.node("ReduceMean", one(x), "axes", []int{-1})))
		v := b.node("ReduceMean", one(b.node("Pow", one(d, b.number(2)))), "axes", []int{-1})
		x = b.node("Div", one(d, b.node("Sqrt", one(b.node("Add", one(v, b.number(1e-3)))))))
		x = b.node("Add", one(b.node("Mul", one(x, b.positive(6))), b.weight(6)))
		v = b.node("ReduceMean", one(b.node("Mul", one(x, x))), "axes", []int{2})
		x = b.node("Div", one(x, b.node("Sqrt", one(b.node("Add", one(b.number(1e-5), v))))))
		return b.node("MatMul", one(b.node("Mul", one(b.positive(6), x)), b.weight(6, 3)))
	}},
	{name: "pixels normalized in several operators", dims: []int64{0, 3, 4, 5}, build: func(b *graphBuilder) string {
		x := b.conv("input", 3, 4, 1)
		d := b.node("Sub", one(x, b.node("ReduceMean", one(x), "axes", []int{1})))
		v := b.node("ReduceMean", one(b.node("Pow", one(d, b.number(2)))), "axes", []int{1})
		x = b.node("Div", one(d, b.node("Sqrt", one(b.node("Add", one(v, b.number(1e-6)))))))
		x = b.node("Add", one(b.node("Mul", one(x, b.positive(4, 1, 1))), b.weight(4, 1, 1)))
		return b.gemm(b.node("Flatten", one(x)), 80, 3)
	}},
	{name: "a softmax of channels", dims: []int64{0, 2, 4, 5}, build: func(b *graphBuilder) string {
		return b.node("Softmax", one(b.conv("input", 2, 3, 3)), "axis", 1)
	}},
	{name: "a softmax of channels first", dims: []int64{0, 3, 1, 1}, opset: 11, build: func(b *graphBuilder) string {
		return b.node("LogSoftmax", one(b.conv("input", 3, 4, 1)))
	}},
	{name: "a softmax inside", dims: []int64{0, 6}, wants: []string{"Softmax", "at the end of the graph alone"}, build: func(b *graphBuilder) string {
		return b.gemm(b.node("Softmax", one(b.gemm("input", 6, 4))), 4, 3)
	}},
	{name: "rearranged weights", dims: []int64{0, 4}, build: func(b *graphBuilder) string {
		w := b.node("Transpose", one(b.weight(3, 4)), "perm", []int{1, 0})
		w = b.node("Concat", one(w, b.node("Slice", one(b.weight(4, 9), b.list(1), b.list(9), b.list(1), b.list(3)))), "axis", 1)
		bias := b.node("Unsqueeze", one(b.node("Gather", one(b.weight(5, 6), b.index(-2)), "axis", 0), b.list(0)))
		return b.node("Gemm", one("input", w, b.node("Squeeze", one(bias, b.list(0)))))
	}},
	{name: "time steps as samples", dims: []int64{0, 5, 4}, build: func(b *graphBuilder) string {
		n := b.node("Gather", one(b.node("Shape", one("input")), b.list(0)))
		rows := b.node("Mul", one(n, b.list(5)))
		x := b.node("Reshape", one("input", b.node("Concat", one(rows, b.list(4)), "axis", 0)))
		x = b.node("Tanh", one(b.gemm(x, 4, 3)))
		return b.node("Reshape", one(x, b.node("Concat", one(n, b.list(-1, 3)), "axis", 0)))
	}},
	{name: "one sample", dims: []int64{1, 2, 4, 4}, build: func(b *graphBuilder) string {
		x := b.conv("input", 2, 3, 3)
		x = b.node("Reshape", one(x, b.list(1, 12)))
		return b.gemm(x, 12, 3)
	}},
	{name: "open dimensions", dims: []int64{0, 2, 5, 4}, open: true, build: func(b *graphBuilder) string {
		x := b.node("GlobalAveragePool", one(b.conv("input", 2, 3, 3)))
		return b.gemm(b.node("Flatten", one(x)), 3, 3)
	}},
	{name: "a multiplier of channels", dims: []int64{0, 2, 5, 4}, wants: []string{"2 groups"}, build: func(b *graphBuilder) string {
		x := b.node("Conv", one("input", b.weight(4, 1, 3, 3)), "group", 2)
		return b.gemm(b.node("Flatten", one(x)), 24, 3)
	}},
	{name: "branches that do not nest", dims: []int64{0, 4}, wants: []string{"branches that do not nest"}, build: func(b *graphBuilder) string {
		x := b.gemm("input", 4, 4)
		y, z := b.gemm(x, 4, 4), b.gemm(x, 4, 4)
		p := b.node("Add", one(y, z))
		q := b.node("Mul", one(y, z))
		return b.node("Concat", one(p, q), "axis", 1)
	}},
	{name: "all steps and the last", dims: []int64{5, 0, 4}, wants: []string{"both all of its steps and its last"}, build: func(b *graphBuilder) string {
		x := b.node("Squeeze", one(b.node("RNN", one("input", b.weight(1, 4, 4), b.weight(1, 4, 4)), "hidden_size", 4), b.list(1)))
		last := b.node("Gather", one(x, b.index(4)), "axis", 0)
		return b.node("Add", one(last, b.node("ReduceMean", one(x), "axes", []int{0}, "keepdims", 0)))
	}},
	{name: "another step", dims: []int64{5, 0, 4}, wants: []string{"step 2 of 5"}, build: func(b *graphBuilder) string {
		x := b.node("Squeeze", one(b.node("RNN", one("input", b.weight(1, 4, 4), b.weight(1, 4, 4)), "hidden_size", 4), b.list(1)))
		return b.node("Gather", one(x, b.index(2)), "axis", 0)
	}},
	{name: "many nodes", dims: []int64{0, 4}, wants: []string{`node "einsumaa" (Einsum)`, "Cos", "and 5 more", "no such operator"}, build: func(b *graphBuilder) string {
		x := b.node("Einsum", one("input"), "equation", "ij->ij")
		for range 24 {
			x = b.node("Cos", one(x))
		}
		return x
	}},
	{name: "nothing", dims: []int64{0, 4}, wants: []string{"nothing to run"}, build: func(b *graphBuilder) string {
		return b.node("Identity", one("input"))
	}},
	{name: "only a sigmoid", dims: []int64{0, 4}, wants: []string{"is Sigmoid of the input"}, build: func(b *graphBuilder) string {
		return b.node("Sigmoid", one("input"))
	}},
	{name: "a slope below 0", dims: []int64{0, 4}, wants: []string{"leaky_relu does not take"}, build: func(b *graphBuilder) string {
		return b.node("PRelu", one(b.node("MatMul", one("input", b.weight(4, 4))), b.number(-0.5)))
	}},
	{name: "a state", dims: []int64{5, 0, 4}, wants: []string{"initial state"}, build: func(b *graphBuilder) string {
		return b.node("RNN", one("input", b.weight(1, 4, 4), b.weight(1, 4, 4), "", "", b.weight(1, 1, 4)), "hidden_size", 4)
	}},
}

func (c *graphCase) model(t testing.TB) *Model {
	dims := append([]int64(nil), c.dims...)
	if c.open {
		dims[2], dims[3] = 0, 0
	}
	b := newBuilder(dims...)
	return b.model(t, max(c.opset, 13*int64(1-min(c.opset, 1))), c.build(b))
}

// input returns a random input of two samples, or of as many as the graph has.
func (c *graphCase) input() torchTensor {
	in := torchTensor{Name: "input", Type: "float32"}
	for _, d := range c.dims {
		if d == 0 {
			d = 2
		}
		in.Shape = append(in.Shape, int(d))
	}
	in.Values = make([]float64, sizeOf(in.Shape))
	return in.random(5)
}

func (c *graphCase) options() LoadOptions {
	o := LoadOptions{Options: nn.Options{Batch: 2, Seed: 1}}
	if c.open {
		o.Shape = []int{0, 5, 4}
	}
	return o
}

func TestGraphsGiveTheOutputsOfTheRuntime(t *testing.T) {
	r := startRuntime(t)
	for _, c := range graphCases {
		if c.wants != nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			m := c.model(t)
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			compareWithRuntime(t, r, loadModel(t, m, c.options()), data, c.input(), 1e-5)
		})
	}
}

func TestGraphsTrainAndAreStored(t *testing.T) {
	for _, c := range graphCases {
		if c.wants != nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			m, in := c.model(t), c.input()
			l := loadModel(t, m, c.options())
			shape := append([]int{in.Shape[l.Input().BatchAxis]}, l.Output().Shape...)
			if l.Output().BatchAxis == 1 {
				shape[0], shape[1] = shape[1], shape[0]
			}
			before := predict(l, in, shape)
			trainSteps(t, l, in, 2)
			trained := predict(l, in, shape)
			var want, old []float64
			for i, v := range trained {
				want, old = append(want, float64(v)), append(old, float64(before[i]))
			}
			if d := distance(trained, old); d < 1e-4 {
				t.Fatalf("training changes the output by %.2g", d)
			}
			if err := l.Store(); err != nil {
				t.Fatal(err)
			}
			if err := l.Store(); err != nil {
				t.Fatalf("a second time: %v", err)
			}
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(predict(loadModel(t, again, c.options()), in, shape), want); d > 1e-5 {
				t.Errorf("loaded again, outputs differ by %.2g", d)
			}
		})
	}
}

func TestWhatIsNotSupportedIsNamed(t *testing.T) {
	for _, c := range graphCases {
		if c.wants == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			l, err := Load[float32](c.model(t), c.options())
			if err == nil {
				l.Close()
				t.Fatal("it is taken")
			}
			for _, want := range c.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
