package main

// Descriptions for float32 lanes. e^x = 2^m e^t with m = round(x log2 e); adding 1.5*2^23 leaves m in the low
// bits, so a shift by 23 turns it into an exponent. bias is added to m on the way.

const (
	log2e = 1.4426950408889634074
	ln2   = 0.69314718055994530942
	magic = 0x1.8p23
)

// horner evaluates a polynomial, highest power first.
func horner(b *B, t V, c ...float64) V {
	p := b.Const(c[0])
	for _, v := range c[1:] {
		p = b.FMA(p, t, b.Const(v))
	}
	return p
}

// reduce splits x = m ln2 + t; k holds (m+bias)<<23. 4 operations.
func reduce(b *B, x V, bias float64) (t, k V) {
	big := b.Const(magic + bias)
	n := b.FMA(x, b.Const(log2e), big)
	k = b.Shl(n, 23)
	t = b.FNMA(b.Sub(n, big), b.Const(ln2), x)
	return t, k
}

// reduceNeg splits -x = m ln2 - t, so that e^-x = 2^m e^-t. 4 operations.
func reduceNeg(b *B, x V, bias float64) (t, k V) {
	big := b.Const(magic + bias)
	n := b.FMA(x, b.Const(-log2e), big)
	k = b.Shl(n, 23)
	t = b.FMA(b.Sub(n, big), b.Const(ln2), x)
	return t, k
}

// expNeg is c e^x for x <= 0, where p holds 2^-24 c times the coefficients of e^t: it underflows gradually with one
// rounding. 11 operations.
func expNeg(b *B, x V, p []float64) V {
	t, k := reduce(b, b.Max(b.Const(-104), x), 24+127)
	return b.Mul(horner(b, t, p...), k)
}

// oneMinusExp is 1-e^x for x <= 0. 13 operations.
func oneMinusExp(b *B, x V, c []float64) V {
	t, s := reduce(b, b.Max(b.Const(-18), x), 127)
	p := horner(b, t, c...)
	return b.FNMA(p, b.Mul(t, s), b.Sub(b.Const(1), s))
}

func eluForward(b *B, x V) V {
	r := oneMinusExp(b, x, expm1C[:])
	return b.SelectNeg(x, b.Mul(r, b.Param(1)), x)
}

const (
	seluLambda = 1.0507009873554804934193349852946
	seluAlpha  = 1.6732632423543772848170429916717
)

func seluForward(b *B, x V) V {
	r := oneMinusExp(b, x, seluC[:])
	return b.SelectNeg(x, b.Mul(r, b.Const(seluAtMinusInf)), b.Mul(x, b.Const(seluLambda)))
}

// tanhForward is a quotient of polynomials, which errs by up to 5.64 ulp. By
// e^2x - 1 it would be within 3.6, for 4 operations more and a fifth of the
// time: a slower rival than there need be.
func tanhForward(b *B, x V) V {
	x = b.Max(b.Const(-tanhMax), b.Min(b.Const(tanhMax), x))
	z := b.Mul(x, x)
	p := b.Mul(x, horner(b, z, tanhP[:]...))
	return b.Div(p, horner(b, z, tanhQ[:]...))
}

// reduceNegAccurate is reduceNeg with both parts of ln 2, which keeps the tail
// within 4 ulp. 5 operations.
func reduceNegAccurate(b *B, x V, bias float64) (t, k V) {
	big := b.Const(magic + bias)
	n := b.FMA(x, b.Const(-log2e), big)
	k = b.Shl(n, 23)
	m := b.Sub(n, big)
	t = b.FNMA(m, b.Const(ln2Low), b.FMA(m, b.Const(ln2), x))
	return t, k
}

// ln2Low is what float32(ln 2) is too large by.
const ln2Low = 0.693147182464599609375 - ln2

// sigmoidQuotient is 2^-64/(e + 2^-64) with e = 2^-64 e^-x, given x clamped and
// reduced. It multiplies by the power of two: an integer addition to the
// exponent would turn NaN into a number.
func sigmoidQuotient(b *B, t, k V, c []float64) V {
	e := b.Mul(horner(b, t, c...), k)
	return b.Div(b.Const(0x1p-64), b.Add(e, b.Const(0x1p-64)))
}

// sigmoidClamp keeps x where 2^-64 e^-x is a normal number: e^104 is the
// largest that matters.
func sigmoidClamp(b *B, x V) V { return b.Max(b.Const(-104), b.Min(b.Const(42), x)) }

func sigmoidForward(b *B, x V) V {
	t, k := reduceNegAccurate(b, sigmoidClamp(b, x), 127-64)
	return sigmoidQuotient(b, t, k, expNegC[:])
}

func siluForward(b *B, x V) V {
	a := b.Max(b.Const(-110), b.NegAbs(x))
	t, k := reduceNegAccurate(b, a, -64)
	d := b.Add(b.IAdd(horner(b, t, expNegC[:]...), k), b.Const(0x1p-64))
	return b.FMA(b.Div(a, d), b.Const(0x1p-64), b.Max(b.Const(0), x))
}

func softplusForward(b *B, x V) V {
	e := expNeg(b, b.NegAbs(x), expSoftC[:])
	return b.FMA(e, horner(b, e, log1pC[:]...), b.Max(b.Const(0), x))
}

const (
	ln2x2Hi = 0x1.62e4p0 // 2 ln2, 15 bits: times m exact
	ln2x2Lo = 2*ln2 - ln2x2Hi
)

// geluForward: h(a) = a e^(-a^2/2) g(a) with g(a) = P(u)/(1 + geluDen a), where
// u = a/(1 + geluDen a).
func geluForward(b *B, x V) V {
	a := b.Min(b.Const(14.5), b.Abs(x))
	big := b.Const(magic + 32)
	n := b.FMA(b.Mul(a, a), b.Const(-log2e/2), big)
	k := b.Shl(n, 23)
	m := b.Sub(n, big)
	// r = a^2 + 2 m ln 2; a^2, and m times the first part of ln 2, are exact
	// inside the sum.
	r := b.FMA(m, b.Const(ln2x2Lo), b.FMA(a, a, b.Mul(m, b.Const(ln2x2Hi))))
	u := b.Div(a, b.FMA(a, b.Const(geluDen), b.Const(1)))
	p := horner(b, u, geluP[:]...)
	// e^r P = P + (e^r - 1) P: the constant term of the exponential costs no
	// rounding.
	ep := b.FMA(b.Mul(r, horner(b, r, expm1HalfC[:]...)), p, p)
	return b.FNMA(b.Mul(u, b.IAdd(ep, k)), b.Const(0x1p-32), b.Max(b.Const(0), x))
}

const (
	geluTanhC = 2 * 0.79788456080286535588 * 0.044715 // 2u = C x (x^2 + K)
	geluTanhK = 1 / 0.044715
)

// geluTanhForward is x sigmoid(2u), 2u = C x (x^2 + K). The tail multiplies the
// argument's rounding errors by 2u: they are carried along, for 5 operations.
func geluTanhForward(b *B, x V) V {
	const (
		hHi = 0x1.36d8p3
		kHi = 0x1.65d2p4 // few enough bits that kHi-s is exact
	)
	a := b.Max(b.Const(-10.95), b.NegAbs(x))
	s := b.FMA(a, a, b.Const(kHi))
	low := b.Add(b.FMA(a, a, b.Sub(b.Const(kHi), s)), b.Const(geluTanhK-kHi))
	v := b.Mul(a, s)
	big := b.Const(magic - 64)
	n := b.FMA(v, b.Const(-log2e*geluTanhC), big)
	k := b.Shl(n, 23)
	m := b.Sub(n, big)
	t := b.FMA(a, s, b.Mul(m, b.Const(hHi)))
	t = b.FMA(a, low, b.FMA(m, b.Const(ln2/geluTanhC-hHi), t))
	d := b.Add(b.IAdd(horner(b, t, expTanhC[:]...), k), b.Const(0x1p-64))
	return b.FMA(b.Div(a, d), b.Const(0x1p-64), b.Max(b.Const(0), x))
}
