package check

import (
	"context"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// TestDocumentedBoundsHold samples every function at every direction,
// precision and level, with the default parameters and others.
func TestDocumentedBoundsHold(t *testing.T) {
	var fs []*isrlu.Function
	for _, name := range isrlu.Names() {
		fs = append(fs, isrlu.Must(isrlu.New(name)))
	}
	for _, spec := range []string{"isrlu:4", "isru:0.25", "isru_sigmoid:1,0.5"} { // no rounding of their own
		fs = append(fs, isrlu.Must(isrlu.Parse(spec)))
	}
	last, step := call.Float16, uint64(1<<16)
	if testing.Short() {
		last, step = call.Float64, 1<<19
	}
	for typ := call.Float32; typ <= last; typ++ {
		results, err := Run(context.Background(), Options{
			Functions: fs, Precisions: []isrlu.Precision{isrlu.Exact, isrlu.Default, isrlu.Fast},
			Directions: call.Directions, SIMD: isrlu.SIMDLevels(), Type: typ, Step: step,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) < 100 {
			t.Errorf("%v: only %d results", typ, len(results))
		}
		for _, r := range results {
			if !r.OK() {
				t.Errorf("%v %s %s %s %s: %d of %d beyond the bound, max %v ulp at %v",
					typ, r.Function, r.Direction, r.Precision, r.SIMD, r.Broken, r.Checked, r.ULP.Error, r.ULP.Input)
			}
		}
	}
}
