package circuit

import "math"

// A Cost is an estimate of the size of a circuit in static CMOS logic, as Yosys
// reports it after ABC has mapped the circuit for least depth.
type Cost struct {
	Gates float64 // NAND2 equivalents: transistors / 4
	Depth int     // gates in a row, the most between input and output
}

// Cost estimates the area and depth of the combinational circuit, from the widths that
// the output needs. It takes less than a millisecond for circuits without large
// tables.
func (c *Circuit) Cost() Cost {
	nl := c.lower()
	var total Cost
	t := nl.timing()
	arrival := make([]when, len(nl.cells))
	latest := 0.0
	for i, gates := range t.gates {
		total.Gates += gates
		arrival[i] = t.ready(i, func(r ref) when {
			if r.cell < 0 {
				return when{}
			}
			return arrival[r.cell].of(r, nl.cells[r.cell].width)
		})
		latest = max(latest, arrival[i].latest())
	}
	total.Depth = int(math.Round(latest))
	return total
}

// A timing has the estimates of all cells.
type timing struct {
	nl                 *netlist
	gates, tree, carry []float64
}

func (nl *netlist) timing() *timing {
	n := len(nl.cells)
	t := &timing{nl, make([]float64, n), make([]float64, n), make([]float64, n)}
	for i, u := range nl.used() {
		t.gates[i], t.tree[i], t.carry[i] = nl.cells[i].estimate(u)
	}
	return t
}

// ready returns when cell i is ready, if its operands are when at says.
func (t *timing) ready(i int, at func(r ref) when) when {
	return t.nl.cells[i].ready(t.tree[i], t.carry[i], at)
}

// used returns the bits of each cell that something reads.
func (nl *netlist) used() []span {
	used := make([]span, len(nl.cells))
	nl.reads(func(r ref, by int) {
		used[r.cell] = used[r.cell].and(span{r.from, r.from + r.n})
	})
	return used
}

// The gates of building blocks, fitted to Yosys 0.23 with its ABC, with the script of
// package eda.
const (
	fullAdder = 9.6
	halfAdder = 4.2
	andGate   = 1.3 // with its share of inverters
	muxGate   = 2.4
)

// estimate returns the gates of a cell of which the bits u are needed, and its depth in
// the two parts that ready takes.
func (c *cell) estimate(u span) (gates, tree, carry float64) {
	var a, b ref
	if len(c.args) > 0 {
		a = c.args[0]
	}
	if len(c.args) > 1 {
		b = c.args[1]
	}
	w := float64(u.hi)
	switch c.op {
	case opAdd, opSub:
		return c.adder(u)
	case opMul, opSquare:
		return c.product(u)
	case opRows:
		var rows []mask
		ands := 0
		for i := 0; i < b.width(); i++ {
			bit, r := b.bit(i), a.shift(i-int(c.k))
			if !bit.constant(0) && !r.constant(0) {
				rows = append(rows, maskOf(r, u.hi))
				ands += r.width()
			}
		}
		gates, tree, carry = reduce(rows, u)
		return gates + andGate*float64(ands), tree + 1, carry
	case opShlBy, opShrBy:
		return c.shifter(u)
	case opLog2:
		n := float64(a.width()) - float64(c.k)
		return 2.5 * n, 1 + 0.36*n, 0
	case opSelect:
		return c.selector(u), 2, 0
	case opLess:
		if n, ok := constantBits(a, b); ok {
			return 2.1 * n, 1 + 1.4*math.Log2(max(1, n)), 0
		}
		n := float64(max(a.widthAs(b), b.widthAs(a)))
		return 7.2 * n, 1 + 1.4*math.Log2(n), 0
	case opEqual:
		n := float64(max(a.widthAs(b), b.widthAs(a)))
		if a.cell < 0 || b.cell < 0 {
			return 1.1 * n, 1 + 0.7*math.Log2(n), 0
		}
		return 4 * n, 1.2 + math.Log2(n), 0
	case opAnd, opOr:
		return andGate * w, 1, 0
	case opXor:
		return 3 * w, 1, 0
	case opNot, opInvert:
		return 0.5 * w, 0, 0
	case opMin, opMax:
		n, _ := constantBits(a, constRef(c.k))
		return 2.1*n + 1.7*w, 2 + 1.4*math.Log2(max(1, n)), 0
	case opTable:
		return c.tableGates(u), float64(max(2, a.width())), 0
	}
	return 0, 0, 0
}

// adder estimates sums and differences. Where one operand has a constant bit a half
// adder will do, and below the lowest bit of one of them nothing.
func (c *cell) adder(u span) (gates, tree, carry float64) {
	a, b := maskOf(c.args[0], u.hi), maskOf(c.args[1], u.hi)
	lowest := max(a.lowest(), b.lowest())
	if c.op == opSub {
		lowest = b.lowest()
	}
	for _, r := range c.args {
		if r.cell < 0 {
			_, z := r.odd()
			lowest = z
		}
	}
	full := float64(a.and(b).count())
	half := float64(max(0, u.hi-lowest)) - full
	n := max(1, full+half)
	log := math.Log2(n)
	carry = 2 * log
	gates = full*(6.2+1.05*log) + half*(2+0.65*log)
	// Sum bits that nothing reads.
	gates -= 2.5 * float64(max(0, u.lo-lowest))
	if c.op == opSub {
		gates, carry = gates*1.03+1, carry+0.7
	}
	return max(0, gates), 0, max(1, carry)
}

// product estimates multipliers as a tree of carry-save adders over the rows that the
// Verilog has.
func (c *cell) product(u span) (gates, tree, carry float64) {
	a := c.args[0]
	b := a
	if c.op == opMul {
		b = c.args[1]
	}
	var rows []mask
	ands := 0.0
	switch {
	case b.cell < 0:
		for i, d := range digits(b.value) {
			if d != 0 {
				rows = append(rows, maskOf(a.shl(i), u.hi))
			}
		}
	case a == b:
		n := a.n
		if a.signed {
			n--
		}
		drop := 0
		if c.op == opSquare {
			drop = int(c.k)
		}
		for i := 0; i < n; i++ { // one bit at 2 i and n - 1 - i from 2 i + 2 up
			least, most := max(2*i+2-drop, 0), max(i+n+1-drop, 0)
			m := bitsFrom(min(least, most), most)
			if d := 2*i - drop; d >= 0 {
				m = m.or(bitsFrom(d, d+1))
			}
			rows = append(rows, m.below(u.hi))
			ands += float64(max(0, most-least))
		}
		if a.signed {
			rows = append(rows, bitsFrom(n+1, 2*n+1).below(u.hi))
			ands += float64(n)
		}
	default:
		if a.n < b.n {
			a, b = b, a
		}
		for i := 0; i < b.n; i++ {
			row := bitsFrom(i, i+a.n)
			if a.signed || b.signed {
				row = bitsFrom(i, i+a.n+1)
			}
			rows = append(rows, row.below(u.hi))
			ands += float64(a.n)
		}
	}
	gates, tree, carry = reduce(rows, u)
	if ands > 0 {
		gates, tree = gates+andGate*ands, tree+1
	}
	return gates, tree, carry
}

// reduce estimates the sum of rows: three become two by full adders until two are
// left, which an adder adds.
func reduce(rows []mask, u span) (gates, tree, carry float64) {
	for rows = pack(rows); len(rows) > 2; rows = pack(rows) {
		var next []mask
		for ; len(rows) >= 3; rows = rows[3:] {
			x, y, z := rows[0], rows[1], rows[2]
			all := x.and(y).and(z)
			two := x.and(y).or(x.and(z)).or(y.and(z))
			gates += fullAdder*float64(all.count()) + halfAdder*float64(two.count()-all.count())
			next = append(next, x.or(y).or(z), two.up().below(u.hi))
		}
		rows = append(next, rows...)
		tree += 2
	}
	if len(rows) < 2 {
		return gates, tree, 0
	}
	full := float64(rows[0].and(rows[1]).count())
	half := float64(max(0, u.hi-max(rows[0].lowest(), rows[1].lowest()))) - full
	n := max(1, full+half)
	log := math.Log2(n)
	gates += full*(6.2+1.05*log) + max(0, half)*(2+0.65*log)
	return gates, tree, 2 * log
}

// pack moves the bits of rows into as few rows as hold them.
func pack(rows []mask) []mask {
	var packed []mask
	for _, row := range rows {
		for i := 0; row != (mask{}); i++ {
			if i == len(packed) {
				packed = append(packed, mask{})
			}
			there := packed[i].and(row)
			packed[i] = packed[i].or(row)
			row = there
		}
	}
	return packed
}

// shifter estimates a shift by a variable as one rank of multiplexers for each bit of
// the count; where only one of the two inputs is a bit, an AND gate will do.
func (c *cell) shifter(u span) (gates, tree, carry float64) {
	a, by := c.args[0], c.args[1]
	n := a.width() // bits that the ranks so far give
	for i := 0; i < by.n; i++ {
		s := 1 << min(i+by.zeros, 7)
		var mux, and int
		if c.op == opShlBy {
			out := min(n+s, u.hi)
			mux = max(0, min(n, out)-s)
			and = out - mux
			n = out
		} else if a.signed {
			mux = n
		} else {
			mux = max(0, n-s)
			and = n - mux
		}
		gates += muxGate*float64(mux) + andGate*float64(and)
	}
	return gates, float64(by.n) + 1, 0
}

// selector estimates a multiplexer.
func (c *cell) selector(u span) float64 {
	gates := 0.0
	x, y := maskOf(c.args[1], u.hi), maskOf(c.args[2], u.hi)
	for i := u.lo; i < u.hi; i++ {
		switch p, q := x.has(i), y.has(i); {
		case p && q:
			gates += 2.9
		case p || q:
			gates += andGate
		}
	}
	return gates
}

// constantBits returns the number of bits that decide a comparison with a constant:
// those below the lowest 1 of the bound do not.
func constantBits(a, b ref) (float64, bool) {
	if a.cell < 0 {
		a, b = b, a
	}
	if b.cell >= 0 {
		return 0, false
	}
	_, z := b.odd()
	if b.value != -1 {
		_, z1 := constRef(b.value + 1).odd()
		z = max(z, z1)
	}
	return float64(max(1, max(a.width(), b.width())-z)), true
}
