package data

import (
	"math/bits"
	"math/rand/v2"
)

// A random is a stream of random numbers. It takes only Uint64 from
// math/rand/v2's PCG, whose sequence is fixed by its algorithm; what is built
// on it stands here, so that a seed means the same bytes in every version of
// Go.
type random struct{ pcg rand.PCG }

// newRandom returns the stream that the keys name. Streams of different keys
// are unrelated, also where the keys are small and close.
func newRandom(keys ...uint64) *random {
	var hi, lo uint64 = 0x243f6a8885a308d3, 0x13198a2e03707344 // pi's first digits
	for _, k := range keys {
		hi = mix(hi ^ k)
		lo = mix(lo + k)
	}
	return &random{*rand.NewPCG(hi, lo)}
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a
// bijection in which each bit of x changes half of the result's.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns an integer of [0, n), all equally likely, by Lemire's method.
func (r *random) below(n int) int {
	hi, lo := bits.Mul64(r.pcg.Uint64(), uint64(n))
	if lo < uint64(n) {
		for threshold := -uint64(n) % uint64(n); lo < threshold; {
			hi, lo = bits.Mul64(r.pcg.Uint64(), uint64(n))
		}
	}
	return int(hi)
}

// between returns a number of [lo, hi).
//
// The product is converted before the sum, here and wherever the digits are
// drawn: Go fuses x*y+z into one rounding on some architectures, and the
// conversion forbids that.
func (r *random) between(lo, hi float64) float64 {
	u := float64(r.pcg.Uint64()>>11) * 0x1p-53
	return lo + float64(u*(hi-lo))
}

// bell returns a number of (-1, 1) that is near 0 more often than not: the
// mean of three uniform ones, with standard deviation 1/3.
func (r *random) bell() float64 {
	return (r.between(-1, 1) + r.between(-1, 1) + r.between(-1, 1)) / 3
}

// chance reports true with probability p.
func (r *random) chance(p float64) bool { return r.between(0, 1) < p }

// shuffle brings p into a random order (Fisher and Yates).
func (r *random) shuffle(p []int) {
	for i := len(p) - 1; i > 0; i-- {
		j := r.below(i + 1)
		p[i], p[j] = p[j], p[i]
	}
}

// The streams that are drawn from one seed differ in their first key.
const (
	streamPermutation = iota
	streamLabels
	streamDrawing
	streamProse
)

// Permutation returns the numbers 0 to n-1 in an order that depends on n, seed
// and epoch alone: it is the same on every machine. It panics if n is
// negative.
func Permutation(n int, seed uint64, epoch int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	newRandom(streamPermutation, seed, uint64(epoch)).shuffle(p)
	return p
}
