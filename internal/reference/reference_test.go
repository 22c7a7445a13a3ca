package reference

import (
	"math"
	"math/big"
	"testing"

	"github.com/isrlu/isrlu/internal/ulp"
)

var testParams = map[string][][]float64{
	"leaky_relu": {{0.01}}, "elu": {{1}, {1.5}},
	"isrlu": {{1}, {3}, {0.1}}, "isru": {{1}, {3}}, "dyisru": {{1, 1}, {-2, 0.5}},
	"isru_sigmoid": {{1, 1}, {4, 1}, {0.3, 1}, {1, 0.5}, {0.3, 0.7}, {1.5, 2.5}},
}

func paramsOf(name string) [][]float64 {
	if p := testParams[name]; p != nil {
		return p
	}
	return [][]float64{nil}
}

// TestFloat64AgreesWithBigFloat compares the two versions, which are written
// differently, at float32 arguments.
func TestFloat64AgreesWithBigFloat(t *testing.T) {
	for name, f := range table {
		for _, p := range paramsOf(name) {
			for i, q := range p { // parameters as the float32 kernels have them
				p[i] = float64(float32(q))
			}
			compare := func(what string, fast func(x float64, p []float64) float64, slow bigFunc, x float64) {
				if fast == nil && slow == nil {
					return
				}
				if fast == nil || slow == nil {
					t.Fatalf("%s %s: only one version exists", name, what)
				}
				if !finite(x) {
					return
				}
				want := slow(num(x), p)
				if want == nil {
					return
				}
				got := fast(x, p)
				w, _ := want.Float64()
				d, _ := num(0).Sub(num(got), want).Float64()
				// Relative, or absolute at a zero crossing and in the range of
				// float32's subnormal numbers.
				tol := math.Max(math.Abs(w)*0x1p-43, 0x1p-149*0x1p-10)
				if crossing[name] {
					tol = math.Max(tol, 0x1p-48)
				}
				if !(math.Abs(d) <= tol) {
					t.Errorf("%s%v %s(%v) = %v, want %v", name, p, what, x, got, w)
				}
			}
			var xs []float64
			for _, x := range ulp.Specials32() {
				xs = append(xs, float64(x))
			}
			s := ulp.NewSampler64(1)
			for range 300 {
				xs = append(xs, float64(float32(s.Next())))
			}
			for _, x := range xs {
				if !finite(x) {
					continue
				}
				compare("value", f.Value, f.Big.Value, x)
				compare("derivative", f.Derivative, f.Big.Derivative, x)
				compare("second", f.Second, f.Big.Second, x)
				y := float64(float32(f.Value(x, p)))
				compare("from output", f.DerivativeFromOutput, f.Big.DerivativeFromOutput, y)
				compare("inverse", f.Inverse, f.Big.Inverse, y)
				for i := range p {
					if f.ParamDerivative != nil {
						compare("param", func(x float64, p []float64) float64 { return f.ParamDerivative(i, x, p) },
							func(x *big.Float, p []float64) *big.Float { return f.Big.ParamDerivative(i, x, p) }, x)
					}
				}
			}
		}
	}
}

// crossing lists functions whose value or a derivative passes through zero
// other than at x = 0, so that its error is absolute there.
var crossing = map[string]bool{"isru_sigmoid": true, "selu": true, "silu": true, "gelu": true, "gelu_tanh": true}

func TestDerivativesAreDerivatives(t *testing.T) {
	const h = 1e-5
	for name, f := range table {
		for _, p := range paramsOf(name) {
			for x := -6.0; x < 6; x += 0.37 {
				got, want := f.Derivative(x, p), (f.Value(x+h, p)-f.Value(x-h, p))/(2*h)
				if math.Abs(got-want) > 1e-8 {
					t.Errorf("%s'(%v) = %v, finite difference %v", name, x, got, want)
				}
				if f.DerivativeFromOutput != nil {
					if g := f.DerivativeFromOutput(f.Value(x, p), p); math.Abs(g-got) > 1e-9 {
						t.Errorf("%s' at %v: %v from the output, %v from the input", name, x, g, got)
					}
				}
				if f.Second != nil {
					if s, d := f.Second(x, p), (f.Derivative(x+h, p)-f.Derivative(x-h, p))/(2*h); math.Abs(s-d) > 1e-8 {
						t.Errorf("%s''(%v) = %v, finite difference %v", name, x, s, d)
					}
				}
				if f.Inverse != nil {
					if v := f.Inverse(f.Value(x, p), p); math.Abs(v-x) > 1e-9 {
						t.Errorf("%s: inverse of the value at %v is %v", name, x, v)
					}
				}
				for i := range p {
					if f.ParamDerivative == nil {
						break
					}
					lo, hi := append([]float64{}, p...), append([]float64{}, p...)
					lo[i] -= h
					hi[i] += h
					if g, d := f.ParamDerivative(i, x, p), (f.Value(x, hi)-f.Value(x, lo))/(2*h); math.Abs(g-d) > 1e-8*(1+math.Abs(g)) {
						t.Errorf("%s: derivative by parameter %d at %v is %v, finite difference %v", name, i, x, g, d)
					}
				}
			}
		}
	}
}

func TestLimits(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, f := range table {
		for _, p := range paramsOf(name) {
			for what, g := range map[string]func(float64, []float64) float64{
				"value": f.Value, "derivative": f.Derivative, "from output": f.DerivativeFromOutput,
				"second": f.Second, "inverse": f.Inverse} {
				if g == nil {
					continue
				}
				if v := g(nan, p); !math.IsNaN(v) {
					t.Errorf("%s %s(NaN) = %v", name, what, v)
				}
			}
			for _, x := range []float64{inf, -inf} {
				near := f.Value(math.Copysign(1e300, x), p)
				if v := f.Value(x, p); math.IsNaN(v) || math.Abs(v-near) > 1e-12 && !(math.IsInf(v, 0) && math.Abs(near) > 1e290) {
					t.Errorf("%s(%v) = %v, at 1e300 %v", name, x, v, near)
				}
				if d := f.Derivative(x, p); math.IsNaN(d) || math.Abs(d-f.Derivative(math.Copysign(1e100, x), p)) > 1e-12 {
					t.Errorf("%s'(%v) = %v", name, x, d)
				}
			}
		}
	}
}

// TestBigConstants checks the series against known digits.
func TestBigConstants(t *testing.T) {
	for _, c := range []struct {
		name string
		got  *big.Float
		want string
	}{
		{"pi", num(0).Set(pi()), "3.14159265358979323846264338327950288419716939937510582097494"},
		{"e", exp(num(1)), "2.71828182845904523536028747135266249775724709369995957496697"},
		{"log 2", log1p(num(1)), "0.693147180559945309417232121458176568075500134360255254120680"},
		{"erfc(1)", erfc(num(1)), "0.157299207050285130658779364917390740703933002034036766687"},
		{"erfc(10)", erfc(num(10)), "2.08848758376254475700078629495778861156081811932116e-45"},
		{"expm1(1e-10)", expm1(num(0x1p-33)), ""},
	} {
		if c.want == "" {
			x := 0x1p-33
			c.want = "" // x + x^2/2 + x^3/6 + x^4/24
			want := add(num(x), add(quo(num(x*x), num(2)), add(quo(mul(num(x), num(x*x)), num(6)), quo(num(x*x*x*x), num(24)))))
			if e := ulp.Error64(first(c.got.Float64()), want); e > 0.51 {
				t.Errorf("%s is off by %v ulp", c.name, e)
			}
			continue
		}
		want, _, err := big.ParseFloat(c.want, 10, 200, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		d := new(big.Float).Quo(new(big.Float).Sub(c.got, want), want)
		if e, _ := d.Float64(); math.Abs(e) > 1e-47 {
			t.Errorf("%s = %.55g, off by %g", c.name, c.got, e)
		}
	}
}

func first(x float64, _ big.Accuracy) float64 { return x }
