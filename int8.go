package isrlu

import (
	"fmt"
	"math"
)

// A Quantization maps an 8-bit integer q to the real number
// Scale (q - ZeroPoint), as ONNX and XNNPACK do.
type Quantization struct {
	Scale     float64 // positive and finite
	ZeroPoint int     // in the range of the integer type
}

// A Table8 is a function between two quantized 8-bit types: one result for
// each of the 256 inputs, as quantized inference uses it.
type Table8[T int8 | uint8] struct{ t [256]T }

// NewTable8 tabulates f between the quantizations in and out. Each entry is
// f's float64 value, in the Exact precision, rounded to the nearest integer of
// out, ties to even, and saturated; NaN does not occur. A scale that is not
// positive and finite, or a zero point outside T, is an error.
func NewTable8[T int8 | uint8](f *Function, in, out Quantization) (*Table8[T], error) {
	lo, hi := rangeOf[T]()
	for _, q := range []Quantization{in, out} {
		if !(q.Scale > 0) || math.IsInf(q.Scale, 0) {
			return nil, fmt.Errorf("isrlu: quantization scale must be positive and finite, got %v", q.Scale)
		}
		if q.ZeroPoint < lo || q.ZeroPoint > hi {
			return nil, fmt.Errorf("isrlu: zero point must lie in [%d, %d], got %d", lo, hi, q.ZeroPoint)
		}
	}
	var x [256]float64
	for i := range x {
		x[i] = in.Scale * float64(int(T(i))-in.ZeroPoint)
	}
	f.WithPrecision(Exact).Forward64(x[:], x[:])
	t := new(Table8[T])
	for i, y := range x {
		q := math.RoundToEven(y/out.Scale) + float64(out.ZeroPoint)
		t.t[i] = T(int(math.Min(math.Max(q, float64(lo)), float64(hi))))
	}
	return t, nil
}

func rangeOf[T int8 | uint8]() (lo, hi int) {
	if ^T(0) < 0 {
		return math.MinInt8, math.MaxInt8
	}
	return 0, math.MaxUint8
}

// At returns the entry for q.
func (t *Table8[T]) At(q T) T { return t.t[uint8(q)] }

// Forward sets dst[i] to the entry for src[i]. dst may be src; the lengths
// must be equal, or it panics.
func (t *Table8[T]) Forward(dst, src []T) {
	checkLengths(len(dst), "src", len(src))
	if len(dst) == 0 {
		return
	}
	checkOverlap(&dst[0], &src[0], len(dst))
	for len(src) >= 4 && len(dst) >= 4 {
		a, b, c, d := t.t[uint8(src[0])], t.t[uint8(src[1])], t.t[uint8(src[2])], t.t[uint8(src[3])]
		dst[0], dst[1], dst[2], dst[3] = a, b, c, d
		dst, src = dst[4:], src[4:]
	}
	for i, q := range src {
		dst[i] = t.t[uint8(q)]
	}
}
