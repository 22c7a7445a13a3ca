package experiment

import (
	"context"
	"slices"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

// The timing ends after costRounds, or after costTime if costLeast rounds are
// done.
const (
	costRounds = 60
	costLeast  = 8
	costTime   = 10 * time.Second
)

// measureCosts times a training step and inference of a full batch, with all
// activations taking turns.
func (c *comparison) measureCosts(ctx context.Context) error {
	s := c.settings()
	options, err := s.TrainerOptions(1)
	if err != nil {
		return err
	}
	batch := c.firstBatch()
	names := append(slices.Clone(s.Activations), identity)
	contenders := make([]*contender, len(names))
	for i, name := range names {
		n := Choose(c.network, name)
		n.Name = s.Network
		if contenders[i], err = newContender(n, c.modelOptions(s.Seeds[0]), options, batch); err != nil {
			return err
		}
		defer contenders[i].close()
	}
	begun := time.Now()
	err = takeTurns(ctx, len(contenders), func(round int) bool {
		if c.options.Progress != nil && round >= 0 {
			done := max(float64(round)/costRounds, min(1, time.Since(begun).Seconds()/costTime.Seconds()))
			c.options.Progress(Progress{Done: int(done * 100), Total: 100, Timing: true})
		}
		return round < costRounds && (round < costLeast || time.Since(begun) < costTime)
	}, func(i, round int) {
		contenders[i].measure(TrainingPass, round >= 0)
		contenders[i].measure(InferencePass, round >= 0)
	})
	if err != nil {
		return err
	}
	// The identity in place of a state's function leaves the gates as they are.
	gated := openIn(c.network.Layers).gate
	none := &contenders[len(contenders)-1].passes
	for i, name := range s.Activations {
		memory, passes := contenders[i].trainer.Model().BytesKept(), &contenders[i].passes
		step, inference := passes[TrainingPass].ms, passes[InferencePass].ms
		cost := Cost{
			Activation: name,
			Step:       spread(step), Inference: spread(inference),
			BytesKept: int64(memory.Kept), BytesForActivation: int64(memory.ForActivations),
			FromOutput: fromOutput(name),
		}
		if !gated {
			cost.StepShare, cost.InferenceShare = share(step, none[TrainingPass].ms), share(inference, none[InferencePass].ms)
		}
		c.result.Costs = append(c.result.Costs, cost)
	}
	return nil
}

// firstBatch returns the first samples of the training set.
func (c *comparison) firstBatch() nn.Batch[float32] {
	s := c.settings()
	t := &Training{Set: c.set}
	t.buffers(s.Batch, c.set.Train)
	indices := make([]int, min(s.Batch, c.set.Train.Len()))
	for i := range indices {
		indices[i] = i
	}
	return t.fill(c.set.Train, indices)
}

// fromOutput tells whether a function's gradients need its output alone.
func fromOutput(spec string) bool {
	name, learn := nn.SplitLearn(parseChoice(spec).activation)
	f, err := isrlu.Parse(name)
	if err != nil {
		return false
	}
	return f.HasBackwardFromOutput() && (learn == nn.Fixed || f.HasParamGradFromOutput())
}
