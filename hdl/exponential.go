package hdl

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// exponentials returns structures of the logistic function in floating point, by
//
//	sigmoid(-a) = 2^-k g(k, f),  g = 2^-f / (1 + 2^-(k+f)),  k + f = a log2(e)
//
// with polynomials for g, one for each of the lesser k, and the same for all others,
// where g is 2^-f.
func (p *floatPlan) exponentials() []*structure {
	m := p.t.format.fraction
	var list []*structure
	for degree := range 3 {
		for s := 0; s <= 5; s++ {
			for _, more := range []int{3, 7} {
				list = append(list, p.exponential(degree, s, m+more))
			}
		}
	}
	return list
}

// exponential returns a structure with 2^s segments of f for each k up to the last,
// whose g is taken for 2^-f.
func (p *floatPlan) exponential(degree, s, last int) *structure {
	m, bias := p.t.format.fraction, p.t.format.bias()
	value := func(t float64) float64 { return 1 / (1 + math.Exp2(t)) }
	// g is from 1/3 to 1, and the value four times that.
	var segments []segment
	for i := range (last + 1) << s {
		k := i >> s
		segments = append(segments, segment{func(u float64) float64 {
			return math.Ldexp(value(math.Ldexp(float64(i)+u, -s)), m+2+k)
		}, 1, 0})
	}
	fit := newPiecesOn(degree, segments)
	name := []string{"table", "linear", "quadratic"}[degree]
	st := &structure{family: "exponential", name: fmt.Sprintf("exponential, %s on %d segments", name, 1<<s)}
	// Errors of f are ln 2 as great in 2^-f, relatively.
	st.knobs = append(fit.knobs(m+8, 0),
		knob{"bits of f", max(s, m-1), m + 6},
		knob{"bits of log2(e)", m, m + 12})
	st.build = func(sizes []int) *circuit.Circuit {
		c, x := circuit.New(0, int64(p.t.format.mask()))
		in := split(p.t.format, x)
		n := len(sizes)
		size, fBits, eBits := knobSizes(sizes[:n-2]), sizes[n-2], sizes[n-1]
		product := in.significand().Mul(c.Const(int64(math.Round(math.Ldexp(math.Log2E, eBits))))).Named("scaled", "significand log2(e)")
		// At the last exponent the product has m + eBits fraction bits less its power.
		lift := p.last - bias - m - eBits + fBits
		if lift >= 0 {
			product = product.Shl(lift)
		} else {
			product = product.Shr(-lift)
		}
		short := c.Const(int64(p.last)).Sub(in.exponent).Low(bitsFor(p.last - p.first))
		t := product.ShrBy(short).Named("t", "a log2(e)")
		k := t.Shr(fBits).Named("k", "binades")
		index := k.Min(int64(last)).Shl(s).Or(t.Bits(fBits-s, s)).Named("segment", "")
		v := fit.wire(index, t.Low(fBits-s).Named("offset", ""), fBits-s, size, 0)
		c.Output(p.output(in, p.compose(in, floatCore{
			value: v, guard: size.out, late: true, extended: true,
			out: c.Const(int64(bias - 2)).Sub(k), least: bias - 2 - last, fall: c.Const(0),
		})))
		return c
	}
	return st
}
