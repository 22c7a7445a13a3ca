package gomlx

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/isrlu/isrlu/nn"
)

// The outputs and the gradients of all weights are those of nn.LSTM, in all its forms.
func TestLSTMIsThatOfPackageNN(t *testing.T) {
	const samples, steps, features, units = 3, 5, 4, 6
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, samples*steps*features)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	for _, l := range []nn.LSTM{
		{Activation: "isru"},
		{Activation: "tanh"},
		{Activation: "isru:0.7", Gate: "isru_sigmoid:1"},
		{Activation: "tanh", Gate: "isru_sigmoid:1,0.5", Last: true},
		{Activation: "isru", Bidirectional: true},
		{Activation: "isru", Bidirectional: true, Last: true},
		{Activation: "tanh", Truncate: 2},
	} {
		l.Units = units
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			n := nn.Network{Input: nn.Shape{steps, features}, Layers: nn.Sequential{l, nn.Dense{Units: 2}}}
			reference, err := nn.New[float32](n, nn.Options{Batch: samples, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			defer reference.Close()
			want := append([]float32{}, reference.Predict(x)...)
			targets := make([]float32, len(want))
			for i := range targets {
				targets[i] = float32(random.NormFloat64())
			}
			reference.Gradients(nn.Batch[float32]{X: x, Targets: targets}, nn.MeanSquaredError)

			compareModel(t, n, 7, reference, x, want, targets)
		})
	}
}

// compareModel fails where a model in GoMLX, with and without the operations that its
// backend in Go lacks, has other outputs or gradients than the reference, which was made
// by the same seed.
func compareModel(t *testing.T, n nn.Network, seed uint64, reference *nn.Model[float32], x, want, targets []float32) {
	t.Helper()
	for _, b := range []backends.Backend{testBackend, richBackend} {
		m, err := New(n, seed)
		if err != nil {
			t.Fatal(err)
		}
		out := runModel(t, b, m, x, len(x)/n.Input.Size(), targets)
		compare(t, n.Activation+" output", flat[float32](t, out[0]), want)
		for i, p := range reference.Parameters() {
			compare(t, n.Activation+" gradient of "+p.Name, flat[float32](t, out[1+i]), p.Grad)
		}
	}
}

// runModel returns the outputs of a model and the gradients of its parameters, in their
// order, of the mean squared error.
func runModel(t *testing.T, b backends.Backend, m *Model, x []float32, samples int, targets []float32) []*tensors.Tensor {
	t.Helper()
	in := tensors.FromFlatDataAndDimensions(x, samples, len(x)/samples)
	return runContext(t, b, m.Context(), func(g *Graph, nodes []*Node) []*Node {
		y := m.Graph(m.Context(), nil, nodes[:1])[0]
		loss := ReduceAllMean(Square(Sub(Reshape(y, -1), nodes[1])))
		var weights []*Node
		for _, p := range m.params {
			scope, name, _ := cutLast(p.name)
			weights = append(weights, m.Context().GetVariableByScopeAndName("/"+scope, name).ValueGraph(g))
		}
		return append([]*Node{y}, Gradient(loss, weights...)...)
	}, in, targets)
}

// compare fails where numbers differ by more than 1e-5 of the largest.
func compare(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	most := float32(0)
	for _, v := range want {
		most = max(most, v, -v)
	}
	for i := range got {
		if d := got[i] - want[i]; !(d <= 1e-5*most && -d <= 1e-5*most) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// A cell's steps, one by one, are the layer.
func TestCellSteps(t *testing.T) {
	const samples, steps, features, units = 2, 4, 3, 5
	l := nn.LSTM{Units: units, Activation: "isru"}
	n := nn.Network{Input: nn.Shape{steps, features}, Layers: nn.Sequential{l}}
	m, err := New(n, 3)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, samples*steps*features)
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	in := tensors.FromFlatDataAndDimensions(x, samples, steps, features)
	out := runContext(t, testBackend, m.Context(), func(g *Graph, nodes []*Node) []*Node {
		layer := m.Graph(m.Context(), nil, nodes)[0]
		get := variables(m.Context().In("1.lstm"), nodes[0], l, nn.Shape{1, features})
		state, gate := lstmFunctions(l)
		c := &Cell{Weight: get("weight"), Recurrent: get("recurrent_weight"), Bias: get("bias"), State: state, Gate: gate}
		h := BroadcastToDims(ScalarZero(g, nodes[0].DType()), samples, units)
		memory := h
		var all []*Node
		for i := range steps {
			h, memory = c.Step(Reshape(Slice(nodes[0], AxisRange(), AxisElem(i)), samples, features), h, memory)
			all = append(all, h)
		}
		return []*Node{layer, TransposeAllAxes(Stack(all, 0), 1, 0, 2)}
	}, in)
	compare(t, "steps", flat[float32](t, out[1]), flat[float32](t, out[0]))
}
