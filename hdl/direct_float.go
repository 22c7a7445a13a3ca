package hdl

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/circuit"
)

// directFloat returns the structures of floating-point units that approximate the
// function itself, by polynomials on segments of its binades. The output's exponent is
// that of the segment's least output, or one more. There are none by exponentials and
// a division for tanh and sigmoid: a divider is greater than the tables.
func directFloat(t *truth, bound float64) []*structure {
	p := newFloatPlan(t, bound)
	if p == nil || p.last-p.first > 40 {
		return nil
	}
	m := t.format.fraction
	var list []*structure
	add := func(degree int, tolerance float64, narrowest int) {
		segments := p.split(degree, tolerance, narrowest)
		if segments == nil {
			return
		}
		l := p.layout(segments, narrowest)
		if l == nil {
			return
		}
		for _, late := range []bool{false, true} {
			list = append(list, p.structure(l, segments, degree, late))
		}
	}
	for degree := range 3 {
		for s := 0; s <= 6; s++ {
			add(degree, 0, m-s)
		}
		for tolerance := 2 * bound; tolerance > 0.02; tolerance *= 0.6 {
			add(degree, tolerance, max(0, m-6))
		}
	}
	if m < 8 {
		add(0, 0, 0)
	}
	return list
}

// maxFloatCells is the longest table from inputs to segments.
const maxFloatCells = 2048

// layout returns the segments as a layout of indices.
func (p *floatPlan) layout(segments []floatSegment, narrowest int) *layout {
	bits := p.binadeBits() + p.t.format.fraction + bitsFor(len(p.sides)-1)
	narrowest = 64
	l := &layout{name: fmt.Sprintf("%d segments of %d binades", len(segments), p.last-p.first+1)}
	for _, s := range segments {
		l.segments = append(l.segments, stretch{start: p.index(s), bits: s.bits})
		l.dBits, narrowest = max(l.dBits, s.bits), min(narrowest, s.bits)
	}
	if 1<<(bits-narrowest) > maxFloatCells {
		return nil
	}
	l.mapped(bits, narrowest)
	return l
}

// structure returns one with a polynomial on each segment. The rounding is part of the
// constant coefficients, unless it is late.
func (p *floatPlan) structure(l *layout, segments []floatSegment, degree int, late bool) *structure {
	names := []string{"table", "linear", "quadratic"}
	st := &structure{family: names[degree], name: names[degree] + " on " + l.name}
	if late {
		st.name += ", rounded at the end"
	}
	late = late || p.extended()
	outs := make([]int64, len(segments))
	for i, s := range segments {
		outs[i] = int64(s.out)
	}
	fit := l.fit(degree, func(i int, at float64) float64 {
		s := segments[i]
		v := p.scaled(s, float64(s.from)+at-float64(l.segments[i].start))
		switch {
		case late:
			return v
		case s.straddle: // between 1/2 and 1, which the two binades want
			return v + 2./3
		}
		return v + 0.5
	})
	st.knobs = fit.knobs(l.dBits, false)
	st.build = func(sizes []int) *circuit.Circuit {
		c, x := circuit.New(0, int64(p.t.format.mask()))
		in := split(p.t.format, x)
		s := knobSizes(sizes)
		exponent, fraction := in.exponent, in.fraction
		if p.proportional {
			exponent, fraction = in.normal()
		}
		served := exponent
		for _, side := range p.sides {
			if side.power > 0 {
				served = exponent.Min(int64(p.last))
			}
		}
		if p.proportional {
			served = served.Max(int64(p.first))
		}
		m := p.t.format.fraction
		at := served.Low(p.binadeBits()).Shl(m).Or(fraction)
		if len(p.sides) > 1 {
			at = in.sign.Shl(p.binadeBits() + m).Or(at)
		}
		index, d := l.cells(at)
		bias := -0.5
		if late {
			bias = 0
		}
		v := fit.wire(index, d, l.dBits, s, bias).Max(0).Min(1<<(m+s.out+2)-1).Named("value", "in the segment's last place")
		out := index.Table(outs).Named("out_exponent", "of the segment's least output")
		c.Output(p.output(in, p.compose(in, v, s.out, out, exponent, served, late)))
		return c
	}
	return st
}

// extended tells whether segments serve beyond the first or last exponent.
func (p *floatPlan) extended() bool {
	for _, s := range p.sides {
		if s.power > 0 {
			return true
		}
	}
	return p.proportional
}

// compose returns the magnitude of the output for a value with guard bits.
func (p *floatPlan) compose(in *parts, v circuit.Wire, guard int, out, exponent, served circuit.Wire, late bool) circuit.Wire {
	m := p.t.format.fraction
	big := v.Shr(m+guard+1).Named("next", "one exponent more")
	if !late {
		significand := big.Select(v.Shr(guard+1), v.Shr(guard)).Named("rounded", "")
		return out.AddConst(-1).Add(big).Shl(m).Add(significand)
	}
	significand := big.Select(v, v.Shl(1)).Named("normal", "")
	if !p.extended() {
		return out.AddConst(-1).Add(big).Shl(m).Add(significand.ShrRound(guard + 1))
	}
	out = out.Add(big)
	beyond := exponent.Sub(served) // times the power that the value follows there
	powers := make([]circuit.Wire, len(p.sides))
	for i, s := range p.sides {
		powers[i] = beyond.Mul(in.x.Const(int64(s.power)))
		if p.proportional {
			powers[i] = beyond.Min(0).Neg()
		}
	}
	fall := powers[0]
	if len(powers) > 1 {
		fall = in.sign.Select(powers[1], powers[0])
	}
	return pack(p.t.format, significand, m+guard+1, out.Sub(fall))
}

// output chooses among the middle and the ends, and puts the halves together.
func (p *floatPlan) output(in *parts, y circuit.Wire) circuit.Wire {
	ofSides := func(end func(s floatSide) circuit.Wire) circuit.Wire {
		w := end(p.sides[0])
		if len(p.sides) > 1 {
			w = in.sign.Select(end(p.sides[1]), w)
		}
		return w
	}
	above := in.exponent.AtLeast(int64(p.last + 1))
	keep := ofSides(func(s floatSide) circuit.Wire { return in.x.Const(b2i(s.power > 0)) })
	above = above.And(keep.Not()).Or(in.special).Named("above", "")
	y = above.Select(ofSides(func(s floatSide) circuit.Wire { return in.value(s.above.value) }), y)
	below := in.exponent.Less(in.x.Const(int64(p.first))).Named("below", "")
	if p.proportional {
		below = in.magnitude.EqualConst(0)
	}
	y = below.Select(ofSides(func(s floatSide) circuit.Wire {
		if s.below.input {
			return in.magnitude
		}
		return in.value(s.below.value)
	}), y)
	switch p.t.f.shape {
	case odd:
		return in.quiet(in.signed(y))
	case unitRight:
		return in.sign.And(in.nan.Not()).Select(in.signed(y), in.x)
	case oneRight:
		return in.quiet(in.sign.Select(y, in.value(1)))
	}
	return in.quiet(y)
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// normal returns the exponent and the fraction of the input with the leading one of a
// subnormal number moved to the front; its exponent is 0 or less.
func (p *parts) normal() (exponent, fraction circuit.Wire) {
	m := p.format.fraction
	zero := p.exponent.EqualConst(0).Named("subnormal", "or 0")
	lacked := p.x.Const(int64(m)).Sub(p.fraction.Log2())
	fraction = zero.Select(p.fraction.ShlBy(lacked).Low(m), p.fraction).Named("normal_fraction", "")
	return zero.Select(p.x.Const(1).Sub(lacked), p.exponent).Named("binade", "exponent with its bias"), fraction
}
