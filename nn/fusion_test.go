package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/isrlu/isrlu"
)

// pooledNetwork has activations before and after pooling.
func pooledNetwork(function string) Network {
	return Network{Input: Shape{13, 12, 2}, Activation: function, Layers: Sequential{
		Conv2D{Filters: 20, Kernel: Square(3), Padding: Same}, Activation{}, MaxPool{Size: Square(2)},
		Conv2D{Filters: 17, Kernel: Square(3), Padding: Same}, MaxPool{Size: Square(3), Stride: Square(1)}, Activation{},
		BatchNorm{}, Activation{}, MaxPool{Size: Pair{2, 1}}, AvgPool{Size: Pair{1, 2}}, Activation{},
		Flatten{}, Dense{Units: 3},
	}}
}

// TestPoolingInEpiloguesHasNoPartInTheBits: whether the pooling and the activation
// run in a convolution or by themselves, and on how many threads, is not to be
// seen in the gradients.
func TestPoolingInEpiloguesHasNoPartInTheBits(t *testing.T) {
	for _, function := range []string{"isrlu", "isrlu:learn", "isru:2:learn-channel", "elu:learn", "relu", "gelu", "dyisru:-1,1", "identity"} {
		var want []uint32
		for _, o := range []Options{{}, {Unfused: true}, {Threads: 3}, {Threads: 3, Unfused: true}} {
			o.Batch, o.Seed = 7, 2
			m := newModelOf[float32](t, pooledNetwork(function), o)
			var bits []uint32
			for n := range 2 {
				b := randomBatch(m, 7-n, uint64(n))
				m.Gradients(b, SoftmaxCrossEntropy)
				for _, p := range m.Parameters() {
					for _, g := range p.Grad {
						bits = append(bits, math.Float32bits(g))
					}
				}
				for _, v := range m.Predict(b.X) {
					bits = append(bits, math.Float32bits(v))
				}
			}
			if want == nil {
				want = bits
			} else if !slices.Equal(bits, want) {
				t.Errorf("%s, %+v: other bits", function, o)
			}
		}
	}
}

// TestPoolingFirstComputesTheSame: the layers' own order, element by element,
// against what the network makes of it.
func TestPoolingFirstComputesTheSame(t *testing.T) {
	for _, function := range []string{"isrlu:3", "tanh", "gelu", "dyisru:-1,1"} {
		f := isrlu.Must(isrlu.Parse(function))
		input := Shape{7, 6, 2}
		c := Conv2D{Filters: 5, Kernel: Square(3), Padding: Same}
		pooled := newModelOf[float64](t, Network{Input: input, Layers: Sequential{
			c, Activation{Function: function}, MaxPool{Size: Square(2)}, Flatten{},
		}}, Options{Seed: 3})
		bare := newModelOf[float64](t, Network{Input: input, Layers: Sequential{c, Flatten{}}}, Options{Seed: 3})
		x := randomBatch(bare, 1, 5).X
		y := slices.Clone(bare.Predict(x))
		f.Forward64(y, y)
		got := pooled.Predict(x)
		for i := range 3 {
			for j := range 3 {
				for ch := range 5 {
					at := func(r, c int) float64 { return y[((2*i+r)*6+2*j+c)*5+ch] }
					want := max(at(0, 0), at(0, 1), at(1, 0), at(1, 1))
					if v := got[(i*3+j)*5+ch]; math.Abs(v-want) > 1e-14 {
						t.Fatalf("%s: row %d, column %d, channel %d is %v, want %v", function, i, j, ch, v, want)
					}
				}
			}
		}
	}
}

// TestFusedLayersKeepTheirPlaces: the layers stand in the order of the description,
// and say what they are part of.
func TestFusedLayersKeepTheirPlaces(t *testing.T) {
	for function, pooled := range map[string]bool{"isrlu": true, "gelu": false} {
		m := newModelOf[float32](t, pooledNetwork(function), Options{})
		var names []string
		fused := map[string]bool{}
		for _, l := range m.Layers() {
			names = append(names, l.Name)
			if l.Fused {
				fused[l.Name] = true
			}
		}
		want := []string{
			"1.conv2d", "2.activation", "3.max_pool", "4.conv2d", "5.max_pool", "6.activation", "7.batch_norm", "8.activation",
			"9.max_pool", "10.avg_pool", "11.activation", "12.flatten", "13.dense",
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: layers %q, want %q", function, names, want)
		}
		for name, want := range map[string]bool{
			"2.activation": true, "3.max_pool": pooled, "5.max_pool": true, "6.activation": true,
			"8.activation": true, "9.max_pool": false, "11.activation": true,
		} {
			if fused[name] != want {
				t.Errorf("%s: %s fused is %v, want %v", function, name, fused[name], want)
			}
		}
		if out := m.Layers()[0].Output; !slices.Equal(out, Shape{13, 12, 20}) {
			t.Errorf("the convolution's output is %v", out)
		}
		if out := m.Layers()[2].Output; !slices.Equal(out, Shape{6, 6, 20}) {
			t.Errorf("the pooling's output is %v", out)
		}
	}
}

// TestDirectDiffersByRounding alone: Winograd's algorithms are no other function.
func TestDirectDiffersByRounding(t *testing.T) {
	n := pooledNetwork("isrlu")
	winograd := newModelOf[float32](t, n, Options{Batch: 5})
	direct := newModelOf[float32](t, n, Options{Batch: 5, Direct: true})
	b := randomBatch(winograd, 5, 1)
	winograd.Gradients(b, SoftmaxCrossEntropy)
	direct.Gradients(b, SoftmaxCrossEntropy)
	same := true
	for k, p := range winograd.Parameters() {
		scale := 1e-3
		for _, g := range direct.Parameters()[k].Grad {
			scale = max(scale, math.Abs(float64(g)))
		}
		for i, g := range p.Grad {
			want := direct.Parameters()[k].Grad[i]
			same = same && g == want
			if math.Abs(float64(g-want)) > 1e-4*scale {
				t.Fatalf("%s[%d]: %v, directly %v", p.Name, i, g, want)
			}
		}
	}
	if same {
		t.Error("Direct changes no bit: the network has no convolution for Winograd's algorithms")
	}
}

// TestWeightsForInferenceArePackedOnce, and anew when the model is told to.
func TestWeightsForInferenceArePackedOnce(t *testing.T) {
	n := Network{Input: Shape{8, 8, 4}, Activation: "isrlu", Layers: Sequential{
		Conv2D{Filters: 8, Kernel: Square(3)}, Activation{}, Flatten{}, Dense{Units: 70}, Activation{}, Dense{Units: 3},
	}}
	m := newModelOf[float32](t, n, Options{Batch: 3, Inference: true, Threads: 2})
	other := newModelOf[float32](t, n, Options{Batch: 3, Seed: 9})
	x := randomBatch(m, 3, 1).X
	before := slices.Clone(m.Predict(x))
	for k, p := range m.Parameters() {
		copy(p.Value, other.Parameters()[k].Value) // the biases of both are 0
	}
	if got := m.Predict(x); !slices.Equal(got, before) {
		t.Error("the weights were packed again without a word")
	}
	m.Changed()
	if got, want := m.Predict(x), other.Predict(x); !slices.Equal(got, want) {
		t.Errorf("after Changed: %v, want %v", got, want)
	}
}

// TestGradientsThroughWinograd: the other checks' layers are too small for these
// algorithms to be chosen.
func TestGradientsThroughWinograd(t *testing.T) {
	conv := Conv2D{Filters: 20, Kernel: Square(3), Padding: Same}
	for want, n := range map[string]Network{
		"winograd 2x2": pooledNetwork("isrlu"),
		"winograd 4x4": {Input: Shape{9, 8, 12}, Activation: "isrlu", Layers: Sequential{
			conv, Activation{}, conv, Activation{}, MaxPool{Size: Square(2)}, Flatten{}, Dense{Units: 3},
		}},
	} {
		m := newModelOf[float64](t, n, Options{})
		found := map[string]bool{}
		for _, o := range m.ops {
			if c, ok := o.(*convolution[float64]); ok {
				found[c.algorithm.Name()] = true
			}
		}
		if !found[want] {
			t.Errorf("the convolutions run by %v, none by %s", found, want)
		}
		checkGradients(t, n, Options{}, SoftmaxCrossEntropy)
		checkGradients(t, n, Options{Threads: 3, Unfused: true}, MeanSquaredError)
	}
}
