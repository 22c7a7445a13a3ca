package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/isrlu/isrlu/nn"
)

// GenerateOptions are how a Generator chooses among characters.
type GenerateOptions struct {
	// Temperature divides the network's outputs before the softmax: 1 draws with its
	// own probabilities, less with clearer ones, and 0 takes the most probable.
	Temperature float64
	// TopK is how many of the most probable characters are drawn from; all if 0.
	TopK int
	Seed uint64
}

// Check returns an error that names the value that is wrong.
func (o *GenerateOptions) Check() error {
	if !(o.Temperature >= 0) || math.IsInf(o.Temperature, 0) {
		return fmt.Errorf("experiment: the temperature must be at least 0 and finite, got %v", o.Temperature)
	}
	if o.TopK < 0 {
		return fmt.Errorf("experiment: the number of characters to draw from must not be less than 0, got %d", o.TopK)
	}
	return nil
}

// A Generator continues a text with a network that was trained on the task chars.
// Equal seeds and prompts give equal texts on the same SIMD level.
type Generator struct {
	options GenerateOptions
	stepper *nn.Stepper[float32]
	random  *rand.Rand
	recent  []int     // tokens since the stepper's reset, where it has a limit
	logits  []float32 // for the next token; nil before the first is read
	order   []int     // tokens by falling logits
	weights []float64
	input   [1]float32
}

// NewGenerator returns a generator of the model's tokens. Its output must be one
// number for each of them at each step.
func NewGenerator(m *nn.Model[float32], o GenerateOptions) (*Generator, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if out := m.Output(); len(out) != 2 {
		return nil, fmt.Errorf("experiment: the network puts out %v, but to generate a text it must put out a number for each character at each step", []int(out))
	}
	s, err := nn.NewStepper(m, 1)
	if err != nil {
		return nil, err
	}
	tokens := m.Output()[1]
	return &Generator{
		options: o, stepper: s, random: rand.New(rand.NewPCG(o.Seed, 1)),
		order: make([]int, tokens), weights: make([]float64, tokens),
	}, nil
}

// Close ends the generator, which must not be used afterwards.
func (g *Generator) Close() { g.stepper.Close() }

// Read reads tokens that stand in the text.
func (g *Generator) Read(tokens ...int) {
	for _, t := range tokens {
		g.read(t)
	}
}

func (g *Generator) read(token int) {
	if limit := g.stepper.Limit(); limit > 0 {
		if len(g.recent) == limit {
			// The network sees no further than its window: it goes on from the second
			// half of what it saw.
			kept := slices.Clone(g.recent[limit-limit/2:])
			g.recent = g.recent[:0]
			g.stepper.Reset()
			g.Read(kept...)
		}
		g.recent = append(g.recent, token)
	}
	g.input[0] = float32(token)
	g.logits = g.stepper.Step(g.input[:])
}

// Next draws the next token, and reads it. There must have been one before.
func (g *Generator) Next() (int, error) {
	if g.logits == nil {
		return 0, errors.New("experiment: a text cannot go on from nothing; read a character first")
	}
	token, err := g.draw()
	if err == nil {
		g.read(token)
	}
	return token, err
}

// draw draws a token from the network's outputs.
func (g *Generator) draw() (int, error) {
	for i, v := range g.logits {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return 0, errors.New("experiment: the network's output is not finite: its training diverged")
		}
		g.order[i] = i
	}
	slices.SortStableFunc(g.order, func(a, b int) int { return cmp.Compare(g.logits[b], g.logits[a]) })
	if g.options.Temperature == 0 {
		return g.order[0], nil
	}
	n := len(g.order)
	if k := g.options.TopK; k > 0 {
		n = min(n, k)
	}
	high, sum := float64(g.logits[g.order[0]]), 0.0
	for i, token := range g.order[:n] {
		g.weights[i] = math.Exp((float64(g.logits[token]) - high) / g.options.Temperature)
		sum += g.weights[i]
	}
	at := g.random.Float64() * sum
	for i, w := range g.weights[:n] {
		if at -= w; at < 0 {
			return g.order[i], nil
		}
	}
	return g.order[n-1], nil // the roundings of the sum
}
