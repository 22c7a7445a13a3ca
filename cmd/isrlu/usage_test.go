package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Words of a shell's command line: quotes as a shell takes them, # to the end.
var shellWord = regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`)

func shellWords(line string) []string {
	line, _, _ = strings.Cut(line, " #")
	var words []string
	for _, m := range shellWord.FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2]+m[3])
	}
	return words
}

// The command lines that help and pages show are ones that the commands take: none of
// them runs here.
func TestCommandLinesInHelpAndPages(t *testing.T) {
	var lines []string
	var help func(cmd *cobra.Command)
	help = func(cmd *cobra.Command) {
		lines = append(lines, strings.Split(cmd.Example, "\n")...)
		for _, c := range cmd.Commands() {
			help(c)
		}
	}
	help(newRootCmd())
	inHelp := len(lines)
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/*/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^    (?:go run \./cmd/)?(isrlu .*)$`).FindAllStringSubmatch(string(text), -1) {
				lines = append(lines, m[1])
			}
		}
	}
	if inHelp < 40 || len(lines) < inHelp+40 {
		t.Errorf("only %d lines in help and %d in pages were found", inHelp, len(lines)-inHelp)
	}
	for _, line := range lines {
		if line == "" {
			continue
		}
		root := newRootCmd()
		plainUsage(root)
		words := shellWords(line)
		if words[0] != "isrlu" {
			t.Errorf("%q is not a command line", line)
			continue
		}
		cmd, rest, err := root.Find(words[1:])
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// Flags that choose among fixed values complete them.
func TestFlagsOfFixedValuesComplete(t *testing.T) {
	fixed := regexp.MustCompile(`^(activations?|cell|data|directions|format|from|functions|layout|network|optimizer|pass|placements|precisions|schedule|simd|style|task|to|transpose|type)$`)
	n := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !fixed.MatchString(f.Name) || f.Value.Type() == "float64" {
				return
			}
			n++
			if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok {
				t.Errorf("%s --%s completes nothing", cmd.CommandPath(), f.Name)
			}
		})
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(newRootCmd())
	if n < 30 {
		t.Errorf("only %d flags were found", n)
	}
}

// Output is plain: nobody has to switch colors off.
func TestOutputHasNoEscapes(t *testing.T) {
	for _, line := range []string{"functions", "--help", "version", "check --functions relu --directions forward"} {
		if out := mustRun(t, line); strings.Contains(out, "\x1b") {
			t.Errorf("isrlu %s prints an escape sequence", line)
		}
	}
}
