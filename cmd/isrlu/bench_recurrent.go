package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

func newBenchRecurrentCmd() *cobra.Command {
	var (
		o         experiment.RecurrentOptions
		functions string
		format    string
	)
	cmd := &cobra.Command{
		Use:   "recurrent",
		Short: "Measure recurrent layers with ISRU in place of tanh and the logistic function",
		Long: `recurrent measures layers of LSTM, GRU or plain recurrent units on random sequences
with as many features as units: the forward pass as inference does it, and forward
and backward together as training does, with the gradients of all weights. The
optimizer and the loss are no part of it, but for that of the last step.

A function is that of the state; after a slash may stand that of the gates. Without
it, isru has isru_sigmoid with scale 1/2 beside it, and all others sigmoid, the
logistic function.

All functions and passes of one layer take turns in rounds, so that the mood of the
machine falls on all alike; the figures are medians, and the column "spread" is the
distance of the quartiles relative to the median. "elementwise" is the part of the
time in the kernels of gates and states; the rest is products of matrices. GFLOP/s
counts 2 operations for each multiply-add of these products.`,
		Example: `  isrlu bench recurrent
  isrlu bench recurrent --cell lstm,gru --units 64 --functions tanh,isru,isru/sigmoid
  isrlu bench recurrent --units 256 --steps 100 --batch 1 --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			as, err := report.ParseFormat(format)
			if err != nil {
				return usage(err)
			}
			o.Functions = call.SplitSpecs(functions)
			if err := checkCellTime(o.Time); err != nil {
				return err
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
			o.Progress = update
			times, err := experiment.TimeRecurrent(cmd.Context(), o)
			clear()
			if err != nil {
				return err
			}
			return recurrentTable(times, &o).Write(cmd.OutOrStdout(), as)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&o.Cells, "cell", []string{"lstm"}, "layers: "+strings.Join(experiment.CellNames, ", "))
	f.IntSliceVar(&o.Units, "units", []int{64, 256, 1024}, "units, and features of the input")
	f.StringVarP(&functions, "functions", "f", "isru,tanh", "functions of the state, and of the gates after a slash: tanh, isru, isru/sigmoid")
	f.IntVar(&o.Steps, "steps", 32, "time steps of a sequence")
	f.IntVar(&o.Batch, "batch", 32, "sequences of a batch")
	f.IntVar(&o.Threads, "threads", 1, "cores")
	f.DurationVar(&o.Time, "time", experiment.DefaultNetworkTime, "time to measure each layer and pass for")
	registerFormat(f, &format)
	complete(cmd, "cell", experiment.CellNames)
	complete(cmd, "functions", functionNames())
	completeOne(cmd, "format", report.Formats)
	return cmd
}

func recurrentTable(times []experiment.RecurrentTime, o *experiment.RecurrentOptions) *report.Table {
	peak := experiment.PeakGFLOPS()
	t := &report.Table{
		Title:  peakTitle(fmt.Sprintf("%d steps, batch %d, threads %d", o.Steps, o.Batch, o.Threads), peak),
		Fields: append(peakFields(peak), report.Field{Name: "steps", Value: o.Steps}, report.Field{Name: "batch", Value: o.Batch}, report.Field{Name: "threads", Value: o.Threads}),
		Columns: []report.Column{
			{Name: "cell", Left: true},
			{Name: "units"},
			{Name: "functions", Left: true},
			{Name: "pass", Left: true},
			{Name: "ms", Verb: "%.3f"},
			{Name: "spread", TextOnly: true},
			{Name: "ms_low", DataOnly: true}, {Name: "ms_high", DataOnly: true},
			{Name: "gflops", Title: "GFLOP/s", Verb: "%.1f"},
			{Name: "peak", Title: "% peak", Verb: "%.1f", TextOnly: true},
			{Name: "elementwise_share", DataOnly: true},
			{Name: "elementwise", TextOnly: true},
		},
	}
	for _, r := range times {
		t.Rows = append(t.Rows, []any{
			r.Cell, r.Units, r.Functions, experiment.RecurrentPassNames[r.Pass],
			digits(r.MS.Median), percent((r.MS.High - r.MS.Low) / r.MS.Median), digits(r.MS.Low), digits(r.MS.High),
			digits(r.GFLOPS), 100 * r.GFLOPS / (peak * float64(o.Threads)), digits(r.CellShare), percent(r.CellShare),
		})
	}
	return t
}
