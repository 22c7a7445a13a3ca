package onnx

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/internal/ort"
)

// specialArguments are those where functions go wrong, and random ones.
func specialArguments() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-40, -1e-40, 1e-20, -1e-20, 1e4, -1e4, 8192, -8192, -8193, 1e10, -1e10,
		-1e19, -2e19, 1e20, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), -0.5, -2, -20, -90, 90, 3}
	rng := rand.New(rand.NewSource(1))
	for range 500 {
		x = append(x, float32(rng.NormFloat64()*3), float32(rng.NormFloat64()*1000))
	}
	if len(x)%2 == 1 {
		x = append(x, 0)
	}
	return x
}

// swappable are the functions that a swap writes, and how far a model in float32
// may be from this module's own, for arguments within range.
var swappable = []struct {
	spec  string
	near  float64
	limit float64 // of |x|, where a runtime's own operator overflows
}{
	{"isrlu", 4e-7, math.Inf(1)}, {"isrlu:3", 4e-7, math.Inf(1)}, {"isrlu:0.001", 4e-7, math.Inf(1)}, {"isrlu:1e12", 4e-7, math.Inf(1)},
	{"isru", 4e-7, math.Inf(1)}, {"isru:0.25", 4e-7, math.Inf(1)},
	{"isru_sigmoid", 4e-7, math.Inf(1)}, {"isru_sigmoid:0.25", 4e-7, math.Inf(1)}, {"isru_sigmoid:0.3,0.6", 4e-7, math.Inf(1)},
	{"dyisru:2,0.5", 6e-7, math.Inf(1)}, {"dyisru:-1.5,3", 6e-7, math.Inf(1)}, {"dyisru", 6e-7, math.Inf(1)},
	{"relu", 0, math.Inf(1)}, {"leaky_relu:0.2", 1e-7, math.Inf(1)}, {"identity", 0, math.Inf(1)},
	{"elu", 1e-6, math.Inf(1)}, {"elu:0.1", 1e-6, math.Inf(1)}, {"selu", 1e-6, math.Inf(1)}, {"tanh", 1e-6, math.Inf(1)}, {"sigmoid", 1e-6, math.Inf(1)},
	{"softplus", 1e-6, math.Inf(1)}, {"silu", 1e-6, 1e30}, {"gelu", 1e-6, 1e30}, {"gelu_tanh", 1e-6, 1e10},
}

// checkValues compares what a model computes with this module's function.
func checkValues(t *testing.T, what, spec string, x, y []float32, near, limit float64) {
	t.Helper()
	f := isrlu.Must(isrlu.Parse(spec))
	want := make([]float32, len(x))
	f.Forward(want, x)
	bad := 0
	for i := range x {
		if math.Abs(float64(x[i])) > limit {
			continue
		}
		d := math.Abs(float64(y[i]) - float64(want[i]))
		size := math.Abs(float64(want[i]))
		ok := y[i] == want[i] || !math.IsInf(size, 0) && d <= near*max(1, size)
		if want[i] == 0 && math.Signbit(float64(y[i])) != math.Signbit(float64(want[i])) && strings.HasPrefix(spec, "isr") {
			ok = false
		}
		if !ok {
			if bad++; bad < 4 {
				t.Errorf("%s: %s(%v) = %v, want %v", what, spec, x[i], y[i], want[i])
			}
		}
	}
}

func mustSwap(t testing.TB, m *Model, o SwapOptions) SwapReport {
	t.Helper()
	r, err := m.Swap(o)
	if err != nil {
		t.Fatalf("swap to %s: %v", o.To, err)
	}
	if err := m.validate(); err != nil {
		t.Fatalf("the swap to %s makes an invalid model: %v", o.To, err)
	}
	return r
}

func TestSwappedGraphsComputeTheFunction(t *testing.T) {
	x := specialArguments()
	for _, opset := range []int64{7, 10, 13, 20} {
		for _, c := range swappable {
			if opset < 9 && c.spec == "gelu" {
				continue
			}
			m := textModel(t, opset, "h = Neg(x)", "g = ThresholdedRelu(h)", "y = Neg(g)")
			mustSwap(t, m, SwapOptions{From: []string{"ThresholdedRelu"}, To: c.spec})
			flipped := make([]float32, len(x))
			for i := range x {
				flipped[i] = -x[i]
			}
			y := interpret(t, m, flipped)
			for i := range y {
				y[i] = -y[i]
			}
			checkValues(t, fmt.Sprintf("opset %d", opset), c.spec, x, y, c.near, c.limit)
		}
	}
}

// Where the argument is bounded the curve is a quarter of the last bit from its
// limit, and its square does not overflow.
func TestBoundsAreWhereTheCurveIsFlat(t *testing.T) {
	for _, c := range []struct {
		elem      onnxpb.TensorProto_DataType
		precision int // bits
		most      float64
	}{
		{onnxpb.TensorProto_FLOAT16, 11, 65504}, {onnxpb.TensorProto_BFLOAT16, 8, math.MaxFloat32},
		{onnxpb.TensorProto_FLOAT, 24, math.MaxFloat32}, {onnxpb.TensorProto_DOUBLE, 53, math.MaxFloat64},
	} {
		quarter := math.Ldexp(1, -c.precision-2)
		r, s := reach(c.elem), sigmoidReach(c.elem)
		if 1/(2*r*r) > quarter || 1/(4*s*s) > 1.05*quarter || 1+r*r > c.most {
			t.Errorf("%v: bounds %v and %v", c.elem, r, s)
		}
	}
}

// ONNX Runtime computes float16 in float32, others do not: nothing on the way may
// overflow.
func TestFloat16DoesNotOverflow(t *testing.T) {
	for _, spec := range []string{"isrlu", "isrlu:1000", "isru:0.01", "isru_sigmoid", "isru_sigmoid:1,0.5", "isru_sigmoid:0.2,0.5", "dyisru:3,7"} {
		m := graphModel(t, 17, textGraph(t, onnxpb.TensorProto_FLOAT16, "y = Relu(x)"))
		mustSwap(t, m, SwapOptions{From: []string{"Relu"}, To: spec})
		f := isrlu.Must(isrlu.Parse(spec))
		for _, x := range []float32{-65504, 65504, -40, 40} {
			want := []float32{0}
			f.Forward(want, []float32{x})
			y := interpretHalf(t, m, x)
			if d := math.Abs(float64(y - want[0])); !(d <= 2e-3*max(1, math.Abs(float64(want[0])))) {
				t.Errorf("%s(%v) = %v, want %v", spec, x, y, want[0])
			}
		}
	}
}

func TestTypesThatCannotBeToldAreErrors(t *testing.T) {
	g := textGraph(t, onnxpb.TensorProto_FLOAT, "h = Cast(x)", "u = other::Unknown(h)", "a = Relu(u)", "z = other::Unknown(a)", "y = Cast(z)")
	setInt(g.Node[0], "to", int64(onnxpb.TensorProto_FLOAT16))
	setInt(g.Node[4], "to", int64(onnxpb.TensorProto_FLOAT))
	m := graphModel(t, 17, g)
	before := proto.CloneOf(m.proto)
	_, err := m.Swap(SwapOptions{From: []string{"Relu"}, To: "isrlu"})
	if err == nil || !strings.Contains(err.Error(), `"n2"`) || !strings.Contains(err.Error(), "float16") {
		t.Errorf("error %v", err)
	}
	if !proto.Equal(before, m.proto) {
		t.Error("the model changed by a swap that failed")
	}
	for _, v := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT16} { // said, it works
		m.proto.Graph.ValueInfo = append(m.proto.Graph.ValueInfo, textValue("a", v))
	}
	mustSwap(t, m, SwapOptions{From: []string{"Relu"}, To: "isrlu"})
}

func TestErrorsOfSwapNameValueAndRemedy(t *testing.T) {
	m := textModel(t, 17, "h = Relu(x)", "s = Sigmoid(h)", "y = Tanh(s)")
	half := graphModel(t, 17, textGraph(t, onnxpb.TensorProto_FLOAT16, "h = Relu(x)", "y = Relu(h)"))
	for _, c := range []struct {
		m     *Model
		o     SwapOptions
		wants []string
	}{
		{m, SwapOptions{To: "isrlu"}, []string{"kinds", "nodes"}},
		{m, SwapOptions{From: []string{"elou"}, To: "isrlu"}, []string{`"elou"`, "leaky_relu"}},
		{m, SwapOptions{From: []string{"elu", "gelu"}, To: "isrlu"}, []string{"no elu or gelu", "relu (1), sigmoid (1), tanh (1)"}},
		{m, SwapOptions{From: []string{"relu"}, Nodes: []string{"n0", "none*"}, To: "isrlu"}, []string{`"none*"`}},
		{m, SwapOptions{Nodes: []string{""}, To: "isrlu"}, []string{`"" matches no`}},
		{m, SwapOptions{From: []string{"relu"}, To: "isrlou"}, []string{`"isrlou"`}},
		{m, SwapOptions{From: []string{"relu"}, To: "isrlu:-1"}, []string{"alpha must be positive", "-1"}},
		{m, SwapOptions{From: []string{"relu:x"}, To: "isrlu"}, []string{`"x"`}},
		{m, SwapOptions{From: []string{"relu"}, To: "isrlu:1e37"}, []string{"alpha = 1e+37", "float32", `"n0"`}},
		{half, SwapOptions{From: []string{"relu"}, To: "isrlu:1e-6"}, []string{"alpha = 1e-06", "float16", `"n0"`}},
		{half, SwapOptions{From: []string{"relu"}, To: "isrlu:1e-6", Style: LocalFunction}, []string{"alpha = 1e-06", "float16", `"n0"`}},
		{half, SwapOptions{From: []string{"relu"}, To: "isru_sigmoid:1,0.3"}, []string{"float16", "9e+04", `"n0"`}},
		{half, SwapOptions{From: []string{"relu"}, To: "isru_sigmoid:1,0.3", Style: LocalFunction}, []string{"float16", `"n0"`}},
		{textModel(t, 8, "y = Relu(x)"), SwapOptions{From: []string{"relu"}, To: "gelu"}, []string{"opset", "9", "8"}},
		{textModel(t, 11, "y = Relu(x)"), SwapOptions{From: []string{"relu"}, To: "isrlu", Style: LocalFunction}, []string{"opset", "12", "11", "primitive"}},
		{m, SwapOptions{From: []string{"relu"}, To: "isrlu", Style: 9}, []string{"style 9"}},
	} {
		before := proto.CloneOf(c.m.proto)
		_, err := c.m.Swap(c.o)
		if err == nil || !strings.HasPrefix(err.Error(), "onnx: ") || strings.Contains(err.Error(), "isrlu: ") {
			t.Errorf("%+v: error %v", c.o, err)
			continue
		}
		for _, want := range c.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %q does not say %q", c.o, err, want)
			}
		}
		if !proto.Equal(before, c.m.proto) {
			t.Errorf("%+v: the model changed", c.o)
		}
	}
}

func TestSwapKeepsNamesAndWhatHolds(t *testing.T) {
	g := textGraph(t, onnxpb.TensorProto_FLOAT, "i = Identity(x)", "a = Div(i, 1.4142135)", "b = Erf(a)", "c = Add(b, 1)", "d = Mul(i, c)", "o = Mul(d, 0.5)", "k = Add(o, 1)", "y = Neg(k)")
	last := g.Node[5]
	last.DocString = "the activation"
	last.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: "scope", Value: "mlp"}}
	for _, name := range []string{"i", "a", "b", "c", "d", "o"} {
		g.ValueInfo = append(g.ValueInfo, textValue(name, onnxpb.TensorProto_FLOAT))
		g.QuantizationAnnotation = append(g.QuantizationAnnotation, &onnxpb.TensorAnnotation{TensorName: name})
	}
	m := graphModel(t, 17, g)
	constants := len(g.Initializer)
	r := mustSwap(t, m, SwapOptions{From: []string{"gelu"}, To: "isrlu:3"})
	if want := (Swapped{Node: "n5", From: "gelu", To: "isrlu:3", Nodes: 5}); len(r.Swapped) != 1 || r.Swapped[0] != want {
		t.Errorf("report %+v", r)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], `"o"`) {
		t.Errorf("warnings %q", r.Warnings)
	}
	n := newGraph(g).producer["o"]
	if n.Name != "n5" || n.OpType != "Div" || n.DocString != "the activation" || len(n.MetadataProps) != 1 {
		t.Errorf("the last node is %v", n)
	}
	var values, annotations, tensors []string
	for _, v := range g.ValueInfo {
		values = append(values, v.Name)
	}
	for _, q := range g.QuantizationAnnotation {
		annotations = append(annotations, q.TensorName)
	}
	for _, c := range g.Initializer {
		tensors = append(tensors, c.Name)
	}
	if want := []string{"i", "o"}; !slices.Equal(values, want) || !slices.Equal(annotations, want) {
		t.Errorf("value_info %v, annotations %v", values, annotations)
	}
	// The four constants of GELU give way to those of ISRLU, but for the 1 of k.
	if constants != 4 || len(tensors) != 1+4 || tensors[0] != g.Node[slices.IndexFunc(g.Node, func(n *onnxpb.NodeProto) bool { return n.OpType == "Add" && n.Output[0] == "k" })].Input[1] {
		t.Errorf("%d constants before, after: %v", constants, tensors)
	}
	seen := map[string]bool{}
	for _, n := range g.Node {
		if seen[n.Name] {
			t.Errorf("two nodes are called %q", n.Name)
		}
		seen[n.Name] = true
	}
}

func TestSwapIsIdempotentAndGoesBack(t *testing.T) {
	for _, style := range []Style{Primitive, LocalFunction, Custom} {
		for _, spec := range []string{"isrlu", "isrlu:0.1", "isru:3", "isru_sigmoid:0.25", "isru_sigmoid:0.1,0.6", "dyisru:2,0.5", "gelu", "silu", "tanh"} {
			for _, elem := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE} {
				m := graphModel(t, 17, textGraph(t, elem, "h = Elu(x)", "k = Abs(h)", "y = Elu(k)"))
				before := proto.CloneOf(m.proto)
				kind, _, _ := strings.Cut(spec, ":")
				mustSwap(t, m, SwapOptions{From: []string{"Elu"}, To: spec, Style: style})
				swapped := proto.CloneOf(m.proto)
				r := mustSwap(t, m, SwapOptions{From: []string{kind}, To: spec, Style: style})
				if len(r.Swapped) != 0 || len(r.Left) != 2 || !strings.Contains(r.Left[0].Reason, "already") || !proto.Equal(m.proto, swapped) {
					t.Errorf("%s, %v, %v again: %+v", spec, style, elem, r)
				}
				mustSwap(t, m, SwapOptions{From: []string{kind}, To: "elu"})
				for _, n := range m.proto.Graph.Node {
					if n.OpType == "Elu" && len(n.Attribute) == 1 {
						n.Attribute = nil
					}
				}
				m.proto.IrVersion = before.IrVersion
				if !proto.Equal(m.proto, before) {
					t.Errorf("%s, %v, %v and back:\n%v\nwas\n%v", spec, style, elem, m.proto, before)
				}
			}
		}
	}
}

func TestSubgraphsAreSwappedAndFunctionBodiesReported(t *testing.T) {
	m := textModel(t, 17, "c = ReduceMax(x)", "p = Cast(c)", "y = If(p)")
	setInt(m.proto.Graph.Node[0], "keepdims", 0)
	setInt(m.proto.Graph.Node[1], "to", int64(onnxpb.TensorProto_BOOL))
	branch := func(name, op string) *onnxpb.AttributeProto {
		g := textGraph(t, onnxpb.TensorProto_FLOAT, "y"+name+" = "+op+"(x)")
		g.Name, g.Input = name, nil
		g.Output[0].Name = "y" + name
		return &onnxpb.AttributeProto{Name: name, G: g, Type: onnxpb.AttributeProto_GRAPH}
	}
	m.proto.Graph.Node[2].Attribute = []*onnxpb.AttributeProto{branch("then_branch", "Elu"), branch("else_branch", "Tanh")}
	m.proto.Functions = []*onnxpb.FunctionProto{{Name: "F", Domain: "own", Input: []string{"a"}, Output: []string{"b"},
		Node:        []*onnxpb.NodeProto{{Name: "inside", OpType: "Elu", Input: []string{"a"}, Output: []string{"b"}}},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}}}}
	m.proto.OpsetImport = append(m.proto.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: "own", Version: 1})
	r := mustSwap(t, m, SwapOptions{From: []string{"elu"}, To: "isrlu:3"})
	if len(r.Swapped) != 1 || len(r.Left) != 1 || r.Left[0].Node != "inside" || !strings.Contains(r.Left[0].Reason, "own.F") {
		t.Errorf("%+v", r)
	}
	again := mustSwap(t, m.Clone(), SwapOptions{From: []string{"isrlu"}, To: "relu"})
	if len(again.Swapped) != 1 {
		t.Errorf("swapped on: %+v", again)
	}
	runtime := maybeRuntime(t)
	if runtime == nil {
		return
	}
	x := []float32{-2, 1, 5, -7}
	y := evaluate(t, runtime, mustEncode(t, m), ort.Tensor{Name: "x", Type: "float32", Dims: []int64{4}, Floats: x}).Floats
	checkValues(t, "in a branch", "isrlu:3", x, y, 4e-7, math.Inf(1))
}

func mustEncode(t *testing.T, m *Model) []byte {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestQuantizedOutputsAreWarnedOf(t *testing.T) {
	m := textModel(t, 17, "h = Elu(x)", "q = QuantizeLinear(h, 0.1)", "y = DequantizeLinear(q, 0.1)")
	r := mustSwap(t, m, SwapOptions{From: []string{"elu"}, To: "isrlu"})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "n0") || !strings.Contains(r.Warnings[0], "calibrate") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestIntegerActivationsAreLeft(t *testing.T) {
	g := textGraph(t, onnxpb.TensorProto_FLOAT, "h = Cast(x)", "a = Relu(h)", "b = Cast(a)", "y = Relu(b)")
	setInt(g.Node[0], "to", int64(onnxpb.TensorProto_INT32))
	setInt(g.Node[2], "to", int64(onnxpb.TensorProto_FLOAT))
	m := graphModel(t, 17, g)
	r := mustSwap(t, m, SwapOptions{From: []string{"relu"}, To: "isrlu"})
	if len(r.Swapped) != 1 || len(r.Left) != 1 || r.Left[0].Node != "n1" || !strings.Contains(r.Left[0].Reason, "int32") {
		t.Errorf("%+v", r)
	}
}

func TestNodesAreChosenByPattern(t *testing.T) {
	m := textModel(t, 17, "a = Relu(x)", "b = Relu(a)", "y = Tanh(b)")
	for i, name := range []string{"/layer1/act/Relu", "/layer2/act/Relu", "/head/Tanh"} {
		m.proto.Graph.Node[i].Name = name
	}
	for _, c := range []struct {
		nodes []string
		want  []string
	}{
		{[]string{"/layer1/*"}, []string{"/layer1/act/Relu"}},
		{[]string{"*/act/*"}, []string{"/layer1/act/Relu", "/layer2/act/Relu"}},
		{[]string{"/layer?/act/Relu", "y"}, []string{"/layer1/act/Relu", "/layer2/act/Relu", "/head/Tanh"}},
		{[]string{"*"}, []string{"/layer1/act/Relu", "/layer2/act/Relu", "/head/Tanh"}},
	} {
		var got []string
		for _, s := range mustSwap(t, m.Clone(), SwapOptions{Nodes: c.nodes, To: "isrlu"}).Swapped {
			got = append(got, s.Node)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.nodes, got, c.want)
		}
	}
}

// Whatever a file holds that is read, it is described, and swapped or refused.
func TestDamagedModelsAreDescribedAndSwapped(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	read := 0
	for _, tm := range torchModels(t) {
		data := mustEncode(t, tm.Model)
		for range 60 {
			damaged := slices.Clone(data)
			for range 1 + rng.Intn(4) {
				damaged[rng.Intn(min(len(damaged), 3000))] ^= byte(1 << rng.Intn(8))
			}
			m, err := Decode(damaged)
			if err != nil {
				continue
			}
			read++
			m.Info()
			for _, o := range []SwapOptions{{To: "isrlu:3"}, {To: "isru", Style: LocalFunction}, {To: "isru_sigmoid", Style: Custom}, {To: "elu"}} {
				o.Nodes = []string{"*"}
				c := m.Clone()
				if _, err := c.Swap(o); err != nil {
					if !proto.Equal(c.proto, m.proto) {
						t.Fatalf("%s: a swap that failed (%v) changed the model", tm.Name, err)
					}
					continue
				}
				if err := c.validate(); err != nil {
					t.Fatalf("%s: the swap to %s makes an invalid model: %v", tm.Name, o.To, err)
				}
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d damaged models could be read", read)
	}
}

// Constants of constants go with the nodes that read them, others stay.
func TestConstantsThatNothingReadsGo(t *testing.T) {
	m := textModel(t, 17, "k = Constant(1)", "i = Identity(k)", "s = Constant(1)", "h = PRelu(x, i)", "g = PRelu(h, s)", "f = Add(g, s)", "y = Neg(f)")
	for _, i := range []int{0, 2} {
		m.proto.Graph.Node[i].Input = nil
		m.proto.Graph.Node[i].Attribute = []*onnxpb.AttributeProto{{Name: "value", T: floatTensor("", nil, 0.25), Type: onnxpb.AttributeProto_TENSOR}}
	}
	if got := describe(m.activations(newGraph(m.proto.Graph))); got != "prelu=leaky_relu:0.25/1 prelu=leaky_relu:0.25/1" {
		t.Fatal(got)
	}
	mustSwap(t, m, SwapOptions{From: []string{"PRelu"}, To: "relu"})
	var ops []string
	for _, n := range m.proto.Graph.Node {
		ops = append(ops, n.OpType)
	}
	if want := []string{"Constant", "Relu", "Relu", "Add", "Neg"}; !slices.Equal(ops, want) {
		t.Errorf("%v, want %v", ops, want)
	}
}

// ONNX has one operator for both functions of a kind.
func TestKindsTakeBothFunctionsOfAnOperator(t *testing.T) {
	for from, want := range map[string]int{"gelu": 2, "Gelu": 2, "gelu_tanh": 1, "swish": 2, "Swish": 2, "silu": 1} {
		m := textModel(t, 24, "a = Gelu(x)", "b = Gelu(a)", "c = Swish(b)", "y = Swish[alpha=2](c)")
		setString(m.proto.Graph.Node[1], "approximate", "tanh")
		if r := mustSwap(t, m, SwapOptions{From: []string{from}, To: "isrlu"}); len(r.Swapped) != want {
			t.Errorf("%s: %+v", from, r.Swapped)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"*", "", true}, {"*", "/a/b", true}, {"/a/*/c", "/a/b/x/c", true}, {"/a/*/c", "/a/c", false},
		{"*a*b", "xaxbxb", true}, {"*a*b", "xaxbx", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"?b", "жb", true}, {"*ж?", "aжя", true}, {"a**", "a", true}, {"[a]", "[a]", true}, {"", "", true}, {"", "a", false},
	} {
		if got := glob(c.pattern, c.name); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
