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
