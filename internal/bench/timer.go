package bench

import (
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// A timer times one cell.
type timer[T call.Float] struct {
	stopwatch
	cell *Cell
	ops  *operands[T]
}

func newTimer[T call.Float](c *Cell, ops *operands[T], clock time.Duration) *timer[T] {
	t := &timer[T]{stopwatch: newStopwatch(clock), cell: c, ops: ops}
	n := c.Elements
	dst, x, dy, y := ops.dst[:n], ops.x[:n], ops.dy[:n], ops.y[:n]
	if c.f == nil {
		t.run = func() { copy(dst, x) }
		t.prepare()
		return t
	}
	if i, ok := call.Parameter(c.direction); ok {
		t.run = paramGrad(c.f, i, dy, x)
		t.prepare()
		return t
	}
	f := call.Of[T](c.f, c.direction)
	in := x
	if c.direction == isrlu.BackwardFromOutput || c.direction == isrlu.Inverse {
		in = y
	}
	switch {
	case c.Placement == Separate:
		t.run = func() { f(dst, dy, in) }
	case call.TakesGradient(c.direction):
		t.refill = func() { copy(dst, dy) }
		t.run = func() { f(dst, dst, in) }
	default:
		t.refill = func() { copy(dst, in) }
		t.run = func() { f(dst, nil, dst) }
	}
	t.prepare()
	return t
}

// paramGrad returns what sums the gradient of parameter i; it has no slice to
// write to.
func paramGrad[T call.Float](f *isrlu.Function, i int, dy, x []T) func() {
	switch dy := any(dy).(type) {
	case []float32:
		x := any(x).([]float32)
		return func() { f.ParamGrad(i, dy, x) }
	case []float64:
		x := any(x).([]float64)
		return func() { f.ParamGrad64(i, dy, x) }
	}
	panic("bench: no parameter gradient in 16 bits") // call.Has says so
}

// prepare gives the cell its turn: its outputs, where it needs them, and a
// first call that brings code and operands into the caches.
func (t *timer[T]) prepare() {
	c := t.cell
	if c.f != nil && (c.direction == isrlu.BackwardFromOutput || c.direction == isrlu.Inverse) {
		y := t.ops.y[:c.Elements]
		call.Of[T](c.f, isrlu.Forward)(y, nil, t.ops.x[:c.Elements])
	}
	if t.refill != nil {
		t.refill()
	}
	t.run()
}
