package experiment

import (
	"context"
	"time"

	"github.com/isrlu/isrlu/nn"
)

// trainingSeconds estimates how long one training of a comparison takes, from a few
// steps and test batches.
func (p *paper) trainingSeconds(ctx context.Context, c paperNetwork, n nn.Network) (float64, error) {
	set, s := p.set(c), p.result.Settings.settings(c)
	probe := &comparison{network: n, set: set, result: &Result{Settings: s}}
	options, err := s.TrainerOptions(1)
	if err != nil {
		return 0, err
	}
	k, err := newContender(Choose(n, c.activations[0]), probe.modelOptions(1), options, probe.firstBatch())
	if err != nil {
		return 0, err
	}
	defer k.close()
	of := func(samples int, pass Pass) float64 {
		k.run(pass, 1) // pays for what is made once
		calls, begun := 0, time.Now()
		for calls == 0 || time.Since(begun) < p.time()/2 && ctx.Err() == nil {
			k.run(pass, 1)
			calls++
		}
		return time.Since(begun).Seconds() / float64(calls) * float64(s.Epochs*StepsPerEpoch(samples, s.Batch))
	}
	return of(set.Train.Len(), TrainingPass) + of(set.Test.Len(), InferencePass), ctx.Err()
}
