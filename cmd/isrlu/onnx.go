package main

import (
	"github.com/spf13/cobra"
)

func newONNXCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "onnx",
		Short: "Read, swap, tune, run and write ONNX models",
		Long: `onnx works on trained models in the ONNX format: it swaps their activation
functions, repairs the accuracy, measures the time, and writes models that every
ONNX runtime runs.`,
		Example: `  isrlu onnx info model.onnx
  isrlu onnx swap model.onnx --from elu --to isrlu -o swapped.onnx`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(onnxCommands()...)
	return cmd
}

// onnxCommands are the commands below onnx, in the order of their use.
func onnxCommands() []*cobra.Command {
	return []*cobra.Command{newONNXInfoCmd(), newONNXSwapCmd(), newONNXTuneCmd(), newONNXRunCmd(), newONNXBenchCmd(), newONNXExportCmd()}
}
