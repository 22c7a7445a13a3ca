package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// run trains from the trainer's step to the end.
func (s *session) run(ctx context.Context) error {
	w, o := s.cmd.OutOrStdout(), s.flags
	weights, learned := s.trainer.Model().CountParameters()
	fmt.Fprintf(w, "%s with %s: %d weights", o.network, o.activation, weights)
	if learned > 0 {
		fmt.Fprintf(w, " and %d parameters of activations", learned)
	}
	fmt.Fprintf(w, ", %s with %d + %d images, %d epochs of %d steps\n",
		o.data, s.set.Train.Len(), s.set.Test.Len(), o.epochs, s.perEpoch)
	switch done := s.trainer.Steps(); {
	case done >= s.total:
		fmt.Fprintf(w, "%s is trained already, all %d steps\n", o.output, done)
		return nil
	case done > 0:
		fmt.Fprintf(w, "goes on at step %d of %d, in epoch %d\n", done, s.total, done/s.perEpoch+1)
	}
	var update func(done, total int)
	update, s.clear = newProgress[int](s.cmd.ErrOrStderr(), "training")
	for s.trainer.Steps() < s.total {
		line, err := s.epoch(ctx, update)
		s.clear()
		if err != nil {
			return err
		}
		fmt.Fprintln(w, line)
	}
	_, err := fmt.Fprintln(w, o.output)
	return err
}

// epoch trains to the end of the epoch that is under way, saves, and returns a
// line about it: the loss and accuracy while it trained, from where it went on,
// and those on the test set.
func (s *session) epoch(ctx context.Context, update func(done, total int)) (string, error) {
	o, set := s.flags, s.set
	epoch := s.trainer.Steps() / s.perEpoch
	order := data.Permutation(set.Train.Len(), o.seed, epoch)
	x, labels := make([]float32, o.batch*set.Train.Size()), make([]int, o.batch)
	loss, correct, images := 0.0, 0, 0
	begun := time.Now()
	for s.trainer.Steps() < (epoch+1)*s.perEpoch {
		if ctx.Err() != nil {
			return "", s.interrupted(ctx)
		}
		at := s.trainer.Steps() % s.perEpoch * o.batch
		indices := order[at:min(at+o.batch, len(order))]
		n := len(indices)
		set.Train.Fill(x[:n*set.Train.Size()], labels[:n], indices, set.Mean, set.Std)
		before := s.trainer.Steps()
		r := s.trainer.Step(nn.Batch[float32]{X: x[:n*set.Train.Size()], Labels: labels[:n]})
		if s.trainer.Steps() == before {
			return "", s.diverged(epoch, r)
		}
		loss, correct, images = loss+r.Loss*float64(n), correct+r.Correct, images+n
		if update != nil {
			update(s.trainer.Steps(), s.total)
		}
		if done := s.trainer.Steps(); o.saveEvery > 0 && done%o.saveEvery == 0 && done%s.perEpoch != 0 {
			if err := s.save(); err != nil {
				return "", err
			}
		}
	}
	seconds := time.Since(begun).Seconds()
	done := s.trainer.Steps()
	if o.saveEveryEpoch || done >= s.total || o.saveEvery > 0 && done%o.saveEvery == 0 {
		if err := s.save(); err != nil {
			return "", err
		}
	}
	testLoss, testCorrect, err := s.evaluate(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("epoch %d/%d  loss %.4f  accuracy %.2f%%  test loss %.4f  test accuracy %.2f%%  %.0f images/s",
		epoch+1, o.epochs, loss/float64(images), percent(correct, images),
		testLoss, percent(testCorrect, set.Test.Len()), float64(images)/seconds), nil
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }

// evaluate returns the mean loss and the number of right answers on the test set.
func (s *session) evaluate(ctx context.Context) (loss float64, correct int, err error) {
	test, batch := s.set.Test, s.flags.batch
	x, labels, indices := make([]float32, batch*test.Size()), make([]int, batch), make([]int, batch)
	for from := 0; from < test.Len(); from += batch {
		if ctx.Err() != nil {
			return 0, 0, s.interrupted(ctx)
		}
		n := min(batch, test.Len()-from)
		for i := range n {
			indices[i] = from + i
		}
		test.Fill(x[:n*test.Size()], labels[:n], indices[:n], s.set.Mean, s.set.Std)
		r := s.trainer.Model().Evaluate(nn.Batch[float32]{X: x[:n*test.Size()], Labels: labels[:n]}, nn.SoftmaxCrossEntropy)
		loss, correct = loss+r.Loss*float64(n), correct+r.Correct
	}
	return loss / float64(test.Len()), correct, nil
}

// interrupted saves the checkpoint and returns the context's error.
func (s *session) interrupted(ctx context.Context) error {
	if err := s.save(); err != nil {
		return err
	}
	s.clear()
	fmt.Fprintf(s.cmd.ErrOrStderr(), "saved %s at step %d of %d; go on with --resume\n", s.flags.output, s.trainer.Steps(), s.total)
	return ctx.Err()
}

// diverged says what to do about a loss that is not finite. The file keeps the
// last checkpoint: what batch normalization counted in this step is of no use.
func (s *session) diverged(epoch int, r nn.StepResult) error {
	what, v := "loss", r.Loss
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		what, v = "norm of the gradients", r.Norm
	}
	return fmt.Errorf("train: the %s is %v at step %d, in epoch %d: training has diverged; %s has the last checkpoint; try a smaller --lr than %v, or --clip-norm 1",
		what, v, s.trainer.Steps()+1, epoch+1, s.flags.output, s.flags.rate)
}
