package main

// Derivatives times dy, from the input x.

func eluBackward(b *B, dy, x V) V {
	e := b.Mul(expNeg(b, x, expSmallC[:]), b.Param(0))
	return b.Mul(dy, b.Select(b.GE(x, b.Const(0)), b.Const(1), e))
}

func seluBackward(b *B, dy, x V) V {
	e := expNeg(b, x, expSeluC[:])
	return b.Mul(dy, b.Select(b.GE(x, b.Const(0)), b.Const(seluLambda), e))
}

func tanhBackward(b *B, dy, x V) V {
	// 4e/(1+e)^2, e = e^-2|x|; the reduction works on |x|, in units of ln2/2.
	a := b.Max(b.Const(-53), b.NegAbs(x))
	n, k := round(b, a, 2*log2e, 32+127)
	t := b.FNMA(n, b.Const(ln2/2), a)
	e := b.Mul(horner(b, t, expTwiceC[:]...), k)
	d := b.FMA(e, b.Const(0.25), b.Const(1))
	return b.Mul(dy, b.Div(e, b.Mul(d, d)))
}

func sigmoidBackward(b *B, dy, x V) V {
	e := expNeg(b, b.NegAbs(x), expSoftC[:])
	d := b.Add(e, b.Const(1))
	return b.Mul(dy, b.Div(e, b.Mul(d, d)))
}

func softplusBackward(b *B, dy, x V) V {
	return b.Mul(dy, sigmoidForward(b, x))
}

// siluBackward: s(1 + x(1-s)) with s = r 2^-64, 1-s = e r.
func siluBackward(b *B, dy, x V) V {
	x = b.Max(b.Const(-110), b.Min(b.Const(42), x))
	t, k := reduceNeg(b, x, -64)
	e := b.IAdd(horner(b, t, expNegC[:]...), k)
	r := b.Div(b.Const(1), b.Add(e, b.Const(0x1p-64)))
	f := b.Mul(r, b.FMA(x, b.Mul(e, r), b.Const(1)))
	return b.Mul(dy, b.Mul(f, b.Const(0x1p-64)))
}

// geluBackward: G = e^(-a^2/2) (g(a) - a/sqrt(2 pi)), a = |x|; G for x < 0, 1-G otherwise.
func geluBackward(b *B, dy, x V) V {
	a := b.Min(b.Const(14.7), b.Abs(x))
	r, k := reduceSquare(b, a, 32+127)
	e := b.Mul(horner(b, r, expHalfSmallC[:]...), k)
	g := b.Div(horner(b, a, geluBackP[:]...), horner(b, a, geluBackQ[:]...))
	f := b.Mul(e, b.FNMA(a, b.Const(0.39894228040143267794), g))
	return b.Mul(dy, b.SelectNeg(x, f, b.Sub(b.Const(1), f)))
}

func geluTanhBackward(b *B, dy, x V) V {
	x = b.Max(b.Const(-10.95), b.Min(b.Const(7), x))
	s := b.FMA(x, x, b.Const(geluTanhK))
	v := b.Mul(x, s)
	n, k := round(b, v, -log2e*geluTanhC, -64)
	t := b.FMA(n, b.Const(ln2/geluTanhC), v)
	e := b.IAdd(horner(b, t, expTanhC[:]...), k)
	r := b.Div(b.Const(1), b.Add(e, b.Const(0x1p-64)))
	// x (2u)' = x C (3 x^2 + K)
	w := b.Mul(x, b.FMA(s, b.Const(3*geluTanhC), b.Const(-2*geluTanhC*geluTanhK)))
	f := b.Mul(r, b.FMA(w, b.Mul(e, r), b.Const(1)))
	return b.Mul(dy, b.Mul(f, b.Const(0x1p-64)))
}

// Derivatives times dy, from the output y.

func eluBackwardOut(b *B, dy, y V) V {
	d := b.Add(y, b.Param(0))
	return b.Mul(dy, b.Select(b.GE(y, b.Const(0)), b.Const(1), d))
}

func seluBackwardOut(b *B, dy, y V) V {
	d := b.Add(y, b.Const(seluLambda*seluAlpha))
	return b.Mul(dy, b.Select(b.GE(y, b.Const(0)), b.Const(seluLambda), d))
}

func tanhBackwardOut(b *B, dy, y V) V { return b.Mul(dy, b.FNMA(y, y, b.Const(1))) }

func sigmoidBackwardOut(b *B, dy, y V) V { return b.Mul(dy, b.FNMA(y, y, y)) }

// softplusBackwardOut: 1-e^-y, the sign turned inside the reduction.
func softplusBackwardOut(b *B, dy, y V) V {
	t, s := reduceNeg(b, b.Min(b.Const(18), y), 127)
	p := horner(b, t, expm1NegC[:]...)
	return b.Mul(dy, b.FMA(p, b.Mul(t, s), b.Sub(b.Const(1), s)))
}
