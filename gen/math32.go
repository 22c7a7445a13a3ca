package main

// Descriptions for float32 lanes. e^x = 2^n e^t with n = round(x log2 e): adding
// 1.5*2^23 leaves n, and a bias on the way, in the low bits, and a shift by 23
// turns it into an exponent.

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

// round gives n, the integer nearest to c x, and (n+bias)<<23, which moves it into
// an exponent. 3 operations.
func round(b *B, x V, c, bias float64) (n, k V) {
	big := b.Const(magic + bias)
	s := b.FMA(x, b.Const(c), big)
	k = b.Shl(s, 23)
	return b.Sub(s, big), k
}

// reduce splits x = n ln2 + t; k holds (n+bias)<<23. 4 operations.
func reduce(b *B, x V, bias float64) (t, k V) {
	n, k := round(b, x, log2e, bias)
	return b.FNMA(n, b.Const(ln2), x), k
}

// reduceNeg splits -x = n ln2 - t, so that e^-x = 2^n e^-t. 4 operations.
func reduceNeg(b *B, x V, bias float64) (t, k V) {
	n, k := round(b, x, -log2e, bias)
	return b.FMA(n, b.Const(ln2), x), k
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

// tanhForward is E/(E + 2), E = e^2x - 1, with 2x = n ln 2 + 2t. A quotient of
// polynomials in x^2 is 4 operations shorter, but errs by 5.6 ulp and leaves
// [-1, 1].
func tanhForward(b *B, x V) V {
	x = b.Max(b.Const(-10), b.Min(b.Const(10), x))
	n, s := round(b, x, 2*log2e, 127)
	t := b.FNMA(n, b.Const(ln2/2), x)
	p := horner(b, t, expm1TwiceC...)
	// Not s - 1, which is +0 at s = 1: the negative keeps the sign of a zero x.
	e := b.FMA(p, b.Mul(t, s), b.Neg(b.Sub(b.Const(1), s)))
	return b.Div(e, b.Add(e, b.Const(2)))
}

// reduceNegAccurate is reduceNeg with both parts of ln 2, which keeps the tail
// within 4 ulp. 5 operations.
func reduceNegAccurate(b *B, x V, bias float64) (t, k V) {
	n, k := round(b, x, -log2e, bias)
	return b.FNMA(n, b.Const(ln2Low), b.FMA(n, b.Const(ln2), x)), k
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
	return gatedTail(b, x, a, b.IAdd(horner(b, t, expNegC[:]...), k))
}

// gatedTail is max(x, 0) + a/(1 + e), a = -|x|, given 2^-64 e: what a gate
// 1/(1 + e^-|x|) makes of x.
func gatedTail(b *B, x, a, e V) V {
	q := b.Div(a, b.Add(e, b.Const(0x1p-64)))
	return b.FMA(q, b.Const(0x1p-64), b.Max(b.Const(0), x))
}

func softplusForward(b *B, x V) V {
	e := expNeg(b, b.NegAbs(x), expSoftC[:])
	return b.FMA(e, horner(b, e, log1pC[:]...), b.Max(b.Const(0), x))
}

const (
	ln2x2Hi = 0x1.62e4p0 // 2 ln2, 15 bits: times m exact
	ln2x2Lo = 2*ln2 - ln2x2Hi
)

// reduceSquare splits a^2/2 = r/2 - n ln 2, so that e^(-a^2/2) = 2^n e^(-r/2); a^2,
// and n times the first part of ln 2, are exact inside the sum.
func reduceSquare(b *B, a V, bias float64) (r, k V) {
	n, k := round(b, b.Mul(a, a), -log2e/2, bias)
	return b.FMA(n, b.Const(ln2x2Lo), b.FMA(a, a, b.Mul(n, b.Const(ln2x2Hi)))), k
}

// geluForward: h(a) = a e^(-a^2/2) g(a) with g(a) = P(w)/(1 + geluDen a), where
// w = 1 - geluShift u and u = a/(1 + geluDen a). In powers of w no step of the
// polynomial cancels much; in powers of u the last ones do, in the tail.
func geluForward(b *B, x V) V {
	a := b.Min(b.Const(14.5), b.Abs(x))
	r, k := reduceSquare(b, a, 32)
	u := b.Div(a, b.FMA(a, b.Const(geluDen), b.Const(1)))
	p := horner(b, b.FNMA(u, b.Const(geluShift), b.Const(1)), geluP[:]...)
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
	n, k := round(b, v, -log2e*geluTanhC, -64)
	t := b.FMA(a, s, b.Mul(n, b.Const(hHi)))
	t = b.FMA(a, low, b.FMA(n, b.Const(ln2/geluTanhC-hHi), t))
	return gatedTail(b, x, a, b.IAdd(horner(b, t, expTanhC[:]...), k))
}
