package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/isrlu/isrlu/experiment"
)

// run trains from the trainer's step to the end.
func (s *session) run(ctx context.Context) error {
	w, o := s.cmd.OutOrStdout(), s.flags
	weights, learned := s.trainer.Model().CountParameters()
	fmt.Fprintf(w, "%s with %s: %d weights", o.Network, o.activation, weights)
	if learned > 0 {
		fmt.Fprintf(w, " and %d parameters of activations", learned)
	}
	fmt.Fprintf(w, ", %s with %d + %d %s, %d epochs of %d steps\n",
		o.Data, s.set.Train.Len(), s.set.Test.Len(), o.Samples(), o.Epochs, s.perEpoch)
	switch done := s.trainer.Steps(); {
	case done >= s.total:
		fmt.Fprintf(w, "%s is trained already, all %d steps\n", o.output, done)
		return nil
	case done > 0:
		fmt.Fprintf(w, "goes on at step %d of %d, in epoch %d\n", done, s.total, done/s.perEpoch+1)
	}
	progress := newTrainingProgress(s.cmd.ErrOrStderr())
	defer progress.clear()
	t := &experiment.Training{Trainer: s.trainer, Set: s.set, Seed: o.seed}
	t.AfterStep = func(e experiment.Epoch) error {
		done := s.trainer.Steps()
		progress.update(done, s.total, fmt.Sprintf("epoch %d/%d", e.Epoch, o.Epochs), measures(&o.Settings, e))
		if o.saveEvery > 0 && done%o.saveEvery == 0 || done%s.perEpoch == 0 && (o.saveEveryEpoch || done >= s.total) {
			return s.save()
		}
		return nil
	}
	for s.trainer.Steps() < s.total {
		e, err := t.Epoch(ctx)
		if err == nil {
			e.TestLoss, e.TestAccuracy, err = t.Evaluate(ctx)
		}
		if err != nil {
			progress.clear()
			return s.stopped(ctx, err)
		}
		progress.clear()
		fmt.Fprintf(w, "epoch %d/%d  %s\n", e.Epoch, o.Epochs, epochText(&o.Settings, e))
	}
	_, err := fmt.Fprintln(w, o.output)
	return err
}

// epochText is what a line says of an epoch.
func epochText(s *experiment.Settings, e experiment.Epoch) string {
	if s.OnText() {
		return fmt.Sprintf("bits/char %.3f  accuracy %.2f%%  test bits/char %.3f  perplexity %.3f  accuracy %.2f%%  %.0f characters/s",
			experiment.BitsPerChar(e.TrainLoss), 100*e.TrainAccuracy,
			experiment.BitsPerChar(e.TestLoss), experiment.Perplexity(e.TestLoss), 100*e.TestAccuracy, e.CharactersPerSecond)
	}
	return fmt.Sprintf("loss %.4f  accuracy %.2f%%  test loss %.4f  test accuracy %.2f%%  %.0f images/s",
		e.TrainLoss, 100*e.TrainAccuracy, e.TestLoss, 100*e.TestAccuracy, e.ImagesPerSecond)
}

// measures is what the progress bar says of an epoch so far.
func measures(s *experiment.Settings, e experiment.Epoch) string {
	if e.Epoch == 0 {
		return ""
	}
	if s.OnText() {
		return fmt.Sprintf("bits/char %.3f  %.0f characters/s", experiment.BitsPerChar(e.TrainLoss), e.CharactersPerSecond)
	}
	return fmt.Sprintf("loss %.3f  accuracy %.1f%%  %.0f images/s", e.TrainLoss, 100*e.TrainAccuracy, e.ImagesPerSecond)
}

// stopped saves the checkpoint of a training that was interrupted, and says what
// to do about one that diverged. The file keeps the last checkpoint then: what
// batch normalization counted in that step is of no use.
func (s *session) stopped(ctx context.Context, err error) error {
	if errors.As(err, new(*experiment.DivergedError)) {
		return fmt.Errorf("train: %w; %s has the last checkpoint; try a smaller --lr than %v, or --clip-norm 1",
			err, s.flags.output, s.flags.LearningRate)
	}
	if ctx.Err() == nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	fmt.Fprintf(s.cmd.ErrOrStderr(), "saved %s at step %d of %d; go on with --resume\n", s.flags.output, s.trainer.Steps(), s.total)
	return ctx.Err()
}
