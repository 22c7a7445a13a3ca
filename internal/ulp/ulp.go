// Package ulp measures errors in units in the last place, the distance of
// neighbouring floating-point numbers, and holds the values at which formulas
// break. internal/check measures in every element type; this is for tests.
package ulp

import (
	"math"
	"math/big"
)

// Of64 returns the distance of the float64 in the binade of x: 2^-1074 below
// the smallest normal number, that of the largest binade for infinities.
func Of64(x float64) float64 {
	if math.IsNaN(x) {
		return math.NaN()
	}
	e := 1023
	if x == 0 {
		e = -1022
	} else if !math.IsInf(x, 0) {
		e = max(math.Ilogb(x), -1022)
	}
	return math.Ldexp(1, e-52)
}

// Error64 returns |got - truth| in ulps of float64 at truth. An infinity and a
// truth that rounds to it have no error; NaN, and an infinity against anything
// else, have an infinite one.
func Error64(got float64, truth *big.Float) float64 {
	t, _ := truth.Float64()
	switch {
	case math.IsNaN(got):
		return math.Inf(1)
	case math.IsInf(got, 0) || math.IsInf(t, 0):
		if got == t {
			return 0
		}
		return math.Inf(1)
	}
	d := new(big.Float).SetPrec(truth.Prec()).SetFloat64(got)
	d.Sub(d, truth)
	f, _ := d.Quo(d, big.NewFloat(Of64(t))).Float64()
	return math.Abs(f)
}
