package reference

import "math"

// curve is scale x/sqrt(1 + alpha x^2) in the parameters of a function, or
// (1 + that)/2. Its alpha is not always that of the parameters.
type curve struct {
	name     string
	oneSided bool
	sigmoid  bool
	consts   func(p []float64) (scale, alpha float64)
}

func alphaOnly(p []float64) (scale, alpha float64) { return 1, p[0] }

// dyISRU: scale x/sqrt(beta + x^2) is (scale/sqrt(beta)) x/sqrt(1 + x^2/beta).
func dyISRU(p []float64) (scale, alpha float64) { return p[0] / math.Sqrt(p[1]), 1 / p[1] }

// isruSigmoid: with u = s x, u/sqrt(1 + alpha u^2) is s x/sqrt(1 + alpha s^2 x^2).
func isruSigmoid(p []float64) (scale, alpha float64) { return p[1], p[0] * p[1] * p[1] }

func registerISR() {
	for _, c := range []curve{
		{name: "isrlu", oneSided: true, consts: alphaOnly},
		{name: "isru", consts: alphaOnly},
		{name: "isru_sigmoid", sigmoid: true, consts: isruSigmoid},
		{name: "dyisru", consts: dyISRU},
	} {
		register(&Func{
			Name: c.name, Value: c.value, Derivative: c.derivative, DerivativeFromOutput: c.fromOutput,
			Second: c.second, Inverse: c.inverse, ParamDerivative: c.paramDerivative,
		})
	}
}

// unit returns u = sqrt(alpha) x/sqrt(1 + alpha x^2) and r = 1/sqrt(1 + alpha
// x^2), also where alpha x^2 overflows.
func unit(x, alpha float64) (u, r float64) {
	s := math.Sqrt(alpha) * x
	h := math.Hypot(1, s)
	if math.IsInf(h, 0) && !math.IsNaN(x) {
		return math.Copysign(1, x), 0
	}
	return s / h, 1 / h
}

func (c curve) value(x float64, p []float64) float64 {
	if c.oneSided && x >= 0 {
		return x
	}
	k, a := c.consts(p)
	u, _ := unit(x, a)
	y := k * u / math.Sqrt(a)
	if c.sigmoid {
		return (1 + y) / 2
	}
	return y
}

func (c curve) half(d float64) float64 { return d * pick(c.sigmoid, 0.5, 1) }

func (c curve) derivative(x float64, p []float64) float64 {
	if c.oneSided && x >= 0 {
		return 1
	}
	k, a := c.consts(p)
	_, r := unit(x, a)
	return c.half(k * r * r * r)
}

// complement returns 1 - alpha w^2 for the curve's value w at output y,
// without cancellation: alpha w^2 comes in two parts.
func (c curve) complement(y float64, p []float64) (w, comp float64) {
	if c.name == "dyisru" {
		s := p[0]
		return y / s, (s - y) * (s + y) / (s * s)
	}
	a := p[0]
	if c.sigmoid {
		w = 2*y - 1
		if a == 1 || (w+1)/2 != y { // 1 - w^2 = 4 y (1 - y) does not round w
			return w, (1 - a) + a*4*y*(1-y)
		}
		y = w
	}
	sq := y * y
	sqLow := math.FMA(y, y, -sq)
	h := a * sq
	low := math.FMA(a, sq, -h) + a*sqLow
	return y, (1 - h) - low
}

func (c curve) fromOutput(y float64, p []float64) float64 {
	if c.oneSided && y >= 0 {
		return 1
	}
	k, _ := c.consts(p)
	_, comp := c.complement(y, p)
	comp = keepNaN(comp, math.Max(comp, 0))
	return c.half(k * comp * math.Sqrt(comp))
}

func (c curve) second(x float64, p []float64) float64 {
	if c.oneSided && x >= 0 {
		return 0
	}
	k, a := c.consts(p)
	u, r := unit(x, a)
	return c.half(k * -3 * math.Sqrt(a) * u * r * r * r * r)
}

func (c curve) inverse(y float64, p []float64) float64 {
	if c.oneSided && y >= 0 {
		return y
	}
	w, comp := c.complement(y, p)
	x := w / math.Sqrt(comp)
	switch {
	case c.name == "dyisru": // x = sqrt(beta) v/sqrt(1 - v^2), v = y/scale
		return x * math.Sqrt(p[1])
	case c.sigmoid:
		return x / p[1]
	}
	return x
}

func (c curve) paramDerivative(i int, x float64, p []float64) float64 {
	if c.oneSided && x >= 0 {
		return 0
	}
	k, a := c.consts(p)
	u, r := unit(x, a)
	switch {
	case c.name == "dyisru" && i == 0: // x/sqrt(beta + x^2)
		return u
	case c.name == "dyisru": // -scale/2 x (beta + x^2)^(-3/2)
		return -k / 2 * a * math.Sqrt(p[1]) * u * r * r
	}
	w := u / math.Sqrt(a)
	if c.sigmoid && i == 1 { // 1/2 x r^3
		return 0.5 * w * r * r
	}
	w *= k
	return c.half(-0.5 * w * w * w)
}
