package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/gomlx"
	"github.com/isrlu/isrlu/nn"
)

// contenders are the functions that are measured.
var contenders = []string{"isrlu", "elu", "relu"}

// rounds is the number of turns that all take, one after the other.
const rounds = 5

// A subject is something to measure: what it does, and how to run it n times.
type subject struct {
	name  string
	run   func(n int) error
	bytes float64 // that each run reads and writes at least; 0 if that is not counted
	times []time.Duration
}

// median returns the median time of a run.
func (s *subject) median() time.Duration {
	slices.Sort(s.times)
	return s.times[len(s.times)/2]
}

// bench prints the bandwidth of a copy and the times of functions beside it, and those
// of training steps.
func bench(ctx context.Context, o *options, b backends.Backend, w io.Writer) error {
	fmt.Fprintf(w, "%s\n", strings.TrimSpace(b.Description()))
	for d := range cmp.Or(o.devices, b.NumDevices()) {
		fmt.Fprintf(w, "device %d: %s\n", d, b.DeviceDescription(backends.DeviceNum(d)))
	}
	functions, err := functionSubjects(b, o.elements)
	if err != nil {
		return err
	}
	if err := measure(ctx, functions, o.benchTime); err != nil {
		return err
	}
	base := functions[0].median()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%d float32 elements on one device\ttime\tratio to copy\tGB/s\n", o.elements)
	for _, s := range functions {
		fmt.Fprintf(t, "%s\t%v\t%.2f\t%.1f\n", s.name, round(s.median()), float64(s.median())/float64(base), s.bytes/s.median().Seconds()/1e9)
	}
	steps, err := stepSubjects(ctx, o, b)
	if err != nil {
		return err
	}
	if err := measure(ctx, steps, o.benchTime); err != nil {
		return err
	}
	base = steps[len(steps)-1].median()
	fmt.Fprintf(t, "\ntraining step of %s, batch %d, %s\ttime\tratio to %s\timages/s\n", o.network, o.batch, plural(cmp.Or(o.devices, b.NumDevices()), "device"), contenders[len(contenders)-1])
	for _, s := range steps {
		fmt.Fprintf(t, "%s\t%v\t%.2f\t%.0f\n", s.name, round(s.median()), float64(s.median())/float64(base), float64(o.batch)/s.median().Seconds())
	}
	fmt.Fprintf(t, "\nMedians of %d turns.\n", rounds)
	return t.Flush()
}

// round leaves four digits or so.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 10000 {
		unit *= 10
	}
	return d.Round(unit)
}

// measure times all subjects in turns, so that what else the machine does meets all.
func measure(ctx context.Context, list []*subject, each time.Duration) error {
	counts := make([]int, len(list))
	for i, s := range list { // the first run compiles
		if err := s.run(1); err != nil {
			return fmt.Errorf("%s: %s", s.name, firstLine(err))
		}
		begun := time.Now()
		if err := s.run(1); err != nil {
			return fmt.Errorf("%s: %s", s.name, firstLine(err))
		}
		counts[i] = max(1, min(10000, int(each/rounds/max(time.Since(begun), time.Microsecond))))
	}
	for range rounds {
		for i, s := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			begun := time.Now()
			if err := s.run(counts[i]); err != nil {
				return fmt.Errorf("%s: %s", s.name, firstLine(err))
			}
			s.times = append(s.times, time.Since(begun)/time.Duration(counts[i]))
		}
	}
	return nil
}

// functionSubjects returns a copy and the functions, forward and backward, on so many
// elements. A copy is a negation, which no compiler leaves out.
func functionSubjects(b backends.Backend, elements int) ([]*subject, error) {
	values := make([]float32, elements)
	for i := range values {
		values[i] = float32(i%4001)/1000 - 2
	}
	x, dy := tensors.FromFlatDataAndDimensions(values, elements), tensors.FromFlatDataAndDimensions(values, elements)
	list := []*subject{}
	add := func(name string, tensorsMoved int, f func(x, dy *Node) *Node) error {
		// The second output is one number: to have it is to have waited for the first.
		exec, err := NewExec(b, func(x, dy *Node) (y, last *Node) {
			y = f(x, dy)
			return y, Gather(y, Const(y.Graph(), [][]int32{{int32(elements - 1)}}))
		})
		if err != nil {
			return fmt.Errorf("%s: %s", name, firstLine(err))
		}
		list = append(list, &subject{name: name, bytes: float64(4 * elements * tensorsMoved), run: func(n int) error {
			for i := range n {
				y, last, err := exec.Exec2(x, dy)
				if err != nil {
					return err
				}
				if i == n-1 {
					if _, err := tensors.CopyFlatData[float32](last); err != nil {
						return err
					}
				}
				free(y, last)
			}
			return nil
		}})
		return nil
	}
	if err := add("copy", 2, func(x, _ *Node) *Node { return Neg(x) }); err != nil {
		return nil, err
	}
	for _, c := range contenders {
		if err := add(c, 2, func(x, _ *Node) *Node { return gomlx.Apply(x, c) }); err != nil {
			return nil, err
		}
	}
	for _, c := range contenders {
		// From x and dy alone: a compiler computes y on the way.
		if err := add(c+" forward and backward", 3, func(x, dy *Node) *Node {
			return Gradient(ReduceAllSum(Mul(gomlx.Apply(x, c), dy)), x)[0]
		}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// stepSubjects returns the training steps of a network with each function.
func stepSubjects(ctx context.Context, o *options, b backends.Backend) ([]*subject, error) {
	devices := cmp.Or(o.devices, b.NumDevices())
	if o.batch%devices != 0 {
		return nil, usagef("-bench takes a -batch that %d devices share evenly, got %d", devices, o.batch)
	}
	s := &session{o: o}
	var list []*subject
	for _, c := range contenders {
		n, err := s.network()
		if err != nil {
			return nil, err
		}
		m, err := gomlx.New(experiment.Choose(n, c), o.seed)
		if err != nil {
			return nil, err
		}
		t, err := newTrainer(b, m, nn.Constant(1e-4), devices)
		if err != nil {
			return nil, err
		}
		size := shapes.Make(dtypes.Float32, n.Input...).Size()
		x, labels := make([]float32, o.batch*size), make([]int32, o.batch)
		for i := range x {
			x[i] = float32(i%97)/50 - 1
		}
		for i := range labels {
			labels[i] = int32(i % m.Output().Size())
		}
		list = append(list, &subject{name: c, run: func(n int) error {
			for range n {
				if err := ctx.Err(); err != nil {
					return err
				}
				if _, err := t.train(x, labels); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return list, nil
}
