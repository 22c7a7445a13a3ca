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

// An operand is an input of a function with the gradient that it has.
type operand struct {
	x *Node
	// gradient returns that of x from the output y and its gradient v.
	gradient func(y, v *Node) *Node
}

// withGradients returns y, which is computed from the operands, with their gradients.
//
// GoMLX lets a node have a gradient of its own only where its value is that of its one
// input (IdentityWithCustomGradient). So y counts as a constant here. Of each operand an
// identity takes part in the result, as a zero that compilers remove; all that its
// gradient needs of what arrives there is to arrive. The gradient of the result itself
// is noted by another identity, which backpropagation comes to first.
func withGradients(y *Node, operands ...operand) *Node {
	var out, arrived *Node
	y = StopGradient(y)
	for _, o := range operands {
		if o.x.IsConstantExpression() {
			continue
		}
		z := IdentityWithCustomGradient(o.x, func(_, _ *Node) *Node { return o.gradient(out, arrived) })
		y = Sub(y, nothing(z, y)) // -0 - 0 is -0
	}
	out = IdentityWithCustomGradient(y, func(_, v *Node) *Node {
		arrived = v
		return v
	})
	return out
}

// nothing returns 0 for all values of z, with the element type of y.
func nothing(z, y *Node) *Node {
	g := z.Graph()
	first := Reshape(Gather(Reshape(z, -1), Const(g, [][]int32{{0}})))
	return asTypeOf(Where(Const(g, false), first, ScalarZero(g, z.DType())), y)
}

// sumTo returns the gradient of p, a scalar or one number for each channel, from that of
// p spread over the shape of v.
func sumTo(p, v *Node) *Node {
	if p.IsScalar() {
		return ReduceAllSum(v)
	}
	return ReduceSum(Reshape(v, -1, channels(v)), 0)
}

// spread returns p, one number for each channel, in the shape of x. A scalar it returns
// as it is.
func spread(p, x *Node) *Node {
	if p.IsScalar() {
		return p
	}
	if n := channels(x); p.Rank() != 1 || p.Shape().Dimensions[0] != n {
		panic(fmt.Errorf("gomlx: a parameter must be a scalar or have one number for each of %d channels, got %s", n, p.Shape()))
	}
	return BroadcastToShape(ExpandLeftToRank(p, x.Rank()), x.Shape())
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
