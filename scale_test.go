package isrlu

import (
	"math"
	"testing"
)

// TestScaleIsThatOfTheInput: f(x) with the scale 1/2 is f(x/2) with the scale 1
// to the bit, since powers of two round nothing, and its derivatives are the
// half and the quarter.
func TestScaleIsThatOfTheInput(t *testing.T) {
	for _, alpha := range []float64{1, 3, 0.2} {
		for p := range precisionNames {
			for _, level := range SIMDLevels() {
				plain, err := Must(ISRUSigmoid(alpha)).WithPrecision(Precision(p)).WithSIMD(level)
				if err != nil {
					t.Fatal(err)
				}
				scaled, err := Must(ISRUSigmoidScaled(alpha, 0.5)).WithPrecision(Precision(p)).WithSIMD(level)
				if err != nil {
					t.Fatal(err)
				}
				sameAsScaled(t, plain, scaled, float32s)
				sameAsScaled(t, plain, scaled, float64s)
				sameHalves(t, plain, scaled)
			}
		}
	}
}

type methods[T float32 | float64] struct {
	forward, second, inverse func(f *Function, dst, src []T)
	backward, fromOutput     func(f *Function, dx, dy, x []T)
	paramGrad                func(f *Function, i int, dy, x []T) float64
}

var (
	float32s = methods[float32]{(*Function).Forward, (*Function).SecondDerivative, (*Function).Inverse,
		(*Function).Backward, (*Function).BackwardFromOutput, (*Function).ParamGrad}
	float64s = methods[float64]{(*Function).Forward64, (*Function).SecondDerivative64, (*Function).Inverse64,
		(*Function).Backward64, (*Function).BackwardFromOutput64, (*Function).ParamGrad64}
)

func sameAsScaled[T float32 | float64](t *testing.T, plain, scaled *Function, m methods[T]) {
	t.Helper()
	var x, half, dy []T
	for i, v := range normal32(3000, 3) {
		x, dy = append(x, T(v)), append(dy, T(i%7)-3)
	}
	x = append(x, 0, T(math.Inf(1)), T(math.Inf(-1)), 1e30, -1e30, 1e-20)
	dy = append(dy, 1, 1, 1, 1, 1, 1)
	for _, v := range x {
		half = append(half, v/2)
	}
	n := len(x)
	y, got, want := make([]T, n), make([]T, n), make([]T, n)
	compare := func(what string, factor T) {
		t.Helper()
		for i := range got {
			if got[i] != factor*want[i] && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("%s %s %s: %s at %v: %v, want %v times %v", scaled, scaled.precision, scaled.SIMD(), what, x[i], got[i], factor, want[i])
			}
		}
	}
	m.forward(scaled, got, x)
	m.forward(plain, want, half)
	copy(y, want)
	compare("value", 1)
	m.backward(scaled, got, dy, x)
	m.backward(plain, want, dy, half)
	compare("derivative", 0.5)
	m.fromOutput(scaled, got, dy, y)
	m.fromOutput(plain, want, dy, y)
	compare("derivative from the output", 0.5)
	m.second(scaled, got, x)
	m.second(plain, want, half)
	compare("second derivative", 0.25)
	m.inverse(scaled, got, y)
	m.inverse(plain, want, y)
	compare("inverse", 2)
	for i, factor := range []float64{1, 2} { // df/dscale = x f'/scale
		for j := range x {
			got[j] = T(m.paramGrad(scaled, i, dy[j:j+1], x[j:j+1]))
			want[j] = T(m.paramGrad(plain, i, dy[j:j+1], half[j:j+1]))
		}
		compare(scaled.Info().Params[i].Name, T(factor))
	}
}

// sameHalves does the same for the 16-bit types and the table of 8 bits.
func sameHalves(t *testing.T, plain, scaled *Function) {
	t.Helper()
	b, b2, h, h2 := make([]BFloat16, 1000), make([]BFloat16, 1000), make([]Float16, 1000), make([]Float16, 1000)
	for i, v := range normal32(len(b), 3) {
		b[i], b2[i], h[i], h2[i] = ToBFloat16(v), ToBFloat16(v/2), ToFloat16(v), ToFloat16(v/2)
		h[i] = ToFloat16(2 * h2[i].Float32()) // v/2 may be subnormal
	}
	scaled.ForwardBFloat16(b, b)
	plain.ForwardBFloat16(b2, b2)
	scaled.ForwardFloat16(h, h)
	plain.ForwardFloat16(h2, h2)
	for i := range b {
		if b[i] != b2[i] || h[i] != h2[i] {
			t.Fatalf("%s: element %d is %v and %v, want %v and %v", scaled, i, b[i].Float32(), h[i].Float32(), b2[i].Float32(), h2[i].Float32())
		}
	}
	out := Quantization{1. / 256, -128}
	got, err := NewTable8[int8](scaled, Quantization{1. / 8, 0}, out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := NewTable8[int8](plain, Quantization{1. / 16, 0}, out)
	if err != nil {
		t.Fatal(err)
	}
	if *got != *want {
		t.Errorf("the table of %s is not that of %s at half the input", scaled, plain)
	}
}
