package hdl

import "github.com/isrlu/isrlu/internal/circuit"

// A fold is the input of a fixed-point unit as a sign and a magnitude at which the
// half is computed.
type fold struct {
	t   *truth
	x   circuit.Wire
	neg circuit.Wire
	a   circuit.Wire // >= 0, in units of the input's last place
	// full is a, or for the least number its opposite, which is one more than a can be.
	full circuit.Wire
	// complement tells that a is -x - 1 for negative x, which saves an adder before
	// and one after the half. The two errors cancel where the slope is 1.
	complement bool
}

// complementBound is the least bound in ulps for which it is worth trying: rounding
// takes a half, and where the slope is neither 0 nor 1 the two errors leave up to one.
const complementBound = 1.5

// canComplement tells whether the shape has a use for [fold.complement].
func (s shape) canComplement() bool { return s == odd || s == unitRight || s == oneRight || s == even }

// newFold takes the sign off the input.
func newFold(t *truth, x circuit.Wire, complement bool) *fold {
	w := t.format.Bits()
	f := &fold{t: t, x: x, neg: x.Negative().Named("neg", "x < 0"), complement: complement}
	top := int64(1)<<(w-1) - 1
	switch t.f.shape {
	case positive:
		f.a = x.Low(w-1).Named("a", "x where it is positive")
		f.full = f.a
		return f
	case unitRight, oneRight:
		f.a = x.Invert().Low(w-1).Named("inverted", "-x - 1 where x < 0")
		if !complement {
			f.a = f.a.AddConst(1)
		}
	default:
		f.a = f.neg.Select(x.Invert(), x).Narrow(0, top).Named("inverted", "-x - 1 where x < 0")
		if !complement {
			f.a = f.a.Add(f.neg)
		}
	}
	f.full = f.a
	// The least number has no opposite: its neighbour's serves.
	f.a = f.a.Min(top).Named("a", "magnitude")
	return f
}

// unfold returns the output for a half v >= 0 with so many more fraction bits than the
// format has, which are rounded off.
func (f *fold) unfold(v circuit.Wire, guard int) circuit.Wire {
	format := f.t.format
	least, most := -int64(1)<<(format.Bits()-1), int64(1)<<(format.Bits()-1)-1
	one := int64(1) << format.fraction
	var y circuit.Wire
	switch shape := f.t.f.shape; {
	case shape == positive:
		y = f.x.Less(f.x.Const(1)).Select(f.x.Const(most), v.ShrRound(guard).Min(most))
	case shape == even:
		y = v.ShrRound(guard)
	case shape == oneRight:
		y = f.neg.Select(v.ShrRound(guard), f.x.Const(min(one, most)))
	case shape == aroundHalf:
		negated := minus(v, guard)
		if f.complement {
			negated = v.Invert()
		}
		y = f.neg.Select(negated, v).AddConst((one<<guard + 1<<guard&^1) >> 1).Shr(guard)
	case f.complement:
		v = v.ShrRound(guard)
		y = f.neg.Select(v.Invert(), f.right(v))
	case shape == unitRight:
		y = f.neg.Select(minus(v, guard).ShrRound(guard), f.x)
	default:
		y = f.neg.Select(minus(v, guard), v).ShrRound(guard)
	}
	return y.Min(most).Max(least).Named("y_rounded", "rounded and within the format")
}

// right returns the output for x >= 0.
func (f *fold) right(v circuit.Wire) circuit.Wire {
	if f.t.f.shape == unitRight {
		return f.x
	}
	return v
}

// minus returns -v, or -v - 1 where that is a part of the last place: it takes no
// adder.
func minus(v circuit.Wire, guard int) circuit.Wire {
	if guard == 0 {
		return v.Neg()
	}
	return v.Invert().Named("minus", "-v but for the last bit")
}
