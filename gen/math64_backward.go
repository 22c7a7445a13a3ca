package main

// Derivatives times dy in float64, from the input x; the one-sided functions
// drop what the formula gives for x >= 0.

func eluBackward64(b *B, dy, x V) V {
	d := b.Mul(b.Mul(expNegScaled64(b, x), b.Const(twoM64)), b.Param(0))
	return b.Mul(dy, b.Select(b.GE(x, b.Const(0)), b.Const(1), d))
}

func seluBackward64(b *B, dy, x V) V {
	d := b.Mul(expNegScaled64(b, x), b.Const(twoM64*seluLambdaAlpha))
	return b.Mul(dy, b.Select(b.GE(x, b.Const(0)), b.Const(seluLambda), d))
}

// logisticSlope64 is e/(1+e)^2 2^64 for e = e^a, a <= 0.
func logisticSlope64(b *B, a V) V {
	e := expNegScaled64(b, a)
	d := b.FMA(e, b.Const(twoM64), b.Const(1))
	return b.Div(e, b.Mul(d, d))
}

func tanhBackward64(b *B, dy, x V) V {
	a := b.NegAbs(x)
	return b.Mul(dy, b.Mul(logisticSlope64(b, b.Add(a, a)), b.Const(4*twoM64)))
}

func sigmoidBackward64(b *B, dy, x V) V {
	return b.Mul(dy, b.Mul(logisticSlope64(b, b.NegAbs(x)), b.Const(twoM64)))
}

func softplusBackward64(b *B, dy, x V) V { return b.Mul(dy, sigmoid64(b, x)) }

// gated64 is s + s (1-s) w for s = 1/(1 + e^-z), given e = e^-|z| 2^64, for
// the functions x s(z) with w = x dz/dx; x has the sign of z.
func gated64(b *B, x, e, w V) V {
	e = b.Mul(e, b.Const(twoM64))
	r := b.Div(b.Const(1), b.Add(e, b.Const(1)))
	tail := b.Mul(e, r)
	s, rest := b.SelectNeg(x, tail, r), b.SelectNeg(x, r, tail)
	return b.Mul(s, b.FMA(w, rest, b.Const(1)))
}

func siluBackward64(b *B, dy, x V) V {
	a := b.Max(b.Const(expFloor), b.NegAbs(x))
	return b.Mul(dy, gated64(b, x, expScaled64(b, a), b.SelectNeg(x, a, b.Neg(a))))
}

// geluBackward64: G = e^(-t^2/2) (g(t) - t/sqrt(2 pi)), t = |x|; G for x < 0,
// 1 - G otherwise.
func geluBackward64(b *B, dy, x V) V {
	t := b.Min(b.Const(38.75), b.Abs(x))
	v := b.Mul(t, b.Const(-0.5))
	hi := b.Mul(v, t)
	e := expNegScaled2_64(b, hi, b.FNMA(v, t, hi))
	f := b.Mul(b.Mul(e, b.FNMA(t, b.Const(0.39894228040143267794), erfcxHalf64(b, t))), b.Const(twoM64))
	return b.Mul(dy, b.SelectNeg(x, f, b.Sub(b.Const(1), f)))
}

func geluTanhBackward64(b *B, dy, x V) V {
	t := b.Min(b.Const(21.57), b.Abs(x))
	e := geluTanhTail64(b, t)
	slope := b.FMA(b.Mul(t, t), b.Const(3*geluC3), b.Const(geluC1))
	w := b.Mul(t, slope)
	return b.Mul(dy, gated64(b, x, e, b.SelectNeg(x, b.Neg(w), w)))
}

func softplusBackwardOut64(b *B, dy, y V) V {
	return b.Mul(dy, oneMinusExp64(b, b.Neg(y)))
}
