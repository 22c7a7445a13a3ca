package hdl

import (
	"math"
	"math/bits"
	"slices"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A horner evaluates the polynomials of pieces from the greatest power down, as wires
// and at the same time as numbers at the points of each segment: so that coefficients
// can make up for what the circuit cuts off, and intervals are as narrow as the
// segments have them.
type horner struct {
	pieces *pieces
	// sum is what there is so far; negative tells that it is the opposite of it, so
	// that it can be multiplied without a sign.
	sum      circuit.Wire
	negative bool
	empty    bool
	values   [][]int64 // of sum, at each point of each segment
	lo, hi   []int64   // of sum, in each segment
}

func newHorner(p *pieces) *horner {
	h := &horner{pieces: p, empty: true, lo: make([]int64, len(p.grid)), hi: make([]int64, len(p.grid))}
	for _, g := range p.grid {
		h.values = append(h.values, make([]int64, len(g)))
	}
	return h
}

// clone returns a copy for numbers only.
func (h *horner) clone() *horner {
	c := *h
	c.sum = circuit.Wire{}
	c.lo, c.hi = slices.Clone(h.lo), slices.Clone(h.hi)
	c.values = make([][]int64, len(h.values))
	for i, v := range h.values {
		c.values[i] = slices.Clone(v)
	}
	return &c
}

// wires tells whether wires are made too.
func wires(w circuit.Wire) bool { return w != circuit.Wire{} }

// add adds a coefficient of each segment. The sum takes the sign of the coefficients,
// which are, as a rule, greater than what there is.
func (h *horner) add(c []int64, index circuit.Wire, name [2]string) {
	own := slices.Min(c) < 0 && slices.Max(c) <= 0
	magnitudes := slices.Clone(c)
	if own {
		for i := range c {
			magnitudes[i] = -c[i]
		}
		name[1] += ", negated"
	}
	flip := !h.empty && own != h.negative
	if wires(index) {
		w := index.Table(magnitudes).Named(name[0], name[1])
		switch {
		case h.empty:
			h.sum = w
		case flip:
			h.sum = w.Sub(h.sum)
		default:
			h.sum = h.sum.Add(w)
		}
	}
	for i, v := range magnitudes {
		if flip {
			h.lo[i], h.hi[i] = -h.hi[i], -h.lo[i]
		}
		h.lo[i] += v
		h.hi[i] += v
		for j, old := range h.values[i] {
			if flip {
				old = -old
			}
			h.values[i][j] = old + v
		}
	}
	h.negative, h.empty = own, false
	h.narrow()
}

// narrow tells the circuit the interval.
func (h *horner) narrow() {
	if wires(h.sum) {
		h.sum = h.sum.Narrow(slices.Min(h.lo), slices.Max(h.hi))
	}
}

// times multiplies by u with so many bits, without the last bits of the product:
// drop = uBits + more.
func (h *horner) times(d circuit.Wire, dBits, uBits, more int) {
	drop := uBits + more
	left := 0
	if drop < 0 {
		left, drop = -drop, 0
	}
	rows := slices.Min(h.lo) >= 0
	product := func(a, b int64) int64 {
		if rows {
			return circuit.Rows(a, b, drop) << left
		}
		return a * b >> drop << left
	}
	if wires(d) {
		h.sum = mulTo(h.sum, d.Shr(dBits-uBits), uBits+more, 0)
	}
	for i, points := range h.pieces.grid {
		for j, at := range points {
			h.values[i][j] = product(h.values[i][j], int64(math.Ldexp(at.u, uBits)))
		}
		// All bits below the segment's width may be ones.
		most := int64(1)<<min(uBits, bits.Len64(uint64(math.Ldexp(h.pieces.widths[i], uBits)))) - 1
		h.lo[i], h.hi[i] = min(0, product(h.lo[i], most)), max(0, product(h.hi[i], most))
	}
	h.narrow()
}

// value returns what there is so far at point j of segment i.
func (h *horner) value(i, j int) int64 {
	if h.negative {
		return -h.values[i][j]
	}
	return h.values[i][j]
}

// result returns the sum.
func (h *horner) result() circuit.Wire {
	if h.negative {
		return h.sum.Neg()
	}
	return h.sum
}
