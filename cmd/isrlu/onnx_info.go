package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/report"
)

func newONNXInfoCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info model",
		Short: "Describe an ONNX model: inputs, operators, activations, parameters",
		Long: `info describes an ONNX model: what made it, its versions, inputs and outputs,
operators, parameters and their bytes, and its activation functions: their kind,
as "isrlu onnx swap" takes it, the function of this module that they are, and
the nodes. An activation that is written in several operators, such as GELU by
erf or SiLU as a product with a sigmoid, is one and goes by its last node. Those
inside LSTM, GRU and RNN nodes are listed with the operator that they are in.

With --json it prints one object, with the names of all nodes.`,
		Example: `  isrlu onnx info model.onnx
  isrlu onnx info model.onnx --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := onnx.Read(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), m.Info())
			}
			return writeONNXInfo(cmd.OutOrStdout(), m.Info())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object of JSON")
	return cmd
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func writeONNXInfo(w io.Writer, info onnx.Info) error {
	var lines [][2]string
	line := func(name, format string, args ...any) {
		lines = append(lines, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if info.Producer != "" {
		line("producer", "%s", info.Producer)
	}
	line("IR version", "%d", info.IRVersion)
	for _, o := range info.Opsets {
		line("opset", "%s %d", o.Domain, o.Version)
	}
	for _, v := range info.Inputs {
		line("input", "%v", v)
	}
	for _, v := range info.Outputs {
		line("output", "%v", v)
	}
	nodes := fmt.Sprintf("%d", info.Nodes)
	if info.Subgraphs > 0 {
		nodes += fmt.Sprintf(", with those of %s", count(info.Subgraphs, "subgraph"))
	}
	line("nodes", "%s", nodes)
	if len(info.Operators) > 0 {
		line("operators", "%s", countList(info.Operators))
	}
	for _, f := range info.Functions {
		line("function", "%s", f)
	}
	for _, p := range info.Parameters {
		line("parameters", "%d of %s in %s, %s", p.Elements, p.Type, count(p.Tensors, "tensor"), byteCount(p.Bytes))
	}
	for _, file := range info.External {
		line("external data", "%s", file)
	}
	if len(info.Quantization) > 0 {
		line("quantization", "%s", countList(info.Quantization))
	}
	for _, e := range info.Metadata {
		line("metadata", "%s = %s", e.Key, oneLine(e.Value))
	}
	if info.Doc != "" {
		line("doc", "%s", oneLine(info.Doc))
	}
	name := ""
	for _, l := range lines {
		label := l[0]
		if label == name {
			label = "" // several of one
		}
		name = l[0]
		if _, err := fmt.Fprintf(w, "%-14s %s\n", label, printable(l[1])); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if len(info.Activations) == 0 {
		_, err := fmt.Fprintln(w, "No activation function that is known.")
		return err
	}
	return activationsTable(info.Activations).Write(w, report.Text)
}

func activationsTable(list []onnx.ActivationInfo) *report.Table {
	t := &report.Table{Columns: []report.Column{
		{Name: "activation", Left: true}, {Name: "function", Left: true}, {Name: "count"}, {Name: "nodes", Left: true},
	}}
	for _, a := range list {
		function := a.Function
		if function == "" {
			function = "-"
		}
		if a.Channels > 0 {
			function += fmt.Sprintf(", %d alphas", a.Channels)
		}
		const most = 3
		nodes := strings.Join(a.Nodes[:min(most, len(a.Nodes))], ", ")
		if more := len(a.Nodes) - most; more > 0 {
			nodes += fmt.Sprintf(" and %d more", more)
		}
		t.Rows = append(t.Rows, []any{a.String(), function, a.Count, printable(nodes)})
	}
	return t
}

func countList(list []onnx.Count) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s %d", c.Name, c.Count))
	}
	return strings.Join(parts, ", ")
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// byteCount returns a number of bytes in the largest unit below it.
func byteCount(n int64) string {
	v, unit := float64(n), 0
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1024 && unit+1 < len(units) {
		v, unit = v/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}

// printable returns a text of a model without what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// oneLine returns the beginning of a text of a model.
func oneLine(s string) string {
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100]) + "..."
	}
	return printable(s)
}
