package bench

import (
	"math"
	"slices"
)

// Quartiles returns the quartiles of v, which it sorts, interpolating between
// elements. Those of nothing are NaN.
func Quartiles(v []float64) (q1, median, q3 float64) {
	slices.Sort(v)
	at := func(q float64) float64 {
		pos := q * float64(len(v)-1)
		i := int(pos)
		if i+1 == len(v) {
			return v[i]
		}
		return v[i] + (pos-float64(i))*(v[i+1]-v[i])
	}
	if len(v) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return at(0.25), at(0.5), at(0.75)
}
