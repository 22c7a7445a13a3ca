package experiment

import (
	"context"
	"slices"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/nn"
)

// The timing ends after costRounds, or after costTime if costLeast rounds are
// done.
const (
	costRounds = 60
	costLeast  = 8
	costTime   = 10 * time.Second
)

// identity is the activation that the others' shares are measured against.
const identity = "identity"

// A contender is an activation whose cost is measured.
type contender struct {
	trainer         *nn.Trainer[float32]
	step, inference []float64 // milliseconds, round by round
}

// measureCosts times a training step and inference of a full batch. In each round
// every activation has its turn, the one that begins moving on, so that the mood
// of the machine falls on all alike.
func (c *comparison) measureCosts(ctx context.Context) error {
	s := c.settings()
	names := append(slices.Clone(s.Activations), identity)
	contenders := make([]*contender, len(names))
	for i, name := range names {
		m, err := c.model(name, s.Seeds[0])
		if err != nil {
			return err
		}
		defer m.Close()
		// The weights stay where they begin: no activation pays for where its
		// training led.
		options, err := s.TrainerOptions(1)
		if err != nil {
			return err
		}
		options.Schedule = nn.Constant(1e-12)
		trainer, err := nn.NewTrainer(m, options)
		if err != nil {
			return err
		}
		contenders[i] = &contender{trainer: trainer}
	}
	t := &Training{Set: c.set, Trainer: contenders[0].trainer}
	t.buffers(s.Batch, c.set.Train.Size())
	indices := make([]int, min(s.Batch, c.set.Train.Len()))
	for i := range indices {
		indices[i] = i
	}
	batch := t.fill(c.set.Train, indices)
	// The first round warms up.
	begun := time.Now()
	for round := -1; round < costRounds && (round < costLeast || time.Since(begun) < costTime); round++ {
		for i := range contenders {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			contenders[(i+round+1)%len(contenders)].measure(batch, round >= 0)
		}
		if c.options.Progress != nil {
			done := max(float64(round+1)/costRounds, min(1, time.Since(begun).Seconds()/costTime.Seconds()))
			c.options.Progress(Progress{Done: int(done * 100), Total: 100, Timing: true})
		}
	}
	none := contenders[len(contenders)-1]
	for i, name := range s.Activations {
		contender := contenders[i]
		memory := contender.trainer.Model().BytesKept()
		c.result.Costs = append(c.result.Costs, Cost{
			Activation: name,
			Step:       spread(contender.step), Inference: spread(contender.inference),
			StepShare: share(contender.step, none.step), InferenceShare: share(contender.inference, none.inference),
			BytesKept: int64(memory.Kept), BytesForActivation: int64(memory.ForActivations),
			FromOutput: fromOutput(name),
		})
	}
	return nil
}

func (c *contender) measure(b nn.Batch[float32], count bool) {
	begun := time.Now()
	c.trainer.Step(b)
	step := time.Now()
	c.trainer.Model().Predict(b.X)
	inference := time.Now()
	if count {
		c.step = append(c.step, step.Sub(begun).Seconds()*1e3)
		c.inference = append(c.inference, inference.Sub(step).Seconds()*1e3)
	}
}

// share returns the median over the rounds of the part of the time that goes away
// without the activation, at least 0.
func share(with, without []float64) float64 {
	parts := make([]float64, len(with))
	for i := range parts {
		parts[i] = 1 - without[i]/with[i]
	}
	return max(0, spread(parts).Median)
}

// spread returns the median and the quartiles, between the samples where the
// number of samples asks for it.
func spread(samples []float64) Spread {
	low, median, high := bench.Quartiles(slices.Clone(samples))
	return Spread{Median: median, Low: low, High: high}
}

// fromOutput tells whether a function's gradients need its output alone.
func fromOutput(spec string) bool {
	name, learn := nn.SplitLearn(spec)
	f, err := isrlu.Parse(name)
	if err != nil {
		return false
	}
	return f.HasBackwardFromOutput() && (learn == nn.Fixed || f.HasParamGradFromOutput())
}
