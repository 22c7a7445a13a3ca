package onnx

import (
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// An edit replaces nodes of one graph.
type edit struct {
	graph   *onnxpb.GraphProto
	builder *builder
	drop    map[*onnxpb.NodeProto]bool
	insert  map[*onnxpb.NodeProto][]*onnxpb.NodeProto // in the places of nodes
	change  []func()
}

func newEdit(p *onnxpb.GraphProto, b *builder) *edit {
	return &edit{p, b, map[*onnxpb.NodeProto]bool{}, map[*onnxpb.NodeProto][]*onnxpb.NodeProto{}, nil}
}

func (e *edit) empty() bool { return len(e.drop) == 0 && len(e.change) == 0 }

// replace puts new nodes in the place of the last of the old ones.
func (e *edit) replace(old, new []*onnxpb.NodeProto) {
	for _, n := range old {
		e.drop[n] = true
	}
	e.insert[old[len(old)-1]] = new
}

// apply changes the graph.
func (e *edit) apply() {
	p := e.graph
	nodes := slices.Clone(e.builder.constNodes)
	for _, n := range p.Node {
		nodes = append(nodes, e.insert[n]...)
		if !e.drop[n] {
			nodes = append(nodes, n)
		}
	}
	gone := map[string]bool{}
	for n := range e.drop {
		for _, name := range n.Output {
			gone[name] = true
		}
	}
	for _, n := range nodes {
		for _, name := range n.Output {
			delete(gone, name)
		}
	}
	p.Node = nodes
	p.Initializer = append(p.Initializer, e.builder.initializers...)
	forget(p, gone)
	for _, change := range e.change {
		change()
	}
}

// forget removes what a graph says of values that it does not have any more.
func forget(p *onnxpb.GraphProto, gone map[string]bool) {
	p.ValueInfo = slices.DeleteFunc(p.ValueInfo, func(v *onnxpb.ValueInfoProto) bool { return gone[v.Name] })
	p.QuantizationAnnotation = slices.DeleteFunc(p.QuantizationAnnotation, func(q *onnxpb.TensorAnnotation) bool { return gone[q.TensorName] })
}

// sweep removes the constants among s.vanished that nothing reads any more, from a
// graph and those inside it.
func (s *swapper) sweep(p *onnxpb.GraphProto) {
	for _, n := range p.Node {
		for _, sub := range subgraphs(n) {
			s.sweep(sub)
		}
	}
	g := newGraph(p)
	left := map[string]int{} // how many reads there are still
	for name, users := range g.users {
		left[name] = len(users)
	}
	gone := map[string]bool{}
	unused := func(name string) {
		// Identity of a constant may follow Identity, but not without end: reading a
		// model bounds no chain, so that no call is made for it.
		for s.vanished[name] && !gone[name] && left[name] == 0 && !g.input[name] && !g.output[name] {
			n := g.producer[name]
			if g.tensor[name] == nil && (n == nil || len(n.Output) != 1 || g.constant(name) == nil) {
				return
			}
			gone[name] = true
			if n == nil || len(n.Input) != 1 { // no Identity
				return
			}
			name = n.Input[0]
			s.vanished[name] = true
			left[name]--
		}
	}
	for name := range s.vanished {
		unused(name)
	}
	if len(gone) == 0 {
		return
	}
	p.Initializer = slices.DeleteFunc(p.Initializer, func(t *onnxpb.TensorProto) bool { return gone[t.Name] })
	p.Node = slices.DeleteFunc(p.Node, func(n *onnxpb.NodeProto) bool { return len(n.Output) == 1 && gone[n.Output[0]] })
	forget(p, gone)
}
