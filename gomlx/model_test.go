package gomlx

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	gctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
)

// digits returns some digits and their labels.
func digits(t *testing.T, n int) (x []float32, labels []int) {
	t.Helper()
	set, err := data.Load(context.Background(), "digits", data.Options{Train: n, Test: 1})
	if err != nil {
		t.Fatal(err)
	}
	x, labels = make([]float32, n*set.Train.Size()), make([]int, n)
	set.Train.Fill(x, labels, data.Permutation(n, 1, 0))
	return x, labels
}

// builtin returns a built-in network for images with a function.
func builtin(t *testing.T, name, activation string) nn.Network {
	t.Helper()
	n, err := experiment.Builtin(experiment.Tasks[0], name)
	if err != nil {
		t.Fatal(err)
	}
	n.Activation = activation
	return n
}

// logits returns the output of a model in GoMLX.
func logits(t *testing.T, m *Model, x []float32, samples int) []float32 {
	t.Helper()
	out := runContext(t, testBackend, m.Context(), func(_ *Graph, in []*Node) []*Node {
		return m.Graph(m.Context(), nil, in)
	}, tensors.FromFlatDataAndDimensions(x, samples, len(x)/samples))
	return flat[float32](t, out[0])
}

// within fails where two lists differ by more than 1e-4, and where they hold nothing
// that could.
func within(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) || slices.Max(want)-slices.Min(want) < .1 {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-4) {
			t.Fatalf("logit %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// A checkpoint that package nn has trained gives the same logits in GoMLX, and one that
// GoMLX has trained on gives the same in package nn.
func TestCheckpointsMoveBothWays(t *testing.T) {
	const batch, steps = 4, 3
	x, labels := digits(t, batch*steps)
	for _, c := range []struct{ network, activation string }{
		{"conv4", "isrlu"},
		{"conv4", "isrlu:3:learn-channel"},
		{"conv3", "isrlu:2:learn"},
		{"conv3", "elu"},
		{"mlp", "isru:1:learn-channel"},
	} {
		t.Run(c.network+" "+c.activation, func(t *testing.T) {
			first, second := filepath.Join(t.TempDir(), "first.safetensors"), filepath.Join(t.TempDir(), "second.safetensors")
			trained := trainNN(t, builtin(t, c.network, c.activation), first, x, labels, batch)
			m, metadata, err := Load(first)
			if err != nil {
				t.Fatal(err)
			}
			if metadata["made by"] != "package nn" {
				t.Errorf("metadata is %v", metadata)
			}
			before := logits(t, m, x[:batch*784], batch)
			within(t, before, trained)

			trainGoMLX(t, m, x, labels, batch)
			after := logits(t, m, x[:batch*784], batch)
			if slices.Equal(before, after) {
				t.Error("training has changed nothing")
			}
			if err := m.Save(second, map[string]string{"made by": "GoMLX"}); err != nil {
				t.Fatal(err)
			}
			back, metadata, err := nn.Load[float32](second, nn.Options{Batch: batch, Inference: true})
			if err != nil {
				t.Fatal(err)
			}
			defer back.Close()
			if metadata["made by"] != "GoMLX" {
				t.Errorf("metadata is %v", metadata)
			}
			within(t, back.Predict(x[:batch*784]), after)
			again, _, err := Load(second)
			if err != nil {
				t.Fatal(err)
			}
			if got := logits(t, again, x[:batch*784], batch); !slices.Equal(got, after) {
				t.Error("what was saved and loaded gives other logits")
			}
		})
	}
}

// trainNN trains a network in package nn, saves it, and returns the logits of the first
// batch.
func trainNN(t *testing.T, n nn.Network, path string, x []float32, labels []int, batch int) []float32 {
	t.Helper()
	model, err := nn.New[float32](n, nn.Options{Batch: batch, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	trainer, err := nn.NewTrainer(model, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: nn.Constant(.003)})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(labels); i += batch {
		trainer.Step(nn.Batch[float32]{X: x[i*784:][:batch*784], Labels: labels[i:][:batch]})
	}
	if err := trainer.Save(path, map[string]string{"made by": "package nn"}); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(model.Predict(x[:batch*784]))
}

// trainGoMLX trains a model in GoMLX.
func trainGoMLX(t *testing.T, m *Model, x []float32, labels []int, batch int) {
	t.Helper()
	trainer := train.NewTrainer(testBackend, m.Context(), m.Graph, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.Adam().LearningRate(.003).Done(), nil, nil)
	for i := 0; i < len(labels); i += batch {
		l := make([]int32, batch)
		for k := range l {
			l[k] = int32(labels[i+k])
		}
		_, err := trainer.TrainStep(nil,
			[]*tensors.Tensor{tensors.FromFlatDataAndDimensions(x[i*784:][:batch*784], batch, 784)},
			[]*tensors.Tensor{tensors.FromFlatDataAndDimensions(l, batch, 1)})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A learned parameter comes back to Least after a step that would take it below.
func TestLearnedParametersStayPositive(t *testing.T) {
	n := nn.Network{Input: nn.Shape{2}, Layers: nn.Sequential{nn.Activation{Function: "isrlu:0.01:learn-channel"}, nn.Dense{Units: 2}}}
	m, err := New(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	trainer := train.NewTrainer(testBackend, m.Context(), m.Graph, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.StochasticGradientDescent().WithLearningRate(100).WithDecay(false).Done(), nil, nil)
	lowest := float32(1)
	for range 3 {
		_, err := trainer.TrainStep(nil,
			[]*tensors.Tensor{tensors.FromFlatDataAndDimensions([]float32{-1, -2, -3, 1}, 2, 2)},
			[]*tensors.Tensor{tensors.FromFlatDataAndDimensions([]int32{0, 1}, 2, 1)})
		if err != nil {
			t.Fatal(err)
		}
		alpha, err := m.values("1.activation.alpha")
		if err != nil {
			t.Fatal(err)
		}
		lowest = min(lowest, slices.Min(alpha))
	}
	if lowest != float32(Least) {
		t.Errorf("the lowest alpha is %v, want %v: nothing was brought back", lowest, Least)
	}
}

// The logits and the gradients of all weights are those of package nn, for convolutions
// with strides, even kernels and padding, pooling, and learned functions.
func TestGradientsAreThoseOfPackageNN(t *testing.T) {
	n := nn.Network{Input: nn.Shape{11, 8, 2}, Init: nn.Glorot(), Activation: "isrlu:2:learn-channel", Layers: nn.Sequential{
		nn.Conv2D{Filters: 3, Kernel: nn.Pair{Height: 4, Width: 3}, Padding: nn.Same}, nn.Activation{},
		nn.Conv2D{Filters: 4, Kernel: nn.Pair{Height: 2, Width: 3}, Padding: nn.Pad(1), NoBias: true}, nn.Activation{Function: "isru", Learn: nn.PerLayer},
		nn.MaxPool{Size: nn.Pair{Height: 3, Width: 2}},
		nn.Conv2D{Filters: 5, Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Same}, nn.Activation{Function: "isru_sigmoid:1:learn"},
		nn.Flatten{}, nn.DyISRU{}, nn.Dense{Units: 6}, nn.Activation{Function: "elu"}, nn.Dense{Units: 3, NoBias: true},
	}}
	testGradients(t, n)
	for _, c := range []nn.Conv2D{
		{Kernel: nn.Square(2), Stride: nn.Square(3)},
		{Kernel: nn.Pair{Height: 3, Width: 1}, Stride: nn.Pair{Height: 5, Width: 3}}, // reads not all of its input
		{Kernel: nn.Pair{Height: 1, Width: 4}, Stride: nn.Pair{Height: 2, Width: 1}, Padding: nn.Same},
		{Kernel: nn.Square(6), Stride: nn.Square(2), Padding: nn.Pad(2)},
	} {
		c.Filters = 3
		n.Layers = nn.Sequential{nn.Conv2D{Filters: 2, Kernel: nn.Square(1)}, c, nn.Activation{}, nn.GlobalAvgPool{}}
		testGradients(t, n)
	}
	for _, spec := range []string{"identity", "relu", "leaky_relu:0.1", "elu:0.5", "selu", "tanh", "sigmoid", "softplus", "silu", "gelu", "gelu_tanh", "isru_sigmoid:1,0.5"} {
		testGradients(t, nn.Network{Input: nn.Shape{5}, Activation: spec, Layers: nn.Sequential{nn.Dense{Units: 9}, nn.Activation{}, nn.Dense{Units: 2}}})
	}
}

func testGradients(t *testing.T, n nn.Network) {
	t.Helper()
	const samples = 3
	reference, err := nn.New[float32](n, nn.Options{Batch: samples, Seed: 2, Direct: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reference.Close()
	x := make([]float32, samples*n.Input.Size())
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	want := slices.Clone(reference.Predict(x))
	targets := make([]float32, len(want))
	for i := range targets {
		targets[i] = float32(i % 3)
	}
	reference.Gradients(nn.Batch[float32]{X: x, Targets: targets}, nn.MeanSquaredError)
	compareModel(t, n, 2, reference, x, want, targets)
}

func TestModelErrors(t *testing.T) {
	for _, c := range []struct {
		layers nn.Sequential
		want   string
	}{
		{nn.Sequential{nn.Dense{Units: 3}, nn.BatchNorm{}}, "gomlx: layer 2 (batch_norm): there is none of this type"},
		{nn.Sequential{nn.Dense{Units: 3}, nn.Activation{Function: "isrlu@q4.11"}}, "gomlx: layer 2 (activation): isrlu@q4.11 is a unit of hardware"},
		{nn.Sequential{nn.Dense{Units: 3}, nn.Activation{Function: "elu:1", Learn: nn.PerLayer}}, "gomlx: layer 2 (activation): the parameter of elu is not learned here"},
		{nn.Sequential{nn.Dense{}}, "nn: layer 1 (dense): units must be at least 1, got 0"},
	} {
		_, err := New(nn.Network{Input: nn.Shape{4}, Layers: c.layers}, 1)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if _, _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was loaded")
	}
	for _, c := range []struct {
		f    func(x *Node)
		want string
	}{
		{func(x *Node) { ISRLU(x, -1) }, "isrlu: alpha must be positive and finite, got -1"},
		{func(x *Node) { Apply(x, "isrlo") }, `unknown function "isrlo"`},
		{func(x *Node) { Activation(gctx.New(), x, "elu:1:learn") }, "gomlx: the parameter of elu is not learned here"},
		{func(x *Node) { ISRUWith(x, Const(x.Graph(), []float32{1, 2}), Auto) }, "one number for each of 3 channels"},
		{func(x *Node) { ISRUWith(x, Const(x.Graph(), float32(1)), Backward(9)) }, "unknown Backward(9)"},
	} {
		exec, err := NewExec(testBackend, func(x *Node) *Node { c.f(x); return x })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.Exec([]float32{1, 2, 3}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
