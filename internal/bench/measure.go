package bench

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

const (
	// rounds is how often each cell gets its turn.
	rounds = 10
	// sampleTime is the least time of a sample: the clock's resolution and its
	// cost vanish in it.
	sampleTime = 200 * time.Microsecond
	// minSamples holds for cells whose one call takes longer than their time.
	minSamples = 5
	// burst is the number of calls in place between two refills of the
	// operand, short enough that repeated application does not drive the
	// elements to zero or out of range.
	burst = 8
)

// Run measures all cells and returns their results in the order of Cells. It
// stops early, with the context's error, when the context ends.
func Run(ctx context.Context, o Options) ([]Result, error) {
	cells, err := Cells(o)
	if err != nil {
		return nil, err
	}
	if o.Time == 0 {
		o.Time = DefaultTime
	}
	longest := 0
	for _, n := range o.Sizes {
		longest = max(longest, n)
	}
	if err := enoughMemory(buffers * longest * o.Type.Size()); err != nil {
		return nil, err
	}
	var samples [][]float64
	onOneCore(func() {
		switch o.Type {
		case call.Float64:
			samples, err = measure[float64](ctx, o, cells, longest)
		case call.BFloat16:
			samples, err = measure[isrlu.BFloat16](ctx, o, cells, longest)
		case call.Float16:
			samples, err = measure[isrlu.Float16](ctx, o, cells, longest)
		default:
			samples, err = measure[float32](ctx, o, cells, longest)
		}
	})
	if err != nil {
		return nil, err
	}
	return summarize(cells, samples, o.Type), nil
}

// onOneCore runs what measures, on a thread of its own that stays on one core.
func onOneCore(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread is not unlocked: it ends with the goroutine, and its
		// binding to a processor with it.
		runtime.LockOSThread()
		bindThread()
		// The buffers live for the whole run and a round allocates next to
		// nothing: a collection would only disturb.
		runtime.GC()
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		f()
	}()
	<-done
}

func summarize(cells []Cell, samples [][]float64, t call.Type) []Result {
	results := make([]Result, len(cells))
	copies := map[int]float64{}
	for i, c := range cells {
		r := Result{Cell: c, Samples: len(samples[i])}
		r.Q1, r.NsPerElement, r.Q3 = Quartiles(samples[i])
		r.GBPerS = float64(c.arrays()*t.Size()) / r.NsPerElement
		if c.f == nil {
			copies[c.Elements] = r.NsPerElement
		}
		results[i] = r
	}
	for i := range results {
		if c := copies[results[i].Elements]; c > 0 {
			results[i].CopyRatio = results[i].NsPerElement / c
		}
	}
	return results
}

// buffers is the number of slices of the longest size that a run holds.
const buffers = 4

// operands are shared by all cells; a cell uses their first elements.
type operands[T call.Float] struct {
	x   []T // inputs: normal, standard deviation 2, within [-4, 4]
	dy  []T // gradients: 1 to 2 in size, either sign
	y   []T // outputs of the function at hand
	dst []T
}

func newOperands[T call.Float](n int) *operands[T] {
	o := &operands[T]{x: make([]T, n), dy: make([]T, n), y: make([]T, n), dst: make([]T, n)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		// The cut keeps derivatives away from underflow, whose cost would
		// hide that of the function.
		o.x[i] = call.Round[T](max(-4, min(4, 2*r.NormFloat64())))
		g := 1 + r.Float64()
		if r.Uint64()&1 == 0 {
			g = -g
		}
		o.dy[i] = call.Round[T](g)
	}
	copy(o.y, o.x) // touches the pages
	copy(o.dst, o.x)
	return o
}

// measure returns samples of nanoseconds per element for each cell.
func measure[T call.Float](ctx context.Context, o Options, cells []Cell, longest int) ([][]float64, error) {
	ops := newOperands[T](longest)
	timers := make([]*timer[T], len(cells))
	samples := make([][]float64, len(cells))
	clock := clockCost()
	for round := range rounds {
		for i := range cells {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if timers[i] == nil {
				timers[i] = newTimer(&cells[i], ops, clock)
				timers[i].calibrate(o.Time)
			} else {
				timers[i].prepare()
			}
			t := timers[i]
			for range t.samplesIn(round) {
				samples[i] = append(samples[i], t.sample()/float64(cells[i].Elements))
			}
			if o.Progress != nil {
				o.Progress(round*len(cells)+i+1, rounds*len(cells))
			}
		}
	}
	return samples, nil
}

// clockCost returns the time that a pair of readings of the clock takes.
func clockCost() time.Duration {
	least := time.Hour
	for range 1000 {
		start := time.Now()
		least = min(least, time.Since(start))
	}
	return least
}
