package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A gate is one of the activation functions inside a recurrent operator.
type gate struct {
	op          string // ONNX's name
	alpha, beta float32
	kind        string
	function    string // what isrlu.Parse takes, empty where this module lacks it
}

// recurrentGates are the default activations of ONNX's recurrent operators, of one
// direction.
var recurrentGates = map[string][]string{
	"LSTM": {"Sigmoid", "Tanh", "Tanh"},
	"GRU":  {"Sigmoid", "Tanh"},
	"RNN":  {"Tanh"},
}

// recurrentFunctions are the functions that these operators can have: their
// parameters are in lists, in the order of the functions that take them.
var recurrentFunctions = []recurrentFunction{
	{op: "Relu", kind: "relu"},
	{op: "Tanh", kind: "tanh"},
	{op: "Sigmoid", kind: "sigmoid"},
	{op: "Softsign", kind: "softsign"},
	{op: "Softplus", kind: "softplus"},
	{op: "Affine", kind: "affine", alpha: true, beta: true, defaultA: 1},
	{op: "LeakyRelu", kind: "leaky_relu", alpha: true, defaultA: 0.01},
	{op: "ThresholdedRelu", kind: "thresholded_relu", alpha: true, defaultA: 1},
	{op: "ScaledTanh", kind: "scaled_tanh", alpha: true, beta: true, defaultA: 1, defaultB: 1},
	{op: "HardSigmoid", kind: "hard_sigmoid", alpha: true, beta: true, defaultA: 0.2, defaultB: 0.5},
	{op: "Elu", kind: "elu", alpha: true, defaultA: 1},
}

type recurrentFunction struct {
	op, kind    string
	alpha, beta bool // which it takes
	defaultA    float32
	defaultB    float32
}

// isRecurrent tells whether a node is one of ONNX's recurrent operators.
func isRecurrent(n *onnxpb.NodeProto) bool {
	return isDefault(n.Domain) && recurrentGates[n.OpType] != nil
}

// directions returns for each direction of a recurrent node whether it goes
// backward.
func directions(n *onnxpb.NodeProto) ([]bool, error) {
	switch d := stringAttribute(n, "direction", "forward"); d {
	case "forward":
		return []bool{false}, nil
	case "reverse":
		return []bool{true}, nil
	case "bidirectional":
		return []bool{false, true}, nil
	default:
		return nil, fmt.Errorf("%s: unknown direction %q", label(n), d)
	}
}

// gatesOf returns the activation functions of a recurrent node, those of one
// direction after the other.
func gatesOf(n *onnxpb.NodeProto) ([]gate, error) {
	dirs, err := directions(n)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range attribute(n, "activations").GetStrings() {
		names = append(names, string(s))
	}
	if want := len(dirs) * len(recurrentGates[n.OpType]); len(names) == 0 {
		for range dirs {
			names = append(names, recurrentGates[n.OpType]...)
		}
	} else if len(names) != want {
		return nil, fmt.Errorf("%s: %d activations, want %d", label(n), len(names), want)
	}
	alphas, betas := attribute(n, "activation_alpha").GetFloats(), attribute(n, "activation_beta").GetFloats()
	take := func(list *[]float32, otherwise float32) float32 {
		if len(*list) == 0 {
			return otherwise
		}
		v := (*list)[0]
		*list = (*list)[1:]
		return v
	}
	var gates []gate
	for _, name := range names {
		i := slices.IndexFunc(recurrentFunctions, func(f recurrentFunction) bool { return strings.EqualFold(f.op, name) })
		if i < 0 {
			return nil, fmt.Errorf("%s: unknown activation %q", label(n), name)
		}
		f := recurrentFunctions[i]
		a := gate{op: f.op, kind: f.kind}
		if f.alpha {
			a.alpha = take(&alphas, f.defaultA)
		}
		if f.beta {
			a.beta = take(&betas, f.defaultB)
		}
		a.function = a.functionSpec()
		gates = append(gates, a)
	}
	return gates, nil
}

// functionSpec returns the function of this module that a gate is.
func (a gate) functionSpec() string {
	switch a.op {
	case "Relu", "Tanh", "Sigmoid", "Softplus":
		return a.kind
	case "LeakyRelu", "Elu":
		return specOf(a.kind, shortest(float64(a.alpha), nil))
	case "Affine":
		if a.alpha == 1 && a.beta == 0 {
			return "identity"
		}
	}
	return ""
}

// gateOf returns a function of this module as a gate that ONNX's recurrent
// operators can have. Softplus is none: ONNX Runtime computes it there as
// log(1 + e^x), which overflows.
func gateOf(f *isrlu.Function) (gate, bool) {
	a := gate{kind: f.Name(), function: f.String()}
	switch f.Name() {
	case "relu":
		a.op = "Relu"
	case "tanh":
		a.op = "Tanh"
	case "sigmoid":
		a.op = "Sigmoid"
	case "leaky_relu":
		a.op, a.alpha = "LeakyRelu", float32(f.Params()[0])
	case "elu":
		a.op, a.alpha = "Elu", float32(f.Params()[0])
	case "identity":
		a.op, a.alpha = "Affine", 1
	}
	return a, a.op != ""
}

// nodes adds the nodes of a gate.
func (a gate) nodes(b *builder, x string) (string, error) {
	switch a.op {
	case "Affine":
		return b.node("Add", b.node("Mul", x, b.number("alpha", float64(a.alpha))), b.number("beta", float64(a.beta))), nil
	case "ScaledTanh":
		return b.node("Mul", b.node("Tanh", b.node("Mul", x, b.number("beta", float64(a.beta)))), b.number("alpha", float64(a.alpha))), nil
	}
	y := b.node(a.op, x)
	switch a.op {
	case "HardSigmoid":
		setFloat(b.last(), "beta", float64(a.beta))
		fallthrough
	case "LeakyRelu", "ThresholdedRelu", "Elu":
		setFloat(b.last(), "alpha", float64(a.alpha))
	}
	return y, nil
}

// setGates writes the activation functions of a recurrent node.
func setGates(n *onnxpb.NodeProto, gates []gate) {
	names := &onnxpb.AttributeProto{Name: "activations", Type: onnxpb.AttributeProto_STRINGS}
	alphas := &onnxpb.AttributeProto{Name: "activation_alpha", Type: onnxpb.AttributeProto_FLOATS}
	betas := &onnxpb.AttributeProto{Name: "activation_beta", Type: onnxpb.AttributeProto_FLOATS}
	for _, a := range gates {
		names.Strings = append(names.Strings, []byte(a.op))
		for _, f := range recurrentFunctions {
			if f.op == a.op && f.alpha {
				alphas.Floats = append(alphas.Floats, a.alpha)
			}
			if f.op == a.op && f.beta {
				betas.Floats = append(betas.Floats, a.beta)
			}
		}
	}
	n.Attribute = slices.DeleteFunc(n.Attribute, func(a *onnxpb.AttributeProto) bool {
		return a.Name == alphas.Name || a.Name == betas.Name
	})
	setAttribute(n, names)
	for _, a := range []*onnxpb.AttributeProto{alphas, betas} {
		if len(a.Floats) > 0 {
			setAttribute(n, a)
		}
	}
}

// recurrent plans the swaps of the activations in a recurrent node.
func (s *swapper) recurrent(e *edit, types *elementTypes, n *onnxpb.NodeProto) error {
	if !isRecurrent(n) {
		return nil
	}
	gates, err := gatesOf(n)
	if err != nil {
		return err
	}
	to, inPlace := gateOf(s.to)
	changed := make([]bool, len(gates))
	var swapped []Swapped
	for i, a := range gates {
		s.kinds[a.kind]++
		if !s.choice.takes(a.kind, a.function, namesOf([]*onnxpb.NodeProto{n})) {
			continue
		}
		if a.function == s.to.String() {
			if !slices.Contains(gates[:i], a) {
				s.leave(nameOf(n), a.kind, fmt.Sprintf("it is %s already (in %s)", a.function, n.OpType))
			}
			continue
		}
		changed[i] = true
		from := a.function
		if from == "" {
			from = a.kind
		}
		w := Swapped{Node: nameOf(n), From: from + " (" + n.OpType + ")", To: s.to.String(), Nodes: 1}
		if !slices.Contains(swapped, w) {
			swapped = append(swapped, w)
		}
	}
	if len(swapped) == 0 {
		return nil
	}
	s.report.Swapped = append(s.report.Swapped, swapped...)
	if inPlace {
		for i := range gates {
			if changed[i] {
				gates[i] = to
			}
		}
		e.change = append(e.change, func() { setGates(n, gates) })
		return nil
	}
	l, err := newRecurrence(n)
	if err != nil {
		return err
	}
	elem, err := s.floatType(types.of(l.x), l.x, n)
	if err != nil {
		return err
	}
	for i, a := range gates {
		f := activate(a.nodes)
		if changed[i] {
			f = s.activate()
		}
		l.gates = append(l.gates, f)
	}
	b := e.builder
	b.elem, b.base, b.nodes = elem, nameOf(n), nil
	if err := b.scan(l); err != nil {
		return fmt.Errorf("%s: %w", label(n), err)
	}
	for _, made := range b.nodes {
		if made.OpType == "Scan" {
			made.Name, made.DocString, made.MetadataProps = n.Name, n.DocString, n.MetadataProps
			break
		}
	}
	e.replace([]*onnxpb.NodeProto{n}, b.nodes)
	s.vanish([]*onnxpb.NodeProto{n})
	return nil
}
