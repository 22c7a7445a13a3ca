package hdl

import "math"

// A floatPlan is where a floating-point unit that approximates the function itself has
// to compute, and what it returns elsewhere.
type floatPlan struct {
	t     *truth
	bound float64
	sides []floatSide
	// The biased exponents of the inputs that have segments.
	first, last int
	// proportional tells that the half is the input times a constant other than 1
	// below the first exponent, so that its segments serve there too.
	proportional bool
	// mirrored tells that the half at positive inputs is 1 less that at negative ones.
	mirrored bool
}

// A floatSide is one sign of the input: where there are two, the first is negative.
type floatSide struct {
	value        func(a float64) float64 // > 0, of the output's magnitude
	below, above spanEnd
	// power tells that the value falls with a^-power beyond the last exponent, so that
	// its segments serve there too; 0 stands for the constant above.
	power int
}

// newFloatPlan returns the plan within a bound in ulps, with mirrored for functions
// around 1/2 the one whose segments are those of negative inputs only, or nil if the function changes
// its sign where no segments could follow it.
func newFloatPlan(t *truth, bound float64, mirrored bool) *floatPlan {
	p := &floatPlan{t: t, bound: bound}
	f, end := t.f, 1<<t.format.exponent-1
	switch f.shape {
	case positive:
		return nil // it is the inverse square root
	case aroundHalf:
		p.sides = []floatSide{{value: func(a float64) float64 { return f.value(-a) }}, {value: f.value}}
		if p.mirrored = mirrored; mirrored {
			p.sides = p.sides[:1]
		}
	default:
		p.sides = []floatSide{{value: f.half}}
	}
	p.first, p.last = end, 0
	for i := range p.sides {
		s := &p.sides[i]
		if at := s.value(t.format.Max()); at < 0 || s.value(math.Inf(1)) < 0 {
			return nil
		}
		s.below.input = f.shape == odd || f.shape == unitRight
		s.below.value = t.format.Decode(t.format.Encode(s.value(0)))
		s.above.value = t.format.Decode(t.format.Encode(s.value(math.Inf(1))))
		first := 1
		for first < end-1 && s.below.holds(s.value, t.format, first, bound) {
			first++
		}
		if first == 1 && s.below.input {
			p.proportional = true
			for first < end-1 && p.follows(s, first+1, -1, bound) {
				first++
			}
		}
		last := end - 1
		for last > first && s.above.holds(s.value, t.format, last, bound) {
			last--
		}
		for power := 1; power <= 3 && last-first > 20; power++ {
			if p.follows(s, last-1, power, bound) {
				s.power = power
				for last > first && p.follows(s, last-1, power, bound) {
					last--
				}
			}
		}
		p.first, p.last = min(p.first, first), max(p.last, last)
	}
	return p
}

// follows tells whether the value falls with a^-power from one exponent to the next,
// but for a small part of the bound.
func (p *floatPlan) follows(s *floatSide, exponent, power int, bound float64) bool {
	for i := range 16 {
		a := math.Ldexp(1+float64(i)/16, exponent-p.t.format.bias())
		ratio := math.Ldexp(s.value(2*a), power) / s.value(a)
		if !(math.Abs(ratio-1) < math.Ldexp(bound/16, -p.t.format.fraction)) {
			return false
		}
	}
	return true
}

// A floatSegment is a part of a binade of inputs, with the exponent that its outputs
// are held in.
type floatSegment struct {
	side     int
	exponent int // of the inputs, with its bias
	from     int // in steps of the input's last place
	bits     int // it has 2^bits steps
	// out is the biased exponent of the least output, or 1 below the normal numbers,
	// and one less where an error could take the least output below its power of two.
	// Greater outputs are below four times the power.
	out      int
	straddle bool // some outputs have the next exponent
}

// scaled returns the value at some steps in a segment's binade, in units of the last
// place that the segment's least output has.
func (p *floatPlan) scaled(s floatSegment, steps float64) float64 {
	m, bias := p.t.format.fraction, p.t.format.bias()
	a := math.Ldexp(1+math.Ldexp(steps, -m), s.exponent-bias)
	return math.Ldexp(p.sides[s.side].value(a), m+bias-s.out)
}

// locate finds the segment's exponent; it is false if its outputs take more than two.
func (p *floatPlan) locate(s *floatSegment) bool {
	m, bias := p.t.format.fraction, p.t.format.bias()
	s.out = bias
	first, last := p.scaled(*s, float64(s.from)), p.scaled(*s, float64(s.from+1<<s.bits-1))
	least, most := min(first, last), max(first, last)
	if !(least >= 0) {
		return false
	}
	e := 1
	if least > 0 {
		e = bias + math.Ilogb(least) - m
		if math.Ldexp(least, bias-e-m) < 1+math.Ldexp(p.bound, -m) {
			e--
		}
		e = max(1, e)
	}
	most = math.Ldexp(most, bias-e-m)
	s.out, s.straddle = e, most >= 2
	return most < 3.98
}

// error returns about the greatest distance of a polynomial from a segment's outputs,
// in units of the last place.
func (p *floatPlan) error(s floatSegment, degree int) float64 {
	f := func(a float64) float64 { return p.scaled(s, a) }
	return stretch{start: int64(s.from), bits: s.bits}.error(degree, f)
}

// index returns the place of a segment's first input in the index of all.
func (p *floatPlan) index(s floatSegment) int64 {
	m, k := p.t.format.fraction, p.binadeBits()
	return int64(s.side)<<(k+m) | int64(s.exponent&(1<<k-1))<<m | int64(s.from)
}

// binadeBits is how many low bits of the exponent tell the binades apart.
func (p *floatPlan) binadeBits() int { return bitsFor(p.last - p.first) }

// split returns segments with a polynomial's error within the tolerance, or with
// tolerance 0 segments of 2^narrowest steps; nil if they are too many.
func (p *floatPlan) split(degree int, tolerance float64, narrowest int) []floatSegment {
	m := p.t.format.fraction
	var list []floatSegment
	var add func(s floatSegment) bool
	add = func(s floatSegment) bool {
		ok := p.locate(&s)
		if ok && tolerance > 0 && (s.bits == 0 || p.error(s, degree) <= tolerance) || ok && tolerance == 0 && s.bits == narrowest {
			list = append(list, s)
			return true
		}
		if s.bits <= narrowest {
			return false
		}
		s.bits--
		right := s
		right.from += 1 << s.bits
		return add(s) && add(right)
	}
	for side := range p.sides {
		for e := p.first; e <= p.last; e++ {
			if !add(floatSegment{side: side, exponent: e, bits: m}) {
				return nil
			}
		}
	}
	return list
}
