package rsqrt

import "math"

// Of returns 1/sqrt(x), from a square root and a division that are each
// rounded to float32. Its error is below 1.5 ulp, and its bits are the same
// on every machine.
func Of(x float32) float32 {
	return 1 / float32(math.Sqrt(float64(x)))
}

// Of64 is [Of] in float64.
func Of64(x float64) float64 {
	return 1 / math.Sqrt(x)
}

// Newton returns y (3 - x y^2)/2, one step of Newton's method from the
// estimate y of 1/sqrt(x). A relative error e of y becomes -e^2 (3+e)/2, to
// which rounding adds at most 2.5 * 2^-24 where e is small (in [Newton64],
// 2.5 * 2^-53). It needs finite x > 0 and y > 0.
func Newton(x, y float32) float32 {
	return newton32.refine(x, y)
}

// Newton64 is [Newton] in float64.
func Newton64(x, y float64) float64 {
	return newton64.refine(x, y)
}
