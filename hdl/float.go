package hdl

import (
	"math/bits"

	"github.com/isrlu/isrlu/internal/circuit"
)

// The parts of a floating-point input.
type parts struct {
	format    Format
	x         circuit.Wire
	sign      circuit.Wire
	magnitude circuit.Wire // all but the sign
	exponent  circuit.Wire // with its bias
	fraction  circuit.Wire
	special   circuit.Wire // infinity or NaN
	nan       circuit.Wire
}

// split takes a floating-point input apart.
func split(format Format, x circuit.Wire) *parts {
	p := &parts{format: format, x: x}
	n, m := format.Bits(), format.fraction
	p.sign = x.Bit(n-1).Named("sign", "")
	p.magnitude = x.Low(n-1).Named("magnitude", "without the sign")
	p.exponent = x.Bits(m, format.exponent).Named("exponent", "with its bias")
	p.fraction = x.Low(m).Named("fraction", "")
	p.special = p.exponent.EqualConst(1<<format.exponent-1).Named("special", "infinity or NaN")
	p.nan = p.special.And(p.fraction.EqualConst(0).Not()).Named("is_nan", "")
	return p
}

// one returns the bits of the value v.
func (p *parts) value(v float64) circuit.Wire { return p.x.Const(int64(p.format.Encode(v))) }

// quiet returns NaN for NaN, and y elsewhere.
func (p *parts) quiet(y circuit.Wire) circuit.Wire {
	m := p.format.fraction
	nan := p.x.Const(int64(1<<p.format.exponent-1)<<m | 1<<(m-1))
	return p.nan.Select(nan, y)
}

// signed puts the input's sign before a magnitude.
func (p *parts) signed(magnitude circuit.Wire) circuit.Wire {
	return p.sign.Shl(p.format.Bits() - 1).Or(magnitude)
}

// unfold returns the output for a half y, a magnitude; NaN gives NaN.
func (p *parts) unfold(shape shape, y circuit.Wire) circuit.Wire {
	switch shape {
	case odd:
		return p.quiet(p.signed(y))
	case unitRight:
		// NaN passes through; with a sign it is not the half.
		return p.sign.And(p.nan.Not()).Select(p.signed(y), p.x)
	case oneRight:
		return p.quiet(p.sign.Select(y, p.value(1)))
	}
	return p.quiet(y)
}

// significand returns the fraction with the leading one of a normal number.
func (p *parts) significand() circuit.Wire {
	m := p.format.fraction
	return p.fraction.Or(p.x.Const(1<<m)).Narrow(1<<m, 2<<m-1).Named("significand", "1.fraction")
}

// normalize shifts v, which is in [2^least, 2^most), so that its leading one is at
// place most-1, and returns it with the number of places that it lacked.
func normalize(v circuit.Wire, least, most int) (n, lacked circuit.Wire) {
	v = v.Narrow(1<<least, 1<<most-1)
	places := most - 1 - least
	if places == 0 {
		return v, v.Const(0)
	}
	if places == 1 {
		lacked = v.Bit(most - 1).Not()
	} else {
		lacked = v.Const(int64(places)).Sub(v.Shr(least).Log2())
	}
	lacked = lacked.Named("lacked", "places to the leading one")
	return v.ShlBy(lacked).Narrow(1<<(most-1), 1<<most-1).Named("normal", "leading one in front"), lacked
}

// pack rounds v, a significand in [2^place, 2^(place+1)), and puts it together with a
// biased exponent. Below the normal numbers the result is subnormal or 0; an exponent
// beyond the format's gives infinity.
func pack(format Format, v circuit.Wire, place int, exponent circuit.Wire) circuit.Wire {
	m := format.fraction
	least, most := exponent.Interval()
	guard := place - m
	if guard < 0 {
		v, guard = v.Shl(-guard), 0
	}
	infinity := int64(1<<format.exponent-1) << m
	if least < 1 {
		// So far that nothing is left is far enough.
		short := exponent.Const(1).Sub(exponent).Max(0).Min(int64(m + 2))
		v = v.ShrBy(short).Named("denormal", "shifted right below the normal numbers")
	}
	rounded := v.ShrRound(guard).Named("rounded", "")
	// The leading one adds 1 to the exponent, and so does a carry.
	y := exponent.Max(1).AddConst(-1).Shl(m).Add(rounded).Named("packed", "")
	if most >= 1<<format.exponent-1 {
		y = y.Min(infinity)
	}
	_, hi := y.Interval()
	return y.Narrow(0, min(hi, infinity))
}

// bitsFor returns the number of bits of v.
func bitsFor(v int) int { return bits.Len(uint(v)) }

// normal returns the exponent and the fraction of the input with the leading one of a
// subnormal number moved to the front; its exponent is 0 or less.
func (p *parts) normal() (exponent, fraction circuit.Wire) {
	m := p.format.fraction
	zero := p.exponent.EqualConst(0).Named("subnormal", "or 0")
	lacked := p.x.Const(int64(m)).Sub(p.fraction.Log2())
	fraction = zero.Select(p.fraction.ShlBy(lacked).Low(m), p.fraction).Named("normal_fraction", "")
	return zero.Select(p.x.Const(1).Sub(lacked), p.exponent).Named("binade", "exponent with its bias"), fraction
}
