package isrlu

import (
	"math"
	"testing"

	"github.com/isrlu/isrlu/internal/reference"
)

// An error of the derivative is the most units in the last place of dx where dx lies
// just below a power of two: backward bounds hold there too. The inputs are around
// the worst of [-104, -1].
func TestBackwardBoundsHoldForEveryGradient(t *testing.T) {
	const n = 1 << 15
	x, dy, dx := make([]float32, n), make([]float32, n), make([]float32, n)
	for name, worst := range map[string]float32{
		"selu": -87.63867, "elu": -86.34279, "tanh": -43.47131, "sigmoid": -86.24749,
		"softplus": -16.924269, "isrlu": -97.47736,
	} {
		f := Must(New(name))
		ref, ok := reference.Lookup(name)
		if !ok {
			t.Fatalf("no reference for %s", name)
		}
		for i := range x {
			x[i] = math.Float32frombits(math.Float32bits(worst) - n/2 + uint32(i))
			fraction, _ := math.Frexp(ref.Derivative(float64(x[i]), f.Params()))
			dy[i] = float32((1 - 0x1p-10) / fraction)
		}
		f.Backward(dx, dy, x)
		most := 0.0
		for i := range x {
			want := ref.Derivative(float64(x[i]), f.Params()) * float64(dy[i])
			most = max(most, math.Abs(float64(dx[i])-want)/math.Ldexp(1, max(-149, math.Ilogb(want)-23)))
		}
		if bound := f.Bound(Backward).ULP; most > bound || most < bound/2 {
			t.Errorf("%s: the error is %.3g ulp, the bound %v", name, most, bound)
		}
		t.Logf("%s: %.3g ulp", name, most)
	}
}
