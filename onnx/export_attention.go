package onnx

import (
	"math"

	"github.com/isrlu/isrlu/nn"
)

func (e *exporter) attention(info nn.LayerInfo, l nn.Attention, x exported) (exported, error) {
	steps, features := x.shape[0], x.shape[1]
	width := features / l.Heads
	qkv, err := e.product(info.Name, "", nn.Dense{Units: 3 * features, NoBias: l.NoBias}, x)
	if err != nil {
		return exported{}, err
	}
	parts := e.nodes("Split", info.Name+".split", 3,
		[]string{qkv.name, e.ints(info.Name+".split_sizes", features, features, features)}, intAttr("axis", 2))
	// A reshape's 0 stands for the batch as it is.
	shape := e.ints(info.Name+".heads_shape", 0, steps, l.Heads, width)
	heads := func(part, name string, perm ...int) string {
		part = e.node("Reshape", info.Name+"."+name+".heads", []string{part, shape})
		return e.node("Transpose", info.Name+"."+name+".transpose", []string{part}, intsAttr("perm", perm...))
	}
	q, k, v := heads(parts[0], "queries", 0, 2, 1, 3), heads(parts[1], "keys", 0, 2, 3, 1), heads(parts[2], "values", 0, 2, 1, 3)
	scores := e.node("MatMul", info.Name+".scores", []string{q, k})
	scores = e.node("Mul", info.Name+".mul_scale", []string{scores, e.constant(info.Name+".scale", nil, 1/math.Sqrt(float64(width)))})
	if !l.Bidirectional {
		scores = e.node("Add", info.Name+".add_mask", []string{scores, e.causalMask(steps)})
	}
	weights := e.node("Softmax", info.Name+".softmax", []string{scores}, intAttr("axis", -1))
	means := e.node("MatMul", info.Name+".means", []string{weights, v})
	means = e.node("Transpose", info.Name+".means.transpose", []string{means}, intsAttr("perm", 0, 2, 1, 3))
	means = e.node("Reshape", info.Name+".means.join", []string{means, e.ints(info.Name+".means_shape", 0, steps, features)})
	return e.product(info.Name, "output_", nn.Dense{Units: features, NoBias: l.NoBias}, exported{name: means, shape: x.shape})
}

// causalMask returns the constant, steps x steps, that keeps each step from those
// after it. Layers share it.
func (e *exporter) causalMask(steps int) string {
	if name, ok := e.masks[steps]; ok {
		return name
	}
	mask := make([]float64, steps*steps)
	for i := range steps {
		for j := i + 1; j < steps; j++ {
			mask[i*steps+j] = math.Inf(-1)
		}
	}
	e.masks[steps] = e.constant("causal_mask", []int{steps, steps}, mask...)
	return e.masks[steps]
}

// transformerBlock appends the two residual layers that a block is made of.
func (e *exporter) transformerBlock(info nn.LayerInfo, l nn.TransformerBlock, x exported) (exported, error) {
	features := x.shape[1]
	hidden := l.Hidden
	if hidden == 0 {
		hidden = 4 * features
	}
	attention := nn.Sequential{
		nn.Norm{Method: l.Norm},
		nn.Attention{Heads: l.Heads, Bidirectional: l.Bidirectional, NoBias: l.NoBias},
	}
	steps := nn.Sequential{
		nn.Norm{Method: l.Norm},
		nn.Dense{Units: hidden, NoBias: l.NoBias},
		nn.Activation{Function: l.Activation},
		nn.Dense{Units: features, NoBias: l.NoBias},
	}
	if l.Dropout != 0 {
		attention = append(attention, nn.Dropout{Rate: l.Dropout})
		steps = append(steps, nn.Dropout{Rate: l.Dropout})
	}
	return e.sequence(info.Name+".", nn.Sequential{nn.Residual{Body: attention}, nn.Residual{Body: steps}}, x)
}
