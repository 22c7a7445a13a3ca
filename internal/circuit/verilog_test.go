package circuit

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/unit.v")

// testdata/unit.v is there to be read.
func TestVerilogIsAsReviewed(t *testing.T) {
	got := verilog(t, unit(), Module{Name: "unit", Comment: []string{"x / sqrt(1 + x^2)"}, Stages: 3, Handshake: ValidReady})
	if *update {
		if err := os.WriteFile("testdata/unit.v", []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/unit.v")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from testdata/unit.v; if for good, run go test with -update:\n%s", got)
	}
}

func TestNamesAreLegalAndDistinct(t *testing.T) {
	c, x := New(0, 255)
	out := x
	for _, name := range []string{"reg", "y", "clk", "2 fast", "sum", "sum", "sum_s2", "unit", "logic"} {
		out = out.AddConst(1).Named(name, "").Xor(x).Low(8)
	}
	c.Output(out)
	v := verilog(t, c, Module{Name: "unit", Stages: 2})
	declared := map[string]bool{}
	for _, l := range strings.Split(v, "\n") {
		f := strings.Fields(strings.TrimSuffix(strings.SplitN(l, "=", 2)[0], ";"))
		if len(f) < 2 || f[0] != "wire" && f[0] != "reg" {
			continue
		}
		name := strings.Trim(f[len(f)-1], ";")
		if declared[name] || !identifier(name) {
			t.Errorf("name %q in %s", name, l)
		}
		declared[name] = true
	}
	if len(declared) < 18 {
		t.Errorf("found %d names in\n%s", len(declared), v)
	}
}

func TestModuleErrors(t *testing.T) {
	c := unit()
	for want, m := range map[string]Module{
		"port x has 11 bits, needs 12":   {Name: "unit", InWidth: 11},
		"port y has 65 bits, needs 10":   {Name: "unit", OutWidth: 65},
		`"endmodule" cannot be the name`: {Name: "endmodule"},
		"-1 pipeline stages":             {Name: "unit", Stages: -1},
	} {
		if err := c.Verilog(io.Discard, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if err := c.Testbench(io.Discard, Module{Name: "unit"}, "a\"b", 1); err == nil {
		t.Error("a quote in a file's name is accepted")
	}
}
