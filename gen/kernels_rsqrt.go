package main

// The inverse square root itself, for package rsqrt, on the whole range:
// rsqrt(+0) = +Inf, rsqrt(-0) = -Inf, rsqrt(+Inf) = 0, NaN for negative
// numbers. Exact divides; Default is the estimate and a polynomial in its
// residual, and Fast the estimate alone.
func init() {
	unary("Rsqrt", "Forward", "Exact", 1, func(b *B, x V) V {
		return b.Div(b.Const(1), b.Sqrt(x))
	})
	unary("Rsqrt", "Forward", "Default", 1, rsqrtDefault).streams(streamsEverywhere)
	unary("Rsqrt", "Forward", "Fast", 2, func(b *B, x V) V {
		s := rsqrtScale(b, x)
		return s.ends(b, b.Mul(s.e, s.back))
	}).streams(streamsEverywhere)
}

// A scaledRsqrt is an argument brought to where the processors' estimates
// work: RSQRTPS takes subnormal numbers for 0, and the float64 estimate of
// AVX2 has the range of float32.
type scaledRsqrt struct {
	x, e V // the scaled argument and the estimate there
	back V // the factor that scales a result back
	end  V // the result wherever it times the argument is NaN
	arg  V
}

func rsqrtScale(b *B, x V) scaledRsqrt {
	small, up, down := 0x1p-126, 0x1p24, 0x1p12
	if b.Is64() {
		small, up, down = 0x1p-1022, 0x1p54, 0x1p27
	}
	sub := b.LT(x, b.Const(small))
	n := b.Mul(x, b.Select(sub, b.Const(up), b.Const(1))).As("n")
	back := b.Select(sub, b.Const(down), b.Const(1))
	if !(b.Is64() && b.level == AVX2) {
		e := b.RsqrtEst(n)
		return scaledRsqrt{x: n, e: e, back: back, end: e, arg: n}
	}
	// Split n = s 4^k with s in [1/2, 2): the even part of the exponent field
	// goes to k, and 2^-k has the exponent 1023 - k.
	even := b.And(n, b.Bits(0x7fe0000000000000))
	s := b.IAdd(b.ISub(n, even), b.Bits(0x3fe0000000000000)).As("s")
	back = b.Mul(b.ISub(b.Bits(0x5fe0000000000000), b.Shr(even, 1)), back)
	return scaledRsqrt{x: s, e: b.RsqrtEst(s), back: back, end: b.RsqrtEst(x), arg: x}
}

// ends puts the limits at 0 and infinity, where y is wrong: only there, and
// for NaN and negative numbers, the estimate times its argument is NaN.
func (s scaledRsqrt) ends(b *B, y V) V {
	t := b.Mul(s.arg, s.end)
	return b.Select(b.Unordered(t, t), s.end, y)
}

func rsqrtDefault(b *B, x V) V {
	s := rsqrtScale(b, x)
	h := b.FNMA(b.Mul(s.x, s.e), s.e, b.Const(1)).As("h")
	y := b.FMA(b.Mul(s.e, h), rsqrtSeries(b, h), s.e).As("y")
	return s.ends(b, b.Mul(y, s.back))
}

// rsqrtSeries returns ((1-h)^(-1/2) - 1)/h, with as many terms of the
// binomial series as the level's estimate needs: its residual h is below
// 2^-10.4 on AVX2 and 2^-13 on the others.
func rsqrtSeries(b *B, h V) V {
	p := b.Const(3.0 / 8)
	if b.Is64() {
		p = b.Const(5.0 / 16)
		if b.level == AVX2 {
			p = b.FMA(h, b.Const(35.0/128), p)
		}
		p = b.FMA(h, p, b.Const(3.0/8))
	}
	return b.FMA(h, p, b.Const(0.5))
}
