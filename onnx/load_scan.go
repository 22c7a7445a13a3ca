package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// The recurrent layers that Swap and Export have made of Scans, with all nodes that
// builder.scan wrote around them, are read back as the node that they stand for.

// scans are the Scans of a graph.
type scans struct {
	found   map[*onnxpb.NodeProto]*scannedRecurrence // by all of their nodes
	refused map[*onnxpb.NodeProto]error              // what other Scans differ in
}

// A scannedRecurrence is a recurrent layer in one Scan for each direction.
type scannedRecurrence struct {
	recurrence
	elem  onnxpb.TensorProto_DataType
	scans []*onnxpb.NodeProto // of each direction
	last  *onnxpb.NodeProto   // of them in the graph
	node  *onnxpb.NodeProto   // the LSTM, GRU or RNN that they stand for
	gates []gate              // the functions of each direction
}

// findScans looks at all Scans of a graph.
func (m *Model) findScans(g *graph) *scans {
	f := &scans{found: map[*onnxpb.NodeProto]*scannedRecurrence{}, refused: map[*onnxpb.NodeProto]error{}}
	bodies := map[*onnxpb.NodeProto]*scanBody{}
	for _, n := range g.proto.Node {
		if !is(n, "Scan") {
			continue
		}
		if b, err := m.scanBody(n); err != nil {
			f.refused[n] = err
		} else {
			bodies[n] = b
		}
	}
	for _, n := range g.proto.Node {
		if bodies[n] == nil || f.found[n] != nil {
			continue
		}
		// A pair of directions first: either of them looks like a layer of its own.
		list := [][]*onnxpb.NodeProto{{n}}
		if other := otherDirection(g, n); bodies[other] != nil && f.found[other] == nil {
			list = [][]*onnxpb.NodeProto{{n, other}, {n}}
		}
		for _, directions := range list {
			s, nodes, err := m.readScans(g, directions, bodies)
			if err != nil {
				f.refused[n] = err
				continue
			}
			for _, k := range nodes {
				f.found[k] = s
			}
			for _, k := range directions {
				delete(f.refused, k)
			}
			break
		}
	}
	return f
}

// A scanBody is the graph of a Scan's step.
type scanBody struct {
	op     string // of the recurrent layer that it may be a step of
	hidden int64
	elem   onnxpb.TensorProto_DataType
	graph  *graph
	acts   map[string]*activation // by what they write
}

func (b *scanBody) states() int {
	if b.op == "LSTM" {
		return 2
	}
	return 1
}

// scanBody reads the size of a Scan's step and the functions in it.
func (m *Model) scanBody(n *onnxpb.NodeProto) (*scanBody, error) {
	p := attribute(n, "body").GetG()
	if p == nil || len(p.Input) < 2 || len(p.Input) > 3 || len(p.Input) != len(n.Input) {
		return nil, errors.New("a step does not read the states and one input")
	}
	hidden, elem := rowsOf(p.Input[0])
	width, _ := rowsOf(p.Input[len(p.Input)-1])
	if hidden < 1 || hidden > 1<<24 || !isFloat(elem) {
		return nil, fmt.Errorf("the state %q of a step is not declared as rows of numbers", p.Input[0].Name)
	}
	b := &scanBody{hidden: hidden, elem: elem}
	for op, parts := range recurrentParts {
		if width == parts*hidden && (op == "LSTM") == (len(p.Input) == 3) {
			b.op = op
		}
	}
	if b.op == "" || len(n.Output) < b.states() || len(n.Output) > b.states()+1 {
		return nil, fmt.Errorf("%d states of %d numbers and an input of %d are no step of an LSTM, GRU or RNN", len(p.Input)-1, hidden, width)
	}
	b.graph, b.acts = newGraph(p), map[string]*activation{}
	for _, a := range m.activations(b.graph) {
		b.acts[a.output] = a
	}
	return b, nil
}

// rowsOf returns the width and the element type of a value that [rowsValue] has
// described.
func rowsOf(v *onnxpb.ValueInfoProto) (int64, onnxpb.TensorProto_DataType) {
	t := v.GetType().GetTensorType()
	if dims := t.GetShape().GetDim(); len(dims) == 2 {
		return dims[1].GetDimValue(), onnxpb.TensorProto_DataType(t.GetElemType())
	}
	return 0, onnxpb.TensorProto_UNDEFINED
}

// otherDirection returns the second Scan of what may be a pair of directions.
func otherDirection(g *graph, n *onnxpb.NodeProto) *onnxpb.NodeProto {
	for _, name := range n.Output {
		axis := g.onlyUser(name)
		if name == "" || axis == nil || !is(axis, "Unsqueeze") {
			continue
		}
		if join := g.onlyUser(axis.Output[0]); join != nil && is(join, "Concat") && len(join.Input) == 2 && join.Input[0] == axis.Output[0] {
			if axis = g.producer[join.Input[1]]; axis != nil && is(axis, "Unsqueeze") {
				return g.producer[input(axis, 0)]
			}
		}
	}
	return nil
}

// readScans reads what the Scans of a layer's directions compute with, and returns
// it with all nodes of the layer. It fails unless builder.scan makes the same of it.
func (m *Model) readScans(g *graph, directions []*onnxpb.NodeProto, bodies map[*onnxpb.NodeProto]*scanBody) (*scannedRecurrence, []*onnxpb.NodeProto, error) {
	first := bodies[directions[0]]
	s := &scannedRecurrence{recurrence: recurrence{op: first.op, hidden: first.hidden, backward: []bool{false, true}}, elem: first.elem, scans: directions}
	if len(directions) == 1 {
		s.backward = []bool{attribute(directions[0], "scan_input_directions") != nil}
	}
	for _, n := range g.proto.Node {
		if slices.Contains(directions, n) {
			s.last = n
		}
	}
	if err := s.readInputs(g, first); err != nil {
		return nil, nil, err
	}
	for i, output := range []*string{&s.yH, &s.yC, &s.y} {
		switch {
		case i == 1 && s.op != "LSTM":
			continue
		case i == 2:
			i = first.states()
		}
		if i < len(directions[0].Output) {
			*output = s.joined(g, directions[0].Output[i])
		}
	}
	c := &scanComparison{model: m, scanned: s, bodies: bodies, file: g}
	if err := c.compare(); err != nil {
		return nil, nil, err
	}
	s.node, s.gates = s.standsFor(), c.gates
	return s, c.nodes, nil
}

// readInputs finds the values that the first direction is computed from.
func (s *scannedRecurrence) readInputs(g *graph, body *scanBody) error {
	// behind returns what the operators before a value take, the last one first.
	behind := func(name string, ops ...string) string {
		for _, op := range ops {
			n := g.producer[name]
			if n == nil || !is(n, op) {
				return ""
			}
			name = input(n, 0)
		}
		return name
	}
	n := s.scans[0]
	// The reset gate multiplies the state, or else its product.
	s.linearBeforeReset = s.op == "GRU" && products(body.graph.proto) == 1
	steps := n.Input[len(n.Input)-1]
	if sum := g.producer[steps]; sum != nil && is(sum, "Add") {
		ofW := input(sum, 1)
		if both := behind(ofW, "Add"); both != "" {
			ofW = both
		}
		s.bias = behind(ofW, "Gather", "Reshape", "Gather")
		steps = input(sum, 0)
	}
	if product := g.producer[steps]; product != nil && is(product, "MatMul") {
		s.x, s.w = input(product, 0), behind(input(product, 1), "Transpose", "Gather")
	}
	if product := stateProduct(body.graph.proto); product != nil {
		r := behind(input(product, 1), "Transpose")
		if split := behind(r, "Split"); split != "" {
			r = split
		}
		s.r = behind(r, "Gather")
	}
	s.initialH = behind(n.Input[0], "Gather")
	if s.op == "LSTM" {
		s.initialC = behind(n.Input[1], "Gather")
	}
	if s.x == "" || s.w == "" || s.r == "" {
		return errors.New("its inputs are not the products of all steps with weights")
	}
	return nil
}

// stateProduct returns the first product of the state in a step.
func stateProduct(body *onnxpb.GraphProto) *onnxpb.NodeProto {
	for _, n := range body.Node {
		if is(n, "MatMul") && input(n, 0) == body.Input[0].Name {
			return n
		}
	}
	return nil
}

func products(body *onnxpb.GraphProto) (count int) {
	for _, n := range body.Node {
		if is(n, "MatMul") {
			count++
		}
	}
	return count
}

// joined returns the value of all directions that a Scan's output goes into, if any.
func (s *scannedRecurrence) joined(g *graph, output string) string {
	for range s.scans {
		n := g.onlyUser(output)
		if n == nil || len(n.Output) != 1 {
			return ""
		}
		output = n.Output[0]
	}
	return output
}

// standsFor returns the node that the Scans stand for.
func (s *scannedRecurrence) standsFor() *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{
		Name: s.scans[0].Name, OpType: s.op,
		Input:  []string{s.x, s.w, s.r, s.bias, "", s.initialH, s.initialC},
		Output: []string{s.y, s.yH, s.yC},
	}
	setInt(n, "hidden_size", s.hidden)
	switch {
	case len(s.backward) == 2:
		setString(n, "direction", "bidirectional")
	case s.backward[0]:
		setString(n, "direction", "reverse")
	}
	if s.linearBeforeReset {
		setInt(n, "linear_before_reset", 1)
	}
	return n
}

// scanned converts a recurrent layer at the last of its Scans.
func (c *converter) scanned(s *scannedRecurrence) {
	for _, name := range s.node.Output {
		if name != "" {
			c.known[name] = known{broken: true}
		}
	}
	for _, name := range s.node.Input {
		if c.brokenInput(name) {
			return
		}
	}
	if err := c.recurrent(s.node, s.gates, s); err != nil {
		c.fault(s.last, "%s", err)
	}
}

// addBias adds an initializer as the biases of a layer that has none.
func (s *scannedRecurrence) addBias(m *Model, names namer, tensor string) error {
	s.bias = tensor
	g := m.proto.Graph
	b := &builder{names: names, opset: m.Opset(), elem: s.elem, base: nameOf(s.scans[0]), constantNodes: m.proto.IrVersion < 4}
	for d, n := range s.scans {
		b.nodes = nil
		steps, ofState := b.biased(s.recurrence, int64(d), n.Input[len(n.Input)-1])
		n.Input[len(n.Input)-1] = steps
		g.Node = slices.Insert(g.Node, slices.Index(g.Node, n), b.nodes...)
		if ofState == "" {
			continue
		}
		body := attribute(n, "body").GetG()
		product := stateProduct(body)
		without := product.Output[0]
		product.Output[0] = names.name(without)
		sum := &onnxpb.NodeProto{Name: names.name(b.base + "/step/Add"), OpType: "Add", Input: []string{product.Output[0], ofState}, Output: []string{without}}
		body.Node = slices.Insert(body.Node, slices.Index(body.Node, product)+1, sum)
	}
	g.Node = slices.Insert(g.Node, 0, b.constNodes...)
	g.Initializer = append(g.Initializer, b.initializers...)
	return nil
}
