package experiment

import (
	"context"
	"fmt"
	"math"

	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/circuit"
)

// PaperHardware is what units of hardware take.
type PaperHardware struct {
	Units *HardwareResult `json:"units"`
	// MultiplyAdds holds fused multiply-adds in the fixed-point formats.
	MultiplyAdds []MultiplyAdd `json:"multiply_adds"`
}

// A MultiplyAdd is a fused multiply-add a b + c of unsigned numbers of a fixed-point
// format's width, rounded once and held at the greatest number: what an inverse square
// root is to be measured by. Units with signs take a little more.
type MultiplyAdd struct {
	Format string  `json:"format"`
	Gates  float64 `json:"gates"` // estimate, NAND2 equivalents without registers
}

func (p *paper) hardwareSettings() HardwareSettings {
	s := HardwareSettings{
		Functions: []string{"isrlu", "elu", "isru", "tanh", "isru_sigmoid", "sigmoid", rsqrtName},
		Formats:   []string{"q3.4"}, Bounds: []float64{1}, Families: []string{LeastFamily},
	}
	if !p.result.Settings.Quick {
		s.Formats = append(s.Formats, "q4.11", "bfloat16")
		s.Targets = []string{"gates"}
	}
	return s
}

func (p *paper) hardwareSeconds() float64 {
	s := p.hardwareSettings()
	units := len(s.units())
	if h := p.result.Hardware; h != nil {
		units -= len(h.Units.Units)
	}
	// About a second for a unit, and some for its synthesis.
	return float64(max(1, units) * p.result.Settings.pick(1, 4))
}

// hardware finds the units. Those that are kept are not found again.
func (p *paper) hardware(ctx context.Context) error {
	s, all := p.hardwareSettings(), p.hardwareSeconds()
	o := HardwareOptions{Version: p.options.Version, Workers: p.result.Settings.Threads}
	if h := p.result.Hardware; h != nil && h.Units.Environment.Version == o.Version {
		o.Earlier = h.Units.Units
	}
	o.Progress = func(done, total int) { p.within(all*float64(done)/float64(total), "hardware units") }
	adds, err := multiplyAdds(s.Formats)
	if err != nil {
		return err
	}
	o.Finished = func(r *HardwareResult) error {
		p.result.Hardware = &PaperHardware{r, adds}
		return p.finished(fmt.Sprintf("hardware units  %d of %d", len(r.Units), len(s.units())))
	}
	r, err := ExploreHardware(ctx, s, o)
	if err != nil {
		return err
	}
	p.result.Hardware = &PaperHardware{r, adds}
	return nil
}

// multiplyAdds estimates a fused multiply-add in each fixed-point format.
func multiplyAdds(formats []string) ([]MultiplyAdd, error) {
	var list []MultiplyAdd
	for _, name := range formats {
		f, err := hdl.ParseFormat(name)
		if err != nil {
			return nil, err
		}
		if f.IsFloat() {
			continue
		}
		list = append(list, MultiplyAdd{name, multiplyAdd(f.Bits(), -math.Ilogb(f.Ulp(0))).Cost().Gates})
	}
	return list, nil
}

// multiplyAdd returns the circuit for numbers of so many bits, fraction of them behind
// the point. Its input is a, b and c side by side.
func multiplyAdd(width, fraction int) *circuit.Circuit {
	c, in := circuit.New(0, 1<<(3*width)-1)
	x, y, z := in.Bits(0, width), in.Bits(width, width), in.Bits(2*width, width)
	c.Output(x.Mul(y).Add(z.Shl(fraction)).ShrRound(fraction).Min(1<<width - 1))
	return c
}
