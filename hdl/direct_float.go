package hdl

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/circuit"
)

// directFloat returns the structures of floating-point units that approximate the
// function itself, by polynomials on segments of its binades. The output's exponent is
// that of the segment's least output, or one more. There are none by exponentials and
// a division for tanh and sigmoid: a divider is greater than the tables.
func directFloat(t *truth, bound float64) []*structure {
	var list []*structure
	for _, mirrored := range []bool{true, false} {
		if mirrored && t.f.shape != aroundHalf {
			continue
		}
		p := newFloatPlan(t, bound, mirrored)
		if p == nil {
			return nil
		}
		if mirrored && t.f.name == "sigmoid" {
			list = append(list, p.exponentials()...)
		}
		if p.last-p.first <= 40 {
			list = append(list, p.polynomials(bound)...)
		}
	}
	return list
}

// polynomials returns structures with segments of the inputs' binades.
func (p *floatPlan) polynomials(bound float64) []*structure {
	m := p.t.format.fraction
	var list []*structure
	add := func(degree int, tolerance float64, narrowest int) {
		segments := p.split(degree, tolerance, narrowest)
		if segments == nil {
			return
		}
		l := p.layout(segments)
		if l == nil {
			return
		}
		list = append(list, p.polynomial(l, segments, degree, true))
		if !p.extended() {
			list = append(list, p.polynomial(l, segments, degree, false))
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
func (p *floatPlan) layout(segments []floatSegment) *layout {
	bits := p.binadeBits() + p.t.format.fraction + bitsFor(len(p.sides)-1)
	narrowest := 64
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

// A floatCore computes the outputs' magnitudes.
type floatCore struct {
	value circuit.Wire // in the last place of the exponent, with guard bits
	guard int
	out   circuit.Wire // the biased exponent; the value may be up to four times its power
	least int          // of out
	// late tells that the value is still to be rounded.
	late bool
	// fall is what the exponent is smaller by, with no lower limit; extended tells that
	// it is not always 0.
	fall     circuit.Wire
	extended bool
}

// polynomial returns a structure with a polynomial on each segment. The rounding is
// part of the constant coefficients, unless it is late.
func (p *floatPlan) polynomial(l *layout, segments []floatSegment, degree int, late bool) *structure {
	names := []string{"table", "linear", "quadratic"}
	st := &structure{family: names[degree], name: names[degree] + " on " + l.name}
	if p.mirrored {
		st.name += " below 0"
	}
	if late {
		st.name += ", rounded at the end"
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
	st.knobs = fit.knobs(l.dBits, 0)
	st.build = func(sizes []int) *circuit.Circuit {
		c, x := circuit.New(0, int64(p.t.format.mask()))
		in := split(p.t.format, x)
		s := knobSizes(sizes)
		at, fall := p.place(in)
		index, d := l.cells(at)
		bias := -0.5
		if late {
			bias = 0
		}
		v := fit.wire(index, d, l.dBits, s, bias)
		c.Output(p.output(in, p.compose(in, floatCore{
			value: v, guard: s.out, late: late, fall: fall, extended: p.extended(),
			out: outExponent(index, segments), least: leastOut(segments),
		})))
		return c
	}
	return st
}

// place returns where in the index of all segments an input is, and what its output's
// exponent is smaller by because its binade has the segments of another one.
func (p *floatPlan) place(in *parts) (at, fall circuit.Wire) {
	exponent, fraction := in.exponent, in.fraction
	if p.proportional {
		exponent, fraction = in.normal()
	}
	served := exponent
	if p.falling() {
		served = exponent.Min(int64(p.last))
	}
	if p.proportional {
		served = served.Max(int64(p.first))
	}
	m := p.t.format.fraction
	at = served.Low(p.binadeBits()).Shl(m).Or(fraction)
	if len(p.sides) > 1 {
		at = in.sign.Not().Shl(p.binadeBits() + m).Or(at)
	}
	beyond := exponent.Sub(served)
	fall = p.ofSides(in, func(s floatSide) circuit.Wire {
		if p.proportional {
			return beyond.Min(0).Neg()
		}
		return beyond.Mul(in.x.Const(int64(s.power)))
	})
	return at, fall
}

// falling tells whether segments serve beyond the last exponent, and extended whether
// also below the first.
func (p *floatPlan) falling() bool {
	return slices.ContainsFunc(p.sides, func(s floatSide) bool { return s.power > 0 })
}

func (p *floatPlan) extended() bool { return p.falling() || p.proportional }

// ofSides returns what belongs to the input's sign.
func (p *floatPlan) ofSides(in *parts, of func(s floatSide) circuit.Wire) circuit.Wire {
	if len(p.sides) == 1 {
		return of(p.sides[0])
	}
	return in.sign.Select(of(p.sides[0]), of(p.sides[1]))
}

// compose returns the magnitude of the output.
func (p *floatPlan) compose(in *parts, c floatCore) circuit.Wire {
	m, g := p.t.format.fraction, c.guard
	v := c.value.Max(0).Min(1<<(m+g+2)-1).Named("value", "in the segment's last place")
	big := v.Shr(m+g+1).Named("next", "one exponent more")
	if c.least > 1 {
		v = v.Narrow(1<<(m+g), 1<<(m+g+2)-1)
	}
	var y circuit.Wire
	switch {
	case c.late && c.extended:
		y = pack(p.t.format, big.Select(v, v.Shl(1)), m+g+1, c.out.Add(big).Sub(c.fall))
	case c.late:
		y = c.out.AddConst(-1).Add(big).Shl(m).Add(big.Select(v, v.Shl(1)).ShrRound(g + 1))
	case c.least > 1:
		y = c.out.Add(big).Shl(m).Or(big.Select(v.Shr(g+1), v.Shr(g)).Low(m).Named("rounded", ""))
	default: // without a leading one the exponent is less
		y = c.out.AddConst(-1).Add(big).Shl(m).Add(big.Select(v.Shr(g+1), v.Shr(g)).Named("rounded", ""))
	}
	if !p.mirrored {
		return y
	}
	return in.sign.Select(y, p.mirror(c, v))
}

// mirror returns the output at positive inputs, 1 less that at negative ones.
func (p *floatPlan) mirror(c floatCore, v circuit.Wire) circuit.Wire {
	m, g, bias := p.t.format.fraction, c.guard, p.t.format.bias()
	short := v.Const(int64(bias - 2)).Sub(c.out).Add(c.fall).Max(0).Min(int64(m + g + 2))
	low := v.ShrBy(short).Named("absolute", "in the last place of 1/4")
	one := int64(1) << (m + g + 2)
	if c.late {
		one += 1 << g
	} else { // it has been given a half already, which goes the other way
		one--
	}
	y := v.Const(one).Sub(low).Max(1<<(m+g+1)).Shr(g+1).Named("above_zero", "1 less that")
	// From 1/2 to 1: the last bit of the exponent tells 1.
	return y.Low(m).Or(y.Shr(m + 1).Or(v.Const(int64(bias - 1))).Shl(m))
}

// outExponent returns the exponent of a segment's outputs. Only the bits that differ
// among segments are looked up, and those that one more may change.
func outExponent(index circuit.Wire, segments []floatSegment) circuit.Wire {
	least, most := leastOut(segments), 0
	for _, s := range segments {
		most = max(most, s.out+1)
	}
	bits := bitsFor(least ^ most)
	outs := make([]int64, len(segments))
	for i, s := range segments {
		outs[i] = int64(s.out & (1<<bits - 1))
	}
	return index.Table(outs).Named("out_exponent", "of the segment's least output").
		Or(index.Const(int64(least >> bits << bits)))
}

func leastOut(segments []floatSegment) int {
	return slices.MinFunc(segments, func(a, b floatSegment) int { return a.out - b.out }).out
}

// output chooses among the middle and the ends, and puts the halves together.
func (p *floatPlan) output(in *parts, y circuit.Wire) circuit.Wire {
	above := in.exponent.AtLeast(int64(p.last + 1))
	if p.falling() {
		keep := p.ofSides(in, func(s floatSide) circuit.Wire { return in.x.Const(b2i(s.power > 0)) })
		above = above.And(keep.Not()).Or(in.special)
	}
	above = above.Named("above", "")
	end := p.ofSides(in, func(s floatSide) circuit.Wire { return in.value(s.above.value) })
	if p.mirrored {
		end = in.sign.Select(end, in.value(p.t.f.value(math.Inf(1))))
	}
	y = above.Select(end, y)
	below := in.exponent.Less(in.x.Const(int64(p.first))).Named("below", "")
	if p.proportional {
		below = in.magnitude.EqualConst(0)
	}
	y = below.Select(p.ofSides(in, func(s floatSide) circuit.Wire {
		if s.below.input {
			return in.magnitude
		}
		return in.value(s.below.value)
	}), y)
	return in.unfold(p.t.f.shape, y)
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
