package onnx

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A scanComparison compares the nodes of a recurrent layer in a model with those
// that builder.scan makes of the same inputs: they are the same but for names and
// order. The activation functions are what it finds in their places.
type scanComparison struct {
	model   *Model
	scanned *scannedRecurrence
	bodies  map[*onnxpb.NodeProto]*scanBody
	file    *graph

	places map[*onnxpb.NodeProto]int // of the activations in what is made, by their nodes
	gates  []gate                    // what is found there
	nodes  []*onnxpb.NodeProto       // of the model, outside the steps
}

// A scanLevel is the graph around the steps, or that of a step inside it.
type scanLevel struct {
	made, file *graph
	body       *scanBody
	outer      *scanLevel
	pairs      map[string]string // the names in the file of values made
}

// compare returns an error that names the first difference.
func (c *scanComparison) compare() error {
	l := c.scanned.recurrence
	// Only these names are in both.
	b := &builder{names: newNames(l.x, l.w, l.r, l.bias, l.initialH, l.initialC, l.y, l.yH, l.yC), opset: c.model.Opset(), elem: c.scanned.elem, base: "layer"}
	c.gates = make([]gate, len(l.backward)*len(recurrentGates[l.op]))
	c.places = map[*onnxpb.NodeProto]int{}
	for i := range c.gates {
		l.gates = append(l.gates, func(b *builder, x string) (string, error) {
			y := b.node("Activation", x)
			c.places[b.last()] = i
			return y, nil
		})
	}
	if err := b.scan(l); err != nil {
		return err
	}
	level := &scanLevel{made: newGraph(&onnxpb.GraphProto{Node: b.nodes, Initializer: b.initializers}), file: c.file, pairs: map[string]string{}}
	for _, name := range []string{l.y, l.yH, l.yC} {
		if name == "" {
			continue
		}
		if err := c.value(level, name, name); err != nil {
			return err
		}
	}
	// What is inside must not be needed elsewhere.
	for _, n := range c.nodes {
		for _, name := range n.Output {
			if name == l.y || name == l.yH || name == l.yC {
				continue
			}
			if c.file.output[name] || slices.ContainsFunc(c.file.users[name], func(n *onnxpb.NodeProto) bool { return !slices.Contains(c.nodes, n) }) {
				return fmt.Errorf("%q is read outside of the layer", name)
			}
		}
	}
	return nil
}

// has tells whether a graph has a value of its own.
func (g *graph) has(name string) bool {
	return g.producer[name] != nil || g.tensor[name] != nil || g.input[name]
}

// fileConstant returns the tensor that a value of the model always is, or nil.
func (l *scanLevel) fileConstant(name string) *onnxpb.TensorProto {
	if l.outer == nil {
		return l.file.constant(name)
	}
	switch {
	case l.file.input[name]:
		return nil
	case l.file.has(name):
		return l.file.constant(name)
	}
	return l.outer.fileConstant(name)
}

// value compares a value made with one of the model.
func (c *scanComparison) value(l *scanLevel, made, file string) error {
	if l.outer != nil && !l.made.has(made) {
		if l.file.has(file) {
			return fmt.Errorf("the step computes %q, which no step changes in %s", file, c.scanned.op)
		}
		return c.value(l.outer, made, file)
	}
	if t := l.made.constant(made); t != nil { // there may be several of the same content
		return c.constant(t, l.fileConstant(file), file)
	}
	if before, ok := l.pairs[made]; ok {
		if before != file {
			return fmt.Errorf("it reads %q where a swapped %s reads %q", file, c.scanned.op, before)
		}
		return nil
	}
	l.pairs[made] = file
	if l.outer != nil {
		isMade := func(v *onnxpb.ValueInfoProto) bool { return v.Name == made }
		isFile := func(v *onnxpb.ValueInfoProto) bool { return v.Name == file }
		i, k := slices.IndexFunc(l.made.proto.Input, isMade), slices.IndexFunc(l.file.proto.Input, isFile)
		if i != k {
			return fmt.Errorf("its step reads %q in the place of another value", file)
		}
		if i >= 0 {
			return nil
		}
	}
	n := l.made.producer[made]
	if n == nil { // one that the layer reads
		if made != file {
			return fmt.Errorf("it reads %q where a swapped %s reads %q", file, c.scanned.op, made)
		}
		return nil
	}
	if i, ok := c.places[n]; ok {
		return c.activation(l, i, n, file)
	}
	k := l.file.producer[file]
	if k == nil {
		return fmt.Errorf("%q is not computed by %s, as in a swapped %s", file, n.OpType, c.scanned.op)
	}
	return c.node(l, n, k, slices.Index(n.Output, made) == slices.Index(k.Output, file))
}

// constant compares whole numbers, which all constants outside of functions are.
func (c *scanComparison) constant(want, have *onnxpb.TensorProto, name string) error {
	if have == nil {
		return fmt.Errorf("%q is not constant", name)
	}
	a, err := c.model.ints(want)
	if err != nil {
		return err
	}
	b, err := c.model.ints(have)
	if err != nil {
		return err
	}
	if !slices.Equal(a, b) || !slices.Equal(want.Dims, have.Dims) {
		return fmt.Errorf("the constant %q is %v of the shape %v, not %v of the shape %v", name, b, have.Dims, a, want.Dims)
	}
	return nil
}

// activation notes the function in a place.
func (c *scanComparison) activation(l *scanLevel, place int, n *onnxpb.NodeProto, file string) error {
	found := gate{op: "Identity", kind: "identity", function: "identity"}
	var x string
	if a := l.body.acts[file]; a != nil {
		if a.alpha != nil {
			return fmt.Errorf("the %s that writes %q has several alphas, the engine's recurrent layers have one", a.kind, file)
		}
		found, x = gate{op: a.kind, kind: a.kind, function: a.function}, a.input
	} else if k := l.file.producer[file]; k != nil && is(k, "Identity") && len(k.Input) == 1 {
		x = k.Input[0]
	} else {
		return fmt.Errorf("%q is not the output of an activation function that is known", file)
	}
	if have := c.gates[place]; have.op != "" && have != found {
		return fmt.Errorf("its gates have different functions, %s and %s", have, found)
	}
	c.gates[place] = found
	return c.value(l, n.Input[0], x)
}

// String returns the function for a person.
func (a gate) String() string {
	if a.function != "" {
		return a.function
	}
	return a.kind
}

// node compares two nodes and what they read.
func (c *scanComparison) node(l *scanLevel, made, file *onnxpb.NodeProto, sameOutput bool) error {
	if !is(file, made.OpType) {
		return fmt.Errorf("%s is where a swapped %s has %s", label(file), c.scanned.op, made.OpType)
	}
	if !sameOutput || len(made.Input) != len(file.Input) || len(made.Output) != len(file.Output) {
		return fmt.Errorf("%s has other inputs or outputs than that of a swapped %s", label(file), c.scanned.op)
	}
	if l.outer == nil && !slices.Contains(c.nodes, file) {
		c.nodes = append(c.nodes, file)
	}
	for _, a := range made.Attribute {
		b := attribute(file, a.Name)
		switch {
		case a.G != nil && b.GetG() != nil:
			if err := c.body(l, a.G, file); err != nil {
				return err
			}
		case !proto.Equal(a, b):
			return fmt.Errorf("the attribute %s of %s is not that of a swapped %s", a.Name, label(file), c.scanned.op)
		}
	}
	if len(made.Attribute) != len(file.Attribute) {
		return fmt.Errorf("%s has %d attributes, not %d", label(file), len(file.Attribute), len(made.Attribute))
	}
	for i := range made.Input {
		if err := c.value(l, made.Input[i], file.Input[i]); err != nil {
			return err
		}
	}
	return nil
}

// body compares the graph of a step.
func (c *scanComparison) body(outer *scanLevel, made *onnxpb.GraphProto, scan *onnxpb.NodeProto) error {
	b := c.bodies[scan]
	if b == nil {
		return errors.New("one of its directions is none")
	}
	file := b.graph.proto
	if len(made.Input) != len(file.Input) || len(made.Output) != len(file.Output) {
		return fmt.Errorf("a step has %d inputs and %d outputs, not %d and %d", len(file.Input), len(file.Output), len(made.Input), len(made.Output))
	}
	l := &scanLevel{made: newGraph(made), file: b.graph, body: b, outer: outer, pairs: map[string]string{}}
	for i, v := range made.Output {
		if err := c.value(l, v.Name, file.Output[i].Name); err != nil {
			return err
		}
	}
	return nil
}
