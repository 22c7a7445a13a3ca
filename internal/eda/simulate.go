package eda

import (
	"context"
	"fmt"
	"strings"
)

// Icarus compiles Verilog-2005 files, given by name and text, with all warnings as
// errors, and runs the testbench among them, which may read the others by name. It
// returns the testbench's last line, which begins with PASS, or an error.
func Icarus(ctx context.Context, files map[string]string) (string, error) {
	t, err := start(ctx, "iverilog", files)
	if err != nil {
		return "", err
	}
	defer t.end()
	args := append([]string{"-g2005", "-Wall", "-o", "simulation"}, sources(files)...)
	out, err := t.run("iverilog", args...)
	if err != nil {
		return "", err
	}
	if out = strings.TrimSpace(out); out != "" {
		return "", fmt.Errorf("eda: iverilog warns:\n%s", tail(out, 12))
	}
	out, err = t.run("vvp", "-n", "simulation")
	return verdict(out, err)
}

// verdict finds the line of a testbench that says how it ended.
func verdict(out string, err error) (string, error) {
	for _, l := range strings.Split(out, "\n") {
		switch {
		case strings.HasPrefix(l, "FAIL"):
			return "", fmt.Errorf("eda: the testbench says:\n%s", tail(out, 20))
		case err == nil && strings.HasPrefix(l, "PASS"):
			return strings.TrimSpace(l), nil
		}
	}
	if err == nil {
		err = errNoResult
	}
	return "", err
}

// Lint has Verilator check a module with all its warnings on, which are errors.
func Lint(ctx context.Context, verilog, top string) error {
	if err := checkName(top); err != nil {
		return err
	}
	t, err := start(ctx, "verilator", map[string]string{top + ".v": verilog})
	if err != nil {
		return err
	}
	defer t.end()
	_, err = t.run("verilator", "--lint-only", "-Wall", "--top-module", top, top+".v")
	return err
}

// VerilatorBench compiles a testbench with Verilator and runs it, as Icarus does.
func VerilatorBench(ctx context.Context, files map[string]string, top string) (string, error) {
	if err := checkName(top); err != nil {
		return "", err
	}
	t, err := start(ctx, "verilator", files)
	if err != nil {
		return "", err
	}
	defer t.end()
	args := []string{"--binary", "--timing", "--top-module", top, "-Wno-fatal", "-CFLAGS", "-O0", "-o", "simulation"}
	if _, err := t.run("verilator", append(args, sources(files)...)...); err != nil {
		return "", err
	}
	out, err := t.run("./obj_dir/simulation")
	return verdict(out, err)
}

// sources returns the names of the Verilog files.
func sources(files map[string]string) []string {
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ".v") {
			names = append(names, name)
		}
	}
	return names
}
