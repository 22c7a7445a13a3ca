package rsqrt

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// The bits of 1, 2 and 4. The methods only add constants to the exponent of x
// and halve it, so that the relative error at 4 x is that at x: all normal
// numbers behave as those of [1, 4).
const (
	one32, four32        = 0x3f800000, 0x40800000
	one64, two64, four64 = 0x3ff0000000000000, 0x4000000000000000, 0x4010000000000000
)

// worst32 has an argument with the largest error after each number of steps.
var worst32 = [numEstimates][MaxSteps + 1]uint32{
	Quake:   {0x406eb3be, 0x406eb3c0, 0x406ec720, 0x4078b19e, 0x3fe38e22},
	Lomont:  {0x406eb50c, 0x406eb51e, 0x4024fae5, 0x4078fd65, 0x3fe38e22},
	Kadlec:  {0x403ffff2, 0x40400003, 0x3fc0930e, 0x402373a3, 0x3fdc9afe},
	Walczyk: {0x4024f0b1, 0x406ed222, 0x40400610, 0x4059204f, 0x3fe38e22},
}

// relErr32 is the relative error of y as 1/sqrt(x), itself right to about
// 1e-16.
func relErr32(x, y float32) float64 {
	return math.Abs(float64(y)*math.Sqrt(float64(x)) - 1)
}

// ceil4 rounds v > 0 up to four significant digits.
func ceil4(v float64) float64 {
	var digits, exp int
	fmt.Sscanf(strings.Replace(fmt.Sprintf("%.3e", v), ".", "", 1), "%de%d", &digits, &exp)
	parse := func() float64 {
		c, _ := strconv.ParseFloat(fmt.Sprintf("%de%d", digits, exp-3), 64)
		return c
	}
	if parse() < v {
		digits++
	}
	return parse()
}

func TestCeil4(t *testing.T) {
	for v, want := range map[float64]float64{1.0001e-7: 1.001e-7, 1.001: 1.001, 9.9991: 10, 0.03437577: 0.03438, 1.2344e20: 1.235e20} {
		if got := ceil4(v); got != want {
			t.Errorf("ceil4(%g) = %g, want %g", v, got, want)
		}
	}
}

func TestBoundsAreThoseOfAllArguments(t *testing.T) {
	stride := uint32(1)
	if testing.Short() {
		stride = 251
	}
	for _, e := range Estimates() {
		for steps := range MaxSteps + 1 {
			max, at := 0.0, uint32(0)
			for b := uint32(one32); b < four32; b += stride {
				x := math.Float32frombits(b)
				if r := relErr32(x, e.At(x, steps)); r > max {
					max, at = r, b
				}
			}
			x := math.Float32frombits(worst32[e][steps])
			worst := relErr32(x, e.At(x, steps))
			bound := e.Bound(steps)
			if max > bound {
				t.Errorf("%v, %d steps: error %.6g at %#x exceeds the bound %g", e, steps, max, at, bound)
			}
			if ceil4(worst) != bound {
				t.Errorf("%v, %d steps: error %.6g at the worst argument %#x, bound %g", e, steps, worst, worst32[e][steps], bound)
			}
			if stride == 1 && ceil4(max) != bound {
				t.Errorf("%v, %d steps: largest error %.6g at %#x, bound %g", e, steps, max, at, bound)
			}
		}
	}
}

// The exhaustive test rests on this.
func TestErrorRepeatsEveryFourfold(t *testing.T) {
	stride := uint32(61)
	if testing.Short() {
		stride = 9973
	}
	for _, e := range Estimates() {
		for steps := range MaxSteps + 1 {
			for b := uint32(one32); b < four32; b += stride {
				x := math.Float32frombits(b)
				y := e.At(x, steps)
				// The least normal numbers, the largest, and subnormal ones, where
				// x has few enough digits.
				for _, k := range []int{-63, 63, -1, -70} {
					xk := float32(math.Ldexp(float64(x), 2*k))
					if math.Ldexp(float64(xk), -2*k) != float64(x) || math.IsInf(float64(xk), 0) {
						continue
					}
					if got, want := e.At(xk, steps), float32(math.Ldexp(float64(y), -k)); got != want {
						t.Fatalf("%v, %d steps: At(%g) = %g, want %g as At(%g) = %g", e, steps, xk, got, want, x, y)
					}
				}
			}
		}
	}
}

func TestErrorOfOf(t *testing.T) {
	stride := uint32(1)
	if testing.Short() {
		stride = 17
	}
	max := 0.0
	for b := uint32(one32); b < four32; b += stride {
		x := math.Float32frombits(b)
		want := 1 / math.Sqrt(float64(x))
		max = math.Max(max, math.Abs(float64(Of(x))-want)/ulp32(want))
	}
	if max > 1.5 || max < 1.45 {
		t.Errorf("largest error %.4g ulp, documented 1.5", max)
	}
}

// ulp32 is the distance of float32 around y, in which 1 belongs to the
// numbers below it, as the results in (1/2, 1] do.
func ulp32(y float64) float64 {
	frac, exp := math.Frexp(y)
	if frac == 0.5 {
		exp--
	}
	return math.Ldexp(1, exp-24)
}
