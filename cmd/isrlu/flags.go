package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/report"
)

// A selection holds the flags by which bench and check choose what to run.
type selection struct {
	functions  string
	precisions []string
	directions []string
	simd       []string
	typ        string
	format     string
}

func (s *selection) register(cmd *cobra.Command, directions string) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&s.functions, "functions", "f", "all", "functions, such as isrlu:3,elu,relu; see isrlu functions")
	f.StringSliceVar(&s.precisions, "precisions", nil, "precisions: exact, default, fast (default all that a function has)")
	f.StringSliceVar(&s.directions, "directions", nil, "directions: "+strings.Join(directionNames(), ", ")+" (default "+directions+")")
	f.StringSliceVar(&s.simd, "simd", nil, "SIMD levels: "+strings.Join(isrlu.SIMDLevels(), ", ")+", all (default "+isrlu.SIMDLevel()+")")
	f.StringVar(&s.typ, "type", call.Float32.String(), "element type: "+strings.Join(call.Types, ", "))
	registerFormat(f, &s.format)
	complete(cmd, "functions", functionNames())
	complete(cmd, "precisions", []string{"exact", "default", "fast", "all"})
	complete(cmd, "directions", append(directionNames(), "all"))
	complete(cmd, "simd", append(isrlu.SIMDLevels(), "all"))
	completeOne(cmd, "type", call.Types)
	completeOne(cmd, "format", report.Formats)
}

func registerFormat(f *pflag.FlagSet, format *string) {
	f.StringVar(format, "format", string(report.Text), "output format: "+strings.Join(report.Formats, ", "))
}

// A chosen holds what the flags of a selection mean.
type chosen struct {
	functions  []*isrlu.Function
	precisions []isrlu.Precision
	directions []isrlu.Direction
	simd       []string
	typ        call.Type
	format     report.Format
}

func (s *selection) parse(defaults []isrlu.Direction) (c chosen, err error) {
	if c.functions, err = parseFunctions(s.functions); err != nil {
		return c, err
	}
	if c.precisions, err = call.ParsePrecisions(s.precisions); err != nil {
		return c, usage(err)
	}
	if c.directions, err = call.ParseDirections(s.directions, defaults); err != nil {
		return c, usage(err)
	}
	if c.simd, err = call.ParseLevels(s.simd); err != nil {
		return c, usage(err)
	}
	if c.typ, err = call.ParseType(s.typ); err != nil {
		return c, usage(err)
	}
	c.format, err = report.ParseFormat(s.format)
	return c, usage(err)
}

func parseFunctions(list string) ([]*isrlu.Function, error) {
	specs := call.SplitSpecs(list)
	if len(specs) == 0 {
		return nil, usagef("no function in %q; see isrlu functions", list)
	}
	fs, err := call.ParseFunctions(specs)
	return fs, usage(err)
}

func functionNames() []string {
	var names []string
	for _, info := range isrlu.Functions() {
		names = append(names, info.Name)
	}
	return names
}

func directionNames() []string {
	var names []string
	for _, d := range call.Directions {
		names = append(names, d.String())
	}
	return names
}

// complete offers values for a flag that takes a comma list of them.
func complete(cmd *cobra.Command, flag string, values []string) {
	offer(cmd, flag, values, cobra.ShellCompDirectiveNoSpace)
}

// completeOne offers values for a flag that takes one of them.
func completeOne(cmd *cobra.Command, flag string, values []string) {
	offer(cmd, flag, values, cobra.ShellCompDirectiveDefault)
}

func offer(cmd *cobra.Command, flag string, values []string, d cobra.ShellCompDirective) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completeList(typed, values), d | cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag is not there
	}
}

func completeList(typed string, values []string) []string {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	var offers []string
	for _, v := range values {
		if strings.HasPrefix(v, typed[len(before):]) {
			offers = append(offers, before+v)
		}
	}
	return offers
}
