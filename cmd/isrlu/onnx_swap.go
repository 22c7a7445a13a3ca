package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/report"
)

func newONNXSwapCmd() *cobra.Command {
	var (
		o      onnx.SwapOptions
		style  string
		output string
		dryRun bool
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "swap model",
		Short: "Swap the activation functions of an ONNX model",
		Long: `swap writes a copy of an ONNX model in which activation functions are others. The
weights stay as they are: accuracy is lost where the functions differ, and "isrlu
onnx tune" repairs it.

--from names kinds, as "isrlu onnx info" lists them or as ONNX does, such as elu,
LeakyRelu or gelu; elu:0.1 is that function alone, gelu both GELU and its form by
tanh. --node names nodes, or patterns of them, where * is any text and ? one
character; it may be given several times. With --node alone every activation of
these nodes is swapped, with --node '*' all of the model.

Activations inside LSTM, GRU and RNN nodes are swapped as well. Where ONNX's
operator cannot have the function, the node becomes a Scan over the steps.

ONNX has no operator for ISRLU and its kin. The style says how a model holds
them: "primitive" in ONNX's own operators, for every runtime; "function" as a
node of the domain isrlu that the model defines by such operators; "custom" as a
node of the domain isrlu alone, for runtimes that have such an operator.

The output file appears whole or not at all. It may be the model itself.`,
		Example: `  isrlu onnx swap model.onnx --from elu --to isrlu -o swapped.onnx
  isrlu onnx swap model.onnx --from Gelu,Silu --to isrlu:3 -o swapped.onnx
  isrlu onnx swap model.onnx --from relu --node '/layer4/*' --to isrlu -o swapped.onnx
  isrlu onnx swap model.onnx --from tanh,sigmoid --to isru --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Functions such as dyisru:2,0.5 have a comma of their own.
			o.From = call.SplitSpecs(strings.Join(o.From, ","))
			if o.To == "" {
				return usagef("--to is missing; name a function, such as --to isrlu:3")
			}
			if len(o.From)+len(o.Nodes) == 0 {
				return usagef("nothing says what to swap; name kinds by --from, such as --from elu,relu, or nodes by --node")
			}
			var err error
			if o.Style, err = onnx.ParseStyle(style); err != nil {
				return usage(err)
			}
			if err := o.Check(); err != nil {
				return usage(err)
			}
			if (output == "") == !dryRun {
				return usagef("-o names the file to write; --dry-run writes none: give one of them")
			}
			m, err := onnx.Read(args[0])
			if err != nil {
				return err
			}
			r, err := m.Swap(o)
			if err != nil {
				return err
			}
			if !dryRun {
				if err := m.Write(output); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			return writeSwapReport(cmd.OutOrStdout(), cmd.ErrOrStderr(), r)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&o.From, "from", nil, "kinds of activations to swap, such as elu,relu,gelu")
	f.StringVar(&o.To, "to", "", "function that they become, such as isrlu:3; see isrlu functions")
	f.StringArrayVar(&o.Nodes, "node", nil, "name or pattern of the nodes to swap (default all)")
	f.StringVar(&style, "style", onnx.Primitive.String(), "how functions are written that ONNX lacks: primitive, function, custom")
	f.StringVarP(&output, "output", "o", "", "file to write")
	f.BoolVar(&dryRun, "dry-run", false, "report what would be swapped and write nothing")
	f.BoolVar(&asJSON, "json", false, "print the report as an object of JSON")
	complete(cmd, "from", onnx.Kinds())
	complete(cmd, "to", functionNames())
	completeOne(cmd, "style", []string{"primitive", "function", "custom"})
	return cmd
}

// writeSwapReport prints what was swapped and what was left, and the warnings on
// stderr.
func writeSwapReport(w, errs io.Writer, r onnx.SwapReport) error {
	if len(r.Swapped) > 0 {
		t := &report.Table{Columns: []report.Column{
			{Name: "node", Left: true}, {Name: "from", Left: true}, {Name: "to", Left: true}, {Name: "nodes"},
		}}
		for _, s := range r.Swapped {
			t.Rows = append(t.Rows, []any{printable(s.Node), s.From, s.To, s.Nodes})
		}
		if err := t.Write(w, report.Text); err != nil {
			return err
		}
	}
	for _, l := range r.Left {
		if _, err := fmt.Fprintf(w, "left alone: %s (%s), %s\n", printable(l.Node), l.Kind, printable(l.Reason)); err != nil {
			return err
		}
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(errs, "isrlu: warning: %s\n", printable(text))
	}
	return nil
}
