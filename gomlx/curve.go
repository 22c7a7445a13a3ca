package gomlx

import (
	. "github.com/gomlx/gomlx/pkg/core/graph"
)

// A curve is f(x) = slope x / sqrt(1 + (s x)²), an odd function that rises from -top
// to top: ISRU with s = sqrt(alpha), slope 1 and top 1/s, or DyISRU with
// s = 1/sqrt(beta), slope scale s and top scale. Its nodes are scalars or have the
// shape of x.
type curve struct {
	s, slope, top *Node

	// With t = |s x|, q is t or 1/t, whichever is at most 1, and far tells that it
	// is 1/t. So no square overflows, and none vanishes beside the 1.
	far, q, inverse *Node
}

// of computes f(x). Nothing of it has a gradient.
func (c *curve) of(x *Node) *Node {
	x = StopGradient(x)
	t := Abs(Mul(x, c.s))
	c.far = GreaterThan(t, ScalarOne(x.Graph(), x.DType())) // false for NaN
	c.q = Where(c.far, Reciprocal(t), t)
	c.inverse = Rsqrt(OnePlus(Square(c.q)))
	near := x
	if c.slope != nil {
		near = Mul(x, c.slope)
	}
	return Mul(Where(c.far, Mul(Sign(x), c.top), near), c.inverse)
}

// root returns r = 1/sqrt(1 + (s x)²) from the input, right to a few units in the last
// place for all x.
func (c *curve) root() *Node { return Where(c.far, Mul(c.q, c.inverse), c.inverse) }

// rest returns r² = 1 - (y/top)² from the output; it is 0 where y has come to the end
// of its range, within rounding.
func (c *curve) rest(y *Node) *Node {
	return Max(OneMinus(Square(Div(y, c.top))), ScalarZero(y.Graph(), y.DType()))
}

// slopeAt returns f'(x) = slope r³.
func (c *curve) slopeAt(y *Node, from Backward) *Node {
	var cube *Node
	if from == FromOutput {
		rest := c.rest(y)
		cube = Mul(rest, Sqrt(rest))
	} else {
		r := c.root()
		cube = Mul(Mul(r, r), r)
	}
	if c.slope != nil {
		cube = Mul(cube, c.slope)
	}
	return cube
}

// square returns r².
func (c *curve) square(y *Node, from Backward) *Node {
	if from == FromOutput {
		return c.rest(y)
	}
	return Square(c.root())
}
