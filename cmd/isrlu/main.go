// Command isrlu compares, measures, checks and draws the activation functions of
// this module, and trains networks with them. Each command stands in a file of its
// own: it reads flags, calls one function of another package and prints what that
// returns.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
)

// Exit statuses. Interrupted is what shells report for a program that SIGINT
// ended.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A usageError is about the command line; its exit status is 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs the command line and returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	plainUsage(root) // writes completion to what SetOut says
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "isrlu: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "isrlu: %s\n", errorText(err))
	// What cobra itself finds wrong before a command runs is about the command
	// line too.
	if _, running := cmd.Annotations[annotationRunning]; running && !errors.As(err, new(usageError)) {
		return exitFailed
	}
	fmt.Fprintf(stderr, "Run '%s --help' for what it takes.\n", cmd.CommandPath())
	return exitUsage
}

// withoutPackage takes the name of the package that an error comes from off its
// text: the command's own name stands there.
func withoutPackage(text string) string {
	for _, name := range []string{"isrlu: ", "experiment: ", "nn: ", "data: ", "report: ", "onnx: ", "ort: ", "eda: ", "yosys: ", "hdl: ", "serve: "} {
		if rest, ok := strings.CutPrefix(text, name); ok {
			return rest
		}
	}
	return text
}

// annotationRunning marks the command whose RunE has begun.
const annotationRunning = "running"

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "isrlu",
		Short: "Compare, measure and check activation functions",
		Long: `isrlu compares activation functions in networks that it trains, and measures,
checks and draws them: the inverse square root linear unit (ISRLU), its family,
and the functions that they are judged against.

The SIMD level is the best that the processor has. The environment variable
ISRLU_SIMD names another one: portable, neon, avx2 or avx512.

Exit status: 0 if all is well, 1 if a check or a run failed, 2 if the command
line is wrong, 130 if interrupted. Results go to stdout, all else to stderr, in
plain text without colors; where stderr is a terminal, a bar shows the progress.
"isrlu completion --help" tells how to complete commands and flags in a shell.`,
		Example: `  isrlu compare
  isrlu train --activation isrlu:learn -o digits.safetensors
  isrlu train --task chars -o prose.safetensors
  isrlu generate prose.safetensors --prompt "The sailor"
  isrlu serve digits.safetensors
  isrlu functions
  isrlu bench --functions isrlu,elu,relu --sizes 4Ki,512Ki
  isrlu check --functions isrlu:3 --precisions default
  isrlu paper --quick
  isrlu plot isrlu:1,isrlu:3,elu,relu --derivative -o curves.svg`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := isrlu.SIMDError(); err != nil {
				return usage(err)
			}
			if cmd.Annotations == nil {
				cmd.Annotations = map[string]string{}
			}
			cmd.Annotations[annotationRunning] = "yes"
			return nil
		},
	}
	root.AddCommand(newCompareCmd(), newBenchCmd(), newCheckCmd(), newPlotCmd(), newFunctionsCmd(), newTrainCmd(), newPredictCmd(), newGenerateCmd(), newServeCmd(), newONNXCmd(), newHDLCmd(), newPaperCmd(), newVersionCmd())
	return root
}
