package experiment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/nn"
)

// A Pass is what is timed of a network.
type Pass int

const (
	// TrainingPass is a whole step on one batch: forward, loss, backward, optimizer.
	TrainingPass Pass = iota
	// InferencePass is the forward pass alone.
	InferencePass
	numPasses
)

// PassNames holds the names of the passes, in the order of the constants.
var PassNames = []string{"training", "inference"}

// String returns the name of the pass, one of [PassNames].
func (p Pass) String() string { return PassNames[p] }

// ParsePasses turns names into passes, each once; no name, or "all", means both.
func ParsePasses(names []string) ([]Pass, error) {
	if len(names) == 0 || slices.Equal(names, []string{"all"}) {
		return []Pass{TrainingPass, InferencePass}, nil
	}
	var passes []Pass
	for _, name := range names {
		i := slices.Index(PassNames, name)
		if i < 0 {
			return nil, fmt.Errorf("experiment: unknown pass %q; available: %s, all", name, strings.Join(PassNames, ", "))
		}
		if !slices.Contains(passes, Pass(i)) {
			passes = append(passes, Pass(i))
		}
	}
	return passes, nil
}

// identity is the activation that the others' shares are measured against.
const identity = "identity"

// A contender is a network that is timed beside others: a model that is trained,
// and one that is made for inference.
type contender struct {
	trainer *nn.Trainer[float32]
	models  [numPasses]*nn.Model[float32]
	batch   nn.Batch[float32]
	passes  [numPasses]passTime
}

// A passTime is what a contender took for a pass.
type passTime struct {
	calls int       // in one turn
	ms    []float64 // milliseconds of a call, turn by turn
	// layers is the time of each layer in all turns that count, and total that of
	// the whole passes, where the model's profile is on.
	layers []nn.LayerTime
	total  time.Duration
}

func newContender(n nn.Network, m nn.Options, o nn.TrainerOptions, batch nn.Batch[float32]) (*contender, error) {
	c := &contender{batch: batch}
	for p := range c.models {
		m.Inference = Pass(p) == InferencePass
		model, err := nn.New[float32](n, m)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("network %s with %s: %w", n.Name, n.Activation, err)
		}
		c.models[p] = model
		c.passes[p].calls = 1
	}
	// The weights stay where they begin: no activation pays for where its training
	// led.
	o.Schedule = nn.Constant(1e-12)
	var err error
	if c.trainer, err = nn.NewTrainer(c.models[TrainingPass], o); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *contender) close() {
	for _, m := range c.models {
		if m != nil {
			m.Close()
		}
	}
}

// run runs a pass so many times and returns the time.
func (c *contender) run(p Pass, calls int) time.Duration {
	begun := time.Now()
	for range calls {
		if p == TrainingPass {
			c.trainer.Step(c.batch)
		} else {
			c.models[InferencePass].Predict(c.batch.X)
		}
	}
	return time.Since(begun)
}

// measure times a pass. What warms up does not count.
func (c *contender) measure(p Pass, count bool) {
	t, model := &c.passes[p], c.models[p]
	profiled := model.LayerTimes() != nil
	if profiled {
		model.Profile(true) // from 0
	}
	took := c.run(p, t.calls)
	if !count {
		return
	}
	t.ms = append(t.ms, took.Seconds()*1e3/float64(t.calls))
	if !profiled {
		return
	}
	if t.layers == nil {
		t.layers = make([]nn.LayerTime, len(model.Layers()))
	}
	for i, l := range model.LayerTimes() {
		t.layers[i].Forward += l.Forward
		t.layers[i].Backward += l.Backward
	}
	t.total += took
}

// takeTurns gives each of n contenders its turn in each round, the one that begins
// moving on, so that the mood of the machine falls on all alike. Round -1 warms
// up. more tells whether the round that comes is needed.
func takeTurns(ctx context.Context, n int, more func(round int) bool, turn func(i, round int)) error {
	for round := -1; more(round); round++ {
		for i := range n {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			turn((i+round+1)%n, round)
		}
	}
	return nil
}

// untilSpent returns what takeTurns asks for more: whole rounds, at least timeLeast and
// at most timeRounds, until the budget is spent. spent tells how much of it is, from 0
// to 1; warming up does not count.
func untilSpent(budget time.Duration) (more func(round int) bool, spent func() float64) {
	begun := time.Now()
	more = func(round int) bool {
		if round <= 0 {
			begun = time.Now()
		}
		return round < timeRounds && (round < timeLeast || time.Since(begun) < budget)
	}
	return more, func() float64 { return min(1, time.Since(begun).Seconds()/budget.Seconds()) }
}

// partDone returns the part of n contenders' turns that is done, after so many of them
// and that part of the time.
func partDone(turns, n int, spent float64) float64 {
	return max(float64(turns)/float64(n*timeRounds), min(float64(turns)/float64(n*timeLeast), spent))
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
