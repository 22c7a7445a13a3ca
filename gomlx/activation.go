package gomlx

import (
	"fmt"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

// Least is the smallest value of a learned parameter, as in package nn.
const Least = 1e-3

// Apply returns the function of each element that a specification of package isrlu
// names, such as "isrlu:3" or "tanh". SiLU and both forms of GELU are those of GoMLX, which
// are NaN at minus infinity.
func Apply(x *Node, spec string) *Node {
	f := parse(spec)
	p := f.Params()
	switch f.Name() {
	case "identity":
		return x
	case "isrlu":
		return ISRLU(x, p[0])
	case "isru":
		return ISRU(x, p[0])
	case "isru_sigmoid":
		return ISRUSigmoid(x, p[0], p[1])
	case "dyisru":
		return DyISRU(x, p[0], p[1])
	case "relu":
		return relu(x)
	case "leaky_relu":
		return Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, p[0]))
	case "elu":
		return elu(x, p[0])
	case "selu":
		const lambda, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
		return MulScalar(elu(x, alpha), lambda)
	case "tanh":
		return Tanh(x)
	case "sigmoid":
		return Logistic(x)
	case "softplus":
		return softplus(x)
	case "silu":
		return activations.Swish(x)
	case "gelu":
		return activations.Gelu(x)
	case "gelu_tanh":
		return activations.GeluApproximate(x)
	}
	panic(fmt.Errorf("gomlx: there is no %s for graphs of GoMLX", f.Name()))
}

// Activation is [Apply] where spec may end in ":learn" or ":learn-channel": then the
// alpha of isrlu, isru or isru_sigmoid is the variable "alpha" in the scope of ctx, one
// number for the layer or one for each channel, the last axis of x. It begins at the
// value in spec. As in package nn it is used at [Least] or more, and brought back there
// after each step of a train.Trainer: layers with something to learn need scopes of
// their own.
func Activation(ctx *context.Context, x *Node, spec string) *Node {
	name, learn := nn.SplitLearn(spec)
	if learn == nn.Fixed {
		return Apply(x, name)
	}
	f := parse(name)
	if err := learnable(f); err != nil {
		panic(fmt.Errorf("gomlx: %w", err))
	}
	n := 1
	if learn == nn.PerChannel {
		n = channels(x)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(f.Params()[0])
	}
	alpha := learned(ctx, x.Graph(), "alpha", values)
	switch f.Name() {
	case "isrlu":
		return ISRLUWith(x, alpha, Auto)
	case "isru":
		return ISRUWith(x, alpha, Auto)
	}
	return ISRUSigmoidWith(x, alpha, f.Params()[1], Auto)
}

// learnable tells whether Activation learns the parameter of a function.
func learnable(f *isrlu.Function) error {
	switch f.Name() {
	case "isrlu", "isru", "isru_sigmoid":
		return nil
	}
	return fmt.Errorf("the parameter of %s is not learned here, only that of isrlu, isru and isru_sigmoid; write %v", f.Name(), f)
}

// DynamicISRU is the layer nn.DyISRU, which takes the place of a normalization,
//
//	y = scale sqrt(C) x / sqrt(beta + x²) + shift
//
// over C channels, the last axis of x, with variables of its names: beta, kept at
// [Least] or more, and scale and shift for each channel.
func DynamicISRU(ctx *context.Context, x *Node, l nn.DyISRU) *Node {
	c := channels(x)
	get := variables(ctx, x, l, nn.Shape{1, c})
	get("beta") // makes it
	y := DyISRUWith(x, math.Sqrt(float64(c)), learned(ctx, x.Graph(), "beta", []float32{float32(l.Beta)}), Auto)
	return Add(Mul(y, spread(get("scale"), x)), spread(get("shift"), x))
}

// learned returns a variable of parameters of a function, which begins at values and
// stays at Least or more: a scalar if there is one value.
func learned(ctx *context.Context, g *Graph, name string, values []float32) *Node {
	v := existing(ctx).VariableWithValue(name, values)
	least := func(x *Node) *Node { return Max(x, Scalar(g, x.DType(), float32(Least))) }
	train.AddPerStepUpdateGraphFn(ctx, g, func(_ *context.Context, g *Graph) {
		v.SetValueGraph(least(v.ValueGraph(g)))
	})
	p := least(v.ValueGraph(g))
	if len(values) == 1 {
		return Reshape(p)
	}
	return p
}

// parse returns the function that a specification names.
func parse(spec string) *isrlu.Function {
	f, err := isrlu.Parse(spec)
	if err != nil {
		panic(fmt.Errorf("gomlx: %s", strings.TrimPrefix(err.Error(), "isrlu: ")))
	}
	return f
}

// softplus returns log(1 + e^x), whose gradient is 1 - e^-y.
func softplus(x *Node) *Node {
	return wide(x, func(x *Node) *Node {
		x0 := StopGradient(x)
		y := Add(Max(x0, ScalarZero(x.Graph(), x.DType())), Log1P(Exp(Neg(Abs(x0)))))
		return withGradients(y, operand{x, func(y, v *Node) *Node { return Mul(v, Neg(Expm1(Neg(y)))) }})
	})
}

// relu has the gradient 0 at 0.
func relu(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	return Where(GreaterThan(x, zero), x, StopGradient(Max(x, zero)))
}

// elu returns the exponential linear unit, whose gradient below 0 is y + alpha.
func elu(x *Node, alpha float64) *Node {
	return wide(x, func(x *Node) *Node {
		zero := ScalarZero(x.Graph(), x.DType())
		low := MulScalar(Expm1(Min(StopGradient(x), zero)), alpha)
		return withGradients(Where(LessThan(x, zero), low, x), operand{x, func(y, v *Node) *Node {
			return Where(LessThan(y, zero), Mul(v, AddScalar(y, alpha)), v)
		}})
	})
}
