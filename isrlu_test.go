package isrlu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/kernel"
)

// forEachFunction runs a test on every registered function with its default
// parameters, at every precision and SIMD level.
func forEachFunction(t *testing.T, test func(t *testing.T, f *Function)) {
	for _, info := range Functions() {
		for p := range precisionNames {
			for _, level := range SIMDLevels() {
				f, err := Must(New(info.Name)).WithPrecision(Precision(p)).WithSIMD(level)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprintf("%s/%s/%s", info.Name, Precision(p), level), func(t *testing.T) { test(t, f) })
			}
		}
	}
}

func normal32(n int, scale float64) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func widen(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}

func TestNoCallAllocates(t *testing.T) {
	const n = 3000
	x, dy, dst := normal32(n, 2), normal32(n, 1), make([]float32, n)
	x64, dy64, dst64 := widen(x), widen(dy), make([]float64, n)
	b16, h16 := make([]BFloat16, n), make([]Float16, n)
	for i, v := range x {
		b16[i], h16[i] = ToBFloat16(v), ToFloat16(v)
	}
	grad := make([]float64, 3)
	forEachFunction(t, func(t *testing.T, f *Function) {
		calls := map[string]func(){
			"Forward":          func() { f.Forward(dst, x) },
			"Forward64":        func() { f.Forward64(dst64, x64) },
			"Backward":         func() { f.Backward(dst, dy, x) },
			"Backward64":       func() { f.Backward64(dst64, dy64, x64) },
			"ForwardBFloat16":  func() { f.ForwardBFloat16(b16, b16) },
			"ForwardFloat16":   func() { f.ForwardFloat16(h16, h16) },
			"BackwardBFloat16": func() { f.BackwardBFloat16(b16, b16, b16) },
			"BackwardFloat16":  func() { f.BackwardFloat16(h16, h16, h16) },
		}
		if f.HasBackwardFromOutput() {
			calls["BackwardFromOutput"] = func() { f.BackwardFromOutput(dst, dy, x) }
			calls["BackwardFromOutput64"] = func() { f.BackwardFromOutput64(dst64, dy64, x64) }
			calls["BackwardFromOutputBFloat16"] = func() { f.BackwardFromOutputBFloat16(b16, b16, b16) }
			calls["BackwardFromOutputFloat16"] = func() { f.BackwardFromOutputFloat16(h16, h16, h16) }
		}
		if f.HasSecondDerivative() {
			calls["SecondDerivative"] = func() { f.SecondDerivative(dst, x) }
			calls["SecondDerivative64"] = func() { f.SecondDerivative64(dst64, x64) }
			calls["Inverse"] = func() { f.Inverse(dst, x) }
			calls["Inverse64"] = func() { f.Inverse64(dst64, x64) }
		}
		for i := range f.Params() {
			calls["ParamGrad"] = func() { f.ParamGrad(i, dy, x) }
			calls["ParamGrad64"] = func() { f.ParamGrad64(i, dy64, x64) }
			calls["ParamGradChannels"] = func() { f.ParamGradChannels(i, grad, dy, x, 10) }
		}
		for name, call := range calls {
			if n := testing.AllocsPerRun(3, call); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	})
}

func TestCallersBuffersMayLiveOnTheStack(t *testing.T) {
	f := Must(ISRLU(1))
	n := testing.AllocsPerRun(10, func() {
		var x, y [64]float32
		x[0] = -1
		f.Forward(y[:], x[:])
	})
	if n != 0 {
		t.Errorf("a call moved its caller's arrays to the heap: %v allocations", n)
	}
}

func TestBadParametersAreNamed(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		make func() (*Function, error)
		want string
	}{
		{func() (*Function, error) { return ISRLU(-1) }, "isrlu: alpha must be positive and finite, got -1"},
		{func() (*Function, error) { return ISRLU(0) }, "alpha must be positive and finite, got 0"},
		{func() (*Function, error) { return ISRU(nan) }, "alpha must be positive and finite, got NaN"},
		{func() (*Function, error) { return ISRUSigmoid(inf) }, "alpha must be positive and finite, got +Inf"},
		{func() (*Function, error) { return ISRUSigmoidScaled(1, 0) }, "scale must be positive and finite, got 0"},
		{func() (*Function, error) { return ISRUSigmoidScaled(1, -0.5) }, "scale must be positive and finite, got -0.5"},
		{func() (*Function, error) { return ISRUSigmoidScaled(1, 1e-20) }, "alpha 1 and scale 1e-20 leave the range of float32"},
		{func() (*Function, error) { return ISRUSigmoidScaled(1e20, 1e15) }, "leave the range of float32"},
		{func() (*Function, error) { return ISRUSigmoidScaled(1e38, 1e-38) }, "leave the range of float32"},
		{func() (*Function, error) { return ISRLU(1e300) }, "got 1e+300"},
		{func() (*Function, error) { return ISRLU(1e-300) }, "got 1e-300"},
		{func() (*Function, error) { return LeakyReLU(-0.1) }, "slope must be positive and finite, got -0.1"},
		{func() (*Function, error) { return DyISRU(0, 1) }, "scale must be finite and not zero, got 0"},
		{func() (*Function, error) { return DyISRU(1, -2) }, "beta must be positive and finite, got -2"},
		{func() (*Function, error) { return DyISRU(1e30, 1e-30) }, "overflow"},
		{func() (*Function, error) { return New("elou") }, `unknown function "elou"; known: identity, relu`},
		{func() (*Function, error) { return New("relu", 1) }, "relu takes no parameters, got 1"},
		{func() (*Function, error) { return Parse("isrlu:a") }, `"a" in "isrlu:a" is not a number`},
		{func() (*Function, error) { return Parse("isrlu:1,2") }, "isrlu takes 1 parameter, got 2"},
		{func() (*Function, error) { return Parse("isrlu:") }, `"" in "isrlu:" is not a number`},
	} {
		f, err := c.make()
		if err == nil {
			t.Errorf("got %v, want error %q", f, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %q does not contain %q", err, c.want)
		}
	}
}

func TestStringAndParseAreInverse(t *testing.T) {
	for _, spec := range []string{"isrlu:3", "isru:0.25", "relu", "dyisru:2,0.5", "dyisru:1,1", "leaky_relu:1e-20",
		"isru_sigmoid:1", "isru_sigmoid:3", "isru_sigmoid:1,0.5"} {
		f, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		if f.String() != spec {
			t.Errorf("Parse(%q).String() = %q", spec, f)
		}
	}
	if got := Must(Parse("isrlu")).String(); got != "isrlu:1" {
		t.Errorf("Parse(isrlu) = %q, want the default alpha", got)
	}
	for _, spec := range []string{"isru_sigmoid", "isru_sigmoid:1,1"} {
		if got := Must(Parse(spec)).String(); got != "isru_sigmoid:1" {
			t.Errorf("Parse(%s) = %q, want it without the default scale", spec, got)
		}
	}
}

func TestProgrammerErrorsPanicWithTheReason(t *testing.T) {
	f := Must(ISRLU(1))
	x := make([]float32, 100)
	for _, c := range []struct {
		name string
		call func()
		want string
	}{
		{"forward", func() { f.Forward(x[:3], x[:4]) }, "destination has length 3, src has 4"},
		{"backward dy", func() { f.Backward(x[:3], x[:4], x[:3]) }, "length 3, dy has 4"},
		{"backward x", func() { f.Backward(x[:3], x[:3], x[:4]) }, "length 3, x has 4"},
		{"backward y", func() { f.BackwardFromOutput(x[:3], x[:3], x[:4]) }, "length 3, y has 4"},
		{"overlap", func() { f.Forward(x[1:51], x[:50]) }, "overlaps an input"},
		{"overlap below", func() { f.Forward(x[:50], x[49:99]) }, "overlaps an input"},
		{"overlap dy", func() { f.Backward(x[1:51], x[:50], x[50:]) }, "overlaps an input"},
		{"no form", func() { ReLU().SecondDerivative(x, x) }, "relu has no second derivative"},
		{"no parameter", func() { ReLU().ParamGrad(0, x, x) }, "relu has no parameter 0"},
		{"channels", func() { f.ParamGradChannels(0, make([]float64, 3), x, x, 7) }, "length 100 is not a multiple of 3 channels of 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, c.want) {
					t.Errorf("panic %q does not contain %q", r, c.want)
				}
			}()
			c.call()
		})
	}
	// These touch without overlapping.
	f.Forward(x[50:], x[:50])
	f.Forward(x[:50], x[50:])
	f.Forward(x[:0], x[:0])
}

func TestParamGradSumsPerChannel(t *testing.T) {
	f := Must(ISRU(2))
	for _, shape := range [][3]int{{1, 1, 1}, {2, 3, 5}, {7, 4, 1}, {3, 2, 600}, {5, 700, 1}, {1, 1, 2000}} {
		outer, channels, inner := shape[0], shape[1], shape[2]
		n := outer * channels * inner
		x, dy := normal32(n, 1), normal32(n, 0.5)
		want := make([]float64, channels)
		for i := range x {
			v := float64(x[i])
			r := 1 / math.Sqrt(1+2*v*v)
			want[i/inner%channels] += float64(dy[i]) * -0.5 * v * v * v * r * r * r
		}
		got := make([]float64, channels)
		f.ParamGradChannels(0, got, dy, x, inner)
		total := 0.0
		for c := range want {
			total += want[c]
			if math.Abs(got[c]-want[c]) > 1e-6*float64(n) {
				t.Errorf("shape %v channel %d: %v, want %v", shape, c, got[c], want[c])
			}
		}
		if g := f.ParamGrad(0, dy, x); math.Abs(g-total) > 1e-6*float64(n) {
			t.Errorf("shape %v: %v, want %v", shape, g, total)
		}
	}
}

func TestStreamedAndPlainResultsAgree(t *testing.T) {
	n := kernel.StreamBytes/4 + 77
	x := normal32(n+16, 2)
	whole, parts := make([]float32, n+16), make([]float32, n)
	forEachFunction(t, func(t *testing.T, f *Function) {
		if f.k32.Stream == nil {
			return // one kernel does all
		}
		for _, off := range []int{0, 3} {
			f.Forward(whole[off:off+n], x[1:n+1])
			for i := 0; i < n; i += 1000 {
				end := min(i+1000, n)
				f.Forward(parts[i:end], x[1+i:1+end])
			}
			for i := range parts {
				if math.Float32bits(parts[i]) != math.Float32bits(whole[off+i]) {
					t.Fatalf("element %d: %v in one call, %v in parts", i, whole[off+i], parts[i])
				}
			}
		}
	})
}

func TestFloat16ConversionsRoundTripAndRound(t *testing.T) {
	for i := 0; i < 1<<16; i++ {
		if h := Float16(i); h.Float32() == h.Float32() && ToFloat16(h.Float32()) != h {
			t.Errorf("Float16 %#04x becomes %#04x", i, ToFloat16(h.Float32()))
		}
		if b := BFloat16(i); b.Float32() == b.Float32() && ToBFloat16(b.Float32()) != b {
			t.Errorf("BFloat16 %#04x becomes %#04x", i, ToBFloat16(b.Float32()))
		}
	}
	for _, c := range []struct {
		x    float32
		want Float16
	}{{65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00}, {0x1p-24, 1}, {0x1p-25, 0}, {0x1.8p-25, 1},
		{1.0009765625, 0x3c01}, {1.00048828125, 0x3c00}, {1.00146484375, 0x3c02}, {-0x1p-14, 0x8400}} {
		if got := ToFloat16(c.x); got != c.want {
			t.Errorf("ToFloat16(%v) = %#04x, want %#04x", c.x, got, c.want)
		}
	}
	for _, c := range []struct {
		x    float32
		want BFloat16
	}{{1, 0x3f80}, {1.00390625, 0x3f80}, {1.01171875, 0x3f82}, {math.MaxFloat32, 0x7f80}} {
		if got := ToBFloat16(c.x); got != c.want {
			t.Errorf("ToBFloat16(%v) = %#04x, want %#04x", c.x, got, c.want)
		}
	}
}

func TestHalfIsFloat32Rounded(t *testing.T) {
	n := 1 << 16
	h, b, x, y := make([]Float16, n), make([]BFloat16, n), make([]float32, n), make([]float32, n)
	forEachFunction(t, func(t *testing.T, f *Function) {
		for i := range h {
			h[i] = Float16(i)
			x[i] = h[i].Float32()
		}
		f.Forward(y, x)
		f.ForwardFloat16(h, h)
		for i := range h {
			if want := ToFloat16(y[i]); h[i] != want && y[i] == y[i] {
				t.Fatalf("float16 %#04x: %#04x, want %#04x", i, h[i], want)
			}
			if y[i] != y[i] && h[i].Float32() == h[i].Float32() {
				t.Fatalf("float16 %#04x: %#04x, want NaN", i, h[i])
			}
		}
		for i := range b {
			b[i] = BFloat16(i)
			x[i] = b[i].Float32()
		}
		f.Forward(y, x)
		f.ForwardBFloat16(b, b)
		for i := range b {
			if want := ToBFloat16(y[i]); b[i] != want && y[i] == y[i] {
				t.Fatalf("bfloat16 %#04x: %#04x, want %#04x", i, b[i], want)
			}
			if y[i] != y[i] && b[i].Float32() == b[i].Float32() {
				t.Fatalf("bfloat16 %#04x: %#04x, want NaN", i, b[i])
			}
		}
	})
}

func TestTable8MatchesTheFunction(t *testing.T) {
	f := Must(ISRLU(1))
	in, out := Quantization{0.05, -10}, Quantization{0.04, 3}
	tab, err := NewTable8[int8](f, in, out)
	if err != nil {
		t.Fatal(err)
	}
	src, dst := make([]int8, 259), make([]int8, 259)
	for i := range src {
		src[i] = int8(i)
	}
	tab.Forward(dst, src)
	for i, q := range src {
		x := in.Scale * float64(int(q)-in.ZeroPoint)
		y := x
		if x < 0 {
			y = x / math.Sqrt(1+x*x)
		}
		want := max(-128, min(127, math.RoundToEven(y/out.Scale)+float64(out.ZeroPoint)))
		if float64(dst[i]) != want || tab.At(q) != dst[i] {
			t.Errorf("q = %d: %d, want %v", q, dst[i], want)
		}
	}
	for _, q := range []Quantization{{0, 0}, {-1, 0}, {math.NaN(), 0}, {math.Inf(1), 0}, {1, 128}, {1, -129}} {
		if _, err := NewTable8[int8](f, q, out); err == nil {
			t.Errorf("quantization %v was accepted", q)
		}
	}
	if _, err := NewTable8[uint8](f, Quantization{1, 255}, Quantization{1, 0}); err != nil {
		t.Error(err)
	}
}
