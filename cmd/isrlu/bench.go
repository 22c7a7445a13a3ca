package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

// benchDirections are those of training.
var benchDirections = []isrlu.Direction{isrlu.Forward, isrlu.Backward, isrlu.BackwardFromOutput}

func newBenchCmd() *cobra.Command {
	var (
		sel        selection
		sizes      []string
		placements []string
		perCell    time.Duration
		plotFile   string
	)
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the time per element beside Go's built-in copy",
		Long: `bench measures nanoseconds per element and GB/s of each function, direction and
precision on one core, beside Go's built-in copy (the row "copy").

All cells are measured in interleaved rounds, so that the mood of the machine
falls on all alike; the figures are medians of samples of at least 0.2 ms, and
the column "spread" is the distance of the quartiles relative to the median.
GB/s counts the bytes that an operation reads and writes: two arrays in a
forward pass and a copy, three in a backward pass. Backward passes in place
overwrite the gradient that they are given.

The default sizes lie, as float32, in the first, second and third level cache
and in the memory of most processors.

The commands below measure whole networks, and the matrix products that these
spend most of their time in.`,
		Example: `  isrlu bench
  isrlu bench --functions isrlu,elu,relu --sizes 4Ki,512Ki,16Mi --directions forward
  isrlu bench --functions isrlu --simd all --placements separate --format csv
  isrlu bench --functions isrlu,elu,gelu --sizes 64Ki --plot speed.svg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := sel.parse(benchDirections)
			if err != nil {
				return err
			}
			o := bench.Options{
				Functions: c.functions, Precisions: c.precisions, Directions: c.directions,
				SIMD: c.simd, Type: c.typ, Time: perCell,
			}
			for _, s := range sizes {
				n, err := bench.ParseSize(s)
				if err != nil {
					return usage(err)
				}
				o.Sizes = append(o.Sizes, n)
			}
			if o.Placements, err = bench.ParsePlacements(placements); err != nil {
				return usage(err)
			}
			if err := checkCellTime(perCell); err != nil {
				return err
			}
			if plotFile != "" {
				if _, err := report.PlotFormat(plotFile); err != nil {
					return usage(err)
				}
			}
			update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
			o.Progress = update
			results, err := bench.Run(cmd.Context(), o)
			clear()
			if err != nil {
				return err
			}
			if err := writeBench(cmd.OutOrStdout(), results, c); err != nil {
				return err
			}
			if plotFile != "" {
				return benchFigure(results, c).WriteFile(plotFile)
			}
			return nil
		},
	}
	sel.register(cmd, "forward, backward, backward_from_output")
	f := cmd.Flags()
	f.StringSliceVarP(&sizes, "sizes", "n", []string{"4Ki", "64Ki", "512Ki", "16Mi"}, "elements, such as 4096, 4Ki or 16Mi")
	f.StringSliceVar(&placements, "placements", nil, "where results go: inplace, separate (default both)")
	f.DurationVar(&perCell, "time", bench.DefaultTime, "time to measure each cell for")
	f.StringVar(&plotFile, "plot", "", "also draw bars into this file, .svg or .png")
	complete(cmd, "placements", bench.Placements)
	cmd.AddCommand(newBenchNetworkCmd(), newBenchGemmCmd(), newBenchRecurrentCmd())
	return cmd
}

// checkCellTime makes sure of the time to measure each cell for.
func checkCellTime(d time.Duration) error {
	if d <= 0 || d > time.Minute {
		return usagef("time per cell must lie in (0, 1m], got %v", d)
	}
	return nil
}

// benchTitle says what the figures depend on.
func benchTitle(c chosen) string { return machineTitle(c.simd) + ", one core, " + c.typ.String() }

func machineTitle(simd []string) string {
	return fmt.Sprintf("%s, SIMD %s, %s, %s/%s",
		bench.Processor(), strings.Join(simd, " "), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// machineFields say the same as the title.
func machineFields(simd []string, typ call.Type) []report.Field {
	return []report.Field{
		{Name: "processor", Value: bench.Processor()},
		{Name: "simd", Value: simd},
		{Name: "go", Value: runtime.Version()},
		{Name: "os", Value: runtime.GOOS},
		{Name: "arch", Value: runtime.GOARCH},
		{Name: "type", Value: typ.String()},
	}
}

// peakTitle is the title of measurements beside the peak, on so many threads.
func peakTitle(threads string, peak float64) string {
	return fmt.Sprintf("%s, %s, %s, FMA peak %.1f GFLOP/s a core",
		machineTitle([]string{isrlu.SIMDLevel()}), threads, call.Float32, peak)
}

func peakFields(peak float64) []report.Field {
	return append(machineFields([]string{isrlu.SIMDLevel()}, call.Float32), report.Field{Name: "peak_gflops", Value: digits(peak)})
}

func writeBench(w io.Writer, results []bench.Result, c chosen) error {
	t := report.Table{
		Title:  benchTitle(c),
		Fields: machineFields(c.simd, c.typ),
		Columns: []report.Column{
			{Name: "function", Left: true},
			{Name: "precision", Left: true},
			{Name: "direction", Left: true},
			{Name: "placement", Left: true},
			{Name: "simd", Left: true},
			{Name: "elements"},
			{Name: "ns_per_element", Title: "ns/element", Verb: "%.4f"},
			{Name: "gb_per_s", Title: "GB/s", Verb: "%.1f"},
			{Name: "copy_ratio", Title: "x copy", Verb: "%.2f", TextOnly: true},
			{Name: "spread", Title: "spread", TextOnly: true},
		},
	}
	for _, r := range results {
		t.Rows = append(t.Rows, []any{
			r.Function, r.Precision, r.Direction, r.Placement.String(), r.SIMD, r.Elements,
			digits(r.NsPerElement), digits(r.GBPerS), r.CopyRatio, fmt.Sprintf("%.1f%%", 100*(r.Q3-r.Q1)/r.NsPerElement),
		})
	}
	return t.Write(w, c.format)
}

// digits keeps five significant digits: no measurement has more.
func digits(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	if err != nil {
		panic(err) // it was just formatted
	}
	return v
}

// benchFigure draws a row of panels for each direction, one for each
// placement: the functions side by side, a bar for each size.
func benchFigure(results []bench.Result, c chosen) *report.Figure {
	fig := &report.Figure{Title: benchTitle(c)}
	precisions := map[string]map[string]bool{}
	var copies []bench.Result
	for _, r := range results {
		if r.Function == bench.Copy {
			copies = append(copies, r)
			continue
		}
		if precisions[r.Function] == nil {
			precisions[r.Function] = map[string]bool{}
		}
		precisions[r.Function][r.Precision] = true
	}
	panels := map[string]*report.Bars{}
	rows := map[string]int{}
	for _, r := range results {
		if r.Function == bench.Copy {
			continue
		}
		title := r.Direction + ", " + r.Placement.String()
		panel := panels[title]
		if panel == nil {
			panel = &report.Bars{Title: title, YLabel: "ns per element"}
			panels[title] = panel
			row, ok := rows[r.Direction]
			if !ok {
				row = len(fig.Rows)
				rows[r.Direction] = row
				fig.Rows = append(fig.Rows, nil)
			}
			fig.Rows[row] = append(fig.Rows[row], panel)
			for _, copied := range copies {
				panel.Set(bench.Copy, bench.FormatSize(copied.Elements), copied.NsPerElement)
			}
		}
		name := r.Function
		if len(precisions[r.Function]) > 1 {
			name += " " + r.Precision
		}
		if len(c.simd) > 1 {
			name += " " + r.SIMD
		}
		panel.Set(name, bench.FormatSize(r.Elements), r.NsPerElement)
	}
	return fig
}
