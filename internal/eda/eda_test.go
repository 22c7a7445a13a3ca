package eda

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/internal/yosys"
)

// adder returns a unit y = x + k behind a register with the handshake valid/ready.
func adder(k string) (string, Unit) {
	return `module adder (
    input wire clk, input wire rst, input wire in_valid, output wire in_ready, input wire [7:0] x,
    output reg out_valid, input wire out_ready, output reg [8:0] y);
    assign in_ready = out_ready | ~out_valid;
    always @(posedge clk)
        if (rst) out_valid <= 1'b0;
        else if (in_ready) out_valid <= in_valid;
    always @(posedge clk) if (in_ready) y <= {1'b0, x} + 9'd` + k + `;
endmodule
`, Unit{Name: "adder", InWidth: 8, OutWidth: 9, Stages: 1, Valid: true, Ready: true}
}

// sums returns 1000 pairs of an input and 7 more than that, but the wrong ones.
func sums(wrong int64) func() (x, y int64, ok bool) {
	i := int64(-1)
	return func() (int64, int64, bool) {
		i++
		x := i & 255
		if i < wrong {
			return x, x, i < 1000
		}
		return x, x + 7, i < 1000
	}
}

func TestVerilatorComparesAndNoticesFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for long")
	}
	Need(t, "verilator")
	v, u := adder("7")
	stuck := strings.Replace(v, "out_ready | ~out_valid", "~out_valid", 1)
	for _, verilog := range []string{v, stuck} {
		s, err := Verilate(context.Background(), verilog, u)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, wrong := range []int64{0, 20} {
			got, err := s.Compare(sums(wrong))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case verilog == stuck && got.Failed == 0:
				t.Errorf("a unit that stands still is not noticed: %+v", got)
			case verilog == v && (got.Count != 1000 || got.Failed != uint64(wrong) || len(got.First) != int(wrong/2)):
				t.Errorf("%d wrong: %+v", wrong, got)
			}
		}
	}
}

func TestSynthesize(t *testing.T) {
	Need(t, "yosys")
	v, u := adder("7")
	for target, right := range map[yosys.Target]func(a Area) bool{
		yosys.Gates:   func(a Area) bool { return a.Gates > 60 && a.Gates < 160 && a.Depth > 2 },
		yosys.ICE40:   func(a Area) bool { return a.LUTs > 5 && a.LUTs < 20 && a.Carries > 3 },
		yosys.ECP5:    func(a Area) bool { return a.LUTs+a.Carries > 4 && a.LUTs < 30 },
		yosys.Xilinx7: func(a Area) bool { return a.LUTs > 3 && a.LUTs < 25 },
	} {
		a, err := Synthesize(context.Background(), v, u.Name, target)
		if err != nil {
			t.Fatal(err)
		}
		if !right(a) || a.FlipFlops != 10 {
			t.Errorf("target %d: %+v", target, a)
		}
	}
	mul := `module mul (input wire [15:0] x, output wire [15:0] y); assign y = x[15:8] * x[7:0]; endmodule`
	if a, err := Synthesize(context.Background(), mul, "mul", yosys.ECP5DSP); err != nil || a.DSPs != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestPlaceICE40(t *testing.T) {
	if testing.Short() {
		t.Skip("places for long")
	}
	Need(t, "yosys")
	Need(t, "nextpnr-ice40")
	v, u := adder("7")
	p, err := PlaceICE40(context.Background(), v, u, 1, 2)
	if err != nil || p.MHz < 50 || p.MHz > 800 || p.LogicCells < 8 || p.LogicCells > 30 {
		t.Errorf("%+v, %v", p, err)
	}
	large := `module large (input wire clk, input wire [7:0] x, output wire [7:0] y);
    reg [7999:0] r;
    always @(posedge clk) r <= {r, x};
    assign y = r[7999:7992];
endmodule`
	_, err = PlaceICE40(context.Background(), large, Unit{Name: "large", InWidth: 8, OutWidth: 8, Stages: 1000}, 1)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large a unit: %v", err)
	}
}

func TestErrorsCarryTheToolsLastLines(t *testing.T) {
	Need(t, "yosys")
	_, err := Synthesize(context.Background(), "module m (input x); syntax error", "m", yosys.Gates)
	if err == nil || !strings.Contains(err.Error(), "unit.v:1") {
		t.Errorf("%v", err)
	}
}

func TestContextStopsTools(t *testing.T) {
	Need(t, "iverilog")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	began := time.Now()
	_, err := Icarus(ctx, map[string]string{"tb.v": "module tb; reg c; initial c = 0; always #1 c = ~c; endmodule"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAbsentToolIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for tool, want := range map[string]string{"verilator": "verilator g++ make", "iverilog": "iverilog", "yosys": "yosys", "nextpnr-ice40": "nextpnr-ice40"} {
		if err := Available(tool); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", tool, err)
		}
	}
}

func TestParseArea(t *testing.T) {
	if _, err := parseArea(`{"design": {"num_cells_by_type": {"$_DLATCH_P_": 1}}}`, ""); err == nil {
		t.Error("a latch is no gate")
	}
	if _, err := parseArea("ERROR", ""); err == nil {
		t.Error("no JSON is accepted")
	}
	if _, err := parseComparison("killed"); err == nil {
		t.Error("a simulation without a result is accepted")
	}
}
