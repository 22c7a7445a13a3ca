package hdl

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// An Error is how far a unit's outputs are from the function.
type Error struct {
	// Ulps is the greatest distance in units in the last place of the format at the
	// true value. Half of one is what rounding alone can take.
	Ulps float64
	// At is the input with that distance, as bits.
	At uint64
	// Mean is the mean distance in ulps, and Bias the mean of its sign: positive where
	// outputs are too great.
	Mean, Bias float64
	// Inputs is how many inputs were tried, and All tells whether those were all.
	Inputs int64
	All    bool
}

// String gives the greatest error, where it is, and the mean.
func (e Error) String() string {
	of := "sampled"
	if e.All {
		of = "all inputs"
	}
	return fmt.Sprintf("%.4f ulp at 0x%x, mean %.3f (%s)", e.Ulps, e.At, e.Mean, of)
}

// truth holds inputs of a unit with what the function is there.
type truth struct {
	f      *Function
	format Format
	inputs []int64   // as the circuit takes them
	bits   []uint64  // the same
	values []float64 // the function, within the range of fixed-point formats
	all    bool
}

// exhaustiveBits is the widest format whose inputs are all tried as a matter of course.
const exhaustiveBits = 16

// newTruth returns the truth for all inputs where the format has few, else for those
// that corner and sample name.
func newTruth(f *Function, format Format) *truth {
	t := &truth{f: f, format: format, all: format.Bits() <= exhaustiveBits}
	if t.all {
		for b := range uint64(1) << format.Bits() {
			t.add(b)
		}
		return t
	}
	seen := map[uint64]bool{}
	for _, b := range append(Corners(format), Sample(format, 1<<15, 1)...) {
		if !seen[b] {
			seen[b] = true
			t.add(b)
		}
	}
	return t
}

// add appends an input.
func (t *truth) add(b uint64) {
	t.bits = append(t.bits, b)
	t.inputs = append(t.inputs, t.format.wire(b))
	t.values = append(t.values, Want(t.f, t.format, b))
}

// Want returns what a unit for f aims at for an input: the function of it, where a
// fixed-point format cannot hold that the nearest value it can. The inverse square
// root of a fixed-point number that is not positive is the greatest value.
func Want(f *Function, format Format, b uint64) float64 {
	x := format.Decode(b)
	y := f.Value(x)
	if format.IsFloat() {
		if f.name == "rsqrt" && x == 0 {
			return math.Copysign(math.Inf(1), x)
		}
		return y
	}
	if f.name == "rsqrt" && x <= 0 {
		return format.Max()
	}
	return min(max(y, format.Min()), format.Max())
}

// Corners returns the inputs at which units fail first: the neighbourhoods of 0, of
// every power of two and of the ends of the range, on both sides, and of a
// floating-point format also the infinities and NaN.
func Corners(format Format) []uint64 {
	var list []uint64
	around := func(b uint64) {
		for d := range uint64(9) {
			list = append(list, (b+d-4)&format.mask())
		}
	}
	around(0)
	for i := range format.Bits() {
		around(1 << i)
		around(-(1 << i))
		around(3 << i >> 1)
		around(-(3 << i >> 1))
	}
	if format.IsFloat() {
		for e := range uint64(1) << (format.exponent + 1) {
			around(e << format.fraction)
		}
	}
	return list
}

// Sample returns n random inputs of the format. Half of them are from all inputs alike;
// of fixed-point formats the other half has magnitudes from all binades alike.
func Sample(format Format, n int, seed uint64) []uint64 {
	next := sampler(format, seed)
	list := make([]uint64, n)
	for i := range list {
		list[i] = next()
	}
	return list
}

// sampler returns what gives one input of a sample after the other.
func sampler(format Format, seed uint64) func() uint64 {
	state := seed*0x9e3779b97f4a7c15 + 1
	next := func() uint64 { // SplitMix64 (Steele et al. 2014)
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	small := true
	return func() uint64 {
		v := next()
		if small = !small; small && !format.IsFloat() {
			v = uint64(int64(v) >> (64 - 2 - next()%uint64(format.Bits()-1)))
		}
		return v & format.mask()
	}
}

// ulps returns how far output y is from the truth for input i.
func (t *truth) ulps(i int, y int64) float64 {
	want := t.values[i]
	if !t.format.IsFloat() {
		return float64(y) - math.Ldexp(want, t.format.fraction)
	}
	return floatUlps(t.format, uint64(y), want)
}

// floatUlps is the error of a floating-point output.
func floatUlps(format Format, y uint64, want float64) float64 {
	got := format.Decode(y)
	switch {
	case math.IsNaN(want) || math.IsNaN(got):
		if math.IsNaN(want) && math.IsNaN(got) {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(want, 0) || math.IsInf(got, 0):
		if got == want || math.IsInf(got, 0) && !math.IsInf(want, 0) && format.Decode(format.Encode(want)) == got {
			return 0
		}
		return math.Inf(1)
	}
	return (got - want) / format.Ulp(want)
}

// measure runs the circuit on all inputs of the truth.
func (t *truth) measure(c *circuit.Circuit) Error {
	e := Error{All: t.all}
	t.run(c.Evaluator(), &e)
	return e.end()
}

// run runs the circuit on all inputs of the truth and takes note of the errors.
func (t *truth) run(ev *circuit.Evaluator, e *Error) {
	out := make([]int64, len(t.inputs))
	ev.Run(out, t.inputs)
	for i, y := range out {
		u := t.ulps(i, y)
		e.Mean += math.Abs(u)
		e.Bias += u
		if math.Abs(u) > e.Ulps {
			e.Ulps, e.At = math.Abs(u), t.bits[i]
		}
	}
	e.Inputs += int64(len(out))
}

// end turns the sums into means.
func (e Error) end() Error {
	e.Mean /= float64(e.Inputs)
	e.Bias /= float64(e.Inputs)
	return e
}
