package nn

import (
	"fmt"
	"math"
)

// A Loss is what training makes small.
type Loss int

// The losses. Both are means over the samples of a batch.
const (
	// SoftmaxCrossEntropy is -log of the probability that the softmax of the
	// output gives to the label, in nats.
	SoftmaxCrossEntropy Loss = iota
	// MeanSquaredError is the mean over the outputs of (y - target)^2; the target
	// of a label is 1 in its place and 0 elsewhere.
	MeanSquaredError
)

// A Batch is the input of a training step: samples one after the other in X, and
// either a label for each or, for MeanSquaredError, the outputs that are wanted.
type Batch[T Float] struct {
	X       []T
	Labels  []int
	Targets []T
}

// A StepResult is what a training step found before it changed the weights.
type StepResult struct {
	Loss    float64 // mean over the batch
	Correct int     // samples whose largest output is that of the label
	Norm    float64 // of all gradients together, before clipping
}

// check panics if the batch does not fit the model.
func (m *Model[T]) checkBatch(b *Batch[T], l Loss) {
	n, classes := len(b.X)/m.input.size, m.output.size
	if b.Labels == nil {
		if l != MeanSquaredError {
			panic("nn: cross-entropy needs labels")
		}
		if len(b.Targets) != n*classes {
			panic(fmt.Sprintf("nn: %d targets for %d samples of %d outputs", len(b.Targets), n, classes))
		}
		return
	}
	if len(b.Labels) != n {
		panic(fmt.Sprintf("nn: %d labels for %d samples", len(b.Labels), n))
	}
	for i, label := range b.Labels {
		if label < 0 || label >= classes {
			panic(fmt.Sprintf("nn: label %d of sample %d is not in [0, %d)", label, i, classes))
		}
	}
}

// loss returns the sum of the losses of the running call's samples, and how many
// are right. If grad is set it writes the gradient of their mean.
func (m *Model[T]) loss(b *Batch[T], l Loss, grad bool) (sum float64, correct int) {
	classes := m.output.size
	for i := range m.n {
		y := m.output.data[i*classes:][:classes]
		var dy []T
		if grad {
			dy = m.output.grad[i*classes:][:classes]
		}
		var targets []T
		label := -1
		if b.Labels != nil {
			label = b.Labels[i]
			if argmax(y) == label {
				correct++
			}
		} else {
			targets = b.Targets[i*classes:][:classes]
		}
		if l == SoftmaxCrossEntropy {
			sum += crossEntropy(dy, y, label, m.n)
		} else {
			sum += squares(dy, y, targets, label, m.n)
		}
	}
	return sum, correct
}

func argmax[T Float](y []T) int {
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}

// Softmax sets p to the softmax of y, in float64 and safe for all finite y. p
// and y have the same length.
func Softmax[T Float](p []float64, y []T) {
	high := float64(y[argmax(y)])
	sum := 0.0
	for i, v := range y {
		p[i] = math.Exp(float64(v) - high)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}

func crossEntropy[T Float](dy, y []T, label, n int) float64 {
	high := float64(y[argmax(y)])
	sum := 0.0
	for _, v := range y {
		sum += math.Exp(float64(v) - high)
	}
	for i := range dy {
		p := math.Exp(float64(y[i])-high) / sum
		if i == label {
			p--
		}
		dy[i] = T(p / float64(n))
	}
	return math.Log(sum) + high - float64(y[label])
}

func squares[T Float](dy, y, targets []T, label, n int) float64 {
	sum := 0.0
	for i, v := range y {
		target := 0.0
		if targets != nil {
			target = float64(targets[i])
		} else if i == label {
			target = 1
		}
		d := float64(v) - target
		sum += d * d
		if dy != nil {
			dy[i] = T(2 * d / float64(n*len(y)))
		}
	}
	return sum / float64(len(y))
}

// Evaluate returns the mean loss and the number of right answers for a batch,
// without training.
func (m *Model[T]) Evaluate(b Batch[T], l Loss) StepResult {
	m.checkBatch(&b, l)
	m.forward(b.X, false)
	sum, correct := m.loss(&b, l, false)
	return StepResult{Loss: sum / float64(m.n), Correct: correct}
}

// Gradients runs a training step's passes and leaves the gradients in the
// parameters, without changing any. Trainer.Step is the usual way to train.
func (m *Model[T]) Gradients(b Batch[T], l Loss) StepResult {
	if m.options.Inference {
		panic("nn: a model for inference has no gradients")
	}
	m.checkBatch(&b, l)
	m.forward(b.X, true)
	sum, correct := m.loss(&b, l, true)
	m.backward()
	return StepResult{Loss: sum / float64(m.n), Correct: correct}
}
