package check

import (
	"math"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// A format describes an element type as a binary floating-point format.
type format struct {
	typ       call.Type
	precision int // bits of the significand
	minExp    int // exponent of the smallest normal number
	maxExp    int // exponent of the largest finite number
}

var formats = [...]format{
	call.Float32:  {call.Float32, 24, -126, 127},
	call.Float64:  {call.Float64, 53, -1022, 1023},
	call.BFloat16: {call.BFloat16, 8, -126, 127},
	call.Float16:  {call.Float16, 11, -14, 15},
}

func formatOf[T call.Float]() *format {
	switch any(*new(T)).(type) {
	case float64:
		return &formats[call.Float64]
	case isrlu.BFloat16:
		return &formats[call.BFloat16]
	case isrlu.Float16:
		return &formats[call.Float16]
	}
	return &formats[call.Float32]
}

// A deviation is the distance of a result from the exact one, in three measures.
type deviation struct{ ulp, abs, rel float64 }

// wrongSpecial is the error of a wrong NaN or infinity.
var wrongSpecial = deviation{ulp: math.Inf(1), abs: 0, rel: 0}

// deviation returns that of got against hi + lo. The sign of zero does not
// count. What is too large for the format should be an infinity.
func (f *format) deviation(got, hi, lo float64) deviation {
	switch {
	case math.IsNaN(hi):
		if math.IsNaN(got) {
			return deviation{}
		}
		return wrongSpecial
	case math.IsNaN(got):
		return wrongSpecial
	case math.IsInf(hi, 0):
		if got == hi {
			return deviation{}
		}
		return wrongSpecial
	}
	ulp := f.ulp(hi)
	largest := (2 - math.Ldexp(1, 1-f.precision)) * math.Ldexp(1, f.maxExp)
	var e deviation
	if math.IsInf(got, 0) {
		// The infinity stands for the number that would come after the
		// largest.
		if math.Signbit(got) != math.Signbit(hi) {
			return wrongSpecial
		}
		e.abs = max(0, largest-math.Abs(hi)+ulp)
		if math.Abs(hi)-largest >= ulp/2 {
			return deviation{}
		}
	} else {
		e.abs = math.Abs((got - hi) - lo)
	}
	e.ulp = min(e.abs/ulp, math.MaxFloat64) // infinity is for wrong special values
	e.rel = e.abs / max(math.Abs(hi), math.Ldexp(1, f.minExp))
	return e
}

// ulp returns the distance of the format's numbers around x.
func (f *format) ulp(x float64) float64 {
	exp := int(math.Float64bits(x)>>52&0x7ff) - 1023
	exp = min(max(exp, f.minExp), f.maxExp) - f.precision + 1
	if exp < -1022 {
		return math.Float64frombits(1 << (exp + 1074))
	}
	return math.Float64frombits(uint64(exp+1023) << 52)
}

// within reports whether errors keep a bound. An element keeps it by any of
// its numbers: the absolute one is for results that cross or approach zero,
// where a unit in the last place means little. A bound of zeros is none: only
// wrong special values break it.
func within(e deviation, b isrlu.Bound) bool {
	switch {
	case math.IsInf(e.ulp, 1):
		return false
	case b == isrlu.Bound{}:
		return true
	}
	return e.ulp <= b.ULP || e.abs <= b.Abs || b.Rel > 0 && e.rel <= b.Rel
}
