package circuit

import "math/bits"

func constRef(v int64) ref { return ref{cell: -1, value: v} }

// width returns the number of bits from the lowest zero to the highest bit.
func (r ref) width() int {
	if r.cell < 0 {
		n := node{lo: r.value, hi: r.value}
		return n.width()
	}
	return r.n + r.zeros
}

// negative tells whether the ref can be negative.
func (r ref) negative() bool { return r.cell < 0 && r.value < 0 || r.cell >= 0 && r.signed }

// widthAs returns the width of r read as a signed number if r or other is negative.
func (r ref) widthAs(other ref) int {
	if other.negative() && !r.negative() {
		return r.width() + 1
	}
	return r.width()
}

func (r ref) constant(v int64) bool { return r.cell < 0 && r.value == v }

func (r ref) shl(k int) ref {
	if r.cell < 0 {
		return constRef(r.value << k)
	}
	r.zeros += k
	r.alias = 0
	return r
}

func (r ref) shr(k int) ref {
	if r.cell < 0 {
		return constRef(r.value >> min(k, 63))
	}
	d := min(k, r.zeros)
	r.zeros -= d
	k -= d
	if k == 0 {
		return r
	}
	if k >= r.n {
		if !r.signed {
			return constRef(0)
		}
		k = r.n - 1
	}
	r.from += k
	r.n -= k
	return r
}

// shift returns floor(r 2^k) for k of either sign.
func (r ref) shift(k int) ref {
	if k < 0 {
		return r.shr(-k)
	}
	return r.shl(k)
}

// low returns the lowest k bits, of which the ref has no fewer or which it has all.
func (r ref) low(k int) ref {
	if r.cell < 0 {
		if k >= 63 {
			return r
		}
		return constRef(r.value & (1<<k - 1))
	}
	if k >= r.width() && !r.signed {
		return r
	}
	return r.resize(k, false)
}

// resize returns the lowest k bits read as a signed number or not. Bits above them
// must not matter.
func (r ref) resize(k int, signed bool) ref {
	if r.cell < 0 {
		return r
	}
	if k <= r.zeros {
		return constRef(0)
	}
	if k < r.width() {
		r.n = k - r.zeros
	}
	r.signed = signed
	return r
}

// bit returns bit i, from 0 to the width - 1.
func (r ref) bit(i int) ref {
	if r.cell < 0 {
		return constRef(r.value >> i & 1)
	}
	if i < r.zeros {
		return constRef(0)
	}
	r.from += i - r.zeros
	r.n, r.zeros, r.signed = 1, 0, false
	return r
}

// odd returns r without the zeros below it, and how many there are.
func (r ref) odd() (ref, int) {
	z := r.zeros
	if r.cell < 0 && r.value != 0 {
		z = bits.TrailingZeros64(uint64(r.value))
	}
	if z == 0 {
		return r, 0
	}
	return r.shr(z), z
}

// digits returns v as a sum of digit[i] 2^i, with digits of -1, 0 and 1 of which no two
// neighbours are nonzero: the canonical signed digits, which are the fewest.
func digits(v int64) []int {
	var d []int
	sign, rest := 1, uint64(v)
	if v < 0 {
		sign, rest = -1, -rest
	}
	for ; rest != 0; rest >>= 1 {
		digit := 0
		if rest&1 != 0 {
			digit = 2 - int(rest&3)
			rest -= uint64(digit)
		}
		d = append(d, sign*digit)
	}
	return d
}
