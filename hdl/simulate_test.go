package hdl

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/circuit"
	"github.com/isrlu/isrlu/internal/eda"
)

// A bundle is a module with several units that read the same input, so that Verilator
// compiles once for all of them.
type bundle struct {
	units   []*Unit
	verilog strings.Builder
	width   int // of each unit's output
}

func newBundle(t *testing.T, units []*Unit) *bundle {
	t.Helper()
	b := &bundle{units: units, width: units[0].format.Bits()}
	fmt.Fprintf(&b.verilog, "module bundle (input wire [%d:0] x, output wire [%d:0] y);\n", b.width-1, b.width*len(units)-1)
	for i := range units {
		fmt.Fprintf(&b.verilog, "    unit%d u%d (.x(x), .y(y[%d:%d]));\n", i, i, b.width*(i+1)-1, b.width*i)
	}
	fmt.Fprintln(&b.verilog, "endmodule")
	for i, u := range units {
		m := circuit.Module{Name: fmt.Sprintf("unit%d", i), InWidth: b.width, OutWidth: b.width}
		if err := u.design.circuit.Verilog(&b.verilog, m); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// outputs returns what the module shall put out for the inputs.
func (b *bundle) outputs(inputs []uint64) []uint64 {
	all, one := make([]uint64, len(inputs)), make([]uint64, len(inputs))
	for i, u := range b.units {
		u.Eval(one, inputs)
		for j, y := range one {
			all[j] |= y << (b.width * i)
		}
	}
	return all
}

// simulateAll compares the Verilog of units in one format with their models: on all
// inputs of formats up to 16 bits, else on the corners and n random ones.
func simulateAll(t *testing.T, units []*Unit, n int) {
	t.Helper()
	b := newBundle(t, units)
	ctx := context.Background()
	s, err := eda.Verilate(ctx, b.verilog.String(), eda.Unit{Name: "bundle", InWidth: b.width, OutWidth: b.width * len(units)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var inputs, outputs []uint64
	left, seed := n, uint64(7)
	if b.width <= exhaustiveBits {
		for x := range uint64(1) << b.width {
			inputs = append(inputs, x)
		}
		left = 0
	} else {
		inputs = Corners(units[0].format)
	}
	outputs = b.outputs(inputs)
	total, at := len(inputs), 0
	c, err := s.Compare(func() (x, y int64, ok bool) {
		if at == len(inputs) && left > 0 {
			inputs = Sample(units[0].format, min(left, 1<<16), seed)
			outputs, at = b.outputs(inputs), 0
			left -= len(inputs)
			total += len(inputs)
			seed++
		}
		if at == len(inputs) {
			return 0, 0, false
		}
		at++
		return int64(inputs[at-1]), int64(outputs[at-1]), true
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Failed > 0 || c.Count != uint64(total) {
		t.Errorf("%d of %d outputs differ, of %d given: %x", c.Failed, c.Count, total, c.First)
	}
	for _, u := range units {
		t.Logf("%s: %d inputs agree, %s, %s", u.Name(), total, u.Error(), u.Architecture())
	}
}

// Every unit keeps to its bound and its Verilog is the model: on every input of formats
// up to 16 bits, on the corners and many random inputs of wider ones. With
// ISRLU_HDL_THOROUGH set, in all formats of 16 bits, which takes an hour.
func TestVerilogIsTheModel(t *testing.T) {
	eda.Need(t, "verilator")
	functions := []string{
		"isrlu", "isru", "isru_sigmoid:1,0.5", "rsqrt", "isrlu'", "isru'", "isru_sigmoid:1,0.5'", "elu", "tanh", "sigmoid",
	}
	formats := []string{"q3.4", "q4.11", "bfloat16", "float16"}
	wide := map[string][]string{"q15.16": {"isrlu", "rsqrt", "isru'"}}
	n := 10_000_000
	switch {
	case testing.Short():
		formats, wide = formats[:1], nil
	case thorough():
		for m := range 16 {
			if m != 4 {
				formats = append(formats, fmt.Sprintf("q%d.%d", m, 15-m))
			}
		}
		wide = map[string][]string{"q15.16": functions, "q8.23": functions, "q3.28": functions}
	}
	for _, format := range formats {
		families := []string{"", "rsqrt"}
		if format == "float16" && !thorough() {
			families = families[:1]
		}
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			simulateFormat(t, mustFormat(t, format), functions, 0, families...)
		})
	}
	for format, functions := range wide {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			families := []string{"rsqrt"}
			if thorough() {
				families = append(families, "")
			}
			simulateFormat(t, mustFormat(t, format), functions, n, families...)
		})
	}
}

// simulateFormat finds the units of the functions in a format, the best and those by an
// inverse square root as the families say, and simulates them.
func simulateFormat(t *testing.T, f Format, functions []string, n int, families ...string) {
	t.Helper()
	var units []*Unit
	for _, name := range functions {
		for _, family := range families {
			u, err := New(context.Background(), Options{Function: name, Format: f, Family: family})
			switch {
			case err != nil && (family != "" || name == "rsqrt" && f.integer == 0 && !f.IsFloat()):
				t.Logf("left out: %v", err)
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case u.err.Ulps > 1 || u.err.All != (f.Bits() <= exhaustiveBits):
				t.Errorf("%s: error %v", u.Name(), u.err)
			default:
				units = append(units, u)
			}
		}
	}
	if len(units) < len(functions)/2 {
		t.Fatalf("%d units of %d functions", len(units), len(functions))
	}
	perBundle := 64 / f.Bits()
	for from := 0; from < len(units); from += perBundle {
		simulateAll(t, units[from:min(from+perBundle, len(units))], n)
	}
}

// thorough tells whether tests shall try all that they can.
func thorough() bool { return os.Getenv("ISRLU_HDL_THOROUGH") != "" }
