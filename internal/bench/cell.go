// Package bench measures the time per element of the functions' slices, beside
// Go's built-in copy, and the speed of matrix products, beside what the processor
// can do at most. All cells of a table are measured in interleaved rounds, so that
// what else the machine does meanwhile falls on all of them alike.
package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// A Placement says where results go.
type Placement uint8

const (
	// InPlace overwrites an input: src in a forward pass, dy in a backward one.
	InPlace Placement = iota
	// Separate writes to another slice.
	Separate
)

// Placements holds the names of the placements, in the order of the constants.
var Placements = []string{"inplace", "separate"}

func (p Placement) String() string { return Placements[p] }

// ParsePlacements turns names into placements; no name, or "all", means both.
func ParsePlacements(names []string) ([]Placement, error) {
	if len(names) == 0 || slices.Equal(names, []string{"all"}) {
		return []Placement{InPlace, Separate}, nil
	}
	var ps []Placement
	for _, name := range names {
		i := slices.Index(Placements, name)
		if i < 0 {
			return nil, fmt.Errorf("unknown placement %q; available: %s, all", name, strings.Join(Placements, ", "))
		}
		if !slices.Contains(ps, Placement(i)) {
			ps = append(ps, Placement(i))
		}
	}
	return ps, nil
}

// MaxElements is the longest slice that a cell may have.
const MaxElements = 1 << 30

// ParseSize reads a number of elements: digits, with the suffix Ki, Mi or Gi
// for powers of 1024, or k or M for powers of 1000.
func ParseSize(s string) (int, error) {
	digits := strings.TrimRight(s, "KMGik")
	unit, ok := map[string]int{"": 1, "k": 1e3, "M": 1e6, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n == 0 {
		return 0, fmt.Errorf("size %q is not a positive number of elements such as 4096, 4Ki or 16Mi", s)
	}
	if n > uint64(MaxElements/unit) {
		return 0, fmt.Errorf("size %q is too large; at most %s elements", s, FormatSize(MaxElements))
	}
	return int(n) * unit, nil
}

// FormatSize writes a number of elements as ParseSize reads it.
func FormatSize(n int) string {
	for shift, unit := range map[int]string{30: "Gi", 20: "Mi", 10: "Ki"} {
		if m := n >> shift; m > 0 && m<<shift == n && m < 1024 {
			return strconv.Itoa(m) + unit
		}
	}
	return strconv.Itoa(n)
}

// A Cell is one thing to measure.
type Cell struct {
	Function  string // as isrlu.Parse takes it, or Copy
	Precision string
	Direction string
	Placement Placement
	SIMD      string
	Elements  int

	// f and direction are unused in the cell of the copy, whose f is nil.
	f         *isrlu.Function
	direction isrlu.Direction
}

// Copy is the name of the row that measures Go's built-in copy. It runs on no
// level of ours, and is exact.
const Copy = "copy"

// arrays returns how many arrays an operation reads and writes: that many
// elements move for each element of the result.
func (c *Cell) arrays() int {
	if _, sum := call.Parameter(c.direction); sum {
		return 2 // read only
	}
	if c.f != nil && call.TakesGradient(c.direction) {
		return 3
	}
	return 2
}

// A Result is what a cell measured: quartiles over samples of the nanoseconds
// per element.
type Result struct {
	Cell
	NsPerElement float64 // median
	Q1, Q3       float64
	Samples      int
	GBPerS       float64 // 1e9 bytes read and written per second
	// CopyRatio is the median over that of the copy of the same size, or 0 if
	// that was not measured.
	CopyRatio float64
}

// Options choose the cells and how long to measure them. No option has a zero
// value that works but Time and Progress.
type Options struct {
	Functions  []*isrlu.Function
	Precisions []isrlu.Precision
	Directions []isrlu.Direction
	Placements []Placement
	SIMD       []string
	Sizes      []int
	Type       call.Type
	// Time is the least time to measure each cell for, DefaultTime if 0.
	Time time.Duration
	// Progress, if not nil, is called with the share of the work that is done.
	Progress func(done, total int)
}

// DefaultTime is the time for each cell.
const DefaultTime = 60 * time.Millisecond

// Cells lists what the options choose: for each size the copy, then each
// function. Directions that a function does not have are left out, and so is
// the gradient of a parameter in place: it writes no slice.
func Cells(o Options) ([]Cell, error) {
	var cells []Cell
	for _, n := range o.Sizes {
		cells = append(cells, Cell{
			Function: Copy, Precision: isrlu.Exact.String(), Direction: isrlu.Forward.String(),
			Placement: Separate, SIMD: "go", Elements: n,
		})
		for _, base := range o.Functions {
			for _, f := range call.Variants(base, o.Precisions) {
				for _, level := range o.SIMD {
					f, err := f.WithSIMD(level)
					if err != nil {
						return nil, err
					}
					for _, d := range o.Directions {
						if !call.Has(f, d, o.Type) {
							continue
						}
						for _, p := range o.Placements {
							if _, sum := call.Parameter(d); sum && p == InPlace {
								continue
							}
							cells = append(cells, Cell{
								Function: f.String(), Precision: f.Precision().String(), Direction: d.String(),
								Placement: p, SIMD: level, Elements: n, f: f, direction: d,
							})
						}
					}
				}
			}
		}
	}
	return cells, nil
}
