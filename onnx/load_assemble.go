package onnx

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// The engine's networks are sequences of layers, some of which hold sequences that
// read the same input. A graph is one of them where its branches nest: all paths to
// a join come from its dominator, the last step that is on all of them.

// place sets the dominator of a step, whose inputs have theirs.
func (c *converter) place(s *step) {
	d := s.inputs[0]
	for _, in := range s.inputs[1:] {
		for d != in {
			if d.depth >= in.depth {
				d = d.dominator
			} else {
				in = in.dominator
			}
		}
	}
	s.dominator, s.depth = d, d.depth+1
}

// placed is a step as a layer of the network, by its name there.
type placed struct {
	name string
	step *step
}

// An assembly makes a network of steps.
type assembly struct {
	list   []placed
	placed map[*step]bool
	nodes  map[*onnxpb.NodeProto]*step
}

// maxNesting is how deep the engine takes layers in layers.
const maxNesting = 16

// chain returns the steps after from up to to, branches apart.
func chain(from, to *step) []*step {
	var list []*step
	for s := to; s != from; s = s.dominator {
		list = append(list, s)
	}
	for i, k := 0, len(list)-1; i < k; i, k = i+1, k-1 {
		list[i], list[k] = list[k], list[i]
	}
	return list
}

// sequence returns the layers after from up to to, under a prefix of names.
func (a *assembly) sequence(from, to *step, prefix string, depth int) (nn.Sequential, error) {
	if depth > maxNesting {
		return nil, &unsupportedError{[]fault{{to.node, fmt.Sprintf("branches are nested more than %d deep", maxNesting)}}}
	}
	var layers nn.Sequential
	for _, s := range chain(from, to) {
		if a.placed[s] {
			return nil, &unsupportedError{[]fault{{s.node, "its output is read in branches that do not nest; the engine joins branches one inside the other"}}}
		}
		a.placed[s] = true
		if other := a.nodes[s.node]; other != nil && s.directions > 0 {
			return nil, &unsupportedError{[]fault{{s.node, "both all of its steps and its last ones are read; the engine has one of them"}}}
		}
		a.nodes[s.node] = s
		name := prefix + strconv.Itoa(len(layers)+1) + "." + kindOf(s.layer)
		a.list = append(a.list, placed{name, s})
		branch := func(part string, in *step) (nn.Sequential, error) {
			return a.sequence(s.dominator, in, name+"."+part+".", depth+1)
		}
		layer, err := assembleJoin(s, branch)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// assembleJoin returns a step's layer with its branches.
func assembleJoin(s *step, branch func(part string, in *step) (nn.Sequential, error)) (nn.Layer, error) {
	var err error
	switch l := s.layer.(type) {
	case nn.Residual:
		body, shortcut := s.inputs[0], s.inputs[1]
		if len(chain(s.dominator, body)) < len(chain(s.dominator, shortcut)) {
			body, shortcut = shortcut, body
		}
		if l.Body, err = branch("body", body); err != nil {
			return nil, err
		}
		if len(l.Body) == 0 { // x + x
			l.Body = nn.Sequential{nn.Activation{Function: "identity"}}
		}
		l.Shortcut, err = branch("shortcut", shortcut)
		return l, err
	case nn.Product:
		if l.Body, err = branch("body", s.inputs[0]); err != nil {
			return nil, err
		}
		l.Gate, err = branch("gate", s.inputs[1])
		return l, err
	case nn.Concat:
		for i, in := range s.inputs {
			b, err := branch("branches."+strconv.Itoa(i+1), in)
			if err != nil {
				return nil, err
			}
			l.Branches = append(l.Branches, b)
		}
		return l, nil
	}
	return s.layer, nil
}

// kindOf returns a layer's type as JSON has it, which is part of its name.
func kindOf(l nn.Layer) string {
	var list []struct{ Type string }
	data, err := json.Marshal(nn.Sequential{l})
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil || len(list) != 1 {
		panic(fmt.Sprintf("onnx: a layer without a type: %v", err))
	}
	return list[0].Type
}

// network returns the description of the converted graph, and its steps by name.
func (c *converter) network() (nn.Network, []placed, error) {
	a := assembly{placed: map[*step]bool{}, nodes: map[*onnxpb.NodeProto]*step{}}
	layers, err := a.sequence(c.root, c.output.tensor.step, "", 0)
	if err != nil {
		return nn.Network{}, nil, err
	}
	return nn.Network{Name: c.m.proto.Graph.Name, Input: c.shape(c.input.raw.layout), Layers: layers}, a.list, nil
}
