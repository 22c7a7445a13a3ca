package experiment

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// textModel returns a model of some tokens with random weights.
func textModel(t *testing.T, tokens, window int, layers ...nn.Layer) *nn.Model[float32] {
	t.Helper()
	n := nn.Network{Input: nn.Shape{window}, Activation: "isru", Init: nn.LeCun(), Layers: nn.Sequential{nn.Embedding{Tokens: tokens, Units: 8, Init: nn.LeCun()}}}
	n.Layers = append(append(n.Layers, layers...), nn.Dense{Units: tokens})
	m, err := nn.New[float32](n, nn.Options{Inference: true, Threads: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func generate(t *testing.T, m *nn.Model[float32], o GenerateOptions, length int, prompt ...int) []int {
	t.Helper()
	g, err := NewGenerator(m, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.Read(prompt...)
	var text []int
	for range length {
		token, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, token)
	}
	return text
}

// At temperature 0 each token is the one that Predict finds most probable after all
// before it; a transformer sees those of its window, or the second half of the last
// one.
func TestGeneratorTakesTheMostProbableToken(t *testing.T) {
	const tokens, window, length = 7, 6, 20
	for name, m := range map[string]*nn.Model[float32]{
		"gru":         textModel(t, tokens, length+2, nn.GRU{Units: 9}),
		"transformer": textModel(t, tokens, window, nn.PositionEmbedding{Init: nn.LeCun()}, nn.TransformerBlock{Heads: 2}),
	} {
		limit := m.Network().Input[0]
		got := generate(t, m, GenerateOptions{}, length, 2, 5)
		seen := []int{2, 5}
		for i, token := range got {
			x := make([]float32, limit)
			for j, s := range seen {
				x[j] = float32(s)
			}
			y := m.Predict(x)[(len(seen)-1)*tokens:][:tokens]
			if want := slices.Index(y, slices.Max(y)); token != want {
				t.Fatalf("%s: token %d is %d, want %d", name, i, token, want)
			}
			if len(seen) == limit {
				seen = slices.Clone(seen[limit-limit/2:])
			}
			seen = append(seen, token)
		}
		if one := generate(t, m, GenerateOptions{Temperature: 1, TopK: 1}, length, 2, 5); !slices.Equal(one, got) {
			t.Errorf("%s: the first of one is %v, want %v", name, one, got)
		}
	}
}

// Tokens come as often as the softmax at the temperature says, among the most
// probable ones.
func TestGeneratorDrawsByProbability(t *testing.T) {
	const tokens, draws = 5, 20000
	m := textModel(t, tokens, 4, nn.RNN{Units: 3})
	logits := []float32{0, 1, 2, -1, 1.5}
	for _, p := range m.Parameters() {
		clear(p.Value) // what it has read has no effect
		if len(p.Value) == tokens {
			copy(p.Value, logits)
		}
	}
	for _, o := range []GenerateOptions{{Temperature: 1, Seed: 1}, {Temperature: .5, Seed: 2}, {Temperature: 1, TopK: 3, Seed: 3}} {
		want, sum := make([]float64, tokens), 0.0
		for i, v := range logits {
			if o.TopK == 0 || v >= 1 { // the three largest
				want[i] = math.Exp(float64(v) / o.Temperature)
				sum += want[i]
			}
		}
		count := make([]float64, tokens)
		for _, token := range generate(t, m, o, draws, 0) {
			count[token]++
		}
		for i := range want {
			p := want[i] / sum
			if deviation := math.Sqrt(p * (1 - p) / draws); math.Abs(count[i]/draws-p) > 5*deviation {
				t.Errorf("%+v: token %d has the share %v, want %v", o, i, count[i]/draws, p)
			}
		}
	}
	a, b := GenerateOptions{Temperature: 1, Seed: 1}, GenerateOptions{Temperature: 1, Seed: 2}
	if !slices.Equal(generate(t, m, a, 50, 0), generate(t, m, a, 50, 0)) || slices.Equal(generate(t, m, a, 50, 0), generate(t, m, b, 50, 0)) {
		t.Error("a seed does not decide what is drawn")
	}
}

func TestGeneratorErrors(t *testing.T) {
	m := textModel(t, 5, 4, nn.GRU{Units: 3})
	for _, test := range []struct {
		model *nn.Model[float32]
		o     GenerateOptions
		want  string
	}{
		{m, GenerateOptions{Temperature: -1}, "-1"},
		{m, GenerateOptions{Temperature: math.Inf(1)}, "finite"},
		{m, GenerateOptions{TopK: -2}, "-2"},
		{textModel(t, 5, 4, nn.GRU{Units: 3, Last: true}), GenerateOptions{}, "[5]"},
		{textModel(t, 5, 4, nn.GRU{Units: 3, Bidirectional: true}), GenerateOptions{}, "step by step"},
	} {
		if _, err := NewGenerator(test.model, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v does not say %q", err, test.want)
		}
	}
	g, err := NewGenerator(m, GenerateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := g.Next(); err == nil || !strings.Contains(err.Error(), "read a character") {
		t.Errorf("a text from nothing: %v", err)
	}
	m.Parameters()[0].Value[0] = float32(math.NaN())
	g.Read(0)
	if _, err := g.Next(); err == nil || !strings.Contains(err.Error(), "diverged") {
		t.Errorf("a network of NaN: %v", err)
	}
}
