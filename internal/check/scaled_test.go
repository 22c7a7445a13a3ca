package check

import (
	"context"
	"math"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// TestScaledSigmoidIsAccurate: with any alpha and scale the errors are those
// of the documented bounds and of the rounding of the parameters. Where the range
// ends at a number that is not exact, alpha other than 1, what comes from the
// output is within an absolute error: a y there has lost its derivative.
func TestScaledSigmoidIsAccurate(t *testing.T) {
	for _, p := range [][2]float64{{1, 0.5}, {1, 0.1}, {1, 0.3}, {1, 3}, {2. / 3, 0.5}, {4, 0.5}, {0.25, 2}, {3, 1.7}, {0.7, 0.3}} {
		alpha, scale := p[0], p[1]
		f := isrlu.Must(isrlu.ISRUSigmoidScaled(alpha, scale))
		for _, typ := range []call.Type{call.Float32, call.Float64} {
			unit := map[call.Type]float64{call.Float32: 0x1p-23, call.Float64: 0x1p-52}[typ]
			results, err := Run(context.Background(), Options{
				Functions: []*isrlu.Function{f}, Precisions: call.Precisions, Directions: call.Directions,
				SIMD: isrlu.SIMDLevels(), Type: typ, Step: 1 << 18,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				ulp, abs := math.Inf(1), math.Inf(1)
				switch r.Direction {
				case "forward":
					abs = 1.25 * r.Bound.Abs * max(1, 1/math.Sqrt(alpha))
				case "inverse":
					if alpha == 1 {
						ulp = r.Bound.ULP + 1
					}
				case "backward_from_output": // |dy| < 2
					abs = scale * max(2*unit, r.Bound.Rel)
				case "parameter_gradient_2":
					abs = 2 * unit / scale / math.Sqrt(alpha)
				default:
					ulp = r.Bound.ULP + 2
				}
				if !(r.ULP.Error <= ulp && r.Abs.Error <= abs) {
					t.Errorf("%v %s %s %s %s: %v ulp at %v, absolute %v at %v; want at most %v and %v", typ, r.Function,
						r.Direction, r.Precision, r.SIMD, r.ULP.Error, r.ULP.Input, r.Abs.Error, r.Abs.Input, ulp, abs)
				}
			}
		}
	}
}
