package hdl

import (
	"fmt"
	"math"
	"sync"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/circuit"
)

// numbers is what a unit needs to work on numbers in place of bits.
type numbers struct {
	once    sync.Once
	rounder rounder
	values  []float32 // all outputs, for formats of at most 16 bits
	rising  bool
	real    *isrlu.Function // nil where the unit has no backward pass
	// The gradient is not zero for inputs in [least, most].
	least, most float64

	mu   sync.Mutex
	free []*evaluation // that no goroutine uses
}

// An evaluation holds what one goroutine needs for a part of a slice.
type evaluation struct {
	evaluator *circuit.Evaluator // nil for formats that have a table
	wires     [evaluated]int64
	x32, dy32 [evaluated]float32
	x64, dy64 [evaluated]float64
}

// evaluated is how many elements an evaluation takes at a time.
const evaluated = 512

// asNumbers returns the unit's numbers, which it makes at the first call.
func (u *Unit) asNumbers() *numbers {
	n := &u.numbers
	n.once.Do(func() {
		n.rounder = newRounder(u.format)
		n.least, n.most = u.unclipped()
		if !u.function.derivative && u.function.name != "rsqrt" {
			n.real, _ = isrlu.Parse(u.function.spec) // as ParseFunction did
		}
		if u.format.Bits() > exhaustiveBits {
			return
		}
		outputs := u.outputs()
		n.values = make([]float32, len(outputs))
		for i, y := range outputs {
			n.values[i] = float32(u.format.Decode(uint64(y)))
		}
		n.rising = u.rises(n.values)
	})
	return n
}

// rises tells whether outputs never fall as the input grows, from one infinity to the
// other.
func (u *Unit) rises(values []float32) bool {
	last := math.Inf(-1)
	try := func(b uint64) bool {
		if math.IsNaN(u.format.Decode(b)) {
			return true
		}
		v := float64(values[b])
		ok := v >= last
		last = v
		return ok
	}
	half := uint64(len(values) / 2)
	for i := range half {
		b := half + i // two's complement
		if u.format.IsFloat() {
			b = 2*half - 1 - i // a sign and a magnitude
		}
		if !try(b) {
			return false
		}
	}
	for b := range half {
		if !try(b) {
			return false
		}
	}
	return true
}

// unclipped returns the least and the greatest input for which neither it nor, in a
// fixed-point format, the function is beyond the format.
func (u *Unit) unclipped() (least, most float64) {
	f := u.format
	least, most = f.Min(), f.Max()
	if f.IsFloat() || u.function.shape == positive || u.function.derivative {
		return least, most
	}
	// Where the function, which rises, leaves the format is found by halving.
	first, last := int64(-1)<<(f.Bits()-1), int64(1)<<(f.Bits()-1)-1
	value := func(i int64) float64 { return u.function.Value(math.Ldexp(float64(i), -f.fraction)) }
	end := func(in, out int64, within func(float64) bool) float64 {
		if within(value(out)) {
			return math.Ldexp(float64(out), -f.fraction)
		}
		for max(in-out, out-in) > 1 {
			if middle := (in + out) >> 1; within(value(middle)) {
				in = middle
			} else {
				out = middle
			}
		}
		return math.Ldexp(float64(in), -f.fraction)
	}
	// What rounds to the last value is not yet beyond the format.
	half := f.Ulp(0) / 2
	start := min(max(0, first), last)
	return end(start, first, func(y float64) bool { return y >= f.Min()-half }),
		end(start, last, func(y float64) bool { return y <= f.Max()+half })
}

// Monotone reports whether the outputs never fall as the input grows, which is checked
// on all inputs of formats with at most 16 bits. It is false for wider formats, where
// it is not known.
func (u *Unit) Monotone() bool { return u.asNumbers().rising }

// Forward sets dst[i] to what the unit puts out for src[i], rounded to the unit's
// format: as [Format.Encode] does, to nearest with ties to even; in fixed point what is
// beyond the format is its nearest end, and NaN is 0. Outputs are exact but for those
// of formats with more than 24 bits, which are rounded to float32.
//
// The slices are the same or do not overlap; Forward panics if their lengths differ. It
// allocates nothing but at first, and goroutines may call it at once. Formats of at
// most 16 bits take some nanoseconds for each element, by a table of all outputs; wider
// ones run the circuit, which takes a hundred times as long.
func (u *Unit) Forward(dst, src []float32) { forward(u, dst, src) }

// Forward64 is [Unit.Forward] in float64, in which all outputs are exact.
func (u *Unit) Forward64(dst, src []float64) { forward(u, dst, src) }

func forward[T float32 | float64](u *Unit, dst, src []T) {
	checkLengths(len(dst), "src", len(src))
	n := u.asNumbers()
	r := &n.rounder
	switch {
	case n.values == nil:
		u.evaluate(n, func(e *evaluation) {
			for from := 0; from < len(src); from += evaluated {
				part := src[from:min(from+evaluated, len(src))]
				for i, x := range part {
					e.wires[i] = r.fixed(float64(x))
				}
				e.evaluator.Run(e.wires[:len(part)], e.wires[:len(part)])
				for i, y := range e.wires[:len(part)] {
					dst[from+i] = T(float64(y) * r.ulp)
				}
			}
		})
	case r.float:
		values := n.values
		for i, x := range src {
			dst[i] = T(values[r.bits(float64(x))])
		}
	default:
		values, mask := n.values, int64(len(n.values)-1)
		for i, x := range src {
			dst[i] = T(values[r.fixed(float64(x))&mask])
		}
	}
}

// evaluate calls f with an evaluation that no other goroutine has.
func (u *Unit) evaluate(n *numbers, f func(*evaluation)) {
	e := n.take()
	if e.evaluator == nil && n.values == nil {
		e.evaluator = u.design.circuit.Evaluator()
	}
	f(e)
	n.mu.Lock()
	n.free = append(n.free, e)
	n.mu.Unlock()
}

func (n *numbers) take() *evaluation {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		e := n.free[last]
		n.free = n.free[:last]
		return e
	}
	return new(evaluation)
}

// A Gradient says what stands for the derivative of a unit, whose outputs are steps.
type Gradient uint8

const (
	// StraightThrough is the derivative of the function itself at the input as it is, as
	// if the unit rounded nothing.
	StraightThrough Gradient = iota
	// Exact is the derivative of what the unit computes but for its last places: that of
	// the function at the input rounded to the format, and 0 where the input, or in a
	// fixed-point format the output, is beyond the format.
	Exact
)

var gradientNames = []string{StraightThrough: "straight-through", Exact: "exact"}

// String returns what [ParseSpec] takes.
func (g Gradient) String() string {
	if int(g) >= len(gradientNames) {
		return fmt.Sprintf("Gradient(%d)", uint8(g))
	}
	return gradientNames[g]
}

// HasBackward reports whether Backward may be called: for units of activation
// functions, not for those of derivatives and of the inverse square root.
func (u *Unit) HasBackward() bool { return u.asNumbers().real != nil }

// Backward sets dx[i] to dy[i] times the derivative at x[i], where x is what Forward was
// given and dy the gradient with respect to its output. With [StraightThrough] the bits
// are those of [isrlu.Function.Backward].
//
// dx may be dy or x, and must not overlap them otherwise. It panics if the lengths
// differ or the unit has no derivative: see [Unit.HasBackward]. It allocates nothing but
// at first, and goroutines may call it at once.
func (u *Unit) Backward(dx, dy, x []float32, g Gradient) {
	n := u.checkBackward(len(dx), len(dy), len(x))
	if g != Exact {
		n.real.Backward(dx, dy, x)
		return
	}
	u.evaluate(n, func(e *evaluation) { exactBackward(n, e.x32[:], e.dy32[:], dx, dy, x, n.real.Backward) })
}

// Backward64 is [Unit.Backward] in float64.
func (u *Unit) Backward64(dx, dy, x []float64, g Gradient) {
	n := u.checkBackward(len(dx), len(dy), len(x))
	if g != Exact {
		n.real.Backward64(dx, dy, x)
		return
	}
	u.evaluate(n, func(e *evaluation) { exactBackward(n, e.x64[:], e.dy64[:], dx, dy, x, n.real.Backward64) })
}

// exactBackward runs backward on x rounded to the format, and on dy or 0 where the
// gradient is 0. The two buffers are equally long.
func exactBackward[T float32 | float64](n *numbers, xs, dys, dx, dy, x []T, backward func(dx, dy, x []T)) {
	for len(x) > 0 {
		part := min(len(xs), len(x))
		for i, v := range x[:part] {
			w := float64(v)
			dys[i] = dy[i]
			if w < n.least || w > n.most {
				w, dys[i] = 0, 0
			}
			xs[i] = T(n.rounder.value(w))
		}
		backward(dx[:part], dys[:part], xs[:part])
		dx, dy, x = dx[part:], dy[part:], x[part:]
	}
}

func (u *Unit) checkBackward(dx, dy, x int) *numbers {
	checkLengths(dx, "dy", dy)
	checkLengths(dx, "x", x)
	n := u.asNumbers()
	if n.real == nil {
		panic(fmt.Sprintf("hdl: the unit of %s has no derivative", u.function))
	}
	return n
}

func checkLengths(dst int, name string, n int) {
	if dst != n {
		panic(fmt.Sprintf("hdl: the destination has length %d, %s has %d", dst, name, n))
	}
}
