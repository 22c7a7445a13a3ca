package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

// benchNetworkFlags are the flags of bench network.
type benchNetworkFlags struct {
	networks    []string
	activations string
	passes      []string
	batch       int
	threads     []int
	perCell     time.Duration
	layers      bool
	format      string
}

func newBenchNetworkCmd() *cobra.Command {
	var o benchNetworkFlags
	cmd := &cobra.Command{
		Use:   "network",
		Short: "Measure training steps and inference of networks with each activation function",
		Long: `network measures the time of a batch in milliseconds, images per second and
GFLOP/s, in training (a whole step with Adam: forward, loss, backward, optimizer)
and in inference (forward alone), on random images.

Networks are mlp, conv3, conv4 and resnet8, or a file that describes one in JSON.
The functions stand for the layers of the network that name none; :learn after
one makes its parameter a weight.

All cells take turns in rounds, so that the mood of the machine falls on all
alike; the figures are medians, and the column "spread" is the distance of the
quartiles relative to the median. "activation share" is the part of the time that
goes away with the identity in place of the function, measured in the same rounds.

GFLOP/s counts 2 operations for each multiply-add that the plain algorithm of
convolutions and dense layers needs: once for inference; three times for training,
for the forward pass and both backward passes, without the gradient of the
network's input, which nobody computes. "% peak" is relative to the fused
multiply-adds that one core of this machine was seen to do, times the threads.

--layers adds a table with the time of each layer; an activation that runs in the
layer before it is part of that layer, and what belongs to no layer, such as the
optimizer, is the row "rest". In JSON each result has a list "layers"; CSV has a
row for each layer instead of the table above.`,
		Example: `  isrlu bench network
  isrlu bench network --network conv3,conv4 --activation isrlu,isrlu:learn,elu,relu --threads 1,2
  isrlu bench network --network mlp --pass inference --batch 1 --format csv
  isrlu bench network --network net.json --activation isrlu --layers`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&o.networks, "network", []string{"conv4"}, "networks: "+strings.Join(experiment.Tasks[0].Builtins(), ", ")+", or files with one in JSON")
	f.StringVarP(&o.activations, "activation", "a", "isrlu,elu,relu", "functions, such as isrlu:3,isrlu:learn,elu; see isrlu functions")
	f.IntVar(&o.batch, "batch", 100, "images of a batch")
	f.IntSliceVar(&o.threads, "threads", []int{1}, "numbers of threads")
	f.StringSliceVar(&o.passes, "pass", nil, "passes: "+strings.Join(experiment.PassNames, ", ")+" (default both)")
	f.DurationVar(&o.perCell, "time", experiment.DefaultNetworkTime, "time to measure each cell for")
	f.BoolVar(&o.layers, "layers", false, "also show the time of each layer")
	registerFormat(f, &o.format)
	complete(cmd, "network", experiment.Tasks[0].Builtins())
	complete(cmd, "activation", functionNames())
	complete(cmd, "pass", append(slices.Clone(experiment.PassNames), "all"))
	completeOne(cmd, "format", report.Formats)
	return cmd
}

// options makes sure of the flags' values, before any work is done.
func (o *benchNetworkFlags) options() (experiment.TimeOptions, error) {
	t := experiment.TimeOptions{
		Activations: call.SplitSpecs(o.activations), Batch: o.batch, Threads: o.threads, Time: o.perCell, Layers: o.layers,
	}
	if len(t.Activations) == 0 {
		return t, usagef("no function in %q; see isrlu functions", o.activations)
	}
	for _, spec := range t.Activations {
		if err := experiment.CheckActivation(spec); err != nil {
			return t, usagef("--activation: %s", withoutPackage(err.Error()))
		}
	}
	var err error
	if t.Passes, err = experiment.ParsePasses(o.passes); err != nil {
		return t, usage(err)
	}
	if err := checkCellTime(o.perCell); err != nil {
		return t, err
	}
	for _, name := range o.networks {
		n, err := readNetwork(experiment.Tasks[0], name)
		if err != nil {
			return t, err
		}
		n.Name = name
		t.Networks = append(t.Networks, n)
	}
	return t, usage(t.Check())
}

func (o *benchNetworkFlags) run(cmd *cobra.Command) error {
	format, err := report.ParseFormat(o.format)
	if err != nil {
		return usage(err)
	}
	options, err := o.options()
	if err != nil {
		return err
	}
	update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
	options.Progress = update
	times, err := experiment.TimeNetworks(cmd.Context(), options)
	clear()
	if err != nil {
		return err
	}
	return o.write(cmd.OutOrStdout(), times, format)
}

// write writes the cells and, where they are wanted, the layers: in text both, in
// JSON the layers within the cells, in CSV the layers alone.
func (o *benchNetworkFlags) write(w io.Writer, times *experiment.NetworkTimes, format report.Format) error {
	if o.layers && format == report.CSV {
		return layerTable(times, format).Write(w, format)
	}
	if err := o.cellTable(times, format).Write(w, format); err != nil || !o.layers || format == report.JSON {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return layerTable(times, format).Write(w, format)
}

// cellColumns name a cell.
func cellColumns() []report.Column {
	return []report.Column{
		{Name: "network", Left: true},
		{Name: "activation", Left: true},
		{Name: "pass", Left: true},
		{Name: "batch"},
		{Name: "threads"},
	}
}

func cellNames(c *experiment.NetworkTime) []any {
	return []any{c.Network, c.Activation, c.Pass.String(), c.Batch, c.Threads}
}

func (o *benchNetworkFlags) cellTable(times *experiment.NetworkTimes, format report.Format) *report.Table {
	threads := strings.Trim(fmt.Sprint(o.threads), "[]")
	t := &report.Table{
		Title:  peakTitle("threads "+threads, times.PeakGFLOPS),
		Fields: peakFields(times.PeakGFLOPS),
		Columns: append(cellColumns(),
			report.Column{Name: "ms", Verb: "%.3f"},
			report.Column{Name: "spread", TextOnly: true},
			report.Column{Name: "images_per_s", Title: "images/s", Verb: "%.0f"},
			report.Column{Name: "gflops", Title: "GFLOP/s", Verb: "%.1f"},
			report.Column{Name: "peak", Title: "% peak", Verb: "%.1f", TextOnly: true},
			report.Column{Name: "activation_share", DataOnly: true},
			report.Column{Name: "share", Title: "activation share", TextOnly: true},
		),
	}
	if note := experiment.SimulationNote(call.SplitSpecs(o.activations)); note != "" {
		t.Notes = append(t.Notes, note)
	}
	withLayers := o.layers && format == report.JSON
	if withLayers {
		t.Columns = append(t.Columns, report.Column{Name: "layers"})
	}
	for i := range times.Cells {
		c := &times.Cells[i]
		row := append(cellNames(c),
			digits(c.MS.Median), percent((c.MS.High-c.MS.Low)/c.MS.Median), digits(c.ImagesPerSecond), digits(c.GFLOPS),
			c.PeakPercent, digits(c.ActivationShare), percent(c.ActivationShare))
		if withLayers {
			row = append(row, c.Layers)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// layerTable has a row for each layer of each cell.
func layerTable(times *experiment.NetworkTimes, format report.Format) *report.Table {
	t := &report.Table{
		Title: "The time of each layer",
		Columns: append(cellColumns(),
			report.Column{Name: "layer", Left: true},
			report.Column{Name: "kind", Left: true, DataOnly: true},
			report.Column{Name: "forward_ms", Title: "forward ms", Verb: "%.3f"},
			report.Column{Name: "backward_ms", Title: "backward ms", Verb: "%.3f"},
			report.Column{Name: "share", DataOnly: true},
			report.Column{Name: "of_pass", Title: "share", TextOnly: true},
			report.Column{Name: "gflops", Title: "GFLOP/s", Verb: "%.1f"},
			report.Column{Name: "peak", Title: "% peak", Verb: "%.1f", TextOnly: true},
		),
	}
	// Where there is nothing, the text has nothing.
	figure := func(v float64) any {
		if v == 0 && format == report.Text {
			return nil
		}
		return digits(v)
	}
	for i := range times.Cells {
		c := &times.Cells[i]
		for _, l := range c.Layers {
			t.Rows = append(t.Rows, append(cellNames(c),
				l.Layer, l.Kind, digits(l.ForwardMS), figure(l.BackwardMS), digits(l.Share), percent(l.Share),
				figure(l.GFLOPS), figure(100*l.GFLOPS/(times.PeakGFLOPS*float64(c.Threads)))))
		}
	}
	return t
}

// percent writes a part of 1.
func percent(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) }
