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
		if c := p.choices(n, bound); c != nil {
			list = append(list, p.tableOf("table of few steps", n, fewSteps(c), -1),
				p.tableOf("table of aligned steps", n, alignedSteps(c), -1))
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

// A choice is what a value of a table may be: from least to most.
type choice struct{ least, most int64 }

// both returns what two choices have in common.
func (c choice) both(o choice) choice { return choice{max(c.least, o.least), min(c.most, o.most)} }

func (c choice) none() bool { return c.least > c.most }

// choices returns those for the half at 2^n magnitudes, or nil where there are none.
func (p directPlan) choices(n int, bound float64) []choice {
	list := make([]choice, 1<<n)
	for a := range list {
		lo, hi := p.allowed(float64(a), bound)
		list[a] = choice{int64(math.Ceil(lo)), int64(math.Floor(hi))}
		if list[a].none() {
			return nil
		}
	}
	return list
}

// fewSteps returns allowed values that change as seldom as can be, and have many zeros
// at the end: such tables take little logic.
func fewSteps(list []choice) []int64 {
	values := make([]int64, len(list))
	from, run := 0, list[0]
	for i, c := range list {
		if run.both(c).none() {
			fill(values[from:i], run)
			from, run = i, c
		}
		run = run.both(c)
	}
	fill(values[from:], run)
	return values
}

// alignedSteps returns allowed values that are the same on the widest possible blocks
// of a power of two, so that they depend on few bits of the index.
func alignedSteps(list []choice) []int64 {
	values := make([]int64, len(list))
	var split func(from, to int)
	split = func(from, to int) {
		block := list[from]
		for _, c := range list[from:to] {
			block = block.both(c)
		}
		if block.none() {
			split(from, (from+to)/2)
			split((from+to)/2, to)
			return
		}
		fill(values[from:to], block)
	}
	split(0, len(list))
	return values
}

// fill sets values to the one of the choice with the most zeros at its end.
func fill(values []int64, c choice) {
	v := roundest(c.least, c.most)
	for i := range values {
		values[i] = v
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
	bound -= 1e-9 // for the rounding of these numbers
	return max(left, right) - bound, min(left, right) + bound
}

// wholeTableBits is the widest format with a table of all outputs.
const wholeTableBits = 10

// wholeTables returns structures of a table of all outputs: rounded, and with few
// steps within the bound.
func wholeTables(t *truth, bound float64) []*structure {
	full := t.format.Bits() - 1
	// In the order of the inputs' values, the least first.
	rounded, list := make([]int64, len(t.inputs)), make([]choice, len(t.inputs))
	for i, x := range t.inputs {
		at := x + int64(1)<<full
		rounded[at] = t.format.wire(t.format.Encode(t.values[i]))
		want := math.Ldexp(t.values[i], t.format.fraction)
		list[at] = choice{
			max(int64(math.Ceil(want-bound+1e-9)), -int64(1)<<full),
			min(int64(math.Floor(want+bound-1e-9)), int64(1)<<full-1),
		}
		if list[at].none() {
			return nil
		}
	}
	tableOf := func(name string, values []int64) *structure {
		bits := make([]int64, len(values))
		for i, v := range values {
			bits[(i+len(bits)/2)%len(bits)] = v
		}
		return &structure{family: "table", name: name, build: func([]int) *circuit.Circuit {
			c, x := circuit.New(-int64(1)<<full, int64(1)<<full-1)
			c.Output(x.Low(full + 1).Table(bits))
			return c
		}}
	}
	return []*structure{
		tableOf("table of all outputs", rounded),
		tableOf("table of all outputs in few steps", fewSteps(list)),
		tableOf("table of all outputs in aligned steps", alignedSteps(list)),
	}
}
