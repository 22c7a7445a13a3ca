package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// attentionOf is the definition of an Attention layer for one sample: x is steps x
// d, w and wo are its weights and b and bo its biases.
func attentionOf(x []float64, steps, d, heads int, bidirectional bool, w, b, wo, bo []float64) []float64 {
	product := func(x, w, b []float64, in, out int) []float64 {
		y := make([]float64, steps*out)
		for s := range steps {
			for j := range out {
				if b != nil {
					y[s*out+j] = b[j]
				}
				for k := range in {
					y[s*out+j] += x[s*in+k] * w[k*out+j]
				}
			}
		}
		return y
	}
	qkv := product(x, w, b, d, 3*d)
	means := make([]float64, steps*d)
	width := d / heads
	for s := range steps {
		for h := range heads {
			at := func(step, part int) []float64 { return qkv[step*3*d+part*d+h*width:][:width] }
			var weights []float64
			sum := 0.0
			for other := range steps {
				if other > s && !bidirectional {
					break
				}
				score := 0.0
				for k, q := range at(s, 0) {
					score += q * at(other, 1)[k]
				}
				e := math.Exp(score / math.Sqrt(float64(width)))
				weights = append(weights, e)
				sum += e
			}
			for other, e := range weights {
				for k, v := range at(other, 2) {
					means[s*d+h*width+k] += e / sum * v
				}
			}
		}
	}
	return product(means, wo, bo, d, d)
}

func TestAttentionComputesItsDefinition(t *testing.T) {
	for _, steps := range []int{1, 2, 7, attentionRows, attentionRows + 1, 3*attentionRows - 5} {
		for _, a := range []Attention{{Heads: 1}, {Heads: 3, NoBias: true}, {Heads: 2, Bidirectional: true}} {
			for _, inference := range []bool{false, true} {
				const d, samples = 6, 2
				o := Options{Batch: samples, Seed: 3, Inference: inference}
				m := newModelOf[float64](t, Network{Input: Shape{steps, d}, Layers: Sequential{a}}, o)
				p := m.Parameters()
				w, wo := p[0].Value, p[len(p)-1].Value
				var b, bo []float64
				if !a.NoBias {
					b, wo, bo = p[1].Value, p[2].Value, p[3].Value
					for i := range b {
						b[i] = float64(i%5)/4 - .5
					}
					for i := range bo {
						bo[i] = float64(i)
					}
				}
				x := randomBatch(m, samples, 8).X
				y := m.Predict(x)
				for s := range samples {
					want := attentionOf(x[s*steps*d:][:steps*d], steps, d, a.Heads, a.Bidirectional, w, b, wo, bo)
					for i, v := range want {
						if got := y[s*steps*d+i]; math.Abs(got-v) > 1e-12*(1+math.Abs(v)) {
							t.Fatalf("%+v over %d steps, inference %v: element %d of sample %d is %v, want %v", a, steps, inference, i, s, got, v)
						}
					}
				}
			}
		}
	}
}

// A later step changes no bit of what a causal network put out before it, and a
// bidirectional one sees it.
func TestAttentionIsCausal(t *testing.T) {
	const steps = 2*attentionRows + 9
	for _, bidirectional := range []bool{false, true} {
		n := Network{Input: Shape{steps}, Activation: "isrlu", Layers: Sequential{
			Embedding{Tokens: 9, Units: 8}, PositionEmbedding{}, TransformerBlock{Heads: 2, Bidirectional: bidirectional},
			Attention{Heads: 4, Bidirectional: bidirectional}, Norm{}, Dense{Units: 9},
		}}
		m := newModelOf[float32](t, n, Options{})
		x := randomBatch(m, 1, 2).X
		before := slices.Clone(m.Predict(x))
		for _, changed := range []int{steps - 1, 2 * attentionRows, attentionRows + 3, attentionRows, 1, 0} {
			y := slices.Clone(x)
			y[changed] = float32(int(x[changed]+1) % 9)
			after := m.Predict(y)
			if same := slices.Equal(before[:changed*9], after[:changed*9]); same == bidirectional && changed > 0 {
				t.Errorf("bidirectional %v, step %d changed: the outputs before it are the same: %v", bidirectional, changed, same)
			}
			if slices.Equal(before[changed*9:], after[changed*9:]) {
				t.Errorf("bidirectional %v: step %d has no part in the outputs from it on", bidirectional, changed)
			}
		}
	}
}

// TestAttentionToHugeScores: the weights of scores beyond the range of exp, and of
// equal ones.
func TestAttentionToHugeScores(t *testing.T) {
	for _, size := range []float32{0, 1e4, 1e15} {
		m := newModelOf[float32](t, Network{Input: Shape{9, 8}, Layers: Sequential{Attention{Heads: 2}}}, Options{Batch: 2})
		b := randomBatch(m, 2, 1)
		for i := range b.X {
			b.X[i] *= size
		}
		b.Labels, b.Targets = nil, make([]float32, 2*9*8)
		for i, v := range m.Predict(b.X) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) || size == 0 && v != 0 {
				t.Fatalf("inputs of %v give %v at %d", size, v, i)
			}
		}
		m.Gradients(b, MeanSquaredError)
		for _, p := range m.Parameters() {
			for i, g := range p.Grad {
				if math.IsNaN(float64(g)) {
					t.Fatalf("inputs of %v: gradient %d of %s is %v", size, i, p.Name, g)
				}
			}
		}
	}
}

// What a training step keeps of attention: the queries, keys and values, the
// weights of the means at and below the diagonal's blocks, and the means.
func TestAttentionKeepsWhatItNeeds(t *testing.T) {
	const d, heads, r = 8, 2, attentionRows
	for steps, weights := range map[int]int{5: 25, r: r * r, 2*r + 1: r*r + 2*r*r + 2*r + 1} {
		m := newModelOf[float32](t, Network{Input: Shape{steps, d}, Layers: Sequential{Attention{Heads: heads}}}, Options{Batch: 3})
		want := 4 * 3 * (steps*3*d + heads*weights + steps*d)
		if got := m.BytesKept().Kept; got != want {
			t.Errorf("%d steps: %d bytes, want %d", steps, got, want)
		}
		l := m.Layers()[0]
		if want := int64(steps*d*3*d + 2*weights*d + steps*d*d); l.MACs != want || l.Parameters != d*4*d+4*d {
			t.Errorf("%d steps: %d multiply-adds, want %d; %d parameters", steps, l.MACs, want, l.Parameters)
		}
	}
}

func TestBadTransformersSayWhatIsWrong(t *testing.T) {
	features := func(layers ...Layer) Network { return Network{Input: Shape{4, 6}, Layers: layers} }
	for want, n := range map[string]Network{
		"layer 1 (attention): 6 features are no multiple of 4 heads":      features(Attention{Heads: 4}),
		"layer 1 (attention): heads must be at least 1, got 0":            features(Attention{}),
		"layer 2 (attention): the input must be a sequence":               features(Flatten{}, Attention{Heads: 1}),
		"layer 2 (position_embedding): the input must be a sequence":      features(Flatten{}, PositionEmbedding{}),
		"layer 2 (transformer_block): the input must be a sequence":       features(GlobalAvgPool{}, TransformerBlock{Heads: 1}),
		"(attention): 6 features are no multiple of 5 heads":              features(TransformerBlock{Heads: 5, Activation: "isrlu"}),
		"(activation): neither the layer nor the network names a funct":   features(TransformerBlock{Heads: 2}),
		"layer 1 (transformer_block): hidden must be at least 1, or 0":    features(TransformerBlock{Heads: 2, Hidden: -3}),
		`(norm): unknown norm method "batch"; known: layer_norm, rms_nor`: features(TransformerBlock{Heads: 2, Norm: "batch"}),
		"(dropout): rate must be at least 0 and less than 1, got 1":       features(TransformerBlock{Heads: 2, Activation: "isrlu", Dropout: 1}),
		"elements": {Input: Shape{1 << 20, 2}, Layers: Sequential{Attention{Heads: 1}}},
	} {
		m, err := New[float32](n, Options{})
		if err == nil {
			m.Close()
			t.Errorf("%+v is taken", n.Layers)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestTransformerBlocksAreDescribed(t *testing.T) {
	m := newModelOf[float32](t, Network{Input: Shape{4, 6}, Layers: Sequential{TransformerBlock{Heads: 2, Activation: "isrlu", Norm: "layer_norm", Dropout: .1}}}, Options{})
	var got []string
	for _, l := range m.Layers() {
		got = append(got, fmt.Sprint(l.Name, " ", l.Output, " ", l.Parameters, " ", l.Fused))
	}
	want := []string{
		"1.transformer_block [4 6] 0 false",
		"1.transformer_block.1.residual [4 6] 0 false",
		"1.transformer_block.1.residual.body.1.norm [4 6] 12 false",
		"1.transformer_block.1.residual.body.2.attention [4 6] 168 false",
		"1.transformer_block.1.residual.body.3.dropout [4 6] 0 false",
		"1.transformer_block.2.residual [4 6] 0 false",
		"1.transformer_block.2.residual.body.1.norm [4 6] 12 false",
		"1.transformer_block.2.residual.body.2.dense [4 24] 168 false",
		"1.transformer_block.2.residual.body.3.activation [4 24] 0 true",
		"1.transformer_block.2.residual.body.4.dense [4 6] 150 false",
		"1.transformer_block.2.residual.body.5.dropout [4 6] 0 false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the layers are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	name := "1.transformer_block.1.residual.body.2.attention.output_weight"
	if !slices.ContainsFunc(m.Parameters(), func(p *Parameter[float32]) bool { return p.Name == name && p.Decay }) {
		t.Errorf("there is no %s that decays", name)
	}
}
