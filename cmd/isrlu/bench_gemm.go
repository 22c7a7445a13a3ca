package main

import (
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/report"
)

// gemmShapes are cubes from what nearly fits the first-level cache to what does not
// fit the second, and products of layers: a dense layer of 3136 inputs, the gradient
// of its weights, a dense layer on one image, a convolution of 28x28 pixels.
var gemmShapes = []string{
	"64", "128", "256", "512", "1024",
	"100x256x3136", "3136x256x100", "1x1024x1024", "784x32x288",
}

func newBenchGemmCmd() *cobra.Command {
	var (
		shapes, transposes []string
		perCell            time.Duration
		format             string
	)
	cmd := &cobra.Command{
		Use:   "gemm",
		Short: "Measure products of float32 matrices beside the processor's peak",
		Long: `gemm measures products of an M x K with a K x N matrix on one core: milliseconds
for a call, GFLOP/s (2 M N K operations) and the percentage of the fused
multiply-adds that this core was seen to do in registers.

--transpose says how the two factors are stored: n as they are multiplied, t
transposed. What a call does to bring them into the order that it needs is part of
its time.

All products take turns in rounds, so that the mood of the machine falls on all
alike; the figures are medians, and the column "spread" is the distance of the
quartiles relative to the median.`,
		Example: `  isrlu bench gemm
  isrlu bench gemm --shapes 512,100x256x3136 --transpose all
  isrlu bench gemm --shapes 1024 --time 2s --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			as, err := report.ParseFormat(format)
			if err != nil {
				return usage(err)
			}
			o := bench.ProductOptions{Time: perCell}
			for _, text := range shapes {
				s, err := bench.ParseProductShape(text)
				if err != nil {
					return usage(err)
				}
				if !slices.Contains(o.Shapes, s) {
					o.Shapes = append(o.Shapes, s)
				}
			}
			if len(o.Shapes) == 0 {
				return usagef("--shapes names no product; give some, such as 512 or 100x256x3136")
			}
			if o.Transposes, err = bench.ParseTransposes(transposes); err != nil {
				return usage(err)
			}
			if err := checkCellTime(perCell); err != nil {
				return err
			}
			update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
			o.Progress = update
			results, err := bench.Products(cmd.Context(), o)
			clear()
			if err != nil {
				return err
			}
			return writeProducts(cmd.OutOrStdout(), results, as)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&shapes, "shapes", gemmShapes, "shapes MxNxK, or one number for a cube")
	f.StringSliceVar(&transposes, "transpose", []string{"nn"}, "how the factors are stored: nn, nt, tn, tt, all")
	f.DurationVar(&perCell, "time", bench.DefaultProductTime, "time to measure each product for")
	registerFormat(f, &format)
	complete(cmd, "shapes", gemmShapes)
	complete(cmd, "transpose", append(slices.Clone(bench.Transposes), "all"))
	completeOne(cmd, "format", report.Formats)
	return cmd
}

func writeProducts(w io.Writer, results *bench.ProductResults, format report.Format) error {
	t := report.Table{
		Title:  peakTitle("one core", results.PeakGFLOPS),
		Fields: peakFields(results.PeakGFLOPS),
		Columns: []report.Column{
			{Name: "m"},
			{Name: "n"},
			{Name: "k"},
			{Name: "transpose", Left: true},
			{Name: "ms", Verb: "%.4f"},
			{Name: "spread", TextOnly: true},
			{Name: "gflops", Title: "GFLOP/s", Verb: "%.1f"},
			{Name: "peak_percent", Title: "% peak", Verb: "%.1f"},
		},
	}
	for _, r := range results.Products {
		t.Rows = append(t.Rows, []any{
			r.M, r.N, r.K, r.Transpose, digits(r.MS), percent((r.Q3 - r.Q1) / r.MS), digits(r.GFLOPS), digits(r.PeakPercent),
		})
	}
	return t.Write(w, format)
}
