// Package reference is the truth that kernels are measured against: every
// activation function, slow and accurate, from its definition.
//
// It shares no code with the kernels. Func's methods on float64 are accurate
// to a small part of a float32 ulp for every float32 argument; those on
// big.Float to a small part of a float64 ulp.
package reference

import (
	"math"
	"math/big"
)

// A Func is one activation function with its derivatives, each nil where the
// function has no such form. p holds the parameters in the order of the
// function's table row in package isrlu. NaN gives NaN, infinities the limit.
type Func struct {
	Name                 string
	Value                func(x float64, p []float64) float64
	Derivative           func(x float64, p []float64) float64
	DerivativeFromOutput func(y float64, p []float64) float64
	Second               func(x float64, p []float64) float64
	Inverse              func(y float64, p []float64) float64
	ParamDerivative      func(i int, x float64, p []float64) float64

	// Big holds the same for finite arguments in higher precision.
	Big struct {
		Value, Derivative, DerivativeFromOutput, Second, Inverse func(x *big.Float, p []float64) *big.Float
		ParamDerivative                                          func(i int, x *big.Float, p []float64) *big.Float
	}
}

// SELU's constants (Klambauer et al. 2017).
const (
	SELUScale = 1.0507009873554804934193349852946
	SELUAlpha = 1.6732632423543772848170429916717
)

var table = map[string]*Func{}

func register(f *Func) { table[f.Name] = f }

// Lookup returns the function of that name.
func Lookup(name string) (*Func, bool) {
	f, ok := table[name]
	return f, ok
}

// Rsqrt returns 1/sqrt(x).
func Rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

func init() {
	registerPlain()
	registerISR()
	registerBig()
}

func registerPlain() {
	one := func(x float64, _ []float64) float64 { return keepNaN(x, 1) }
	register(&Func{Name: "identity",
		Value:      func(x float64, _ []float64) float64 { return x },
		Derivative: one, DerivativeFromOutput: one,
	})
	step := func(x float64, _ []float64) float64 { return keepNaN(x, pick(x > 0, 1, 0)) }
	register(&Func{Name: "relu",
		Value:      func(x float64, _ []float64) float64 { return keepNaN(x, pick(x > 0, x, 0)) },
		Derivative: step, DerivativeFromOutput: step,
	})
	leak := func(x float64, p []float64) float64 { return keepNaN(x, pick(x > 0, 1, p[0])) }
	register(&Func{Name: "leaky_relu",
		Value:      func(x float64, p []float64) float64 { return x * pick(x > 0, 1, p[0]) },
		Derivative: leak, DerivativeFromOutput: leak,
		ParamDerivative: func(_ int, x float64, _ []float64) float64 { return keepNaN(x, pick(x > 0, 0, x)) },
	})
	register(elu("elu", func(p []float64) (scale, alpha float64) { return 1, p[0] }))
	register(elu("selu", func([]float64) (scale, alpha float64) { return SELUScale, SELUAlpha }))
	register(&Func{Name: "tanh",
		Value: func(x float64, _ []float64) float64 { return math.Tanh(x) },
		Derivative: func(x float64, _ []float64) float64 {
			e := math.Exp(-2 * math.Abs(x))
			return 4 * e / ((1 + e) * (1 + e))
		},
		DerivativeFromOutput: func(y float64, _ []float64) float64 { return (1 - y) * (1 + y) },
	})
	register(&Func{Name: "sigmoid",
		Value: func(x float64, _ []float64) float64 { return logistic(x) },
		Derivative: func(x float64, _ []float64) float64 {
			e := math.Exp(-math.Abs(x))
			return e / ((1 + e) * (1 + e))
		},
		DerivativeFromOutput: func(y float64, _ []float64) float64 { return y * (1 - y) },
	})
	register(&Func{Name: "softplus",
		Value: func(x float64, _ []float64) float64 {
			return keepNaN(x, math.Max(x, 0)+math.Log1p(math.Exp(-math.Abs(x))))
		},
		Derivative:           func(x float64, _ []float64) float64 { return logistic(x) },
		DerivativeFromOutput: func(y float64, _ []float64) float64 { return -math.Expm1(-y) },
	})
	register(&Func{Name: "silu",
		Value: func(x float64, _ []float64) float64 { return timesTail(x, logistic(x)) },
		Derivative: func(x float64, _ []float64) float64 {
			s := logistic(x)
			return s + timesTail(x, s*logistic(-x))
		},
	})
	register(&Func{Name: "gelu",
		Value: func(x float64, _ []float64) float64 { return timesTail(x, normalCDF(x)) },
		Derivative: func(x float64, _ []float64) float64 {
			return normalCDF(x) + timesTail(x, math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
		},
	})
	register(&Func{Name: "gelu_tanh",
		Value: func(x float64, _ []float64) float64 {
			z, _ := geluTanhArgument(x)
			return timesTail(x, logistic(z))
		},
		Derivative: func(x float64, _ []float64) float64 {
			z, dz := geluTanhArgument(x)
			s := logistic(z)
			return s + timesTail(x*dz, s*logistic(-z))
		},
	})
}

// elu is scale alpha (e^x - 1) for x < 0 and scale x elsewhere.
func elu(name string, consts func(p []float64) (scale, alpha float64)) *Func {
	f := &Func{Name: name,
		Value: func(x float64, p []float64) float64 {
			s, a := consts(p)
			return s * pick(x < 0, a*math.Expm1(x), x)
		},
		Derivative: func(x float64, p []float64) float64 {
			s, a := consts(p)
			return keepNaN(x, s*pick(x < 0, a*math.Exp(x), 1))
		},
		DerivativeFromOutput: func(y float64, p []float64) float64 {
			s, a := consts(p)
			return keepNaN(y, pick(y < 0, y+s*a, s))
		},
	}
	if name == "elu" {
		f.ParamDerivative = func(_ int, x float64, _ []float64) float64 {
			return keepNaN(x, pick(x < 0, math.Expm1(x), 0))
		}
	}
	return f
}

func pick(c bool, x, y float64) float64 {
	if c {
		return x
	}
	return y
}

// keepNaN returns y, but x if that is NaN.
func keepNaN(x, y float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	return y
}

// timesTail returns x t for a tail t that falls faster than |x| grows.
func timesTail(x, t float64) float64 {
	if t == 0 && !math.IsNaN(x) || math.IsInf(x, 0) && t < 0x1p-1000 {
		return math.Copysign(0, x)
	}
	return x * t
}

// logistic is 1/(1 + e^-x), with e^x in its place in the tail, where it stays
// accurate until it underflows.
func logistic(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	return pick(x < 0, e, keepNaN(x, 1)) / (1 + e)
}

func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// geluTanhArgument returns z = 2 sqrt(2/pi) (x + 0.044715 x^3) and dz/dx.
func geluTanhArgument(x float64) (z, dz float64) {
	c := 2 * math.Sqrt(2/math.Pi)
	return c * x * (1 + 0.044715*x*x), c * (1 + 3*0.044715*x*x)
}
