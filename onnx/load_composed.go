package onnx

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A composedNorm is a normalization in several operators, as exporters write it for
// versions of ONNX that have none.
type composedNorm struct {
	x            string
	nodes        []*onnxpb.NodeProto // the last one writes the result
	axis         int64               // of the channels, as the nodes have it
	epsilon      float64
	scale, shift *weight // no shift of an RMSNorm
}

// normForms are the patterns of what comes before the scale.
var normForms = func() (list []normForm) {
	const centered = "Sub(x, ReduceMean(x))"
	for _, of := range []string{"ReduceMean(%s)", "ReduceMean(%s, axes)"} {
		c := centered
		if of != "ReduceMean(%s)" {
			c = "Sub(x, ReduceMean(x, axes))"
		}
		variance := fmt.Sprintf(of, "Mul("+c+", "+c+")")
		square := fmt.Sprintf(of, "Mul(x, x)")
		list = append(list,
			normForm{parsePattern("Div(" + c + ", Sqrt(Add(" + variance + ", epsilon)))"), true},
			normForm{parsePattern("Div(x, Sqrt(Add(" + square + ", epsilon)))"), false},
			normForm{parsePattern("Mul(x, Reciprocal(Sqrt(Add(" + square + ", epsilon))))"), false},
			normForm{parsePattern("Mul(x, Div(1, Sqrt(Add(" + square + ", epsilon))))"), false})
	}
	return list
}()

type normForm struct {
	pattern  *pattern
	centered bool // a LayerNorm, not an RMSNorm
}

// composedNorms returns the normalizations of the graph by their nodes.
func (c *converter) composedNorms() map[*onnxpb.NodeProto]*composedNorm {
	s := newMatcher(c.m, c.g)
	found := map[*onnxpb.NodeProto]*composedNorm{}
	for _, n := range c.g.proto.Node {
		if !is(n, "Div") && !is(n, "Mul") || found[n] != nil {
			continue
		}
		for _, f := range normForms {
			m, ok := s.root(f.pattern, n)
			if !ok {
				continue
			}
			norm := &composedNorm{x: m.x, nodes: m.nodes}
			if norm.epsilon, ok = m.constant("epsilon").scalar(); !ok || !norm.readAxis(c, m.nodes) || !norm.readScale(c, n, f.centered) {
				continue
			}
			for _, n := range norm.nodes {
				found[n] = norm
			}
			break
		}
	}
	return found
}

// readAxis takes the one axis that all means are over.
func (m *composedNorm) readAxis(c *converter, nodes []*onnxpb.NodeProto) bool {
	first := true
	for _, n := range nodes {
		if n.OpType != "ReduceMean" {
			continue
		}
		list := attribute(n, "axes").GetInts()
		if t := c.g.constant(input(n, 1)); list == nil && t != nil {
			list, _ = c.m.ints(t)
		}
		if len(list) != 1 || intAttribute(n, "keepdims", 1) != 1 || !first && m.axis != list[0] {
			return false
		}
		m.axis, first = list[0], false
	}
	return !first
}

// readScale takes the product and the sum that follow the node.
func (m *composedNorm) readScale(c *converter, n *onnxpb.NodeProto, centered bool) bool {
	if m.scale, n = c.follower(n, "Mul"); m.scale == nil {
		return false
	}
	m.nodes = append(m.nodes, n)
	if !centered {
		return true
	}
	if m.shift, n = c.follower(n, "Add"); m.shift == nil {
		return false
	}
	m.nodes = append(m.nodes, n)
	return true
}

// follower returns the operator that alone reads a node's output, with its constant.
func (c *converter) follower(n *onnxpb.NodeProto, op string) (*weight, *onnxpb.NodeProto) {
	next := c.g.onlyUser(n.Output[0])
	if next == nil || !is(next, op) || len(next.Input) != 2 {
		return nil, nil
	}
	for _, name := range next.Input {
		if t := c.g.constant(name); t != nil {
			if w := c.constant(t).weight; w != nil {
				return w, next
			}
		}
	}
	return nil, nil
}

// normalize makes the layer of a normalization in several operators.
func (c *converter) normalize(n *onnxpb.NodeProto, m *composedNorm) error {
	d := c.known[m.x].tensor
	if d == nil {
		return fmt.Errorf("its input is not computed from the model's input")
	}
	axis, err := axisOf(int(max(min(m.axis, maxSample), -maxSample)), len(d.axes))
	if err != nil {
		return err
	}
	d, perm, err := c.channels(n, d, axis)
	if err != nil {
		return err
	}
	channels := c.atoms.sizeOf(c.axis(d, axis))
	s := &step{node: n, layer: nn.RMSNorm{Epsilon: decimal(float32(m.epsilon))}}
	if m.shift != nil {
		s.layer = nn.LayerNorm{Epsilon: decimal(float32(m.epsilon))}
	}
	if !(m.epsilon > 0) {
		return fmt.Errorf("epsilon %v is not supported", m.epsilon)
	}
	for i, w := range []*weight{m.scale, m.shift} {
		if w == nil {
			continue
		}
		k := axis - len(d.axes) + len(w.dims) // the channels among the constant's dimensions
		if k < 0 || w.dims[k] != channels || w.size() != channels {
			return fmt.Errorf("its scale or shift has the shape %v for %d channels", w.dims, channels)
		}
		s.bindings = append(s.bindings, binding{param: []string{"scale", "shift"}[i], from: w, index: perm})
	}
	c.set(n, known{tensor: c.apply(d, s)})
	return nil
}
