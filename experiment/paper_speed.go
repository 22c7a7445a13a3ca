package experiment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/rsqrt"
)

// PaperSpeed is what the kernels take on one core.
type PaperSpeed struct {
	// ClockGHz is an estimate: see bench.ClockGHz.
	ClockGHz float64       `json:"clock_ghz"`
	Kernels  []PaperKernel `json:"kernels"`
}

// A PaperKernel is the time of one kernel for float32.
type PaperKernel struct {
	Function  string `json:"function"` // "rsqrt", or as isrlu.Parse takes it
	Precision string `json:"precision"`
	Direction string `json:"direction"`
	Elements  int    `json:"elements"`
	NS        Spread `json:"ns"` // nanoseconds per element
	// Rounds holds the nanoseconds of each round, in which all kernels had their turn.
	Rounds []float64 `json:"rounds"`
}

// rsqrtName is the function of package rsqrt.
const rsqrtName = "rsqrt"

// The sizes of slices: in the first-level cache, and beyond the second of most
// processors.
var paperSizes = []int{4 << 10, 512 << 10}

// kernel returns a kernel, or nil if it was not timed.
func (s *PaperSpeed) kernel(function, precision string, direction isrlu.Direction, elements int) *PaperKernel {
	for i := range s.Kernels {
		k := &s.Kernels[i]
		if k.Function == function && k.Precision == precision && k.Direction == direction.String() && k.Elements == elements {
			return k
		}
	}
	return nil
}

// nearest returns the kernel of the forward pass in a precision, or the exact one where
// the function has no other; nil if there is none.
func (s *PaperSpeed) nearest(function string, precision isrlu.Precision, elements int) *PaperKernel {
	if k := s.kernel(function, precision.String(), isrlu.Forward, elements); k != nil {
		return k
	}
	return s.kernel(function, isrlu.Exact.String(), isrlu.Forward, elements)
}

// kernels returns what is timed, and the calls.
func (p *paper) kernels() (list []PaperKernel, calls []Call) {
	most := paperSizes[len(paperSizes)-1]
	x, dy, dst := make([]float32, most), make([]float32, most), make([]float32, most)
	positive := make([]float32, most)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(max(-4, min(4, 2*r.NormFloat64()))) // where no derivative underflows
		dy[i] = float32(1 + r.Float64())
		positive[i] = x[i]*x[i] + 1
	}
	add := func(k PaperKernel, f func(n int)) {
		list = append(list, k)
		calls = append(calls, Call{k.Function, func(runs int) (time.Duration, error) {
			begun := time.Now()
			for range runs {
				f(k.Elements)
			}
			return time.Since(begun), nil
		}})
	}
	for _, n := range paperSizes {
		for _, q := range []rsqrt.Precision{rsqrt.Exact, rsqrt.Default, rsqrt.Fast} {
			add(PaperKernel{Function: rsqrtName, Precision: q.String(), Direction: isrlu.Forward.String(), Elements: n},
				func(n int) { rsqrt.Slice(dst[:n], positive[:n], q) })
		}
		for _, name := range []string{"elu", "tanh", "isrlu", "relu"} {
			for _, f := range call.Variants(isrlu.Must(isrlu.New(name)), call.Precisions) {
				for _, d := range []isrlu.Direction{isrlu.Forward, isrlu.BackwardFromOutput} {
					run := call.Of[float32](f, d)
					y := make([]float32, n)
					f.Forward(y, x[:n])
					in := x[:n]
					if d == isrlu.BackwardFromOutput {
						in = y
					}
					add(PaperKernel{Function: name, Precision: f.Precision().String(), Direction: d.String(), Elements: n},
						func(n int) { run(dst[:n], dy[:n], in) })
				}
			}
		}
	}
	return list, calls
}

// time returns how long each thing is measured for.
func (p *paper) time() time.Duration {
	if p.options.Time > 0 {
		return p.options.Time
	}
	return time.Second
}

func (p *paper) kernelSeconds() float64 {
	_, calls := p.kernels()
	return p.time().Seconds() * float64(len(calls))
}

// speed times the kernels, all taking turns.
func (p *paper) speed(ctx context.Context) error {
	list, calls := p.kernels()
	clock := bench.ClockGHz()
	all := p.kernelSeconds()
	times, err := timeRoundsOf(ctx, calls, p.time(), func(done, total int) {
		p.within(all*float64(done)/float64(total), "kernels")
	})
	if err != nil {
		return err
	}
	for i, rounds := range times {
		k := &list[i]
		for _, ms := range rounds {
			k.Rounds = append(k.Rounds, ms*1e6/float64(k.Elements))
		}
		k.NS = spread(k.Rounds)
	}
	// The clock may have risen since.
	p.result.Speed = &PaperSpeed{ClockGHz: max(clock, bench.ClockGHz()), Kernels: list}
	return nil
}

// A PaperMemory is what a training step of a network keeps for its backward pass.
type PaperMemory struct {
	Network    string `json:"network"`
	Activation string `json:"activation"`
	Batch      int    `json:"batch"`
	Bytes      int64  `json:"bytes"`
	// ForActivations is the part that only the activations' backward pass needs.
	ForActivations int64 `json:"bytes_for_activations"`
}

// memory counts bytes for ReLU, the paper's functions and two that need their input.
func (p *paper) memory(context.Context) error {
	p.result.Memory = nil
	task := Tasks[0]
	for _, c := range paperComparisons {
		if c.part != NetworksPart {
			continue
		}
		n, err := Builtin(task, c.network)
		if err != nil {
			return err
		}
		s := p.result.Settings.settings(c)
		for _, a := range []string{"isrlu", "elu", "relu", "silu", "gelu"} {
			m, err := nn.New[float32](Choose(n, a), nn.Options{Batch: s.Batch, Threads: s.Threads, Seed: 1})
			if err != nil {
				return fmt.Errorf("network %s with %s: %w", c.network, a, err)
			}
			kept := m.BytesKept()
			m.Close()
			p.result.Memory = append(p.result.Memory, PaperMemory{c.name, a, s.Batch, int64(kept.Kept), int64(kept.ForActivations)})
		}
	}
	return nil
}
