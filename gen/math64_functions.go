package main

// Whole functions, from the cores.

// sigmoid64 is e/(1+e) for x < 0 and 1/(1+e) otherwise, e = e^-|x|.
func sigmoid64(b *B, x V) V {
	e := expNegScaled64(b, b.NegAbs(x))
	one := b.Const(two64)
	return b.Div(b.SelectNeg(x, e, one), b.Add(one, e))
}

// softplus64 is max(x, 0) + log1p(e), e = e^-|x|.
func softplus64(b *B, x V) V {
	e := expNegScaled64(b, b.NegAbs(x))
	l := log1pOver64(b, b.Mul(e, b.Const(twoM64)))
	return b.FMA(b.Mul(e, l), b.Const(twoM64), b.Max(b.Const(0), x))
}

// silu64 is max(x, 0) - h(|x|), h(t) = t e/(1+e), e = e^-t.
func silu64(b *B, x V) V {
	a := b.Max(b.Const(expFloor), b.NegAbs(x)) // -t
	e := expScaled64(b, a)
	h := b.Div(b.Mul(a, e), b.FMA(e, b.Const(twoM64), b.Const(1)))
	return b.FMA(h, b.Const(twoM64), b.Max(b.Const(0), x))
}

// gelu64 is x Phi(x) = max(x, 0) - h(|x|), h(t) = t exp(-t^2/2) g(t). At 38.75
// h is below half the smallest subnormal.
func gelu64(b *B, x V) V {
	t := b.Min(b.Const(38.75), b.Abs(x))
	v := b.Mul(t, b.Const(-0.5))
	hi := b.Mul(v, t)
	e := expNegScaled2_64(b, hi, b.FNMA(v, t, hi))
	num, den := erfcxParts64(b, t)
	h := b.Div(b.Mul(b.Mul(t, e), num), den)
	return b.FNMA(h, b.Const(twoM64), b.Max(b.Const(0), x))
}

// GELU's tanh form is x sigmoid(2u), 2u = c1 x + c3 x^3, c1 = 2 sqrt(2/pi),
// c3 = 0.044715 c1. geluC1 has 44 bits after the point, so that geluC1 - p is
// exact for every p = c1 + c3 x^2 up to 64; the low parts hold what is missing.
const (
	geluC1   = 0x1.9884533d436p+0
	geluC1Lo = 0x1.42343f2cf1403p-46
	geluC3   = 0x1.2444f2a4d8b4bp-4
	geluC3Lo = -0x1.6c843a29d1c7p-61
)

// geluTanhTail64 is e^-2u(t) 2^64 for 0 <= t <= 21.57, with the rounding errors
// of u carried along.
func geluTanhTail64(b *B, t V) V {
	w := b.Mul(t, t)
	nwlo := b.FNMA(t, t, w) // w - t^2
	// -(c1 + c3 t^2) = p + plo
	p := b.FMA(w, b.Const(-geluC3), b.Const(-geluC1))
	plo := b.FMA(w, b.Const(-geluC3), b.Sub(b.Const(-geluC1), p))
	k := b.FMA(w, b.Const(-geluC3Lo), b.Const(-geluC1Lo))
	k = b.FMA(nwlo, b.Const(geluC3), k)
	plo = b.Add(plo, k)
	hi := b.Mul(t, p)
	return expNegScaled2_64(b, hi, b.FNMA(t, plo, b.FNMA(t, p, hi)))
}

// geluTanh64 is max(x, 0) - h(|x|), h(t) = t e/(1+e), e = e^-2u(t). At 21.57
// h is below half the smallest subnormal.
func geluTanh64(b *B, x V) V {
	t := b.Min(b.Const(21.57), b.Abs(x))
	e := geluTanhTail64(b, t)
	h := b.Div(b.Mul(t, e), b.FMA(e, b.Const(twoM64), b.Const(1)))
	return b.FNMA(h, b.Const(twoM64), b.Max(b.Const(0), x))
}

// elu64 is x for x >= 0 and alpha (e^x - 1) otherwise; alpha is Param(0).
func elu64(b *B, x V) V {
	return b.SelectNeg(x, b.Mul(expm1Neg64(b, x), b.Param(0)), x)
}

const seluLambdaAlpha = 1.7580993408473768599402175208123

func selu64(b *B, x V) V {
	return b.SelectNeg(x, b.Mul(expm1Neg64(b, x), b.Const(seluLambdaAlpha)), b.Mul(x, b.Const(seluLambda)))
}
