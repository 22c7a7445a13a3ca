package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plainUsage makes the errors of the command line itself name what is wrong and what is
// wanted, for the command and those below it.
func plainUsage(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Run, cmd.RunE = nil, runHelp
		case "completion":
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(flagError(err)) })
	plainArguments(root)
}

// runHelp shows the help of the command that the arguments name.
func runHelp(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return usagef("there is no help about %q; isrlu --help lists the commands", strings.Join(args, " "))
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

func plainArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			return usage(argumentError(cmd, args, check(cmd, args)))
		}
	}
	for _, c := range cmd.Commands() {
		plainArguments(c)
	}
}

// argumentError says what is wrong with arguments that err refuses. The command's line of
// use tells those that it must have, which do not begin with a bracket.
func argumentError(cmd *cobra.Command, args []string, err error) error {
	if err == nil {
		return nil
	}
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	words := strings.Fields(cmd.Use)[1:]
	for i, w := range words {
		if i >= len(args) && !strings.HasPrefix(w, "[") {
			return fmt.Errorf("the %s is missing: isrlu %s %s", strings.TrimSuffix(w, "..."), path, strings.Join(words, " "))
		}
	}
	switch {
	case len(args) <= len(words):
		return err
	case len(words) > 0:
		return fmt.Errorf("%q is too many: isrlu %s %s", args[len(words)], path, strings.Join(words, " "))
	case !cmd.HasAvailableSubCommands():
		return fmt.Errorf("%s takes no arguments, got %q", path, args[0])
	}
	cmd.SuggestionsMinimumDistance = 2
	remedy := ""
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		remedy = "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), remedy)
}

// flagKinds says what flags of a type take.
var flagKinds = map[string]string{
	"int": "a whole number", "uint": "a whole number, not negative", "float64": "a number",
	"bool": "true or false", "duration": "a time such as 500ms or 2s",
	"intSlice": "whole numbers with commas between", "float64Slice": "numbers with commas between",
}

// flagError says what a flag takes whose value cannot be read.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	f := invalid.GetFlag()
	kind, ok := flagKinds[strings.TrimSuffix(f.Value.Type(), "64")]
	if !ok {
		kind, ok = flagKinds[f.Value.Type()]
	}
	if !ok {
		return err
	}
	return fmt.Errorf("--%s takes %s, got %q", f.Name, kind, invalid.GetValue())
}

var ofFlag = regexp.MustCompile(`^--[a-z-]+: `)

// errorText returns the text of an error without the package that it comes from, whether
// a flag stands before that or not.
func errorText(err error) string {
	text := err.Error()
	flag := ofFlag.FindString(text)
	return flag + withoutPackage(text[len(flag):])
}
