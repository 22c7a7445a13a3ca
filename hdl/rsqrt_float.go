package hdl

import (
	"math"
	"math/bits"

	"github.com/isrlu/isrlu/internal/circuit"
)

// rsqrtFloat returns the structures of floating-point units that compute an inverse
// square root. The ISRU sigmoid has none: below 0 it is a small difference, which its
// relative accuracy forbids.
func rsqrtFloat(t *truth, bound float64) []*structure {
	relative := bound * math.Ldexp(1, -t.format.fraction-1)
	width := bits.Len(uint(1 / relative))
	if t.f.shape == positive {
		return rsqrtOnlyFloat(t, relative, width)
	}
	s, alpha, ok := t.f.isr()
	if !ok || t.f.shape == aroundHalf {
		return nil
	}
	m := t.format.fraction
	span := newSpan(t, bound)
	// alpha = mantissa 4^quarter 2^half, mantissa in [1, 2)
	mantissa, exponent := math.Frexp(alpha)
	mantissa, exponent = 2*mantissa, exponent-1
	var list []*structure
	for _, p := range powers(relative, t.f.derivative, 1) {
		if t.f.derivative && p.steps > 0 {
			continue // a table of few lines does for 16 bits
		}
		st := &structure{family: "rsqrt", name: "inverse square root: " + p.name()}
		st.knobs = []knob{{"q", max(1, width-4), width + 3}}
		if mantissa != 1 {
			st.knobs = append(st.knobs, knob{"alpha", 2, width + 2})
		}
		st.knobs = append(st.knobs, p.knobs(width)...)
		if !t.f.derivative {
			st.knobs = append(st.knobs, knob{"product", m + 1, m + 6})
		}
		outShift := 0
		if t.f.derivative {
			var scale float64
			scale, outShift = math.Frexp(s)
			p = newPower(p.degree, p.index, 0, true, scale)
		}
		st.build = func(sizes []int) *circuit.Circuit {
			c, x := circuit.New(0, int64(t.format.mask()))
			list := &sizeList{sizes}
			in := split(t.format, x)
			q := list.next()
			sig := in.significand()
			// The exponent counts from the first one in the middle.
			steps := span.last - span.first
			rel := in.exponent.Sub(c.Const(int64(span.first))).Low(bitsFor(steps)).Named("step", "exponent above the middle's first")
			x0 := 2*(span.first-t.format.bias()) + exponent // alpha a^2 = 2^(x0 + 2 step) [1, 8)
			square := squareTo(sig, 2*m, q+2)
			place := q + 2
			if mantissa != 1 {
				w := list.next()
				square = mulTo(square, c.Const(int64(math.Round(math.Ldexp(mantissa, w)))), place+w, place)
			}
			square = square.Named("square", "alpha significand^2")
			// The greater of 1 and alpha a^2 stays, the other one moves right.
			n := 1 << bitsFor(steps)
			ones, shifts, power2 := make([]int64, n), make([]int64, n), make([]int64, n)
			for i := range n {
				e := x0 + 2*i
				ones[i] = int64(math.Round(math.Ldexp(1, q-max(0, e))))
				shifts[i] = int64(min(max(0, -e), q+5))
				power2[i] = int64(max(0, e))
			}
			one := rel.Table(ones).Named("one", "1 beside the square")
			sum := square.Shr(2).ShrBy(rel.Table(shifts).Named("square_shift", "")).Add(one).Max(1<<q).Named("q", "1 + alpha a^2, scaled")
			carry := sum.Shr(q).Log2().Named("carry", "binade of q")
			fraction := sum.ShrBy(carry).Narrow(1<<q, 2<<q-1).Low(q).Named("fraction", "after the leading one")
			binade := carry.Add(rel.Table(power2).Named("scale", "binades that q was scaled by"))
			r, rootPlace := p.wire(binade.Low(1), fraction, q, list)
			half := binade.Shr(1).Named("half_binade", "")
			var y circuit.Wire
			if t.f.derivative {
				v, lacked := normalize(r, max(0, rootPlace-4), rootPlace+1)
				e := c.Const(int64(t.format.bias() + outShift)).Sub(half.Mul(c.Const(3))).Sub(lacked)
				y = pack(t.format, v, rootPlace, e)
			} else {
				product := list.next()
				v := timesRoot(sig, r, m+rootPlace, product)
				v, lacked := normalize(v, product-2, product+1)
				y = pack(t.format, v, product, in.exponent.Sub(half).Sub(lacked).Max(1))
			}
			c.Output(span.output(in, y))
			return c
		}
		list = append(list, st)
	}
	return list
}

// rsqrtOnlyFloat returns the structures of the inverse square root itself.
func rsqrtOnlyFloat(t *truth, relative float64, width int) []*structure {
	m, bias := t.format.fraction, t.format.bias()
	var list []*structure
	for _, p := range powers(relative, false, 1) {
		st := &structure{family: "rsqrt", name: "inverse square root: " + p.name(), knobs: p.knobs(width)}
		st.build = func(sizes []int) *circuit.Circuit {
			c, x := circuit.New(0, int64(t.format.mask()))
			in := split(t.format, x)
			e, fraction := in.normal()
			// e - bias = 2 k + odd
			shifted := e.AddConst(int64(bias&1 + 2*m))
			r, place := p.wire(shifted.Low(1), fraction, m, &sizeList{sizes})
			k := shifted.Shr(1).AddConst(-int64((bias + bias&1 + 2*m) / 2))
			v, gone := normalize(r.Min(2<<place-1), place-1, place+1)
			y := pack(t.format, v, place, c.Const(int64(bias)).Sub(k).Sub(gone))
			inf := in.value(math.Inf(1))
			y = in.special.Select(c.Const(0), y)
			y = in.magnitude.EqualConst(0).Select(in.signed(inf), in.sign.Select(in.value(math.NaN()), y))
			c.Output(in.quiet(y))
			return c
		}
		list = append(list, st)
	}
	return list
}
