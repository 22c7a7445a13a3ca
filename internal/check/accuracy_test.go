package check

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// The sample takes the worst inputs in, so that it meets the errors of the walk
// over all float32 that the table of docs/accuracy.md shows.
func TestSampleMeetsTheErrorsOfTheTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/accuracy.md")
	if err != nil {
		t.Fatal(err)
	}
	levels := map[string]string{"AVX2": "avx2", "AVX-512": "avx512"}
	seen := map[string]bool{}
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 8 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		f, err := isrlu.Parse(cells[0])
		if err != nil {
			continue // the table's head
		}
		seen[f.Name()] = true
		precision, err := isrlu.ParsePrecision(cells[1])
		if err != nil {
			t.Fatal(err)
		}
		simd := isrlu.SIMDLevels()
		if cells[2] != "all" {
			simd = []string{levels[cells[2]]}
		}
		if !slices.Contains(isrlu.SIMDLevels(), simd[0]) {
			continue
		}
		results, err := Run(context.Background(), Options{
			Functions: []*isrlu.Function{f}, Precisions: []isrlu.Precision{precision},
			Directions: []isrlu.Direction{isrlu.Forward}, SIMD: simd, Type: call.Float32, Step: 1 << 24,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			b := r.Bound
			bound := fmt.Sprintf("%v ulp", b.ULP)
			ulps := fmt.Sprintf("%.4g", r.ULP.Error)
			switch {
			case b.Abs > 0:
				bound, ulps = fmt.Sprintf("%.3g absolute", b.Abs), "—"
			case b.Rel > 0:
				bound = fmt.Sprintf("%.3g relative", b.Rel)
			}
			// RSQRTPS is not the same on every processor, and portable Go has no
			// estimates.
			if precision != isrlu.Exact && (cells[2] == "AVX2" || r.SIMD == "portable") {
				ulps = cells[3]
			}
			if ulps != cells[3] || bound != cells[7] || !r.OK() {
				t.Errorf("%s %s %s: %s ulp, bound %s, %d beyond it; the table says %s and %s",
					r.Function, r.Precision, r.SIMD, ulps, bound, r.Broken, cells[3], cells[7])
			}
		}
	}
	for _, name := range isrlu.Names() {
		if !seen[name] {
			t.Errorf("the table has no row of %s", name)
		}
	}
}
