package isrlu

import (
	"math"
	"unsafe"

	"github.com/isrlu/isrlu/internal/kernel"
	"github.com/isrlu/isrlu/internal/noescape"
)

// BFloat16 is the upper half of a float32: 8 bits of exponent, 7 of fraction.
type BFloat16 uint16

// Float16 is the IEEE 754 half precision format: 5 bits of exponent, 10 of
// fraction.
type Float16 uint16

// ToBFloat16 rounds x to the nearest BFloat16, ties to even.
func ToBFloat16(x float32) BFloat16 { return BFloat16(kernel.NarrowBFloat16(x)) }

// Float32 returns the value of b, which is exact.
func (b BFloat16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToFloat16 rounds x to the nearest Float16, ties to even; what is beyond the
// range becomes an infinity.
func ToFloat16(x float32) Float16 { return Float16(kernel.NarrowFloat16(x)) }

// Float32 returns the value of h, which is exact.
func (h Float16) Float32() float32 { return kernel.WidenFloat16(uint16(h)) }

// halfBlock is the number of 16-bit elements that are widened at a time: the
// float32 copies stay in the first-level cache.
const halfBlock = 1024

// ForwardBFloat16 is [Function.Forward] on BFloat16: each element is widened to
// float32, computed there, and rounded to nearest even.
func (f *Function) ForwardBFloat16(dst, src []BFloat16) {
	half1(f, f.k32.Forward, kernel.BFloat16(f.level), dst, src)
}

// BackwardBFloat16 is [Function.Backward] on BFloat16.
func (f *Function) BackwardBFloat16(dx, dy, x []BFloat16) {
	half2(f, f.k32.Backward, kernel.BFloat16(f.level), dx, dy, x, "x")
}

// BackwardFromOutputBFloat16 is [Function.BackwardFromOutput] on BFloat16.
func (f *Function) BackwardFromOutputBFloat16(dx, dy, y []BFloat16) {
	f.need(f.HasBackwardFromOutput(), "derivative from the output")
	half2(f, f.k32.BackwardOutput, kernel.BFloat16(f.level), dx, dy, y, "y")
}

// ForwardFloat16 is [Function.Forward] on Float16: each element is widened to
// float32, computed there, and rounded to nearest even.
func (f *Function) ForwardFloat16(dst, src []Float16) {
	half1(f, f.k32.Forward, kernel.Float16(f.level), dst, src)
}

// BackwardFloat16 is [Function.Backward] on Float16.
func (f *Function) BackwardFloat16(dx, dy, x []Float16) {
	half2(f, f.k32.Backward, kernel.Float16(f.level), dx, dy, x, "x")
}

// BackwardFromOutputFloat16 is [Function.BackwardFromOutput] on Float16.
func (f *Function) BackwardFromOutputFloat16(dx, dy, y []Float16) {
	f.need(f.HasBackwardFromOutput(), "derivative from the output")
	half2(f, f.k32.BackwardOutput, kernel.Float16(f.level), dx, dy, y, "y")
}

func half1[H ~uint16](f *Function, k kernel.Unary[float32], c kernel.Half, dst, src []H) {
	checkLengths(len(dst), "src", len(src))
	if len(dst) == 0 {
		return
	}
	checkOverlap(&dst[0], &src[0], len(dst))
	var buf [halfBlock]float32
	b := noescape.Pointer(&buf[0])
	for len(dst) > 0 {
		n := min(len(dst), halfBlock)
		c.Widen(b, bits(src), n)
		k(b, b, n, &f.p32[0])
		c.Narrow(bits(dst), b, n)
		dst, src = dst[n:], src[n:]
	}
}

func half2[H ~uint16](f *Function, k kernel.Binary[float32], c kernel.Half, dst, dy, x []H, name string) {
	checkLengths(len(dst), "dy", len(dy))
	checkLengths(len(dst), name, len(x))
	if len(dst) == 0 {
		return
	}
	checkOverlap(&dst[0], &dy[0], len(dst))
	checkOverlap(&dst[0], &x[0], len(dst))
	var buf [2][halfBlock]float32
	b0, b1 := noescape.Pointer(&buf[0][0]), noescape.Pointer(&buf[1][0])
	for len(dst) > 0 {
		n := min(len(dst), halfBlock)
		c.Widen(b0, bits(dy), n)
		c.Widen(b1, bits(x), n)
		k(b0, b0, b1, n, &f.p32[0])
		c.Narrow(bits(dst), b0, n)
		dst, dy, x = dst[n:], dy[n:], x[n:]
	}
}

// bits returns the first element of a slice as the conversions take it.
func bits[H ~uint16](s []H) *uint16 { return (*uint16)(unsafe.Pointer(noescape.Pointer(&s[0]))) }
