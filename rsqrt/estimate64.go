package rsqrt

import (
	"fmt"
	"math"
)

// An Estimate64 is an [Estimate] for float64.
type Estimate64 uint8

const (
	// Lomont64 has the constant that Lomont gives for float64.
	Lomont64 Estimate64 = iota
	// Robertson64 has the constant that minimizes the error of the estimate
	// after one of Newton's steps, and after any further number of them
	// (Robertson, "A Brief History of InvSqrt", 2012).
	Robertson64
	// Walczyk64 has three steps with constants of their own, as [Walczyk] has
	// two, and then Newton's.
	Walczyk64
	numEstimates64
)

// A step64 takes y to k y (c - x y^2).
type step64 struct{ k, c float64 }

var newton64 = step64{0.5, 3}

// refine's conversions are there for the same reason as those of step32.
func (s *step64) refine(x, y float64) float64 {
	return float64(s.k*y) * (s.c - float64(float64(x*y)*y))
}

type method64 struct {
	name  string
	magic uint64
	step  [MaxSteps]step64
	bound [MaxSteps + 1]float64
}

var methods64 = [numEstimates64]method64{
	Lomont64: {
		"Lomont64", 0x5fe6ec85e7de30da,
		[MaxSteps]step64{newton64, newton64, newton64, newton64},
		bounds64[Lomont64],
	},
	Robertson64: {
		"Robertson64", 0x5fe6eb50c7b537a9,
		[MaxSteps]step64{newton64, newton64, newton64, newton64},
		bounds64[Robertson64],
	},
	Walczyk64: {
		"Walczyk64", 0x5fe6ed2102dcbfda,
		[MaxSteps]step64{
			{0.5, 2 * 1.50087895511633457},
			{0.5, 2 * 1.50000057967625766},
			{0.5, 2 * 1.5000000000002520},
			newton64,
		},
		bounds64[Walczyk64],
	},
}

// Estimates64 returns the methods for float64, oldest first.
func Estimates64() []Estimate64 { return []Estimate64{Lomont64, Robertson64, Walczyk64} }

// String returns the name of the method, such as "Lomont64".
func (e Estimate64) String() string {
	if e >= numEstimates64 {
		return fmt.Sprintf("Estimate64(%d)", uint8(e))
	}
	return methods64[e].name
}

// Magic returns the constant from which the method subtracts half the bits
// of x.
func (e Estimate64) Magic() uint64 { return methods64[e].magic }

// Bound returns the largest relative error |y sqrt(x) - 1| of At after the
// given number of steps, over all finite x > 0, rounded up in the fourth
// digit. It is derived, as there are too many float64 to compute all of them:
// docs/rsqrt.md has the derivation, and a search comes within a hundredth of
// each.
func (e Estimate64) Bound(steps int) float64 {
	checkSteps(steps)
	return methods64[e].bound[steps]
}

// At is [Estimate.At] in float64.
func (e Estimate64) At(x float64, steps int) float64 {
	checkSteps(steps)
	return methods64[e].at(x, steps)
}

// Raw is [Estimate.Raw] in float64: right for normal positive numbers only.
func (e Estimate64) Raw(x float64, steps int) float64 {
	checkSteps(steps)
	return methods64[e].raw(x, steps)
}

// Slice sets dst[i] = e.At(src[i], steps).
func (e Estimate64) Slice(dst, src []float64, steps int) {
	checkSteps(steps)
	checkSlices(dst, src)
	m := &methods64[e]
	for i, x := range src {
		if isNormal64(x) {
			dst[i] = m.raw(x, steps)
		} else {
			dst[i] = m.atEnds(x, steps)
		}
	}
}

// RawSlice sets dst[i] = e.Raw(src[i], steps).
func (e Estimate64) RawSlice(dst, src []float64, steps int) {
	checkSteps(steps)
	checkSlices(dst, src)
	m := &methods64[e]
	for i, x := range src {
		dst[i] = m.raw(x, steps)
	}
}

func (m *method64) raw(x float64, steps int) float64 {
	y := math.Float64frombits(m.magic - math.Float64bits(x)>>1)
	for i := range steps {
		y = m.step[i&(MaxSteps-1)].refine(x, y)
	}
	return y
}

// isNormal64 reports whether x is a positive normal number.
func isNormal64(x float64) bool {
	const minNormal, inf = 0x001 << 52, 0x7ff << 52
	return math.Float64bits(x)-minNormal < inf-minNormal
}

func (m *method64) at(x float64, steps int) float64 {
	if isNormal64(x) {
		return m.raw(x, steps)
	}
	return m.atEnds(x, steps)
}

// atEnds is at for what is not a positive normal number.
func (m *method64) atEnds(x float64, steps int) float64 {
	if 0 < x && x < 1 {
		return m.raw(x*0x1p54, steps) * 0x1p27
	}
	return Of64(x)
}
