package circuit

// opWiden is an operation of cells only: a sign-extended copy of its operand.
const opWiden = opNarrow + 1

// A ref is what a cell reads: n bits of another cell from the given bit up, with
// zeros below them, and above them their sign or zeros. With cell < 0 it is the
// constant value.
type ref struct {
	cell           int
	from, n, zeros int
	signed         bool
	value          int64
	alias          int // 1 + the index of the alias that it belongs to, or 0
}

// A cell is an operation that takes logic. Shifts by a constant, bits and narrower
// intervals take none: they are in the refs.
type cell struct {
	op            op
	args          []ref
	k             int64 // the node's, but the least value of opLog2
	not           bool  // a comparison's result is inverted
	values        []int64
	width         int
	signed        bool
	name, comment string
}

// An alias is a name for a ref, which may itself belong to an alias.
type alias struct {
	name, comment string
	ref           ref
}

// is tells whether r is the alias.
func (a *alias) is(r ref) bool {
	r.alias = a.ref.alias
	return r == a.ref
}

// A netlist is the part of a circuit that its output needs, as cells.
type netlist struct {
	cells   []cell
	aliases []alias
	output  ref
}

// lower returns the circuit's cells. The first is the input.
func (c *Circuit) lower() *netlist {
	nl := &netlist{}
	needed := c.needed()
	refs := make([]ref, len(c.nodes))
	for i := range c.nodes {
		if needed[i] {
			refs[i] = nl.node(c, i, refs)
		}
	}
	nl.output = refs[c.output]
	nl.prune()
	return nl
}

// node returns where the value of a node is, after adding the cell that computes it
// if it takes one.
func (nl *netlist) node(c *Circuit, id int, refs []ref) ref {
	nd := &c.nodes[id]
	arg := func(i int) ref { return refs[nd.args[i]] }
	if v, ok := c.fold(id, refs); ok {
		return constRef(v)
	}
	switch nd.op {
	case opConst:
		return constRef(nd.k)
	case opShl:
		return nl.alias(nd, arg(0).shl(int(nd.k)))
	case opShr:
		return nl.alias(nd, arg(0).shr(int(nd.k)))
	case opNarrow:
		return nl.alias(nd, arg(0).resize(nd.width(), nd.signed()))
	case opLow:
		if a := arg(0); a.cell < 0 || a.width() >= int(nd.k) {
			return nl.alias(nd, a.low(int(nd.k)))
		}
		return nl.add(cell{op: opWiden, args: []ref{arg(0)}}, nd, nd.width())
	case opLess:
		a, b := arg(0), arg(1)
		if b.cell < 0 && b.value == 0 && a.cell >= 0 && a.signed { // the sign bit
			return nl.alias(nd, a.bit(a.width()-1))
		}
	case opNot:
		of := &c.nodes[nd.args[0]]
		if a := arg(0); a.cell >= 0 && (of.op == opLess || of.op == opEqual) && of.name == "" {
			if nl.cells[a.cell].op == of.op {
				inverted := nl.cells[a.cell]
				inverted.not = true
				return nl.add(inverted, nd, 1)
			}
		}
	case opSelect:
		if condition := arg(0); condition.cell < 0 {
			return nl.alias(nd, arg(2-int(condition.value)).resize(nd.width(), nd.signed()))
		}
	case opMul:
		return nl.product(nd, arg(0), arg(1))
	case opSquare:
		a, zeros := arg(0).odd()
		drop := int(nd.k) - 2*zeros
		full := nl.add(cell{op: opSquare, args: []ref{a}, k: int64(max(0, drop))}, nd, max(1, nd.width()-max(0, -drop)))
		return nl.part(nd, full, full.shl(max(0, -drop)))
	case opShlBy:
		if n := arg(1); n.cell < 0 {
			return nl.alias(nd, arg(0).shl(int(n.value)))
		}
	case opShrBy:
		// A right shift is made at its operand's width.
		a := arg(0)
		if n := arg(1); n.cell < 0 {
			return nl.alias(nd, a.shr(int(n.value)))
		}
		full := nl.add(cell{op: opShrBy, args: []ref{a, arg(1)}}, nd, max(nd.width(), a.width()))
		return nl.part(nd, full, full.resize(nd.width(), nd.signed()))
	}
	if nd.op == opLog2 {
		return nl.add(cell{op: opLog2, args: []ref{arg(0)}, k: nd.lo}, nd, nd.width())
	}
	args := make([]ref, len(nd.args))
	for i := range args {
		args[i] = arg(i)
	}
	return nl.add(cell{op: nd.op, args: args, k: nd.k, values: nd.values}, nd, nd.width())
}

// fold returns the value of a node whose operands turned out to be constants.
func (c *Circuit) fold(id int, refs []ref) (v int64, ok bool) {
	args := c.nodes[id].args
	if len(args) == 0 {
		return 0, false
	}
	e := Evaluator{c: c, values: make([][]int64, len(c.nodes))}
	for _, a := range args {
		if refs[a].cell >= 0 {
			return 0, false
		}
		e.values[a] = []int64{refs[a].value}
	}
	e.values[id] = []int64{0}
	e.node(id, 1)
	return e.values[id][0], true
}

// product adds a multiplier for nd = floor(a b / 2^k). Zeros below the factors do not
// go through it.
func (nl *netlist) product(nd *node, a, b ref) ref {
	if a.cell < 0 {
		a, b = b, a
	}
	a, az := a.odd()
	b, bz := b.odd()
	if b.constant(0) {
		return b
	}
	drop := int(nd.k)
	width := max(1, nd.width()+drop-az-bz)
	switch {
	case a == b:
		width = max(width, squareWidth(a))
	case b.cell >= 0: // no narrower than its operands
		width = max(width, a.widthAs(b), b.widthAs(a))
	}
	full := nl.add(cell{op: opMul, args: []ref{a, b}}, nd, width)
	return nl.part(nd, full, full.shift(az+bz-drop).resize(nd.width(), nd.signed()))
}

// part gives nd's name to the part r of a cell that was made for it, and names the
// whole cell after it.
func (nl *netlist) part(nd *node, full, r ref) ref {
	if r == full || nd.name == "" {
		return r
	}
	c := &nl.cells[full.cell]
	c.name, c.comment = nd.name+"_full", ""
	return nl.alias(nd, r)
}

// add adds a cell of the given width that takes the sign and name of nd.
func (nl *netlist) add(c cell, nd *node, width int) ref {
	c.width, c.signed = width, nd.signed()
	c.name, c.comment = nd.name, nd.comment
	nl.cells = append(nl.cells, c)
	return ref{cell: len(nl.cells) - 1, n: width, signed: c.signed}
}

// alias returns r with the name of nd, if that has one.
func (nl *netlist) alias(nd *node, r ref) ref {
	if nd.name == "" || r.cell < 0 {
		return r
	}
	nl.aliases = append(nl.aliases, alias{nd.name, nd.comment, r})
	r.alias = len(nl.aliases)
	return r
}

// prune removes the cells that the output does not need.
func (nl *netlist) prune() {
	needed := make([]bool, len(nl.cells))
	needed[0] = true
	mark := func(r ref) {
		if r.cell >= 0 {
			needed[r.cell] = true
		}
	}
	mark(nl.output)
	for i := len(nl.cells) - 1; i >= 0; i-- {
		if needed[i] {
			for _, a := range nl.cells[i].args {
				mark(a)
			}
		}
	}
	at := make([]int, len(nl.cells))
	kept := nl.cells[:0]
	for i, c := range nl.cells {
		if needed[i] {
			for j := range c.args {
				if a := &c.args[j]; a.cell >= 0 {
					a.cell = at[a.cell]
				}
			}
			at[i] = len(kept)
			kept = append(kept, c)
		}
	}
	nl.cells = kept
	if nl.output.cell >= 0 {
		nl.output.cell = at[nl.output.cell]
	}
	for i := range nl.aliases {
		nl.aliases[i].ref.cell = at[nl.aliases[i].ref.cell]
	}
}

// reads calls f with each ref that is no constant, and the cell that reads it, or
// len(nl.cells) for the output.
func (nl *netlist) reads(f func(r ref, by int)) {
	for i := range nl.cells {
		for _, a := range nl.cells[i].args {
			if a.cell >= 0 {
				f(a, i)
			}
		}
	}
	if nl.output.cell >= 0 {
		f(nl.output, len(nl.cells))
	}
}

// aliasOf returns the alias under which r is written, or nil.
func (nl *netlist) aliasOf(r ref) *alias {
	if r.alias == 0 {
		return nil
	}
	a := &nl.aliases[r.alias-1]
	if a.is(r) || r.zeros == 0 && a.ref.zeros == 0 {
		return a
	}
	return nil
}
