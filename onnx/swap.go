package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// SwapOptions say which activation functions of a model become which other one.
type SwapOptions struct {
	// From are the kinds to swap, such as "elu", "relu" or "gelu"; ONNX's names, such
	// as "LeakyRelu", are taken as well, in any case. A kind with a parameter, such as
	// "elu:0.1", is that function alone. "gelu" is both GELU and its form by tanh,
	// "swish" SiLU too. Where From is empty, Nodes must not be, and all kinds are
	// taken.
	From []string
	// Nodes are names of nodes, or patterns of them: * is any text, ? one character.
	// An activation in several nodes goes by the name of any of them, or of what it
	// writes. Where it is empty, all nodes are taken.
	Nodes []string
	// To is the function as [isrlu.Parse] takes it, such as "isrlu:3" or "relu".
	To string
	// Style is how functions are written that ONNX has no operator for.
	Style Style

	// output, if not empty, is the value that the only activation to swap writes.
	output string
}

// Check returns an error for options that no model can satisfy.
func (o SwapOptions) Check() error {
	if _, _, err := o.parse(); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	return nil
}

func (o SwapOptions) parse() (*isrlu.Function, *choice, error) {
	to, err := parseFunction(o.To)
	if err != nil {
		return nil, nil, err
	}
	if int(o.Style) >= len(styleNames) {
		return nil, nil, fmt.Errorf("unknown style %d", o.Style)
	}
	c, err := newChoice(o)
	return to, c, err
}

// plainError takes the other package's name off an error.
func plainError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "isrlu: "))
}

// A Style is how a model holds a function that ONNX has no operator for.
type Style uint8

const (
	// Primitive writes it in ONNX's own operators. Every runtime runs it.
	Primitive Style = iota
	// LocalFunction writes a node of the domain "isrlu" and, in the model, the
	// function in ONNX's own operators that it stands for, so that runtimes that
	// know the node can take a kernel of theirs. It needs IR version 8.
	LocalFunction
	// Custom writes a node of the domain "isrlu" alone: ISRLU, ISRU, ISRUSigmoid or
	// DyISRU with the function's parameters as attributes. Only runtimes that have
	// such an operator run it.
	Custom
)

var styleNames = [...]string{Primitive: "primitive", LocalFunction: "function", Custom: "custom"}

// String returns the style's name, as [ParseStyle] takes it.
func (s Style) String() string {
	if int(s) < len(styleNames) {
		return styleNames[s]
	}
	return fmt.Sprintf("Style(%d)", uint8(s))
}

// ParseStyle returns the style of that name: primitive, function or custom.
func ParseStyle(name string) (Style, error) {
	if i := slices.Index(styleNames[:], name); i >= 0 {
		return Style(i), nil
	}
	return 0, fmt.Errorf("onnx: unknown style %q; known: %s", name, strings.Join(styleNames[:], ", "))
}

// A SwapReport tells what a swap did.
type SwapReport struct {
	Swapped []Swapped `json:"swapped"`
	// Left are the activations that the options name and that stay as they were.
	Left []LeftAlone `json:"left,omitempty"`
	// Warnings tell what the swap makes stale elsewhere.
	Warnings []string `json:"warnings,omitempty"`
}

// Swapped is an activation that has become another one.
type Swapped struct {
	Node  string `json:"node"` // its name, or that of what it writes
	From  string `json:"from"` // the function, or its kind where this module lacks it
	To    string `json:"to"`
	Nodes int    `json:"nodes"` // how many nodes it was
}

// LeftAlone is an activation that stays.
type LeftAlone struct {
	Node   string `json:"node"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// Swap replaces activation functions, in the model's subgraphs too. Those in LSTM,
// GRU and RNN nodes are swapped with the others: where ONNX's operators cannot
// have the function the node becomes a Scan over the steps. The values that
// activations write keep their names and so does the last node of each; constants
// that nothing else reads go with the nodes.
//
// The model changes as a whole or, where there is an error, not at all. Nothing to
// swap is an error that lists the activations of the model.
func (m *Model) Swap(o SwapOptions) (SwapReport, error) {
	report, err := m.swap(o)
	if err != nil {
		return SwapReport{}, fmt.Errorf("onnx: %w", err)
	}
	return report, nil
}

func (m *Model) swap(o SwapOptions) (SwapReport, error) {
	to, choice, err := o.parse()
	if err != nil {
		return SwapReport{}, err
	}
	s := &swapper{
		m: m, to: to, style: o.Style, choice: choice, output: o.output, names: newNamer(m.proto), otherFloat: m.otherFloat(),
		kinds: map[string]int{}, functions: map[functionKey]*onnxpb.FunctionProto{}, vanished: map[string]bool{},
	}
	for _, f := range m.proto.Functions {
		s.functions[functionKey{f.Domain, f.Name, f.Overload}] = f
	}
	if err := s.graph(m.proto.Graph, nil); err != nil {
		return SwapReport{}, err
	}
	s.functionBodies()
	if err := s.checkFound(); err != nil {
		return SwapReport{}, err
	}
	for _, apply := range s.edits {
		apply()
	}
	if len(s.edits) > 0 {
		s.sweep(m.proto.Graph)
		m.sweepFunctions()
	}
	return s.report, nil
}

// A swapper plans a swap. Nothing of the model changes until edits are called.
type swapper struct {
	m      *Model
	to     *isrlu.Function
	style  Style
	choice *choice
	output string // of the options
	names  namer
	kinds  map[string]int // the activations of the model, by kind
	// otherFloat is a type of floating-point numbers in the model beside float32, if
	// there is one.
	otherFloat onnxpb.TensorProto_DataType
	functions  map[functionKey]*onnxpb.FunctionProto // the model's own

	edits    []func()
	vanished map[string]bool // constants that nodes which went away read
	needed   map[string]*onnxpb.FunctionProto
	report   SwapReport
}

// graph plans the swaps of a graph and of those in its nodes.
func (s *swapper) graph(p *onnxpb.GraphProto, outer *elementTypes) error {
	types := elementTypesOf(p, outer)
	g := newGraph(p)
	e := newEdit(p, &builder{names: s.names, opset: s.m.Opset(), constantNodes: s.m.proto.IrVersion < 4})
	for _, a := range s.m.activations(g) {
		s.kinds[a.kind]++
		if s.output != "" && a.output != s.output {
			continue
		}
		if !s.choice.takes(a.kind, a.function, namesOf(a.nodes)) {
			continue
		}
		if err := s.activation(g, e, types, a); err != nil {
			return err
		}
	}
	for _, n := range p.Node {
		if s.output != "" {
			break
		}
		if err := s.recurrent(e, types, n); err != nil {
			return err
		}
	}
	if !e.empty() {
		s.edits = append(s.edits, e.apply)
	}
	for _, n := range p.Node {
		if e.drop[n] {
			continue
		}
		for _, sub := range subgraphs(n) {
			if err := s.graph(sub, types); err != nil {
				return err
			}
		}
	}
	return nil
}

// namesOf returns what nodes go by: their names and those of what they write.
func namesOf(nodes []*onnxpb.NodeProto) []string {
	var list []string
	for _, n := range nodes {
		if n.Name != "" {
			list = append(list, n.Name)
		}
	}
	return append(list, nodes[len(nodes)-1].Output...)
}

// nameOf returns the name of an activation for a person.
func nameOf(n *onnxpb.NodeProto) string {
	if n.Name == "" && len(n.Output) > 0 {
		return n.Output[0]
	}
	return n.Name
}

// styleOf tells in which style an activation stands in a model.
func (s *swapper) styleOf(a *activation) Style {
	n := a.nodes[0]
	switch {
	case n.Domain != ownDomain:
		return Primitive
	case s.functions[functionKey{n.Domain, n.OpType, n.Overload}] != nil:
		return LocalFunction
	}
	return Custom
}

// activation plans the swap of one activation.
func (s *swapper) activation(g *graph, e *edit, types *elementTypes, a *activation) error {
	last := a.nodes[len(a.nodes)-1]
	if a.function == s.to.String() && a.alpha == nil && s.styleOf(a) == s.styleOfTo() {
		s.leave(nameOf(last), a.kind, "it is "+a.function+" already")
		return nil
	}
	known := types.of(a.input)
	if known == onnxpb.TensorProto_UNDEFINED {
		known = types.of(a.output)
	}
	if known != onnxpb.TensorProto_UNDEFINED && !isFloat(known) {
		s.leave(nameOf(last), a.kind, "its values are "+typeName(known))
		return nil
	}
	elem, err := s.floatType(known, a.input, last)
	if err != nil {
		return err
	}
	b := e.builder
	b.elem, b.base, b.nodes = elem, nameOf(last), nil
	if _, err := s.activate()(b, a.input); err != nil {
		return fmt.Errorf("%s: %w", label(last), err)
	}
	final := b.last()
	final.Name, final.Output[0] = last.Name, a.output
	final.DocString, final.MetadataProps = last.DocString, last.MetadataProps
	e.replace(a.nodes, b.nodes)
	s.vanish(a.nodes, a.input)

	from := cmp.Or(a.function, a.kind)
	s.report.Swapped = append(s.report.Swapped, Swapped{Node: nameOf(last), From: from, To: s.to.String(), Nodes: len(a.nodes)})
	s.warnQuantized(g, a.output, nameOf(last), from)
	return nil
}

// styleOfTo is the style in which the swap writes: that of the options for what
// ONNX has no operator for.
func (s *swapper) styleOfTo() Style {
	if ownOperators[s.to.Name()] == "" {
		return Primitive
	}
	return s.style
}

// activate adds the nodes of the function that activations become.
func (s *swapper) activate() activate {
	if s.styleOfTo() == Primitive {
		return activateBy(s.to)
	}
	return s.call
}

func (s *swapper) leave(node, kind, reason string) {
	s.report.Left = append(s.report.Left, LeftAlone{node, kind, reason})
}

// warnQuantized reports scales that were chosen for the range of what a function
// wrote.
func (s *swapper) warnQuantized(g *graph, value, node, from string) {
	for _, user := range g.users[value] {
		if is(user, "QuantizeLinear") && input(user, 0) == value {
			s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s: the scale of %s was chosen for the range of %s; calibrate the model again", node, label(user), from))
		}
	}
	for _, q := range g.proto.QuantizationAnnotation {
		if q.TensorName == value {
			s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s: the quantization of %q was chosen for the range of %s; calibrate the model again", node, value, from))
		}
	}
}

// vanish notes the constants of nodes that go away.
func (s *swapper) vanish(nodes []*onnxpb.NodeProto, keep ...string) {
	for _, n := range nodes {
		for _, name := range n.Input {
			if name != "" && !slices.Contains(keep, name) {
				s.vanished[name] = true
			}
		}
	}
}

// functionBodies reports what the options name in the bodies of the model's own
// functions, which are not changed: other nodes may call them for something else.
func (s *swapper) functionBodies() {
	for _, f := range s.m.proto.Functions {
		if f.Domain == ownDomain {
			continue
		}
		p := &onnxpb.GraphProto{Node: f.Node}
		for _, name := range f.Output {
			p.Output = append(p.Output, &onnxpb.ValueInfoProto{Name: name})
		}
		reason := fmt.Sprintf("it is in the body of the model's function %s.%s; inline the functions first, such as by onnx.inliner", f.Domain, f.Name)
		for _, a := range s.m.activations(newGraph(p)) {
			if s.choice.takes(a.kind, a.function, namesOf(a.nodes)) {
				s.leave(nameOf(a.nodes[len(a.nodes)-1]), a.kind, reason)
			}
		}
		for _, n := range f.Node {
			if !isRecurrent(n) {
				continue
			}
			gates, err := gatesOf(n)
			if err != nil {
				continue // nothing is known of it
			}
			for i, a := range gates {
				if !slices.Contains(gates[:i], a) && s.choice.takes(a.kind, a.function, namesOf([]*onnxpb.NodeProto{n})) {
					s.leave(nameOf(n), a.kind, reason)
				}
			}
		}
	}
}

// checkFound returns an error if the options name what the model does not have.
func (s *swapper) checkFound() error {
	if p, ok := s.choice.unmatched(); ok {
		return fmt.Errorf("%q matches no activation of the kinds to swap; isrlu onnx info lists their names", p)
	}
	if len(s.report.Swapped)+len(s.report.Left) > 0 {
		return nil
	}
	have := "no activation function that is known"
	if len(s.kinds) > 0 {
		var list []string
		for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
			list = append(list, fmt.Sprintf("%s (%d)", kind, s.kinds[kind]))
		}
		have = strings.Join(list, ", ")
	}
	return fmt.Errorf("no %s in the model; it has %s", strings.Join(s.choice.from, " or "), have)
}
