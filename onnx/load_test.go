package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	"transformer":          {`"/layer/norm1/Pow" (Pow): the engine has no such operator`, `"/norm/Sqrt" (Sqrt)`},
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

var _ = fmt.Sprint
var _ = math.Abs
var _ = rand.New
var _ ort.Tensor
