package check

import (
	"math"
	"slices"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/internal/ulp"
)

const (
	// DefaultStep is prime, so that a sample of float32 meets all last bits.
	DefaultStep = 4099
	// sample64 is the number of draws in a sample of float64, whose truth takes
	// long.
	sample64 = 1 << 15
	// neighbours32 and neighbours64 are taken on either side of each special
	// input.
	neighbours32 = 24
	neighbours64 = 1
)

// A walk is a sequence of n inputs.
type walk[T call.Float] struct {
	n  uint64
	at func(i uint64) T
}

// newWalk returns all elements of the 16-bit types, of float32 if the options
// say so, and a sample otherwise: bit patterns spread evenly (draws, for
// float64), and the neighbours of zero, of the powers of two, of the infinities
// and of near.
func newWalk[T call.Float](o Options, near []float64) walk[T] {
	var w any
	switch any(*new(T)).(type) {
	case isrlu.BFloat16:
		w = walk[isrlu.BFloat16]{1 << 16, func(i uint64) isrlu.BFloat16 { return isrlu.BFloat16(i) }}
	case isrlu.Float16:
		w = walk[isrlu.Float16]{1 << 16, func(i uint64) isrlu.Float16 { return isrlu.Float16(i) }}
	case float32:
		if o.Exhaustive {
			w = walk[float32]{1 << 32, func(i uint64) float32 { return math.Float32frombits(uint32(i)) }}
			break
		}
		step := o.Step
		if step == 0 {
			step = DefaultStep
		}
		w = withSpecials(specials32(near), 1<<32/step, func(i uint64) float32 {
			return math.Float32frombits(uint32(i * step))
		})
	case float64:
		xs := specials64(near)
		draw := ulp.NewSampler64(1)
		for range sample64 {
			xs = append(xs, draw.Next())
		}
		w = withSpecials(xs, 0, nil)
	}
	return w.(walk[T])
}

func withSpecials[T call.Float](special []T, n uint64, at func(i uint64) T) walk[T] {
	m := uint64(len(special))
	return walk[T]{m + n, func(i uint64) T {
		if i < m {
			return special[i]
		}
		return at(i - m)
	}}
}

func specials32(near []float64) []float32 {
	var bits []uint32
	for exp := range uint32(256) {
		bits = append(bits, exp<<23)
	}
	for _, v := range near {
		bits = append(bits, math.Float32bits(float32(v))&^(1<<31))
	}
	xs := ulp.Specials32()
	for _, b := range bits {
		for d := range uint32(2*neighbours32 + 1) {
			u := (b + d - neighbours32) &^ (1 << 31)
			xs = append(xs, math.Float32frombits(u), math.Float32frombits(u|1<<31))
		}
	}
	return xs
}

func specials64(near []float64) []float64 {
	var bits []uint64
	for exp := range uint64(2048) {
		bits = append(bits, exp<<52)
	}
	for _, v := range near {
		bits = append(bits, math.Float64bits(v)&^(1<<63))
	}
	xs := ulp.Specials64()
	for _, b := range bits {
		for d := range uint64(2*neighbours64 + 1) {
			u := (b + d - neighbours64) &^ (1 << 63)
			xs = append(xs, math.Float64frombits(u), math.Float64frombits(u|1<<63))
		}
	}
	return xs
}

// nearPoints are inputs around which a function may change its method: where
// exponentials over- and underflow or no longer matter, where series end, where
// the inverse square root of a parameter bounds the range, and where its errors
// are largest.
func nearPoints(f *isrlu.Function) []float64 {
	points := []float64{
		math.Ln2, math.Ln2 / 2, 0.625, 3, 5, 6, 7, 9, 10, 13, 17, 18.7, 20, 25, 37, 40,
		87.34, 88.72, 103.97, 104, 708.4, 709.78, 745.13,
	}
	for _, p := range f.Params() {
		p = math.Abs(p)
		points = append(points, p, math.Sqrt(p), 1/math.Sqrt(p), 2/math.Sqrt(p))
	}
	points = append(points, worst32[f.Name()]...)
	// The float32 kernels see the parameter rounded.
	for _, p := range slices.Clone(points) {
		points = append(points, float64(float32(p)))
	}
	return points
}
