package nn

import (
	"fmt"
	"math"
)

// A Trainer trains a model.
type Trainer[T Float] struct {
	model     *Model[T]
	optimizer Optimizer
	schedule  Schedule
	loss      Loss
	clip      float64
	step      int
	state     [][][]T // for each parameter, the optimizer's averages
	chunks    []chunk
	squares   []float64
	run       running

	updateTask, normTask func(task, worker int)
}

// running is what the update of a step needs: the learning rate and what gradients
// are multiplied by.
type running struct{ rate, scale float64 }

// A chunk is a part of a parameter that one task updates.
type chunk struct{ param, from, to int }

// chunkSize is the most elements of a chunk.
const chunkSize = 16384

// TrainerOptions are how a model is trained.
type TrainerOptions struct {
	Optimizer Optimizer
	Schedule  Schedule
	Loss      Loss
	// ClipNorm scales the gradients down so that their norm, over all parameters,
	// is at most this; 0 leaves them as they are.
	ClipNorm float64
}

// NewTrainer returns a trainer of the model, at step 0.
func NewTrainer[T Float](m *Model[T], o TrainerOptions) (*Trainer[T], error) {
	if m.options.Inference {
		return nil, fmt.Errorf("nn: a model for inference cannot be trained")
	}
	if err := o.Optimizer.check(); err != nil {
		return nil, err
	}
	if err := o.Schedule.Check(); err != nil {
		return nil, err
	}
	if !(o.ClipNorm >= 0) || math.IsInf(o.ClipNorm, 0) {
		return nil, fmt.Errorf("nn: the norm to clip at must be at least 0 and finite, got %v", o.ClipNorm)
	}
	if o.Loss != SoftmaxCrossEntropy && o.Loss != MeanSquaredError {
		return nil, fmt.Errorf("nn: unknown loss %d", o.Loss)
	}
	t := &Trainer[T]{model: m, optimizer: o.Optimizer, schedule: o.Schedule, loss: o.Loss, clip: o.ClipNorm}
	for i, p := range m.params {
		var state [][]T
		if p.Grad != nil {
			for range t.optimizer.slots() {
				state = append(state, make([]T, len(p.Value)))
			}
			for from := 0; from < len(p.Value); from += chunkSize {
				t.chunks = append(t.chunks, chunk{i, from, min(from+chunkSize, len(p.Value))})
			}
		}
		t.state = append(t.state, state)
	}
	t.squares = make([]float64, len(t.chunks))
	t.updateTask, t.normTask = t.updateChunk, t.chunkNorm
	return t, nil
}

// Model returns the model that is trained.
func (t *Trainer[T]) Model() *Model[T] { return t.model }

// Steps returns the number of steps taken.
func (t *Trainer[T]) Steps() int { return t.step }

// Rate returns the learning rate of the next step.
func (t *Trainer[T]) Rate() float64 { return t.schedule.At(t.step) }

// Step trains on one batch. If the loss is not finite, the weights stay as they
// are: training has diverged.
func (t *Trainer[T]) Step(b Batch[T]) StepResult {
	m := t.model
	m.step = uint64(t.step)
	r := m.Gradients(b, t.loss)
	r.Norm = t.norm()
	if math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) || math.IsNaN(r.Norm) || math.IsInf(r.Norm, 0) {
		return r
	}
	scale := 1.0
	if t.clip > 0 && r.Norm > t.clip {
		scale = t.clip / r.Norm
	}
	rate := t.Rate()
	t.step++
	t.run = running{rate, scale}
	m.pool.Run(len(t.chunks), t.updateTask)
	return r
}

// updateChunk updates the parameters of a chunk.
func (t *Trainer[T]) updateChunk(task, _ int) {
	c := t.chunks[task]
	p := t.model.params[c.param]
	var state [2][]T
	for k, s := range t.state[c.param] {
		state[k] = s[c.from:c.to]
	}
	decay := 0.0
	if p.Decay {
		decay = t.optimizer.WeightDecay
	}
	w := p.Value[c.from:c.to]
	update(&t.optimizer, w, p.Grad[c.from:c.to], state[:len(t.state[c.param])], t.step, t.run.rate, t.run.scale, decay)
	if p.Least != 0 {
		for i, v := range w {
			w[i] = max(v, T(p.Least))
		}
	}
}

// norm returns the norm of all gradients.
func (t *Trainer[T]) norm() float64 {
	t.model.pool.Run(len(t.chunks), t.normTask)
	sum := 0.0
	for _, s := range t.squares {
		sum += s
	}
	return math.Sqrt(sum)
}

func (t *Trainer[T]) chunkNorm(task, _ int) {
	c := t.chunks[task]
	sum := 0.0
	for _, g := range t.model.params[c.param].Grad[c.from:c.to] {
		sum += float64(g) * float64(g)
	}
	t.squares[task] = sum
}
