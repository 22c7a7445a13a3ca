package onnx

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// unshare gives the nodes of a loaded model that have weights in common constants of
// their own, in m, of which it was loaded from a copy: so that each can be trained.
// It returns the names of the constants that were common. What reads constants by way
// of other nodes stays as it is.
func unshare(m *Model, l *Loaded[float32]) []string {
	readers := map[string][]*onnxpb.NodeProto{} // by the constant's name
	for _, p := range l.placed {
		for i := range p.step.bindings {
			b := &p.step.bindings[i]
			if b.from == nil || b.fixed || b.from.size() == 0 {
				continue
			}
			if name := b.from.at(b.index(0)).tensor.Name; !slices.Contains(readers[name], p.step.node) {
				readers[name] = append(readers[name], p.step.node)
			}
		}
	}
	names := newNamer(m.proto)
	g := m.proto.Graph
	var shared []string
	for _, t := range slices.Clone(g.Initializer) {
		if len(readers[t.Name]) < 2 {
			continue
		}
		shared = append(shared, t.Name)
		first := true
		for _, n := range g.Node {
			for i, name := range n.Input {
				if name != t.Name {
					continue
				}
				if first {
					first = false
					continue
				}
				own := proto.CloneOf(t)
				own.Name = names.name(t.Name)
				n.Input[i] = own.Name
				g.Initializer = append(g.Initializer, own)
				// Before IR version 4 initializers are inputs too.
				for _, v := range slices.Clone(g.Input) {
					if v.Name == t.Name {
						v = proto.CloneOf(v)
						v.Name = own.Name
						g.Input = append(g.Input, v)
					}
				}
			}
		}
	}
	return shared
}
