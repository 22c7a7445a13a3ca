package gomlx

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph"
)

// Backward says what the backward pass of a function is computed from.
type Backward int

const (
	// Auto is FromOutput, but FromInput where the elements have 16 bits.
	Auto Backward = iota
	// FromOutput computes f' = (1 - alpha y²)^(3/2) from the output, so that what went
	// into the function need not be kept for the backward pass. Its error is a few
	// units in the last place of 1: where y has come within rounding of the end of its
	// range, for alpha = 1 beyond |x| = 4096 in float32, the gradient is 0.
	FromOutput
	// FromInput computes f' from the input, right to a few units in the last place of
	// itself for all x.
	FromInput
)

// String returns the name of the constant.
func (b Backward) String() string {
	names := [...]string{"Auto", "FromOutput", "FromInput"}
	if b < 0 || int(b) >= len(names) {
		return fmt.Sprintf("Backward(%d)", int(b))
	}
	return names[b]
}

// resolve returns FromOutput or FromInput for elements of a type.
func (b Backward) resolve(dtype dtypes.DType) Backward {
	switch b {
	case FromOutput, FromInput:
		return b
	case Auto:
		if dtype.Size() < 4 {
			return FromInput
		}
		return FromOutput
	}
	panic(fmt.Errorf("gomlx: unknown %v; take Auto, FromOutput or FromInput", b))
}

// GoMLX lets a node have a gradient of its own only where its value is that of its one
// input (IdentityWithCustomGradient). So y = f(x) is computed without a gradient, and x
// takes part in the result as a term that is 0 and has the gradient 1,
//
//	y - (z - z)  with  z = x
//
// whose second z has the gradient that f has. A subtraction keeps the sign of y = -0.
// It reads x, but in the forward pass alone.

// attach returns y with a gradient for x, which is slope times that of y. Where ends
// holds, x takes no part, and its gradient is 0: x - x must not be infinity minus
// infinity.
func attach(y, x, ends *Node, slope func() *Node) *Node {
	z := IdentityWithCustomGradient(x, func(_, v *Node) *Node { return Mul(v, slope()) })
	if ends != nil {
		z = Where(StopGradient(ends), ScalarZero(x.Graph(), x.DType()), z)
	}
	return Sub(y, Sub(StopGradient(z), z))
}

// attachOr is attach where keep does not hold. Where it does, y is x, and so is the
// gradient.
func attachOr(keep, y, x, ends *Node, slope func() *Node) *Node {
	return Where(StopGradient(keep), x, attach(y, x, ends, slope))
}

// attachParam returns y with a gradient for a parameter p, a scalar or one number for
// each channel, the last axis of y: the sum of slope times the gradient of y.
func attachParam(y, p *Node, slope func() *Node) *Node {
	if p.IsConstantExpression() {
		return y
	}
	return attach(y, spread(p, y), nil, slope)
}

// spread returns p, a scalar or one number for each channel, in the shape of x.
func spread(p, x *Node) *Node {
	if !p.IsScalar() {
		p = ExpandLeftToRank(p, x.Rank())
	}
	return BroadcastToShape(p, x.Shape())
}

// wide runs f in float32 on elements of 16 bits: x² overflows float16 beyond 256, and
// bfloat16 would round each step to three digits.
func wide(x *Node, f func(x *Node) *Node) *Node {
	dtype := x.DType()
	if !dtype.IsFloat() {
		panic(fmt.Errorf("gomlx: an activation takes floating-point numbers, got %s", x.Shape()))
	}
	if dtype.Size() >= 4 {
		return f(x)
	}
	return ConvertDType(f(ConvertDType(x, dtypes.Float32)), dtype)
}
