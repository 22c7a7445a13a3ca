// Package eda runs programs for electronic design automation on Verilog modules: the
// simulators Icarus Verilog and Verilator, the synthesizer Yosys, and nextpnr, which
// places and routes. They are Debian packages and optional: Available tells whether one
// is here, and each function fails with its error if not.
//
// Every function works in a temporary folder that it removes.
package eda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Unit describes the ports of a module: x and y, and clk, rst, in_valid, out_valid,
// in_ready and out_ready as far as it has them.
type Unit struct {
	Name              string
	InWidth, OutWidth int // bits of x and y, 1 to 64
	Stages            int // clock cycles from x to y; with 0 there are no clk and rst
	Valid             bool
	Ready             bool // beside Valid
}

func (u Unit) reset() bool { return u.Stages > 0 && u.Valid }

// packages has the Debian packages of the tools.
func packages(tool string) string {
	switch tool {
	case "iverilog", "vvp":
		return "iverilog"
	case "verilator", "g++", "make":
		return "verilator g++ make"
	}
	return tool
}

// Available returns nil if the tool can be started, else an error that names the
// Debian package to install.
func Available(tool string) error {
	tools := []string{tool}
	switch tool {
	case "verilator":
		tools = append(tools, "g++", "make")
	case "iverilog":
		tools = append(tools, "vvp")
	}
	for _, t := range tools {
		if _, err := exec.LookPath(t); err != nil {
			return fmt.Errorf("eda: %s is not here: install the Debian package %s", t, packages(tool))
		}
	}
	return nil
}

// A task is a temporary folder in which tools run.
type task struct {
	ctx context.Context
	dir string
}

// start makes a task with the files named, if the tool is here.
func start(ctx context.Context, tool string, files map[string]string) (*task, error) {
	if err := Available(tool); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "isrlu-eda-")
	if err != nil {
		return nil, fmt.Errorf("eda: %w", err)
	}
	t := &task{ctx, dir}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.end()
			return nil, fmt.Errorf("eda: %w", err)
		}
	}
	return t, nil
}

func (t *task) end() { os.RemoveAll(t.dir) }

// run runs a program in the folder and returns what it printed. Its last lines are in
// the error.
func (t *task) run(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(t.ctx, name, args...)
	cmd.Dir = t.dir
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), failure(t.ctx, name, err, out.String())
}

// failure returns the error of a program with the last lines that it printed.
func failure(ctx context.Context, name string, err error, out string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("eda: %s: %w", name, ctx.Err())
	}
	if last := tail(out, 12); last != "" {
		return fmt.Errorf("eda: %s: %w:\n%s", name, err, last)
	}
	return fmt.Errorf("eda: %s: %w", name, err)
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// read returns the content of a file in the folder.
func (t *task) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil {
		return "", fmt.Errorf("eda: %w", err)
	}
	return string(b), nil
}

// checkName reports a name that cannot stand in a script.
func checkName(name string) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return fmt.Errorf("eda: %q is no name of a module", name)
	}
	return nil
}

var errNoResult = errors.New("eda: the testbench ended without a result")
