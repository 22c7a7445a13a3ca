package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/report"
)

func newONNXBenchCmd() *cobra.Command {
	var (
		in      onnxInput
		o       experiment.ModelTimeOptions
		format  string
		perCell time.Duration
	)
	cmd := &cobra.Command{
		Use:   "bench model...",
		Short: "Measure the time of ONNX models in this engine and in ONNX Runtime",
		Long: `bench measures the inference of one batch of random input, of each model in this
engine and, with --onnxruntime or ISRLU_ONNXRUNTIME in the environment, in ONNX
Runtime. All take turns in rounds, so that the mood of the machine falls on all
alike; the figures are medians, and the column "spread" is the distance of the
quartiles relative to the median. "of first" is the time relative to that of the
first model in the last runtime that runs it: ONNX Runtime, if it is there. The time
in this engine is that for samples in its own order, the channels of images last.

What a runtime does not run has no time, and the reason is on stderr and in the column
"problem" of CSV and JSON. It is an error if nothing runs.`,
		Example: `  isrlu onnx bench model.onnx
  isrlu onnx bench elu.onnx isrlu.onnx --batch 100 --onnxruntime .
  isrlu onnx bench lstm.onnx --shape 28,28 --format csv`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := report.ParseFormat(format)
			if err != nil {
				return usage(err)
			}
			if err := checkCellTime(perCell); err != nil {
				return err
			}
			o.Time, o.Shape, o.ONNXRuntime = perCell, in.shape, in.runtime
			if o.Batch < 1 || o.Batch > 1e5 || o.Threads < 1 || o.Threads > 1<<12 {
				return usagef("--batch must be from 1 to 100000 and --threads from 1 to %d, got %d and %d", 1<<12, o.Batch, o.Threads)
			}
			names := modelNames(args)
			for i, path := range args {
				m, err := onnx.Read(path)
				if err != nil {
					return err
				}
				o.Models = append(o.Models, experiment.NamedModel{Name: names[i], Path: path, Model: m})
			}
			update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
			o.Progress = update
			times, err := experiment.TimeModels(cmd.Context(), o)
			clear()
			if err != nil {
				return err
			}
			if err := modelTable(times).Write(cmd.OutOrStdout(), f); err != nil {
				return err
			}
			return modelProblems(cmd, times)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.Batch, "batch", 1, "samples of a batch")
	f.IntVar(&o.Threads, "threads", 1, "cores")
	f.DurationVar(&perCell, "time", experiment.DefaultNetworkTime, "time to measure each model for, in each runtime")
	in.registerShape(f)
	in.registerRuntime(f, "to measure ONNX Runtime too")
	registerFormat(f, &format)
	completeOne(cmd, "format", report.Formats)
	return cmd
}

// modelNames returns names of the models at the paths: their files' names or, where
// these are equal, their paths.
func modelNames(paths []string) []string {
	count := map[string]int{}
	for _, path := range paths {
		count[filepath.Base(path)]++
	}
	var names []string
	for _, path := range paths {
		if base := filepath.Base(path); count[base] == 1 {
			path = base
		}
		names = append(names, printable(path))
	}
	return names
}

// modelTable has a row for each model and runtime.
func modelTable(times []experiment.ModelTime) *report.Table {
	simd := []string{isrlu.SIMDLevel()}
	t := &report.Table{
		Title:  machineTitle(simd),
		Fields: machineFields(simd, call.Float32),
		Columns: []report.Column{
			{Name: "model", Left: true},
			{Name: "runtime", Left: true},
			{Name: "batch"},
			{Name: "threads"},
			{Name: "ms", Verb: "%.3f"},
			{Name: "spread", TextOnly: true},
			{Name: "low", DataOnly: true},
			{Name: "high", DataOnly: true},
			{Name: "samples_per_s", Title: "samples/s", Verb: "%.0f"},
			{Name: "of_first", Title: "of first", Verb: "%.2f"},
			{Name: "problem", DataOnly: true},
		},
	}
	base := 0.0
	for _, m := range firstModel(times) {
		if m.Problem == "" {
			base = m.MS.Median
		}
	}
	for _, m := range times {
		row := []any{m.Model, m.Runtime, m.Batch, m.Threads, nil, nil, nil, nil, nil, nil, nil}
		if m.Problem == "" {
			copy(row[4:], []any{
				digits(m.MS.Median), percent((m.MS.High - m.MS.Low) / m.MS.Median), digits(m.MS.Low), digits(m.MS.High),
				digits(float64(m.Batch) / (m.MS.Median / 1e3)),
			})
			if base > 0 {
				row[9] = digits(m.MS.Median / base)
			}
		} else {
			row[10] = withoutPackage(m.Problem)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// firstModel returns the times of the first model, in each runtime.
func firstModel(times []experiment.ModelTime) []experiment.ModelTime {
	for i, m := range times {
		if i > 0 && m.Runtime == times[0].Runtime {
			return times[:i]
		}
	}
	return times
}

// modelProblems tells what did not run. It is an error where nothing did.
func modelProblems(cmd *cobra.Command, times []experiment.ModelTime) error {
	ran := false
	for _, m := range times {
		if m.Problem == "" {
			ran = true
			continue
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s does not run in %s: %s\n", m.Model, m.Runtime, withoutPackage(m.Problem))
	}
	if !ran && len(times) > 0 {
		return fmt.Errorf("no runtime runs %s", times[0].Model)
	}
	return nil
}
