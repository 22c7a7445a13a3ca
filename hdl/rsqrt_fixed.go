package hdl

import (
	"math"
	"math/bits"

	"github.com/isrlu/isrlu/internal/circuit"
)

// rsqrtFixed returns the structures of fixed-point units that compute an inverse
// square root: a (1 + alpha a^2)^(-1/2), its derivative, or a^(-1/2).
func rsqrtFixed(t *truth, bound float64) []*structure {
	n, w := t.format.fraction, t.format.Bits()
	if t.f.shape == positive {
		return rsqrtOnly(t, bound)
	}
	s, alpha, ok := t.f.isr()
	if !ok {
		return nil
	}
	// The greatest value of the half tells how small the relative error must be.
	greatest := t.f.half(math.Ldexp(1, t.format.integer))
	if t.f.derivative {
		greatest = s
	}
	relative := bound * math.Ldexp(1, -n) / greatest
	width := bits.Len(uint(1 / relative))
	var list []*structure
	for _, p := range powers(relative, t.f.derivative, 1) {
		for _, complement := range []bool{false, true} {
			if complement && (bound < complementBound || !t.f.shape.canComplement()) {
				continue
			}
			scale := s
			if p.steps == 0 && s != 1 {
				p, scale = newPower(p.degree, p.index, 0, t.f.derivative, s), 1
			}
			st := &structure{family: "rsqrt", name: "inverse square root: " + p.name()}
			if complement {
				st.name += ", one's complement"
			}
			// One more bit of q than of its inverse root, whose relative error is half
			// of q's.
			st.knobs = []knob{{"q", max(1, width-6), width + 7}}
			if alpha != math.Ldexp(1, math.Ilogb(alpha)) {
				st.knobs = append(st.knobs, knob{"alpha", 2, width + 2})
			}
			powerKnobs := p.knobs(width)
			st.knobs = append(st.knobs, powerKnobs...)
			st.knobs = append(st.knobs, knob{"guard", 0, 6})
			if math.Abs(math.Log2(scale)-math.Round(math.Log2(scale))) > 0 {
				st.knobs = append(st.knobs, knob{"scale", 2, width + 2})
			}
			st.build = func(sizes []int) *circuit.Circuit {
				c, x := circuit.New(-1<<(w-1), 1<<(w-1)-1)
				list := &sizeList{sizes}
				fold := newFold(t, x, complement)
				q := list.next()
				number := onePlus(fold.a, n, alpha, q, list)
				binade := number.Shr(q).Log2().Named("binade", "of 1 + alpha a^2")
				fraction := number.ShrBy(binade).Narrow(1<<q, 2<<q-1).Low(q).Named("fraction", "after the leading one")
				r, place := p.wire(binade.Low(1), fraction, q, list)
				half := binade.Shr(1).Named("half_binade", "")
				guard := list.next()
				var v circuit.Wire
				if t.f.derivative {
					v = shiftTo(r, place, n+guard).ShrBy(half.Mul(c.Const(3)))
				} else {
					v = timesRoot(fold.a, r, n+place, n+guard).ShrBy(half)
				}
				v = scaled(v, scale, list)
				c.Output(fold.unfold(v, guard))
				return c
			}
			list = append(list, st)
		}
	}
	return list
}

// onePlus returns 1 + alpha a^2 with so many fraction bits, for a with n.
func onePlus(a circuit.Wire, n int, alpha float64, place int, sizes *sizeList) circuit.Wire {
	fraction, exponent := math.Frexp(alpha)
	var square circuit.Wire
	if fraction == 0.5 {
		square = squareTo(a, 2*n-exponent+1, place)
	} else {
		width := sizes.next()
		// alpha = constant / 2^(width - exponent)
		constant := int64(math.Round(math.Ldexp(fraction, width)))
		square = mulTo(squareTo(a, 2*n-exponent, place+2), a.Const(constant), place+2+width, place)
	}
	square = square.Named("square", "alpha a^2")
	return square.AddConst(1<<place).Named("q", "1 + alpha a^2")
}

// scaled returns the product with a constant, a shift where that is a power of two.
func scaled(v circuit.Wire, by float64, sizes *sizeList) circuit.Wire {
	fraction, exponent := math.Frexp(by)
	if fraction == 0.5 {
		return shiftTo(v, 1-exponent, 0)
	}
	width := sizes.next()
	return mulTo(v, v.Const(int64(math.Round(math.Ldexp(fraction, width)))), width-exponent, 0)
}

// rsqrtOnly returns the structures of the inverse square root itself.
func rsqrtOnly(t *truth, bound float64) []*structure {
	n, w := t.format.fraction, t.format.Bits()
	top := int64(1)<<(w-1) - 1
	// Beyond the format's end nothing has to be right.
	greatest := min(t.format.Max(), t.f.Value(math.Ldexp(1, -n)))
	relative := bound * math.Ldexp(1, -n) / greatest
	width := bits.Len(uint(1 / relative))
	var list []*structure
	for _, p := range powers(relative, false, 1) {
		st := &structure{family: "rsqrt", name: "inverse square root: " + p.name()}
		st.knobs = append(p.knobs(width), knob{"guard", 0, 6})
		st.build = func(sizes []int) *circuit.Circuit {
			c, x := circuit.New(-1<<(w-1), top)
			list := &sizeList{sizes}
			fold := newFold(t, x, false)
			binade := fold.a.Log2().Named("binade", "place of the leading one")
			// The leading one moves to the front, place w-2.
			lead := w - 2
			normal := fold.a.ShlBy(c.Const(int64(lead)).Sub(binade)).Low(w-1).Named("normal", "leading one in front")
			fraction := normal.Low(lead)
			// x = 2^(binade - n) m; with the parity in m, its root is 2^-half m^(-1/2).
			up := n & 1 // makes the exponent even for even binades
			exponent := binade.AddConst(int64(up))
			r, place := p.wire(exponent.Low(1), fraction, lead, list)
			half := exponent.Shr(1).Named("half_binade", "")
			guard := list.next()
			// y = r 2^((n + up)/2 - half), to n + guard fraction bits.
			v := shiftTo(r.ShlBy(c.Const(upper(half)).Sub(half)), place-(n+up)/2+int(upper(half)), n+guard)
			c.Output(fold.unfold(v, guard))
			return c
		}
		list = append(list, st)
	}
	return list
}
