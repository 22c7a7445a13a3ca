package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/eda"
	"github.com/isrlu/isrlu/internal/yosys"
)

// tools are what an exploration measures units with: what was asked for and is here.
type tools struct {
	targets  []yosys.Target
	seeds    []int // of placements; none if there are none
	simulate bool
}

// findTools returns the tools that the settings ask for, and which are not here.
func findTools(s *HardwareSettings) (t tools, absent []string) {
	here := func(tool string) bool {
		err := eda.Available(tool)
		if err != nil {
			absent = append(absent, strings.TrimPrefix(err.Error(), "eda: "))
		}
		return err == nil
	}
	synthesizer := (len(s.Targets) > 0 || s.Place) && here("yosys")
	for _, name := range s.Targets {
		if synthesizer {
			target, _ := yosys.ParseTarget(name) // as Check did
			t.targets = append(t.targets, target)
		}
	}
	if s.Place && here("nextpnr-ice40") && synthesizer {
		for i := range s.Seeds {
			t.seeds = append(t.seeds, i+1)
		}
	}
	if s.Simulate {
		if err := SimulatorMissing(); err != nil {
			absent = append(absent, strings.TrimPrefix(err.Error(), "eda: "))
		} else {
			t.simulate = true
		}
	}
	return t, absent
}

// options returns what hdl.New takes.
func (u *HardwareUnit) options() (hdl.Options, error) {
	format, err := hdl.ParseFormat(u.Format)
	o := hdl.Options{Function: u.Function, Format: format, Bound: u.Bound, Family: u.Asked}
	if o.Family == LeastFamily {
		o.Family = ""
	}
	return o, err
}

// complete finds the unit, if that is not done, and measures what is not yet. It tells
// whether it found out something.
func (t *tools) complete(ctx context.Context, u *HardwareUnit) (changed bool, err error) {
	if u.None != "" || u.Family != "" && !t.wanted(u) {
		return false, nil
	}
	o, err := u.options()
	if err != nil {
		return false, err
	}
	if u.Family != "" {
		o.Family = u.Family
	}
	unit, err := hdl.New(ctx, o)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		u.None = err.Error()
		return true, nil
	}
	im := hdl.Implementation{Stages: u.Stages}
	if u.Levels > 0 {
		if im.Stages, err = unit.StagesFor(u.Levels); err != nil {
			u.None = err.Error()
			return true, nil
		}
	}
	u.describe(unit, im)
	return true, t.measure(ctx, u, unit, im)
}

// describe fills in what needs no tools.
func (u *HardwareUnit) describe(unit *hdl.Unit, im hdl.Implementation) {
	u.Family, u.Architecture = unit.Family(), unit.Architecture()
	e := unit.Error()
	u.MaxError, u.MeanError, u.Inputs, u.Exhaustive = e.Ulps, e.Mean, e.Inputs, e.All
	u.LogicGates = unit.Cost().Gates
	u.Depth = unit.Pipeline(hdl.Implementation{}).Depth
	p := unit.Pipeline(im)
	u.Latency, u.RegisterBits, u.Gates, u.StageDepth = im.Stages, p.RegisterBits, p.Gates, p.Depth
}

// wanted tells whether the tools have something to tell of the unit.
func (t *tools) wanted(u *HardwareUnit) bool {
	for _, target := range t.targets {
		if _, ok := u.Synthesis[target.String()]; !ok {
			return true
		}
	}
	return t.placed(u) || t.simulate && u.Simulated == 0
}

// placed tells whether the unit shall be placed.
func (t *tools) placed(u *HardwareUnit) bool {
	return len(t.seeds) > 0 && (u.Placement == nil || u.Placement.Seeds < len(t.seeds))
}

// measure runs the tools.
func (t *tools) measure(ctx context.Context, u *HardwareUnit, unit *hdl.Unit, im hdl.Implementation) error {
	var module strings.Builder
	if err := unit.Verilog(&module, im); err != nil {
		return err
	}
	verilog := module.String()
	u.Synthesis = maps.Clone(u.Synthesis)
	for _, target := range t.targets {
		if _, ok := u.Synthesis[target.String()]; ok {
			continue
		}
		a, err := eda.Synthesize(ctx, verilog, unit.Name(), target)
		if err != nil {
			return err
		}
		if u.Synthesis == nil {
			u.Synthesis = map[string]Synthesis{}
		}
		u.Synthesis[target.String()] = Synthesis{a.Gates, a.Depth, a.LUTs, a.Carries, a.FlipFlops, a.DSPs}
	}
	if t.placed(u) {
		p, err := eda.PlaceICE40(ctx, verilog, portsOf(unit, im), t.seeds...)
		large := errors.Is(err, eda.ErrTooLarge)
		if err != nil && !large {
			return err
		}
		u.Placement = &Placement{p.MHz, p.LogicCells, len(t.seeds), large}
	}
	if t.simulate && u.Simulated == 0 {
		files, err := unit.Files(im)
		if err != nil {
			return err
		}
		if u.Simulated, err = SimulateUnit(ctx, unit.Name(), files); err != nil {
			return err
		}
	}
	return nil
}

// portsOf describes a unit's module.
func portsOf(unit *hdl.Unit, im hdl.Implementation) eda.Unit {
	bits := unit.Format().Bits()
	return eda.Unit{Name: unit.Name(), InWidth: bits, OutWidth: bits, Stages: im.Stages,
		Valid: im.Handshake != hdl.NoHandshake, Ready: im.Handshake == hdl.ValidReady}
}

// SimulatorMissing returns nil if there is a simulator, or an error that names the
// Debian package to install.
func SimulatorMissing() error {
	err := eda.Available("iverilog")
	if err != nil && eda.Available("verilator") == nil {
		return nil
	}
	return err
}

// SimulateUnit runs the testbench among a unit's files in Icarus Verilog, or in
// Verilator if that is not here, and returns how many vectors the module met. That it
// failed on one is an error.
func SimulateUnit(ctx context.Context, unit string, files map[string][]byte) (vectors int, err error) {
	texts := map[string]string{}
	for name, data := range files {
		texts[name] = string(data)
	}
	var line string
	if eda.Available("iverilog") == nil {
		line, err = eda.Icarus(ctx, texts)
	} else {
		line, err = eda.VerilatorBench(ctx, texts, unit+"_tb")
	}
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, "PASS %d vectors", &vectors); err != nil {
		return 0, fmt.Errorf("experiment: the testbench of %s says %q", unit, line)
	}
	return vectors, nil
}
