package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A HardwareMeasure is a number that units are compared by.
type HardwareMeasure struct {
	Name string // such as "gates"
	// Area tells that it is a size, for plots.
	Area bool
	// Higher tells that more is better.
	Higher bool
	// Even is how much two units may differ, relatively, and count as even.
	Even float64
	// Of returns the number, or NaN where it is not known.
	Of func(*HardwareUnit) float64
}

// Estimates of units built alike are within about a tenth of Yosys's numbers, but for
// what all have in common; ratios are printed to a hundredth.
const evenEstimates, evenNumbers = 0.1, 0.005

// HardwareMeasures are those that are known of at least one unit: of areas first the
// gates, by Yosys or else by the estimate, then the LUTs of each target.
func (r *HardwareResult) HardwareMeasures() []HardwareMeasure {
	all := []HardwareMeasure{{"gates", true, false, evenNumbers, synthesized("gates", func(s Synthesis) float64 { return s.Gates })}}
	if !r.knows(all[0]) {
		all[0] = HardwareMeasure{"gates (estimate)", true, false, evenEstimates, func(u *HardwareUnit) float64 { return u.Gates }}
	}
	for _, t := range r.Settings.Targets {
		if t != "gates" {
			all = append(all, HardwareMeasure{t + " LUTs", true, false, evenNumbers, synthesized(t, func(s Synthesis) float64 { return float64(s.LUTs) })})
		}
	}
	all = append(all,
		HardwareMeasure{"levels", false, false, evenEstimates, func(u *HardwareUnit) float64 { return u.StageDepth }},
		HardwareMeasure{"latency", false, false, evenNumbers, func(u *HardwareUnit) float64 {
			if r.Settings.Levels > 0 {
				return float64(u.Latency)
			}
			return math.NaN() // asked for, and the same for all
		}},
		HardwareMeasure{"MHz", false, true, evenNumbers, func(u *HardwareUnit) float64 {
			if u.Placement == nil || u.Placement.TooLarge {
				return math.NaN()
			}
			return u.Placement.MHz
		}})
	return slices.DeleteFunc(all, func(m HardwareMeasure) bool { return !r.knows(m) })
}

// synthesized returns a function that reads a number of a synthesis for a target.
func synthesized(target string, of func(Synthesis) float64) func(*HardwareUnit) float64 {
	return func(u *HardwareUnit) float64 {
		if s, ok := u.Synthesis[target]; ok {
			return of(s)
		}
		return math.NaN()
	}
}

func (r *HardwareResult) knows(m HardwareMeasure) bool {
	return slices.ContainsFunc(r.Units, func(u HardwareUnit) bool { return u.None == "" && !math.IsNaN(m.Of(&u)) })
}

// Least returns the unit of a function in a format, within a bound, that is least by a
// measure, or nil. Family restricts it to one by which it is built, unless it is empty.
func (r *HardwareResult) Least(m HardwareMeasure, function, format string, bound float64, family func(string) bool) *HardwareUnit {
	var least *HardwareUnit
	for i := range r.Units {
		u := &r.Units[i]
		if u.None != "" || u.Function != function || u.Format != format || u.Bound != bound || math.IsNaN(m.Of(u)) || family != nil && !family(u.Family) {
			continue
		}
		if least == nil || m.Of(u) < m.Of(least) {
			least = u
		}
	}
	return least
}

// rivals are the functions that each function of the inverse square root is to
// replace.
var rivals = [][2]string{{"isrlu", "elu"}, {"isru", "tanh"}, {"isru_sigmoid", "sigmoid"}}

// Verdict says how the functions of the inverse square root compare with their
// rivals, in each format and within each bound, and where units that compute an
// inverse square root lose to others for the same function. Units are the least by
// area of those that were found. Where they are even by a measure, it neither wins nor
// loses.
func (r *HardwareResult) Verdict() []string {
	var lines []string
	for _, format := range r.Settings.Formats {
		for _, bound := range r.Settings.Bounds {
			where := fmt.Sprintf("%s at %v ulp", format, bound)
			for _, f := range r.Settings.Functions {
				for _, g := range r.Settings.Functions {
					if slices.Contains(rivals, [2]string{nameOf(f), nameOf(g)}) {
						lines = append(lines, r.against(where, f, g, format, bound)...)
					}
				}
			}
			for _, f := range r.Settings.Functions {
				lines = append(lines, r.byRoot(where, f, format, bound)...)
			}
		}
	}
	return lines
}

// nameOf returns a function's name without parameters, but with the mark of a
// derivative.
func nameOf(function string) string {
	name, params, _ := strings.Cut(function, ":")
	if strings.HasSuffix(params, "'") {
		name += "'"
	}
	return name
}

// against compares a function's unit with its rival's.
func (r *HardwareResult) against(where, function, rival, format string, bound float64) []string {
	measures := r.HardwareMeasures()
	if len(measures) == 0 {
		return nil
	}
	a, b := r.Least(measures[0], function, format, bound, nil), r.Least(measures[0], rival, format, bound, nil)
	if a == nil || b == nil {
		return nil
	}
	var ratios, wins, losses []string
	for _, m := range measures {
		x, y := m.Of(a), m.Of(b)
		if math.IsNaN(x) || math.IsNaN(y) || y == 0 {
			continue
		}
		ratio := x / y
		ratios = append(ratios, fmt.Sprintf("%s %.2f", m.Name, ratio))
		switch {
		case math.Abs(ratio-1) < m.Even:
		case ratio < 1 != m.Higher:
			wins = append(wins, m.Name)
		default:
			losses = append(losses, m.Name)
		}
	}
	line := fmt.Sprintf("%s: %s / %s: %s", where, function, rival, strings.Join(ratios, ", "))
	if len(wins) > 0 {
		line += "; wins in " + strings.Join(wins, ", ")
	}
	if len(losses) > 0 {
		line += "; loses in " + strings.Join(losses, ", ")
	}
	return []string{line + "."}
}

// rootFamily is the family of units that compute an inverse square root.
const rootFamily = "rsqrt"

// byRoot tells where units by an inverse square root lose for a function that has them.
func (r *HardwareResult) byRoot(where, function, format string, bound float64) []string {
	switch strings.TrimSuffix(nameOf(function), "'") {
	case "isrlu", "isru", "isru_sigmoid", "rsqrt":
	default:
		return nil
	}
	measures := r.HardwareMeasures()
	if len(measures) == 0 {
		return nil
	}
	m := measures[0]
	isRoot := func(family string) bool { return family == rootFamily }
	root := r.Least(m, function, format, bound, isRoot)
	other := r.Least(m, function, format, bound, func(family string) bool { return !isRoot(family) })
	switch {
	case other == nil:
		return nil
	case root != nil && m.Of(root) <= m.Of(other):
		return []string{fmt.Sprintf("%s: %s by an inverse square root takes %.2f of the %s of the next, %s.",
			where, function, m.Of(root)/m.Of(other), m.Name, other.Family)}
	case root != nil:
		return []string{fmt.Sprintf("%s: the inverse square root loses for %s: %.0f %s, against %.0f of %s.",
			where, function, m.Of(root), m.Name, m.Of(other), other.Family)}
	case other.Asked == LeastFamily:
		return []string{fmt.Sprintf("%s: the inverse square root loses for %s: the least unit is of the family %s.", where, function, other.Family)}
	}
	return nil
}
