package main

// The inverse square root family, in the notation of the paper:
//
//	r = 1/sqrt(1 + alpha x^2),  ISRU = x r,  ISRLU = x < 0 ? x r : x
//
// Parameters. B is the bound that |x| is clamped to before it is squared: the
// curve is flat beyond it to the last bit, and alpha B^2 does not overflow.
const (
	isrAlpha  = 0 // alpha
	isrAlpha4 = 1 // 4 alpha
	isrBound  = 2 // B, +Inf replaced by the largest finite value
	isrNegB   = 3 // -B
	isrEst    = 4 // the bound where AVX2 estimates float64 in float32
	isrNegEst = 5

	// The others are each function's own. DyISRU, with alpha = 1/beta:
	dyScale   = 7  // scale/sqrt(beta)
	dyGrad0   = 8  // 1/sqrt(beta), for d/dscale
	dyGrad1   = 9  // -scale/2 beta^(-3/2), for d/dbeta
	dyRange   = 10 // scale
	dyRange2  = 11 // 1/scale^2
	dyInverse = 12 // sqrt(beta)/scale

	// ISRUSigmoid, whose curve has alpha scale^2 for the alpha above:
	sigRest   = 7  // 1 - alpha
	sigAlpha4 = 8  // 4 alpha
	sigHalf   = 9  // scale/2
	sigScale  = 10 // scale
	sigInvert = 11 // 2/scale
	sigCenter = 12 // -1/scale
)

// An isr is one member of the family: the function around the curve.
type isr struct {
	name     string
	oneSided bool // the identity for x >= 0
	sigmoid  bool // (1 + scale curve)/2
	scaled   bool // times Param(dyScale)
}

func init() {
	for _, f := range []isr{
		{name: "ISRLU", oneSided: true},
		{name: "ISRU"},
		{name: "ISRUSigmoid", sigmoid: true},
		{name: "DyISRU", scaled: true},
	} {
		f.register()
	}
}

func (f isr) register() {
	unary(f.name, "Forward", "Exact", 1, f.forwardExact)
	unary(f.name, "Forward", "Default", 2, f.forwardDefault).streams(streamsEverywhere)
	unary(f.name, "Forward", "Fast", 4, f.forwardFast).streams(streamsEverywhere)

	binary(f.name, "Backward", "Exact", 1, f.backwardExact)
	binary(f.name, "Backward", "Default", 2, f.backwardDefault).only32()

	binary(f.name, "BackwardOutput", "Exact", 1, f.fromOutputExact)
	for _, k := range []*kernel{
		binary(f.name, "BackwardOutput", "Default", 2, f.fromOutputDefault),
		binary(f.name, "BackwardOutput", "Fast", 2, f.fromOutputFast),
	} {
		if f.sigmoid {
			k.only32() // a float64 output near 0 leaves the estimate's range
		}
	}

	unary(f.name, "Second", "Exact", 1, f.second)
	unary(f.name, "Inverse", "Exact", 1, f.inverse)
	binary(f.name, "ParamGrad0", "Exact", 1, f.paramGrad0)
	if f.scaled || f.sigmoid {
		binary(f.name, "ParamGrad1", "Exact", 1, f.paramGrad1)
	}
}

// clamp keeps x where its square does not overflow. NaN stays NaN.
func (f isr) clamp(b *B, x V) V { return f.between(b, isrNegB, isrBound, x) }

func (f isr) between(b *B, lo, hi int, x V) V {
	n := b.Max(b.Param(lo), x)
	if !f.oneSided {
		n = b.Min(b.Param(hi), n)
	}
	return n.As("n")
}

// clampEstimate is clamp where q must stay in the range of the estimate.
func (f isr) clampEstimate(b *B, x V) V {
	if b.Is64() {
		return f.between(b, isrNegEst, isrEst, x)
	}
	return f.clamp(b, x)
}

// finish turns n r, or a factor pair of it, into the value of the function.
func (f isr) finish(b *B, x, z, c V) V {
	switch {
	case f.oneSided:
		return b.SelectNeg(x, b.Mul(z, c), x)
	case f.sigmoid:
		return f.center(b, b.Mul(z, c))
	}
	return b.Mul(z, c)
}

// center turns the curve into the sigmoid, 1/2 + scale/2 y.
func (f isr) center(b *B, y V) V { return b.FMA(y, b.Param(sigHalf), b.Const(0.5)) }

// q is 1 + alpha n^2, rounded twice. alpha n comes first: n^2 alone may
// overflow, or underflow where alpha is large.
func (f isr) q(b *B, n V) V {
	return b.FMA(b.Mul(b.Param(isrAlpha), n), n, b.Const(1)).As("q")
}

func (f isr) forwardExact(b *B, x V) V {
	n := f.clamp(b, x)
	y := b.Div(n, b.Sqrt(f.q(b, n))).As("y")
	switch {
	case f.oneSided:
		return b.SelectNeg(x, y, x)
	case f.sigmoid:
		return f.center(b, y)
	case f.scaled:
		return b.Mul(y, b.Param(dyScale))
	}
	return y
}

// forwardDefault takes e, the processor's estimate of 1/sqrt(4q) = r/2, and
// one Newton step: r = e (3 - 4q e^2). The factor 4 saves the step's halving.
func (f isr) forwardDefault(b *B, x V) V {
	n := f.clampEstimate(b, x)
	m := n
	if f.scaled {
		m = b.Mul(n, b.Param(dyScale))
	}
	if b.Is64() || b.level == AVX2 {
		// After the 12 bits of RSQRTPS one Newton step leaves up to 3.4 half
		// ulps, which rounding makes 5.
		return f.refine(b, x, m, f.q(b, n))
	}
	q4 := b.FMA(b.Mul(b.Param(isrAlpha4), n), n, b.Const(4)).As("q4")
	e := b.RsqrtEst(q4).As("e")
	z := b.Mul(m, e).As("z")
	step := b.FNMA(b.Mul(q4, e), e, b.Const(3)).As("step")
	return f.finish(b, x, z, step)
}

// refine expands m r = m e (1-h)^(-1/2) with h = 1 - q e^2, the correction
// added last: one rounding less than multiplying by it.
func (f isr) refine(b *B, x, m, q V) V {
	e := b.RsqrtEst(q).As("e")
	z := b.Mul(m, e).As("z")
	h := b.FNMA(b.Mul(q, e), e, b.Const(1)).As("h")
	y := b.FMA(b.Mul(z, h), rsqrtSeries(b, h), z).As("y")
	switch {
	case f.oneSided:
		return b.SelectNeg(x, y, x)
	case f.sigmoid:
		return f.center(b, y)
	}
	return y
}

func (f isr) forwardFast(b *B, x V) V {
	n := f.clampEstimate(b, x)
	m := n
	if f.scaled {
		m = b.Mul(n, b.Param(dyScale))
	}
	e := b.RsqrtEst(f.q(b, n)).As("e")
	return f.finish(b, x, m, e)
}

// scaleGradient multiplies dy by what stands around the curve.
func (f isr) scaleGradient(b *B, dy V) V {
	switch {
	case f.sigmoid:
		return b.Mul(dy, b.Param(sigHalf))
	case f.scaled:
		return b.Mul(dy, b.Param(dyScale))
	}
	return dy
}

// backwardExact: f' = r^3 = (1/sqrt(q))/q; q sqrt(q) would overflow too soon.
func (f isr) backwardExact(b *B, dy, x V) V {
	n := f.clamp(b, x)
	q := f.q(b, n)
	return f.gradient(b, dy, b.Div(b.Div(b.Const(1), b.Sqrt(q)), q), x)
}

// gradient returns dy d, or dy where a one-sided function is the identity.
// NaN compares false, so that it takes the product.
func (f isr) gradient(b *B, dy, d, x V) V {
	dx := b.Mul(f.scaleGradient(b, dy), d)
	if f.oneSided {
		return b.Select(b.GE(x, b.Const(0)), dy, dx)
	}
	return dx
}

// backwardDefault: r^3 = e^3 (1-h)^(-3/2) with h = 1 - q e^2, to the second
// order. h is taken from the rounded e^2 that is also in e^3: most of that
// rounding cancels.
func (f isr) backwardDefault(b *B, dy, x V) V {
	n := f.clamp(b, x)
	q := f.q(b, n)
	e := b.RsqrtEst(q).As("e")
	e2 := b.Mul(e, e).As("e2")
	h := b.FNMA(q, e2, b.Const(1)).As("h")
	p := b.FMA(h, b.Const(15.0/8), b.Const(1.5))
	e3 := b.Mul(e2, e).As("e3")
	d := b.FMA(b.Mul(p, h), e3, e3)
	return f.gradient(b, dy, d, x)
}

// complement returns c = 1 - alpha w^2, where w is the curve at the output y,
// with a relative error of a few half ulps even where it nearly cancels. Where
// a scale multiplies the argument and the curve, alpha is that without it.
// Rounding may have put y a little beyond the range: c may be negative.
func (f isr) complement(b *B, y V) V {
	switch {
	case f.sigmoid: // w = 2y - 1: c = (1 - alpha) + 4 alpha (y - y^2)
		return b.FMA(b.Param(sigAlpha4), b.FNMA(y, y, y), b.Param(sigRest)).As("c")
	case f.scaled: // alpha w^2 = (y/scale)^2
		s := b.Param(dyRange)
		return b.Mul(b.Mul(b.Sub(s, y), b.Add(s, y)), b.Param(dyRange2)).As("c")
	}
	// h - l is alpha y exactly, and one rounding leaves 1 - h y exact where it
	// matters.
	h := b.Mul(b.Param(isrAlpha), y).As("h")
	l := b.FNMA(b.Param(isrAlpha), y, h).As("l")
	return b.FMA(l, y, b.FNMA(h, y, b.Const(1))).As("c")
}

// fromOutputExact: f' = c^(3/2).
func (f isr) fromOutputExact(b *B, dy, y V) V {
	c := b.Max(b.Const(0), f.complement(b, y))
	return f.gradient(b, dy, b.Mul(c, b.Sqrt(c)), y)
}

// positive returns the complement for products, not negative, and for the estimate,
// which must stay finite. In float32 one clamp does for both: c^2 underflows. That
// takes a microcode assist on many processors, so the outputs of the identity, which may
// all be there, are left out.
func (f isr) positive(b *B, y V) (product, estimate V) {
	if f.oneSided {
		y = b.Min(b.Const(0), y)
	}
	c := f.complement(b, y)
	estimate = b.Max(b.Const(0x1p-120), c)
	if b.Is64() {
		return b.Max(b.Const(0), c), estimate
	}
	return estimate, estimate
}

// fromOutputDefault: c^(3/2) = c^2 e (1-h)^(-1/2) with h = 1 - c e^2.
func (f isr) fromOutputDefault(b *B, dy, y V) V {
	c, arg := f.positive(b, y)
	e := b.RsqrtEst(arg).As("e")
	a := b.Mul(c, e).As("a")
	h := b.FNMA(a, e, b.Const(1)).As("h")
	g := b.Mul(c, a).As("g")
	return f.gradient(b, dy, b.FMA(b.Mul(g, h), rsqrtSeries(b, h), g), y)
}

func (f isr) fromOutputFast(b *B, dy, y V) V {
	c, arg := f.positive(b, y)
	e := b.RsqrtEst(arg).As("e")
	return f.gradient(b, dy, b.Mul(c, b.Mul(c, e)), y)
}

// second: the second derivative is -3 alpha x r^5, multiplied so that no
// factor underflows before the result does.
func (f isr) second(b *B, x V) V {
	n := f.clamp(b, x)
	r := b.Div(b.Const(1), b.Sqrt(f.q(b, n))).As("r")
	r2 := b.Mul(r, r).As("r2")
	t := b.Mul(b.Mul(b.Param(isrAlpha), n), r)
	d := b.Mul(b.Mul(b.Mul(t, r2), r2), b.Const(-3))
	d = f.scaleGradient(b, d)
	if f.oneSided {
		return b.Select(b.GE(x, b.Const(0)), b.Const(0), d)
	}
	return d
}

// inverse: x = w/sqrt(1 - alpha w^2); beyond the range the root is of a
// negative number and gives NaN.
func (f isr) inverse(b *B, y V) V {
	w := y
	switch {
	case f.sigmoid: // (2y - 1)/scale
		w = b.FMA(y, b.Param(sigInvert), b.Param(sigCenter))
	case f.scaled:
		w = b.Mul(y, b.Param(dyInverse))
	}
	x := b.Div(w, b.Sqrt(f.complement(b, y)))
	if f.oneSided {
		return b.SelectNeg(y, x, y)
	}
	return x
}

// paramGrad0: dy df/dalpha, df/dalpha = -1/2 (x r)^3; for DyISRU dy df/dscale.
func (f isr) paramGrad0(b *B, dy, x V) V {
	n := f.clamp(b, x)
	u := b.Div(n, b.Sqrt(f.q(b, n))).As("u")
	if f.scaled {
		return b.Mul(dy, b.Mul(u, b.Param(dyGrad0)))
	}
	factor := -0.5
	if f.sigmoid { // of scale x, with half of the curve
		u, factor = b.Mul(u, b.Param(sigScale)), -0.25
	}
	d := b.Mul(dy, b.Mul(b.Mul(b.Mul(u, u), u), b.Const(factor)))
	if f.oneSided {
		return b.Select(b.GE(x, b.Const(0)), b.Const(0), d)
	}
	return d
}

// paramGrad1: dy df/dbeta for DyISRU, df/dbeta = -scale/2 beta^(-3/2) x r^3,
// and dy df/dscale for ISRUSigmoid, df/dscale = 1/2 x r^3.
func (f isr) paramGrad1(b *B, dy, x V) V {
	n := f.clamp(b, x)
	r := b.Div(b.Const(1), b.Sqrt(f.q(b, n))).As("r")
	u := b.Mul(b.Mul(b.Mul(n, r), r), r)
	if f.sigmoid {
		return b.Mul(dy, b.Mul(u, b.Const(0.5)))
	}
	return b.Mul(dy, b.Mul(u, b.Param(dyGrad1)))
}
