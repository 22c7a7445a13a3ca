package kernel

import "math"

// fma32 returns x*y + z rounded once, as the vector instructions do.
//
// The product of two float32 is exact in float64, and so the sum is rounded
// twice: to float64, then to float32. The second rounding goes wrong only
// where the first landed on a midpoint of two float32, or where float32 is
// subnormal and its midpoints lie elsewhere; there the sum is rounded to odd,
// which a second rounding to fewer bits cannot see (Boldo and Melquiond,
// "Emulation of FMA and correctly rounded sums", IEEE TC 2008).
func fma32(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	c := float64(z)
	s := p + c
	bits := math.Float64bits(s)
	if bits&0x1fffffff != 0x10000000 && (s >= 0x1p-125 || s <= -0x1p-125) {
		return float32(s)
	}
	return fma32Slow(p, c, s)
}

func fma32Slow(p, c, s float64) float32 {
	if s-s != 0 || s == 0 {
		return float32(s)
	}
	// The error of the sum (Knuth).
	t := s - p
	err := (p - (s - t)) + (c - t)
	bits := math.Float64bits(s)
	if err != 0 && bits&1 == 0 {
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}

// FMA32 returns x*y + z rounded once, for generated kernels of other packages.
func FMA32(x, y, z float32) float32 { return fma32(x, y, z) }
