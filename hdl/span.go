package hdl

import (
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A span is the part of a floating-point format in which a unit has to compute: below
// its first exponent the half is the input or a constant, above its last one a
// constant, both within the bound.
type span struct {
	t           *truth
	first, last int // biased exponents
	below       spanEnd
	above       spanEnd
}

// A spanEnd is what a unit returns beyond one end of the span.
type spanEnd struct {
	input bool    // the input's magnitude
	value float64 // otherwise
}

func (e spanEnd) of(a float64) float64 {
	if e.input {
		return a
	}
	return e.value
}

// newSpan finds the span of a function's half within the bound in ulps.
func newSpan(t *truth, bound float64) *span {
	f := t.f
	s := &span{t: t}
	s.below.value = t.format.Decode(t.format.Encode(f.half(0)))
	s.below.input = f.shape == odd || f.shape == unitRight
	s.above.value = t.format.Decode(t.format.Encode(f.half(math.Inf(1))))
	end := 1<<t.format.exponent - 1 // the exponent of infinity
	s.first = 1
	for s.first < end-1 && s.below.holds(f.half, t.format, s.first, bound) {
		s.first++
	}
	s.last = end - 1
	for s.last > s.first && s.above.holds(f.half, t.format, s.last, bound) {
		s.last--
	}
	return s
}

// holds tells whether the end is within the bound of f for all inputs of the format with
// an exponent.
func (e spanEnd) holds(f func(a float64) float64, format Format, exponent int, bound float64) bool {
	m := format.fraction
	for i := range uint64(1) << m {
		a := format.Decode(uint64(exponent)<<m | i)
		want := f(a)
		if math.Abs(e.of(a)-want) > bound*format.Ulp(want) {
			return false
		}
	}
	return true
}

// output chooses among the middle, which is a magnitude, and the ends, and puts the
// halves together.
func (s *span) output(in *parts, middle circuit.Wire) circuit.Wire {
	end := 1<<s.t.format.exponent - 1
	y := middle
	if s.last < end-1 || !math.IsInf(s.above.value, 0) {
		y = in.exponent.AtLeast(int64(s.last+1)).Named("above", "").Select(in.value(s.above.value), y)
	}
	below := in.magnitude
	if !s.below.input {
		below = in.value(s.below.value)
	}
	y = in.exponent.Less(in.x.Const(int64(s.first))).Named("below", "").Select(below, y)
	return in.unfold(s.t.f.shape, y)
}
