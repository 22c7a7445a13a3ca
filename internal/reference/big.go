package reference

import (
	"math"
	"math/big"
	"sync"
)

// prec is the precision of the big.Float functions, in bits; what cancels is
// computed with more.
const prec = 256

func num(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }

// fresh returns a number with the larger precision of its operands.
func fresh(x, y *big.Float) *big.Float {
	return new(big.Float).SetPrec(max(prec, x.Prec(), y.Prec()))
}

func add(x, y *big.Float) *big.Float { return fresh(x, y).Add(x, y) }
func sub(x, y *big.Float) *big.Float { return fresh(x, y).Sub(x, y) }
func mul(x, y *big.Float) *big.Float { return fresh(x, y).Mul(x, y) }
func quo(x, y *big.Float) *big.Float { return fresh(x, y).Quo(x, y) }
func neg(x *big.Float) *big.Float    { return fresh(x, x).Neg(x) }
func abs(x *big.Float) *big.Float    { return fresh(x, x).Abs(x) }
func sqrt(x *big.Float) *big.Float   { return fresh(x, x).Sqrt(x) }

func scale2(x *big.Float, e int) *big.Float { return fresh(x, x).SetMantExp(x, e) }

// exp returns e^x. Results below 2^-20000 become 0, above 2^20000 that bound.
func exp(x *big.Float) *big.Float {
	one := num(1).SetPrec(x.Prec())
	if x.Sign() == 0 {
		return one
	}
	f, _ := x.Float64()
	if f < -14000 {
		return fresh(x, x)
	}
	if f > 14000 {
		return scale2(one, 20000)
	}
	// e^x = (e^(x/2^k))^(2^k) with |x|/2^k < 2^-16; squaring loses k bits.
	k := max(0, x.MantExp(nil)+16)
	work := max(prec, x.Prec()) + uint(k) + 32
	t := new(big.Float).SetPrec(work).SetMantExp(x, -k)
	sum := new(big.Float).SetPrec(work).SetInt64(1)
	term := new(big.Float).SetPrec(work).SetInt64(1)
	for i := int64(1); ; i++ {
		term.Mul(term, t)
		term.Quo(term, new(big.Float).SetInt64(i))
		if term.Sign() == 0 || term.MantExp(nil) < -int(work) {
			break
		}
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return fresh(x, x).Set(sum)
}

// expm1 returns e^x - 1 with extra bits where that cancels.
func expm1(x *big.Float) *big.Float {
	if x.Sign() == 0 {
		return fresh(x, x)
	}
	extra := uint(max(0, -x.MantExp(nil)))
	if extra > 600 { // x + x^2/2 is exact to far beyond prec
		return add(x, scale2(mul(x, x), -1))
	}
	wide := new(big.Float).SetPrec(prec + 2*extra + 32).Set(x)
	return fresh(x, x).Sub(exp(wide), big.NewFloat(1))
}

// log1p returns log(1 + x) for 0 <= x <= 1 by the series of
// 2 artanh(x/(2 + x)).
func log1p(x *big.Float) *big.Float {
	z := quo(x, add(x, num(2)))
	if z.Sign() == 0 {
		return z
	}
	z2 := mul(z, z)
	sum, power := num(0).Set(z), num(0).Set(z)
	for i := int64(3); ; i += 2 {
		power.Mul(power, z2)
		term := quo(power, num(float64(i)))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-prec {
			break
		}
		sum.Add(sum, term)
	}
	return scale2(sum, 1)
}

// pi returns pi, by Machin's formula; it is not computed before it is needed.
var pi = sync.OnceValue(func() *big.Float {
	arctanInverse := func(n float64) *big.Float {
		x := new(big.Float).SetPrec(4096).Quo(big.NewFloat(1), big.NewFloat(n))
		x2 := new(big.Float).SetPrec(4096).Mul(x, x)
		sum, power := new(big.Float).SetPrec(4096).Set(x), new(big.Float).SetPrec(4096).Set(x)
		for i := int64(3); power.MantExp(nil) > -4096; i += 2 {
			power.Mul(power, x2).Neg(power)
			sum.Add(sum, new(big.Float).SetPrec(4096).Quo(power, new(big.Float).SetInt64(i)))
		}
		return sum
	}
	a := arctanInverse(5)
	a.Mul(a, big.NewFloat(16))
	b := arctanInverse(239)
	return a.Sub(a, b.Mul(b, big.NewFloat(4)))
})

// erfc returns 1 - erf(x) by the series erf(x) = 2/sqrt(pi) e^(-x^2) sum of
// 2^n x^(2n+1)/(2n+1)!!, whose terms are positive, with the bits that the
// subtraction loses added: x^2/ln 2. Beyond 60 the result is below 2^-5000
// and becomes 0, or 2.
func erfc(x *big.Float) *big.Float {
	f, _ := x.Float64()
	switch {
	case f > 60:
		return num(0)
	case f < -60:
		return num(2)
	}
	work := uint(prec + 64 + int(f*f*1.5))
	w := new(big.Float).SetPrec(work).Set(x)
	w2 := new(big.Float).SetPrec(work).Mul(w, w)
	sum, term := new(big.Float).SetPrec(work).Set(w), new(big.Float).SetPrec(work).Set(w)
	for n := int64(1); term.Sign() != 0; n++ {
		term.Mul(term, w2)
		term.Mul(term, big.NewFloat(2))
		term.Quo(term, new(big.Float).SetInt64(2*n+1))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-int(work) {
			break
		}
		sum.Add(sum, term)
	}
	sum.Mul(sum, exp(new(big.Float).SetPrec(work).Neg(w2)))
	sum.Mul(sum, big.NewFloat(2))
	sum.Quo(sum, new(big.Float).SetPrec(work).Sqrt(new(big.Float).SetPrec(work).Set(pi())))
	return num(0).Sub(new(big.Float).SetPrec(work).SetInt64(1), sum)
}

// tailExp returns e^-|x|.
func tailExp(x *big.Float) *big.Float { return exp(neg(abs(x))) }

func bigLogistic(x *big.Float) *big.Float {
	e := tailExp(x)
	if x.Sign() < 0 {
		return quo(e, add(e, num(1)))
	}
	return quo(num(1), add(e, num(1)))
}

func bigNormalCDF(x *big.Float) *big.Float {
	return scale2(erfc(neg(quo(x, sqrt(num(2))))), -1)
}

func bigGELUTanhArgument(x *big.Float) (z, dz *big.Float) {
	c := scale2(sqrt(quo(num(2), num(0).Set(pi()))), 1)
	k, _ := num(0).SetString("0.044715")
	kx2 := mul(k, mul(x, x))
	return mul(mul(c, x), add(num(1), kx2)), mul(c, add(num(1), mul(num(3), kx2)))
}

type bigFunc = func(x *big.Float, p []float64) *big.Float

func registerBig() {
	one := func(*big.Float, []float64) *big.Float { return num(1) }
	b := &table["identity"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float { return x }
	b.Derivative, b.DerivativeFromOutput = one, one

	step := func(lo float64, useParam bool) bigFunc {
		return func(x *big.Float, p []float64) *big.Float {
			if x.Sign() > 0 {
				return num(1)
			}
			if useParam {
				return num(p[0])
			}
			return num(lo)
		}
	}
	b = &table["relu"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float {
		if x.Sign() > 0 {
			return x
		}
		return num(0)
	}
	b.Derivative, b.DerivativeFromOutput = step(0, false), step(0, false)

	b = &table["leaky_relu"].Big
	b.Value = func(x *big.Float, p []float64) *big.Float {
		if x.Sign() > 0 {
			return x
		}
		return mul(x, num(p[0]))
	}
	b.Derivative, b.DerivativeFromOutput = step(0, true), step(0, true)
	b.ParamDerivative = func(_ int, x *big.Float, _ []float64) *big.Float {
		if x.Sign() > 0 {
			return num(0)
		}
		return x
	}

	bigELU("elu", func(p []float64) (s, a *big.Float) { return num(1), num(p[0]) })
	table["elu"].Big.ParamDerivative = func(_ int, x *big.Float, _ []float64) *big.Float {
		if x.Sign() >= 0 {
			return num(0)
		}
		return expm1(x)
	}
	scale, _ := num(0).SetString("1.0507009873554804934193349852946")
	alpha, _ := num(0).SetString("1.6732632423543772848170429916717")
	bigELU("selu", func([]float64) (s, a *big.Float) { return scale, alpha })

	b = &table["tanh"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float { // -m/(2 + m), m = e^(-2|x|) - 1
		m := expm1(scale2(neg(abs(x)), 1))
		t := quo(neg(m), add(m, num(2)))
		if x.Sign() < 0 {
			return neg(t)
		}
		return t
	}
	b.Derivative = func(x *big.Float, _ []float64) *big.Float {
		e := tailExp(scale2(x, 1))
		s := add(e, num(1))
		return quo(scale2(e, 2), mul(s, s))
	}
	b.DerivativeFromOutput = func(y *big.Float, _ []float64) *big.Float { return sub(num(1), mul(y, y)) }

	b = &table["sigmoid"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float { return bigLogistic(x) }
	b.Derivative = func(x *big.Float, _ []float64) *big.Float { return mul(bigLogistic(x), bigLogistic(neg(x))) }
	b.DerivativeFromOutput = func(y *big.Float, _ []float64) *big.Float { return mul(y, sub(num(1), y)) }

	b = &table["softplus"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float {
		l := log1p(tailExp(x))
		if x.Sign() > 0 {
			return add(x, l)
		}
		return l
	}
	b.Derivative = func(x *big.Float, _ []float64) *big.Float { return bigLogistic(x) }
	b.DerivativeFromOutput = func(y *big.Float, _ []float64) *big.Float { return neg(expm1(neg(y))) }

	b = &table["silu"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float { return mul(x, bigLogistic(x)) }
	b.Derivative = func(x *big.Float, _ []float64) *big.Float {
		s := bigLogistic(x)
		return add(s, mul(mul(s, x), bigLogistic(neg(x))))
	}

	b = &table["gelu"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float { return mul(x, bigNormalCDF(x)) }
	b.Derivative = func(x *big.Float, _ []float64) *big.Float {
		density := quo(exp(scale2(neg(mul(x, x)), -1)), sqrt(scale2(num(0).Set(pi()), 1)))
		return add(bigNormalCDF(x), mul(x, density))
	}

	b = &table["gelu_tanh"].Big
	b.Value = func(x *big.Float, _ []float64) *big.Float {
		z, _ := bigGELUTanhArgument(x)
		return mul(x, bigLogistic(z))
	}
	b.Derivative = func(x *big.Float, _ []float64) *big.Float {
		z, dz := bigGELUTanhArgument(x)
		s := bigLogistic(z)
		return add(s, mul(mul(s, x), mul(dz, bigLogistic(neg(z)))))
	}
	registerBigISR()
}

func bigELU(name string, consts func(p []float64) (s, a *big.Float)) {
	b := &table[name].Big
	b.Value = func(x *big.Float, p []float64) *big.Float {
		s, a := consts(p)
		if x.Sign() >= 0 {
			return mul(s, x)
		}
		return mul(mul(s, a), expm1(x))
	}
	b.Derivative = func(x *big.Float, p []float64) *big.Float {
		s, a := consts(p)
		if x.Sign() >= 0 {
			return s
		}
		return mul(mul(s, a), exp(x))
	}
	b.DerivativeFromOutput = func(y *big.Float, p []float64) *big.Float {
		s, a := consts(p)
		if y.Sign() >= 0 {
			return s
		}
		return add(y, mul(s, a))
	}
}

// registerBigISR writes the family from its definition,
// scale x/sqrt(beta + x^2) with beta = 1/alpha, scale = 1/sqrt(alpha).
func registerBigISR() {
	for _, name := range []string{"isrlu", "isru", "isru_sigmoid", "dyisru"} {
		oneSided, sigmoid, dy := name == "isrlu", name == "isru_sigmoid", name == "dyisru"
		consts := func(p []float64) (scale, beta *big.Float) {
			if dy {
				return num(p[0]), num(p[1])
			}
			beta = quo(num(1), num(p[0]))
			scale = sqrt(beta)
			if sigmoid { // of p[1] x: both sides of the fraction divided by p[1]
				s := num(p[1])
				beta = quo(beta, mul(s, s))
			}
			return scale, beta
		}
		half := func(x *big.Float) *big.Float {
			if sigmoid {
				return scale2(x, -1)
			}
			return x
		}
		square := func(x, beta *big.Float) *big.Float { // beta + x^2, exactly enough
			return new(big.Float).SetPrec(4500).Add(beta, new(big.Float).SetPrec(2*prec).Mul(x, x))
		}
		root := func(x, beta *big.Float) *big.Float { return sqrt(num(0).Set(square(x, beta))) }
		constant := func(c float64, f bigFunc) bigFunc {
			return func(x *big.Float, p []float64) *big.Float {
				if oneSided && x.Sign() >= 0 {
					return num(c)
				}
				return f(x, p)
			}
		}
		same := func(f bigFunc) bigFunc {
			return func(x *big.Float, p []float64) *big.Float {
				if oneSided && x.Sign() >= 0 {
					return x
				}
				return f(x, p)
			}
		}
		b := &table[name].Big
		b.Value = same(func(x *big.Float, p []float64) *big.Float {
			s, beta := consts(p)
			y := quo(mul(s, x), root(x, beta))
			if sigmoid { // (1 + y)/2, where y may be close to -1
				wide := new(big.Float).SetPrec(2*prec).Add(big.NewFloat(1), y)
				return num(0).Set(scale2(wide, -1))
			}
			return y
		})
		b.Derivative = constant(1, func(x *big.Float, p []float64) *big.Float {
			s, beta := consts(p)
			r := root(x, beta)
			return half(quo(mul(s, beta), mul(r, mul(r, r))))
		})
		// curve returns w = y/scale and 1 - w^2, as one number in the
		// definition's terms.
		curve := func(y *big.Float, p []float64) (w, c *big.Float) {
			if sigmoid {
				y = new(big.Float).SetPrec(2200).Sub(scale2(y, 1), big.NewFloat(1))
			}
			if dy {
				w = quo(y, num(p[0]))
				s2 := mul(num(p[0]), num(p[0]))
				c = quo(new(big.Float).SetPrec(4500).Sub(s2, mul(y, y)), s2)
				return w, num(0).Set(c)
			}
			ay2 := new(big.Float).SetPrec(4500).Mul(num(p[0]), new(big.Float).SetPrec(4500).Mul(y, y))
			return y, num(0).Set(new(big.Float).SetPrec(4500).Sub(big.NewFloat(1), ay2))
		}
		b.DerivativeFromOutput = constant(1, func(y *big.Float, p []float64) *big.Float {
			s, beta := consts(p)
			_, c := curve(y, p)
			if c.Sign() < 0 {
				return num(0)
			}
			return half(mul(quo(s, sqrt(beta)), mul(c, sqrt(c))))
		})
		b.Second = constant(0, func(x *big.Float, p []float64) *big.Float {
			s, beta := consts(p)
			r := root(x, beta)
			r5 := mul(mul(mul(r, r), mul(r, r)), r)
			return half(quo(mul(mul(mul(num(-3), s), beta), x), r5))
		})
		b.Inverse = same(func(y *big.Float, p []float64) *big.Float {
			w, c := curve(y, p)
			if c.Sign() <= 0 {
				return nil // infinite or undefined
			}
			x := quo(w, sqrt(c))
			switch {
			case dy:
				return mul(x, sqrt(num(p[1])))
			case sigmoid:
				return quo(x, num(p[1]))
			}
			return x
		})
		b.ParamDerivative = func(i int, x *big.Float, p []float64) *big.Float {
			if oneSided && x.Sign() >= 0 {
				return num(0)
			}
			s, beta := consts(p)
			r := root(x, beta)
			switch {
			case dy && i == 0:
				return quo(x, r)
			case dy:
				return quo(mul(mul(num(-0.5), s), x), mul(r, mul(r, r)))
			case sigmoid && i == 1:
				return half(quo(mul(mul(x, beta), sqrt(beta)), mul(r, mul(r, r))))
			}
			w := quo(mul(s, x), r)
			return half(mul(num(-0.5), mul(w, mul(w, w))))
		}
	}
}

// finite reports whether x can be a big.Float argument.
func finite(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }
