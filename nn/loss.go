package nn

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/rows"
)

// A Loss is what training makes small.
type Loss int

// The losses. Both are means over the predictions of a batch.
const (
	// SoftmaxCrossEntropy is -log of the probability that the softmax of the
	// output gives to the label, in nats.
	SoftmaxCrossEntropy Loss = iota
	// MeanSquaredError is the mean over the outputs of (y - target)^2; the target
	// of a label is 1 in its place and 0 elsewhere.
	MeanSquaredError
)

// A Batch is the input of a training step: samples one after the other in X, and
// either a label for each prediction or, for MeanSquaredError, the outputs that
// are wanted. A sample has one prediction, or one for each time step where the
// network's output has time steps.
type Batch[T Float] struct {
	X       []T
	Labels  []int
	Targets []T
}

// A StepResult is what a training step found before it changed the weights.
type StepResult struct {
	Loss    float64 // mean over the predictions
	Correct int     // predictions whose largest output is that of the label
	Norm    float64 // of all gradients together, before clipping
}

// check panics if the batch does not fit the model.
func (m *Model[T]) checkBatch(b *Batch[T], l Loss) {
	n, classes := len(b.X)/m.input.size, m.output.shape.channels()
	if b.Labels == nil {
		if l != MeanSquaredError {
			panic("nn: cross-entropy needs labels")
		}
		if len(b.Targets) != n*m.output.size {
			panic(fmt.Sprintf("nn: %d targets for %d samples of %d outputs", len(b.Targets), n, m.output.size))
		}
		return
	}
	if predictions := m.output.size / classes; len(b.Labels) != n*predictions {
		panic(fmt.Sprintf("nn: %d labels for %d samples of %d predictions", len(b.Labels), n, predictions))
	}
	for i, label := range b.Labels {
		if label < 0 || label >= classes {
			panic(fmt.Sprintf("nn: label %d of prediction %d is not in [0, %d)", label, i, classes))
		}
	}
}

// losses computes the loss of each prediction of a batch.
type losses[T Float] struct {
	m     *Model[T]
	batch Batch[T]
	loss  Loss
	grad  bool // whether the gradient of their mean is wanted

	// Of each prediction.
	value []float64
	right []bool
	// exps is memory for the exponentials of a prediction, for each worker.
	exps [][]T

	task func(sample, worker int)
}

func newLosses[T Float](m *Model[T]) *losses[T] {
	n := m.options.Batch * (m.output.size / m.output.shape.channels())
	l := &losses[T]{m: m, value: make([]float64, n), right: make([]bool, n)}
	for range m.pool.Threads() {
		l.exps = append(l.exps, make([]T, m.output.shape.channels()))
	}
	l.task = l.sample
	return l
}

// sum returns the sum of the losses of the running call's predictions, how many
// these are and how many are right.
func (l *losses[T]) sum(b *Batch[T], loss Loss, grad bool) (sum float64, predictions, correct int) {
	m := l.m
	l.batch, l.loss, l.grad = *b, loss, grad
	m.each(l.task)
	predictions = m.n * (m.output.size / m.output.shape.channels())
	for i, v := range l.value[:predictions] {
		sum += v
		if l.right[i] {
			correct++
		}
	}
	l.batch = Batch[T]{}
	return sum, predictions, correct
}

// sample computes the losses of one sample's predictions.
func (l *losses[T]) sample(sample, worker int) {
	y, classes := l.m.output, l.m.output.shape.channels()
	each := y.size / classes
	for i := sample * each; i < (sample+1)*each; i++ {
		out := y.data[i*classes:][:classes]
		var dy, targets []T
		if l.grad {
			dy = y.grad[i*classes:][:classes]
		}
		label := -1
		if l.batch.Labels != nil {
			label = l.batch.Labels[i]
			l.right[i] = argmax(out) == label
		} else {
			targets, l.right[i] = l.batch.Targets[i*classes:][:classes], false
		}
		switch {
		case l.loss == MeanSquaredError:
			l.value[i] = squares(dy, out, targets, label, l.m.n*each)
		case classes < manyClasses:
			l.value[i] = crossEntropy(dy, out, label, l.m.n*each)
		default:
			l.value[i] = crossEntropyOfMany(dy, out, l.exps[worker], label, l.m.n*each)
		}
	}
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

// manyClasses is where crossEntropyOfMany takes over: with fewer classes vectors
// would be mostly empty, and float64 costs little.
const manyClasses = 16

// crossEntropyOfMany is crossEntropy in the arithmetic of T, by vectors. Its error is
// some ulp of T in the probabilities.
func crossEntropyOfMany[T Float](dy, y, exps []T, label, n int) float64 {
	if dy != nil {
		exps = dy
	}
	high, sum := rows.ExpSum(exps, y)
	if dy != nil {
		scale := T(1 / (float64(sum) * float64(n)))
		for i := range dy {
			dy[i] *= scale
		}
		dy[label] -= T(1 / float64(n))
	}
	return math.Log(float64(sum)) + float64(high) - float64(y[label])
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
	return m.result(&b, l, false)
}

// Gradients runs a training step's passes and leaves the gradients in the
// parameters, without changing any. Trainer.Step is the usual way to train.
func (m *Model[T]) Gradients(b Batch[T], l Loss) StepResult {
	if m.options.Inference {
		panic("nn: a model for inference has no gradients")
	}
	m.checkBatch(&b, l)
	m.forward(b.X, true)
	r := m.result(&b, l, true)
	m.backward()
	return r
}

func (m *Model[T]) result(b *Batch[T], l Loss, grad bool) StepResult {
	sum, predictions, correct := m.losses.sum(b, l, grad)
	return StepResult{Loss: sum / float64(predictions), Correct: correct}
}
