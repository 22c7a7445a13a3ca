package circuit

import "math/bits"

// A mask is a set of bits from 0 to 127: those of a number that are not constant.
type mask [2]uint64

// bitsFrom returns the bits from lo to below hi.
func bitsFrom(lo, hi int) mask { return ones128(hi).minus(ones128(lo)) }

func ones128(n int) mask {
	switch {
	case n <= 0:
		return mask{}
	case n < 64:
		return mask{1<<n - 1, 0}
	case n < 128:
		return mask{^uint64(0), 1<<(n-64) - 1}
	}
	return mask{^uint64(0), ^uint64(0)}
}

// maskOf returns the bits of r below the given one, with its extended sign.
func maskOf(r ref, width int) mask {
	if r.cell < 0 {
		return mask{}
	}
	if r.signed {
		return bitsFrom(r.zeros, width)
	}
	return bitsFrom(r.zeros, min(width, r.width()))
}

func (m mask) and(o mask) mask   { return mask{m[0] & o[0], m[1] & o[1]} }
func (m mask) or(o mask) mask    { return mask{m[0] | o[0], m[1] | o[1]} }
func (m mask) minus(o mask) mask { return mask{m[0] &^ o[0], m[1] &^ o[1]} }
func (m mask) below(hi int) mask { return m.and(ones128(hi)) }
func (m mask) up() mask          { return mask{m[0] << 1, m[1]<<1 | m[0]>>63} }
func (m mask) count() int        { return bits.OnesCount64(m[0]) + bits.OnesCount64(m[1]) }
func (m mask) has(i int) bool    { return m[i>>6]>>(i&63)&1 != 0 }
func (m mask) lowest() int {
	if m[0] != 0 {
		return bits.TrailingZeros64(m[0])
	}
	return 64 + bits.TrailingZeros64(m[1])
}
