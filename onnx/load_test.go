package onnx

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
)

// samplesFirst moves the batch of a tensor to the front.
func samplesFirst(x []float64, shape []int, axis int) []float32 {
	y := make([]float32, len(x))
	outer, n, inner := sizeOf(shape[:axis]), shape[axis], sizeOf(shape[axis+1:])
	for i := range outer {
		for s := range n {
			for k := range inner {
				y[(s*outer+i)*inner+k] = float32(x[(i*n+s)*inner+k])
			}
		}
	}
	return y
}

// samplesBack is its inverse.
func samplesBack(x []float32, shape []int, axis int) []float64 {
	y := make([]float64, len(x))
	outer, n, inner := sizeOf(shape[:axis]), shape[axis], sizeOf(shape[axis+1:])
	for i := range outer {
		for s := range n {
			for k := range inner {
				y[(i*n+s)*inner+k] = float64(x[(s*outer+i)*inner+k])
			}
		}
	}
	return y
}

// predict runs a loaded model on an input as ONNX has it, batch included, and returns
// the output likewise.
func predict(l *Loaded[float32], input torchTensor, output []int) []float32 {
	x := samplesFirst(input.Values, input.Shape, l.Input().BatchAxis)
	in := make([]float32, len(x))
	l.FromONNX(in, x)
	y := slices.Clone(l.Model().Predict(in))
	out := make([]float32, len(y))
	l.ToONNX(out, y)
	list := make([]float32, len(out))
	for i, v := range samplesBack(out, output, l.Output().BatchAxis) {
		list[i] = float32(v)
	}
	return list
}

// unsupported are the models that the engine does not hold, and what the error says.
var unsupported = map[string][]string{
	"convs":                {`"/groups/Conv" (Conv): 2 groups`, `"/dilated/Conv" (Conv): dilations [2 2]`, `"/ReduceMean" (ReduceMean): it leaves axes 1 and 3`},
	"mlp_hardsigmoid":      {`"/1/HardSigmoid" (HardSigmoid): the engine has no hard_sigmoid`, `"/1_1/HardSigmoid"`},
	"mlp_hardswish":        {`"/1/HardSwish" (HardSwish): the engine has no hard_swish`, "swap it"},
	"mlp_hardswish_old":    {`"/1/Mul" (Mul): the engine has no hard_swish`},
	"mlp_mish":             {"the engine has no mish"},
	"mlp_relu6":            {"the engine has no relu6"},
	"mlp_softsign":         {"the engine has no softsign"},
	"mobilenet1":           {`"/2/Clip" (Clip): the engine has no relu6`, `"/14/Clip"`},
	"mobilenet1_batchnorm": {`"/2/Clip" (Clip): the engine has no relu6`, `"/14/Clip"`},
	"mobilenet2":           {`"/1/Clip" (Clip): the engine has no relu6`},
	"mobilenet3":           {`"/1/HardSwish" (HardSwish)`, `"/2/body/body.6/gate/HardSigmoid" (HardSigmoid)`},
	"mobilenet3_old":       {`"/1/Mul" (Mul): the engine has no hard_swish`, `(HardSigmoid)`},
	"transformer":          {`"/layer/self_attn/Slice_2" (Slice)`},
	"transformer_norm":     {`"/layer/self_attn/Slice_2" (Slice)`},
}

// loadModel loads a model that the test closes.
func loadModel(t testing.TB, m *Model, o LoadOptions) *Loaded[float32] {
	t.Helper()
	l, err := Load[float32](m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestLoadedModelsGiveTheOutputsOfPyTorch(t *testing.T) {
	for _, m := range torchModels(t) {
		t.Run(m.Name, func(t *testing.T) {
			o := LoadOptions{Options: nn.Options{Batch: 2, Inference: true}}
			if wants := unsupported[m.Name]; wants != nil {
				_, err := Load[float32](m.Model, o)
				for _, want := range wants {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("error %v does not say %q", err, want)
					}
				}
				return
			}
			l := loadModel(t, m.Model, o)
			if d := distance(predict(l, m.Input, m.Output.Shape), m.Output.Values); d > max(m.tolerance(), 1e-5) {
				t.Errorf("outputs differ by %.2g", d)
			}
		})
	}
}

// random fills an input with other values than PyTorch had.
func (t torchTensor) random(seed uint64) torchTensor {
	r := rand.New(rand.NewPCG(seed, 1))
	t.Values = slices.Clone(t.Values)
	for i := range t.Values {
		if t.Type == "int64" {
			t.Values[i] = float64(r.IntN(11)) // tokens of the models that have some
		} else {
			t.Values[i] = float64(float32(r.NormFloat64()))
		}
	}
	return t
}

// compareWithRuntime compares the engine with ONNX Runtime on an input.
func compareWithRuntime(t *testing.T, r *ort.Runtime, l *Loaded[float32], data []byte, input torchTensor, tolerance float64) {
	t.Helper()
	want := evaluate(t, r, data, input.tensor())
	var shape []int
	for _, d := range want.Dims {
		shape = append(shape, int(d))
	}
	var values []float64
	for _, v := range want.Floats {
		values = append(values, float64(v))
	}
	if d := distance(predict(l, input, shape), values); d > tolerance {
		t.Errorf("the engine and ONNX Runtime differ by %.2g", d)
	}
}

func TestLoadedModelsGiveTheOutputsOfTheRuntime(t *testing.T) {
	r := startRuntime(t)
	for _, m := range torchModels(t) {
		if unsupported[m.Name] != nil {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			data, err := m.Model.Encode()
			if err != nil {
				t.Fatal(err)
			}
			l := loadModel(t, m.Model, LoadOptions{Options: nn.Options{Batch: 2}})
			for seed := range uint64(3) {
				compareWithRuntime(t, r, l, data, m.Input.random(seed), 10*m.tolerance())
			}
		})
	}
}

// trainSteps trains a loaded model a little, on random labels.
func trainSteps(t *testing.T, l *Loaded[float32], input torchTensor, steps int) {
	t.Helper()
	trainer, err := nn.NewTrainer(l.Model(), nn.TrainerOptions{Optimizer: nn.SGD(.9), Schedule: nn.Constant(.05), ClipNorm: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := samplesFirst(input.Values, input.Shape, l.Input().BatchAxis)
	in := make([]float32, len(x))
	l.FromONNX(in, x)
	out := l.Model().Output()
	classes := out[len(out)-1]
	labels := make([]int, input.Shape[l.Input().BatchAxis]*out.Size()/classes)
	for i := range labels {
		labels[i] = i % classes
	}
	for range steps {
		if s := trainer.Step(nn.Batch[float32]{X: in, Labels: labels}); math.IsNaN(s.Loss) || s.Norm == 0 {
			t.Fatalf("a step has the loss %v and gradients of norm %v", s.Loss, s.Norm)
		}
	}
}

// What a loaded model is trained to comes back, in the file and in ONNX Runtime.
func TestStoreKeepsWhatIsTrained(t *testing.T) {
	var r *ort.Runtime
	if os.Getenv(ort.Variable) != "" {
		r = startRuntime(t)
	}
	for _, m := range torchModels(t) {
		if unsupported[m.Name] != nil {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			before, err := m.Model.Encode()
			if err != nil {
				t.Fatal(err)
			}
			l := loadModel(t, m.Model, LoadOptions{Options: nn.Options{Batch: 2}})
			if err := l.Store(); err != nil {
				t.Fatal(err)
			}
			if data, err := m.Model.Encode(); err != nil || !slices.Equal(data, before) {
				t.Errorf("storing what was loaded changes the model: %v", err)
			}
			trainSteps(t, l, m.Input, 3)
			trained := predict(l, m.Input, m.Output.Shape)
			if d := distance(trained, m.Output.Values); d < 1e-4 {
				t.Fatalf("training changes the output by %.2g", d)
			}
			if err := l.Store(); err != nil {
				t.Fatal(err)
			}
			data, err := m.Model.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			var want []float64
			for _, v := range trained {
				want = append(want, float64(v))
			}
			tolerance := m.tolerance()
			loaded := loadModel(t, again, LoadOptions{Options: nn.Options{Batch: 2, Inference: true}})
			if d := distance(predict(loaded, m.Input, m.Output.Shape), want); d > tolerance {
				t.Errorf("loaded again, outputs differ by %.2g", d)
			}
			if r != nil {
				compareWithRuntime(t, r, loaded, data, m.Input, 10*tolerance)
			}
		})
	}
}

func TestNetworkIsThatOfTheLoadedModel(t *testing.T) {
	for _, m := range torchModels(t) {
		if unsupported[m.Name] != nil {
			continue
		}
		n, err := m.Model.Network(LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		l := loadModel(t, m.Model, LoadOptions{Options: nn.Options{Inference: true}})
		if other, err := json.Marshal(l.Model().Network()); err != nil || string(other) != string(text) {
			t.Errorf("%s: %s, but the model has %s: %v", m.Name, text, other, err)
		}
		if back, err := nn.ReadNetwork(strings.NewReader(string(text))); err != nil {
			t.Errorf("%s: %v in %s", m.Name, err, text)
		} else if third, _ := json.Marshal(back); string(third) != string(text) {
			t.Errorf("%s: %s is read as %s", m.Name, text, third)
		}
		names := map[string]bool{}
		for _, a := range l.Model().Activations() {
			names[a.Layer] = true
		}
		for _, a := range l.Activations() {
			if !names[a.Layer] || a.Node == "" || a.Function == "" {
				t.Errorf("%s: activation %+v", m.Name, a)
			}
			delete(names, a.Layer)
		}
		if len(names) > 0 {
			t.Errorf("%s: activations %v of the engine are not named", m.Name, names)
		}
	}
}
