package circuit

import (
	"context"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
)

func verilog(t *testing.T, c *Circuit, m Module) string {
	t.Helper()
	var b strings.Builder
	if err := c.Verilog(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bench returns the files that Icarus needs for a module.
func benchFiles(t *testing.T, c *Circuit, m Module, xs []int64) map[string]string {
	t.Helper()
	var tb, vectors strings.Builder
	if err := c.Testbench(&tb, m, "vectors.hex", len(xs)); err != nil {
		t.Fatal(err)
	}
	if err := c.Vectors(&vectors, m, xs); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"unit.v": verilog(t, c, m), "bench.v": tb.String(), "vectors.hex": vectors.String()}
}

// simulate requires that the Verilog gives what the circuit does for the inputs xs.
func simulate(t *testing.T, c *Circuit, m Module, xs []int64) {
	t.Helper()
	files := benchFiles(t, c, m, xs)
	if _, err := eda.Icarus(context.Background(), files); err != nil {
		t.Fatalf("%v\n%s", err, files["unit.v"])
	}
}

// compareAll compares the circuit with its Verilog in Verilator, on n inputs from lo up.
func compareAll(t *testing.T, c *Circuit, m Module, lo int64, n int) {
	t.Helper()
	if err := c.widths(&m); err != nil {
		t.Fatal(err)
	}
	s, err := eda.Verilate(context.Background(), verilog(t, c, m), eda.Unit{Name: m.Name, InWidth: m.InWidth, OutWidth: m.OutWidth,
		Stages: m.Stages, Valid: m.Handshake != NoHandshake, Ready: m.Handshake == ValidReady})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	xs, ys := make([]int64, n), make([]int64, n)
	for i := range xs {
		xs[i] = lo + int64(i)
	}
	c.Evaluator().Run(ys, xs)
	i := -1
	got, err := s.Compare(func() (int64, int64, bool) {
		if i++; i == n {
			return 0, 0, false
		}
		return xs[i], ys[i], true
	})
	if err != nil || got.Failed != 0 || got.Count != uint64(n) {
		t.Errorf("%+v, %v", got, err)
	}
}

// unit returns a circuit like those that this package is for: x / sqrt(1 + x^2) with
// 8 bits behind the point, by linear interpolation in a table.
func unit() *Circuit {
	c, x := New(-2048, 2047)
	s := x.Mul(x).Named("square", "x^2").AddConst(1<<16).Named("radicand", "1 + x^2, 16 bits behind the point")
	e := s.Log2().Named("exponent", "of the radicand")
	shift := c.Const(22).Sub(e).Narrow(0, 6).Named("shift", "")
	f := s.ShlBy(shift).Low(23).Named("fraction", "the radicand in [1, 2)")
	index := f.Bits(18, 4).Named("index", "")
	rest := f.Bits(10, 8).Named("rest", "")
	base, slope := make([]int64, 16), make([]int64, 16)
	for i := range base {
		base[i] = int64(4096 - 75*i)
		slope[i] = int64(127 - 4*i)
	}
	r := index.Table(base).Named("start", "").Sub(index.Table(slope).Named("slope", "").MulDrop(rest, 8).Named("step", ""))
	r = r.Narrow(0, 4096).Named("root", "1 / sqrt(fraction)")
	half := shift.Bit(0).Select(r, r.Mul(c.Const(181)).Shr(7).Named("scaled", "by sqrt(2)"))
	y := x.MulDrop(half, 8).Named("product", "").ShrBy(c.Const(4).Sub(shift.Shr(1)).Narrow(0, 4)).ShrRound(4)
	c.Output(y.Min(256).Max(-256))
	return c
}

func some(lo, hi, step int64) []int64 {
	var xs []int64
	for x := lo; x <= hi; x += step {
		xs = append(xs, x)
	}
	return xs
}

func TestUnitInEveryModule(t *testing.T) {
	eda.Need(t, "iverilog")
	for _, h := range []Handshake{NoHandshake, Valid, ValidReady} {
		for stages := 0; stages < 6; stages++ {
			simulate(t, unit(), Module{Name: "unit", Stages: stages, Handshake: h, InWidth: 16, OutWidth: 16}, some(-2048, 2047, 9))
		}
	}
}

func TestBenchRunsInVerilator(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for long")
	}
	eda.Need(t, "verilator")
	m := Module{Name: "unit", Stages: 2, Handshake: ValidReady}
	if _, err := eda.VerilatorBench(context.Background(), benchFiles(t, unit(), m, some(-2048, 2047, 50)), "unit_tb"); err != nil {
		t.Error(err)
	}
}

func TestBenchNoticesBrokenVerilog(t *testing.T) {
	eda.Need(t, "iverilog")
	m := Module{Name: "unit", Stages: 3, Handshake: ValidReady}
	files := benchFiles(t, unit(), m, some(-2048, 2047, 1))
	whole := files["unit.v"]
	for _, change := range [][2]string{
		{"+ {x[11], 9'd0", "+ {1'b0, 9'd0"},
		{" - ", " + "},
		{"<<", ">>"},
		{"default: start_of = 13'd2971", "default: start_of = 13'd2970"},
		{"4'd7: slope_of", "4'd6: slope_of"},
		{"? 5'd19", "? 5'd18"},
		{"out_ready | ~", "out_ready & ~"},
		{"out_ready | ~valid[2]", "1'b1"},
		{"if (rst) valid <= 3'd0", "if (rst) valid <= 3'd4"},
		{"{valid[1:0], in_valid}", "{valid[1:0], 1'b1}"},
		{"if (advance) begin", "begin"},
	} {
		files["unit.v"] = strings.Replace(whole, change[0], change[1], 1)
		if files["unit.v"] == whole {
			t.Errorf("no %q in\n%s", change[0], whole)
		}
		if out, err := eda.Icarus(context.Background(), files); err == nil {
			t.Errorf("%q instead of %q: %s", change[1], change[0], out)
		}
	}
}
