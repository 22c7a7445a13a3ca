package kernel

import (
	"math"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
)

// A Half converts between a 16-bit format and float32: n elements, of any
// alignment, in slices that do not overlap.
type Half struct {
	Widen  func(dst *float32, src *uint16, n int)
	Narrow func(dst *uint16, src *float32, n int)
}

// BFloat16 returns the conversions of bfloat16 for a level.
func BFloat16(l cpu.Level) Half {
	if h, ok := bfloat16(l); ok {
		return h
	}
	return Half{widenBFloat16Portable, narrowBFloat16Portable}
}

// Float16 returns the conversions of IEEE half precision for a level.
func Float16(l cpu.Level) Half {
	if h, ok := float16(l); ok {
		return h
	}
	return Half{widenFloat16Portable, narrowFloat16Portable}
}

// NarrowBFloat16 rounds x to bfloat16, ties to even. NaN stays a quiet NaN
// with the upper bits of its payload.
func NarrowBFloat16(x float32) uint16 {
	u := math.Float32bits(x)
	if x != x {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// WidenFloat16 returns the value of an IEEE half precision number. A
// signalling NaN becomes quiet, as in the processors' conversions.
func WidenFloat16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	mag := uint32(h&0x7fff) << 13
	switch {
	case mag >= 0x7c00<<13: // infinity and NaN
		u := mag | 0x7f800000
		if mag > 0x7c00<<13 {
			u |= 0x400000
		}
		return math.Float32frombits(sign | u)
	case mag < 0x400<<13: // zero and subnormal: the fraction times 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mag>>13)*0x1p-24))
	}
	return math.Float32frombits(sign | (mag + (127-15)<<23))
}

// NarrowFloat16 rounds x to IEEE half precision, ties to even.
func NarrowFloat16(x float32) uint16 {
	u := math.Float32bits(x)
	sign := uint16(u >> 16 & 0x8000)
	u &= 0x7fffffff
	switch {
	case u > 0x7f800000:
		return sign | 0x7e00 | uint16(u>>13&0x3ff)
	case u >= 0x47800000: // 2^16 and beyond
		return sign | 0x7c00
	case u < 0x38800000: // below 2^-14: adding 1/2 aligns the subnormal's bits
		s := math.Float32frombits(u) + 0.5
		return sign | uint16(math.Float32bits(s)-0x3f000000)
	}
	// A carry out of the fraction goes to the exponent, and at the top to
	// infinity.
	return sign | uint16((u+0xfff+u>>13&1)>>13-(127-15)<<10)
}

func widenBFloat16Portable(dst *float32, src *uint16, n int) {
	d := unsafe.Slice(dst, n)
	for i, h := range unsafe.Slice(src, n) {
		d[i] = math.Float32frombits(uint32(h) << 16)
	}
}

func narrowBFloat16Portable(dst *uint16, src *float32, n int) {
	d := unsafe.Slice(dst, n)
	for i, x := range unsafe.Slice(src, n) {
		d[i] = NarrowBFloat16(x)
	}
}

func widenFloat16Portable(dst *float32, src *uint16, n int) {
	d := unsafe.Slice(dst, n)
	for i, h := range unsafe.Slice(src, n) {
		d[i] = WidenFloat16(h)
	}
}

func narrowFloat16Portable(dst *uint16, src *float32, n int) {
	d := unsafe.Slice(dst, n)
	for i, x := range unsafe.Slice(src, n) {
		d[i] = NarrowFloat16(x)
	}
}
