package kernel

import (
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/cpu"
)

// rsqrt14IsWrong reports whether this is Bochs, whose version 2.7 takes an odd
// power of two, such as 2, 8 or 1/2, for half of it in VRSQRT14. It is right
// for everything else; no processor does that.
var rsqrt14IsWrong = func() bool {
	if !slices.Contains(cpu.Available(), cpu.AVX512) {
		return false
	}
	var p [NumParams]float32
	x := float32(2)
	Float32(cpu.AVX512).Own(Rsqrt, Fast).Forward(&x, &x, 1, &p[0])
	return x == 1
}()

// avoidPowersOfTwo replaces them, where rsqrt14IsWrong: each check stays as
// strict as it is, on other values.
func avoidPowersOfTwo[T float32 | float64](v []T) {
	for i, x := range v {
		if frac, _ := math.Frexp(math.Abs(float64(x))); frac == 0.5 {
			v[i] = 3 * x
		}
	}
}
