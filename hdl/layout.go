package hdl

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A layout splits the inputs from 0 to 2^bits - 1 into segments.
type layout struct {
	name     string
	segments []stretch
	// cells takes the input's index of a segment, and the offset in it.
	cells func(a circuit.Wire) (index, d circuit.Wire)
	// dBits is the width of the offset, whose value in a segment is below
	// 2^(dBits - shift): shift is how far narrower segments' offsets are shifted left.
	dBits int
}

// A stretch is a segment of a layout: the inputs from start on, 2^bits of them. The
// offset counts 2^shift for each.
type stretch struct {
	start       int64
	bits, shift int
}

// fit returns pieces of the degree for a function of the input, which may differ in
// segments.
func (l *layout) fit(degree int, f func(segment int, a float64) float64) *pieces {
	list := make([]segment, len(l.segments))
	for i, s := range l.segments {
		per := math.Ldexp(1, l.dBits-s.shift) // inputs for u = 1
		list[i] = segment{
			f:     func(u float64) float64 { return f(i, float64(s.start)+u*per) },
			width: math.Ldexp(1, s.bits) / per,
			steps: 1 << s.bits,
		}
	}
	return newPiecesOn(degree, list)
}

// uniform returns 2^s segments of the same width.
func uniform(bits, s int) *layout {
	d := bits - s
	l := &layout{name: fmt.Sprintf("%d equal segments of [0, 2^%d)", 1<<s, bits), dBits: d}
	for i := range int64(1) << s {
		l.segments = append(l.segments, stretch{start: i << d, bits: d})
	}
	l.cells = func(a circuit.Wire) (index, offset circuit.Wire) {
		return a.Bits(d, s).Named("segment", ""), a.Low(d).Named("offset", "")
	}
	return l
}

// maxCells is the longest table from inputs to segments.
const maxCells = 512

// dyadic returns segments of a power of two of inputs that are as wide as the error
// of a polynomial of the degree allows, or nil if that takes too many cells.
func dyadic(bits, degree int, f func(a float64) float64, tolerance float64) *layout {
	l := &layout{name: fmt.Sprintf("segments of [0, 2^%d) as wide as an error of %v allows", bits, tolerance)}
	narrowest := bits
	var split func(start int64, b int) bool
	split = func(start int64, b int) bool {
		s := stretch{start: start, bits: b}
		if b > 0 && s.error(degree, f) > tolerance {
			if bits-b+1 > 9 {
				return false
			}
			return split(start, b-1) && split(start+1<<(b-1), b-1)
		}
		narrowest, l.dBits = min(narrowest, b), max(l.dBits, b)
		l.segments = append(l.segments, s)
		return true
	}
	if !split(0, bits) || 1<<(bits-narrowest) > maxCells || len(l.segments) < 2 {
		return nil
	}
	l.mapped(bits, narrowest)
	return l
}

// mapped finds segments by a table over all cells as wide as the narrowest. A cell
// outside of all segments, which no input is in, gets the one before.
func (l *layout) mapped(bits, narrowest int) {
	numbers := make([]int64, 1<<(bits-narrowest))
	masks := make([]int64, len(l.segments))
	for i := range numbers {
		numbers[i] = -1
	}
	for i, s := range l.segments {
		for c := s.start >> narrowest; c < (s.start+1<<s.bits)>>narrowest; c++ {
			numbers[c] = int64(i)
		}
		masks[i] = 1<<(s.bits-narrowest) - 1
	}
	last := int64(0)
	for i, n := range numbers {
		if n < 0 {
			numbers[i] = last
		}
		last = numbers[i]
	}
	identical := true
	for i, n := range numbers {
		identical = identical && n == int64(i)
	}
	l.cells = func(a circuit.Wire) (index, offset circuit.Wire) {
		index = a.Bits(narrowest, bits-narrowest).Named("cell", "")
		if !identical {
			index = index.Table(numbers).Named("segment", "")
		}
		offset = a.Low(l.dBits)
		if l.dBits > narrowest {
			mask := index.Table(masks).Named("mask", "offset bits above the narrowest segment's")
			offset = a.Bits(narrowest, l.dBits-narrowest).And(mask).Shl(narrowest).Or(a.Low(narrowest))
		}
		return index, offset.Named("offset", "")
	}
}

// error returns about the greatest distance of f from its best polynomial.
func (s stretch) error(degree int, f func(a float64) float64) float64 {
	w := math.Ldexp(1, s.bits) - 1
	c := chebyshev(func(u float64) float64 { return f(float64(s.start) + u) }, degree, w)
	least, most := math.Inf(1), math.Inf(-1)
	for i := range 17 {
		u := math.Round(w * float64(i) / 16)
		v := 0.0
		for k := degree; k >= 0; k-- {
			v = v*u + c[k]
		}
		miss := f(float64(s.start)+u) - v
		least, most = min(least, miss), max(most, miss)
	}
	return (most - least) / 2
}

// binades returns 2^s segments of each binade from 2^low on, and as wide ones below.
func binades(bits, low, s int) *layout {
	l := &layout{name: fmt.Sprintf("%d segments a binade of [2^%d, 2^%d)", 1<<s, low, bits), dBits: bits - 1 - s}
	for i := range int64(1) << s {
		l.segments = append(l.segments, stretch{i << (low - s), low - s, bits - 1 - low})
	}
	for e := low; e < bits; e++ {
		for i := range int64(1) << s {
			l.segments = append(l.segments, stretch{1<<e + i<<(e-s), e - s, bits - 1 - e})
		}
	}
	top := bits - 1 - low // places that the lowest binades are shifted by
	l.cells = func(a circuit.Wire) (index, offset circuit.Wire) {
		a = a.Low(bits)
		binade := a.Shr(low).Log2().Named("binade", "")
		shifted := a.ShlBy(binade.Const(int64(top)).Sub(binade)).Low(bits).Named("shifted", "leading one in front, but in the lowest segments")
		number := binade.Add(shifted.Bit(bits - 1))
		index = number.Shl(s).Add(shifted.Bits(bits-1-s, s)).Named("segment", "")
		return index, shifted.Low(bits-1-s).Named("offset", "")
	}
	return l
}
