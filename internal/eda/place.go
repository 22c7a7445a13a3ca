package eda

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Placement is what nextpnr made of a unit.
type Placement struct {
	MHz        float64 // the median over the seeds
	LogicCells int     // with those that keep the outputs
}

// ErrTooLarge is in the error for a unit that the device has no room for.
var ErrTooLarge = errors.New("the unit does not fit the device")

// PlaceICE40 places and routes a unit on an iCE40 HX8K in the package CT256 with
// nextpnr, between registers at all its ports, so that paths to pins do not count, and
// once for each seed, of which there must be at least one.
func PlaceICE40(ctx context.Context, verilog string, u Unit, seeds ...int) (Placement, error) {
	if err := checkName(u.Name); err != nil {
		return Placement{}, err
	}
	if err := Available("nextpnr-ice40"); err != nil {
		return Placement{}, err
	}
	around, registers := wrapper(u)
	t, err := start(ctx, "yosys", map[string]string{"unit.v": verilog, "wrapper.v": around})
	if err != nil {
		return Placement{}, err
	}
	defer t.end()
	if _, err := t.run("yosys", "-q", "-p", "read_verilog unit.v wrapper.v; synth_ice40 -nobram -top "+u.Name+"_wrapper -json unit.json"); err != nil {
		return Placement{}, err
	}
	var p Placement
	var clocks []float64
	for _, seed := range seeds {
		out, err := t.run("nextpnr-ice40", "--hx8k", "--package", "ct256", "--json", "unit.json", "--seed", strconv.Itoa(seed),
			"--pcf-allow-unconstrained", "--freq", "100", "--timing-allow-fail")
		if strings.Contains(out, "Unable to place cell") || strings.Contains(out, "no BELs remaining") {
			return Placement{}, fmt.Errorf("eda: nextpnr-ice40: %w", ErrTooLarge)
		}
		if err != nil {
			return Placement{}, err
		}
		mhz, cells, err := parsePlacement(out)
		if err != nil {
			return Placement{}, err
		}
		clocks = append(clocks, mhz)
		p.LogicCells = max(p.LogicCells, cells-registers)
	}
	if len(clocks) == 0 {
		return p, errors.New("eda: no seeds to place with")
	}
	slices.Sort(clocks)
	p.MHz = (clocks[(len(clocks)-1)/2] + clocks[len(clocks)/2]) / 2
	return p, nil
}

var (
	frequency  = regexp.MustCompile(`Max frequency for clock [^:]*: *([0-9.]+) MHz`)
	logicCells = regexp.MustCompile(`ICESTORM_LC: *([0-9]+)/`)
)

// parsePlacement finds the clock frequency after routing, the last one printed, and the
// number of logic cells.
func parsePlacement(out string) (mhz float64, cells int, err error) {
	f := frequency.FindAllStringSubmatch(out, -1)
	c := logicCells.FindStringSubmatch(out)
	if len(f) == 0 || c == nil {
		return 0, 0, fmt.Errorf("eda: nextpnr-ice40 printed no clock frequency:\n%s", tail(out, 12))
	}
	mhz, _ = strconv.ParseFloat(f[len(f)-1][1], 64)
	cells, _ = strconv.Atoi(c[1])
	return mhz, cells, nil
}

// wrapper returns a module that has registers before and behind a unit, and few pins:
// x is shifted in and y out, so that wide ports fit the package. The shift has an
// enable, lest registers of the unit that delay x be merged with it. It also returns how
// many registers that are no output of the unit it has.
func wrapper(u Unit) (verilog string, registers int) {
	ports := []string{".x(x)", ".y(y)"}
	inputs, outputs := u.InWidth, u.OutWidth
	input := func(name string) {
		ports = append(ports, fmt.Sprintf(".%s(in[%d])", name, inputs))
		inputs++
	}
	output := func(name string) {
		ports = append(ports, fmt.Sprintf(".%s(out[%d])", name, outputs))
		outputs++
	}
	if u.Stages > 0 {
		ports = append(ports, ".clk(clk)")
	}
	if u.reset() {
		input("rst")
	}
	if u.Valid {
		input("in_valid")
		output("out_valid")
	}
	if u.Ready {
		input("out_ready")
		output("in_ready")
	}
	return fmt.Sprintf(`module %[1]s_wrapper (input wire clk, input wire shift, input wire bit_in, output wire bit_out);
    reg [%[2]d:0] in;
    wire [%[3]d:0] out;
    reg [%[3]d:0] kept, shifted;
    wire [%[4]d:0] x = in[%[4]d:0];
    wire [%[5]d:0] y;
    assign out[%[5]d:0] = y;
    assign bit_out = shifted[%[3]d];
    %[1]s unit (%[6]s);
    always @(posedge clk) begin
        if (shift) in <= {in, bit_in};
        kept <= out;
        shifted <= shift ? kept : shifted << 1;
    end
endmodule
`, u.Name, inputs-1, outputs-1, u.InWidth-1, u.OutWidth-1, strings.Join(ports, ", ")), inputs + outputs
}
