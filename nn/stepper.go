package nn

import (
	"errors"
	"fmt"
	"slices"
)

// A Stepper runs a network on sequences one time step at a time, and carries what
// its layers remember from one step to the next: for text that is generated, or
// signals that arrive. It gives what Predict gives for the sequence so far, and
// allocates nothing. Its methods must not run at once.
type Stepper[T Float] struct {
	model    *Model[T]
	position int // steps since the last reset
	room     int // most steps, or 0 if there is no limit
}

// A rememberer is an operation that carries something from one step to the next.
type rememberer interface{ reset() }

// NewStepper returns a stepper of so many sequences side by side, all at their
// first step. It shares the weights of m: when these change, call Changed. Layers
// that read later time steps, such as bidirectional ones, are an error that names
// the layer.
func NewStepper[T Float](m *Model[T], sequences int) (*Stepper[T], error) {
	o := m.options
	o.Batch, o.Inference, o.stepwise = sequences, true, true
	s, err := New[T](m.network, o)
	if err != nil {
		return nil, err
	}
	for i, p := range s.params {
		p.Value = m.params[i].Value
	}
	return &Stepper[T]{model: s, room: s.room}, nil
}

// Close ends the stepper's workers. The stepper must not be used afterwards.
func (s *Stepper[T]) Close() { s.model.Close() }

// Changed tells that the weights of the model have changed.
func (s *Stepper[T]) Changed() { s.model.Changed() }

// Reset goes back to the first step and forgets all sequences.
func (s *Stepper[T]) Reset() {
	s.position = 0
	for _, op := range s.model.ops {
		if r, ok := op.(rememberer); ok {
			r.reset()
		}
	}
}

// Position returns the number of steps since the last reset.
func (s *Stepper[T]) Position() int { return s.position }

// Limit returns the most steps after a reset, or 0 if there is no limit. Networks
// with attention or learned positions have one: the time steps of their input.
func (s *Stepper[T]) Limit() int { return s.room }

// Step takes the next time step of each sequence, one after the other in x, and
// returns the outputs of that step, which are valid until the next call. It
// panics if x is not one step of every sequence, or at the limit.
func (s *Stepper[T]) Step(x []T) []T {
	m := s.model
	if len(x) != m.options.Batch*m.input.size {
		panic(fmt.Sprintf("nn: %d elements are not a step of %d sequences of %d", len(x), m.options.Batch, m.input.size))
	}
	if s.room > 0 && s.position == s.room {
		panic(fmt.Sprintf("nn: the network takes no more than %d steps; reset it", s.room))
	}
	m.position = s.position
	m.forward(x, false)
	s.position++
	return m.output.data[:m.n*m.output.size]
}

var errNotSteps = errors.New("it reads all time steps at once; the network cannot run step by step")

// stepInput returns the shape of one time step of a network's input.
func stepInput(n *Network) (Shape, error) {
	in := slices.Clone(n.Input)
	_, tokens := plain(n.Layers[0]).(Embedding)
	if len(in) != 2 && !(len(in) == 1 && tokens) {
		return nil, fmt.Errorf("input %v is no sequence; the network cannot run step by step", n.Input)
	}
	in[0] = 1
	return in, nil
}

// together returns an error for a stepwise model, which a layer that reads several
// time steps at once cannot be part of.
func (b *builder[T]) together() error {
	if b.m.options.stepwise {
		return errNotSteps
	}
	return nil
}

// limitSteps makes the time steps of the network's input the most that a stepwise
// model takes.
func (b *builder[T]) limitSteps() { b.m.room = b.m.network.Input[0] }
