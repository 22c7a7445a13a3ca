package main

// Forward functions with relative error at most 2^-11.

func eluForwardFast(b *B, x V) V {
	t, s := reduce(b, b.Max(b.Const(-18), x), 127)
	p := horner(b, t, 0.164103962, 0.503940982, 1.00030318)
	r := b.FNMA(p, b.Mul(t, s), b.Sub(b.Const(1), s))
	return b.SelectNeg(x, b.Mul(r, b.Param(1)), x)
}

func tanhForwardFast(b *B, x V) V {
	x = b.Max(b.Const(-tanhFastMax), b.Min(b.Const(tanhFastMax), x))
	z := b.Mul(x, x)
	return b.Div(b.Mul(x, horner(b, z, tanhFastP[:]...)), horner(b, z, tanhFastQ[:]...))
}

func sigmoidForwardFast(b *B, x V) V {
	t, k := reduceNeg(b, sigmoidClamp(b, x), 127-64)
	return sigmoidQuotient(b, t, k, expFastNegC)
}

func siluForwardFast(b *B, x V) V {
	a := b.Max(b.Const(-110), b.NegAbs(x))
	t, k := reduceNeg(b, a, -64)
	return gatedTail(b, x, a, b.IAdd(horner(b, t, expFastNegC...), k))
}

func geluForwardFast(b *B, x V) V {
	a := b.Min(b.Const(14.5), b.Abs(x))
	w := b.Mul(a, a)
	n, k := round(b, w, -log2e/2, 32)
	r := b.FMA(n, b.Const(2*ln2), w)
	e := b.IAdd(horner(b, r, expFastHalfC...), k)
	num := b.Mul(a, b.Mul(e, horner(b, a, 0.0627683179, 0.278845067, 0.5)))
	q := b.Div(num, horner(b, a, 0.157166286, 0.703943844, 1.35634212, 1))
	return b.FNMA(q, b.Const(0x1p-32), b.Max(b.Const(0), x))
}

const tanhFastMax = 4.5

var (
	expFastC     = []float64{0.165669126, 0.50496337, 1.00016411, 0.999928069}
	expFastNegC  = scaled(expFastC, 1, -1)
	expFastHalfC = scaled(expFastC, 1, -0.5)
	tanhFastP    = [...]float64{0.000719521217, 0.103917292, 1}
	tanhFastQ    = [...]float64{0.0132903993, 0.437062073, 1}
)
