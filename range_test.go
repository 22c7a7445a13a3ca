package isrlu

import (
	"math"
	"testing"
)

// Exact results lie in the function's range, others beyond it by no more than
// their error, and the derivative from them is never negative.
func TestResultsStayInTheRange(t *testing.T) {
	ranges := map[string][2]float64{
		"isrlu:4":            {-0.5, math.Inf(1)},
		"isru:4":             {-0.5, 0.5},
		"isru_sigmoid:1":     {0, 1},
		"isru_sigmoid:1,0.5": {0, 1},
		"isru_sigmoid:4,2":   {0.25, 0.75},
		"isru_sigmoid:1,0.3": {-0x1p-23, 1}, // alpha scale^2 is rounded
		"dyisru:2,4":         {-2, 2},
		"relu":               {0, math.Inf(1)},
		"elu:2":              {-2, math.Inf(1)},
		"tanh":               {-1, 1},
		"sigmoid":            {0, 1},
		"softplus":           {0, math.Inf(1)},
	}
	const n = 1 << 20
	x, y, dx, ones := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		ones[i] = 1
		x[i] = math.Float32frombits(uint32(i) * 4093)
		if x[i] != x[i] {
			x[i] = 8.2 + float32(i)/n // near the saturation of tanh
		}
	}
	for spec, r := range ranges {
		for _, p := range []Precision{Exact, Default, Fast} {
			for _, level := range SIMDLevels() {
				f, err := Must(Parse(spec)).WithPrecision(p).WithSIMD(level)
				if err != nil {
					t.Fatal(err)
				}
				slack := map[Precision]float64{Exact: 0, Default: 0x1p-22, Fast: 0x1p-11}[p]
				low, high := r[0]-slack*math.Max(1, -r[0]), r[1]
				if !math.IsInf(high, 1) {
					high += slack * math.Max(1, high)
				}
				f.Forward(y, x)
				f.BackwardFromOutput(dx, ones, y)
				for i, v := range y {
					if v := float64(v); !(v >= low && v <= high && dx[i] >= 0) {
						t.Errorf("%s %s %s: f(%v) = %v, f' = %v, range %v", spec, p, level, x[i], v, dx[i], r)
						break
					}
				}
			}
		}
	}
}
