package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

// Hardware returns the table of an exploration of hardware units, a row for each; with
// several families, those by which there is no unit are in a note. Where a tool is not
// here, its columns say so.
func Hardware(r *experiment.HardwareResult) *Table {
	s := &r.Settings
	t := &Table{
		Title: fmt.Sprintf("Hardware units, %s", cut(s)),
		Fields: []Field{
			{"stages", s.Stages}, {"levels", s.Levels}, {"version", r.Environment.Version}, {"verdict", r.Verdict()},
		},
	}
	for _, c := range hardwareRow(r, &experiment.HardwareUnit{}) {
		t.Columns = append(t.Columns, c.column)
	}
	for i := range r.Units {
		u := &r.Units[i]
		if u.None != "" && len(s.Families) > 1 {
			continue
		}
		var row []any
		for _, c := range hardwareRow(r, u) {
			row = append(row, c.value)
		}
		t.Rows = append(t.Rows, row)
		if u.None != "" {
			t.Notes = append(t.Notes, strings.TrimPrefix(u.None, "hdl: "))
		}
	}
	t.Notes = append(t.Notes, "Gates are NAND2 equivalents with registers; est. are estimates, levels those of gates in the longest stage.")
	t.Notes = append(t.Notes, without(r)...)
	t.Notes = append(t.Notes, r.Absent...)
	return t
}

// without tells by which of several families there are no units.
func without(r *experiment.HardwareResult) []string {
	if len(r.Settings.Families) == 1 {
		return nil
	}
	var notes []string
	for _, family := range r.Settings.Families {
		var list []string
		for _, u := range r.Units {
			if name := u.Function + " in " + u.Format; u.None != "" && u.Asked == family && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			notes = append(notes, fmt.Sprintf("No unit by %s: %s.", family, strings.Join(list, ", ")))
		}
	}
	return notes
}

// cut tells how the units are cut into stages.
func cut(s *experiment.HardwareSettings) string {
	if s.Levels > 0 {
		return fmt.Sprintf("in stages of at most %s of gates", plural(s.Levels, "level"))
	}
	if s.Stages == 0 {
		return "combinational"
	}
	return "of " + plural(s.Stages, "stage")
}

// hardwareRow returns a row with its columns.
func hardwareRow(r *experiment.HardwareResult, u *experiment.HardwareUnit) []cell {
	// figure is a number that a unit has, unless there is no unit.
	figure := func(c Column, v any) cell {
		if u.None != "" {
			v = nil
		}
		return cell{c, v}
	}
	family := u.Family
	if u.None != "" {
		family = "none"
	}
	row := []cell{
		{Column{Name: "function", Left: true}, u.Function},
		{Column{Name: "format", Left: true}, u.Format},
		{Column{Name: "bound", Title: "ulp allowed", DataOnly: len(r.Settings.Bounds) < 2}, u.Bound},
		{Column{Name: "asked", DataOnly: true}, u.Asked},
		{Column{Title: "family", Left: true, TextOnly: true}, family},
		{Column{Name: "family", DataOnly: true}, u.Family},
		{Column{Name: "architecture", DataOnly: true}, u.Architecture},
		{Column{Name: "none", DataOnly: true}, u.None},
		figure(Column{Name: "max_error", Title: "max ulp", Verb: "%.3f"}, u.MaxError),
		figure(Column{Name: "mean_error", Title: "mean ulp", Verb: "%.3f"}, u.MeanError),
		figure(Column{Name: "inputs", DataOnly: true}, u.Inputs),
		figure(Column{Name: "exhaustive", DataOnly: true}, u.Exhaustive),
		figure(Column{Name: "logic_gates", DataOnly: true}, u.LogicGates),
		figure(Column{Name: "gates_estimate", Title: "gates est.", Verb: "%.0f"}, u.Gates),
		figure(Column{Name: "depth_estimate", DataOnly: true}, u.Depth),
		figure(Column{Name: "stage_depth_estimate", Title: "levels est.", Verb: "%.0f"}, u.StageDepth),
		figure(Column{Name: "latency", Title: "cycles"}, u.Latency),
		figure(Column{Name: "register_bits", Title: "register bits"}, u.RegisterBits),
	}
	return append(row, toolCells(r, u)...)
}

// toolCells returns what tools found, each number once for programs and once for
// eyes.
func toolCells(r *experiment.HardwareResult, u *experiment.HardwareUnit) []cell {
	var cells []cell
	add := func(name, title string, known bool, absent, verb string, v float64) {
		var data any
		text := dash
		switch {
		case u.None != "":
		case known:
			data, text = v, fmt.Sprintf(verb, v)
		case absent != "":
			text = absent
		}
		cells = append(cells, cell{Column{Name: name, DataOnly: true}, data}, cell{Column{Title: title, TextOnly: true}, text})
	}
	absent := func(tool string) string {
		for _, a := range r.Absent {
			if strings.HasPrefix(a, tool+" ") {
				return "no " + tool
			}
		}
		return ""
	}
	yosys := absent("yosys")
	for _, target := range r.Settings.Targets {
		s, ok := u.Synthesis[target]
		if target == "gates" {
			add("gates", "gates", ok, yosys, "%.0f", s.Gates)
			add("gates_depth", "depth", ok, yosys, "%.0f", float64(s.Depth))
			continue
		}
		add(target+"_luts", target+" LUTs", ok, yosys, "%.0f", float64(s.LUTs))
		add(target+"_flip_flops", "FFs", ok, yosys, "%.0f", float64(s.FlipFlops))
		if target == "ecp5dsp" {
			add(target+"_dsps", "DSPs", ok, yosys, "%.0f", float64(s.DSPs))
		}
	}
	if r.Settings.Place {
		p, missing := u.Placement, absent("nextpnr-ice40")
		if missing == "" {
			missing = yosys
		}
		if p == nil {
			p = &experiment.Placement{}
		}
		if p.TooLarge {
			missing = "too large"
		}
		known := p.MHz > 0
		add("hx8k_mhz", "HX8K MHz", known, missing, "%.0f", p.MHz)
		add("hx8k_logic_cells", "cells", known, missing, "%.0f", float64(p.LogicCells))
	}
	if r.Settings.Simulate {
		add("simulated", "simulated", u.Simulated > 0, absent("iverilog"), "%.0f vectors", float64(u.Simulated))
	}
	return cells
}

// HardwareFigure draws areas: for each measure of area a row of panels, one for each
// format, with the functions side by side within the first bound; and where there are
// several bounds, the gates against the bound.
func HardwareFigure(r *experiment.HardwareResult) *Figure {
	s := &r.Settings
	fig := &Figure{Title: "Area of hardware units, " + cut(s)}
	measures := r.HardwareMeasures()
	for _, m := range measures {
		if !m.Area {
			continue
		}
		var row []Panel
		for _, format := range s.Formats {
			if b := areaBars(r, m, format); len(b.Groups) > 0 {
				row = append(row, b)
			}
		}
		fig.Rows = append(fig.Rows, row)
	}
	if len(s.Bounds) < 2 || len(measures) == 0 || !measures[0].Area {
		return fig
	}
	var row []Panel
	for _, format := range s.Formats {
		panel := &Lines{Title: format, XLabel: "error allowed in ulp", YLabel: measures[0].Name}
		for i, f := range s.Functions {
			series := Series{Name: f, Style: i}
			for _, bound := range s.Bounds {
				if u := r.Least(measures[0], f, format, bound, nil); u != nil {
					series.X, series.Y = append(series.X, bound), append(series.Y, measures[0].Of(u))
				}
			}
			if len(series.X) > 1 {
				panel.Series = append(panel.Series, series)
			}
		}
		if len(panel.Series) > 0 {
			row = append(row, panel)
		}
	}
	if len(row) > 0 {
		fig.Rows = append(fig.Rows, row)
	}
	return fig
}

// areaBars draws one format by a measure: a group of bars for each family asked for.
func areaBars(r *experiment.HardwareResult, m experiment.HardwareMeasure, format string) *Bars {
	s := &r.Settings
	b := &Bars{Title: fmt.Sprintf("%s, at most %v ulp", format, s.Bounds[0]), YLabel: m.Name}
	for _, family := range s.Families { // in this order in the legend
		for i := range r.Units {
			if u := &r.Units[i]; u.None == "" && u.Asked == family && u.Format == format && u.Bound == s.Bounds[0] {
				b.Set(u.Function, family, m.Of(u))
			}
		}
	}
	return b
}

// WriteHardware writes an exploration as JSON, with its verdict.
func WriteHardware(w io.Writer, r *experiment.HardwareResult) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*experiment.HardwareResult
		Verdict []string `json:"verdict"`
	}{r, r.Verdict()})
}

// WriteHardwareFile writes what WriteHardware does into a file, which appears whole or
// not at all.
func WriteHardwareFile(path string, r *experiment.HardwareResult) error {
	return atomicfile.Replace(path, func(w io.Writer) error { return WriteHardware(w, r) })
}

// ReadHardwareFile returns the units of a file that WriteHardwareFile wrote; none if
// there is no file.
func ReadHardwareFile(path string) ([]experiment.HardwareUnit, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r experiment.HardwareResult
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Units == nil {
		return nil, fmt.Errorf("%s has no units: it is not what isrlu hdl explore wrote; name another file", path)
	}
	return append(r.Units, r.Others...), nil
}
