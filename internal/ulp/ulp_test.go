package ulp

import (
	"math"
	"math/big"
	"testing"
)

func TestSpacingIsThatOfTheBinade(t *testing.T) {
	for _, c := range []struct{ x, want32, want64 float64 }{
		{1, 0x1p-23, 0x1p-52},
		{1.999999999, 0x1p-23, 0x1p-52},
		{-2, 0x1p-22, 0x1p-51},
		{0, 0x1p-149, 0x1p-1074},
		{0x1p-126, 0x1p-149, 0x1p-178},
		{0x1p-140, 0x1p-149, 0x1p-192},
		{math.MaxFloat32, 0x1p104, 0x1p75},
		{1e300, 0x1p104, math.Ldexp(1, 996-52)},
	} {
		if got := Of32(c.x); got != c.want32 {
			t.Errorf("Of32(%v) = %v, want %v", c.x, got, c.want32)
		}
		if got := Of64(c.x); got != c.want64 {
			t.Errorf("Of64(%v) = %v, want %v", c.x, got, c.want64)
		}
	}
}

func TestErrorRules(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		got   float32
		truth float64
		want  float64
	}{
		{1, 1, 0},
		{1, 1 + 0x1p-24, 0.5},
		{1 + 0x1p-23, 1, 1},
		{float32(nan), nan, 0},
		{float32(nan), 1, inf},
		{1, nan, inf},
		{float32(inf), 1e39, 0},
		{math.MaxFloat32, 1e39, inf},
		{float32(inf), 1, inf},
		{float32(-inf), inf, inf},
		{0, 0x1p-150, 0.5},
		{0x1p-149, 0x1p-150, 0.5},
	} {
		if got := Error32(c.got, c.truth); got != c.want {
			t.Errorf("Error32(%v, %v) = %v, want %v", c.got, c.truth, got, c.want)
		}
	}
	third := new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))
	if e := Error64(1.0/3, third); !(e > 0 && e <= 0.5) {
		t.Errorf("1/3 is off by %v ulp", e)
	}
	if e := Error64(math.Nextafter(1, 2), big.NewFloat(1)); e != 1 {
		t.Errorf("the next number is off by %v ulp", e)
	}
}

func TestDistanceCountsRepresentableNumbers(t *testing.T) {
	tiny := float32(math.SmallestNonzeroFloat32)
	nan := float32(math.NaN())
	for _, c := range []struct {
		x, y float32
		want uint32
	}{{1, 1, 0}, {0, float32(math.Copysign(0, -1)), 0}, {tiny, -tiny, 2}, {1, math.Nextafter32(1, 2), 1},
		{nan, nan, 0}, {nan, 1, math.MaxUint32}, {float32(math.Inf(-1)), float32(math.Inf(1)), 2 * 0x7f800000}} {
		if got := Distance32(c.x, c.y); got != c.want {
			t.Errorf("Distance32(%v, %v) = %d, want %d", c.x, c.y, got, c.want)
		}
	}
}

func TestSamplesAreFiniteAndRepeat(t *testing.T) {
	a, b := NewSampler64(3), NewSampler64(3)
	small, large := false, false
	for range 10000 {
		x := a.Next()
		if y := b.Next(); x != y || x-x != 0 {
			t.Fatalf("samples %v and %v", x, y)
		}
		small, large = small || math.Abs(x) < 1e-200, large || math.Abs(x) > 1e200
	}
	if !small || !large {
		t.Error("samples do not cover the range")
	}
}
