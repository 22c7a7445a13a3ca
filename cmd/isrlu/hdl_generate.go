package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

// generateFlags are those of isrlu hdl generate.
type generateFlags struct {
	hdl.Options
	hdl.Implementation
	derivative        bool
	format, handshake string
	verify            string
	output            string
	force, simulate   bool

	verified int64 // random inputs, 0 for all, -1 for no verification
}

// maxVerified is the most random inputs of --verify: they are kept in memory.
const maxVerified = 100_000_000

func newHDLGenerateCmd() *cobra.Command {
	var o generateFlags
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write a hardware unit in Verilog, with a testbench",
		Long: `generate searches for the unit with the least area that keeps to the error bound,
and writes it into a folder: the module, a testbench that checks itself with golden
vectors, a synthesis script for Yosys, and a Makefile that runs the tools. The
module's header says what it computes, with which error, and how it is built.

In formats of at most 16 bits the error is that of all inputs, and so are the golden
vectors. In wider ones it is measured on corner cases and a sample of a million;
--verify N takes a sample of N, and --verify all all inputs, which for 32 bits takes
from minutes to an hour.

--stages cuts the unit by register ranks; with 0 it is combinational. With
--handshake none a result follows its input after so many cycles; valid adds
in_valid and out_valid; ready adds in_ready and out_ready, by which the receiver may
stop the unit. Parameters are part of the function: isrlu:3 has alpha = 3.

What the folder has besides stays. A file that this command did not write for the
same unit is not replaced, unless --force is given.`,
		Example: `  isrlu hdl generate --function isrlu --format q4.11 --stages 3 --handshake ready
  isrlu hdl generate --function isrlu:3 --derivative --format q3.4 -o derivative
  isrlu hdl generate --function isru_sigmoid --format bfloat16 --error 0.8 --simulate
  isrlu hdl generate --function rsqrt --format q15.16 --stages 6 --verify 10000000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return usage(err)
			}
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.Function, "function", "f", "isrlu", "function, such as isrlu:3: "+strings.Join(hdl.FunctionNames(), ", "))
	f.BoolVarP(&o.derivative, "derivative", "d", false, "make a unit of the derivative")
	f.StringVar(&o.format, "format", "q4.11", "number format: q4.11 and the like, bfloat16, float16")
	f.Float64Var(&o.Bound, "error", hdl.DefaultBound, "greatest error in ulps, at least 0.5")
	f.StringVar(&o.Family, "family", "", "way to build it: "+strings.Join(hdl.Families(), ", ")+" (default the one with the least area)")
	f.IntVar(&o.Stages, "stages", 0, "register ranks, the latency in clock cycles")
	f.StringVar(&o.handshake, "handshake", hdl.NoHandshake.String(), "handshake: "+strings.Join(hdl.HandshakeNames(), ", "))
	f.IntVar(&o.Vectors, "vectors", 0, fmt.Sprintf("golden vectors beside the corner cases (default all inputs, %d in formats of more than 16 bits)", hdl.DefaultVectors))
	f.StringVar(&o.verify, "verify", "", "measure the error on so many random inputs, or on all")
	f.BoolVar(&o.simulate, "simulate", false, "run the testbench with Icarus Verilog or Verilator")
	f.StringVarP(&o.output, "output", "o", "", "folder to write (default the unit's name)")
	f.BoolVar(&o.force, "force", false, "replace files that this command did not write")
	complete(cmd, "function", hdl.FunctionNames())
	complete(cmd, "format", formatNames)
	complete(cmd, "family", hdl.Families())
	complete(cmd, "handshake", hdl.HandshakeNames())
	complete(cmd, "verify", []string{"all"})
	return cmd
}

// check makes sure of the flags' values, before any work is done.
func (o *generateFlags) check(cmd *cobra.Command) (err error) {
	if strings.HasSuffix(o.Function, "'") {
		return fmt.Errorf("--function %s: ask for the derivative by --derivative", o.Function)
	}
	if o.derivative {
		name, _, _ := strings.Cut(o.Function, ":")
		if slices.Contains(hdl.FunctionNames(), name) && !hdl.HasDerivative(name) {
			return fmt.Errorf("--derivative: there are no units for the derivative of %s", name)
		}
		o.Function += "'"
	}
	if o.Options.Format, err = hdl.ParseFormat(o.format); err != nil {
		return err
	}
	if cmd.Flags().Changed("error") && o.Bound == 0 {
		return errors.New("--error must be at least 0.5, got 0")
	}
	if err := o.Options.Check(); err != nil {
		return err
	}
	if o.Handshake, err = hdl.ParseHandshake(o.handshake); err != nil {
		return err
	}
	if cmd.Flags().Changed("vectors") && o.Vectors < 1 {
		return fmt.Errorf("--vectors must be 1 or more, got %d", o.Vectors)
	}
	if err := o.Implementation.Check(); err != nil {
		return err
	}
	if cmd.Flags().Changed("output") && o.output == "" {
		return errors.New("--output names no folder")
	}
	o.verified = -1
	switch n, err := strconv.Atoi(o.verify); {
	case o.verify == "":
	case o.verify == "all":
		o.verified = 0
	case err != nil || n < 1 || n > maxVerified:
		return fmt.Errorf("--verify takes a number of inputs up to %d, or all, got %q", maxVerified, o.verify)
	default:
		o.verified = int64(n)
	}
	return nil
}

func (o *generateFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if o.simulate {
		if err := experiment.SimulatorMissing(); err != nil {
			return fmt.Errorf("--simulate: %s", withoutPackage(err.Error()))
		}
	}
	update, clear := newProgress[int](cmd.ErrOrStderr(), "searching")
	unit, err := hdl.Search(ctx, o.Options, update)
	clear()
	if err != nil {
		return err
	}
	if o.output == "" {
		o.output = unit.Name()
	}
	if err := o.mayReplace(unit); err != nil {
		return err
	}
	if err := o.verifyUnit(cmd, unit); err != nil {
		return err
	}
	files, err := unit.Files(o.Implementation)
	if err != nil {
		return err
	}
	simulated := 0
	if o.simulate {
		if simulated, err = experiment.SimulateUnit(ctx, unit.Name(), files); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := atomicfile.WriteFolder(o.output, files); err != nil {
		return err
	}
	return o.summary(cmd.OutOrStdout(), unit, slices.Sorted(maps.Keys(files)), simulated)
}

// mayReplace returns an error if a file is in the way that is not this unit's.
func (o *generateFlags) mayReplace(unit *hdl.Unit) error {
	if o.force {
		return nil
	}
	for _, name := range unit.FileNames() {
		path := filepath.Join(o.output, name)
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !unit.Wrote(content) {
			return fmt.Errorf("%s is there and does not belong to %s; choose another folder with --output, or replace it with --force", path, unit.Name())
		}
	}
	return nil
}

// verifyUnit measures the error as --verify asks.
func (o *generateFlags) verifyUnit(cmd *cobra.Command, unit *hdl.Unit) error {
	if o.verified < 0 {
		return nil
	}
	update, clear := newProgress[int64](cmd.ErrOrStderr(), "verifying")
	e, err := unit.Verify(cmd.Context(), o.verified, update)
	clear()
	if err != nil {
		return err
	}
	if e.Ulps > unit.Bound() {
		return fmt.Errorf("the error of %s is %.4f ulp at 0x%x, more than the %v allowed, which the search's sample does not show; ask for --error %.2f",
			unit.Name(), e.Ulps, e.At, unit.Bound(), unit.Bound()-(e.Ulps-unit.Bound())-.01)
	}
	o.Error = e
	return nil
}

// summary prints what was made.
func (o *generateFlags) summary(w io.Writer, unit *hdl.Unit, names []string, simulated int) error {
	e := unit.Error()
	if o.Error.Inputs > e.Inputs {
		e = o.Error
	}
	p := unit.Pipeline(o.Implementation)
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s "+format+"\n", append([]any{what}, args...)...)
	}
	line("unit", "%s: %s in %s", unit.Name(), unit.Function(), unit.Format())
	line("architecture", "%s", unit.Architecture())
	line("error", "%s; at most %v ulp allowed", e, unit.Bound())
	latency := "none, combinational"
	if o.Stages > 0 {
		latency = fmt.Sprintf("%d clock cycles", o.Stages)
	}
	line("latency", "%s; handshake %s", latency, o.Handshake)
	line("estimate", "%.0f NAND2 equivalents, %d register bits, %.0f levels of gates", p.Gates, p.RegisterBits, p.Depth)
	if simulated > 0 {
		line("simulated", "%d vectors, all met", simulated)
	}
	line("files", "in %s: %s", o.output, strings.Join(names, " "))
	line("next", "make -C %s sim lint synth", o.output)
	_, err := io.WriteString(w, b.String())
	return err
}
