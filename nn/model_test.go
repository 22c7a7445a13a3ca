package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// newModelOf makes a model that the test closes.
func newModelOf[T Float](t testing.TB, n Network, o Options) *Model[T] {
	t.Helper()
	m, err := New[T](n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// randomBatch returns random samples with labels.
func randomBatch[T Float](m *Model[T], samples int, seed uint64) Batch[T] {
	r := rand.New(rand.NewPCG(seed, 4))
	classes := m.Output().channels()
	b := Batch[T]{X: make([]T, samples*m.network.Input.Size()), Labels: make([]int, samples*m.Output().Size()/classes)}
	for i := range b.X {
		b.X[i] = T(r.NormFloat64())
	}
	if e, ok := m.network.Layers[0].(Embedding); ok {
		for i := range b.X {
			b.X[i] = T(r.IntN(e.Tokens))
		}
	}
	for i := range b.Labels {
		b.Labels[i] = r.IntN(classes)
	}
	return b
}

// trainedBits trains some steps and returns all parameters, one after the other.
func trainedBits(t *testing.T, n Network, o Options, steps int) []uint32 {
	t.Helper()
	m := newModelOf[float32](t, n, o)
	trainer, err := NewTrainer(m, TrainerOptions{Optimizer: AdamW(.01), Schedule: Cosine(.01, 0, steps), ClipNorm: .5})
	if err != nil {
		t.Fatal(err)
	}
	for step := range steps {
		n := o.Batch
		if step%3 == 2 {
			n = max(1, n/2) // the last batch of an epoch
		}
		trainer.Step(randomBatch(m, n, uint64(step)))
	}
	var bits []uint32
	for _, p := range m.Parameters() {
		for _, v := range p.Value {
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

func TestTrainingHasTheSameBitsOnAnyThreads(t *testing.T) {
	for _, n := range networks {
		want := trainedBits(t, n, Options{Batch: 13, Seed: 5, Threads: 1}, 6)
		for _, threads := range []int{1, 2, 3, 7} {
			if !slices.Equal(want, trainedBits(t, n, Options{Batch: 13, Seed: 5, Threads: threads}, 6)) {
				t.Errorf("%s: %d threads give other bits", n.Name, threads)
			}
		}
		if slices.Equal(want, trainedBits(t, n, Options{Batch: 13, Seed: 6}, 6)) {
			t.Errorf("%s: another seed gives the same bits", n.Name)
		}
	}
}

// Fusion changes when an activation runs, not what it computes.
func TestFusionHasNoPartInTheBits(t *testing.T) {
	// The activation's place among the layers does not move that of those inside.
	body := Sequential{Conv2D{Filters: 3, Kernel: Square(3), Padding: Same}}
	inside := Network{Name: "inside", Input: Shape{4, 4, 3}, Layers: Sequential{
		Residual{Body: body}, Activation{Function: "isrlu"},
		Product{Gate: body}, Activation{Function: "isrlu"},
		Flatten{}, Dense{Units: 3},
	}}
	for _, n := range append([]Network{inside}, networks...) {
		if !slices.Equal(trainedBits(t, n, Options{Batch: 4}, 3), trainedBits(t, n, Options{Batch: 4, Unfused: true}, 3)) {
			t.Errorf("%s: fused and unfused training differ", n.Name)
		}
	}
}

// A sample's output does not depend on those beside it.
func TestPredictionsDoNotDependOnTheBatch(t *testing.T) {
	for _, network := range networks {
		m := newModelOf[float32](t, network, Options{Batch: 9, Inference: true})
		b := randomBatch(m, 9, 1)
		all := slices.Clone(m.Predict(b.X))
		size, out := m.network.Input.Size(), m.Output().Size()
		for _, n := range []int{1, 2, 4} {
			for from := 0; from+n <= 9; from++ {
				if got := m.Predict(b.X[from*size : (from+n)*size]); !slices.Equal(got, all[from*out:(from+n)*out]) {
					t.Fatalf("%s: samples %d to %d alone give %v, want %v", network.Name, from, from+n, got, all[from*out:(from+n)*out])
				}
			}
		}
	}
}

// A step allocates nothing but the functions of learned parameters, which it has
// changed: a few small objects for each.
func TestStepsDoNotAllocate(t *testing.T) {
	fixed := everyLayer
	fixed.Layers = fixedFunctions(fixed.Layers)
	for _, test := range []struct {
		network Network
		most    float64
	}{{fixed, 0}, {everyLayer, 10 * 5}, {everySequence, 0}} { // 4 channels and a layer learn
		for _, unfused := range []bool{false, true} {
			m := newModelOf[float32](t, test.network, Options{Batch: 6, Threads: 2, Unfused: unfused})
			trainer, err := NewTrainer(m, TrainerOptions{Optimizer: Adam(), Schedule: Constant(.001), ClipNorm: 1})
			if err != nil {
				t.Fatal(err)
			}
			b := randomBatch(m, 6, 1)
			if n := testing.AllocsPerRun(5, func() { trainer.Step(b) }); n > test.most {
				t.Errorf("a step makes %v allocations, more than %v", n, test.most)
			}
			if n := testing.AllocsPerRun(5, func() { m.Predict(b.X) }); n > 0 {
				t.Errorf("a prediction makes %v allocations", n)
			}
		}
	}
}

// fixedFunctions returns the layers with no function learned.
func fixedFunctions(layers Sequential) Sequential {
	var list Sequential
	for _, l := range layers {
		switch x := l.(type) {
		case Activation:
			x.Function, _ = SplitLearn(x.Function)
			x.Learn = Fixed
			l = x
		case Residual:
			x.Body, x.Shortcut = fixedFunctions(x.Body), fixedFunctions(x.Shortcut)
			l = x
		case Product:
			x.Body, x.Gate = fixedFunctions(x.Body), fixedFunctions(x.Gate)
			l = x
		}
		list = append(list, l)
	}
	return list
}

func TestWrongCallsSayWhatIsWrong(t *testing.T) {
	m := newModelOf[float32](t, Network{Input: Shape{3}, Layers: Sequential{Dense{Units: 2}}}, Options{Batch: 2})
	for want, call := range map[string]func(){
		"0 elements are not 1 to 2 samples of 3": func() { m.Predict(nil) },
		"4 elements":                             func() { m.Predict(make([]float32, 4)) },
		"9 elements":                             func() { m.Predict(make([]float32, 9)) },
		"label":                                  func() { m.Evaluate(Batch[float32]{X: make([]float32, 3), Labels: []int{2}}, SoftmaxCrossEntropy) },
		"labels":                                 func() { m.Evaluate(Batch[float32]{X: make([]float32, 6), Labels: []int{1}}, SoftmaxCrossEntropy) },
	} {
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, want) {
					t.Errorf("panic %q does not say %q", v, want)
				}
			}()
			call()
		}()
	}
}

// What a step keeps: with convolution, activation, convolution, activation,
// dense, the outputs of both activations, which the next layers' gradients read,
// and the inputs of those whose derivative needs them.
func TestBytesKept(t *testing.T) {
	const elements = 8*8*3 + 6*6*5
	for function, inputs := range map[string]int{"isrlu": 0, "isru": 0, "relu": 0, "elu": 0, "tanh": 0, "sigmoid": 0, "gelu": 1, "silu": 1, "softplus": 0, "isrlu:learn": 0, "isru_sigmoid:1,0.5:learn": 0, "isru:3:learn-channel": 0, "elu:learn": 1} {
		for _, batch := range []int{1, 10} {
			m := newModelOf[float32](t, Network{Input: Shape{10, 10, 1}, Activation: function, Layers: Sequential{
				Conv2D{Filters: 3, Kernel: Square(3)}, Activation{},
				Conv2D{Filters: 5, Kernel: Square(3)}, Activation{},
				Flatten{}, Dense{Units: 2},
			}}, Options{Batch: batch})
			want := Memory{Kept: 4 * batch * elements * (1 + inputs), ForActivations: 4 * batch * elements * inputs}
			if got := m.BytesKept(); got != want {
				t.Errorf("%s, batch %d: %+v, want %+v", function, batch, got, want)
			}
		}
	}
}

// TestDepthwiseIsADiagonalConvolution: as a Conv2D whose weights are 0 but from a
// channel to itself. Options.Direct, which is about other algorithms, changes no
// bit of it.
func TestDepthwiseIsADiagonalConvolution(t *testing.T) {
	const channels = 5
	for _, c := range []DepthwiseConv2D{
		{Kernel: Square(3)},
		{Kernel: Pair{2, 5}, Padding: Same},
		{Kernel: Square(4), Stride: Square(2), Padding: Same},
		{Kernel: Pair{3, 1}, Stride: Pair{3, 2}, Padding: Padding{Height: 2, Width: 1}, NoBias: true},
	} {
		network := func(l Layer) Network {
			return Network{Input: Shape{9, 7, channels}, Layers: Sequential{l, Flatten{}}}
		}
		m := newModelOf[float32](t, network(c), Options{Batch: 2, Seed: 1})
		direct := newModelOf[float32](t, network(c), Options{Batch: 2, Seed: 1, Direct: true})
		whole := newModelOf[float32](t, network(Conv2D{
			Filters: channels, Kernel: c.Kernel, Stride: c.Stride, Padding: c.Padding, NoBias: c.NoBias,
		}), Options{Batch: 2})
		from, to := m.Parameters()[0].Value, whole.Parameters()[0].Value
		clear(to)
		for i, v := range from {
			to[i*channels+i%channels] = v
		}
		if !c.NoBias {
			for i := range channels {
				for _, m := range []*Model[float32]{m, direct, whole} {
					m.Parameters()[1].Value[i] = float32(i) - .3
				}
			}
		}
		x := randomBatch(m, 2, 3).X
		got := slices.Clone(m.Predict(x))
		if !slices.Equal(got, direct.Predict(x)) {
			t.Errorf("%+v: Options.Direct changes the output", c)
		}
		want := whole.Predict(x)
		if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }) {
			t.Errorf("%+v: %v, want %v", c, got, want)
		}
	}
}

// run returns what a network of one layer or more makes of x.
func run(t *testing.T, input Shape, x []float64, layers ...Layer) []float64 {
	t.Helper()
	if len(input) == 3 {
		layers = append(layers, Flatten{})
	}
	m := newModelOf[float64](t, Network{Input: input, Layers: layers}, Options{Batch: len(x) / input.Size()})
	return slices.Clone(m.Predict(x))
}

func TestLayersComputeTheirDefinitions(t *testing.T) {
	x := []float64{ // 3 x 4, 1 channel
		1, -2, 3, 4,
		5, 6, -7, 8,
		9, 10, 11, 12,
	}
	two := []float64{1, 10, -2, 20, 3, 30, 4, 40} // 2 x 2, 2 channels
	for name, test := range map[string]struct{ got, want []float64 }{
		"max":         {run(t, Shape{3, 4, 1}, x, MaxPool{Size: Square(2)}), []float64{6, 8}},
		"max 1":       {run(t, Shape{3, 4, 1}, x, MaxPool{Size: Pair{2, 3}, Stride: Square(1)}), []float64{6, 8, 11, 12}},
		"mean":        {run(t, Shape{3, 4, 1}, x, AvgPool{Size: Square(2)}), []float64{2.5, 2}},
		"max padded":  {run(t, Shape{3, 4, 1}, x, MaxPool{Size: Square(3), Stride: Square(2), Padding: Pad(1)}), []float64{6, 8, 10, 12}},
		"max of less": {run(t, Shape{1, 3, 1}, []float64{-5, -2, -3}, MaxPool{Size: Square(2), Padding: Same}), []float64{-2, -3}},
		"mean padded": {run(t, Shape{3, 4, 1}, x, AvgPool{Size: Square(2), Padding: Pad(1)}), []float64{1, .5, 4, 7, 5, 10}},
		"mean same":   {run(t, Shape{1, 3, 1}, []float64{-5, -2, -3}, AvgPool{Size: Square(2), Padding: Same}), []float64{-3.5, -3}},
		"mean zeros":  {run(t, Shape{1, 3, 1}, []float64{-5, -2, -3}, AvgPool{Size: Square(2), Padding: Same, CountPadding: true}), []float64{-1.75, -.75}},
		"channel":     {run(t, Shape{2, 2, 2}, two, AvgPool{Size: Square(2)}), []float64{1.5, 25}},
		"global":      {run(t, Shape{2, 2, 2}, two, GlobalAvgPool{}), []float64{1.5, 25}},
		"dropout":     {run(t, Shape{2, 2, 2}, two, Dropout{Rate: .5}), two},
		"flatten":     {run(t, Shape{2, 2, 2}, two, Flatten{}), two},
		"double":      {run(t, Shape{2, 2, 2}, two, Residual{Body: Sequential{Dropout{Rate: .1}}}), []float64{2, 20, -4, 40, 6, 60, 8, 80}},
		"sum":         {run(t, Shape{2}, []float64{-3, 4}, Residual{Body: Sequential{Activation{Function: "relu"}}}, Activation{Function: "relu"}), []float64{0, 8}},
		"product":     {run(t, Shape{2, 2, 2}, two, Product{Gate: Sequential{GlobalAvgPool{}}}), []float64{1.5, 250, -3, 500, 4.5, 750, 6, 1000}},
		"squares":     {run(t, Shape{2}, []float64{-3, 4}, Product{}), []float64{9, 16}},
		"concat":      {run(t, Shape{2, 2}, []float64{1, 2, 3, 4}, Concat{Branches: []Sequential{{}, {Activation{Function: "leaky_relu:.5"}, Product{}}, {Residual{Body: Sequential{Affine{}}}}}}), []float64{1, 2, 1, 4, 2, 4, 3, 4, 9, 16, 6, 8}},
		"isrlu":       {run(t, Shape{2}, []float64{-1, 4}, Activation{Function: "isrlu:3"}), []float64{-.5, 4}},
	} {
		if !slices.EqualFunc(test.got, test.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%s: %v, want %v", name, test.got, test.want)
		}
	}
}

// Convolutions of the layer, with each kind of padding, against the definition.
func TestConvolutionsComputeTheirDefinition(t *testing.T) {
	const height, width, channels = 9, 7, 2
	for _, c := range []Conv2D{
		{Filters: 3, Kernel: Square(3)},
		{Filters: 3, Kernel: Pair{2, 5}, Padding: Same},
		{Filters: 1, Kernel: Square(4), Stride: Square(2), Padding: Same},
		{Filters: 2, Kernel: Pair{3, 1}, Stride: Pair{3, 2}, Padding: Padding{Height: 2, Width: 1}, NoBias: true},
		{Filters: 5, Kernel: Square(1)},
	} {
		m := newModelOf[float64](t, Network{Input: Shape{height, width, channels}, Layers: Sequential{c, Flatten{}}}, Options{Batch: 2, Seed: 1})
		x := randomBatch(m, 2, 3).X
		weights := m.Parameters()[0].Value
		stride := c.Stride
		if stride == (Pair{}) {
			stride = Square(1)
		}
		out := m.Layers()[0].Output
		top, left := c.Padding.Height, c.Padding.Width
		if c.Padding.Same {
			if out[0] != (height+stride.Height-1)/stride.Height || out[1] != (width+stride.Width-1)/stride.Width {
				t.Errorf("%+v: the output is %v", c, out)
			}
			top = max(0, (out[0]-1)*stride.Height+c.Kernel.Height-height) / 2
			left = max(0, (out[1]-1)*stride.Width+c.Kernel.Width-width) / 2
		}
		bias := make([]float64, c.Filters)
		if !c.NoBias {
			for i := range bias {
				bias[i] = float64(i) - .3
			}
			copy(m.Parameters()[1].Value, bias)
		}
		got := m.Predict(x)
		for s := range 2 {
			for oy := range out[0] {
				for ox := range out[1] {
					for f := range c.Filters {
						want := bias[f]
						for ky := range c.Kernel.Height {
							for kx := range c.Kernel.Width {
								y, xx := oy*stride.Height+ky-top, ox*stride.Width+kx-left
								if y < 0 || y >= height || xx < 0 || xx >= width {
									continue
								}
								for ch := range channels {
									want += x[((s*height+y)*width+xx)*channels+ch] * weights[((ky*c.Kernel.Width+kx)*channels+ch)*c.Filters+f]
								}
							}
						}
						if v := got[((s*out[0]+oy)*out[1]+ox)*c.Filters+f]; math.Abs(v-want) > 1e-12 {
							t.Fatalf("%+v: sample %d, row %d, column %d, filter %d is %v, want %v", c, s, oy, ox, f, v, want)
						}
					}
				}
			}
		}
	}
}

// Dropout keeps the mean, drops its share, and draws anew in each step.
func TestDropoutDrops(t *testing.T) {
	const n, rate = 20_000, .3
	m := newModelOf[float64](t, Network{Input: Shape{n}, Layers: Sequential{Dropout{Rate: rate}, Activation{Function: "identity"}}}, Options{Seed: 1})
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	trainer, err := NewTrainer(m, TrainerOptions{Optimizer: SGD(0), Schedule: Constant(1), Loss: MeanSquaredError})
	if err != nil {
		t.Fatal(err)
	}
	var before []float64
	for range 2 {
		trainer.Step(Batch[float64]{X: x, Targets: x})
		y := m.Activations()[0].Output
		zeros := 0
		for _, v := range y {
			switch {
			case v == 0:
				zeros++
			case math.Abs(v-1/(1-rate)) > 1e-4: // the rate is a whole number of 2^-16
				t.Fatalf("an element is %v", v)
			}
		}
		if share := float64(zeros) / n; math.Abs(share-rate) > 5*math.Sqrt(rate*(1-rate)/n) {
			t.Errorf("%v of the elements are dropped, want %v", share, rate)
		}
		if slices.Equal(before, y) {
			t.Error("two steps drop the same elements")
		}
		before = slices.Clone(y)
	}
}

// Batch normalization trains on the batch's moments and predicts by their running
// means.
func TestBatchNormKeepsRunningMoments(t *testing.T) {
	m := newModelOf[float64](t, Network{Input: Shape{1}, Layers: Sequential{BatchNorm{Momentum: .5, Epsilon: 1e-9}, Activation{Function: "identity"}}}, Options{Batch: 4})
	x := []float64{1, 3, 5, 7} // mean 4, variance 5
	m.Gradients(Batch[float64]{X: x, Targets: x}, MeanSquaredError)
	for i, v := range m.Activations()[0].Output {
		if want := (x[i] - 4) / math.Sqrt(5); math.Abs(v-want) > 1e-8 {
			t.Errorf("element %d is %v while training, want %v", i, v, want)
		}
	}
	got := m.Predict(x[:1])[0]
	// The mean moves half the way from 0 to 4, the variance from 1 to 20/3, the
	// unbiased estimate.
	if want := (1. - 2) / math.Sqrt((1+20./3)/2); math.Abs(got-want) > 1e-6 {
		t.Errorf("the prediction is %v, want %v", got, want)
	}
}

func TestLayersAreDescribed(t *testing.T) {
	m := newModelOf[float32](t, Network{Input: Shape{6, 6, 2}, Layers: Sequential{
		Conv2D{Filters: 4, Kernel: Square(3)}, BatchNorm{}, Activation{Function: "isrlu:learn"},
		DepthwiseConv2D{Kernel: Square(2)}, Activation{Function: "relu"}, MaxPool{Size: Square(3)},
		Flatten{}, Dense{Units: 3},
	}}, Options{})
	layers := m.Layers()
	want := []LayerInfo{
		{Name: "1.conv2d", Kind: "conv2d", Output: Shape{4, 4, 4}, Parameters: 76, MACs: 16 * 4 * 18},
		{Name: "2.batch_norm", Kind: "batch_norm", Output: Shape{4, 4, 4}, Parameters: 8},
		{Name: "3.activation", Kind: "activation", Output: Shape{4, 4, 4}, Parameters: 1, Fused: true},
		{Name: "4.depthwise_conv2d", Kind: "depthwise_conv2d", Output: Shape{3, 3, 4}, Parameters: 20, MACs: 9 * 4 * 4},
		{Name: "5.activation", Kind: "activation", Output: Shape{1, 1, 4}, Fused: true},
		{Name: "6.max_pool", Kind: "max_pool", Output: Shape{1, 1, 4}, Fused: true},
		{Name: "7.flatten", Kind: "flatten", Output: Shape{4}},
		{Name: "8.dense", Kind: "dense", Output: Shape{3}, Parameters: 4*3 + 3, MACs: 4 * 3},
	}
	for i, l := range layers {
		w := want[i]
		if l.Name != w.Name || l.Kind != w.Kind || !slices.Equal(l.Output, w.Output) || l.Parameters != w.Parameters || l.MACs != w.MACs || l.Fused != w.Fused {
			t.Errorf("layer %d is %+v, want %+v", i+1, l, w)
		}
	}
	if w, a := m.CountParameters(); w != 76+8+20+15 || a != 1 {
		t.Errorf("%d weights and %d parameters of activations", w, a)
	}
}
