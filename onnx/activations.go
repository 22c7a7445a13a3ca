package onnx

import (
	"slices"
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
	// alpha is that of an isrlu, isru or isru_sigmoid that differs by channel, nil
	// otherwise.
	alpha         *onnxpb.TensorProto
	nodes         []*onnxpb.NodeProto // in their order; the last one writes output
	input, output string
}

// activations returns the activation functions of a graph, in its order. Of
// several nodes that compute one together, nothing else reads what they write,
// but for the last.
func (m *Model) activations(g *graph) []*activation {
	s := newMatcher(m, g)
	position := map[*onnxpb.NodeProto]int{}
	for i, n := range g.proto.Node {
		position[n] = i
	}
	taken := map[*onnxpb.NodeProto]bool{}
	var list []*activation
	// From the end, so that a form is found before the functions inside it.
	for _, n := range slices.Backward(g.proto.Node) {
		if taken[n] {
			continue
		}
		a := s.composed(n)
		if a == nil {
			a = m.single(g, n)
		}
		if a == nil || s.widens(a) || slices.ContainsFunc(a.nodes, func(n *onnxpb.NodeProto) bool { return taken[n] }) {
			continue
		}
		for _, n := range a.nodes {
			taken[n] = true
		}
		slices.SortFunc(a.nodes, func(a, b *onnxpb.NodeProto) int { return position[a] - position[b] })
		list = append(list, a)
	}
	slices.Reverse(list)
	return list
}

// composed returns the activation that a node is the last of, in several
// operators.
func (s matcher) composed(n *onnxpb.NodeProto) *activation {
	if !isDefault(n.Domain) || !lastOperators[n.OpType] {
		return nil
	}
	for _, f := range forms {
		m, ok := s.root(f.pattern, n)
		if !ok {
			continue
		}
		function, alpha, ok := f.read(m)
		if !ok {
			continue
		}
		return &activation{kind: f.kind, function: function, alpha: alpha, nodes: m.nodes, input: m.x, output: n.Output[0]}
	}
	return nil
}

// widens tells whether the constants of an activation give its output a shape that
// its input does not have, by broadcasting: another function in its place would
// not. Where the input's shape is unknown they are taken to fit.
func (s matcher) widens(a *activation) bool {
	shape := s.graph.shapeOf(a.input)
	if shape == nil {
		return false
	}
	for _, n := range a.nodes {
		for _, name := range n.Input {
			t := s.graph.constant(name)
			if t == nil {
				continue
			}
			beyond := len(t.Dims) - len(shape.Dim)
			if beyond > 0 {
				return true
			}
			for i, size := range t.Dims {
				have, known := shape.Dim[i-beyond].GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue)
				if known && have.DimValue > 0 && size != 1 && size != have.DimValue {
					return true
				}
			}
		}
	}
	return false
}

// lastOperators are those by which a form can end.
var lastOperators = func() map[string]bool {
	ops := map[string]bool{}
	for _, f := range forms {
		ops[f.pattern.op] = true
	}
	ops["Div"] = true // a product by a constant
	ops["Sub"] = true // a sum with a negative one
	return ops
}()

// single returns the activation that a node is by itself, or nil.
func (m *Model) single(g *graph, n *onnxpb.NodeProto) *activation {
	if len(n.Output) != 1 || n.Output[0] == "" || input(n, 0) == "" {
		return nil
	}
	a := &activation{nodes: []*onnxpb.NodeProto{n}, input: n.Input[0], output: n.Output[0]}
	switch {
	case isDefault(n.Domain):
		a.kind, a.function = m.operator(g, n)
	case n.Domain == microsoftDomain:
		a.kind, a.function = contribOperator(n)
	case n.Domain == ownDomain:
		a.kind, a.function, a.alpha = m.ownOperator(g, n)
	}
	if a.kind == "" {
		return nil
	}
	return a
}

// microsoftDomain is that of ONNX Runtime's own operators.
const microsoftDomain = "com.microsoft"

// ownDomain is that of this package's functions and custom operators.
const ownDomain = "isrlu"

// operator tells which activation one of ONNX's operators is, and the function of
// this module, empty for none.
func (m *Model) operator(g *graph, n *onnxpb.NodeProto) (kind, function string) {
	attribute := func(name string, otherwise float32) float64 {
		return shortest(float64(floatAttribute(n, name, otherwise)), nil)
	}
	if len(n.Input) != 1 && n.OpType != "PRelu" {
		return "", ""
	}
	switch n.OpType {
	case "Relu":
		return "relu", "relu"
	case "Tanh":
		return "tanh", "tanh"
	case "Sigmoid":
		return "sigmoid", "sigmoid"
	case "Softplus":
		return "softplus", "softplus"
	case "Elu":
		return "elu", specOf("elu", attribute("alpha", 1))
	case "Celu":
		if attribute("alpha", 1) == 1 { // the same function there only
			return "celu", "elu:1"
		}
		return "celu", ""
	case "Selu":
		alpha, gamma := floatAttribute(n, "alpha", seluAlpha), floatAttribute(n, "gamma", seluGamma)
		if near(float64(alpha), seluAlpha, nil) && near(float64(gamma), seluGamma, nil) {
			return "selu", "selu"
		}
		return "selu", ""
	case "LeakyRelu":
		return "leaky_relu", specOf("leaky_relu", attribute("alpha", 0.01))
	case "PRelu":
		slope, ok := newMatcher(m, g).number(input(n, 1))
		if v, one := slope.scalar(); ok && one && len(n.Input) == 2 {
			return "prelu", specOf("leaky_relu", shortest(v, slope.tensor))
		}
		return "prelu", ""
	case "Gelu":
		if stringAttribute(n, "approximate", "none") == "tanh" {
			return "gelu_tanh", "gelu_tanh"
		}
		return "gelu", "gelu"
	case "Swish":
		if attribute("alpha", 1) == 1 {
			return "silu", "silu"
		}
		return "swish", ""
	case "HardSigmoid":
		return "hard_sigmoid", ""
	case "HardSwish":
		return "hard_swish", ""
	case "Softsign":
		return "softsign", ""
	case "Mish":
		return "mish", ""
	case "ThresholdedRelu":
		return "thresholded_relu", ""
	}
	return "", ""
}

// The defaults of ONNX's Selu.
const (
	seluAlpha = 1.67326319217681884765625
	seluGamma = 1.05070102214813232421875
)

// contribOperator does the same for ONNX Runtime's operators.
func contribOperator(n *onnxpb.NodeProto) (kind, function string) {
	if len(n.Input) != 1 {
		return "", "" // a bias is more than an activation
	}
	switch n.OpType {
	case "Gelu":
		return "gelu", "gelu"
	case "FastGelu":
		return "gelu_tanh", "gelu_tanh"
	case "QuickGelu":
		if floatAttribute(n, "alpha", 1.702) == 1 {
			return "silu", "silu"
		}
		return "quick_gelu", ""
	}
	return "", ""
}

// ownOperators are this package's functions and custom operators by the names of
// this module's functions. They take x, and the alphas of the channels if those
// differ.
var ownOperators = map[string]string{
	"isrlu": "ISRLU", "isru": "ISRU", "isru_sigmoid": "ISRUSigmoid", "dyisru": "DyISRU",
}

// ownOperator reads a node of this package's domain.
func (m *Model) ownOperator(g *graph, n *onnxpb.NodeProto) (kind, function string, alpha *onnxpb.TensorProto) {
	called, _, _ := strings.Cut(n.OpType, "_") // the element type follows
	for name, op := range ownOperators {
		if called != op {
			continue
		}
		info, err := functionInfo(name)
		if err != nil {
			return "", "", nil
		}
		var params []float64
		for _, p := range info.Params {
			params = append(params, shortest(float64(floatAttribute(n, p.Name, float32(p.Default))), nil))
		}
		if len(n.Input) == 2 {
			c, ok := newMatcher(m, g).number(n.Input[1])
			if !ok || !positive(c.values) || name == "dyisru" || name == "isru_sigmoid" && params[1] != 1 {
				return name, "", nil
			}
			return name, name, c.tensor
		}
		return name, specOf(name, params...), nil
	}
	return "", "", nil
}
