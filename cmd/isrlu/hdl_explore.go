package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/internal/yosys"
	"github.com/isrlu/isrlu/report"
)

// exploreFlags are those of isrlu hdl explore.
type exploreFlags struct {
	experiment.HardwareSettings
	functions    string
	errors       []string
	families     string
	workers      int
	output, plot string
	format       string
}

func newHDLExploreCmd() *cobra.Command {
	var o exploreFlags
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Compare hardware units of functions, formats and error bounds",
		Long: `explore searches for the unit of each function in each format within each error
bound, and prints its error, area and depth. With --families all it takes each way to
build one, such as by an inverse square root, by a table or by polynomials. It says
how ISRLU compares with ELU, ISRU with tanh, and the ISRU sigmoid with the logistic
function, and where units that compute an inverse square root lose to others.

Areas are estimates unless --targets names what Yosys shall synthesize for: gates
(NAND2 equivalents of static CMOS), ice40, ecp5, ecp5dsp and xilinx7. --place also
places each unit on an iCE40 HX8K with nextpnr, between registers, for its clock.
--simulate compares each module with its golden vectors. Where a tool is not
installed, its columns say so.

--stages cuts all units into so many pipeline stages, --levels each into as few as
have at most so many levels of gates. With --output the results are kept as JSON
after each unit, and what is in the file is not made again.`,
		Example: `  isrlu hdl explore
  isrlu hdl explore --functions isrlu,elu --formats q3.4,q4.11,bfloat16 --families all
  isrlu hdl explore --formats q4.11 --errors 0.6,1,2,4 --plot bounds.svg
  isrlu hdl explore --targets gates,ice40,xilinx7 --levels 20 --place -o hardware.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.functions, "functions", "f", "isrlu,elu,isru,tanh,isru_sigmoid,sigmoid", "functions, such as isrlu:3; isrlu' is a derivative")
	f.StringSliceVar(&o.Formats, "formats", []string{"q3.4", "q4.11", "bfloat16"}, "number formats: q4.11 and the like, bfloat16, float16")
	f.StringSliceVar(&o.errors, "errors", []string{"1"}, "greatest errors in ulps, at least 0.5")
	f.StringVar(&o.families, "families", experiment.LeastFamily, "ways to build units: best (the one with the least area), all, or of "+strings.Join(hdl.Families(), ", "))
	f.IntVar(&o.Stages, "stages", 1, "register ranks of each unit, the latency in clock cycles")
	f.IntVar(&o.Levels, "levels", 0, "levels of gates in a stage, in place of --stages")
	f.StringSliceVar(&o.Targets, "targets", nil, "synthesize with Yosys for: "+strings.Join(yosys.TargetNames(), ", ")+", all (default none)")
	f.BoolVar(&o.Place, "place", false, "place on an iCE40 HX8K with nextpnr, for the clock frequency")
	f.IntVar(&o.Seeds, "seeds", 3, "placements of each unit, of which the median counts")
	f.BoolVar(&o.Simulate, "simulate", false, "compare each module with its golden vectors")
	f.IntVar(&o.workers, "workers", 0, "units at a time (default one for each processor)")
	f.StringVarP(&o.output, "output", "o", "", "file to keep results in, as JSON, and to take them from")
	f.StringVar(&o.plot, "plot", "", "draw areas into a file, "+strings.Join(report.PlotFormats, " or "))
	registerFormat(f, &o.format)
	complete(cmd, "functions", hdl.FunctionNames())
	complete(cmd, "formats", formatNames)
	complete(cmd, "families", append([]string{experiment.LeastFamily, "all"}, hdl.Families()...))
	complete(cmd, "targets", append(yosys.TargetNames(), "all"))
	complete(cmd, "format", report.Formats)
	return cmd
}

// check makes sure of the flags' values, before any work is done.
func (o *exploreFlags) check(cmd *cobra.Command) error {
	o.Functions = call.SplitSpecs(o.functions)
	o.Bounds = nil
	for _, s := range o.errors {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("--errors: %q is no number of ulps; write 0.6,1,2", s)
		}
		if v == 0 {
			return fmt.Errorf("--errors must be at least 0.5, got %s", s)
		}
		o.Bounds = append(o.Bounds, v)
	}
	if o.Families = strings.Split(o.families, ","); o.families == "all" {
		o.Families = hdl.Families()
	}
	if slices.Equal(o.Targets, []string{"all"}) {
		o.Targets = yosys.TargetNames()
	}
	if cmd.Flags().Changed("levels") {
		if cmd.Flags().Changed("stages") {
			return fmt.Errorf("--stages %d and --levels %d exclude each other; leave one out", o.Stages, o.Levels)
		}
		if o.Levels < 1 {
			return fmt.Errorf("--levels must be 1 or more, got %d", o.Levels)
		}
	}
	if o.workers < 0 {
		return fmt.Errorf("--workers must not be negative, got %d", o.workers)
	}
	if o.plot != "" {
		if _, err := report.PlotFormat(o.plot); err != nil {
			return err
		}
	}
	return o.Check()
}

func (o *exploreFlags) run(cmd *cobra.Command) error {
	format, err := report.ParseFormat(o.format)
	if err == nil {
		err = o.check(cmd)
	}
	if err != nil {
		return usage(err)
	}
	options := experiment.HardwareOptions{Version: version(), Workers: o.workers}
	if o.output != "" {
		if options.Earlier, err = report.ReadHardwareFile(o.output); err != nil {
			return err
		}
		options.Finished = func(r *experiment.HardwareResult) error { return report.WriteHardwareFile(o.output, r) }
	}
	update, clear := newProgress[int](cmd.ErrOrStderr(), "exploring")
	options.Progress = update
	if update != nil {
		update(0, len(o.Functions)*len(o.Formats)*len(o.Bounds)*len(o.Families))
	}
	result, err := experiment.ExploreHardware(cmd.Context(), o.HardwareSettings, options)
	clear()
	if err != nil {
		return err
	}
	if o.output != "" {
		if err := report.WriteHardwareFile(o.output, result); err != nil {
			return err
		}
	}
	if o.plot != "" {
		if err := report.HardwareFigure(result).WriteFile(o.plot); err != nil {
			return err
		}
	}
	return o.write(cmd.OutOrStdout(), result, format)
}

// write prints the table and, in text, the verdict.
func (o *exploreFlags) write(w io.Writer, r *experiment.HardwareResult, format report.Format) error {
	t := report.Hardware(r)
	switch format {
	case report.JSON:
		return report.WriteHardware(w, r)
	case report.CSV:
		return t.Write(w, format)
	}
	if v := r.Verdict(); len(v) > 0 {
		t.Notes = append(append(t.Notes, ""), v...)
	}
	for _, file := range []string{o.output, o.plot} {
		if file != "" {
			t.Notes = append(t.Notes, file)
		}
	}
	return t.Write(w, format)
}
