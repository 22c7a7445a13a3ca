package rsqrt

import (
	"fmt"
	"math"
)

// MaxSteps is the most steps that an estimate can be refined by. The bounds
// show that further ones would gain nothing.
const MaxSteps = 4

// An Estimate is a method that takes an estimate of 1/sqrt(x) from the bit
// pattern of a float32 and refines it in steps.
//
// The bits of a positive float are, as an integer, close to a linear function
// of its logarithm. Halving and negating them therefore gives close to the
// bits of 1/sqrt(x), up to a constant: that constant is the method's [Estimate.Magic]
// number (Blinn, "Floating-Point Tricks", IEEE Computer Graphics and
// Applications, 1997).
type Estimate uint8

const (
	// Quake has the constant that id Software's Quake III made known, with
	// Newton's steps.
	Quake Estimate = iota
	// Lomont has the constant that minimizes the error after one of Newton's
	// steps (Lomont, "Fast Inverse Square Root", 2003).
	Lomont
	// Kadlec has the constants, found by search, of the smallest error after
	// one step, at the price of a poor estimate before it (Kadlec, "Improving
	// the fast inverse square root", 2010). Newton's steps follow.
	Kadlec
	// Walczyk has two steps with constants of their own, which balance the
	// one-sided error of Newton's (Walczyk, Moroz and Cieslinski, "Improving
	// the Accuracy of the Fast Inverse Square Root by Modifying
	// Newton-Raphson Corrections", Entropy 23, 2021). Newton's follow.
	Walczyk
	numEstimates
)

// A step32 takes y to k y (c - x y^2).
type step32 struct{ k, c float32 }

// newton32 is Newton's step. Published code mostly has y (1.5 - x/2 y^2),
// which gives the same bits, but for x below 2^-125, where x/2 is rounded.
var newton32 = step32{0.5, 3}

// refine's conversions keep the compiler from fusing operations, which would
// make results depend on the machine.
func (s *step32) refine(x, y float32) float32 {
	return float32(s.k*y) * (s.c - float32(float32(x*y)*y))
}

type method32 struct {
	name  string
	magic uint32
	step  [MaxSteps]step32
	bound [MaxSteps + 1]float64 // see bounds_test.go
}

var methods32 = [numEstimates]method32{
	Quake: {
		"Quake", 0x5f3759df,
		[MaxSteps]step32{newton32, newton32, newton32, newton32},
		bounds32[Quake],
	},
	Lomont: {
		"Lomont", 0x5f375a86,
		[MaxSteps]step32{newton32, newton32, newton32, newton32},
		bounds32[Lomont],
	},
	Kadlec: {
		"Kadlec", 0x5f1ffff9,
		[MaxSteps]step32{{0.703952253, 2.38924456}, newton32, newton32, newton32},
		bounds32[Kadlec],
	},
	Walczyk: {
		"Walczyk", 0x5f376908,
		[MaxSteps]step32{{0.5, 2 * 1.50087896}, {0.5, 2 * 1.50000057}, newton32, newton32},
		bounds32[Walczyk],
	},
}

// Estimates returns the methods for float32, oldest first.
func Estimates() []Estimate { return []Estimate{Quake, Lomont, Kadlec, Walczyk} }

// String returns the name of the method, such as "Quake".
func (e Estimate) String() string {
	if e >= numEstimates {
		return fmt.Sprintf("Estimate(%d)", uint8(e))
	}
	return methods32[e].name
}

// Magic returns the constant from which the method subtracts half the bits
// of x.
func (e Estimate) Magic() uint32 { return methods32[e].magic }

// Bound returns the largest relative error |y sqrt(x) - 1| of At after the
// given number of steps, over all finite x > 0, rounded up in the fourth
// digit. It is found by computing all of [1, 4), which stands for the rest.
func (e Estimate) Bound(steps int) float64 {
	checkSteps(steps)
	return methods32[e].bound[steps]
}

// At returns the estimate of 1/sqrt(x) after 0 to [MaxSteps] steps. It is
// right at the ends of the range, as the package's documentation lists, which
// costs one comparison beyond [Estimate.Raw].
func (e Estimate) At(x float32, steps int) float32 {
	checkSteps(steps)
	return methods32[e].at(x, steps)
}

// Raw is [Estimate.At] by the bit pattern alone, right for normal positive
// numbers only. At 0 it is a finite number of the order of 10^19, which grows
// with each step, by a half or more. Subnormal
// numbers have large errors that steps reduce slowly. At +Inf, it is about
// 10^-19 before the first step and infinite after it, with alternating sign.
// For negative numbers, -0 and -Inf, it is meaningless. For NaN it is
// meaningless before the first step, and NaN after it.
func (e Estimate) Raw(x float32, steps int) float32 {
	checkSteps(steps)
	return methods32[e].raw(x, steps)
}

// Slice sets dst[i] = e.At(src[i], steps).
func (e Estimate) Slice(dst, src []float32, steps int) {
	checkSteps(steps)
	checkSlices(dst, src)
	m := &methods32[e]
	for i, x := range src {
		if isNormal32(x) {
			dst[i] = m.raw(x, steps)
		} else {
			dst[i] = m.atEnds(x, steps)
		}
	}
}

// RawSlice sets dst[i] = e.Raw(src[i], steps).
func (e Estimate) RawSlice(dst, src []float32, steps int) {
	checkSteps(steps)
	checkSlices(dst, src)
	m := &methods32[e]
	for i, x := range src {
		dst[i] = m.raw(x, steps)
	}
}

func (m *method32) raw(x float32, steps int) float32 {
	y := math.Float32frombits(m.magic - math.Float32bits(x)>>1)
	for i := range steps {
		y = m.step[i&(MaxSteps-1)].refine(x, y)
	}
	return y
}

// isNormal32 reports whether x is a positive normal number.
func isNormal32(x float32) bool {
	const minNormal, inf = 0x00800000, 0x7f800000
	return math.Float32bits(x)-minNormal < inf-minNormal
}

func (m *method32) at(x float32, steps int) float32 {
	if isNormal32(x) {
		return m.raw(x, steps)
	}
	return m.atEnds(x, steps)
}

// atEnds is at for what is not a positive normal number.
func (m *method32) atEnds(x float32, steps int) float32 {
	if 0 < x && x < 1 {
		return m.raw(x*0x1p24, steps) * 0x1p12
	}
	return Of(x)
}

func checkSteps(steps int) {
	if uint(steps) > MaxSteps {
		panicSteps(steps)
	}
}

//go:noinline
func panicSteps(steps int) {
	panic(fmt.Sprintf("rsqrt: steps must be 0 to %d, got %d", MaxSteps, steps))
}
