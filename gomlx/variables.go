package gomlx

import (
	"fmt"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/pkg/core/graph"
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

// initial returns the parameters of a layer whose input has a shape, by their names
// within the layer.
func initial(ctx *context.Context, l nn.Layer, input nn.Shape) map[string]*nn.Parameter[float32] {
	seed := context.GetParamOr(ctx, ParamSeed, uint64(1))
	// The scope tells layers apart.
	for _, c := range []byte(ctx.Scope()) {
		seed = seed*1099511628211 + uint64(c)
	}
	m, err := nn.New[float32](nn.Network{Input: input, Layers: ending(l)}, nn.Options{Seed: seed, Threads: 1, Inference: true})
	if err != nil {
		panic(fmt.Errorf("gomlx: %s", strings.TrimPrefix(err.Error(), "nn: layer 1 ")))
	}
	defer m.Close()
	params := map[string]*nn.Parameter[float32]{}
	for _, p := range m.Parameters() {
		if name, ok := strings.CutPrefix(p.Name, m.Layers()[0].Name+"."); ok {
			params[name[strings.LastIndexByte(name, '.')+1:]] = p
		}
	}
	return params
}

// variable returns the variable of a parameter, with the element type of x.
func variable(ctx *context.Context, x *Node, p *nn.Parameter[float32]) *Node {
	name := p.Name[strings.LastIndexByte(p.Name, '.')+1:]
	v := existing(ctx).VariableWithValue(name, tensors.FromFlatDataAndDimensions(p.Value, p.Shape...)).ValueGraph(x.Graph())
	if v.DType() != x.DType() {
		v = ConvertDType(v, x.DType())
	}
	if v.Rank() == 1 && x.Rank() > 1 {
		v = ExpandLeftToRank(v, x.Rank())
	}
	return v
}

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }
