// Package ulp measures errors in units in the last place: the distance of
// neighbouring floating-point numbers at a value.
package ulp

import (
	"math"
	"math/big"
)

// Of32 returns the distance from |x| to the next larger float32 in x's binade,
// where x is a real number: 2^-149 below the smallest normal number, and the
// spacing of the largest binade from there on.
func Of32(x float64) float64 {
	return spacing(x, -126, 127, 23)
}

// Of64 returns the same for float64.
func Of64(x float64) float64 {
	return spacing(x, -1022, 1023, 52)
}

func spacing(x float64, least, most, bits int) float64 {
	if math.IsNaN(x) {
		return math.NaN()
	}
	e := most
	if x == 0 {
		e = least
	} else if !math.IsInf(x, 0) {
		e = min(max(math.Ilogb(x), least), most)
	}
	return math.Ldexp(1, e-bits)
}

// Error32 returns |got - truth| in ulps of float32 at truth. Two NaN have no
// error, and neither have an infinity and a truth that rounds to it; NaN or an
// infinity against anything else has an infinite one.
func Error32(got float32, truth float64) float64 {
	g := float64(got)
	if e, ok := special(g, truth, float64(float32(truth))); ok {
		return e
	}
	return math.Abs(g-truth) / Of32(truth)
}

// Error64 returns |got - truth| in ulps of float64 at truth, under the same
// rules. truth is finite, as a big.Float that no float64 result overflows is.
func Error64(got float64, truth *big.Float) float64 {
	t, _ := truth.Float64()
	if e, ok := special(got, t, t); ok {
		return e
	}
	d := new(big.Float).SetPrec(truth.Prec()).SetFloat64(got)
	d.Sub(d, truth)
	f, _ := d.Quo(d, big.NewFloat(Of64(t))).Float64()
	return math.Abs(f)
}

// special decides where got or the rounded truth is not a finite number.
func special(got, truth, rounded float64) (err float64, ok bool) {
	switch {
	case math.IsNaN(got) && math.IsNaN(truth):
		return 0, true
	case math.IsNaN(got) || math.IsNaN(truth):
		return math.Inf(1), true
	case math.IsInf(got, 0) || math.IsInf(rounded, 0):
		if got == rounded {
			return 0, true
		}
		return math.Inf(1), true
	}
	return 0, false
}

// Distance32 returns how many float32 lie between x and y, plus one if they
// differ: 0 for equal numbers, zeros of either sign among them, 0 for two NaN,
// and the largest uint32 for one.
func Distance32(x, y float32) uint32 {
	if x != x || y != y {
		if x != x && y != y {
			return 0
		}
		return math.MaxUint32
	}
	a, b := ordered32(x), ordered32(y)
	if a < b {
		a, b = b, a
	}
	return uint32(a - b)
}

// ordered32 maps numbers to integers in the same order, both zeros to 0.
func ordered32(x float32) int64 {
	b := math.Float32bits(x)
	if b>>31 != 0 {
		return -int64(b & 0x7fffffff)
	}
	return int64(b)
}
