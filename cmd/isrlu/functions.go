package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

func newFunctionsCmd() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "functions",
		Short: "List the functions with their formulas, parameters and error bounds",
		Long: `functions lists what the other commands know: the name of each function, its
formula, its parameters with their defaults and domains, the precisions that it
has kernels of its own for, and the documented error bound of the float32
forward pass in each.

A function with parameters is written name:value,value, such as isrlu:3 or
dyisru:2,0.5; parameters that are left out have their defaults.`,
		Example: `  isrlu functions
  isrlu functions --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fm, err := report.ParseFormat(format)
			if err != nil {
				return usage(err)
			}
			t, err := functionsTable()
			if err != nil {
				return err
			}
			return t.Write(cmd.OutOrStdout(), fm)
		},
	}
	registerFormat(cmd.Flags(), &format)
	completeOne(cmd, "format", report.Formats)
	return cmd
}

func functionsTable() (*report.Table, error) {
	t := &report.Table{Columns: []report.Column{
		{Name: "function", Left: true},
		{Name: "title", Left: true, DataOnly: true},
		{Name: "formula", Left: true},
		{Name: "derivative", Left: true, DataOnly: true},
		{Name: "derivative_from_output", Left: true, DataOnly: true},
		{Name: "parameters", Left: true},
		{Name: "bounds", Title: "precisions and bounds", Left: true},
	}}
	for _, info := range isrlu.Functions() {
		f, err := isrlu.New(info.Name)
		if err != nil {
			return nil, err
		}
		var params, bounds []string
		for _, p := range info.Params {
			params = append(params, fmt.Sprintf("%s = %v, %s", p.Name, p.Default, p.Domain))
		}
		for _, v := range call.Variants(f, call.Precisions) {
			bounds = append(bounds, fmt.Sprintf("%s %s", v.Precision(), boundText(v.Bound(isrlu.Forward))))
		}
		t.Rows = append(t.Rows, []any{
			info.Name, info.Title, info.Formula, info.Derivative, info.DerivativeFromOutput,
			strings.Join(params, "; "), strings.Join(bounds, ", "),
		})
	}
	return t, nil
}
