package rsqrt

import (
	"math"
	"testing"
)

// The published code, as it was published.
var published = map[string]func(x float32) float32{
	"Quake1": func(x float32) float32 {
		x2 := x * 0.5
		y := math.Float32frombits(0x5f3759df - math.Float32bits(x)>>1)
		return y * (1.5 - float32(float32(x2*y)*y))
	},
	"Lomont1": func(x float32) float32 {
		xhalf := 0.5 * x
		y := math.Float32frombits(0x5f375a86 - math.Float32bits(x)>>1)
		return y * (1.5 - float32(float32(xhalf*y)*y))
	},
	"Walczyk2": func(x float32) float32 {
		halfx := 0.5 * x
		y := math.Float32frombits(0x5f376908 - math.Float32bits(x)>>1)
		y *= 1.50087896 - float32(float32(halfx*y)*y)
		y *= 1.50000057 - float32(float32(halfx*y)*y)
		return y
	},
	"Kadlec1": func(x float32) float32 {
		y := math.Float32frombits(0x5f1ffff9 - math.Float32bits(x)>>1)
		return float32(0.703952253*y) * (2.38924456 - float32(float32(x*y)*y))
	},
}

func TestEstimatesGiveTheBitsOfThePublishedCode(t *testing.T) {
	ours := map[string]func(x float32) float32{
		"Quake1":   func(x float32) float32 { return Quake.At(x, 1) },
		"Lomont1":  func(x float32) float32 { return Lomont.At(x, 1) },
		"Walczyk2": func(x float32) float32 { return Walczyk.At(x, 2) },
		"Kadlec1":  func(x float32) float32 { return Kadlec.At(x, 1) },
	}
	// From 2^-125, above which no published method rounds x/2.
	for b := uint32(2 << 23); b < 0x7f800000; b += 10007 {
		x := math.Float32frombits(b)
		for name, f := range published {
			if got, want := ours[name](x), f(x); got != want {
				t.Fatalf("%s(%g) = %g, the published code gives %g", name, x, got, want)
			}
		}
	}
}

func TestWalczyk64GivesTheBitsOfThePublishedCode(t *testing.T) {
	for b := uint64(2 << 52); b < 0x7ff<<52; b += 10007 << 35 {
		x := math.Float64frombits(b)
		halfx := 0.5 * x
		y := math.Float64frombits(0x5FE6ED2102DCBFDA - b>>1)
		for i, c := range []float64{1.50087895511633457, 1.50000057967625766, 1.5000000000002520, 1.5} {
			y *= c - float64(float64(halfx*y)*y)
			if got := Walczyk64.At(x, i+1); got != y {
				t.Fatalf("At(%g, %d) = %g, the published code gives %g", x, i+1, got, y)
			}
		}
	}
}

func TestStepsAreNewtons(t *testing.T) {
	x := float32(3)
	for _, e := range []Estimate{Quake, Lomont} {
		y := e.At(x, 0)
		for steps := 1; steps <= MaxSteps; steps++ {
			y = Newton(x, y)
			if got := e.At(x, steps); got != y {
				t.Errorf("%v.At(%g, %d) = %g, Newton gives %g", e, x, steps, got, y)
			}
		}
	}
	x64, y64 := 3.0, Robertson64.At(3, 0)
	for steps := 1; steps <= MaxSteps; steps++ {
		y64 = Newton64(x64, y64)
		if got := Robertson64.At(x64, steps); got != y64 {
			t.Errorf("Robertson64.At(%g, %d) = %g, Newton64 gives %g", x64, steps, got, y64)
		}
	}
}

// ends has the arguments at the ends of the range and what 1/sqrt gives.
var ends = []struct{ x, y float64 }{
	{0, math.Inf(1)},
	{math.Copysign(0, -1), math.Inf(-1)},
	{math.Inf(1), 0},
	{math.Inf(-1), math.NaN()},
	{-1, math.NaN()},
	{-1e-300, math.NaN()}, // -0 in float32
	{-math.SmallestNonzeroFloat32, math.NaN()},
	{-math.MaxFloat32, math.NaN()},
	{math.NaN(), math.NaN()},
}

func same(a, b float64) bool {
	return a != a && b != b || math.Float64bits(a) == math.Float64bits(b)
}

func TestAtIsRightAtTheEnds(t *testing.T) {
	for _, c := range ends {
		want32 := c.y
		if float32(c.x) == 0 {
			want32 = math.Copysign(math.Inf(1), c.x)
		}
		if y := float64(Of(float32(c.x))); !same(y, want32) {
			t.Errorf("Of(%g) = %g, want %g", float32(c.x), y, want32)
		}
		if y := Of64(c.x); !same(y, c.y) {
			t.Errorf("Of64(%g) = %g, want %g", c.x, y, c.y)
		}
		for steps := range MaxSteps + 1 {
			for _, e := range Estimates() {
				if y := float64(e.At(float32(c.x), steps)); !same(y, want32) {
					t.Errorf("%v.At(%g, %d) = %g, want %g", e, float32(c.x), steps, y, want32)
				}
			}
			for _, e := range Estimates64() {
				if y := e.At(c.x, steps); !same(y, c.y) {
					t.Errorf("%v.At(%g, %d) = %g, want %g", e, c.x, steps, y, c.y)
				}
			}
		}
	}
}

// The bounds hold for subnormal numbers too.
func TestAtIsRightForSubnormals(t *testing.T) {
	stride := uint32(13)
	if testing.Short() {
		stride = 509
	}
	for _, e := range Estimates() {
		for _, steps := range []int{0, 1, MaxSteps} {
			for b := uint32(1); b < 1<<23; b += stride {
				x := math.Float32frombits(b)
				if r := relErr32(x, e.At(x, steps)); r > e.Bound(steps) {
					t.Fatalf("%v.At(%g, %d) has the error %g, bound %g", e, x, steps, r, e.Bound(steps))
				}
			}
		}
	}
	for _, e := range Estimates64() {
		for steps := range MaxSteps + 1 {
			for b := uint64(1); b < 1<<52; b = b*9/8 + 1 {
				x := math.Float64frombits(b)
				y := e.At(x, steps)
				r := math.Abs(relErr64(math.Ldexp(x, 600), math.Ldexp(y, -300)))
				if r > e.Bound(steps) {
					t.Fatalf("%v.At(%g, %d) has the error %g, bound %g", e, x, steps, r, e.Bound(steps))
				}
			}
		}
	}
}

// What the documentation of Raw says.
func TestRawAtTheEnds(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, e := range Estimates() {
		for steps := range MaxSteps + 1 {
			if y := e.Raw(0, steps); y < 1e18 || y > 2e20 {
				t.Errorf("%v.Raw(0, %d) = %g", e, steps, y)
			}
			y := float64(e.Raw(float32(inf), steps))
			if steps == 0 && (y < 1e-20 || y > 1e-19) || steps > 0 && !math.IsInf(y, 1-2*(steps%2)) {
				t.Errorf("%v.Raw(Inf, %d) = %g", e, steps, y)
			}
			if y := e.Raw(float32(nan), steps); (y != y) != (steps > 0) {
				t.Errorf("%v.Raw(NaN, %d) = %g", e, steps, y)
			}
			if x := float32(2.5); e.Raw(x, steps) != e.At(x, steps) {
				t.Errorf("%v.Raw(%g, %d) differs from At", e, x, steps)
			}
		}
	}
	for _, e := range Estimates64() {
		for steps := range MaxSteps + 1 {
			y := e.Raw(inf, steps)
			if steps == 0 && (y < 1e-155 || y > 1e-154) || steps > 0 && !math.IsInf(y, 1-2*(steps%2)) {
				t.Errorf("%v.Raw(Inf, %d) = %g", e, steps, y)
			}
			if y := e.Raw(nan, steps); (y != y) != (steps > 0) {
				t.Errorf("%v.Raw(NaN, %d) = %g", e, steps, y)
			}
			if x := 2.5; e.Raw(x, steps) != e.At(x, steps) {
				t.Errorf("%v.Raw(%g, %d) differs from At", e, x, steps)
			}
		}
	}
}

func TestStepsOutOfRangePanic(t *testing.T) {
	x, x64 := []float32{1}, []float64{1}
	for name, f := range map[string]func(steps int){
		"At":         func(s int) { Quake.At(1, s) },
		"Raw":        func(s int) { Quake.Raw(1, s) },
		"Slice":      func(s int) { Quake.Slice(x, x, s) },
		"RawSlice":   func(s int) { Quake.RawSlice(x, x, s) },
		"Bound":      func(s int) { Quake.Bound(s) },
		"At64":       func(s int) { Lomont64.At(1, s) },
		"Raw64":      func(s int) { Lomont64.Raw(1, s) },
		"Slice64":    func(s int) { Lomont64.Slice(x64, x64, s) },
		"RawSlice64": func(s int) { Lomont64.RawSlice(x64, x64, s) },
		"Bound64":    func(s int) { Lomont64.Bound(s) },
	} {
		wantPanic(t, name, "rsqrt: steps must be 0 to 4, got 5", func() { f(5) })
		wantPanic(t, name, "rsqrt: steps must be 0 to 4, got -1", func() { f(-1) })
	}
}

func wantPanic(t *testing.T, name, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("%s: panic %v, want %q", name, got, want)
		}
	}()
	f()
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Estimates() {
		seen[e.String()] = true
	}
	for _, e := range Estimates64() {
		seen[e.String()] = true
	}
	if len(seen) != int(numEstimates)+int(numEstimates64) || seen[""] {
		t.Errorf("names are missing or not distinct: %v", seen)
	}
	for got, want := range map[string]string{
		Estimate(9).String():   "Estimate(9)",
		Estimate64(9).String(): "Estimate64(9)",
		Precision(9).String():  "Precision(9)",
		Default.String():       "default",
		Exact.String():         "exact",
		Fast.String():          "fast",
	} {
		if got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
