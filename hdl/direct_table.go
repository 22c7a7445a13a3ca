package hdl

import (
	"math"
	"math/bits"

	"github.com/isrlu/isrlu/internal/circuit"
)

// maxTable is the longest table of values.
const maxTable = 4096

// tables returns structures that look the half up, or what it lacks of a line.
func (p directPlan) tables(bound float64) []*structure {
	var list []*structure
	for _, n := range tails(p.t, p.target, bound) {
		if 1<<n > maxTable {
			continue
		}
		for slope := -1; slope <= 3; slope++ {
			list = append(list, p.table(n, slope))
		}
		if values := p.steps(n, bound); values != nil {
			list = append(list, p.tableOf("table of few steps", n, values, -1))
		}
	}
	return list
}

// table returns a structure with a table of 2^n values. With slope >= 0 the table has
// the difference from a / 2^slope.
func (p directPlan) table(n, slope int) *structure {
	name := "table"
	if slope >= 0 {
		name = "table of differences from a line"
	}
	values := make([]int64, 1<<n)
	for a := range values {
		values[a] = int64(math.Round(p.target(float64(a))))
		if slope >= 0 {
			values[a] -= int64(a) >> slope
		}
	}
	return p.tableOf(name, n, values, slope)
}

func (p directPlan) tableOf(name string, n int, values []int64, slope int) *structure {
	return &structure{family: "table", name: name, build: func([]int) *circuit.Circuit {
		return p.circuit(n, func(a circuit.Wire) (circuit.Wire, int) {
			low := a.Low(n)
			if slope < 0 {
				return low.Table(values), 0
			}
			t := signedTable(low, values, "difference", "from a line")
			return t.addTo(low.Shr(slope)), 0
		})
	}}
}

// steps returns 2^n values within the bound that change as seldom as can be, and have
// many zeros at the end: such tables take the least logic. It is nil where no values
// keep to the bound.
func (p directPlan) steps(n int, bound float64) []int64 {
	values := make([]int64, 1<<n)
	from := 0
	least, most := math.Inf(-1), math.Inf(1)
	for a := range values {
		lo, hi := p.allowed(float64(a), bound)
		lo, hi = math.Ceil(lo), math.Floor(hi)
		if lo > hi {
			return nil
		}
		if max(least, lo) > min(most, hi) {
			fill(values[from:a], roundest(int64(least), int64(most)))
			from, least, most = a, lo, hi
		}
		least, most = max(least, lo), min(most, hi)
	}
	fill(values[from:], roundest(int64(least), int64(most)))
	return values
}

func fill(s []int64, v int64) {
	for i := range s {
		s[i] = v
	}
}

// roundest returns the number from least to most with the most zeros at its end.
func roundest(least, most int64) int64 {
	best := least
	for v := least; v <= most; v++ {
		if v == 0 || best != 0 && bits.TrailingZeros64(uint64(v)) > bits.TrailingZeros64(uint64(best)) {
			best = v
		}
	}
	return best
}

// allowed returns the ends of what the half may be at a magnitude, for both signs of
// the input.
func (p directPlan) allowed(a, bound float64) (least, most float64) {
	half := p.t.target(false)
	left, right := half(a), half(a)
	if p.complement {
		switch p.t.f.shape {
		case odd, aroundHalf:
			right = half(a+1) - 1
		case even:
			right = half(a + 1)
		default: // one sign only
			left = p.target(a)
			right = left
		}
	}
	// A little less than the bound, for the rounding of these numbers.
	bound -= 1e-9
	return max(left, right) - bound, min(left, right) + bound
}

// wholeTableBits is the widest format with a table of all outputs.
const wholeTableBits = 10

// wholeTable returns the structure of a table of all outputs.
func wholeTable(t *truth) *structure {
	values := make([]int64, len(t.inputs))
	for i, b := range t.bits {
		values[b] = t.format.wire(t.format.Encode(t.values[i]))
	}
	return &structure{family: "table", name: "table of all outputs", build: func([]int) *circuit.Circuit {
		full := t.format.Bits() - 1
		c, x := circuit.New(-int64(1)<<full, int64(1)<<full-1)
		c.Output(x.Low(full + 1).Table(values))
		return c
	}}
}
