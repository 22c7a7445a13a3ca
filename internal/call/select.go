package call

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
)

// ParseFunctions turns function specifications such as "isrlu:3" into
// functions, in the order given and each once. No specification, or "all",
// means every registered function with its default parameters.
func ParseFunctions(specs []string) ([]*isrlu.Function, error) {
	if len(specs) == 0 || slices.Equal(specs, []string{"all"}) {
		specs = nil
		for _, info := range isrlu.Functions() {
			specs = append(specs, info.Name)
		}
	}
	var fs []*isrlu.Function
	seen := map[string]bool{}
	for _, spec := range specs {
		f, err := isrlu.Parse(spec)
		if err != nil {
			return nil, err
		}
		if !seen[f.String()] {
			seen[f.String()] = true
			fs = append(fs, f)
		}
	}
	return fs, nil
}

// SplitSpecs splits a comma list of function specifications. A comma also
// stands between the parameters of one function: an item that begins like a
// number belongs to the specification before it.
func SplitSpecs(list string) []string {
	var specs []string
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if len(specs) > 0 && strings.ContainsRune("+-.0123456789", rune(item[0])) {
			specs[len(specs)-1] += "," + item
			continue
		}
		specs = append(specs, item)
	}
	return specs
}

// Directions lists those that Of knows, in the order of reports.
var Directions = isrlu.Directions()

// ParseDirections turns names into directions. No name means def; "all" means
// every direction.
func ParseDirections(names []string, def []isrlu.Direction) ([]isrlu.Direction, error) {
	if len(names) == 0 {
		return def, nil
	}
	if slices.Equal(names, []string{"all"}) {
		return Directions, nil
	}
	var ds []isrlu.Direction
	for _, name := range names {
		i := slices.IndexFunc(Directions, func(d isrlu.Direction) bool { return d.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown direction %q; available: %s, all", name, joinStrings(Directions))
		}
		if !slices.Contains(ds, Directions[i]) {
			ds = append(ds, Directions[i])
		}
	}
	return ds, nil
}

// Precisions lists the precisions in the order of reports.
var Precisions = []isrlu.Precision{isrlu.Exact, isrlu.Default, isrlu.Fast}

// ParsePrecisions turns names into precisions. No name, or "all", means every
// precision.
func ParsePrecisions(names []string) ([]isrlu.Precision, error) {
	if len(names) == 0 || slices.Equal(names, []string{"all"}) {
		return Precisions, nil
	}
	var ps []isrlu.Precision
	for _, name := range names {
		i := slices.IndexFunc(Precisions, func(p isrlu.Precision) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown precision %q; available: %s, all", name, joinStrings(Precisions))
		}
		if !slices.Contains(ps, Precisions[i]) {
			ps = append(ps, Precisions[i])
		}
	}
	return ps, nil
}

// ParseLevels checks the names of SIMD levels. No name means the active one,
// "all" every level that this machine can run.
func ParseLevels(names []string) ([]string, error) {
	if len(names) == 0 {
		return []string{isrlu.SIMDLevel()}, nil
	}
	have := isrlu.SIMDLevels()
	if slices.Equal(names, []string{"all"}) {
		return have, nil
	}
	var levels []string
	for _, name := range names {
		if !slices.Contains(have, name) {
			return nil, fmt.Errorf("SIMD level %q is not available; available: %s, all", name, strings.Join(have, ", "))
		}
		if !slices.Contains(levels, name) {
			levels = append(levels, name)
		}
	}
	return levels, nil
}

// Variants returns f in each of the wanted precisions that has kernels of its
// own. Where f has none of the wanted ones, it comes once, in the first
// wanted precision: what a caller who asks for that precision gets.
func Variants(f *isrlu.Function, wanted []isrlu.Precision) []*isrlu.Function {
	var fs []*isrlu.Function
	for _, p := range wanted {
		if slices.Contains(f.Info().Precisions, p) {
			fs = append(fs, f.WithPrecision(p))
		}
	}
	if fs == nil {
		fs = append(fs, f.WithPrecision(wanted[0]))
	}
	return fs
}

func joinStrings[T fmt.Stringer](list []T) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.String()
	}
	return strings.Join(names, ", ")
}
