package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
)

// exportCases are networks that have every kind of layer among them.
var exportCases = func() map[string]nn.Network {
	image, sequence := nn.Shape{7, 6, 3}, nn.Shape{5, 6}
	conv := nn.Conv2D{Filters: 4, Kernel: nn.Square(3), Padding: nn.Same}
	act := nn.Activation{}
	end := nn.Sequential{nn.Flatten{}, nn.Dense{Units: 3}}
	with := func(input nn.Shape, layers ...nn.Layer) nn.Network {
		return nn.Network{Input: input, Activation: "isrlu:2", Layers: layers}
	}
	ended := func(layers ...nn.Layer) nn.Network { return with(image, append(layers, end...)...) }
	cases := map[string]nn.Network{
		"conv2d":            ended(conv, act),
		"conv2d_stride":     ended(nn.Conv2D{Filters: 5, Kernel: nn.Pair{Height: 2, Width: 3}, Stride: nn.Pair{Height: 2, Width: 1}, NoBias: true}),
		"conv2d_same":       ended(nn.Conv2D{Filters: 2, Kernel: nn.Square(4), Stride: nn.Square(2), Padding: nn.Same}),
		"conv2d_pad":        ended(nn.Conv2D{Filters: 2, Kernel: nn.Square(3), Padding: nn.Padding{Height: 2, Width: 1}}),
		"depthwise_conv2d":  ended(nn.DepthwiseConv2D{Kernel: nn.Square(3), Padding: nn.Same, Stride: nn.Square(2)}, act),
		"max_pool":          ended(conv, act, nn.MaxPool{Size: nn.Square(2)}),
		"max_pool_pad":      ended(nn.MaxPool{Size: nn.Square(3), Stride: nn.Square(2), Padding: nn.Pad(1)}),
		"max_pool_same":     ended(nn.MaxPool{Size: nn.Square(4), Stride: nn.Square(2), Padding: nn.Same}),
		"avg_pool_pad":      ended(nn.AvgPool{Size: nn.Square(3), Stride: nn.Square(2), Padding: nn.Pad(1)}),
		"avg_pool_count":    ended(nn.AvgPool{Size: nn.Square(3), Stride: nn.Square(2), Padding: nn.Padding{Height: 1}, CountPadding: true}),
		"avg_pool_same":     ended(nn.AvgPool{Size: nn.Square(4), Stride: nn.Square(2), Padding: nn.Same, CountPadding: true}),
		"product":           ended(nn.Product{Body: nn.Sequential{conv}, Gate: nn.Sequential{nn.GlobalAvgPool{}, nn.Dense{Units: 4}, nn.Activation{Function: "sigmoid"}}}),
		"product_whole":     ended(nn.Product{Gate: nn.Sequential{nn.Activation{Function: "sigmoid"}}}),
		"product_steps":     with(sequence, nn.Product{Gate: nn.Sequential{nn.GlobalAvgPool{}}}),
		"concat":            ended(nn.Concat{Branches: []nn.Sequential{{conv, act}, {}, {nn.MaxPool{Size: nn.Square(3), Stride: nn.Square(1), Padding: nn.Same}}}}),
		"concat_steps":      with(sequence, nn.Concat{Branches: []nn.Sequential{{nn.Dense{Units: 2}}, {}}}),
		"concat_features":   with(image, nn.Concat{Branches: []nn.Sequential{{conv, nn.Flatten{}}, {nn.Flatten{}, nn.Dense{Units: 2}}}}),
		"affine":            ended(nn.Affine{}, nn.Affine{NoScale: true}, nn.Affine{NoShift: true, Frozen: true}),
		"affine_steps":      with(sequence, nn.Affine{}),
		"max_pool_stride":   ended(nn.MaxPool{Size: nn.Pair{Height: 3, Width: 2}, Stride: nn.Square(1)}),
		"avg_pool":          ended(conv, nn.AvgPool{Size: nn.Square(2)}, act),
		"global_avg_pool":   with(image, conv, act, nn.GlobalAvgPool{}, nn.Dense{Units: 3}),
		"dropout":           ended(conv, nn.Dropout{Rate: .5}),
		"batch_norm":        ended(conv, nn.BatchNorm{Epsilon: 1e-2}, act),
		"batch_norm_flat":   with(image, conv, nn.Flatten{}, nn.BatchNorm{}, nn.Dense{Units: 3}),
		"batch_norm_steps":  with(sequence, nn.BatchNorm{}, nn.Dense{Units: 3}),
		"flatten":           with(image, conv, nn.Flatten{}),
		"flatten_dense":     with(image, conv, nn.Flatten{}, act, nn.Dropout{Rate: .5}, nn.Dense{Units: 4, NoBias: true}, nn.Flatten{}),
		"flatten_channel":   with(image, conv, nn.Flatten{}, nn.Activation{Function: "isrlu:learn-channel"}, nn.Dense{Units: 4}),
		"flatten_first":     with(image, nn.Flatten{}, nn.Dense{Units: 4}),
		"flatten_pixel":     with(nn.Shape{3, 3, 2}, nn.Conv2D{Filters: 4, Kernel: nn.Square(3)}, nn.Flatten{}, nn.LayerNorm{}),
		"flatten_steps":     with(sequence, nn.Flatten{}, nn.Dense{Units: 4}),
		"flatten_residual":  with(nn.Shape{2, 2, 3}, nn.Residual{Body: nn.Sequential{conv, nn.Flatten{}}, Shortcut: nn.Sequential{nn.Flatten{}, nn.Dense{Units: 16}}}),
		"dense":             with(nn.Shape{6}, nn.Dense{Units: 5}, act, nn.Dense{Units: 3, NoBias: true}),
		"dense_steps":       with(sequence, nn.Dense{Units: 5}, act, nn.Dense{Units: 3, NoBias: true}, nn.GlobalAvgPool{}),
		"nothing":           with(nn.Shape{6}, nn.Dropout{Rate: .5}),
		"residual":          ended(conv, nn.Residual{Body: nn.Sequential{conv, nn.BatchNorm{}, act, conv}}, act),
		"residual_shortcut": ended(&nn.Residual{Body: nn.Sequential{conv, nn.Residual{Body: nn.Sequential{act}}}, Shortcut: nn.Sequential{&nn.Conv2D{Filters: 4, Kernel: nn.Square(1)}}}),
		"embedding":         with(nn.Shape{5}, nn.Embedding{Tokens: 7, Units: 6}, nn.PositionEmbedding{}, nn.Dense{Units: 3}),
		"norm":              with(sequence, nn.Norm{}, nn.Norm{Method: "dyt"}, nn.Dense{Units: 4}, nn.Norm{Method: "layer_norm"}, nn.Norm{Method: "dyisru"}),
		"attention":         with(sequence, nn.Attention{Heads: 2}),
		"attention_both":    with(sequence, nn.Attention{Heads: 3, Bidirectional: true, NoBias: true}),
		"transformer_block": with(sequence, nn.TransformerBlock{Heads: 2, Dropout: .1}, nn.TransformerBlock{Heads: 1, Hidden: 5, Norm: "layer_norm", Activation: "gelu", NoBias: true}, nn.Norm{Method: "dyisru"}),
	}
	for name, l := range map[string]nn.Layer{"layer_norm": nn.LayerNorm{Epsilon: 1e-2}, "rms_norm": nn.RMSNorm{}, "dyt": nn.DyT{}, "dyisru": nn.DyISRU{}} {
		cases[name] = with(sequence, l, nn.Dense{Units: 3})
		cases[name+"_image"] = ended(conv, l)
		cases[name+"_features"] = with(nn.Shape{6}, l)
	}
	for _, last := range []bool{false, true} {
		for _, both := range []bool{false, true} {
			suffix := ""
			if last {
				suffix += "_last"
			}
			if both {
				suffix += "_both"
			}
			for kind, l := range map[string]nn.Layer{
				"lstm": nn.LSTM{Units: 4, Activation: "tanh", Last: last, Bidirectional: both},
				"gru":  nn.GRU{Units: 4, Activation: "tanh", Last: last, Bidirectional: both},
				"rnn":  nn.RNN{Units: 4, Activation: "tanh", Last: last, Bidirectional: both},
			} {
				cases[kind+suffix] = with(sequence, l, nn.Dense{Units: 3})
				cases[kind+suffix+"_scan"] = with(sequence, withState(l, "isru"), nn.Dense{Units: 3})
			}
		}
	}
	for _, spec := range functionSpecs() {
		cases["activation_"+spec] = ended(conv, nn.Activation{Function: spec})
		cases["activation_steps_"+spec] = with(sequence, nn.Dense{Units: 4}, nn.Activation{Function: spec})
	}
	return cases
}()

// functionSpecs are all functions, with parameters other than the usual ones, and
// learned ones.
func functionSpecs() []string {
	var list []string
	for _, f := range isrlu.Functions() {
		spec := f.Name
		for i := range f.Params {
			spec += string(":,"[min(i, 1)]) + fmt.Sprint([]float64{.7, 1.6}[i])
		}
		list = append(list, spec)
		if len(f.Params) > 0 {
			list = append(list, spec+":learn", spec+":learn-channel")
		}
	}
	return list
}

// withState returns a recurrent layer with another function of its state.
func withState(l nn.Layer, spec string) nn.Layer {
	switch l := l.(type) {
	case nn.LSTM:
		l.Activation = spec
		return l
	case nn.GRU:
		l.Activation = spec
		return l
	}
	r := l.(nn.RNN)
	r.Activation = spec
	return r
}

// newExported makes a network with random parameters, biases and running means too,
// for a batch of two.
func newExported[T nn.Float](t testing.TB, n nn.Network) *nn.Model[T] {
	t.Helper()
	m, err := nn.New[T](n, nn.Options{Batch: 2, Threads: 1, Seed: 3, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	r := rand.New(rand.NewPCG(5, 7))
	for _, p := range m.Parameters() {
		for i := range p.Value {
			p.Value[i] *= T(.8 + .4*r.Float64())
			if strings.HasSuffix(p.Name, "bias") || strings.HasSuffix(p.Name, "shift") || strings.HasSuffix(p.Name, "running_mean") {
				p.Value[i] = T(.3 * r.NormFloat64())
			}
		}
	}
	m.Changed()
	return m
}

// randomInput returns two samples for a network, as the network takes them and as
// its model does.
func randomInput[T nn.Float](n nn.Network, o ExportOptions) ([]T, ort.Tensor) {
	r := rand.New(rand.NewPCG(11, 13))
	s := n.Input
	x := make([]T, 2*s.Size())
	in := ort.Tensor{Name: inputName, Type: "float32", Dims: []int64{2}}
	if o.Float64 {
		in.Type = "float64"
	}
	e, tokens := n.Layers[0].(nn.Embedding)
	for i := range x {
		x[i] = T(2 * r.NormFloat64())
		if tokens {
			x[i] = T(r.IntN(e.Tokens))
		}
	}
	for _, d := range s {
		in.Dims = append(in.Dims, int64(d))
	}
	switch {
	case tokens:
		in.Type = "int64"
		for _, v := range x {
			in.Ints = append(in.Ints, int64(v))
		}
	case len(s) == 3 && o.InputLayout != channelsLast:
		in.Dims = []int64{2, int64(s[2]), int64(s[0]), int64(s[1])}
		for b := range 2 {
			for c := range s[2] {
				for i := range s[0] * s[1] {
					in.Floats = append(in.Floats, float32(x[(b*s[0]*s[1]+i)*s[2]+c]))
				}
			}
		}
	default:
		for _, v := range x {
			in.Floats = append(in.Floats, float32(v))
		}
	}
	return x, in
}

// exportAndCompare exports a network, and compares what ONNX Runtime computes with
// what the network predicts, if there is a runtime.
func exportAndCompare[T nn.Float](t *testing.T, r *ort.Runtime, n nn.Network, o ExportOptions) *Model {
	t.Helper()
	m := newExported[T](t, n)
	model, err := Export(m, o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); err != nil {
		t.Fatal(err)
	}
	if r == nil {
		return model
	}
	x, in := randomInput[T](n, o)
	if o.Std != 0 {
		for i := range x {
			x[i] = T((float64(x[i]) - o.Mean) / o.Std)
		}
	}
	var want []float64
	for _, v := range m.Predict(x) {
		want = append(want, float64(v))
	}
	if o.Softmax {
		c := channelsOf(m.Output())
		for i := 0; i < len(want); i += c {
			sum := 0.
			for j := range c {
				want[i+j] = math.Exp(want[i+j])
				sum += want[i+j]
			}
			for j := range c {
				want[i+j] /= sum
			}
		}
	}
	got := evaluate(t, r, data, in)
	if d := distance(got.Floats, want); !(d < 1e-4) {
		t.Errorf("outputs differ by %.2g", d)
	}
	if want := append([]int64{2}, dims64(m.Output())...); !slices.Equal(got.Dims, want) {
		t.Errorf("the output has the shape %v, want %v", got.Dims, want)
	}
	return model
}

// maybeRuntime returns ONNX Runtime, or nil where there is none: then models are
// only validated.
func maybeRuntime(t *testing.T) *ort.Runtime {
	t.Helper()
	if os.Getenv(ort.Variable) == "" {
		t.Logf("models are validated only, not run: %s is not set", ort.Variable)
		return nil
	}
	return startRuntime(t)
}
