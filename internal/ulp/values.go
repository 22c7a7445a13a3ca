package ulp

import (
	"math"
	"math/rand/v2"
)

// Specials32 returns the float32 values at which formulas break: zeros,
// subnormal numbers, the ends of the range, where squares overflow, where
// exponentials saturate, infinities and NaN; each with both signs.
func Specials32() []float32 {
	var v []float32
	for _, x := range specials {
		f := float32(x)
		v = append(v, f, -f)
		if !math.IsInf(float64(f), 0) && f != 0 {
			up, down := math.Nextafter32(f, float32(math.Inf(1))), math.Nextafter32(f, 0)
			v = append(v, up, -up, down, -down)
		}
	}
	for _, b := range []uint32{0x7fc00000, 0xffc00000, 0x7fc12345, 0xffffffff} {
		v = append(v, math.Float32frombits(b))
	}
	return append(v, 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)))
}

// Specials64 returns the same for float64.
func Specials64() []float64 {
	var v []float64
	for _, x := range append(specials,
		math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p-1023, 1e-160, 0x1p-53, 0x1p-26, 19.06, 22, 37, 39, 708, 709.8, 745.2, 760,
		0x1p53, 1e154, 1.4e154, 0x1p600, math.MaxFloat64) {
		up, down := math.Nextafter(x, math.Inf(1)), math.Nextafter(x, 0)
		v = append(v, x, -x, up, -up, down, -down)
	}
	for _, b := range []uint64{0x7ff8000000000000, 0xfff8000000000000, 0x7ff8123456789abc, math.MaxUint64} {
		v = append(v, math.Float64frombits(b))
	}
	return append(v, 0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1))
}

var specials = []float64{
	math.SmallestNonzeroFloat32, 0x1p-148, 0x1p-127, 0x1p-126, 1e-30, 0x1p-64, 0x1p-25, 0x1p-24, 0x1p-23, 0x1p-12, 0x1p-11,
	0.1, 0.25, math.Ln2 / 2, 0.5, math.Ln2, 0.7517915, 1, math.Sqrt2, 2, 4, 8, 9.01, 10, 13.2, 14.5, 16, 17.33, 18, 32, 45,
	87.3, 88.72, 103.28, 103.97, 104, 109, 110, 256, 4096, 0x1p23, 0x1p24, 1e10, 0x1p60, 1.8e19, 1.85e19, 0x1p64, 0x1p96, 1e30,
	0x1p126, 0x1p127, math.MaxFloat32,
}

// A Sampler64 gives float64 values over the whole range from a seed: half of
// them with an exponent drawn evenly from all, half near the numbers that
// networks see.
type Sampler64 struct{ r *rand.Rand }

// NewSampler64 returns a sampler; equal seeds give equal values.
func NewSampler64(seed uint64) *Sampler64 {
	return &Sampler64{rand.New(rand.NewPCG(seed, 0x15a1))}
}

// Next returns a finite value.
func (s *Sampler64) Next() float64 {
	switch s.r.IntN(4) {
	case 0, 1:
		for {
			if x := math.Float64frombits(s.r.Uint64()); x-x == 0 {
				return x
			}
		}
	case 2:
		return s.r.NormFloat64() * math.Ldexp(1, s.r.IntN(16)-8)
	}
	return (s.r.Float64() - 0.5) * 40
}
