package gomlx

import (
	"fmt"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/isrlu/isrlu/nn"
)

// Layer returns the output of a layer of package nn, with variables in the scope of ctx
// that have the names, shapes and first values which it has there. x is samples x the
// layer's input. It takes nn.Conv2D, Dense, MaxPool, GlobalAvgPool, Dropout, Flatten,
// Activation, LSTM and DyISRU; functions must be named.
func Layer(ctx *context.Context, x *Node, l nn.Layer) *Node {
	switch l := l.(type) {
	case nn.Conv2D:
		return conv2D(ctx, x, l)
	case nn.Dense:
		return dense(ctx, x, l)
	case nn.MaxPool:
		return maxPool(x, l)
	case nn.GlobalAvgPool:
		return ReduceMean(Reshape(x, x.Shape().Dimensions[0], -1, channels(x)), 1)
	case nn.Dropout:
		return layers.DropoutStatic(existing(ctx), x, l.Rate)
	case nn.Flatten:
		return Reshape(x, x.Shape().Dimensions[0], -1)
	case nn.Activation:
		spec, learn := activationOf(l)
		if learn != nn.Fixed {
			spec += map[nn.Learn]string{nn.PerLayer: ":learn", nn.PerChannel: ":learn-channel"}[learn]
		}
		return Activation(ctx, x, spec)
	case nn.LSTM:
		return LSTM(ctx, x, l)
	case nn.DyISRU:
		return DynamicISRU(ctx, x, l)
	}
	panic(fmt.Errorf("gomlx: there is no %T for graphs of GoMLX; known: Conv2D, Dense, MaxPool, GlobalAvgPool, Dropout, Flatten, Activation, LSTM, DyISRU", l))
}

// input returns the shape of one sample.
func input(x *Node) nn.Shape { return nn.Shape(x.Shape().Dimensions[1:]) }

func dense(ctx *context.Context, x *Node, l nn.Dense) *Node {
	get := variables(ctx, x, l, input(x))
	y := product(x, get("weight"))
	if l.NoBias {
		return y
	}
	return Add(y, spread(get("bias"), y))
}

// product multiplies rows of the last axis of x by a matrix. Its gradients are products
// as well; those of GoMLX's Dot and DotGeneral are sums over all terms, elementwise.
func product(x, matrix *Node) *Node {
	last := x.Rank() - 1
	rows := func(x *Node) *Node { return Reshape(StopGradient(x), -1, channels(x)) }
	y := DotGeneral(StopGradient(x), []int{last}, nil, StopGradient(matrix), []int{0}, nil)
	return withGradients(y,
		operand{x, func(_, v *Node) *Node { return DotGeneral(v, []int{last}, nil, StopGradient(matrix), []int{1}, nil) }},
		operand{matrix, func(_, v *Node) *Node { return DotGeneral(rows(x), []int{0}, nil, rows(v), []int{0}, nil) }})
}

// maxPool takes windows beside one another as axes of their own: the gradient of
// GoMLX's pooling needs an operation that its backend in Go does not have.
func maxPool(x *Node, l nn.MaxPool) *Node {
	d := x.Shape().Dimensions
	size, stride := l.Size, l.Stride
	if stride == (nn.Pair{}) {
		stride = size
	}
	if stride == size && l.Padding == (nn.Padding{}) && d[1]%size.Height == 0 && d[2]%size.Width == 0 {
		rows, columns := d[1]/size.Height, d[2]/size.Width
		x = TransposeAllAxes(Reshape(x, d[0], rows, size.Height, columns, size.Width, d[3]), 0, 1, 3, 5, 2, 4)
		return largest(Reshape(x, d[0], rows, columns, d[3], size.Height*size.Width))
	}
	rows := newWindow(d[1], size.Height, stride.Height, l.Padding.Height, l.Padding.Same)
	columns := newWindow(d[2], size.Width, stride.Width, l.Padding.Width, l.Padding.Same)
	return MaxPool(x).WindowPerAxis(size.Height, size.Width).StridePerAxis(stride.Height, stride.Width).
		PaddingPerDim([][2]int{{rows.before, rows.after}, {columns.before, columns.after}}).Done()
}

// largest returns the largest elements along the last axis, the first of equal ones:
// it alone has the gradient.
func largest(x *Node) *Node {
	which := InsertAxes(ArgMax(StopGradient(x), -1), -1)
	which = BroadcastToShape(which, withType(x, which))
	chosen := Equal(which, Iota(x.Graph(), withType(x, which), x.Rank()-1))
	return ReduceSum(Where(chosen, x, ZerosLike(x)), -1)
}
