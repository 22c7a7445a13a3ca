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

const (
	testSteps  = 5
	testBatch  = 2
	testInputs = 3
	testHidden = 4
)

// A recurrentCase has one recurrent node with random weights; its states begin at
// random values if initial.
type recurrentCase struct {
	op        string
	direction string
	linear    bool
	bias      bool
	initial   bool
	opset     int64
}

func (c recurrentCase) String() string {
	return fmt.Sprintf("%s %s linear=%v bias=%v initial=%v opset=%d", c.op, c.direction, c.linear, c.bias, c.initial, c.opset)
}

func (c recurrentCase) directions() int {
	if c.direction == "bidirectional" {
		return 2
	}
	return 1
}

func (c recurrentCase) model(t testing.TB) *Model {
	t.Helper()
	rng := rand.New(rand.NewSource(7))
	d, gh := int64(c.directions()), recurrentParts[c.op]*testHidden
	g := &onnxpb.GraphProto{Name: "test"}
	tensor := func(name string, dims ...int64) string {
		count, _ := elements(dims)
		v := make([]float32, count)
		for i := range v {
			v[i] = float32(rng.NormFloat64()) * 0.7
		}
		g.Initializer = append(g.Initializer, floatTensor(name, dims, v...))
		return name
	}
	n := &onnxpb.NodeProto{Name: "layer", OpType: c.op, Output: []string{"Y", "Y_h"}, Input: []string{"x", tensor("W", d, gh, testInputs), tensor("R", d, gh, testHidden), "", "", ""}}
	if c.bias {
		n.Input[3] = tensor("B", d, 2*gh)
	}
	if c.initial {
		n.Input[5] = tensor("H0", d, testBatch, testHidden)
	}
	outputs := []string{"Y", "Y_h"}
	if c.op == "LSTM" {
		if c.initial {
			n.Input = append(n.Input, tensor("C0", d, testBatch, testHidden))
		}
		n.Output = append(n.Output, "Y_c")
		outputs = append(outputs, "Y_c")
	}
	for n.Input[len(n.Input)-1] == "" {
		n.Input = n.Input[:len(n.Input)-1]
	}
	setInt(n, "hidden_size", testHidden)
	setString(n, "direction", c.direction)
	if c.linear {
		setInt(n, "linear_before_reset", 1)
	}
	g.Node = []*onnxpb.NodeProto{n}
	g.Input = []*onnxpb.ValueInfoProto{untyped("x")}
	for _, name := range outputs {
		g.Output = append(g.Output, untyped(name))
	}
	return graphModel(t, c.opset, g)
}

// untyped describes a float32 value of unknown shape.
func untyped(name string) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(onnxpb.TensorProto_FLOAT)}}}}
}

func recurrentCases() []recurrentCase {
	var list []recurrentCase
	for _, op := range []string{"LSTM", "GRU", "RNN"} {
		for _, direction := range []string{"forward", "reverse", "bidirectional"} {
			for _, full := range []bool{false, true} {
				for _, linear := range []bool{false, true} {
					if linear && op != "GRU" {
						continue
					}
					list = append(list, recurrentCase{op, direction, linear, full, full, 17})
				}
			}
		}
		list = append(list, recurrentCase{op, "bidirectional", false, true, false, 11}, recurrentCase{op, "forward", op == "GRU", true, true, 9}, recurrentCase{op, "forward", false, true, true, 20})
	}
	return list
}

func recurrentInput() ort.Tensor {
	rng := rand.New(rand.NewSource(8))
	x := make([]float32, testSteps*testBatch*testInputs)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return ort.Tensor{Name: "x", Type: "float32", Dims: []int64{testSteps, testBatch, testInputs}, Floats: x}
}

func runAll(t *testing.T, r *ort.Runtime, m *Model, in ort.Tensor) []ort.Tensor {
	t.Helper()
	s, err := r.Open(mustEncode(t, m), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

// A Scan with the operator's own functions computes what the operator does.
func TestScanIsTheRecurrentOperator(t *testing.T) {
	r := startRuntime(t)
	for _, c := range recurrentCases() {
		m := c.model(t)
		want := runAll(t, r, m, recurrentInput())
		n := m.proto.Graph.Node[0]
		gates, err := gatesOf(n)
		if err != nil {
			t.Fatal(err)
		}
		l, err := newRecurrence(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range gates {
			l.gates = append(l.gates, a.nodes)
		}
		b := &builder{names: newNamer(m.proto), opset: c.opset, elem: onnxpb.TensorProto_FLOAT, base: "layer"}
		if err := b.scan(l); err != nil {
			t.Fatal(err)
		}
		e := newEdit(m.proto.Graph, b)
		e.replace([]*onnxpb.NodeProto{n}, b.nodes)
		e.apply()
		if err := m.validate(); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		got := runAll(t, r, m, recurrentInput())
		for i := range want {
			if fmt.Sprint(got[i].Dims) != fmt.Sprint(want[i].Dims) {
				t.Errorf("%v: %s has the shape %v, want %v", c, want[i].Name, got[i].Dims, want[i].Dims)
			}
			if d := distance(got[i].Floats, wide(want[i].Floats)); d > 1e-5 {
				t.Errorf("%v: %s differs by %.2g", c, want[i].Name, d)
			}
		}
	}
}

// recurrentReference computes ONNX's equations in float64.
func recurrentReference(t *testing.T, m *Model, c recurrentCase, x []float32, f, g, h func(float64) float64) (y, yh, yc []float64) {
	t.Helper()
	d, k := c.directions(), int(recurrentParts[c.op])
	get := func(name string, n int) []float32 {
		for _, tensor := range m.proto.Graph.Initializer {
			if tensor.Name == name {
				v, err := m.floats(tensor)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
		return make([]float32, n)
	}
	w, r := get("W", 0), get("R", 0)
	bias := get("B", d*2*k*testHidden)
	h0, c0 := get("H0", d*testBatch*testHidden), get("C0", d*testBatch*testHidden)
	y = make([]float64, testSteps*d*testBatch*testHidden)
	for dir := range d {
		for b := range testBatch {
			state, cell := make([]float64, testHidden), make([]float64, testHidden)
			for j := range state {
				state[j] = float64(h0[(dir*testBatch+b)*testHidden+j])
				cell[j] = float64(c0[(dir*testBatch+b)*testHidden+j])
			}
			for s := range testSteps {
				step := s
				if c.direction == "reverse" || dir == 1 {
					step = testSteps - 1 - s
				}
				// The products of gate q's unit j with the input and with a state.
				input := func(q, j int) float64 {
					row := dir*k*testHidden + q*testHidden + j
					sum := float64(bias[dir*2*k*testHidden+q*testHidden+j])
					for i := range testInputs {
						sum += float64(w[row*testInputs+i]) * float64(x[(step*testBatch+b)*testInputs+i])
					}
					return sum
				}
				product := func(q, j int, v []float64) float64 {
					row := dir*k*testHidden + q*testHidden + j
					sum := float64(bias[dir*2*k*testHidden+(k+q)*testHidden+j])
					for i := range testHidden {
						sum += float64(r[row*testHidden+i]) * v[i]
					}
					return sum
				}
				next := make([]float64, testHidden)
				reset := make([]float64, testHidden)
				for j := range reset {
					if c.op == "GRU" {
						reset[j] = f(input(1, j)+product(1, j, state)) * state[j]
					}
				}
				for j := range next {
					switch c.op {
					case "RNN":
						next[j] = f(input(0, j) + product(0, j, state))
					case "LSTM":
						i, o, fg := f(input(0, j)+product(0, j, state)), f(input(1, j)+product(1, j, state)), f(input(2, j)+product(2, j, state))
						cell[j] = fg*cell[j] + i*g(input(3, j)+product(3, j, state))
						next[j] = o * h(cell[j])
					case "GRU":
						z := f(input(0, j) + product(0, j, state))
						candidate := g(input(2, j) + product(2, j, reset))
						if c.linear {
							candidate = g(input(2, j) + f(input(1, j)+product(1, j, state))*product(2, j, state))
						}
						next[j] = (1-z)*candidate + z*state[j]
					}
				}
				copy(state, next)
				copy(y[((step*d+dir)*testBatch+b)*testHidden:], next)
			}
			yh, yc = append(yh, state...), append(yc, cell...)
		}
	}
	return y, yh, yc
}

func TestSwappedRecurrentGatesComputeTheEquations(t *testing.T) {
	r := maybeRuntime(t)
	isru := func(x float64) float64 { return x / math.Sqrt(1+0.25*x*x) }
	gate := func(x float64) float64 { return (1 + x/math.Sqrt(1+x*x)) / 2 }
	for _, c := range recurrentCases() {
		for _, style := range []Style{Primitive, LocalFunction} {
			if style == LocalFunction && c.opset < 12 {
				continue
			}
			m := c.model(t)
			report := mustSwap(t, m, SwapOptions{From: []string{"tanh"}, To: "isru:0.25", Style: style})
			if len(report.Swapped) != 1 || report.Swapped[0].From != "tanh ("+c.op+")" || report.Swapped[0].Node != "layer" {
				t.Errorf("%v: %+v", c, report)
			}
			f, g, h := gate, isru, isru
			if c.op == "RNN" {
				f = isru
			} else {
				mustSwap(t, m, SwapOptions{From: []string{"sigmoid"}, To: "isru_sigmoid", Style: style})
			}
			if got := m.proto.Graph.Node; newGraph(m.proto.Graph).producer["Y"] == nil || slices.ContainsFunc(got, isRecurrent) {
				t.Errorf("%v: %v", c, got)
			}
			if r == nil {
				continue
			}
			y, yh, yc := recurrentReference(t, c.model(t), c, recurrentInput().Floats, f, g, h)
			for i, got := range runAll(t, r, m, recurrentInput()) {
				want := [][]float64{y, yh, yc}[i]
				if d := distance(got.Floats, want); d > 1e-5 {
					t.Errorf("%v: %s differs by %.2g", c, got.Name, d)
				}
			}
		}
	}
}

func TestGatesThatONNXHasAreAttributes(t *testing.T) {
	r := startRuntime(t)
	for _, c := range recurrentCases() {
		m := c.model(t)
		mustSwap(t, m, SwapOptions{From: []string{"tanh"}, To: "elu:0.5"})
		n := m.proto.Graph.Node[0]
		if len(m.proto.Graph.Node) != 1 || n.OpType != c.op {
			t.Fatalf("%v: %v", c, m.proto.Graph.Node)
		}
		elu := func(x float64) float64 {
			if x >= 0 {
				return x
			}
			return 0.5 * math.Expm1(x)
		}
		sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
		f := sigmoid
		if c.op == "RNN" {
			f = elu
		}
		y, yh, yc := recurrentReference(t, m, c, recurrentInput().Floats, f, elu, elu)
		for i, got := range runAll(t, r, m, recurrentInput()) {
			if d := distance(got.Floats, [][]float64{y, yh, yc}[i]); d > 1e-5 {
				t.Errorf("%v: %s differs by %.2g", c, got.Name, d)
			}
		}
		// Back, the attribute says what the default is.
		mustSwap(t, m, SwapOptions{From: []string{"elu:0.5"}, To: "tanh"})
		if a := attribute(n, "activations"); a == nil || !strings.Contains(fmt.Sprintf("%s", a.Strings), "Tanh") || attribute(n, "activation_alpha") != nil {
			t.Errorf("%v: %v", c, n.Attribute)
		}
	}
}

func TestGatesTakeTheirParametersInOrder(t *testing.T) {
	n := &onnxpb.NodeProto{Name: "n", OpType: "LSTM", Output: []string{"y"}, Attribute: []*onnxpb.AttributeProto{
		{Name: "activations", Strings: [][]byte{[]byte("hardsigmoid"), []byte("Tanh"), []byte("Elu")}},
		{Name: "activation_alpha", Floats: []float32{0.3, 0.5}},
		{Name: "activation_beta", Floats: []float32{0.4}},
	}}
	gates, err := gatesOf(n)
	if err != nil {
		t.Fatal(err)
	}
	if g := gates[0]; g.kind != "hard_sigmoid" || g.alpha != 0.3 || g.beta != 0.4 || g.function != "" {
		t.Errorf("%+v", g)
	}
	if gates[1].function != "tanh" || gates[2].function != "elu:0.5" {
		t.Errorf("%+v", gates)
	}
	gates[1], _ = gateOf(isrlu.Must(isrlu.LeakyReLU(0.2)))
	setGates(n, gates)
	if again, err := gatesOf(n); err != nil || again[0].alpha != 0.3 || again[1].function != "leaky_relu:0.2" || again[2].function != "elu:0.5" {
		t.Errorf("%+v, %v", again, err)
	}
	for _, bad := range []*onnxpb.AttributeProto{{Name: "activations", Strings: [][]byte{[]byte("Tanh")}}, {Name: "activations", Strings: [][]byte{[]byte("Tanh"), []byte("Sin"), []byte("Tanh")}}, {Name: "direction", S: []byte("up")}} {
		n.Attribute = []*onnxpb.AttributeProto{bad}
		if _, err := gatesOf(n); err == nil || !strings.Contains(err.Error(), `"n"`) {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}

func TestWhatAScanDoesNotTakeOverIsNamed(t *testing.T) {
	c := recurrentCase{"LSTM", "forward", false, true, true, 17}
	for what, change := range map[string]func(n *onnxpb.NodeProto){
		"sequence_lens": func(n *onnxpb.NodeProto) { n.Input[4] = "H0" },
		"peepholes":     func(n *onnxpb.NodeProto) { n.Input = append(n.Input, "H0") },
		"layout":        func(n *onnxpb.NodeProto) { setInt(n, "layout", 1) },
		"clip":          func(n *onnxpb.NodeProto) { setFloat(n, "clip", 3) },
		"input_forget":  func(n *onnxpb.NodeProto) { setInt(n, "input_forget", 1) },
		"hidden_size":   func(n *onnxpb.NodeProto) { setInt(n, "hidden_size", -1) },
	} {
		m := c.model(t)
		change(m.proto.Graph.Node[0])
		before := proto.CloneOf(m.proto)
		_, err := m.Swap(SwapOptions{From: []string{"tanh"}, To: "isru"})
		if err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), `"layer"`) {
			t.Errorf("%s: error %v", what, err)
		}
		if !proto.Equal(m.proto, before) {
			t.Errorf("%s: the model changed", what)
		}
	}
}
