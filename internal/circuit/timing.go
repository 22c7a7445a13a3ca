package circuit

import "math"

// A when says after how many gates the bits of a value are there: the lowest, the
// highest, and those between in proportion. So the highest bits of a sum, which come
// last, do not delay the lowest bits of the next sum.
type when struct{ lo, hi float64 }

// of returns when the bits of a ref are there, for a cell of the given width that is
// there at w.
func (w when) of(r ref, width int) when {
	at := func(i int) float64 { return w.lo + (w.hi-w.lo)*float64(i)/float64(max(1, width-1)) }
	return when{at(r.from), at(r.from + r.n - 1)}
}

func (w when) max(o when) when { return when{max(w.lo, o.lo), max(w.hi, o.hi)} }

// latest returns when all bits are there.
func (w when) latest() float64 { return max(w.lo, w.hi) }

// ready returns when a cell is, whose depth alone is tree gates that every bit goes
// through and then carry gates that only go up. at tells when its operands are there.
func (c *cell) ready(tree, carry float64, at func(r ref) when) when {
	var in when
	for _, a := range c.args {
		in = in.max(at(a))
	}
	switch c.op {
	case opAdd, opSub, opMul, opSquare, opRows:
		out := when{lo: in.lo + min(2, tree+carry)}
		for _, f := range []float64{0, 0.25, 0.5, 0.75, 1} {
			// log2 of the part above falls as the carry's way does.
			way := max(min(2, carry), carry+2*math.Log2(1-f+1e-9))
			out.hi = max(out.hi, in.lo+(in.hi-in.lo)*f+tree+way)
		}
		return out
	case opSelect:
		cond := at(c.args[0]).latest() + tree
		out := at(c.args[1]).max(at(c.args[2]))
		return when{max(cond, out.lo+tree), max(cond, out.hi+tree)}
	case opAnd, opOr, opXor, opNot, opInvert, opWiden:
		return when{in.lo + tree, in.hi + tree}
	case opShlBy, opShrBy:
		by := at(c.args[1])
		t := max(at(c.args[0]).latest()+tree, by.lo+tree, by.hi+2)
		return when{t, t}
	case opInput:
		return when{}
	}
	// All bits of the result need all of the operand, but can wait for the last ones.
	t := max(min(in.lo, in.hi)+tree, in.latest()+min(tree, 2))
	return when{t, t}
}
