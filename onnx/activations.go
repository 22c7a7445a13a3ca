package onnx

import (
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// An activation is an activation function in a graph: one node, or several that
// compute it together.
type activation struct {
	kind string // such as "elu"
	// function is what isrlu.Parse takes, empty where this module has no such
	// function.
	function string
	// alpha is that of an isrlu or isru that differs by channel, nil otherwise.
	alpha         *onnxpb.TensorProto
	nodes         []*onnxpb.NodeProto // in their order; the last one writes output
	input, output string
}

// activations returns the activation functions of a graph, in its order.
func (m *Model) activations(g *graph) []*activation {
	var list []*activation
	for _, n := range g.proto.Node {
		switch n.OpType {
		case "Relu", "Tanh", "Sigmoid", "Elu":
			kind := strings.ToLower(n.OpType)
			list = append(list, &activation{kind: kind, function: kind, nodes: []*onnxpb.NodeProto{n}, input: input(n, 0), output: n.Output[0]})
		}
	}
	return list
}
