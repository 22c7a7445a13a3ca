package gomlx

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/nn"
)

// A layer's variables are the parameters that package nn gives it: their names in the
// scope of the layer, and their first values. Where a variable is there already, from a
// checkpoint or an earlier graph, it keeps its value.

// ParamSeed is the key of a context's parameter, a uint64, that is the seed of the first
// values of layers which are made outside of a [Model]; 1 if it is not set.
const ParamSeed = "isrlu_seed"

// existing returns ctx such that variables may be there or not.
func existing(ctx *context.Context) *context.Context { return ctx.Checked(false) }

// variables returns a function that gives the variable of a name in the scope of ctx,
// with the element type of x, and makes it where it is not there: a parameter of the
// layer l on an input of a shape.
func variables(ctx *context.Context, x *Node, l nn.Layer, input nn.Shape) func(name string) *Node {
	var first map[string]*nn.Parameter[float32]
	return func(name string) *Node {
		v := ctx.GetVariableByScopeAndName(ctx.Scope(), name)
		if v == nil {
			if first == nil {
				first = initial(ctx, l, input)
			}
			p, ok := first[name]
			if !ok {
				panic(fmt.Errorf("gomlx: %T has no variable %q", l, name))
			}
			v = existing(ctx).VariableWithValue(name, tensors.FromFlatDataAndDimensions(p.Value, p.Shape...))
		}
		return asTypeOf(v.ValueGraph(x.Graph()), x)
	}
}

// initial returns the parameters of a layer, drawn anew, by their names within the
// layer.
func initial(ctx *context.Context, l nn.Layer, input nn.Shape) map[string]*nn.Parameter[float32] {
	seed := context.GetParamOr(ctx, ParamSeed, uint64(1))
	for _, c := range []byte(ctx.Scope()) { // it tells layers apart
		seed = seed*1099511628211 + uint64(c)
	}
	layers := nn.Sequential{l}
	if len(input) == 3 {
		layers = append(layers, nn.Flatten{}) // a network ends in features
	}
	m, err := nn.New[float32](nn.Network{Input: input, Layers: layers}, nn.Options{Seed: seed, Threads: 1, Inference: true})
	if err != nil {
		panic(fmt.Errorf("gomlx: %s", strings.TrimPrefix(err.Error(), "nn: layer 1 ")))
	}
	defer m.Close()
	params := map[string]*nn.Parameter[float32]{}
	for _, p := range m.Parameters() {
		params[strings.TrimPrefix(p.Name, m.Layers()[0].Name+".")] = p
	}
	return params
}

// asTypeOf returns v with the element type of x.
func asTypeOf(v, x *Node) *Node {
	if v.DType() == x.DType() {
		return v
	}
	return ConvertDType(v, x.DType())
}

// channels returns the size of the last axis.
func channels(x *Node) int { return x.Shape().Dimensions[x.Rank()-1] }

// withType is the shape of x with the element type of y.
func withType(x, y *Node) shapes.Shape { return shapes.Make(y.DType(), x.Shape().Dimensions...) }
