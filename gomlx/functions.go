package gomlx

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/isrlu/isrlu"
)

// ISRLU returns the inverse square root linear unit of each element,
//
//	f(x) = x                     for x >= 0
//	       x / sqrt(1 + alpha x²)  for x < 0
//
// with the backward pass Auto. alpha must be positive and finite.
func ISRLU(x *Node, alpha float64) *Node {
	mustFunction(isrlu.ISRLU(alpha))
	return ISRLUWith(x, constant(x, alpha), Auto)
}

// ISRU returns the inverse square root unit of each element,
//
//	f(x) = x / sqrt(1 + alpha x²)
//
// with the backward pass Auto. alpha must be positive and finite.
func ISRU(x *Node, alpha float64) *Node {
	mustFunction(isrlu.ISRU(alpha))
	return ISRUWith(x, constant(x, alpha), Auto)
}

// ISRUSigmoid returns f(x) = (1 + ISRU(scale x))/2 of each element, with the gradient
// Auto. For alpha = 1 its range is (0, 1); with scale = 1/2 it has the slope of the
// logistic function at 0. alpha and scale must be positive and finite.
func ISRUSigmoid(x *Node, alpha, scale float64) *Node {
	mustFunction(isrlu.ISRUSigmoidScaled(alpha, scale))
	return ISRUSigmoidWith(x, constant(x, alpha), scale, Auto)
}

// DyISRU returns the dynamic inverse square root unit of each element,
//
//	f(x) = scale x / sqrt(beta + x²)
//
// with the backward pass Auto. scale must be finite and not 0, beta positive and finite.
func DyISRU(x *Node, scale, beta float64) *Node {
	mustFunction(isrlu.DyISRU(scale, beta))
	return DyISRUWith(x, scale, constant(x, beta), Auto)
}

// ISRLUWith is [ISRLU] with alpha as a node, which has a gradient: a scalar, or one
// number for each channel, which is the last axis of x. All must be positive and
// finite: the graph does not check it.
func ISRLUWith(x, alpha *Node, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		zero := ScalarZero(x.Graph(), x.DType())
		alpha := asTypeOf(alpha, x)
		c := isruCurve(alpha, x)
		low := c.of(Min(StopGradient(x), zero))
		y := Where(LessThan(x, zero), low, x) // NaN is x
		onCurve := func(y *Node) *Node { return Min(y, zero) }
		return withGradients(y, c.input(x, onCurve, 1, from), c.alpha(alpha, onCurve, 1))
	})
}

// ISRUWith is [ISRU] with alpha as a node, as of [ISRLUWith].
func ISRUWith(x, alpha *Node, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		alpha := asTypeOf(alpha, x)
		c := isruCurve(alpha, x)
		onCurve := func(y *Node) *Node { return y }
		return withGradients(c.of(x), c.input(x, onCurve, 1, from), c.alpha(alpha, onCurve, 1))
	})
}

// ISRUSigmoidWith is [ISRUSigmoid] with alpha as a node, as of [ISRLUWith].
func ISRUSigmoidWith(x, alpha *Node, scale float64, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		alpha := asTypeOf(alpha, x)
		c := isruCurve(alpha, x)
		y := MulScalar(OnePlus(c.of(MulScalar(x, scale))), 0.5)
		onCurve := func(y *Node) *Node { return AddScalar(MulScalar(y, 2), -1) }
		return withGradients(y, c.input(x, onCurve, scale/2, from), c.alpha(alpha, onCurve, 0.5))
	})
}

// DyISRUWith is [DyISRU] with beta as a node, as alpha of [ISRLUWith].
func DyISRUWith(x *Node, scale float64, beta *Node, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		beta := asTypeOf(beta, x)
		s := StopGradient(Reciprocal(Sqrt(beta)))
		c := &curve{s: spread(s, x), slope: spread(MulScalar(s, scale), x), top: Scalar(x.Graph(), x.DType(), scale)}
		onCurve := func(y *Node) *Node { return y }
		return withGradients(c.of(x), c.input(x, onCurve, 1, from), operand{beta, func(y, v *Node) *Node {
			// df/dbeta = -1/2 scale x / (beta + x²)^(3/2) = -1/2 y r² / beta
			each := Div(Mul(y, c.square(y, from)), StopGradient(spread(beta, x)))
			return sumTo(beta, MulScalar(Mul(v, each), -0.5))
		}})
	})
}

// isruCurve returns the curve of ISRU.
func isruCurve(alpha, x *Node) *curve {
	s := spread(StopGradient(Sqrt(alpha)), x)
	return &curve{s: s, top: Reciprocal(s)}
}

// input returns what the curve was run on, with its gradient. onCurve gives the curve's
// value from the output, whose derivative is factor times that of the curve.
func (c *curve) input(x *Node, onCurve func(y *Node) *Node, factor float64, from Backward) operand {
	return operand{x, func(y, v *Node) *Node {
		if factor != 1 {
			v = MulScalar(v, factor)
		}
		return Mul(v, c.slopeAt(onCurve(y), from))
	}}
}

// alpha returns that of an ISRU curve, with its gradient, likewise:
// df/dalpha = -1/2 x³ r³, which is -1/2 y³.
func (c *curve) alpha(alpha *Node, onCurve func(y *Node) *Node, factor float64) operand {
	return operand{alpha, func(y, v *Node) *Node {
		y = onCurve(y)
		return sumTo(alpha, MulScalar(Mul(v, Mul(Mul(y, y), y)), -factor/2))
	}}
}

// constant returns a number as a scalar of the type that x is computed in.
func constant(x *Node, v float64) *Node {
	if x.DType() == dtypes.Float64 {
		return Scalar(x.Graph(), dtypes.Float64, v)
	}
	const normal = 0x1p-126
	return Scalar(x.Graph(), dtypes.Float32, min(max(v, normal), math.MaxFloat32))
}

// mustFunction panics if the parameters of a function are not what package isrlu takes:
// errors of graphs are panics, which GoMLX returns as errors where the graph runs.
func mustFunction(_ *isrlu.Function, err error) {
	if err != nil {
		panic(err)
	}
}
