package hdl

import (
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/circuit"
)

// target returns what a fixed-point unit's half shall be at a magnitude in input
// steps, in output steps. With a complemented fold the magnitude is one less for
// negative inputs, and the output is inverted for them: where both signs have the same
// half, the middle of what they want.
func (t *truth) target(complement bool) func(a float64) float64 {
	n := t.format.fraction
	half := func(a float64) float64 { return math.Ldexp(t.f.half(math.Ldexp(a, -n)), n) }
	if !complement {
		return half
	}
	switch t.f.shape {
	case odd:
		return func(a float64) float64 { return (half(a) + half(a+1) - 1) / 2 }
	case unitRight:
		return func(a float64) float64 { return half(a+1) - 1 }
	case oneRight:
		return func(a float64) float64 { return half(a + 1) }
	}
	return func(a float64) float64 { return (half(a) + half(a+1)) / 2 }
}

// tails returns numbers of bits k beyond 2^k of which the target may pass for a
// constant: where that takes all of the bound, most of it or little of it.
func tails(t *truth, f func(a float64) float64, bound float64) []int {
	full := t.format.Bits() - 1
	var list []int
	end := f(math.Ldexp(1, full) - 1)
	k := 2
	for _, step := range []float64{2 * bound, bound, 0.1} {
		for k < full && math.Abs(f(math.Ldexp(1, k))-end) > step {
			k++
		}
		if !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// A directPlan is what the structures of a fixed-point unit have in common.
type directPlan struct {
	t          *truth
	complement bool
	// late tells that rounding is left to the fold, which then negates without an adder.
	late   bool
	target func(a float64) float64
	full   int // bits of the magnitude
}

// directPlans returns the ways to fold.
func directPlans(t *truth) []directPlan {
	full := t.format.Bits() - 1
	plan := func(complement, late bool) directPlan {
		return directPlan{t, complement, late, t.target(complement), full}
	}
	switch t.f.shape {
	case unitRight, oneRight:
		return []directPlan{plan(true, false)} // which is exact
	case even:
		return []directPlan{plan(true, false), plan(false, false)}
	case aroundHalf:
		p := plan(true, false)
		p.target = func(a float64) float64 { return t.target(true)(a) - 0.5 }
		return []directPlan{p, plan(true, true), plan(false, true)}
	case odd:
		return []directPlan{plan(true, false), plan(false, true)}
	}
	return []directPlan{plan(false, false)}
}

// directFixed returns the structures that approximate the function itself: tables and
// piecewise polynomials.
func directFixed(t *truth, bound float64) []*structure {
	var list []*structure
	if t.format.Bits() <= wholeTableBits {
		list = append(list, wholeTables(t, bound)...)
	}
	if t.f.shape == positive {
		return list // only with the input's exponent taken off, as the family rsqrt does
	}
	for _, p := range directPlans(t) {
		list = append(list, p.tables(bound)...)
		for _, bits := range tails(t, p.target, bound) {
			for degree := 1; degree <= 3; degree++ {
				if degree == 3 && p.full < 20 {
					continue
				}
				for _, l := range p.layouts(bits, degree) {
					list = append(list, p.polynomial(l, degree, bits))
				}
			}
		}
	}
	return list
}

// layouts returns those that may serve a polynomial of the degree.
func (p directPlan) layouts(bits, degree int) []*layout {
	var list []*layout
	most := 8
	if p.full > 16 {
		most = 10
	}
	for s := 1; s <= min(most, bits); s++ {
		list = append(list, uniform(bits, s))
	}
	for tolerance := 2.0; tolerance > 0.02; tolerance *= 0.6 {
		if l := dyadic(bits, degree, p.target, tolerance); l != nil {
			list = append(list, l)
		}
	}
	if bits > 8 {
		for s := 1; s <= 6; s++ {
			for low := max(s+1, bits-12); low < bits-2; low += 2 {
				list = append(list, binades(bits, low, s))
			}
		}
	}
	return list
}

// polynomial returns a structure of polynomials on a layout's segments, beyond which
// the half is constant.
func (p directPlan) polynomial(l *layout, degree, bits int) *structure {
	fit := l.fit(degree, func(_ int, a float64) float64 { return p.target(a) })
	st := &structure{
		family: []string{"table", "linear", "quadratic", "cubic"}[degree],
		name:   []string{"table", "linear", "quadratic", "cubic"}[degree] + " on " + l.name,
	}
	// With -1 the last bit of the output is constant.
	guard := -1
	if p.late {
		guard = 1
	}
	st.knobs = fit.knobs(l.dBits, guard)
	st.build = func(sizes []int) *circuit.Circuit {
		return p.circuit(bits, func(a circuit.Wire) (circuit.Wire, int) {
			s := knobSizes(sizes)
			index, d := l.cells(a)
			v := fit.wire(index, d, l.dBits, s, p.bias(s.out))
			return v.Shl(max(0, -s.out)), max(0, s.out)
		})
	}
	return st
}

// bias is what a value with guard bits gets so that cutting them rounds.
func (p directPlan) bias(guard int) float64 {
	if p.late || guard <= 0 {
		return 0
	}
	return math.Ldexp(0.5, guard) - 0.5
}

// circuit returns the circuit with a half for magnitudes below 2^bits.
func (p directPlan) circuit(bits int, half func(a circuit.Wire) (v circuit.Wire, guard int)) *circuit.Circuit {
	least, most := -int64(1)<<p.full, int64(1)<<p.full-1
	c, x := circuit.New(least, most)
	f := newFold(p.t, x, p.complement)
	a := f.a
	if bits < p.full {
		a = f.full
	}
	v, guard := half(a)
	if !p.late {
		v, guard = v.Shr(guard), 0
	}
	if bits < p.full {
		first, last := p.target(math.Ldexp(1, bits)), p.target(math.Ldexp(1, p.full)-1)
		end := int64(math.Round(math.Ldexp((first+last)/2, guard)))
		v = a.AtLeast(1<<bits).Select(v.Const(end), v)
	}
	c.Output(f.unfold(v, guard))
	return c
}

// knobs returns those of a polynomial, with lower ends at which errors are a few steps
// of the output.
func (p *pieces) knobs(dBits, leastGuard int) []knob {
	list := []knob{{"guard bits", leastGuard, 8}}
	names := []string{"", "linear", "quadratic", "cubic"}
	for k := 1; k <= p.degree; k++ {
		greatest := 1.0
		for _, c := range p.coefs {
			greatest = max(greatest, math.Abs(c[k]))
		}
		need := math.Ilogb(greatest)
		list = append(list,
			knob{names[k] + " coefficient's fraction", -2, 8},
			knob{names[k] + " factor's bits", max(0, min(dBits, need-2)), min(dBits, need+8)})
	}
	return list
}

// knobSizes returns the sizes that those of knobs are.
func knobSizes(sizes []int) polySizes {
	s := polySizes{out: sizes[0]}
	for i, to := range []*int{&s.linear, &s.u, &s.square, &s.uu, &s.cube, &s.uuu} {
		if i+1 < len(sizes) {
			*to = sizes[i+1]
		}
	}
	return s
}
