package onnx

import (
	"fmt"
	"strconv"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A graph is an index over a graph's nodes and tensors.
type graph struct {
	proto *onnxpb.GraphProto
	// producer is the node that writes a value, users those that read it, each once
	// for every input and for every subgraph that names the value.
	producer map[string]*onnxpb.NodeProto
	users    map[string][]*onnxpb.NodeProto
	tensor   map[string]*onnxpb.TensorProto
	input    map[string]bool
	output   map[string]bool
	// source is the value that nodes Identity give another name to.
	source map[string]string
	shapes map[string]*onnxpb.TensorShapeProto // made by shapeOf
}

func newGraph(p *onnxpb.GraphProto) *graph {
	g := &graph{
		proto:    p,
		producer: map[string]*onnxpb.NodeProto{},
		users:    map[string][]*onnxpb.NodeProto{},
		tensor:   map[string]*onnxpb.TensorProto{},
		input:    map[string]bool{},
		output:   map[string]bool{},
		source:   map[string]string{},
	}
	for _, t := range p.Initializer {
		g.tensor[t.Name] = t
	}
	for _, v := range p.Input {
		g.input[v.Name] = true
	}
	for _, v := range p.Output {
		g.output[v.Name] = true
	}
	for _, n := range p.Node {
		for _, name := range n.Output {
			if name != "" {
				g.producer[name] = n
			}
		}
		for _, name := range reads(n) {
			g.users[name] = append(g.users[name], n)
		}
		if is(n, "Identity") && len(n.Input) == 1 && n.Output[0] != "" {
			from := n.Input[0]
			if s, ok := g.source[from]; ok { // the nodes are in order
				from = s
			}
			g.source[n.Output[0]] = from
		}
	}
	return g
}

// shapeOf returns the shape that the graph states for a value, nil if it does not.
func (g *graph) shapeOf(value string) *onnxpb.TensorShapeProto {
	if g.shapes == nil {
		g.shapes = map[string]*onnxpb.TensorShapeProto{}
		for _, list := range [][]*onnxpb.ValueInfoProto{g.proto.Input, g.proto.Output, g.proto.ValueInfo} {
			for _, v := range list {
				if shape := v.GetType().GetTensorType().GetShape(); shape != nil {
					g.shapes[v.Name] = shape
				}
			}
		}
	}
	return g.shapes[value]
}

// reads returns the values that a node reads, those that its subgraphs take from
// outside too.
func reads(n *onnxpb.NodeProto) []string {
	var list []string
	for _, name := range n.Input {
		if name != "" {
			list = append(list, name)
		}
	}
	for _, sub := range subgraphs(n) {
		list = append(list, captured(sub)...)
	}
	return list
}

// captured returns the values that a graph takes from around it.
func captured(g *onnxpb.GraphProto) []string {
	own := map[string]bool{}
	for _, v := range g.Input {
		own[v.Name] = true
	}
	for _, t := range g.Initializer {
		own[t.Name] = true
	}
	for _, t := range g.SparseInitializer {
		own[t.GetValues().GetName()] = true
	}
	for _, n := range g.Node {
		for _, name := range n.Output {
			own[name] = true
		}
	}
	var list []string
	for _, n := range g.Node {
		for _, name := range reads(n) {
			if !own[name] {
				list = append(list, name)
			}
		}
	}
	for _, v := range g.Output {
		if !own[v.Name] {
			list = append(list, v.Name)
		}
	}
	return list
}

// subgraphs returns the graphs in a node's attributes.
func subgraphs(n *onnxpb.NodeProto) []*onnxpb.GraphProto {
	var list []*onnxpb.GraphProto
	for _, a := range n.Attribute {
		if a.G != nil {
			list = append(list, a.G)
		}
		list = append(list, a.Graphs...)
	}
	return list
}

// onlyUser returns the one node that reads a value that is no output of the graph,
// or nil.
func (g *graph) onlyUser(value string) *onnxpb.NodeProto {
	if users := g.users[value]; len(users) == 1 && !g.output[value] {
		return users[0]
	}
	return nil
}

// constant returns the tensor that a value always is: an initializer, the output
// of a Constant node, or one of these through Identity. An initializer that is an
// input too counts as well: it is the value where the caller gives none.
func (g *graph) constant(value string) *onnxpb.TensorProto {
	if s, ok := g.source[value]; ok {
		value = s
	}
	if t := g.tensor[value]; t != nil {
		return t
	}
	if n := g.producer[value]; n != nil && is(n, "Constant") {
		return constantTensor(n)
	}
	return nil
}

// constantTensor returns the value of a Constant node, or nil if it is none of
// those that this package reads.
func constantTensor(n *onnxpb.NodeProto) *onnxpb.TensorProto {
	for _, a := range n.Attribute {
		if a.RefAttrName != "" { // what the caller of a function gives
			return nil
		}
		switch a.Name {
		case "value":
			return a.T
		case "value_float":
			return floatTensor("", nil, a.GetF())
		case "value_floats":
			return floatTensor("", []int64{int64(len(a.Floats))}, a.Floats...)
		case "value_int":
			return intTensor("", nil, a.GetI())
		case "value_ints":
			return intTensor("", []int64{int64(len(a.Ints))}, a.Ints...)
		}
	}
	return nil
}

// is tells whether a node is one of ONNX's own operators by that name.
func is(n *onnxpb.NodeProto, op string) bool { return n.OpType == op && isDefault(n.Domain) }

// attribute returns the attribute of that name, or nil. The getters of a nil
// attribute return zero.
func attribute(n *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	for _, a := range n.Attribute {
		if a.Name == name {
			return a
		}
	}
	return nil
}

func intAttribute(n *onnxpb.NodeProto, name string, otherwise int64) int64 {
	if a := attribute(n, name); a != nil {
		return a.GetI()
	}
	return otherwise
}

func floatAttribute(n *onnxpb.NodeProto, name string, otherwise float32) float32 {
	if a := attribute(n, name); a != nil {
		return a.GetF()
	}
	return otherwise
}

func stringAttribute(n *onnxpb.NodeProto, name, otherwise string) string {
	if a := attribute(n, name); a != nil {
		return string(a.GetS())
	}
	return otherwise
}

// input returns the name of a node's input, empty if it is left out.
func input(n *onnxpb.NodeProto, i int) string {
	if i < len(n.Input) {
		return n.Input[i]
	}
	return ""
}

// label names a node for a person.
func label(n *onnxpb.NodeProto) string {
	op := n.OpType
	if !isDefault(n.Domain) {
		op = n.Domain + "." + op
	}
	switch {
	case n.Name != "":
		return fmt.Sprintf("node %q (%s)", n.Name, op)
	case len(n.Output) > 0:
		return fmt.Sprintf("node %s that writes %q", op, n.Output[0])
	}
	return "node " + op
}

// A namer makes names that a model does not have yet.
type namer struct {
	taken map[string]bool
	next  map[string]int // number to try for a base
}

// newNamer knows all names of values and nodes of a model, those inside subgraphs
// too.
func newNamer(p *onnxpb.ModelProto) namer {
	names := newNames()
	names.add(p.Graph)
	for _, t := range p.TrainingInfo {
		names.add(t.Initialization)
		names.add(t.Algorithm)
	}
	return names
}

// newNames knows the names that it is given.
func newNames(taken ...string) namer {
	names := namer{taken: map[string]bool{}, next: map[string]int{}}
	for _, name := range taken {
		names.taken[name] = true
	}
	return names
}

func (names namer) add(g *onnxpb.GraphProto) {
	for _, t := range g.GetInitializer() {
		names.taken[t.Name] = true
	}
	for _, t := range g.GetSparseInitializer() {
		names.taken[t.GetValues().GetName()] = true
	}
	for _, list := range [][]*onnxpb.ValueInfoProto{g.GetInput(), g.GetOutput(), g.GetValueInfo()} {
		for _, v := range list {
			names.taken[v.Name] = true
		}
	}
	for _, n := range g.GetNode() {
		names.taken[n.Name] = true
		for _, name := range n.Output {
			names.taken[name] = true
		}
		for _, sub := range subgraphs(n) {
			names.add(sub)
		}
	}
}

// name returns base, or base with a number after it, and takes it.
func (names namer) name(base string) string {
	name := base
	i := max(names.next[base], 2)
	for ; names.taken[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	names.next[base] = i
	names.taken[name] = true
	return name
}
