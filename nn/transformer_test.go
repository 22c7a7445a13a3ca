package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// transformer is a small causal one of characters.
func transformer(steps int, norm string) Network {
	return Network{Input: Shape{steps}, Norm: norm, Activation: "isrlu", Layers: Sequential{
		Embedding{Tokens: 11, Units: 12}, PositionEmbedding{},
		TransformerBlock{Heads: 3, Dropout: .1}, TransformerBlock{Heads: 2, Hidden: 9, NoBias: true},
		Norm{}, Dense{Units: 11},
	}}
}

// A stepper gives a transformer's outputs of whole sequences within 1e-6 of the
// largest, and again after a reset in the middle. It allocates nothing.
func TestStepperRunsTransformers(t *testing.T) {
	const steps, sequences = attentionRows + 7, 3
	for _, norm := range normMethods {
		m := newModelOf[float32](t, transformer(steps, norm), Options{Batch: sequences, Threads: 2})
		trainer, err := NewTrainer(m, TrainerOptions{Optimizer: Adam(), Schedule: Constant(.01)})
		if err != nil {
			t.Fatal(err)
		}
		trainer.Step(randomBatch(m, sequences, 5))
		x := randomBatch(m, sequences, 1).X
		want := slices.Clone(m.Predict(x))
		largest := 0.0
		for _, v := range want {
			largest = max(largest, math.Abs(float64(v)))
		}
		s, err := NewStepper(m, sequences)
		if err != nil {
			t.Fatal(err)
		}
		if s.Limit() != steps {
			t.Errorf("the limit is %d, want %d", s.Limit(), steps)
		}
		step := make([]float32, sequences)
		take := func(j int) []float32 {
			for i := range step {
				step[i] = x[i*steps+j]
			}
			return s.Step(step)
		}
		for _, n := range []int{5, steps} {
			s.Reset()
			for j := range n {
				y := take(j)
				for i := range sequences {
					for c, v := range y[i*11:][:11] {
						if w := want[(i*steps+j)*11+c]; math.Abs(float64(v-w)) > 1e-6*largest {
							t.Fatalf("%s: output %d of sequence %d at step %d is %v, want %v", norm, c, i, j, v, w)
						}
					}
				}
			}
		}
		func() {
			defer func() {
				if v, want := fmt.Sprint(recover()), "nn: the network takes no more than 71 steps; reset it"; v != want {
					t.Errorf("the step beyond the limit panics with %q, want %q", v, want)
				}
			}()
			s.Step(step)
		}()
		s.Reset()
		j := 0
		if n := testing.AllocsPerRun(20, func() { take(j); j++ }); n > 0 {
			t.Errorf("a step makes %v allocations", n)
		}
		s.Close()
	}
}

func TestStepperTakesNoLaterSteps(t *testing.T) {
	for want, l := range map[string]Layer{
		"layer 1 (attention): it reads all time steps": Attention{Heads: 1, Bidirectional: true},
		"(attention): it reads all time steps at once": TransformerBlock{Heads: 1, Bidirectional: true, Activation: "isrlu"},
	} {
		m := newModelOf[float32](t, Network{Input: Shape{4, 2}, Layers: Sequential{l}}, Options{})
		if s, err := NewStepper(m, 1); err == nil {
			s.Close()
			t.Errorf("%+v runs step by step", l)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// The float32 passes agree with those in float64, which the checks of gradients
// use: losses within 1e-5, gradients within 1e-4 of the largest.
func TestTransformersInFloat32(t *testing.T) {
	for _, norm := range normMethods {
		for _, bidirectional := range []bool{false, true} {
			n := Network{Input: Shape{attentionRows + 3, 5}, Norm: norm, Activation: "gelu", Layers: Sequential{
				Dense{Units: 24}, PositionEmbedding{},
				TransformerBlock{Heads: 3, Bidirectional: bidirectional, Dropout: .2}, TransformerBlock{Heads: 1, Bidirectional: bidirectional},
				Norm{}, Dense{Units: 7},
			}}
			compareFloats(t, fmt.Sprintf("%s, bidirectional %v", norm, bidirectional), n, Options{Batch: 4, Seed: 3}, 1e-3)
		}
	}
}

// Attention and learned positions each limit the steps by themselves.
func TestEachLayerOfPositionsLimitsTheSteps(t *testing.T) {
	for _, l := range []Layer{Attention{Heads: 2}, PositionEmbedding{}} {
		m := newModelOf[float32](t, Network{Input: Shape{5, 4}, Layers: Sequential{l, Dense{Units: 3}}}, Options{})
		s, err := NewStepper(m, 1)
		if err != nil {
			t.Fatal(err)
		}
		if s.Limit() != 5 {
			t.Errorf("%T limits the steps to %d, want 5", l, s.Limit())
		}
		s.Close()
	}
}
