package gomlx

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/backends"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/nn"
)

// A Cell is one time step of an LSTM with any functions,
//
//	i, f, o = gate(x W + h U + b), each with columns of its own; g likewise, by state
//	c = f c + i g
//	h = o state(c)
//
// as nn.LSTM is: the columns of W, features x 4 units, of U, units x 4 units, and of b
// are those of i, f, g and o.
type Cell struct {
	Weight, Recurrent, Bias *Node
	// State and Gate are functions of each element, such as tanh and the logistic
	// function, or ISRU and the ISRU sigmoid of scale 1/2.
	State, Gate func(x *Node) *Node
}

// Step returns h and c after a time step, from those before it, samples x units, and
// the input, samples x features.
func (l *Cell) Step(x, h, c *Node) (hNext, cNext *Node) {
	return l.step(at(l.project(InsertAxes(x, 1)), 0), h, c)
}

// project returns x W + b of all time steps, as time steps x gates x samples x units,
// from samples x time steps x features.
func (l *Cell) project(x *Node) *Node {
	samples, steps := x.Shape().Dimensions[0], x.Shape().Dimensions[1]
	y := product(x, l.Weight)
	y = Add(y, spread(l.Bias, y))
	return TransposeAllAxes(Reshape(y, samples, steps, 4, l.units()), 1, 2, 0, 3)
}

func (l *Cell) units() int { return l.Recurrent.Shape().Dimensions[0] }

// step is Step with the projections of the input, gates x samples x units.
func (l *Cell) step(projected, h, c *Node) (hNext, cNext *Node) {
	y := Reshape(product(h, l.Recurrent), h.Shape().Dimensions[0], 4, l.units())
	y = Add(projected, TransposeAllAxes(y, 1, 0, 2))
	i, f, g, o := l.Gate(at(y, 0)), l.Gate(at(y, 1)), l.State(at(y, 2)), l.Gate(at(y, 3))
	cNext = Add(Mul(f, c), Mul(i, g))
	return Mul(o, l.State(cNext)), cNext
}

// LSTM is the layer nn.LSTM: x is samples x time steps x features, the output samples x
// time steps x units, or samples x units with Last; twice the units if it is
// Bidirectional. Its variables have the names and the layout of package nn, and begin
// with the same distributions. Activation must not be empty.
//
// The graph has every time step in it: it is compiled for one number of steps.
func LSTM(ctx *context.Context, x *Node, l nn.LSTM) *Node {
	if x.Rank() != 3 {
		panic(fmt.Errorf("gomlx: an LSTM takes samples x time steps x features, got %s", x.Shape()))
	}
	state, gate := lstmFunctions(l)
	get := variables(ctx, x, l, nn.Shape{1, channels(x)})
	outputs := []*Node{}
	prefixes := []string{""}
	if l.Bidirectional {
		prefixes = append(prefixes, "reverse_")
	}
	for _, prefix := range prefixes {
		c := &Cell{
			Weight: get(prefix + "weight"), Recurrent: get(prefix + "recurrent_weight"), Bias: get(prefix + "bias"),
			State: state, Gate: gate,
		}
		outputs = append(outputs, c.run(x, prefix != "", l))
	}
	if len(outputs) == 1 {
		return outputs[0]
	}
	return Concatenate(outputs, -1)
}

// run takes the cell through all time steps, from the last to the first if reverse.
func (l *Cell) run(x *Node, reverse bool, o nn.LSTM) *Node {
	samples, steps := x.Shape().Dimensions[0], x.Shape().Dimensions[1]
	projected := l.project(x)
	h := BroadcastToDims(ScalarZero(x.Graph(), x.DType()), samples, l.units())
	c := h
	all := make([]*Node, steps)
	for k := range steps {
		t := k
		if reverse {
			t = steps - 1 - k
		}
		if o.Truncate > 0 && k > 0 && k%o.Truncate == 0 {
			h, c = StopGradient(h), StopGradient(c)
		}
		h, c = l.step(at(projected, t), h, c)
		all[t] = h
	}
	if o.Last {
		return h
	}
	return TransposeAllAxes(Stack(all, 0), 1, 0, 2)
}

// lstmFunctions returns the functions that a layer names. The gate that suits the
// state's is that of package nn.
func lstmFunctions(l nn.LSTM) (state, gate func(x *Node) *Node) {
	if l.Activation == "" {
		panic(fmt.Errorf("gomlx: the LSTM names no activation; take tanh or isru"))
	}
	if l.Gate == "" {
		l.Gate = "sigmoid"
		if f := parse(l.Activation); f.Name() == "isru" {
			l.Gate = fmt.Sprintf("isru_sigmoid:%v,0.5", f.Params()[0])
		}
	}
	apply := func(spec string) func(x *Node) *Node {
		if strings.Contains(spec, ":learn") {
			panic(fmt.Errorf("gomlx: %s: recurrent layers learn no parameters of functions", spec))
		}
		parse(spec)
		return func(x *Node) *Node { return Apply(x, spec) }
	}
	return apply(l.Activation), apply(l.Gate)
}

// at returns x[i] of the first axis. The gradient of a slice is a padding, which
// GoMLX's backend in Go does not have; there it is a gathering.
func at(x *Node, i int) *Node {
	dims := x.Shape().Dimensions
	if has(x, backends.OpTypePad) {
		return Reshape(Slice(x, AxisElem(i)), dims[1:]...)
	}
	return Reshape(Gather(x, Const(x.Graph(), [][]int32{{int32(i)}})), dims[1:]...)
}

// has tells whether the backend of a graph has an operation.
func has(x *Node, op backends.OpType) bool {
	return x.Graph().Backend().Capabilities().Operations[op]
}
