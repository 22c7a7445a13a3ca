package experiment

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// A Training takes a trainer through the epochs of a set. Where it is
// follows from the trainer's number of steps alone, so that a trainer that was
// loaded from a file goes on where it stopped.
type Training struct {
	Trainer *nn.Trainer[float32]
	Set     *data.Set
	// Seed is that of the order of the samples.
	Seed uint64
	// AfterStep, if not nil, is called after each step with what the epoch has
	// come to so far; an error ends the epoch.
	AfterStep func(Epoch) error

	// TestLosses holds the mean losses of the last Evaluate's batches, the last one
	// only if it is full.
	TestLosses []float64

	x      []float32
	labels []int
	evalAt []int
}

// A DivergedError tells that a step's loss, or the norm of its gradients, is not
// finite. The weights are those from before the step.
type DivergedError struct {
	What  string // "loss" or "norm of the gradients"
	Value float64
	Step  int // from 1
	Epoch int // from 1
}

// Error tells what is not finite, and in which step and epoch.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("the %s is %v at step %d, in epoch %d: training has diverged", e.What, e.Value, e.Step, e.Epoch)
}

// StepsPerEpoch returns the number of steps that an epoch has; the last one may
// be on fewer samples.
func StepsPerEpoch(samples, batch int) int { return (samples + batch - 1) / batch }

func (t *Training) stepsPerEpoch() int {
	return StepsPerEpoch(t.Set.Train.Len(), t.Trainer.Model().Batch())
}

// Epoch trains to the end of the epoch that is under way and returns its
// measures; those of training begin where it went on, those of the test set are
// Evaluate's to add. On a DivergedError, an error of AfterStep or the end of ctx
// the measures are of the part that is done.
func (t *Training) Epoch(ctx context.Context) (Epoch, error) {
	batch, perEpoch := t.Trainer.Model().Batch(), t.stepsPerEpoch()
	t.buffers(batch, t.Set.Train)
	e := Epoch{Epoch: t.Trainer.Steps()/perEpoch + 1}
	order := data.Permutation(t.Set.Train.Len(), t.Seed, e.Epoch-1)
	loss, correct, labels, samples := 0.0, 0, 0, 0
	for t.Trainer.Steps() < e.Epoch*perEpoch {
		if ctx.Err() != nil {
			return e, ctx.Err()
		}
		begun := time.Now()
		at := t.Trainer.Steps() % perEpoch * batch
		indices := order[at:min(at+batch, len(order))]
		b := t.fill(t.Set.Train, indices)
		rate, before := t.Trainer.Rate(), t.Trainer.Steps()
		r := t.Trainer.Step(b)
		if t.Trainer.Steps() == before {
			what, v := "loss", r.Loss
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				what, v = "norm of the gradients", r.Norm
			}
			return e, &DivergedError{what, v, before + 1, e.Epoch}
		}
		loss, correct = loss+r.Loss*float64(len(b.Labels)), correct+r.Correct
		labels, samples = labels+len(b.Labels), samples+len(indices)
		e.LearningRate = rate
		e.TrainLoss, e.TrainAccuracy = loss/float64(labels), float64(correct)/float64(labels)
		e.Seconds += time.Since(begun).Seconds()
		if t.Set.Train.Predictions() == 1 {
			e.ImagesPerSecond = float64(samples) / e.Seconds
		} else {
			e.CharactersPerSecond = float64(labels) / e.Seconds
		}
		if t.AfterStep != nil {
			if err := t.AfterStep(e); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

// Evaluate returns the mean cross-entropy, in nats, and the accuracy, in [0, 1],
// on the test set: over all labels, of which a sample may have several.
func (t *Training) Evaluate(ctx context.Context) (loss, accuracy float64, err error) {
	correct, test, full := 0, t.Set.Test, t.Trainer.Model().Batch()*t.Set.Test.Predictions()
	t.TestLosses = t.TestLosses[:0]
	err = t.eachTestBatch(ctx, test.Len(), func(b nn.Batch[float32]) {
		r := t.Trainer.Model().Evaluate(b, nn.SoftmaxCrossEntropy)
		loss, correct = loss+r.Loss*float64(len(b.Labels)), correct+r.Correct
		if len(b.Labels) == full {
			t.TestLosses = append(t.TestLosses, r.Loss)
		}
	})
	if err != nil {
		return 0, 0, err
	}
	labels := float64(test.Len() * test.Predictions())
	return loss / labels, float64(correct) / labels, nil
}

// eachTestBatch calls f with the first samples of the test set, in order.
func (t *Training) eachTestBatch(ctx context.Context, samples int, f func(nn.Batch[float32])) error {
	batch := t.Trainer.Model().Batch()
	t.buffers(batch, t.Set.Test)
	for from := 0; from < samples; from += batch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.evalAt = t.evalAt[:0]
		for i := from; i < min(from+batch, samples); i++ {
			t.evalAt = append(t.evalAt, i)
		}
		f(t.fill(t.Set.Test, t.evalAt))
	}
	return nil
}

func (t *Training) buffers(batch int, s data.Samples) {
	if x, labels := batch*s.Size(), batch*s.Predictions(); len(t.labels) != labels || len(t.x) != x {
		t.x, t.labels = make([]float32, x), make([]int, labels)
	}
}

func (t *Training) fill(s data.Samples, indices []int) nn.Batch[float32] {
	n := len(indices)
	b := nn.Batch[float32]{X: t.x[:n*s.Size()], Labels: t.labels[:n*s.Predictions()]}
	s.Fill(b.X, b.Labels, indices)
	return b
}
