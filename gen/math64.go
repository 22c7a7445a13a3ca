package main

// Float64 cores of the functions built on exp. Each is straight-line code over
// the Builder; "u" below is 2^-53, half an ulp of 1.

const (
	two64  = 0x1p64  // e^x is kept times 2^64, so that no true value below 2^-1022 is rounded twice
	twoM64 = 0x1p-64 //

	// ln 2 in two parts. n ln2Hi is exact for |n| < 2^11: ln2Hi has 42 bits.
	ln2Hi = 0x1.62e42fefa38p-1
	ln2Lo = 0x1.ef35793c7673p-45

	// Adding 1.5 2^52 rounds to the nearest integer, and leaves it in the low
	// bits. The exponent bias rides along, so that a shift by 52 alone makes
	// 2^n; the sum stays below 2^11, so the sign bit stays clear.
	roundExp   = 0x1.8p52 + 1023
	roundExp64 = 0x1.8p52 + 1023 + 64

	// Below -752 x e^x is below 2^-1075, half the smallest subnormal; down to
	// -752.7 2^n 2^64 is a normal number.
	expFloor = -752
	// Below -40 1 - e^x rounds to 1.
	expm1Floor = -40
)

// expPoly: e^r = 1 + r + r^2 q(r) for |r| <= 0.3475, error below 2^-57.5 of e^r
// (fpminimax).
var expPoly = []float64{
	0x1.000000000000cp-1, 0x1.5555555555561p-3, 0x1.555555554fd7ep-5, 0x1.111111110d624p-7,
	0x1.6c16c18635d61p-10, 0x1.a01a01baf0c2fp-13, 0x1.a019951c861ep-16, 0x1.71dddf9f2301cp-19,
	0x1.28b19e9b6b508p-22, 0x1.af85de53dd47ep-26,
}

// expm1Poly: the same, made for the relative error of e^r - 1, below 2^-55.5.
var expm1Poly = []float64{
	0x1.0000000000005p-1, 0x1.555555555555cp-3, 0x1.5555555552082p-5, 0x1.111111110e7fap-7,
	0x1.6c16c17f639a7p-10, 0x1.a01a01b57b898p-13, 0x1.a019a5e3282e9p-16, 0x1.71ddeac611adep-19,
	0x1.28a36386b813p-22, 0x1.af759041f513bp-26,
}

// log1pPoly: log1p(e)/e for 0 <= e <= 1, error below 2^-56.5 (fpminimax).
var log1pPoly = []float64{
	0x1p0, -0x1.fffffffffff9fp-2, 0x1.5555555551052p-2, -0x1.fffffffdd4a4bp-3,
	0x1.99999951fb01bp-3, -0x1.55554fbe64ea4p-3, 0x1.2491fed9cfc49p-3, -0x1.fffa8bd000151p-4,
	0x1.c6f6a83b8b045p-4, -0x1.98d296b9a7f0dp-4, 0x1.712df6166befdp-4, -0x1.4b022086f6829p-4,
	0x1.202df1e818ff3p-4, -0x1.d7115508d73eap-5, 0x1.5a892cb91047p-5, -0x1.b632818d96447p-6,
	0x1.c57efadae6573p-7, -0x1.6b4e60f2711bcp-8, 0x1.a25bf104a387fp-10, -0x1.31f8cd7aaa87ap-12,
	0x1.a9067c0618c2ep-16,
}

// g(t) = erfcx(t/sqrt 2)/2 = erfcxNum/erfcxDen for 0 <= t <= 38.8, relative error
// below 2^-57.8. All coefficients are positive: nothing cancels. g(0) is 1/2 exactly.
var (
	erfcxNum = []float64{
		0x1.6922b97d01da6p-1, 0x1.2aa9df30e56c3p+0, 0x1.e9d3746ac4d71p-1, 0x1.014b942691e4dp-1,
		0x1.7be7675de2870p-3, 0x1.9a033cc327419p-5, 0x1.471e72094ab81p-7, 0x1.7d797463965abp-10,
		0x1.385541a844051p-13, 0x1.46861aa52c77cp-17, 0x1.4f0bdd77b33ccp-22,
	}
	erfcxDen = []float64{
		0x1.6922b97d01da6p+0, 0x1.babc5fedc8e59p+1, 0x1.fbe194d2dc9ddp+1, 0x1.6888ca5842c0dp+1,
		0x1.60c8a767c2ba0p+0, 0x1.f5019e69c23e6p-2, 0x1.084ece871b96ap-3, 0x1.a012d5cabe053p-6,
		0x1.e14df1431f145p-9, 0x1.884584e277c05p-12, 0x1.993ca8c07915ap-16, 0x1.a3eb1753dd1abp-21,
	}
)

// hornerUp is c[0] + x (c[1] + x (c[2] + ...)).
func hornerUp(b *B, x V, c []float64) V {
	p := b.Const(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = b.FMA(p, x, b.Const(c[i]))
	}
	return p
}

// expScale rounds x/ln 2 to n, and returns n and s = 2^n (times 2^64 if round
// is roundExp64).
func expScale(b *B, x V, round float64) (n, s V) {
	t := b.FMA(x, b.Const(log2e), b.Const(round))
	return b.Sub(t, b.Const(round)), b.Shl(t, 52)
}

// expTail is s e^r.
func expTail(b *B, r, s V) V {
	q := hornerUp(b, r, expPoly)
	z := b.FMA(b.Mul(r, r), q, r)
	return b.FMA(z, s, s)
}

// expScaled64 is e^x 2^64 for -752.7 <= x <= 0.
func expScaled64(b *B, x V) V {
	n, s := expScale(b, x, roundExp64)
	r := b.FNMA(n, b.Const(ln2Hi), x)
	r = b.FNMA(n, b.Const(ln2Lo), r)
	return expTail(b, r, s)
}

// expNegScaled64 is e^x 2^64 for x <= 0; below -752 it is e^-752 2^64.
func expNegScaled64(b *B, x V) V {
	return expScaled64(b, b.Max(b.Const(expFloor), x))
}

// expNegScaled2_64 is e^(hi-nlo) 2^64 for -752.7 <= hi <= 0 and |nlo| of a few
// ulps of hi. The low part comes negated, as FNMA gives it: for hi = x y,
// nlo = FNMA(x, y, hi).
func expNegScaled2_64(b *B, hi, nlo V) V {
	n, s := expScale(b, hi, roundExp64)
	c := b.FMA(n, b.Const(ln2Lo), nlo)
	r := b.Sub(b.FNMA(n, b.Const(ln2Hi), hi), c)
	return expTail(b, r, s)
}

// oneMinusExp64 is 1 - e^x for x <= 0. It is +0 for both zeros.
func oneMinusExp64(b *B, x V) V {
	x = b.Max(b.Const(expm1Floor), x)
	n, s := expScale(b, x, roundExp)
	r := b.FNMA(n, b.Const(ln2Hi), x)
	r = b.FNMA(n, b.Const(ln2Lo), r)
	q := hornerUp(b, r, expm1Poly)
	z := b.FMA(b.Mul(r, r), q, r)
	return b.FNMA(z, s, b.Sub(b.Const(1), s))
}

// expm1Neg64 is e^x - 1 for x <= 0.
func expm1Neg64(b *B, x V) V {
	return b.NegAbs(oneMinusExp64(b, x))
}

// log1pOver64 is log1p(e)/e for 0 <= e <= 1.
func log1pOver64(b *B, e V) V {
	return hornerUp(b, e, log1pPoly)
}

// tanh64 is tanh(x) = m/(2 - m), m = 1 - e^-2|x|, with the sign of x.
func tanh64(b *B, x V) V {
	a := b.NegAbs(x)
	m := oneMinusExp64(b, b.Add(a, a))
	return b.CopySign(b.Div(m, b.Sub(b.Const(2), m)), x)
}

// erfcxParts64 are numerator and denominator of erfcxHalf64. Even and odd
// powers apart: half as many roundings follow one another, and the rounding of
// t^2 moves both parts alike.
func erfcxParts64(b *B, t V) (num, den V) {
	w := b.Mul(t, t)
	return evenOdd(b, t, w, erfcxNum), evenOdd(b, t, w, erfcxDen)
}

// evenOdd is hornerUp(b, t, c) by powers of w = t^2.
func evenOdd(b *B, t, w V, c []float64) V {
	var even, odd []float64
	for i := range c {
		if i%2 == 0 {
			even = append(even, c[i])
		} else {
			odd = append(odd, c[i])
		}
	}
	return b.FMA(t, hornerUp(b, w, odd), hornerUp(b, w, even))
}

// erfcxHalf64 is g(t) = erfcx(t/sqrt 2)/2 for 0 <= t <= 38.8.
func erfcxHalf64(b *B, t V) V {
	num, den := erfcxParts64(b, t)
	return b.Div(num, den)
}
