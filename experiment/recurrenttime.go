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

// CellNames are the recurrent layers that RecurrentTimes measures.
var CellNames = []string{"lstm", "gru", "rnn"}

// A RecurrentPass is what is timed of a recurrent layer.
type RecurrentPass int

const (
	// ForwardPass is inference.
	ForwardPass RecurrentPass = iota
	// GradientPass is the forward and the backward pass, with the gradients of all
	// weights; the gradient begins at the last step.
	GradientPass
)

// RecurrentPassNames holds the names of the passes, in the order of the constants.
var RecurrentPassNames = []string{"forward", "forward+backward"}

// RecurrentOptions choose the layers to time, and how long. No option has a zero
// value that works but Time and Progress.
type RecurrentOptions struct {
	Cells []string // of CellNames
	Units []int    // also the features of the input
	// Functions are activations with or without their gate, such as tanh, isru and
	// isru/sigmoid; see nn.LSTM for which gate it is without.
	Functions []string
	Steps     int // of time
	Batch     int
	Threads   int
	// Time is about the time to measure each layer and pass for, DefaultNetworkTime
	// if 0.
	Time time.Duration
	// Progress, if not nil, is called with the share of the work that is done.
	Progress func(done, total int)
}

// A RecurrentTime is the time of a pass of a layer.
type RecurrentTime struct {
	Cell      string
	Units     int
	Function  string // as it was asked for
	Functions string // of the state and the gates, as they are
	Pass      RecurrentPass
	MS        Spread // milliseconds of a batch
	// GFLOPS counts 1e9 operations per second, two for each multiply-add of the
	// products: forward, and again as many for each of the backward passes but the
	// gradient of the input.
	GFLOPS float64
	// CellShare is the part of the time, in [0, 1], in the elementwise kernels.
	CellShare float64
}

// Check returns an error that names the value that is wrong.
func (o *RecurrentOptions) Check() error {
	for _, cell := range o.Cells {
		if !slices.Contains(CellNames, cell) {
			return fmt.Errorf("experiment: unknown cell %q; known: %s", cell, strings.Join(CellNames, ", "))
		}
	}
	if len(o.Cells) == 0 || len(o.Units) == 0 || len(o.Functions) == 0 {
		return fmt.Errorf("experiment: the timing needs a cell, a number of units and a function")
	}
	for _, units := range o.Units {
		if units < 1 || units > 1<<13 {
			return fmt.Errorf("experiment: units must be from 1 to %d, got %d", 1<<13, units)
		}
	}
	if err := checkActivations(o.Functions); err != nil {
		return err
	}
	if o.Steps < 1 || o.Steps > 1<<12 {
		return fmt.Errorf("experiment: steps must be from 1 to %d, got %d", 1<<12, o.Steps)
	}
	if o.Batch < 1 || o.Batch > 1<<12 {
		return fmt.Errorf("experiment: batch must be from 1 to %d, got %d", 1<<12, o.Batch)
	}
	if o.Threads < 1 || o.Threads > maxThreads {
		return fmt.Errorf("experiment: threads must be from 1 to %d, got %d", maxThreads, o.Threads)
	}
	if o.Time < 0 {
		return fmt.Errorf("experiment: the time must not be less than 0, got %v", o.Time)
	}
	return nil
}

// recurrentLayer returns a layer whose output is its last state.
func recurrentLayer(cell string, units int) nn.Layer {
	switch cell {
	case "gru":
		return nn.GRU{Units: units, Last: true}
	case "rnn":
		return nn.RNN{Units: units, Last: true}
	}
	return nn.LSTM{Units: units, Last: true}
}

// A recurrentContender is a layer that is timed in one pass.
type recurrentContender struct {
	time  RecurrentTime
	model *nn.Model[float32]
	batch nn.Batch[float32]
	calls int
	ms    []float64
	cell  time.Duration
	total time.Duration
}

// TimeRecurrent times recurrent layers of one size beside each other: all functions
// and passes of a cell with so many units take turns. It returns cells, units,
// functions and passes, the last changing fastest. It stops early, with the context's
// error, when the context ends.
func TimeRecurrent(ctx context.Context, o RecurrentOptions) ([]RecurrentTime, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Time == 0 {
		o.Time = DefaultNetworkTime
	}
	var times []RecurrentTime
	groups := len(o.Cells) * len(o.Units)
	for i, cell := range o.Cells {
		for j, units := range o.Units {
			progress := func(done float64) {
				if o.Progress != nil {
					const total = 1000
					o.Progress(int(total*(float64(i*len(o.Units)+j)+done)/float64(groups)), total)
				}
			}
			group, err := o.time(ctx, cell, units, progress)
			if err != nil {
				return nil, err
			}
			times = append(times, group...)
		}
	}
	return times, nil
}

// time times one cell with so many units.
func (o *RecurrentOptions) time(ctx context.Context, cell string, units int, progress func(float64)) ([]RecurrentTime, error) {
	var list []*recurrentContender
	defer func() {
		for _, c := range list {
			c.model.Close()
		}
	}()
	input := nn.Shape{o.Steps, units}
	var batch nn.Batch[float32]
	for _, spec := range o.Functions {
		for pass := range RecurrentPassNames {
			n := Choose(nn.Network{Input: input, Layers: nn.Sequential{recurrentLayer(cell, units)}}, spec)
			m, err := nn.New[float32](n, nn.Options{Batch: o.Batch, Threads: o.Threads, Seed: 1, Inference: RecurrentPass(pass) == ForwardPass})
			if err != nil {
				return nil, err
			}
			if batch.X == nil {
				batch = nn.Batch[float32]{X: randomBatch(m, o.Batch).X, Targets: make([]float32, o.Batch*units)}
			}
			list = append(list, &recurrentContender{
				time:  RecurrentTime{Cell: cell, Units: units, Function: spec, Functions: m.Layers()[0].Function, Pass: RecurrentPass(pass)},
				model: m, batch: batch, calls: 1,
			})
		}
	}
	more, spent := untilSpent(o.Time * time.Duration(len(list)))
	err := takeTurns(ctx, len(list), more, func(i, round int) {
		list[i].measure(o.Time, round)
		if round >= 0 {
			progress(spent())
		}
	})
	if err != nil {
		return nil, err
	}
	var times []RecurrentTime
	for _, c := range list {
		times = append(times, c.result())
	}
	return times, nil
}

// measure runs a turn; that of round -1 warms up and decides how many calls a turn
// has.
func (c *recurrentContender) measure(each time.Duration, round int) {
	run := func() time.Duration {
		c.model.Profile(true) // from 0
		begun := time.Now()
		for range c.calls {
			if c.time.Pass == ForwardPass {
				c.model.Predict(c.batch.X)
			} else {
				c.model.Gradients(c.batch, nn.MeanSquaredError)
			}
		}
		return time.Since(begun)
	}
	took := run()
	if round < 0 {
		took = max(run(), 1)
		c.calls = max(1, int(each/timeRounds/took))
		return
	}
	c.ms = append(c.ms, took.Seconds()*1e3/float64(c.calls))
	c.cell += c.model.LayerTimes()[0].Cell
	c.total += took
}

func (c *recurrentContender) result() RecurrentTime {
	r := c.time
	r.MS = spread(c.ms)
	r.CellShare = float64(c.cell) / float64(c.total)
	// The first layer has no gradient of the input: of the three products of the
	// gradients it does the two for the weights, and the one for the state.
	passes := 1.0
	if r.Pass == GradientPass {
		passes = 2.5 // inputs and units are as many
	}
	r.GFLOPS = passes * 2 * float64(c.model.Layers()[0].MACs) * float64(c.model.Batch()) / (1e6 * r.MS.Median)
	return r
}

// PeakGFLOPS is the most that one core can do, as it was measured: 1e9 operations
// per second.
func PeakGFLOPS() float64 { return bench.PeakGFLOPS() }
