package isrlu

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/kernel"
)

// HasParamGradFromOutput reports whether the gradient with respect to each
// parameter is a function of the output alone, as for ISRLU, ISRU and the ISRU
// sigmoid.
func (f *Function) HasParamGradFromOutput() bool {
	switch f.row.id {
	case kernel.ISRLU, kernel.ISRU, kernel.ISRUSigmoid:
		return true
	}
	return false
}

// ParamGradFromOutput returns what [Function.ParamGrad] does, from y = f(x)
// alone: with y = x r, df/dalpha = -1/2 (x r)^3 = -1/2 y^3 on the curve. With
// w = 2y - 1 those of the ISRU sigmoid are df/dalpha = -1/4 w^3 and
// df/dscale = w (1 - alpha w^2)/(2 scale). It panics if the function has no such
// form: see [Function.HasParamGradFromOutput].
func (f *Function) ParamGradFromOutput(i int, dy, y []float32) float64 {
	return paramGradFromOutput(f, i, dy, y)
}

// ParamGradFromOutput64 is [Function.ParamGradFromOutput] in float64.
func (f *Function) ParamGradFromOutput64(i int, dy, y []float64) float64 {
	return paramGradFromOutput(f, i, dy, y)
}

func paramGradFromOutput[T float32 | float64](f *Function, i int, dy, y []T) float64 {
	f.needParam(i)
	f.need(f.HasParamGradFromOutput(), "gradient of its parameter from the output")
	if len(dy) != len(y) {
		panic(fmt.Sprintf("isrlu: dy has length %d, y has %d", len(dy), len(y)))
	}
	if f.row.id == kernel.ISRUSigmoid {
		return sigmoidParamGrad(f, i, dy, y)
	}
	// Only the curved side of ISRLU depends on alpha; ISRU is curved on both.
	var high T
	if f.row.id == kernel.ISRU {
		high = T(math.Inf(1))
	}
	var s [4]float64
	for ; len(y) >= 4; dy, y = dy[4:], y[4:] {
		for k := range s {
			v := min(y[k], high)
			s[k] += float64(dy[k] * v * v * v)
		}
	}
	for k, v := range y {
		v = min(v, high)
		s[0] += float64(dy[k] * v * v * v)
	}
	return -.5 * ((s[0] + s[1]) + (s[2] + s[3]))
}

func sigmoidParamGrad[T float32 | float64](f *Function, i int, dy, y []T) float64 {
	alpha, factor := T(f.params[0]), -.25
	if i == 1 {
		factor = .5 / f.params[1]
	}
	var s [4]float64
	for k, v := range y {
		w := 2*v - 1
		w2 := T(w * w)
		if i == 1 { // not negative: rounding may have put y beyond the range
			w2 = max(0, 1-T(alpha*w2))
		}
		s[k&3] += float64(dy[k] * w * w2)
	}
	return factor * ((s[0] + s[1]) + (s[2] + s[3]))
}
