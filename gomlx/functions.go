package gomlx

import (
	"fmt"
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
		alpha := parameter(alpha, x)
		c := isruCurve(alpha)
		low := c.of(Min(StopGradient(x), zero))
		y := StopGradient(Where(LessThan(x, zero), low, x)) // NaN is x
		keep := GreaterOrEqual(x, zero)
		if from == FromOutput {
			c.y = Min(y, zero)
			keep = GreaterOrEqual(y, zero)
		}
		out := attachOr(keep, y, x, c.ends(from), func() *Node { return c.slopeAt(from) })
		return attachParam(out, alpha, c.alphaSlope)
	})
}

// ISRUWith is [ISRU] with alpha as a node, as of [ISRLUWith].
func ISRUWith(x, alpha *Node, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		alpha := parameter(alpha, x)
		c := isruCurve(alpha)
		y := c.of(x)
		out := attach(y, x, c.ends(from), func() *Node { return c.slopeAt(from) })
		return attachParam(out, alpha, c.alphaSlope)
	})
}

// ISRUSigmoidWith is [ISRUSigmoid] with alpha as a node, as of [ISRLUWith].
func ISRUSigmoidWith(x, alpha *Node, scale float64, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		alpha := parameter(alpha, x)
		c := isruCurve(alpha)
		u := c.of(MulScalar(StopGradient(x), scale))
		y := StopGradient(MulScalar(OnePlus(u), 0.5))
		if from == FromOutput {
			c.y = AddScalar(MulScalar(y, 2), -1)
		}
		out := attach(y, x, c.ends(from), func() *Node { return MulScalar(c.slopeAt(from), scale/2) })
		return attachParam(out, alpha, func() *Node { return MulScalar(c.alphaSlope(), 0.5) })
	})
}

// DyISRUWith is [DyISRU] with beta as a node, as alpha of [ISRLUWith].
func DyISRUWith(x *Node, scale float64, beta *Node, from Backward) *Node {
	from = from.resolve(x.DType())
	return wide(x, func(x *Node) *Node {
		beta := parameter(beta, x)
		s := StopGradient(Reciprocal(Sqrt(beta)))
		top := Scalar(x.Graph(), x.DType(), scale)
		c := &curve{s: shaped(s, x), slope: shaped(MulScalar(s, scale), x), top: top}
		y := c.of(x)
		out := attach(y, x, c.ends(from), func() *Node { return c.slopeAt(from) })
		return attachParam(out, beta, func() *Node {
			// df/dbeta = -1/2 scale x / (beta + x²)^(3/2) = -1/2 y r² / beta
			return MulScalar(Div(Mul(c.y, c.square(from)), StopGradient(spread(beta, x))), -0.5)
		})
	})
}

// isruCurve returns the curve of ISRU; alpha is a scalar or has been spread.
func isruCurve(alpha *Node) *curve {
	s := StopGradient(Sqrt(alpha))
	return &curve{s: s, top: Reciprocal(s)}
}

// alphaSlope returns df/dalpha = -1/2 x³ r³, which is -1/2 y³.
func (c *curve) alphaSlope() *Node {
	return MulScalar(Mul(Mul(c.y, c.y), c.y), -0.5)
}

// parameter returns p with the element type of x, and spread unless it is a scalar.
func parameter(p, x *Node) *Node {
	return shaped(asTypeOf(p, x), x)
}

// shaped returns p as it is, if it is a scalar, and else spread.
func shaped(p, x *Node) *Node {
	if p.IsScalar() || p.Shape().Equal(x.Shape()) {
		return p
	}
	if n := channels(x); p.Rank() != 1 || p.Shape().Dimensions[0] != n {
		panic(fmt.Errorf("gomlx: a parameter must be a scalar or have one number for each of %d channels, got %s", n, p.Shape()))
	}
	return spread(p, x)
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
