package kernel

import "math"

// ISRParams returns the parameters of the ISRLU and ISRU kernels for a curve
// x/sqrt(1 + alpha x^2), alpha > 0. The layout stands in gen/kernels_isr.go.
//
// |x| is clamped to B before it is squared. B is where the curve is flat to
// far beyond the last bit and its derivative underflows, while alpha B^2 does
// not overflow: 2^60/sqrt(alpha) in float32, 2^400/sqrt(alpha) in float64.
func ISRParams[T float32 | float64](alpha T) [NumParams]T {
	root := math.Sqrt(float64(alpha))
	estimate := T(math.Min(0x1p60/root, largest[T]()))
	bound := estimate
	if isDouble[T]() {
		bound = T(math.Min(0x1p400/root, largest[T]()))
	}
	return [NumParams]T{alpha, 4 * alpha, bound, -bound, estimate, -estimate}
}

// ISRUSigmoidParams returns the parameters of the ISRUSigmoid kernels for
// (1 + scale x/sqrt(1 + alpha (scale x)^2))/2, alpha and scale > 0: those of a
// curve with alpha scale^2, and what turns it into the sigmoid.
func ISRUSigmoidParams[T float32 | float64](alpha, scale T) [NumParams]T {
	p := ISRParams(T(float64(alpha) * float64(scale) * float64(scale)))
	p[7] = 1 - alpha
	p[8] = 4 * alpha
	p[9] = scale / 2
	p[10] = scale
	p[11] = 2 / scale
	p[12] = -1 / scale
	return p
}

// DyISRUParams returns the parameters of the DyISRU kernels for
// scale x/sqrt(beta + x^2), beta > 0.
func DyISRUParams[T float32 | float64](scale, beta T) [NumParams]T {
	s, b := float64(scale), float64(beta)
	root := math.Sqrt(b)
	p := ISRParams(T(1 / b))
	p[7] = T(s / root)
	p[8] = T(1 / root)
	p[9] = T(-s / 2 / b / root)
	p[10] = scale
	p[11] = T(1 / s / s)
	p[12] = T(root / s)
	return p
}

// ELUParams returns the parameters of the ELU kernels.
func ELUParams[T float32 | float64](alpha T) [NumParams]T { return [NumParams]T{alpha, -alpha} }

// UsesEstimates reports whether the kernels of the Default and Fast
// precisions are right for a curve with this alpha: their intermediate values
// stay normal numbers. Beyond, the Exact kernels serve.
func UsesEstimates(alpha float64) bool { return alpha >= 0x1p-100 && alpha <= 0x1p100 }

func isDouble[T float32 | float64]() bool {
	_, ok := any(T(0)).(float64)
	return ok
}

func largest[T float32 | float64]() float64 {
	if isDouble[T]() {
		return math.MaxFloat64
	}
	return math.MaxFloat32
}
