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
	isrScale  = 4 // DyISRU: scale/sqrt(beta), with alpha = 1/beta
	isrGrad0  = 5 // DyISRU: 1/sqrt(beta), for d/dscale
	isrGrad1  = 6 // DyISRU: -scale/2 beta^(-3/2), for d/dbeta
)

// An isr is one member of the family: the function around the curve.
type isr struct {
	name     string
	oneSided bool // the identity for x >= 0
	sigmoid  bool // (1 + curve)/2
	scaled   bool // times Param(isrScale)
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
	unary(f.name, "Forward", "Default", 2, f.forwardDefault)
	unary(f.name, "Forward", "Fast", 4, f.forwardFast)

	binary(f.name, "Backward", "Exact", 1, f.backwardExact)
	binary(f.name, "Backward", "Default", 2, f.backwardDefault).only32()

	binary(f.name, "BackwardOutput", "Exact", 1, f.fromOutputExact)
	binary(f.name, "BackwardOutput", "Default", 2, f.fromOutputDefault)
	binary(f.name, "BackwardOutput", "Fast", 2, f.fromOutputFast)

	unary(f.name, "Second", "Exact", 1, f.second)
	unary(f.name, "Inverse", "Exact", 1, f.inverse)
	binary(f.name, "ParamGrad0", "Exact", 1, f.paramGrad0)
	if f.scaled {
		binary(f.name, "ParamGrad1", "Exact", 1, f.paramGrad1)
	}
}

// clamp keeps x where its square does not overflow. NaN stays NaN.
func (f isr) clamp(b *B, x V) V {
	n := b.Max(b.Param(isrNegB), x)
	if !f.oneSided {
		n = b.Min(b.Param(isrBound), n)
	}
	return n.As("n")
}

// finish turns n r, or a factor pair of it, into the value of the function.
func (f isr) finish(b *B, x, z, c V) V {
	switch {
	case f.oneSided:
		return b.SelectNeg(x, b.Mul(z, c), x)
	case f.sigmoid:
		half := b.Const(0.5)
		return b.FMA(b.Mul(z, c), half, half)
	}
	return b.Mul(z, c)
}

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
		half := b.Const(0.5)
		return b.FMA(y, half, half)
	case f.scaled:
		return b.Mul(y, b.Param(isrScale))
	}
	return y
}

// forwardDefault takes e, the processor's estimate of 1/sqrt(4q) = r/2, and
// one Newton step: r = e (3 - 4q e^2). The factor 4 saves the step's halving.
func (f isr) forwardDefault(b *B, x V) V {
	n := f.clamp(b, x)
	m := n
	if f.scaled {
		m = b.Mul(n, b.Param(isrScale))
	}
	if b.Is64() {
		return f.refine64(b, x, n, m)
	}
	q4 := b.FMA(b.Mul(b.Param(isrAlpha4), n), n, b.Const(4)).As("q4")
	e := b.RsqrtEst(q4).As("e")
	z := b.Mul(m, e).As("z")
	step := b.FNMA(b.Mul(q4, e), e, b.Const(3)).As("step")
	return f.finish(b, x, z, step)
}

// refine64 expands m r = m e (1-h)^(-1/2) with h = 1 - q e^2.
func (f isr) refine64(b *B, x, n, m V) V {
	q := f.q(b, n)
	e := b.RsqrtEst(q).As("e")
	z := b.Mul(m, e).As("z")
	h := b.FNMA(b.Mul(q, e), e, b.Const(1)).As("h")
	p := b.Mul(rsqrtSeries(b, h), h).As("p")
	y := b.FMA(z, p, z).As("y")
	switch {
	case f.oneSided:
		return b.SelectNeg(x, y, x)
	case f.sigmoid:
		half := b.Const(0.5)
		return b.FMA(y, half, half)
	}
	return y
}

func (f isr) forwardFast(b *B, x V) V {
	n := f.clamp(b, x)
	m := n
	if f.scaled {
		m = b.Mul(n, b.Param(isrScale))
	}
	e := b.RsqrtEst(f.q(b, n)).As("e")
	return f.finish(b, x, m, e)
}

// scaleGradient multiplies dy by what stands around the curve.
func (f isr) scaleGradient(b *B, dy V) V {
	switch {
	case f.sigmoid:
		return b.Mul(dy, b.Const(0.5))
	case f.scaled:
		return b.Mul(dy, b.Param(isrScale))
	}
	return dy
}

// backwardExact: f' = r^3 = 1/(q sqrt(q)).
func (f isr) backwardExact(b *B, dy, x V) V {
	n := f.clamp(b, x)
	q := f.q(b, n)
	r := b.Div(b.Const(1), b.Sqrt(q)).As("r")
	d := b.Mul(b.Mul(r, r), r)
	return f.gradient(b, dy, d, x)
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
// order.
func (f isr) backwardDefault(b *B, dy, x V) V {
	n := f.clamp(b, x)
	q := f.q(b, n)
	e := b.RsqrtEst(q).As("e")
	h := b.FNMA(b.Mul(q, e), e, b.Const(1)).As("h")
	p := b.FMA(h, b.Const(15.0/8), b.Const(1.5))
	e3 := b.Mul(b.Mul(e, e), e).As("e3")
	d := b.FMA(b.Mul(p, h), e3, e3)
	return f.gradient(b, dy, d, x)
}

// complement returns c = 1 - alpha y^2 with a relative error of about an ulp
// even where it nearly cancels: h + l is alpha y exactly, and one rounding
// leaves 1 - h y exact where it matters. c is kept positive, because rounding
// may have put y a little beyond the end of the range.
func (f isr) complement(b *B, y V) V {
	if f.sigmoid { // curve = 2 output - 1, exact up to a rounding
		y = b.FMA(y, b.Const(2), b.Const(-1))
	}
	if f.scaled {
		y = b.Div(y, b.Param(isrScale))
	}
	h := b.Mul(b.Param(isrAlpha), y).As("h")
	l := b.FNMA(b.Param(isrAlpha), y, h).As("l") // h - alpha y
	c := b.FMA(l, y, b.FNMA(h, y, b.Const(1)))
	return c.As("c")
}

// fromOutputExact: f' = c^(3/2).
func (f isr) fromOutputExact(b *B, dy, y V) V {
	c := b.Max(b.Const(0), f.complement(b, y))
	return f.gradient(b, dy, b.Mul(c, b.Sqrt(c)), y)
}

// positive returns c for products, not negative, and for the estimate, which
// must stay finite. In float32 one clamp does for both: c^2 underflows.
func (f isr) positive(b *B, c V) (product, estimate V) {
	estimate = b.Max(b.Const(0x1p-120), c)
	if b.Is64() {
		return b.Max(b.Const(0), c), estimate
	}
	return estimate, estimate
}

// fromOutputDefault: c^(3/2) = c^2 e (1-h)^(-1/2) with h = 1 - c e^2.
func (f isr) fromOutputDefault(b *B, dy, y V) V {
	c, arg := f.positive(b, f.complement(b, y))
	e := b.RsqrtEst(arg).As("e")
	a := b.Mul(c, e).As("a")
	h := b.FNMA(a, e, b.Const(1)).As("h")
	g := b.Mul(c, a).As("g")
	return f.gradient(b, dy, b.FMA(b.Mul(g, h), rsqrtSeries(b, h), g), y)
}

func (f isr) fromOutputFast(b *B, dy, y V) V {
	c, arg := f.positive(b, f.complement(b, y))
	e := b.RsqrtEst(arg).As("e")
	return f.gradient(b, dy, b.Mul(b.Mul(c, c), e), y)
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

// inverse: x = y/sqrt(1 - alpha y^2); beyond the range the root is of a
// negative number and gives NaN.
func (f isr) inverse(b *B, y V) V {
	u := y
	if f.sigmoid {
		u = b.FMA(y, b.Const(2), b.Const(-1))
	}
	if f.scaled {
		u = b.Div(y, b.Param(isrScale))
	}
	x := b.Div(u, b.Sqrt(f.complement(b, y)))
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
		return b.Mul(dy, b.Mul(u, b.Param(isrGrad0)))
	}
	factor := -0.5
	if f.sigmoid {
		factor = -0.25
	}
	d := b.Mul(dy, b.Mul(b.Mul(b.Mul(u, u), u), b.Const(factor)))
	if f.oneSided {
		return b.Select(b.GE(x, b.Const(0)), b.Const(0), d)
	}
	return d
}

// paramGrad1: dy df/dbeta for DyISRU, df/dbeta = -scale/2 beta^(-3/2) x r^3.
func (f isr) paramGrad1(b *B, dy, x V) V {
	n := f.clamp(b, x)
	r := b.Div(b.Const(1), b.Sqrt(f.q(b, n))).As("r")
	u := b.Mul(n, r)
	return b.Mul(dy, b.Mul(b.Mul(b.Mul(u, r), r), b.Param(isrGrad1)))
}
