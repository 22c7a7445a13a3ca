package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/internal/check"
	"github.com/isrlu/isrlu/report"
)

func newCheckCmd() *cobra.Command {
	var (
		sel        selection
		exhaustive bool
		workers    int
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Measure errors against a higher-precision reference",
		Long: `check compares each function, direction and precision with a reference of higher
precision and prints the largest errors with the input that gives them, beside
the documented bound. It fails, with exit status 1, if a bound is broken.

By default it takes a sample of float32: bit patterns at even distances, and
the neighbours of zero, of the powers of two and of the infinities.
--exhaustive walks all 2^32 patterns. The 16-bit types are always walked whole,
float64 is always sampled. In backward passes the gradient varies as well, over
both signs.

Errors in ulp are units in the last place at the exact result. A wrong special
value, such as a number where NaN belongs, counts as Inf. An element keeps the
bound by any of its numbers: ulp, absolute or relative.`,
		Example: `  isrlu check
  isrlu check --functions isrlu:3 --directions all --simd all
  isrlu check --functions isrlu --precisions fast --directions forward --exhaustive
  isrlu check --type bfloat16 --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := sel.parse(call.Directions)
			if err != nil {
				return err
			}
			if exhaustive && c.typ == call.Float64 {
				return usagef("--exhaustive cannot walk the 2^64 patterns of float64; leave one of the two out")
			}
			if workers < 0 {
				return usagef("workers must not be negative, got %d", workers)
			}
			update, clear := newProgress[uint64](cmd.ErrOrStderr(), "checking")
			results, err := check.Run(cmd.Context(), check.Options{
				Functions: c.functions, Precisions: c.precisions, Directions: c.directions, SIMD: c.simd,
				Type: c.typ, Exhaustive: exhaustive, Workers: workers, Progress: update,
			})
			clear()
			if err != nil {
				return err
			}
			if err := writeCheck(cmd.OutOrStdout(), results, c.format); err != nil {
				return err
			}
			return boundsError(results)
		},
	}
	sel.register(cmd, "all")
	cmd.Flags().BoolVar(&exhaustive, "exhaustive", false, "walk all 2^32 float32 patterns")
	cmd.Flags().IntVar(&workers, "workers", 0, "goroutines (default one for each processor)")
	return cmd
}

// boundsError counts the broken bounds; nil if there are none.
func boundsError(results []check.Result) error {
	broken := 0
	for _, r := range results {
		if !r.OK() {
			broken++
		}
	}
	if broken == 0 {
		return nil
	}
	return fmt.Errorf("check: %d of %d bounds broken", broken, len(results))
}

func writeCheck(w io.Writer, results []check.Result, format report.Format) error {
	t := report.Table{
		Fields: []report.Field{{Name: "simd", Value: isrlu.SIMDLevel()}},
		Columns: []report.Column{
			{Name: "function", Left: true},
			{Name: "direction", Left: true},
			{Name: "precision", Left: true},
			{Name: "simd", Left: true},
			{Name: "type", DataOnly: true},
			{Name: "checked"},
			{Name: "max_ulp", Title: "max ulp", Verb: "%.4g"},
			{Name: "ulp_input", Title: "at"},
			{Name: "ulp_gradient", DataOnly: true},
			{Name: "max_abs", Title: "max abs", Verb: "%.3g"},
			{Name: "abs_input", Title: "at"},
			{Name: "abs_gradient", DataOnly: true},
			{Name: "max_rel", Title: "max rel", Verb: "%.3g"},
			{Name: "rel_input", Title: "at"},
			{Name: "rel_gradient", DataOnly: true},
			{Name: "bound", TextOnly: true},
			{Name: "bound_ulp", DataOnly: true},
			{Name: "bound_abs", DataOnly: true},
			{Name: "bound_rel", DataOnly: true},
			{Name: "broken", DataOnly: true},
			{Name: "status", Left: true},
		},
	}
	for _, r := range results {
		status := "ok"
		if !r.OK() {
			status = "FAIL"
			t.Notes = append(t.Notes, failure(&r))
		}
		row := []any{r.Function, r.Direction, r.Precision, r.SIMD, r.Type.String(), r.Checked}
		for _, e := range []check.Worst{r.ULP, r.Abs, r.Rel} {
			row = append(row, e.Error, shortest(e, e.Input, r.Type), shortest(e, e.Gradient, r.Type))
		}
		row = append(row, boundText(r.Bound), r.Bound.ULP, r.Bound.Abs, r.Bound.Rel, r.Broken, status)
		t.Rows = append(t.Rows, row)
	}
	if len(results) == 0 {
		t.Notes = append(t.Notes, "Nothing to check: no chosen function has a chosen direction.")
	}
	return t.Write(w, format)
}

// shortest writes an input with as few digits as tell it from its neighbours;
// nothing where there is no error.
func shortest(e check.Worst, v float64, t call.Type) any {
	if e.Error == 0 {
		return nil
	}
	bits := 32
	if t == call.Float64 {
		bits = 64
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

func boundText(b isrlu.Bound) string {
	switch {
	case b == isrlu.Bound{}:
		return "-"
	case b.Rel != 0:
		return fmt.Sprintf("%.3g rel", b.Rel)
	case b.Abs == 0:
		return fmt.Sprintf("%.4g ulp", b.ULP)
	case b.ULP == 0:
		return fmt.Sprintf("%.3g abs", b.Abs)
	}
	return fmt.Sprintf("%.4g ulp or %.3g", b.ULP, b.Abs)
}

func failure(r *check.Result) string {
	at := fmt.Sprintf("%v", shortest(r.First, r.First.Input, r.Type))
	if r.First.Gradient != 0 {
		at += fmt.Sprintf(" (dy = %v)", r.First.Gradient)
	}
	return fmt.Sprintf("FAIL %s %s %s %s: %d elements beyond the bound, the first at %s: got %v, exact %v (%.4g ulp)",
		r.Function, r.Direction, r.Precision, r.SIMD, r.Broken, at, r.First.Got, r.First.Want, r.First.Error)
}
