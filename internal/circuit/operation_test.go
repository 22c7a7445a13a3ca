package circuit

import (
	"math/bits"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
)

// Each operation alone, on two numbers of 6 bits, as a formula says and in Verilog.
func TestOperations(t *testing.T) {
	bit := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	table := []int64{3, -70, 5, 900, 7, 7}
	constant := func(w Wire, v int64) Wire { return w.c.Const(v) }
	for _, o := range []struct {
		name    string
		negates bool // takes negative a too
		make    func(a, b Wire) Wire
		want    func(a, b int64) int64
	}{
		{"Add", true, Wire.Add, func(a, b int64) int64 { return a + b }},
		{"AddConst", true, func(a, b Wire) Wire { return a.AddConst(-13) }, func(a, b int64) int64 { return a - 13 }},
		{"Sub", true, Wire.Sub, func(a, b int64) int64 { return a - b }},
		{"Neg", true, func(a, b Wire) Wire { return a.Neg() }, func(a, b int64) int64 { return -a }},
		{"Mul", true, Wire.Mul, func(a, b int64) int64 { return a * b }},
		{"square", true, func(a, b Wire) Wire { return a.Mul(a) }, func(a, b int64) int64 { return a * a }},
		{"Mul by a constant", true, func(a, b Wire) Wire { return a.Mul(constant(a, -119)) }, func(a, b int64) int64 { return a * -119 }},
		{"MulDrop", true, func(a, b Wire) Wire { return a.MulDrop(b, 4) }, func(a, b int64) int64 { return a * b >> 4 }},
		{"MulDrop by a constant", true, func(a, b Wire) Wire { return a.MulDrop(constant(a, 93), 5) }, func(a, b int64) int64 { return a * 93 >> 5 }},
		{"MulRows", false, func(a, b Wire) Wire { return a.MulRows(b, 3) }, func(a, b int64) int64 {
			var s int64
			for i := range 6 {
				s += (b >> i & 1) * (a << i >> 3)
			}
			return s
		}},
		{"MulRows of a constant", false, func(a, b Wire) Wire { return constant(a, 1<<56+9).MulRows(b, 50) }, func(a, b int64) int64 { return Rows(1<<56+9, b, 50) }},
		{"SquareRows", false, func(a, b Wire) Wire { return a.SquareRows(5) }, func(a, b int64) int64 {
			var s int64
			for i := range 6 {
				s += (a >> i & 1) * (1 << (2 * i) >> 5)
				for j := range i {
					s += (a >> i & 1) * (a >> j & 1) * (2 << (i + j) >> 5)
				}
			}
			return s
		}},
		{"Invert", true, func(a, b Wire) Wire { return a.Invert() }, func(a, b int64) int64 { return -a - 1 }},
		{"Shl", true, func(a, b Wire) Wire { return a.Shl(3) }, func(a, b int64) int64 { return a * 8 }},
		{"Shr", true, func(a, b Wire) Wire { return a.Shr(2) }, func(a, b int64) int64 { return a >> 2 }},
		{"ShrRound", true, func(a, b Wire) Wire { return a.ShrRound(2) }, func(a, b int64) int64 { return (a + 2) >> 2 }},
		{"ShlBy", true, func(a, b Wire) Wire { return a.ShlBy(b.Low(3)) }, func(a, b int64) int64 { return a << (b & 7) }},
		{"ShrBy", true, func(a, b Wire) Wire { return a.ShrBy(b) }, func(a, b int64) int64 { return a >> b }},
		{"Low", true, func(a, b Wire) Wire { return a.Low(4) }, func(a, b int64) int64 { return a & 15 }},
		{"Low beyond the width", true, func(a, b Wire) Wire { return a.Low(40) }, func(a, b int64) int64 { return a & (1<<40 - 1) }},
		{"Bits", true, func(a, b Wire) Wire { return a.Bits(1, 3) }, func(a, b int64) int64 { return a >> 1 & 7 }},
		{"Log2", false, func(a, b Wire) Wire { return a.Log2() }, func(a, b int64) int64 { return int64(bits.Len64(uint64(max(1, a))) - 1) }},
		{"Log2 from 5", false, func(a, b Wire) Wire { return a.AddConst(5).Log2() }, func(a, b int64) int64 { return int64(bits.Len64(uint64(a+5)) - 1) }},
		{"Select", true, func(a, b Wire) Wire { return b.Bit(0).Select(a, b) }, func(a, b int64) int64 {
			if b&1 != 0 {
				return a
			}
			return b
		}},
		{"Less", true, Wire.Less, func(a, b int64) int64 { return bit(a < b) }},
		{"AtLeast", true, func(a, b Wire) Wire { return a.AtLeast(-3) }, func(a, b int64) int64 { return bit(a >= -3) }},
		{"Negative", true, func(a, b Wire) Wire { return a.Negative() }, func(a, b int64) int64 { return bit(a < 0) }},
		{"not Negative", true, func(a, b Wire) Wire { return a.Negative().Not() }, func(a, b int64) int64 { return bit(a >= 0) }},
		{"Equal", true, Wire.Equal, func(a, b int64) int64 { return bit(a == b) }},
		{"EqualConst", true, func(a, b Wire) Wire { return a.EqualConst(-7).Not() }, func(a, b int64) int64 { return bit(a != -7) }},
		{"And", false, Wire.And, func(a, b int64) int64 { return a & b }},
		{"Or", false, Wire.Or, func(a, b int64) int64 { return a | b }},
		{"Xor", false, Wire.Xor, func(a, b int64) int64 { return a ^ b }},
		{"Table", false, func(a, b Wire) Wire { return a.Table(table) }, func(a, b int64) int64 { return table[min(a, 5)] }},
		{"Min", true, func(a, b Wire) Wire { return a.Min(-5) }, func(a, b int64) int64 { return min(a, -5) }},
		{"Max", true, func(a, b Wire) Wire { return a.Max(-5) }, func(a, b int64) int64 { return max(a, -5) }},
		{"Narrow", false, func(a, b Wire) Wire { return a.Sub(a.Shr(1)).Narrow(0, 32) }, func(a, b int64) int64 { return a - a>>1 }},
		{"a constant", true, func(a, b Wire) Wire { return constant(a, -9) }, func(a, b int64) int64 { return -9 }},
	} {
		for _, signed := range []bool{false, true} {
			if signed && !o.negates {
				continue
			}
			t.Run(o.name, func(t *testing.T) {
				c, x := New(0, 1<<12-1)
				if signed {
					c, x = New(-1<<11, 1<<11-1)
				}
				c.Output(o.make(x.Shr(6), x.Low(6)))
				lo, hi := x.Interval()
				xs := some(lo, hi, 1)
				ys := make([]int64, len(xs))
				e := c.Evaluator()
				e.Check = true
				e.Run(ys, xs)
				for i, x := range xs {
					if want := o.want(x>>6, x&63); ys[i] != want {
						t.Fatalf("a = %d, b = %d: %d, want %d", x>>6, x&63, ys[i], want)
					}
				}
				eda.Need(t, "iverilog")
				simulate(t, c, Module{Name: "unit"}, some(lo, hi, 5))
			})
		}
	}
}
