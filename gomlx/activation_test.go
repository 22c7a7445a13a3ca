package gomlx

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/isrlu/isrlu"
)

// Every function of package isrlu is there, with its values and its gradients, at 0 too.
func TestApplyHasEveryFunction(t *testing.T) {
	params := map[string]string{
		"isrlu": ":2", "isru": ":0.5", "isru_sigmoid": ":1,0.5", "dyisru": ":2,3", "leaky_relu": ":0.2", "elu": ":1.5",
	}
	x := []float64{0, math.Copysign(0, -1), 1e-300, -1e-300, 1e-8, -1e-8, 700, -700}
	for v := -20.; v < 20; v += .37 {
		x = append(x, v)
	}
	dy := make([]float64, len(x))
	for i := range dy {
		dy[i] = 1 + float64(i%3)
	}
	for _, name := range isrlu.Names() {
		spec := name + params[name]
		f := isrlu.Must(isrlu.Parse(spec)).WithPrecision(isrlu.Exact)
		wantY, wantDX := make([]float64, len(x)), make([]float64, len(x))
		f.Forward64(wantY, x)
		f.Backward64(wantDX, dy, x)
		out := run(t, func(in []*Node) []*Node {
			y := Apply(in[0], spec)
			return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, in[1])), in[0])...)
		}, x, dy)
		y, dx := flat[float64](t, out[0]), flat[float64](t, out[1])
		for i, v := range x {
			if !near(y[i], wantY[i], 1e-12, 1e-13) {
				t.Errorf("%s(%v) = %v, want %v", spec, v, y[i], wantY[i])
			}
			if !near(dx[i], wantDX[i], 1e-12, 1e-13) {
				t.Errorf("%s: gradient at %v = %v, want %v", spec, v, dx[i], wantDX[i])
			}
		}
	}
}
