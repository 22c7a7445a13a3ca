// Package check measures the errors of the functions' slices against
// internal/reference, over a sample of inputs or over all of them, and holds
// them against the documented bounds.
package check

import (
	"context"
	"fmt"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// A Worst is the element at which an error is largest.
type Worst struct {
	Error    float64
	Input    float64 // x, or y where the output is the input
	Gradient float64 // dy, 0 in directions that take none
	Got      float64
	Want     float64

	index uint64 // in the walk; the first of equals is kept
}

func (w *Worst) update(v Worst) {
	if v.Error > w.Error || v.Error == w.Error && v.Error > 0 && v.index < w.index {
		*w = v
	}
}

// A Result holds the errors of one function in one direction, precision and
// level. An infinite error in ulp stands for a wrong special value, such as a
// number where NaN belongs.
type Result struct {
	Function, Direction, Precision, SIMD string
	Type                                 call.Type

	Checked uint64 // elements compared
	ULP     Worst  // in units in the last place of the exact result
	Abs     Worst
	Rel     Worst // a subnormal exact result counts as the smallest normal number
	Bound   isrlu.Bound
	Broken  uint64 // elements beyond the bound
	First   Worst  // the first of those in the walk; Error is in ulp
}

// OK reports whether no element is beyond the bound.
func (r *Result) OK() bool { return r.Broken == 0 }

// Options choose what to check. Workers, Step and Progress may be left zero.
type Options struct {
	Functions  []*isrlu.Function
	Precisions []isrlu.Precision
	Directions []isrlu.Direction
	SIMD       []string
	Type       call.Type
	// Exhaustive walks all bit patterns of the type, which float64 does not
	// allow.
	Exhaustive bool
	// Step is the distance of the bit patterns in a sample of float32; 0 means
	// DefaultStep.
	Step uint64
	// Workers is the number of goroutines, 0 for one for each processor.
	Workers int
	// Progress, if not nil, is called with the number of inputs done. Calls do
	// not overlap.
	Progress func(done, total uint64)
}

// Run checks what the options choose, and stops with the context's error when
// the context ends.
func Run(ctx context.Context, o Options) ([]Result, error) {
	switch o.Type {
	case call.Float64:
		return run[float64](ctx, o)
	case call.BFloat16:
		return run[isrlu.BFloat16](ctx, o)
	case call.Float16:
		return run[isrlu.Float16](ctx, o)
	}
	return run[float32](ctx, o)
}

func run[T call.Float](ctx context.Context, o Options) ([]Result, error) {
	if o.Exhaustive && o.Type == call.Float64 {
		return nil, fmt.Errorf("check: float64 has too many bit patterns to walk them all")
	}
	var groups []Group[T]
	for _, base := range o.Functions {
		for _, d := range o.Directions {
			if !call.Has(base, d, o.Type) {
				continue
			}
			truth, err := truthOf(base, d, o.Type)
			if err != nil {
				return nil, err
			}
			g := Group[T]{Truth: truth, Gradient: call.TakesGradient(d), Near: nearPoints(base)}
			for _, f := range call.Variants(base, o.Precisions) {
				for _, level := range o.SIMD {
					f, err := f.WithSIMD(level)
					if err != nil {
						return nil, err
					}
					g.Subjects = append(g.Subjects, Subject[T]{
						Function: f.String(), Direction: d.String(), Precision: f.Precision().String(), SIMD: level,
						Bound: boundOf(f, d, o.Type), Call: call.Of[T](f, d),
					})
				}
			}
			groups = append(groups, g)
		}
	}
	return Sweep(ctx, groups, o)
}
