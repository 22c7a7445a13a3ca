package main

import (
	"github.com/spf13/cobra"
)

func newHDLCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hdl",
		Short: "Make hardware units of functions in Verilog",
		Long: `hdl makes hardware units: modules in Verilog that compute a function or its
derivative on fixed-point numbers of 8 to 32 bits, bfloat16 or float16, within an
error bound, with the least area that its search finds. "generate" writes one,
"explore" compares the units of many functions, formats and bounds.

A fixed-point format is named by its integer and fraction bits beside the sign:
q4.11 has 16 bits. Errors are in ulps, units in the last place of the format.

The simulators and the synthesizer are optional. On Debian they are the packages
iverilog, verilator, yosys and nextpnr-ice40.`,
		Example: `  isrlu hdl generate --function isrlu --format q4.11 --stages 3
  isrlu hdl explore --functions isrlu,elu --formats q3.4,q4.11`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHDLGenerateCmd(), newHDLExploreCmd())
	return cmd
}

// formatNames are formats that completion offers; there are many more of fixed point.
var formatNames = []string{"q3.4", "q4.11", "q7.8", "q8.23", "bfloat16", "float16"}
