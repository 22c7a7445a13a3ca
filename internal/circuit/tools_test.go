package circuit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
}

func simulate(t *testing.T, c *Circuit, m Module, xs []int64) {
	t.Helper()
	dir := t.TempDir()
	var v, tb, vec strings.Builder
	if err := c.Verilog(&v, m); err != nil {
		t.Fatal(err)
	}
	if err := c.Testbench(&tb, m, filepath.Join(dir, "v.hex"), len(xs)); err != nil {
		t.Fatal(err)
	}
	if err := c.Vectors(&vec, m, xs); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{"unit.v": v.String(), "tb.v": tb.String(), "v.hex": vec.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s\n%s", name, err, out, v.String())
		}
		return string(out)
	}
	if out := run("iverilog", "-g2005", "-Wall", "-o", "sim", "unit.v", "tb.v"); out != "" {
		t.Fatalf("%s\n%s", out, v.String())
	}
	if out := run("vvp", "-n", "sim"); !strings.Contains(out, "PASS") {
		t.Fatalf("%s\n%s", out, v.String())
	}
	if os.Getenv("LINT") != "" {
		run("verilator", "--lint-only", "-Wall", "unit.v")
	}
}

// unit is a reciprocal square root on fixed-point numbers.
func unit(bits, index int) *Circuit {
	c, x := New(-1<<(bits-1), 1<<(bits-1)-1)
	s := x.Mul(x).Named("square", "x^2").AddConst(1<<(2*bits-6)).Named("radicand", "1 + x^2")
	e := s.Log2().Named("exponent", "")
	w := s.Width()
	norm := c.Const(int64(w-1)).Sub(e).Narrow(0, int64(w-1)).Named("shift", "")
	f := s.ShlBy(norm).Low(w).Named("fraction", "the radicand in [1, 2)")
	i := f.Bits(w-1-index, index).Named("index", "")
	base := make([]int64, 1<<index)
	slope := make([]int64, 1<<index)
	for j := range base {
		base[j] = int64(1<<12 - j*1<<12/(3<<index))
		slope[j] = int64(300 - j*200/(1<<index))
	}
	low := f.Bits(w-1-index-8, 8).Named("rest", "")
	r := i.Table(base).Named("base", "").Sub(i.Table(slope).Named("slope", "").MulDrop(low, 8)).Narrow(0, 1<<12)
	y := x.MulDrop(r, 10).Named("y", "").ShrBy(norm.Shr(1)).ShrRound(2)
	c.Output(y.Min(1<<(bits-1) - 1).Max(-1 << (bits - 1)))
	return c
}

func TestUnit(t *testing.T) {
	tool(t, "iverilog")
	c := unit(12, 4)
	var xs []int64
	for x := int64(-2048); x < 2048; x += 3 {
		xs = append(xs, x)
	}
	for _, h := range []Handshake{NoHandshake, Valid, ValidReady} {
		for s := 0; s < 6; s++ {
			simulate(t, c, Module{Name: "unit", Stages: s, Handshake: h}, xs)
		}
	}
	var v strings.Builder
	c.Verilog(&v, Module{Name: "unit", Stages: 3, Handshake: ValidReady})
	os.WriteFile("/tmp/vx/unit.v", []byte(v.String()), 0o666)
}
