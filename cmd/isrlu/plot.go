package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/report"
)

func newPlotCmd() *cobra.Command {
	var (
		functions          string
		derivative, second bool
		from, to           float64
		output, title      string
	)
	cmd := &cobra.Command{
		Use:   "plot [function,...]",
		Short: "Draw curves and derivatives of functions as SVG or PNG",
		Long: `plot draws the curves of functions into a file, SVG or PNG by its extension.
--derivative and --second add panels with the derivatives; functions without a
second derivative are left out of its panel.`,
		Example: `  isrlu plot isrlu:1,elu,relu
  isrlu plot isrlu:1,isrlu:3,elu --derivative --from -6 --to 2 -o isrlu.png
  isrlu plot isru,tanh --derivative --second --title "ISRU and tanh" -o isru.svg`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.Flags().Changed("functions") {
				return usagef("functions are given twice: %q and --functions %q; leave one out", args[0], functions)
			}
			if len(args) > 0 {
				functions = args[0]
			}
			fs, err := parseFunctions(functions)
			if err != nil {
				return err
			}
			if !finite(from) || !finite(to) || from >= to {
				return usagef("--from must be less than --to and both finite, got %v and %v", from, to)
			}
			if _, err := report.PlotFormat(output); err != nil {
				return usage(err)
			}
			panels := []isrlu.Direction{isrlu.Forward}
			if derivative {
				panels = append(panels, isrlu.Backward)
			}
			if second {
				if !anyHasSecond(fs) {
					return usagef("none of %q has a second derivative; leave --second out or add one of the ISR family", functions)
				}
				panels = append(panels, isrlu.SecondDerivative)
			}
			fig, err := report.Curves(fs, panels, from, to)
			if err != nil {
				return err
			}
			fig.Title = title
			if err := fig.WriteFile(output); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), output)
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&functions, "functions", "f", "isrlu,elu,relu", "functions, as the argument")
	f.BoolVarP(&derivative, "derivative", "d", false, "add a panel with first derivatives")
	f.BoolVar(&second, "second", false, "add a panel with second derivatives")
	f.Float64Var(&from, "from", -5, "left end of the x axis")
	f.Float64Var(&to, "to", 5, "right end of the x axis")
	f.StringVarP(&output, "output", "o", "isrlu.svg", "file to write, "+strings.Join(report.PlotFormats, " or "))
	f.StringVar(&title, "title", "", "title above the panels")
	complete(cmd, "functions", functionNames())
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeList(typed, functionNames()), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return cmd
}

func anyHasSecond(fs []*isrlu.Function) bool {
	for _, f := range fs {
		if f.HasSecondDerivative() {
			return true
		}
	}
	return false
}

func finite(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }
