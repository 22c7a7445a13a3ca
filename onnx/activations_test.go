package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// textGraph builds a graph from lines such as "h = Clip[min=0](x, _, 6)": numbers
// become initializers of one element, c... names those of the two channels 1 and
// 3 times the number after it. The input is x, the output y.
func textGraph(t *testing.T, elem onnxpb.TensorProto_DataType, lines ...string) *onnxpb.GraphProto {
	t.Helper()
	g := &onnxpb.GraphProto{Name: "test", Input: []*onnxpb.ValueInfoProto{textValue("x", elem)}, Output: []*onnxpb.ValueInfoProto{textValue("y", elem)}}
	for i, line := range lines {
		output, call, _ := strings.Cut(line, " = ")
		p := parsePattern(call)
		n := &onnxpb.NodeProto{Name: fmt.Sprintf("n%d", i), OpType: p.op, Output: []string{output}}
		if domain, op, ok := strings.Cut(p.op, "::"); ok {
			n.Domain, n.OpType = domain, op
		}
		for _, a := range p.attributes {
			v := float32(a.value)
			n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{Name: a.name, F: &v, Type: onnxpb.AttributeProto_FLOAT})
		}
		for _, a := range p.args {
			switch {
			case a.op != "":
				t.Fatalf("%q: calls inside calls", line)
			case a.name == "_":
				n.Input = append(n.Input, "")
			case a.name == "":
				n.Input = append(n.Input, textConstant(t, g, elem, nil, float32(a.number)))
			case a.name[0] == 'c' && len(a.name) > 1:
				v, err := strconv.ParseFloat(a.name[1:], 32)
				if err != nil {
					t.Fatal(err)
				}
				n.Input = append(n.Input, textConstant(t, g, elem, []int64{2, 1}, float32(v), 3*float32(v)))
			default:
				n.Input = append(n.Input, a.name)
			}
		}
		g.Node = append(g.Node, n)
	}
	return g
}

func textConstant(t *testing.T, g *onnxpb.GraphProto, elem onnxpb.TensorProto_DataType, dims []int64, v ...float32) string {
	t.Helper()
	name := fmt.Sprintf("constant%d", len(g.Initializer))
	c := &onnxpb.TensorProto{Name: name, Dims: dims, DataType: int32(elem)}
	if err := setFloats(c, v); err != nil {
		t.Fatal(err)
	}
	g.Initializer = append(g.Initializer, c)
	return name
}

func textValue(name string, elem onnxpb.TensorProto_DataType) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
		{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}},
	}}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(elem), Shape: shape}}}}
}

func textModel(t *testing.T, opset int64, lines ...string) *Model {
	t.Helper()
	return graphModel(t, opset, textGraph(t, onnxpb.TensorProto_FLOAT, lines...))
}

func graphModel(t testing.TB, opset int64, g *onnxpb.GraphProto) *Model {
	t.Helper()
	m := &Model{proto: &onnxpb.ModelProto{IrVersion: 8, Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}}}}
	if err := m.validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

func describe(list []*activation) string {
	var all []string
	for _, a := range list {
		s := a.kind + "=" + a.function
		if a.alpha != nil {
			s += "[" + fmt.Sprint(a.alpha.Dims) + "]"
		}
		all = append(all, s+"/"+strconv.Itoa(len(a.nodes)))
	}
	return strings.Join(all, " ")
}

func TestActivationsAreRecognized(t *testing.T) {
	const (
		low  = "m = Clip(x, -8192, _); n = Clip(m, _, 0)"
		low2 = "m = Max(-8192, x); n = Min(m, 0)"
		both = "m = Clip(x, -8192, 8192)"
	)
	for _, c := range []struct{ lines, want string }{
		{"y = Relu(x)", "relu=relu/1"},
		{"y = LeakyRelu[alpha=0.1](x)", "leaky_relu=leaky_relu:0.1/1"},
		{"y = LeakyRelu(x)", "leaky_relu=leaky_relu:0.01/1"},
		{"y = LeakyRelu[alpha=-0.1](x)", "leaky_relu=/1"},
		{"y = Elu(x)", "elu=elu:1/1"},
		{"y = Elu[alpha=0.1](x)", "elu=elu:0.1/1"},
		{"y = Selu(x)", "selu=selu/1"},
		{"y = Selu[alpha=2](x)", "selu=/1"},
		{"y = Celu(x)", "celu=elu:1/1"},
		{"y = Celu[alpha=2](x)", "celu=/1"},
		{"y = Tanh(x)", "tanh=tanh/1"},
		{"y = Sigmoid(x)", "sigmoid=sigmoid/1"},
		{"y = HardSigmoid(x)", "hard_sigmoid=/1"},
		{"y = HardSwish(x)", "hard_swish=/1"},
		{"y = Softplus(x)", "softplus=softplus/1"},
		{"y = Softsign(x)", "softsign=/1"},
		{"y = Gelu(x)", "gelu=gelu/1"},
		{"y = Mish(x)", "mish=/1"},
		{"y = Swish(x)", "silu=silu/1"},
		{"y = Swish[alpha=2](x)", "swish=/1"},
		{"y = PRelu(x, 0.25)", "prelu=leaky_relu:0.25/1"},
		{"y = PRelu(x, c0.25)", "prelu=/1"},
		{"y = ThresholdedRelu(x)", "thresholded_relu=/1"},
		{"y = com.microsoft::Gelu(x)", "gelu=gelu/1"},
		{"y = com.microsoft::QuickGelu(x)", "quick_gelu=/1"},
		{"y = other::Relu(x)", ""},
		{"y = isrlu::ISRLU[alpha=0.1](x)", "isrlu=isrlu:0.1/1"},
		{"y = isrlu::ISRLU(x, c1)", "isrlu=isrlu[[2 1]]/1"},
		{"y = isrlu::ISRUSigmoid[scale=0.5](x)", "isru_sigmoid=isru_sigmoid:1,0.5/1"},
		{"y = Clip(x, 0, 6)", "relu6=/1"},
		{"y = Clip[min=0,max=6](x)", "relu6=/1"},
		{"h = Relu(x); y = Min(6, h)", "relu6=/2"},
		{"y = Clip(x, -1, 1)", "hard_tanh=/1"},
		{"y = Clip(x, 0, 5)", ""},
		{"y = Clip(x, 0, _)", ""},

		// PyTorch: x/sqrt 2, erf, + 1, x times, times 0.5.
		{"a = Div(x, 1.4142135); b = Erf(a); c = Add(b, 1); d = Mul(x, c); y = Mul(d, 0.5)", "gelu=gelu/5"},
		// TensorFlow: 0.5 x (1 + erf(x/sqrt 2)).
		{"h = Mul(0.5, x); a = Mul(x, 0.70710677); b = Erf(a); c = Add(1, b); y = Mul(h, c)", "gelu=gelu/5"},
		// Keras: x times half of it.
		{"a = Mul(x, 0.70710677); b = Erf(a); c = Add(b, 1); d = Mul(c, 0.5); y = Mul(x, d)", "gelu=gelu/5"},
		{"a = Mul(x, 0.70710677); b = Erf(a); d = Mul(b, 0.5); e = Add(d, 0.5); y = Mul(e, x)", "gelu=gelu/5"},
		{"a = Div(x, 1.4142135); b = Erf(a); c = Sub(b, -1); d = Mul(x, c); y = Div(d, 2)", "gelu=gelu/5"},
		{"a = Div(x, 1.5); b = Erf(a); c = Add(b, 1); d = Mul(x, c); y = Mul(d, 0.5)", ""},
		{"a = Div(x, 1.4142135); b = Erf(a); c = Add(b, 1); d = Mul(x, c); y = Mul(d, 0.6)", ""},
		{"a = Div(x, 1.4142135); b = Erf(a); c = Add(b, 1); z = Neg(x); d = Mul(z, c); y = Mul(d, 0.5)", ""},

		{"a = Pow(x, 3); b = Mul(a, 0.044715); c = Add(x, b); d = Mul(c, 0.7978846); e = Tanh(d); f = Add(e, 1); g = Mul(x, f); y = Mul(g, 0.5)", "gelu_tanh=gelu_tanh/8"},
		{"s = Mul(x, x); a = Mul(s, x); b = Mul(0.044715, a); c = Add(b, x); d = Mul(0.7978846, c); e = Tanh(d); f = Add(1, e); g = Mul(0.5, f); y = Mul(x, g)", "gelu_tanh=gelu_tanh/9"},
		{"s = Mul(x, 0.7978846); q = Mul(x, x); a = Mul(q, 0.044715); b = Add(a, 1); c = Mul(s, b); e = Tanh(c); f = Add(e, 1); h = Mul(x, 0.5); y = Mul(h, f)", "gelu_tanh=gelu_tanh/9"},
		{"a = Pow(x, 3); b = Mul(a, 0.05); c = Add(x, b); d = Mul(c, 0.7978846); e = Tanh(d); f = Add(e, 1); g = Mul(x, f); y = Mul(g, 0.5)", "tanh=tanh/1"},

		{"s = Sigmoid(x); y = Mul(x, s)", "silu=silu/2"},
		{"s = Sigmoid(x); y = Mul(s, x)", "silu=silu/2"},
		{"s = Sigmoid(x); z = Mul(s, x); y = Mul(z, 2)", "silu=silu/2"},
		{"s = Sigmoid(x); z = Mul(s, x); y = Add(z, s)", "sigmoid=sigmoid/1"},
		{"z = Neg(x); s = Sigmoid(z); y = Mul(s, x)", "sigmoid=sigmoid/1"},
		{"a = Neg(x); b = Exp(a); c = Add(b, 1); y = Div(x, c)", "silu=silu/4"},
		{"b = Mul(x, 1.702); s = Sigmoid(b); y = Mul(x, s)", "quick_gelu=/3"},
		{"b = Mul(x, 3); s = Sigmoid(b); y = Mul(x, s)", "swish=/3"},
		{"p = Softplus(x); h = Tanh(p); y = Mul(x, h)", "mish=/3"},
		{"e = Exp(x); o = Add(e, 1); p = Log(o); h = Tanh(p); y = Mul(x, h)", "mish=/5"},
		{"e = Exp(x); o = Add(1, e); y = Log(o)", "softplus=softplus/3"},
		{"e = Exp(x); o = Add(2, e); y = Log(o)", ""},
		{"a = Abs(x); b = Add(a, 1); y = Div(x, b)", "softsign=/3"},
		{"a = HardSigmoid[alpha=0.16666667,beta=0.5](x); y = Mul(x, a)", "hard_swish=/2"},
		{"a = HardSigmoid[alpha=0.2](x); y = Mul(x, a)", "hard_sigmoid=/1"},
		{"a = Add(x, 3); b = Clip(a, 0, 6); c = Mul(x, b); y = Div(c, 6)", "hard_swish=/4"},
		{"a = Add(x, 3); b = Clip(a, 0, 6); c = Div(b, 6); y = Mul(x, c)", "hard_swish=/4"},
		{"a = Add(x, 3); b = Clip[min=0,max=6](a); y = Div(b, 6)", "hard_sigmoid=/3"},
		{"a = Add(x, 3); b = Relu(a); c = Min(b, 6); d = Mul(x, c); y = Mul(d, 0.16666667)", "hard_swish=/5"},
		{"a = Mul(x, 0.2); b = Add(a, 0.5); y = Clip(b, 0, 1)", "hard_sigmoid=/3"},

		{low + "; q = Mul(n, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isrlu=isrlu:1/6"},
		{low2 + "; a = Mul(n, 3); q = Mul(a, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isrlu=isrlu:3/7"},
		{low2 + "; a = Mul(n, c0.1); q = Mul(a, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", ""},              // 8192 is too near for 0.1
		{"m = Max(x, -16384); n = Clip(m, -1, 0); q = Mul(n, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", ""}, // two bounds
		// A bound on the wrong side bends the curve: it is none of the form.
		{"m = Max(x, 16384); n = Min(m, 0); a = Mul(n, 0.5); q = Mul(a, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", ""},
		{"m = Clip(x, -30000, -20000); a = Mul(m, 0.5); q = Mul(a, m); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isru=isru:0.5/5"},
		{"m = Max(x, -16384); n = Min(m, 0); a = Mul(n, c0.5); q = Mul(a, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isrlu=isrlu[[2 1]]/7"},
		{"m = Max(x, -1); n = Min(m, 0); q = Mul(n, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", ""},
		{low + "; q = Mul(n, n); d = Add(q, 2); s = Sqrt(d); y = Div(m, s)", ""},
		{low + "; q = Mul(m, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", ""},
		{both + "; a = Mul(m, 0.1); q = Mul(a, m); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isru=isru:0.1/5"}, // the bound comes before it
		{"m = Clip(x, -30000, 30000); a = Mul(m, 0.1); q = Mul(a, m); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)", "isru=isru:0.1/6"},
		{"m = Clip(x, -30000, 30000); a = Mul(m, 0.4); q = Mul(a, m); d = Add(q, 4); s = Sqrt(d); v = Div(m, s); y = Add(v, 0.5)", "isru_sigmoid=isru_sigmoid:0.1/7"},
		{"m = Clip(x, -30000, 30000); q = Mul(m, m); d = Add(q, 11.111111); s = Sqrt(d); v = Div(m, s); y = Add(v, 0.5)", "isru_sigmoid=isru_sigmoid:0.25,0.6/6"},
		{"m = Clip(x, -30000, 30000); a = Mul(m, c0.4); q = Mul(a, m); d = Add(q, 4); s = Sqrt(d); v = Div(m, s); y = Add(v, 0.5)", "isru_sigmoid=isru_sigmoid[[2 1]]/7"},
		{"m = Clip(x, -30000, 30000); q = Mul(m, m); d = Add(q, 0.1); s = Sqrt(d); v = Div(m, s); y = Mul(v, -2)", "dyisru=dyisru:-2,0.1/6"},
		{"q = Mul(x, x); a = Mul(q, 3); d = Add(a, 1); s = Sqrt(d); y = Div(x, s)", "isru=isru:3/5"},
		{"q = Mul(x, x); a = Mul(q, 3); d = Add(a, 1); s = Sqrt(d); v = Div(x, s); l = Less(x, 0); y = Where(l, v, x)", "isrlu=isrlu:3/7"},
		{"q = Mul(x, x); a = Mul(q, 3); d = Add(a, 1); s = Sqrt(d); r = Reciprocal(s); v = Mul(r, x); l = Greater(x, 0); y = Where(l, x, v)", "isrlu=isrlu:3/8"},
		{"q = Pow(x, 2); a = Mul(q, 3); d = Add(a, 1); r = Pow(d, -0.5); y = Mul(r, x)", "isru=isru:3/5"},
		{"q = Pow(x, 2); d = Add(q, 1); r = Sqrt(d); i = Div(1, r); y = Mul(i, x)", "isru=isru:1/5"},
		{"q = Mul(x, 0.2); y = Max(x, q)", "leaky_relu=leaky_relu:0.2/2"},
		{"q = Mul(x, 1.2); y = Max(x, q)", ""},
		{"q = Mul(x, x); a = Mul(q, -3); d = Add(a, 1); s = Sqrt(d); y = Div(x, s)", ""},
	} {
		m := textModel(t, 17, strings.Split(c.lines, "; ")...)
		m.proto.Graph.Input[0].Type.GetTensorType().Shape = nil // some have channels
		list := m.activations(newGraph(m.proto.Graph))
		if got := describe(list); got != c.want {
			t.Errorf("%s:\n\t%s, want %s", c.lines, got, c.want)
		}
		for _, a := range list {
			if last := a.nodes[len(a.nodes)-1]; last.Output[0] != a.output {
				t.Errorf("%s: last node writes %s, output %s", c.lines, last.Output[0], a.output)
			}
		}
	}
}

// What another node, a subgraph or the caller reads must not vanish with the form.
func TestFormsWithOtherUsersAreLeft(t *testing.T) {
	const silu = "s = Sigmoid(x); z = Mul(s, x); y = Neg(z)"
	m := textModel(t, 17, strings.Split(silu, "; ")...)
	if got := describe(m.activations(newGraph(m.proto.Graph))); got != "silu=silu/2" {
		t.Fatal(got)
	}
	output := m.Clone()
	output.proto.Graph.Output = append(output.proto.Graph.Output, textValue("s", onnxpb.TensorProto_FLOAT))
	if got := describe(output.activations(newGraph(output.proto.Graph))); got != "sigmoid=sigmoid/1" {
		t.Errorf("an output of the graph inside: %s", got)
	}
	sub := m.Clone()
	body := &onnxpb.GraphProto{Output: []*onnxpb.ValueInfoProto{textValue("s", onnxpb.TensorProto_FLOAT)}}
	sub.proto.Graph.Node = append(sub.proto.Graph.Node, &onnxpb.NodeProto{OpType: "If", Input: []string{"x"}, Output: []string{"w"},
		Attribute: []*onnxpb.AttributeProto{{Name: "then_branch", G: body, Type: onnxpb.AttributeProto_GRAPH}}})
	if got := describe(sub.activations(newGraph(sub.proto.Graph))); got != "sigmoid=sigmoid/1" {
		t.Errorf("a subgraph reads inside: %s", got)
	}
}

// A constant of more dimensions than x, or of more elements than x has along one,
// makes another shape of it.
func TestFormsThatChangeTheShapeAreLeft(t *testing.T) {
	for _, c := range []struct {
		x, slope []int64
		want     string
	}{
		{[]int64{0, 4}, []int64{1, 1}, "leaky_relu=leaky_relu:0.1/2"},
		{[]int64{0, 4}, []int64{1, 1, 1}, ""},
		{nil, []int64{1, 1, 1}, "leaky_relu=leaky_relu:0.1/2"},
	} {
		b := newBuilder(c.x...)
		m := b.model(t, 17, b.node("Max", one("input", b.node("Mul", one("input", b.init(floatTensor("", c.slope, .1)))))))
		if got := describe(m.activations(newGraph(m.proto.Graph))); got != c.want {
			t.Errorf("x %v, slope %v: %q, want %q", c.x, c.slope, got, c.want)
		}
	}
	for _, c := range []struct {
		x    []int64
		want string
	}{
		{[]int64{0, 4}, "prelu=/1"}, {[]int64{0, 0}, "prelu=/1"}, {[]int64{0, 1}, ""},
	} {
		b := newBuilder(c.x...)
		m := b.model(t, 17, b.node("PRelu", one("input", b.weight(4))))
		if got := describe(m.activations(newGraph(m.proto.Graph))); got != c.want {
			t.Errorf("x %v, 4 slopes: %q, want %q", c.x, got, c.want)
		}
	}
}

func TestHalfPrecisionConstantsAreRecognized(t *testing.T) {
	const gelu = "a = Div(x, 1.4142135); b = Erf(a); c = Add(b, 1); d = Mul(x, c); y = Mul(d, 0.5)"
	const isrlu = "m = Max(x, -404); n = Min(m, 0); a = Mul(n, 0.1); q = Mul(a, n); d = Add(q, 1); s = Sqrt(d); y = Div(m, s)"
	for _, elem := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16} {
		for lines, want := range map[string]string{gelu: "gelu=gelu/5", isrlu: "isrlu=isrlu:0.1/7"} {
			m := graphModel(t, 17, textGraph(t, elem, strings.Split(lines, "; ")...))
			if got := describe(m.activations(newGraph(m.proto.Graph))); got != want {
				t.Errorf("%v: %s, want %s", elem, got, want)
			}
		}
	}
}

func TestActivationsAreInTheGraphsOrder(t *testing.T) {
	m := textModel(t, 17, "a = Relu(x)", "s = Sigmoid(a)", "b = Mul(a, s)", "y = Tanh(b)")
	var kinds []string
	for _, a := range m.activations(newGraph(m.proto.Graph)) {
		kinds = append(kinds, a.kind)
	}
	if want := []string{"relu", "silu", "tanh"}; !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
}

// A chain of products must not take time beyond proportion.
func TestLongProductsEnd(t *testing.T) {
	lines := []string{"v0 = Mul(x, 1)"}
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("v%d = Mul(v%d, 1)", i+1, i))
	}
	m := textModel(t, 17, append(lines, "y = Mul(v5000, x)")...)
	if list := m.activations(newGraph(m.proto.Graph)); len(list) != 0 {
		t.Errorf("%d activations in a product", len(list))
	}
}
