package isrlu_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
)

// The gradient of alpha from the output is that of the definition,
// df/dalpha = -1/2 x^3 (1 + alpha x^2)^(-3/2) on the curve, summed over dy.
func TestParamGradFromOutputMatchesTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, spec := range []string{"isrlu", "isrlu:3", "isru:0.2", "isru"} {
		f := isrlu.Must(isrlu.Parse(spec))
		alpha, both := f.Params()[0], strings.HasPrefix(spec, "isru")
		for n := range 70 {
			x, dy := make([]float32, n+1)[1:], make([]float32, n+1)[1:]
			for i := range x {
				x[i], dy[i] = float32(4*r.NormFloat64()), float32(r.NormFloat64())
			}
			y := make([]float32, n)
			f.Forward(y, x)
			x64, dy64, y64 := make([]float64, n), make([]float64, n), make([]float64, n)
			want, size := 0.0, 0.0
			for i := range x {
				x64[i], dy64[i] = float64(x[i]), float64(dy[i])
				if v := x64[i]; v < 0 || both {
					term := dy64[i] * -.5 * v * v * v * math.Pow(1+alpha*v*v, -1.5)
					want, size = want+term, size+math.Abs(term)
				}
			}
			f.Forward64(y64, x64)
			// y is within 4 ulp, and its third power and the product add 3.
			if got := f.ParamGradFromOutput(0, dy, y); math.Abs(got-want) > 16*0x1p-23*size {
				t.Fatalf("%s, %d elements: %v, want %v", spec, n, got, want)
			}
			if got := f.ParamGradFromOutput64(0, dy64, y64); math.Abs(got-want) > 32*0x1p-52*size {
				t.Fatalf("%s, %d elements of float64: %v, want %v", spec, n, got, want)
			}
		}
	}
}

// So are those of the ISRU sigmoid: with u = scale x, df/dalpha = -1/4 u^3
// (1 + alpha u^2)^(-3/2) and df/dscale = 1/2 x (1 + alpha u^2)^(-3/2).
func TestSigmoidParamGradFromOutputMatchesTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, spec := range []string{"isru_sigmoid", "isru_sigmoid:1,0.5", "isru_sigmoid:0.3,0.7", "isru_sigmoid:2,1.5"} {
		f := isrlu.Must(isrlu.Parse(spec))
		alpha, scale := f.Params()[0], f.Params()[1]
		for n := range 40 {
			x, dy := make([]float64, n), make([]float64, n)
			x32, dy32 := make([]float32, n), make([]float32, n)
			want, size := [2]float64{}, [2]float64{}
			for j := range x {
				x32[j], dy32[j] = float32(3*r.NormFloat64()), float32(r.NormFloat64())
				x[j], dy[j] = float64(x32[j]), float64(dy32[j])
				u := scale * x[j]
				r3 := math.Pow(1+alpha*u*u, -1.5)
				for i, term := range []float64{-.25 * u * u * u * r3, .5 * x[j] * r3} {
					want[i] += dy[j] * term
					// w = 2y - 1 has the absolute error of y.
					size[i] += math.Abs(dy[j]) * (math.Abs(term) + []float64{1, 1 / scale}[i])
				}
			}
			y, y32 := make([]float64, n), make([]float32, n)
			f.Forward64(y, x)
			f.Forward(y32, x32)
			for i, name := range []string{"alpha", "scale"} {
				if got := f.ParamGradFromOutput(i, dy32, y32); math.Abs(got-want[i]) > 8*0x1p-23*size[i] {
					t.Fatalf("%s, %s, %d elements: %v, want %v", spec, name, n, got, want[i])
				}
				if got := f.ParamGradFromOutput64(i, dy, y); math.Abs(got-want[i]) > 8*0x1p-52*size[i] {
					t.Fatalf("%s, %s, %d elements of float64: %v, want %v", spec, name, n, got, want[i])
				}
				if got := f.ParamGrad64(i, dy, x); math.Abs(got-want[i]) > 16*0x1p-52*size[i] {
					t.Fatalf("%s, %s, %d elements of float64, from x: %v, want %v", spec, name, n, got, want[i])
				}
			}
		}
	}
	// At the end of the range the scale changes nothing, alpha does: -1/4 (-1)^3.
	f := isrlu.Must(isrlu.ISRUSigmoidScaled(1, 0.5))
	for i, want := range []float64{.5, 0} {
		if got := f.ParamGradFromOutput(i, []float32{2}, []float32{0}); got != want {
			t.Errorf("parameter %d at y = 0: %v, want %v", i, got, want)
		}
		if got := f.ParamGradFromOutput(i, []float32{1}, []float32{float32(math.NaN())}); !math.IsNaN(got) {
			t.Errorf("parameter %d: NaN gives %v", i, got)
		}
	}
}

func TestParamGradFromOutputAtSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	f := isrlu.Must(isrlu.ISRLU(4))
	for _, y := range []float32{0, float32(math.Copysign(0, -1)), 1e-40, 3e38, inf} {
		if got := f.ParamGradFromOutput(0, []float32{2}, []float32{y}); got != 0 {
			t.Errorf("isrlu at y = %v: %v, want 0: alpha has no part in it", y, got)
		}
	}
	// The end of the curve: y = -1/sqrt(4), df/dalpha = 1/16.
	if got := f.ParamGradFromOutput(0, []float32{2}, []float32{-.5}); got != .125 {
		t.Errorf("isrlu at the end: %v, want .125", got)
	}
	if got := f.ParamGradFromOutput(0, []float32{1, 1}, []float32{nan, 0}); !math.IsNaN(got) {
		t.Errorf("NaN gives %v", got)
	}
}

func TestParamGradFromOutputPanicsByName(t *testing.T) {
	for want, call := range map[string]func(){
		"gradient of its parameter from the output": func() {
			isrlu.Must(isrlu.Parse("elu")).ParamGradFromOutput(0, nil, nil)
		},
		"dy has length 2, y has 1": func() {
			isrlu.Must(isrlu.ISRU(1)).ParamGradFromOutput(0, make([]float32, 2), make([]float32, 1))
		},
	} {
		func() {
			defer func() {
				if v, _ := recover().(string); !strings.Contains(v, want) {
					t.Errorf("panic %q does not say %q", v, want)
				}
			}()
			call()
		}()
	}
}
