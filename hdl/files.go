package hdl

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/yosys"
)

// mark begins the first line of each file, after the sign of a comment.
func (u *Unit) mark() string { return u.Name() + ": made by isrlu hdl generate" }

// Wrote tells whether the content is that of a file that [Unit.Files] made of a unit
// with the same name, be it in another implementation.
func (u *Unit) Wrote(content []byte) bool {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	return bytes.HasPrefix(bytes.TrimLeft(line, "/# "), []byte(u.mark()))
}

// Verilog writes the module in Verilog-2005, with a comment that says what it
// computes, how well and how it is built.
func (u *Unit) Verilog(w io.Writer, im Implementation) error {
	if err := im.Check(); err != nil {
		return err
	}
	m := u.module(im)
	m.Comment = u.header(im)
	return u.design.circuit.Verilog(w, m)
}

// FileNames returns the names of the files that [Unit.Files] makes.
func (u *Unit) FileNames() []string {
	name := u.Name()
	return []string{name + ".v", name + "_tb.v", name + "_vectors.hex", name + ".ys", "Makefile"}
}

// Files returns the contents of all files that belong to the unit, by the names of
// [Unit.FileNames]: the module, a testbench that checks itself, the golden vectors that
// it reads, the synthesis script for Yosys, and a Makefile that runs the tools. Equal
// units have equal files.
func (u *Unit) Files(im Implementation) (map[string][]byte, error) {
	if err := im.Check(); err != nil {
		return nil, err
	}
	name := u.Name()
	hex := name + "_vectors.hex"
	inputs, what := u.vectors(im)
	var module, bench, vectors bytes.Buffer
	if err := u.Verilog(&module, im); err != nil {
		return nil, err
	}
	fmt.Fprintf(&bench, "// %s; do not edit.\n", u.mark())
	if err := u.design.circuit.Testbench(&bench, u.module(im), hex, len(inputs)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&vectors, "// %s; do not edit.\n// x y, both as bits in hexadecimal, for %s: %d lines.\n", u.mark(), what, len(inputs))
	if err := u.design.circuit.Vectors(&vectors, u.module(im), inputs); err != nil {
		return nil, err
	}
	return map[string][]byte{
		name + ".v":    module.Bytes(),
		name + "_tb.v": bench.Bytes(),
		hex:            vectors.Bytes(),
		name + ".ys":   []byte(u.synthesisScript()),
		"Makefile":     []byte(strings.NewReplacer("MARK", u.mark(), "NAME", name).Replace(makefile)),
	}, nil
}

// header returns the comment above the module.
func (u *Unit) header(im Implementation) []string {
	e := u.err
	if im.Error.Inputs > e.Inputs {
		e = im.Error
	}
	lines := []string{
		u.mark() + "; do not edit.",
		"",
		"  " + u.command(im),
		"",
		"Function      y = " + u.function.Formula(),
		"Format        " + u.format.describe() + ", of x and y",
		fmt.Sprintf("Error         at most %v ulp allowed%s", u.bound, u.format.ulpText()),
		"              " + u.measured(e),
		"Architecture  " + u.Architecture(),
	}
	latency, clocking := "none: combinational", "There is no clock: y follows x."
	if im.Stages > 0 {
		latency = cycles(im.Stages)
		clocking = fmt.Sprintf("All ports belong to the rising edge of clk; one result a cycle, %s after its input.", cycles(im.Stages))
	}
	lines = append(lines, "Latency       "+latency, "Estimate      "+u.estimate(im), "", clocking)
	return append(lines, portText(im)...)
}

// measured tells what the error is.
func (u *Unit) measured(e Error) string {
	of := fmt.Sprintf("%d inputs, corner cases and a sample", e.Inputs)
	if e.All {
		of = fmt.Sprintf("all %d inputs", e.Inputs)
	}
	return fmt.Sprintf("%.4f ulp measured, at x = %v (0x%x); mean %.4f; of %s",
		e.Ulps, u.format.Decode(e.At), e.At, e.Mean, of)
}

// estimate tells what the unit takes before synthesis.
func (u *Unit) estimate(im Implementation) string {
	p := u.Pipeline(im)
	text := fmt.Sprintf("%.0f NAND2 equivalents of logic", u.Cost().Gates)
	if p.RegisterBits > 0 {
		text = fmt.Sprintf("%.0f NAND2 equivalents, %d register bits among them", p.Gates, p.RegisterBits)
	}
	text += fmt.Sprintf(", %.0f levels of gates", p.Depth)
	if im.Stages > 1 {
		text += " in the longest stage"
	}
	return text
}

// portText tells what the handshake's ports mean.
func portText(im Implementation) []string {
	switch {
	case im.Handshake == Valid && im.Stages == 0:
		return []string{"out_valid is in_valid."}
	case im.Handshake == Valid:
		return []string{"in_valid tells which cycles have an input, out_valid which have a result.", resetText}
	case im.Handshake == ValidReady:
		text := []string{
			"An input is taken in cycles in which in_valid and in_ready are 1, a result is",
			"given in those in which out_valid and out_ready are; until then it stays.",
		}
		if im.Stages > 0 {
			text = append(text, resetText)
		}
		return text
	}
	return nil
}

const resetText = "rst is synchronous and active high; it takes back the valid bits and no data."

func cycles(n int) string {
	if n == 1 {
		return "1 cycle"
	}
	return fmt.Sprintf("%d cycles", n)
}

// Formula returns the function's formula with its parameters, such as
// "x/sqrt(1 + alpha x^2), alpha = 3".
func (f *Function) Formula() string {
	if f.name == "rsqrt" {
		return "1/sqrt(x)"
	}
	for _, info := range isrlu.Functions() {
		if info.Name != f.name {
			continue
		}
		text := info.Formula
		if f.derivative {
			text = info.Derivative
		}
		for i, p := range f.params {
			text += fmt.Sprintf(", %s = %v", info.Params[i].Name, p)
		}
		return text
	}
	return f.spec // of no function that ParseFunction takes
}

// describe returns the format in words.
func (f Format) describe() string {
	if f.IsFloat() {
		return fmt.Sprintf("%s: sign, %d exponent bits, %d fraction bits", f, f.exponent, f.fraction)
	}
	return fmt.Sprintf("%s: two's complement of %d bits, %d of them fraction, from %v to %v",
		f, f.Bits(), f.fraction, f.Min(), f.Max())
}

// ulpText tells how much a last place is, where that is always the same.
func (f Format) ulpText() string {
	if f.IsFloat() {
		return ""
	}
	return fmt.Sprintf(" (1 ulp = 2^-%d = %.3g)", f.fraction, math.Ldexp(1, -f.fraction))
}

// scriptTargets are those of the synthesis script, with what the reports call them.
var scriptTargets = []struct {
	target yosys.Target
	title  string
	stat   string
}{
	{yosys.Gates, "gates of static CMOS; a NAND2 has 4 transistors", "stat -tech cmos"},
	{yosys.ICE40, "Lattice iCE40, logic cells only", "stat"},
	{yosys.ECP5, "Lattice ECP5, logic cells only", "stat"},
	{yosys.Xilinx7, "AMD 7 series, logic cells only", "stat"},
}

// synthesisScript returns the script for Yosys. It has no constraints: they belong to
// the design that the unit becomes a part of.
func (u *Unit) synthesisScript() string {
	name := u.Name()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s; do not edit.\n# Writes the size on each target to %s_TARGET.txt.\nread_verilog %s.v\nhierarchy -check -top %s\ndesign -save unit\n",
		u.mark(), name, name, name)
	for _, t := range scriptTargets {
		fmt.Fprintf(&b, "\n# %s\ndesign -load unit\n", t.title)
		for _, c := range strings.Split(t.target.Script(name), "; ") {
			fmt.Fprintln(&b, c)
		}
		fmt.Fprintf(&b, "tee -q -o %s_%s.txt %s\n", name, t.target, t.stat)
	}
	return b.String()
}

const makefile = `# MARK; do not edit.
#
#   make sim     runs the testbench with Icarus Verilog
#   make lint    checks the module with Verilator
#   make synth   tells its size on several targets with Yosys
#   make clean   removes what these wrote

# vvp succeeds whatever the testbench says.
sim: NAME_tb.vvp
	vvp -n $< >NAME_sim.txt
	cat NAME_sim.txt
	grep -q '^PASS' NAME_sim.txt

NAME_tb.vvp: NAME.v NAME_tb.v NAME_vectors.hex
	iverilog -g2005 -Wall -o $@ NAME.v NAME_tb.v

lint:
	verilator --lint-only -Wall --top-module NAME NAME.v

synth:
	yosys -q NAME.ys
	tail -n +1 NAME_gates.txt NAME_ice40.txt NAME_ecp5.txt NAME_xilinx7.txt

clean:
	rm -f NAME_tb.vvp NAME_sim.txt NAME_gates.txt NAME_ice40.txt NAME_ecp5.txt NAME_xilinx7.txt

.PHONY: sim lint synth clean
`
