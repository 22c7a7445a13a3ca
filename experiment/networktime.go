package experiment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/nn"
)

// TimeOptions choose the networks to time, and how long. No option has a zero
// value that works but Time, Layers and Progress.
type TimeOptions struct {
	// Networks are told apart by their names.
	Networks []nn.Network
	// Activations stand for the layers that name no function, each in turn.
	Activations []string
	Passes      []Pass
	Batch       int
	Threads     []int
	// Time is about the time to measure each cell for, DefaultNetworkTime if 0.
	Time time.Duration
	// Layers asks for the time of each layer.
	Layers bool
	// Progress, if not nil, is called with the share of the work that is done.
	Progress func(done, total int)
}

// DefaultNetworkTime is the time for each cell.
const DefaultNetworkTime = time.Second

// The timing ends after timeRounds, or when all cells together have had their time
// if timeLeast rounds are done.
const (
	timeRounds = 60
	timeLeast  = 5
)

// NetworkTimes are what TimeNetworks measured.
type NetworkTimes struct {
	// PeakGFLOPS is the most that one core can do, as it was measured: 1e9
	// operations per second.
	PeakGFLOPS float64
	// Cells holds networks, activations, passes and threads, the last changing
	// fastest.
	Cells []NetworkTime
}

// A NetworkTime is the time of one pass of a network with an activation.
type NetworkTime struct {
	Network    string
	Activation string
	Pass       Pass
	Batch      int
	Threads    int
	MS         Spread // milliseconds of a batch
	// ImagesPerSecond, GFLOPS and PeakPercent follow from the median. GFLOPS
	// counts 1e9 operations per second, two for each multiply-add of the direct
	// algorithm in convolutions and dense layers: forward, and in training for
	// both backward passes again as many each, but for the gradient of the
	// network's input, which nobody computes. A faster algorithm shows as more of
	// them. PeakPercent is of the peak of as many cores as there are threads.
	ImagesPerSecond float64
	GFLOPS          float64
	PeakPercent     float64
	// ActivationShare is the part of the time, in [0, 1], that goes away with the
	// identity in place of the activation: the median of paired differences. It is 0
	// where recurrent layers have gates.
	ActivationShare float64
	// Layers holds the time of each layer that has one of its own, and that of
	// the rest as the last; empty unless it was asked for.
	Layers []LayerTime
}

// RestOfPass names what belongs to no layer: in training packing the weights, the
// loss and the optimizer.
const RestOfPass = "rest"

// A LayerTime is the part of a pass that is one layer's. An activation that runs
// in the layer before it is part of that layer.
type LayerTime struct {
	Layer string `json:"layer"` // as nn.LayerInfo names it, or RestOfPass
	Kind  string `json:"kind"`  // such as "conv2d"; empty for the rest
	// ForwardMS and BackwardMS are parts of the cell's median, in proportion to
	// the layer's time over all rounds. Those of the rest stand in ForwardMS.
	ForwardMS  float64 `json:"forward_ms"`
	BackwardMS float64 `json:"backward_ms"`
	// Share is the part of the pass, in [0, 1]; the shares sum to 1.
	Share float64 `json:"share"`
	// GFLOPS is counted as for the whole network; 0 for layers without
	// multiply-adds.
	GFLOPS float64 `json:"gflops"`
}

// Check returns an error that names the value that is wrong.
func (o *TimeOptions) Check() error {
	if len(o.Networks) == 0 || len(o.Activations) == 0 || len(o.Passes) == 0 || len(o.Threads) == 0 {
		return fmt.Errorf("experiment: the timing needs a network, an activation, a pass and a number of threads")
	}
	for i, n := range o.Networks {
		if slices.ContainsFunc(o.Networks[:i], func(m nn.Network) bool { return m.Name == n.Name }) {
			return fmt.Errorf("experiment: network %q is there twice", n.Name)
		}
		if err := checkOpen(n.Name, n.Layers, o.Activations); err != nil {
			return err
		}
	}
	if err := checkActivations(o.Activations); err != nil {
		return err
	}
	if o.Batch < 1 || o.Batch > maxBatch {
		return fmt.Errorf("experiment: batch must be from 1 to %d, got %d", maxBatch, o.Batch)
	}
	for i, n := range o.Threads {
		if n < 1 || n > maxThreads {
			return fmt.Errorf("experiment: threads must be from 1 to %d, got %d", maxThreads, n)
		}
		if slices.Contains(o.Threads[:i], n) {
			return fmt.Errorf("experiment: %d threads are there twice", n)
		}
	}
	if o.Time < 0 {
		return fmt.Errorf("experiment: the time must not be less than 0, got %v", o.Time)
	}
	return nil
}

// TimeNetworks times training steps and inference of networks on random input
// with random labels, all in interleaved rounds. It stops early, with the
// context's error, when the context ends.
func TimeNetworks(ctx context.Context, o TimeOptions) (*NetworkTimes, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Time == 0 {
		o.Time = DefaultNetworkTime
	}
	t := &timing{options: o}
	defer t.close()
	for _, n := range o.Networks {
		for _, threads := range o.Threads {
			if err := t.add(n, threads); err != nil {
				return nil, err
			}
		}
	}
	times := &NetworkTimes{PeakGFLOPS: bench.PeakGFLOPS()}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	for i, n := range o.Networks {
		for j, activation := range o.Activations {
			for _, p := range o.Passes {
				for k, threads := range o.Threads {
					g := t.groups[i*len(o.Threads)+k]
					r := g.result(j, p)
					r.Network, r.Activation, r.Pass, r.Batch, r.Threads = n.Name, activation, p, o.Batch, threads
					r.PeakPercent = 100 * r.GFLOPS / (times.PeakGFLOPS * float64(threads))
					times.Cells = append(times.Cells, r)
				}
			}
		}
	}
	return times, nil
}

// A timing is one that is under way.
type timing struct {
	options    TimeOptions
	units      hdl.Library
	contenders []*contender
	groups     []timeGroup
}

// A timeGroup is a network on so many threads: a contender for each activation,
// and the one with the identity.
type timeGroup struct {
	activations []*contender
	none        *contender
}

// add makes the contenders of a network.
func (t *timing) add(n nn.Network, threads int) error {
	o := &t.options
	var g timeGroup
	var batch nn.Batch[float32]
	names := o.Activations
	if !slices.Contains(names, identity) {
		names = append(slices.Clone(names), identity)
	}
	for _, name := range names {
		c, err := newContender(Choose(n, name), nn.Options{Batch: o.Batch, Threads: threads, Seed: 1, Units: &t.units}, nn.TrainerOptions{Optimizer: nn.Adam()}, nn.Batch[float32]{})
		if err != nil {
			return err
		}
		if batch.X == nil {
			batch = randomBatch(c.models[0], o.Batch)
		}
		c.batch = batch
		for _, m := range c.models {
			m.Profile(o.Layers)
		}
		t.contenders = append(t.contenders, c)
		g.activations = append(g.activations, c)
		if name == identity {
			g.none = c
		}
	}
	t.groups = append(t.groups, g)
	return nil
}

func (t *timing) close() {
	for _, c := range t.contenders {
		c.close()
	}
}

// randomBatch returns samples for a model, with labels: numbers, or tokens where the
// network begins with an embedding.
func randomBatch(m *nn.Model[float32], samples int) nn.Batch[float32] {
	r := rand.New(rand.NewPCG(1, 2))
	n, out := m.Network(), m.Output()
	classes := out[len(out)-1]
	b := nn.Batch[float32]{X: make([]float32, samples*n.Input.Size()), Labels: make([]int, samples*(out.Size()/classes))}
	tokens, isText := n.Layers[0].(nn.Embedding)
	for i := range b.X {
		if isText {
			b.X[i] = float32(r.IntN(tokens.Tokens))
		} else {
			b.X[i] = float32(r.NormFloat64())
		}
	}
	for i := range b.Labels {
		b.Labels[i] = r.IntN(classes)
	}
	return b
}

func (t *timing) run(ctx context.Context) error {
	o, n := &t.options, len(t.contenders)
	more, spent := untilSpent(o.Time * time.Duration(n*len(o.Passes)))
	turns := 0
	return takeTurns(ctx, n, more, func(i, round int) {
		for _, p := range o.Passes {
			c := t.contenders[i]
			c.measure(p, round >= 0)
			if round < 0 {
				// Short passes are repeated until they fill their part of the round.
				took := max(c.run(p, 1), 1)
				c.passes[p].calls = max(1, int(o.Time/timeRounds/took))
			}
		}
		if o.Progress != nil && round >= 0 {
			turns++
			const total = 1000
			done := partDone(turns, n, spent())
			o.Progress(min(total, int(total*done)), total)
		}
	})
}

// result returns what was measured of a pass with an activation.
func (g *timeGroup) result(activation int, p Pass) NetworkTime {
	c := g.activations[activation]
	pass, model := &c.passes[p], c.models[p]
	r := NetworkTime{MS: spread(pass.ms)}
	// The identity in place of a state's function leaves the gates as they are.
	if !openIn(model.Network().Layers).gate {
		r.ActivationShare = share(pass.ms, g.none.passes[p].ms)
	}
	images := float64(model.Batch())
	r.ImagesPerSecond = images / (r.MS.Median / 1e3)
	operations := operations(model.Layers(), p)
	for _, n := range operations {
		r.GFLOPS += float64(n) * images / (1e6 * r.MS.Median)
	}
	if pass.layers == nil {
		return r
	}
	layer := func(name, kind string, forward, backward time.Duration) LayerTime {
		part := func(d time.Duration) float64 { return float64(d) / float64(pass.total) }
		return LayerTime{
			Layer: name, Kind: kind,
			ForwardMS: part(forward) * r.MS.Median, BackwardMS: part(backward) * r.MS.Median,
			Share: part(forward + backward),
		}
	}
	rest := pass.total
	for i, l := range model.Layers() {
		if l.Fused {
			continue
		}
		took := pass.layers[i]
		rest -= took.Forward + took.Backward
		row := layer(l.Name, l.Kind, took.Forward, took.Backward)
		if operations[i] > 0 {
			row.GFLOPS = float64(operations[i]) * images / (1e6 * (row.ForwardMS + row.BackwardMS))
		}
		r.Layers = append(r.Layers, row)
	}
	r.Layers = append(r.Layers, layer(RestOfPass, "", rest, 0))
	return r
}

// operations returns the floating-point operations of each layer for one image:
// two for each multiply-add of the direct algorithm. Both backward passes have as
// many as the forward pass, but the first layer with weights has one of them: the
// gradient of the input is of no use.
func operations(layers []nn.LayerInfo, p Pass) []int64 {
	ops := make([]int64, len(layers))
	first := slices.IndexFunc(layers, func(l nn.LayerInfo) bool { return l.Parameters > 0 })
	for i, l := range layers {
		passes := int64(1)
		if p == TrainingPass {
			passes = 3
			if i == first {
				passes = 2
			}
		}
		ops[i] = 2 * passes * l.MACs
	}
	return ops
}
