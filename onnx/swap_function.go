package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// functionIR is the first IR version whose models have functions of their own.
const functionIR = 8

// call adds the node of this package's domain that stands for the function that
// activations become, and plans what the model needs for it.
func (s *swapper) call(b *builder, x string) (string, error) {
	op := ownOperators[s.to.Name()]
	if s.style == LocalFunction {
		// The function computes as the operators in its place do, within their limits.
		if _, err := newScratch(b).function(s.to, x); err != nil {
			return "", err
		}
		// A function's constants have one type.
		if b.elem != onnxpb.TensorProto_FLOAT {
			op += "_" + typeName(b.elem)
		}
		if err := s.need(b, op); err != nil {
			return "", err
		}
	}
	y := b.node(op, x)
	n := b.last()
	n.Domain = ownDomain
	for i, p := range s.to.Info().Params {
		setFloat(n, p.Name, s.to.Params()[i])
	}
	if len(s.needed) == 0 {
		s.edits = append(s.edits, s.m.importOwnDomain)
		s.needed = map[string]*onnxpb.FunctionProto{}
	}
	if _, ok := s.needed[op]; !ok {
		s.needed[op] = nil
	}
	return y, nil
}

func (m *Model) importOwnDomain() {
	for _, o := range m.proto.OpsetImport {
		if o.Domain == ownDomain {
			return
		}
	}
	m.proto.OpsetImport = append(m.proto.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: ownDomain, Version: 1})
}

// need plans the model's function of that name.
func (s *swapper) need(b *builder, op string) error {
	if s.needed[op] != nil {
		return nil
	}
	f, err := ownFunction(s.to, op, s.m.Opset(), b.elem)
	if err != nil {
		return err
	}
	if s.needed == nil {
		s.needed = map[string]*onnxpb.FunctionProto{}
		s.edits = append(s.edits, s.m.importOwnDomain)
	}
	s.needed[op] = f
	if have := s.functions[functionKey{ownDomain, op, ""}]; have != nil {
		if !proto.Equal(have, f) {
			return fmt.Errorf("the model has another function %s.%s", ownDomain, op)
		}
		return nil
	}
	if v := s.m.proto.IrVersion; v < 4 && len(s.m.proto.Graph.Initializer) > 0 {
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("the IR version goes from %d to %d: initializers that are inputs, as they had to be before 4, become values that callers may give", v, functionIR))
	}
	s.edits = append(s.edits, func() {
		s.m.proto.IrVersion = max(s.m.proto.IrVersion, functionIR)
		s.m.proto.Functions = append(s.m.proto.Functions, f)
	})
	return nil
}

// ownFunction returns one of this package's functions in ONNX's operators, with
// its parameters as attributes, for one element type.
func ownFunction(f *isrlu.Function, op string, opset int64, elem onnxpb.TensorProto_DataType) (*onnxpb.FunctionProto, error) {
	if opset < 12 {
		return nil, fmt.Errorf("functions with attributes need version 12 of ONNX's operators (opset) or later, the model has %d; take the style primitive", opset)
	}
	info := f.Info()
	b := &builder{names: newNames("x", "y"), opset: opset, elem: onnxpb.TensorProto_FLOAT, base: "f", constantNodes: true}
	parameter := map[string]string{}
	p := &onnxpb.FunctionProto{Name: op, Domain: ownDomain, Input: []string{"x"}, Output: []string{"y"}, DocString: info.Title + ": " + info.Formula,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}}}
	for _, q := range info.Params {
		p.Attribute = append(p.Attribute, q.Name)
		parameter[q.Name] = b.names.name(q.Name)
		b.constNodes = append(b.constNodes, &onnxpb.NodeProto{OpType: "Constant", Output: []string{parameter[q.Name]},
			Attribute: []*onnxpb.AttributeProto{{Name: "value_float", RefAttrName: q.Name, Type: onnxpb.AttributeProto_FLOAT}}})
	}
	// Parameters are float32: what depends on them alone is computed in it.
	cast := func(name string) string {
		if elem == onnxpb.TensorProto_FLOAT {
			return name
		}
		y := b.node("Cast", name)
		setInt(b.last(), "to", int64(elem))
		return y
	}
	// The bound is reach times sqrt(c/v).
	far := reach(elem)
	if f.Name() == "isru_sigmoid" {
		far = sigmoidReach(elem)
	}
	bound := func(ratio string) string {
		return b.node("Mul", b.node("Sqrt", ratio), b.number("reach", far))
	}
	clamp := func(ratio string) string {
		high := bound(ratio)
		return b.node("Clip", "x", cast(b.node("Neg", high)), cast(high))
	}
	alpha := parameter["alpha"]
	one := b.number("one", 1)
	switch f.Name() {
	case "isrlu":
		m := b.node("Max", "x", cast(b.node("Neg", bound(b.node("Div", one, alpha)))))
		n := b.node("Min", m, cast(b.number("zero", 0)))
		b.node("Div", m, b.root(n, cast(alpha), cast(one)))
	case "isru":
		m := clamp(b.node("Div", one, alpha))
		b.node("Div", m, b.root(m, cast(alpha), cast(one)))
	case "isru_sigmoid":
		scale, four := parameter["scale"], b.number("four", 4)
		c, v := b.node("Div", four, b.node("Mul", scale, scale)), b.node("Mul", four, alpha)
		m := clamp(b.node("Div", c, v))
		b.node("Add", b.node("Div", m, b.root(m, cast(v), cast(c))), cast(b.number("half", 0.5)))
	case "dyisru":
		m := clamp(parameter["beta"])
		b.node("Mul", b.node("Div", m, b.root(m, "", cast(parameter["beta"]))), cast(parameter["scale"]))
	default:
		return nil, fmt.Errorf("%s has no function of this package", f)
	}
	b.last().Output[0] = "y"
	for _, n := range b.nodes {
		n.Name = "" // each call of a function would have the same
	}
	p.Node = append(b.constNodes, b.nodes...)
	return p, nil
}

// sweepFunctions removes this package's functions that nothing calls any more, and
// the import of their domain with the last node of it.
func (m *Model) sweepFunctions() {
	called := map[functionKey]bool{}
	used := false
	var look func(nodes []*onnxpb.NodeProto)
	look = func(nodes []*onnxpb.NodeProto) {
		for _, n := range nodes {
			called[functionKey{n.Domain, n.OpType, n.Overload}] = true
			used = used || n.Domain == ownDomain
			for _, sub := range subgraphs(n) {
				look(sub.Node)
			}
		}
	}
	look(m.proto.Graph.Node)
	for _, f := range m.proto.Functions {
		look(f.Node)
	}
	m.proto.Functions = slices.DeleteFunc(m.proto.Functions, func(f *onnxpb.FunctionProto) bool {
		return f.Domain == ownDomain && !called[functionKey{f.Domain, f.Name, f.Overload}]
	})
	if !used {
		m.proto.OpsetImport = slices.DeleteFunc(m.proto.OpsetImport, func(o *onnxpb.OperatorSetIdProto) bool { return o.Domain == ownDomain })
	}
}
