package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/parallel"
	"github.com/isrlu/isrlu/internal/yosys"
)

// LeastFamily stands for the family of units that has the least area.
const LeastFamily = "best"

// HardwareSettings say which hardware units to find, and what to measure of them. Each
// function is taken in each format, with each bound, by each family.
type HardwareSettings struct {
	Functions []string  `json:"functions"` // as hdl.ParseFunction takes them
	Formats   []string  `json:"formats"`   // as hdl.ParseFormat takes them
	Bounds    []float64 `json:"bounds"`    // greatest errors, in ulps
	Families  []string  `json:"families"`  // of hdl.Families, or LeastFamily
	// Stages is the number of register ranks, unless Levels is more than 0: then there
	// are as many as it takes for stages of at most so many levels of gates.
	Stages int `json:"stages"`
	Levels int `json:"levels,omitempty"`
	// Targets are names of what Yosys synthesizes for: gates, ice40, ecp5, ecp5dsp or
	// xilinx7.
	Targets []string `json:"targets"`
	// Place asks for the clock frequency on an iCE40 HX8K, the median of Seeds
	// placements by nextpnr.
	Place bool `json:"place"`
	Seeds int  `json:"seeds"`
	// Simulate asks for the comparison of each module with its golden vectors in
	// Icarus Verilog, or Verilator where that is not here.
	Simulate bool `json:"simulate"`
}

// MaxPlacements is the most placements of a unit.
const MaxPlacements = 100

// Check returns an error that names the value that is wrong.
func (s *HardwareSettings) Check() error {
	if len(s.Functions) == 0 || len(s.Formats) == 0 || len(s.Bounds) == 0 || len(s.Families) == 0 {
		return errors.New("experiment: the exploration needs a function, a format, an error bound and a family")
	}
	for _, list := range [][]string{s.Functions, s.Formats, s.Families, s.Targets} {
		if err := checkOnce(list); err != nil {
			return err
		}
	}
	if err := checkOnce(s.Bounds); err != nil {
		return err
	}
	for _, u := range s.units() {
		o, err := u.options()
		if err == nil {
			err = o.Check()
		}
		if err != nil {
			return err
		}
	}
	if err := (hdl.Implementation{Stages: s.Stages}).Check(); err != nil {
		return err
	}
	if s.Levels < 0 {
		return fmt.Errorf("experiment: the levels of a stage must be 1 or more, got %d", s.Levels)
	}
	for _, t := range s.Targets {
		if _, err := yosys.ParseTarget(t); err != nil {
			return err
		}
	}
	if s.Place && (s.Seeds < 1 || s.Seeds > MaxPlacements) {
		return fmt.Errorf("experiment: the placements must be from 1 to %d, got %d", MaxPlacements, s.Seeds)
	}
	return nil
}

func checkOnce[T comparable](list []T) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return fmt.Errorf("experiment: %v is there twice", v)
		}
	}
	return nil
}

// A HardwareUnit is a unit that was asked for and what is known of it.
type HardwareUnit struct {
	Function string  `json:"function"`
	Format   string  `json:"format"`
	Bound    float64 `json:"bound"` // ulps
	Asked    string  `json:"asked"` // the family, or LeastFamily
	// Stages and Levels are those of the settings; with Levels, Stages is 0.
	Stages int `json:"stages"`
	Levels int `json:"levels,omitempty"`

	// None tells why there is no such unit; then there is nothing below.
	None string `json:"none,omitempty"`

	Family       string `json:"family,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	// The greatest and the mean error in ulps, of so many inputs or of all.
	MaxError   float64 `json:"max_error"`
	MeanError  float64 `json:"mean_error"`
	Inputs     int64   `json:"inputs"`
	Exhaustive bool    `json:"exhaustive"`
	// Estimates: the area in NAND2 equivalents without registers, and the levels of
	// gates of the whole.
	LogicGates float64 `json:"logic_gates"`
	Depth      float64 `json:"depth"`
	// Latency is the number of register ranks, RegisterBits what they keep. Estimates
	// are the area with them and the levels of gates of the longest stage.
	Latency      int     `json:"latency"`
	RegisterBits int     `json:"register_bits"`
	Gates        float64 `json:"gates"`
	StageDepth   float64 `json:"stage_depth"`

	// Synthesis holds what Yosys made of it, by target.
	Synthesis map[string]Synthesis `json:"synthesis,omitempty"`
	Placement *Placement           `json:"placement,omitempty"`
	// Simulated is the number of vectors that the module was compared with, all of which
	// it met; 0 if it was not simulated.
	Simulated int `json:"simulated,omitempty"`
}

// Synthesis is the size of a unit after synthesis, with its registers. What a target
// lacks is 0.
type Synthesis struct {
	Gates     float64 `json:"gates,omitempty"` // NAND2 equivalents
	Depth     int     `json:"depth"`           // the most cells in a row between registers and ports
	LUTs      int     `json:"luts,omitempty"`
	Carries   int     `json:"carries,omitempty"`
	FlipFlops int     `json:"flip_flops,omitempty"`
	DSPs      int     `json:"dsps,omitempty"`
}

// A Placement is what nextpnr made of a unit on an iCE40 HX8K.
type Placement struct {
	MHz        float64 `json:"mhz"`
	LogicCells int     `json:"logic_cells"`
	Seeds      int     `json:"seeds"`
	// TooLarge tells that the device has no room for the unit.
	TooLarge bool `json:"too_large,omitempty"`
}

// A HardwareResult is what an exploration found. It is written as JSON and read back
// without loss.
type HardwareResult struct {
	Settings    HardwareSettings `json:"settings"`
	Environment Environment      `json:"environment"`
	// Units are those asked for, in the order of the settings, bounds and families
	// changing fastest.
	Units []HardwareUnit `json:"units"`
	// Others are units of earlier explorations.
	Others []HardwareUnit `json:"others,omitempty"`
	// Absent tells which tools were not there.
	Absent []string `json:"absent,omitempty"`
	// Interrupted tells that some units are missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// HardwareOptions are what an exploration needs beside the settings.
type HardwareOptions struct {
	// Earlier are units that need not be found again. What they lack is added.
	Earlier []HardwareUnit
	Version string // of this module
	Workers int    // 0 for one for each core
	// Progress, if not nil, is told how many units are done.
	Progress func(done, total int)
	// Finished, if not nil, is called after each unit with the result so far. An error
	// of it ends the exploration.
	Finished func(*HardwareResult) error
}

// units returns the units asked for.
func (s *HardwareSettings) units() []HardwareUnit {
	stages := s.Stages
	if s.Levels > 0 {
		stages = 0
	}
	var list []HardwareUnit
	for _, function := range s.Functions {
		for _, format := range s.Formats {
			for _, bound := range s.Bounds {
				for _, family := range s.Families {
					list = append(list, HardwareUnit{Function: function, Format: format, Bound: bound, Asked: family, Stages: stages, Levels: s.Levels})
				}
			}
		}
	}
	return list
}

// asks tells whether two units were asked for alike.
func (u *HardwareUnit) asks(v *HardwareUnit) bool {
	return u.Function == v.Function && u.Format == v.Format && u.Bound == v.Bound && u.Asked == v.Asked &&
		u.Stages == v.Stages && u.Levels == v.Levels
}

// ExploreHardware finds units and measures them, several at a time. Where a tool is
// not here, what it would tell is left out. When the context ends it returns what is
// done, with the context's error.
func ExploreHardware(ctx context.Context, s HardwareSettings, o HardwareOptions) (*HardwareResult, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	e := newExploration(s, o)
	pool := parallel.New(o.Workers)
	defer pool.Close()
	pool.Run(len(e.units), func(task, _ int) { e.unit(ctx, task) })
	r := e.result()
	if err := ctx.Err(); err != nil {
		return r, err
	}
	return r, e.err
}

// An exploration is one that is under way.
type exploration struct {
	settings HardwareSettings
	options  HardwareOptions
	base     HardwareResult // without units
	tools    tools

	mu    sync.Mutex
	units []HardwareUnit
	done  []bool
	count int
	err   error // the first
}

func newExploration(s HardwareSettings, o HardwareOptions) *exploration {
	e := &exploration{settings: s, options: o, units: s.units()}
	e.done = make([]bool, len(e.units))
	e.base = HardwareResult{Settings: s, Environment: environment(o.Version, time.Now())}
	e.tools, e.base.Absent = findTools(&s)
	for _, earlier := range o.Earlier {
		if i := slices.IndexFunc(e.units, func(u HardwareUnit) bool { return u.asks(&earlier) }); i >= 0 {
			e.units[i] = earlier
		} else {
			e.base.Others = append(e.base.Others, earlier)
		}
	}
	return e
}

// unit does one of the units, unless something went wrong before.
func (e *exploration) unit(ctx context.Context, i int) {
	e.mu.Lock()
	failed, u := e.err != nil, e.units[i]
	e.mu.Unlock()
	if failed || ctx.Err() != nil {
		return
	}
	changed, err := e.tools.complete(ctx, &u)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil && e.err == nil {
			e.err = fmt.Errorf("%s in %s: %w", u.Function, u.Format, err)
		}
		return
	}
	e.units[i], e.done[i] = u, true
	e.count++
	if e.options.Progress != nil {
		e.options.Progress(e.count, len(e.units))
	}
	if changed && e.options.Finished != nil && e.err == nil {
		e.err = e.options.Finished(e.snapshot())
	}
}

func (e *exploration) result() *HardwareResult {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.snapshot()
}

// snapshot returns the result so far. What earlier explorations know of units that are
// yet to come stays among the others.
func (e *exploration) snapshot() *HardwareResult {
	r := e.base
	r.Others = slices.Clone(r.Others)
	for i, u := range e.units {
		switch {
		case e.done[i]:
			r.Units = append(r.Units, u)
		case u.Family != "" || u.None != "":
			r.Others = append(r.Others, u)
		}
	}
	r.Interrupted = len(r.Units) < len(e.units)
	return &r
}
