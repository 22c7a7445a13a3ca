package kernel

import "math"

// ISRParams returns the parameters of the ISRLU, ISRU and ISRUSigmoid kernels
// for a curve x/sqrt(1 + alpha x^2), alpha > 0. The layout stands in
// gen/kernels_isr.go.
//
// |x| is clamped to B = 2^60/sqrt(alpha) before it is squared: the curve is
// flat there to far beyond the last bit, and alpha B^2 = 2^120 has room in
// float32, where AVX2 also takes its estimate for float64.
func ISRParams[T float32 | float64](alpha T) [NumParams]T {
	bound := T(math.Min(math.Ldexp(1, 60)/math.Sqrt(float64(alpha)), maxFinite[T]()))
	return [NumParams]T{alpha, 4 * alpha, bound, -bound}
}

// DyISRUParams returns the parameters of the DyISRU kernels for
// scale x/sqrt(beta + x^2), beta > 0.
func DyISRUParams[T float32 | float64](scale, beta T) [NumParams]T {
	s, b := float64(scale), float64(beta)
	root := math.Sqrt(b)
	p := ISRParams(T(1 / b))
	p[4] = T(s / root)
	p[5] = T(1 / root)
	p[6] = T(-s / 2 / b / root)
	return p
}

// UsesEstimates reports whether the kernels of the Default and Fast
// precisions are right for a curve with this alpha: their intermediate values
// stay normal numbers. Beyond, the Exact kernels serve.
func UsesEstimates(alpha float64) bool { return alpha >= 0x1p-100 && alpha <= 0x1p100 }

func maxFinite[T float32 | float64]() float64 {
	if T(1)+T(0x1p-40) == 1 {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}
