package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isrlu/isrlu"
)

// checkGradients compares the gradient of every parameter with central
// differences, in float64.
func checkGradients(t *testing.T, n Network, o Options, loss Loss) {
	t.Helper()
	o.Batch, o.Seed = 3, 7
	m, err := New[float64](n, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := rand.New(rand.NewPCG(1, 9))
	b := Batch[float64]{X: make([]float64, 3*n.Input.Size())}
	tokens := 0
	if e, ok := n.Layers[0].(Embedding); ok {
		tokens = e.Tokens
	}
	for i := range b.X {
		if b.X[i] = r.NormFloat64(); tokens > 0 {
			b.X[i] = float64(r.IntN(tokens))
		}
	}
	if loss == MeanSquaredError {
		b.Targets = make([]float64, 3*m.Output().Size())
		for i := range b.Targets {
			b.Targets[i] = r.NormFloat64()
		}
	} else {
		classes := m.Output().channels()
		for i := range 3 * m.Output().Size() / classes {
			b.Labels = append(b.Labels, (i+i/2)%classes)
		}
	}
	// Biases begin at 0, where the functions have kinks.
	for _, p := range m.Parameters() {
		for i := range p.Value {
			if p.Grad != nil {
				p.Value[i] += .1 * r.Float64()
			}
		}
	}
	m.Gradients(b, loss)
	var grads [][]float64
	for _, p := range m.Parameters() {
		grads = append(grads, slices.Clone(p.Grad))
	}
	checked := 0
	for k, p := range m.Parameters() {
		if p.Grad == nil {
			continue
		}
		grad := grads[k]
		scale := 1e-3
		for _, g := range grad {
			scale = max(scale, math.Abs(g))
		}
		stride := max(1, len(grad)/25)
		for i := 0; i < len(grad); i += stride {
			const h = 1e-5
			w := p.Value[i]
			p.Value[i] = w + h
			up := m.Gradients(b, loss).Loss
			p.Value[i] = w - h
			down := m.Gradients(b, loss).Loss
			p.Value[i] = w
			want := (up - down) / (2 * h)
			if math.Abs(grad[i]-want) > 1e-6*scale+1e-9 {
				t.Errorf("%s[%d]: gradient %.10g, differences %.10g", p.Name, i, grad[i], want)
				return
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no parameter was checked")
	}
}

// around puts layers between a convolution, whose gradient needs theirs with
// respect to the input, and a dense layer.
func around(layers ...Layer) Network {
	n := Network{Input: Shape{5, 4, 2}, Layers: Sequential{Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}}}
	n.Layers = append(n.Layers, layers...)
	n.Layers = append(n.Layers, Flatten{}, Dense{Units: 4})
	return n
}

// over puts layers of sequences between a dense layer, whose gradient needs theirs
// with respect to the input, and another one.
func over(steps, features int, layers ...Layer) Network {
	n := Network{Input: Shape{steps, 3}, Layers: Sequential{Dense{Units: features}}}
	n.Layers = append(n.Layers, layers...)
	n.Layers = append(n.Layers, Dense{Units: 4})
	return n
}

// specs returns every function, with parameters away from their defaults, fixed
// and learned.
func specs() []string {
	var list []string
	for _, info := range isrlu.Functions() {
		s := info.Name
		list = append(list, s)
		if len(info.Params) > 0 {
			for i := range info.Params {
				s += string(":,"[min(i, 1)]) + fmt.Sprint(.7+float64(i))
			}
			list = append(list, s, s+":learn", s+":learn-channel")
		}
	}
	return list
}

// TestGradientsOfEveryActivation: alone and in the epilogue of every layer that
// takes one.
func TestGradientsOfEveryActivation(t *testing.T) {
	for _, spec := range specs() {
		act := Activation{Function: spec}
		networks := map[string]Network{
			"conv2d":     around(act, Conv2D{Filters: 2, Kernel: Square(2)}, act),
			"depthwise":  around(act, DepthwiseConv2D{Kernel: Square(2)}, act),
			"dense":      around(Flatten{}, Dense{Units: 6}, act),
			"batch_norm": around(BatchNorm{}, act),
			"product":    around(Product{Gate: Sequential{GlobalAvgPool{}}}, act),
			"residual":   around(Residual{Body: Sequential{Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}}}, act),
			"max_pool":   around(act, MaxPool{Size: Square(2)}),
			"pooled":     around(DepthwiseConv2D{Kernel: Square(3), Padding: Same}, act, MaxPool{Size: Square(2)}),
			"alone":      around(AvgPool{Size: Square(2)}, act, GlobalAvgPool{}),
		}
		for where, n := range networks {
			for _, unfused := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/unfused=%v", spec, where, unfused), func(t *testing.T) {
					checkGradients(t, n, Options{Unfused: unfused}, SoftmaxCrossEntropy)
				})
			}
		}
	}
}

func TestGradientsOfEveryLayer(t *testing.T) {
	for name, n := range map[string]Network{
		"conv2d stride":       around(Conv2D{Filters: 2, Kernel: Pair{3, 2}, Stride: Pair{2, 1}, Padding: Pad(1)}),
		"conv2d no bias":      around(Conv2D{Filters: 2, Kernel: Square(2), Stride: Square(3), NoBias: true}),
		"conv2d same even":    around(Conv2D{Filters: 2, Kernel: Square(4), Stride: Square(2), Padding: Same}),
		"depthwise":           around(DepthwiseConv2D{Kernel: Square(3), Padding: Same}),
		"depthwise stride":    around(DepthwiseConv2D{Kernel: Pair{3, 2}, Stride: Pair{2, 1}, Padding: Pad(1)}),
		"depthwise no bias":   around(DepthwiseConv2D{Kernel: Square(2), Stride: Square(3), NoBias: true}),
		"depthwise same even": around(DepthwiseConv2D{Kernel: Square(4), Stride: Square(2), Padding: Same}),
		"depthwise wide":      around(DepthwiseConv2D{Kernel: Pair{7, 6}, Padding: Pad(3)}),
		"depthwise first":     {Input: Shape{5, 4, 3}, Layers: Sequential{DepthwiseConv2D{Kernel: Square(3)}, Activation{Function: "gelu"}, Flatten{}, Dense{Units: 3}}},
		"depthwise pooled":    around(DepthwiseConv2D{Kernel: Square(2)}, MaxPool{Size: Square(2)}, Activation{Function: "isrlu:learn"}),
		"dense":               around(Flatten{}, Dense{Units: 40}, Dense{Units: 3, NoBias: true}),
		"max_pool":            around(MaxPool{Size: Square(2)}),
		"max_pool overlap":    around(MaxPool{Size: Square(3), Stride: Square(1)}),
		"avg_pool":            around(AvgPool{Size: Pair{2, 3}, Stride: Pair{1, 1}}),
		"max_pool padded":     around(MaxPool{Size: Square(3), Stride: Square(2), Padding: Pad(1)}, Activation{Function: "isrlu"}),
		"max_pool same":       around(DepthwiseConv2D{Kernel: Square(2)}, Activation{Function: "tanh"}, MaxPool{Size: Pair{3, 2}, Stride: Pair{2, 1}, Padding: Same}),
		"avg_pool padded":     around(AvgPool{Size: Pair{3, 2}, Stride: Pair{2, 1}, Padding: Pad(1)}, Activation{Function: "gelu"}),
		"avg_pool same":       around(AvgPool{Size: Square(3), Stride: Square(2), Padding: Same}),
		"avg_pool of zeros":   around(AvgPool{Size: Square(3), Stride: Square(1), Padding: Padding{Height: 2, Width: 1}, CountPadding: true}),
		"global_avg_pool":     {Input: Shape{4, 4, 2}, Layers: Sequential{Conv2D{Filters: 3, Kernel: Square(2)}, GlobalAvgPool{}, Dense{Units: 3}}},
		"dropout":             around(Dropout{Rate: .3}),
		"batch_norm":          around(BatchNorm{}),
		"batch_norm features": {Input: Shape{6}, Layers: Sequential{Dense{Units: 5}, BatchNorm{Epsilon: .1}, Dense{Units: 3}}},
		"residual": around(Residual{Body: Sequential{Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}, Activation{Function: "tanh"},
			Conv2D{Filters: 3, Kernel: Square(1)}}}),
		"residual shortcut": around(Residual{
			Body:     Sequential{Conv2D{Filters: 4, Kernel: Square(3), Padding: Same, Stride: Square(2)}, BatchNorm{}},
			Shortcut: Sequential{Conv2D{Filters: 4, Kernel: Square(1), Stride: Square(2)}},
		}, Activation{Function: "isrlu"}),
		"residual nested":                 around(Residual{Body: Sequential{Residual{Body: Sequential{Dropout{Rate: .5}}}, Activation{Function: "gelu"}}}),
		"residual first":                  {Input: Shape{3, 3, 1}, Layers: Sequential{Residual{Body: Sequential{Conv2D{Filters: 1, Kernel: Square(3), Padding: Same}}}, Flatten{}, Dense{Units: 3}}},
		"product":                         around(Product{Body: Sequential{Conv2D{Filters: 3, Kernel: Square(1)}}, Gate: Sequential{Activation{Function: "sigmoid"}}}, Activation{Function: "gelu"}),
		"product of channels":             around(Product{Gate: Sequential{GlobalAvgPool{}, Dense{Units: 2}, Activation{Function: "relu"}, Dense{Units: 3}, Activation{Function: "isru_sigmoid"}}}, Activation{Function: "isrlu:learn"}),
		"product of squares":              around(Product{}),
		"product first":                   {Input: Shape{4, 3}, Layers: Sequential{Product{Gate: Sequential{GlobalAvgPool{}}}, Dense{Units: 3}}},
		"concat":                          around(Concat{Branches: []Sequential{{Conv2D{Filters: 2, Kernel: Square(1)}, Activation{Function: "isrlu"}}, {}, {}, {MaxPool{Size: Square(3), Stride: Square(1), Padding: Pad(1)}}}}, BatchNorm{}),
		"concat nested":                   around(Concat{Branches: []Sequential{{}, {Concat{Branches: []Sequential{{Dropout{Rate: .2}}, {Residual{Body: Sequential{BatchNorm{}}}}}}}}}, Activation{Function: "tanh"}),
		"concat of features":              {Input: Shape{3}, Layers: Sequential{Dense{Units: 3}, Concat{Branches: []Sequential{{Dense{Units: 2}}, {}}}, Dense{Units: 4}}},
		"concat first":                    {Input: Shape{4, 2}, Layers: Sequential{Concat{Branches: []Sequential{{}, {GRU{Units: 3, Activation: "tanh"}}}}, Dense{Units: 3}}},
		"affine":                          around(Affine{}, Activation{Function: "tanh"}),
		"affine of one":                   around(Affine{NoShift: true}, Activation{Function: "isrlu"}, Affine{NoScale: true}, Affine{Frozen: true}),
		"affine first":                    {Input: Shape{4, 2}, Layers: Sequential{Affine{}, Affine{Frozen: true}, Dense{Units: 3}}},
		"dense over time":                 {Input: Shape{5, 3}, Layers: Sequential{Dense{Units: 4}, Activation{Function: "isrlu:learn"}, Dropout{Rate: .2}, Dense{Units: 6}}},
		"mean over time":                  {Input: Shape{5, 3}, Layers: Sequential{Dense{Units: 4}, BatchNorm{}, GlobalAvgPool{}, Dense{Units: 3}}},
		"embedding":                       {Input: Shape{6}, Layers: Sequential{Embedding{Tokens: 5, Units: 4, Init: He()}, Dense{Units: 3}, Activation{Function: "tanh"}, Dense{Units: 5}}},
		"layer_norm":                      over(5, 6, LayerNorm{}),
		"rms_norm":                        over(5, 6, RMSNorm{Epsilon: .1}),
		"dyt":                             over(5, 6, DyT{}),
		"dyisru":                          over(5, 6, DyISRU{}),
		"norm":                            over(5, 6, Norm{Method: "dyisru"}, Activation{Function: "gelu"}, Norm{}),
		"norm of pixels":                  around(LayerNorm{}, DyISRU{Beta: .5}),
		"position_embedding":              over(5, 6, PositionEmbedding{}, Activation{Function: "tanh"}),
		"positions first":                 {Input: Shape{5, 3}, Layers: Sequential{PositionEmbedding{Init: He()}, Dense{Units: 4}}},
		"attention":                       over(5, 6, Attention{Heads: 2}),
		"attention of one step":           over(1, 6, Attention{Heads: 3}),
		"attention both ways":             over(5, 6, Attention{Heads: 3, Bidirectional: true, NoBias: true}, Activation{Function: "tanh"}),
		"attention over blocks":           over(2*attentionRows+3, 4, Attention{Heads: 2, Init: He()}),
		"attention both ways over blocks": over(attentionRows+1, 4, Attention{Heads: 1, Bidirectional: true}),
		"attention first":                 {Input: Shape{attentionRows + 5, 4}, Layers: Sequential{Attention{Heads: 4}, Dense{Units: 3}}},
		"block":                           over(5, 6, TransformerBlock{Heads: 2, Activation: "isrlu:learn"}),
		"block, layer_norm":               over(5, 6, TransformerBlock{Heads: 3, Hidden: 5, Norm: "layer_norm", Activation: "gelu", Dropout: .2}),
		"block, dyt":                      over(5, 6, TransformerBlock{Heads: 1, Hidden: 5, Norm: "dyt", Activation: "isrlu", NoBias: true}, DyT{}),
		"block, dyisru":                   over(5, 6, TransformerBlock{Heads: 2, Hidden: 5, Norm: "dyisru", Activation: "isru:2:learn-channel", Bidirectional: true}, DyISRU{}),
		"blocks over blocks": {Input: Shape{attentionRows + 3}, Norm: "dyisru", Activation: "isrlu", Layers: Sequential{
			Embedding{Tokens: 5, Units: 4, Init: LeCun()}, PositionEmbedding{}, TransformerBlock{Heads: 2}, TransformerBlock{Heads: 1, Hidden: 6}, Norm{}, Dense{Units: 5}}},
		"norm first": {Input: Shape{6}, Layers: Sequential{RMSNorm{}, LayerNorm{}, Dense{Units: 3}}},
		"pool first": {Input: Shape{4, 4, 2}, Layers: Sequential{MaxPool{Size: Square(2)}, Flatten{}, Activation{Function: "isru"}, Dense{Units: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, n, Options{}, SoftmaxCrossEntropy)
			checkGradients(t, n, Options{Threads: 3, Unfused: true}, MeanSquaredError)
		})
	}
}

// overTime puts layers between two dense ones over the time steps of a sequence.
func overTime(layers ...Layer) Network {
	n := Network{Input: Shape{7, 3}, Activation: "isru", Layers: Sequential{Dense{Units: 4}}}
	n.Layers = append(n.Layers, layers...)
	n.Layers = append(n.Layers, Dense{Units: 3})
	return n
}

func TestGradientsThroughTime(t *testing.T) {
	for name, n := range map[string]Network{
		"lstm":               overTime(LSTM{Units: 5}),
		"lstm tanh":          overTime(LSTM{Units: 5, Activation: "tanh"}),
		"lstm isru, sigmoid": overTime(LSTM{Units: 5, Gate: "sigmoid"}),
		"lstm tanh, isru":    overTime(LSTM{Units: 5, Activation: "tanh", Gate: "isru_sigmoid:2"}),
		"lstm elu, dyisru":   overTime(LSTM{Units: 5, Activation: "elu", Gate: "dyisru"}),
		"lstm last":          overTime(LSTM{Units: 5, Last: true}),
		"lstm both ways":     overTime(LSTM{Units: 5, Bidirectional: true}),
		"lstm ends":          overTime(LSTM{Units: 5, Bidirectional: true, Last: true}),
		"lstm stacked":       overTime(LSTM{Units: 5}, Dropout{Rate: .2}, LSTM{Units: 4, Activation: "tanh", Last: true}),
		"lstm first":         {Input: Shape{6, 2}, Layers: Sequential{LSTM{Units: 20, Activation: "isru:3"}, Dense{Units: 3}}},
		"lstm of tokens":     {Input: Shape{6}, Layers: Sequential{Embedding{Tokens: 4, Units: 3, Init: He()}, LSTM{Units: 4, Activation: "isru"}, Dense{Units: 4}}},
		"one step":           {Input: Shape{1, 2}, Layers: Sequential{LSTM{Units: 3, Activation: "tanh"}, GRU{Units: 3, Activation: "isru"}, RNN{Units: 2, Activation: "tanh"}}},
		"gru":                overTime(GRU{Units: 5}),
		"gru tanh":           overTime(GRU{Units: 5, Activation: "tanh"}),
		"gru isrlu, isru":    overTime(GRU{Units: 5, Activation: "isrlu", Gate: "isru_sigmoid"}),
		"gru both ways":      overTime(GRU{Units: 18, Bidirectional: true, Last: true}),
		"gru residual":       overTime(Residual{Body: Sequential{GRU{Units: 4}}}, Activation{}),
		"rnn":                overTime(RNN{Units: 5}),
		"rnn relu":           overTime(RNN{Units: 5, Activation: "leaky_relu", Bidirectional: true}),
		"rnn last":           overTime(RNN{Units: 5, Activation: "tanh", Last: true}),
	} {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, n, Options{}, SoftmaxCrossEntropy)
			checkGradients(t, n, Options{Threads: 3}, MeanSquaredError)
		})
	}
}

// TestFloat32MatchesFloat64: the checks above are in float64, which has no
// assembly; the float32 passes must agree with them.
func TestFloat32MatchesFloat64(t *testing.T) {
	for _, spec := range specs() {
		for _, unfused := range []bool{false, true} {
			n := around(BatchNorm{}, Activation{Function: spec}, MaxPool{Size: Square(2)},
				Residual{Body: Sequential{DepthwiseConv2D{Kernel: Square(3), Padding: Same}, Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}}}, Activation{Function: spec},
				Dropout{Rate: .2}, Flatten{}, Dense{Units: 70}, Activation{Function: spec})
			compareFloats(t, fmt.Sprintf("%s, unfused %v", spec, unfused), n, Options{Batch: 20, Seed: 3, Unfused: unfused}, 1e-2)
		}
	}
}

// compareFloats compares the losses and gradients of a network's random batch in
// both types. Gradients are compared with the largest of their parameter, or with
// least: that of a bias before a normalization is 0.
func compareFloats(t *testing.T, name string, n Network, o Options, least float64) {
	t.Helper()
	m32, m64 := newModelOf[float32](t, n, o), newModelOf[float64](t, n, o)
	b32 := randomBatch(m32, o.Batch, 5)
	b64 := Batch[float64]{Labels: b32.Labels}
	for _, v := range b32.X {
		b64.X = append(b64.X, float64(v))
	}
	r32, r64 := m32.Gradients(b32, SoftmaxCrossEntropy), m64.Gradients(b64, SoftmaxCrossEntropy)
	if math.Abs(r32.Loss-r64.Loss) > 1e-5*r64.Loss {
		t.Errorf("%s: loss %v, float64 %v", name, r32.Loss, r64.Loss)
	}
	for k, p := range m32.Parameters() {
		scale := least
		for _, g := range m64.Parameters()[k].Grad {
			scale = max(scale, math.Abs(g))
		}
		for i, g := range p.Grad {
			if want := m64.Parameters()[k].Grad[i]; math.Abs(float64(g)-want) > 1e-4*scale {
				t.Errorf("%s: %s[%d]: gradient %v, float64 %v", name, p.Name, i, g, want)
				break
			}
		}
	}
}

// The gradients of a batch do not depend on those before it.
func TestGradientsForgetEarlierBatches(t *testing.T) {
	for _, n := range networks {
		m, fresh := newModelOf[float32](t, n, Options{Batch: 5}), newModelOf[float32](t, n, Options{Batch: 5})
		m.Gradients(randomBatch(m, 5, 1), SoftmaxCrossEntropy)
		b := randomBatch(m, 4, 2)
		m.Gradients(b, SoftmaxCrossEntropy)
		fresh.Gradients(b, SoftmaxCrossEntropy)
		for k, p := range m.Parameters() {
			if want := fresh.Parameters()[k].Grad; !slices.Equal(p.Grad, want) {
				t.Errorf("%s: the gradient of %s is not that of a fresh model", n.Name, p.Name)
			}
		}
	}
}
