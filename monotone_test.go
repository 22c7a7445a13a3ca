package isrlu

import (
	"math"
	"testing"
)

// TestMonotoneFunctionsNeverFall: over a fine walk no value falls below an earlier
// one by more than rounding, and the others do fall.
func TestMonotoneFunctionsNeverFall(t *testing.T) {
	var x []float64
	for v := -30.; v <= 30; v += 1. / 256 {
		x = append(x, v)
	}
	y := make([]float64, len(x))
	functions := []*Function{Must(DyISRU(-1, 1))}
	for _, info := range Functions() {
		functions = append(functions, Must(New(info.Name)))
	}
	for _, f := range functions {
		f.WithPrecision(Exact).Forward64(y, x)
		fall, high := 0., math.Inf(-1)
		for _, v := range y {
			high = max(high, v)
			fall = max(fall, high-v)
		}
		if f.Monotone() != (fall < 1e-14) {
			t.Errorf("%s: Monotone is %v, but the values fall by %v", f, f.Monotone(), fall)
		}
	}
}
