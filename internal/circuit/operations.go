package circuit

import (
	"fmt"
	"math"
	"math/bits"
)

// Add returns a + b.
func (w Wire) Add(b Wire) Wire {
	alo, ahi := w.Interval()
	blo, bhi := b.Interval()
	if v, ok := b.constant(); ok && v == 0 {
		return w
	}
	if v, ok := w.constant(); ok && v == 0 {
		return b
	}
	return binary(opAdd, w, b, sum(alo, blo), sum(ahi, bhi))
}

// AddConst returns w + v.
func (w Wire) AddConst(v int64) Wire { return w.Add(w.c.Const(v)) }

// Sub returns w - b.
func (w Wire) Sub(b Wire) Wire {
	alo, ahi := w.Interval()
	blo, bhi := b.Interval()
	if v, ok := b.constant(); ok && v == 0 {
		return w
	}
	if w == b {
		return w.c.Const(0)
	}
	return binary(opSub, w, b, sum(alo, -bhi), sum(ahi, -blo))
}

// Neg returns -w.
func (w Wire) Neg() Wire { return w.c.Const(0).Sub(w) }

// Invert returns -w - 1, which inverts all bits.
func (w Wire) Invert() Wire {
	lo, hi := w.Interval()
	return unary(opInvert, w, 0, -hi-1, -lo-1)
}

// sum adds, and panics where that leaves 63 bits.
func sum(a, b int64) int64 {
	s := a + b
	if (s > a) != (b > 0) && b != 0 {
		panic(TooWide(fmt.Sprintf("%d + %d takes more than 63 bits", a, b)))
	}
	return s
}

// Mul returns w b.
func (w Wire) Mul(b Wire) Wire { return w.MulDrop(b, 0) }

// MulDrop returns floor(w b / 2^drop): the whole product is made, and the lowest
// bits are dropped. The product itself may take 126 bits, the result 63.
func (w Wire) MulDrop(b Wire, drop int) Wire {
	lo, hi := mulInterval(w, b, drop)
	if v, ok := b.constant(); ok && v > 0 && v&(v-1) == 0 {
		return w.shift(bits.TrailingZeros64(uint64(v)) - drop)
	}
	if v, ok := w.constant(); ok && v > 0 && v&(v-1) == 0 {
		return b.shift(bits.TrailingZeros64(uint64(v)) - drop)
	}
	return w.c.add(node{op: opMul, args: []int{w.id, b.id}, k: int64(drop), lo: lo, hi: hi})
}

// MulRows returns the sum over the bits i of b of floor(w 2^i / 2^drop), for w and b
// that are not negative: a product without the columns below 2^drop, which takes less
// area than MulDrop and is smaller by less than the number of bits of b.
func (w Wire) MulRows(b Wire, drop int) Wire {
	w.unsigned()
	b.unsigned()
	if drop == 0 {
		return w.Mul(b)
	}
	_, hi := mulInterval(w, b, drop)
	return w.c.add(node{op: opRows, args: []int{w.id, b.id}, k: int64(drop), lo: 0, hi: hi})
}

// SquareRows returns w^2 / 2^drop for w that is not negative, without the columns
// below 2^drop: the sum of floor(2^(2i - drop)) over the bits i that w has, and of
// floor(2^(i + j + 1 - drop)) over the pairs i < j of them. It takes half of the area
// of MulRows.
func (w Wire) SquareRows(drop int) Wire {
	w.unsigned()
	_, hi := mulInterval(w, w, drop)
	return unary(opSquare, w, int64(drop), 0, hi)
}

// mulInterval returns the interval of floor(a b / 2^drop).
func mulInterval(a, b Wire, drop int) (lo, hi int64) {
	alo, ahi := a.Interval()
	blo, bhi := b.Interval()
	lo, hi = math.MaxInt64, math.MinInt64
	for _, x := range []int64{alo, ahi} {
		for _, y := range []int64{blo, bhi} {
			p := mulShift(x, y, uint(drop))
			lo, hi = min(lo, p), max(hi, p)
		}
	}
	if a == b { // a square
		lo = max(lo, 0)
	}
	return lo, hi
}

// mulShift returns floor(a b / 2^k), and panics where that takes more than 63 bits.
func mulShift(a, b int64, k uint) int64 {
	h, l := bits.Mul64(uint64(abs(a)), uint64(abs(b)))
	if k >= 64 {
		panic(TooWide("a product drops 64 bits or more"))
	}
	neg := (a < 0) != (b < 0) && a != 0 && b != 0
	rest := l & (1<<k - 1)
	q := l>>k | h<<(64-k)
	if k == 0 {
		q = l
	}
	if h>>k != 0 || q > math.MaxInt64 {
		panic(TooWide(fmt.Sprintf("%d * %d / 2^%d takes more than 63 bits", a, b, k)))
	}
	if neg {
		if rest != 0 {
			q++
		}
		return -int64(q)
	}
	return int64(q)
}

func abs(a int64) int64 {
	if a < 0 {
		return -a
	}
	return a
}

// shift returns floor(w 2^n) for n of either sign.
func (w Wire) shift(n int) Wire {
	if n < 0 {
		return w.Shr(-n)
	}
	return w.Shl(n)
}

// Shl returns w 2^n.
func (w Wire) Shl(n int) Wire {
	if n == 0 {
		return w
	}
	if n > 62 {
		panic(TooWide(fmt.Sprintf("shift to the left by %d", n)))
	}
	lo, hi := w.Interval()
	return unary(opShl, w, int64(n), mulShift(lo, 1<<n, 0), mulShift(hi, 1<<n, 0))
}

// Shr returns floor(w / 2^n).
func (w Wire) Shr(n int) Wire {
	if n == 0 {
		return w
	}
	lo, hi := w.Interval()
	n = min(n, 63)
	return unary(opShr, w, int64(n), lo>>n, hi>>n)
}

// ShlBy returns w 2^n, for n that is not negative.
func (w Wire) ShlBy(n Wire) Wire {
	lo, hi := w.Interval()
	nlo, nhi := n.Interval()
	if nlo < 0 {
		panic("circuit: shift by a negative number")
	}
	if nhi > 62 {
		panic(TooWide(fmt.Sprintf("shift to the left by %d", nhi)))
	}
	return binary(opShlBy, w, n,
		min(mulShift(lo, 1<<nlo, 0), mulShift(lo, 1<<nhi, 0)), max(mulShift(hi, 1<<nlo, 0), mulShift(hi, 1<<nhi, 0)))
}

// ShrBy returns floor(w / 2^n), for n that is not negative.
func (w Wire) ShrBy(n Wire) Wire {
	lo, hi := w.Interval()
	nlo, nhi := n.Interval()
	if nlo < 0 {
		panic("circuit: shift by a negative number")
	}
	nlo, nhi = min(nlo, 63), min(nhi, 63)
	return binary(opShrBy, w, n, min(lo>>nlo, lo>>nhi), max(hi>>nlo, hi>>nhi))
}

// Low returns w mod 2^n, the lowest n bits.
func (w Wire) Low(n int) Wire {
	lo, hi := w.Interval()
	if lo >= 0 && hi < 1<<n {
		return w
	}
	if v, ok := w.constant(); ok {
		return w.c.Const(v & (1<<n - 1))
	}
	return unary(opLow, w, int64(n), 0, 1<<n-1)
}

// Bits returns n bits of w from the given one up.
func (w Wire) Bits(from, n int) Wire { return w.Shr(from).Low(n) }

// Bit returns bit i of w.
func (w Wire) Bit(i int) Wire { return w.Bits(i, 1) }

// Log2 returns floor(log2 w), and 0 for 0; w must not be negative.
func (w Wire) Log2() Wire {
	lo, hi := w.Interval()
	if lo < 0 {
		panic("circuit: Log2 of a negative number")
	}
	return unary(opLog2, w, 0, log2(lo), log2(hi))
}

func log2(v int64) int64 { return int64(max(1, bits.Len64(uint64(v))) - 1) }

// Select returns a where w is not 0, and b elsewhere. w has one bit.
func (w Wire) Select(a, b Wire) Wire {
	w.oneBit()
	if v, ok := w.constant(); ok {
		if v != 0 {
			return a
		}
		return b
	}
	if a == b {
		return a
	}
	alo, ahi := a.Interval()
	blo, bhi := b.Interval()
	return w.c.add(node{op: opSelect, args: []int{w.id, a.id, b.id}, lo: min(alo, blo), hi: max(ahi, bhi)})
}

func (w Wire) oneBit() {
	if lo, hi := w.Interval(); lo < 0 || hi > 1 {
		panic(fmt.Sprintf("circuit: a condition from %d to %d", lo, hi))
	}
}

// Less returns 1 where w < b, else 0.
func (w Wire) Less(b Wire) Wire {
	alo, ahi := w.Interval()
	blo, bhi := b.Interval()
	return binary(opLess, w, b, truth(ahi < blo), truth(alo < bhi && w != b))
}

// AtLeast returns 1 where w >= v, else 0.
func (w Wire) AtLeast(v int64) Wire { return w.Less(w.c.Const(v)).Not() }

// Negative returns 1 where w < 0, else 0: the sign bit.
func (w Wire) Negative() Wire { return w.Less(w.c.Const(0)) }

// Equal returns 1 where w = b, else 0.
func (w Wire) Equal(b Wire) Wire {
	alo, ahi := w.Interval()
	blo, bhi := b.Interval()
	return binary(opEqual, w, b, truth(w == b || alo == ahi && blo == bhi && alo == blo), truth(alo <= bhi && blo <= ahi))
}

// EqualConst returns 1 where w = v, else 0.
func (w Wire) EqualConst(v int64) Wire { return w.Equal(w.c.Const(v)) }

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// And returns the bits that both have; neither may be negative.
func (w Wire) And(b Wire) Wire {
	_, ahi := w.unsigned()
	_, bhi := b.unsigned()
	return binary(opAnd, w, b, 0, min(ahi, bhi))
}

// Or returns the bits that one of the two has; neither may be negative.
func (w Wire) Or(b Wire) Wire {
	alo, ahi := w.unsigned()
	blo, bhi := b.unsigned()
	return binary(opOr, w, b, max(alo, blo), ones(max(ahi, bhi)))
}

// Xor returns the bits that one of the two has and the other has not; neither may be
// negative.
func (w Wire) Xor(b Wire) Wire {
	_, ahi := w.unsigned()
	_, bhi := b.unsigned()
	return binary(opXor, w, b, 0, ones(max(ahi, bhi)))
}

// ones returns the least 2^n - 1 that is not below v.
func ones(v int64) int64 { return int64(1<<bits.Len64(uint64(v)) - 1) }

func (w Wire) unsigned() (lo, hi int64) {
	if lo, hi = w.Interval(); lo < 0 {
		panic("circuit: bits of a negative number")
	}
	return lo, hi
}

// Not returns 1 where w is 0, and 0 where it is 1. w has one bit.
func (w Wire) Not() Wire {
	w.oneBit()
	lo, hi := w.Interval()
	return unary(opNot, w, 0, 1-hi, 1-lo)
}

// Table returns values[w]. Where w can be beyond the end of the table, the last
// value is meant; w must not be negative.
func (w Wire) Table(values []int64) Wire {
	lo, hi := w.unsigned()
	full := make([]int64, hi+1)
	for i := range full {
		full[i] = values[min(i, len(values)-1)]
	}
	least, greatest := full[lo], full[lo]
	for _, v := range full[lo:] {
		least, greatest = min(least, v), max(greatest, v)
	}
	return w.c.add(node{op: opTable, args: []int{w.id}, values: full, lo: least, hi: greatest})
}

// Narrow returns w with the interval [lo, hi], for which the author vouches whatever
// the input is: where the operations' intervals do not tell how small a value really
// is. [Evaluator.Broken] tells whether that was so.
func (w Wire) Narrow(lo, hi int64) Wire {
	alo, ahi := w.Interval()
	lo, hi = max(lo, alo), min(hi, ahi)
	if lo == alo && hi == ahi {
		return w
	}
	return unary(opNarrow, w, 0, lo, hi)
}

// Min returns the lesser of w and v.
func (w Wire) Min(v int64) Wire {
	lo, hi := w.Interval()
	if hi <= v {
		return w
	}
	return unary(opMin, w, v, min(lo, v), v)
}

// Max returns the greater of w and v.
func (w Wire) Max(v int64) Wire {
	lo, hi := w.Interval()
	if lo >= v {
		return w
	}
	return unary(opMax, w, v, v, max(hi, v))
}

// ShrRound returns w / 2^n rounded to the nearest integer, halves upwards.
func (w Wire) ShrRound(n int) Wire {
	if n == 0 {
		return w
	}
	return w.AddConst(1 << (n - 1)).Shr(n)
}
