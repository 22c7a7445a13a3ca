package ulp

import (
	"math"
	"math/big"
	"testing"
)

func TestSpacingIsThatOfTheBinade(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{1, 0x1p-52}, {math.Nextafter(2, 0), 0x1p-52}, {-2, 0x1p-51}, {0, 0x1p-1074}, {0x1p-1022, 0x1p-1074},
		{0x1p-1060, 0x1p-1074}, {math.MaxFloat64, 0x1p971}, {math.Inf(-1), 0x1p971},
	} {
		if got := Of64(c.x); got != c.want {
			t.Errorf("Of64(%v) = %v, want %v", c.x, got, c.want)
		}
	}
}

func TestErrorRules(t *testing.T) {
	third := new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))
	if e := Error64(1.0/3, third); !(e > 0 && e <= 0.5) {
		t.Errorf("1/3 is off by %v ulp", e)
	}
	huge := new(big.Float).SetMantExp(big.NewFloat(1), 2000)
	for _, c := range []struct {
		got   float64
		truth *big.Float
		want  float64
	}{
		{1, big.NewFloat(1), 0},
		{math.Nextafter(1, 2), big.NewFloat(1), 1},
		{math.NaN(), big.NewFloat(1), math.Inf(1)},
		{math.Inf(1), big.NewFloat(1), math.Inf(1)},
		{math.Inf(1), huge, 0},
		{math.Inf(-1), huge, math.Inf(1)},
		{math.MaxFloat64, huge, math.Inf(1)},
	} {
		if got := Error64(c.got, c.truth); got != c.want {
			t.Errorf("Error64(%v, %v) = %v, want %v", c.got, c.truth, got, c.want)
		}
	}
}

func TestSpecialsHaveBothSignsOfEverything(t *testing.T) {
	seen := map[float32]bool{}
	nan := 0
	for _, x := range Specials32() {
		seen[x] = true
		if x != x {
			nan++
		}
	}
	for x := range seen {
		if x == x && !seen[-x] {
			t.Errorf("%v is there, %v is not", x, -x)
		}
	}
	inf := float32(math.Inf(1))
	if !seen[inf] || !seen[math.MaxFloat32] || !seen[math.SmallestNonzeroFloat32] || nan < 2 {
		t.Error("the ends of the range or NaN are missing")
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
