package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// gates are the places of ONNX's gates for each of the engine's: i, f, g, o of
// i, o, f, c, and r, z, n of z, r, h.
var gates = map[string][]int{"LSTM": {0, 2, 3, 1}, "GRU": {1, 0, 2}, "RNN": {0}}

func convertRecurrent(c *converter, n *onnxpb.NodeProto) error {
	list, err := gatesOf(n)
	if err != nil {
		return err
	}
	return c.recurrent(n, list, nil)
}

// recurrent makes the layer of a recurrent node with these functions, or of the
// Scans that the node stands for.
func (c *converter) recurrent(n *onnxpb.NodeProto, list []gate, scanned *scannedRecurrence) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if err := c.plain(d); err != nil {
		return err
	}
	ways, err := directions(n)
	if err != nil {
		return err
	}
	directions := len(ways)
	if ways[0] {
		return fmt.Errorf("direction reverse is not supported")
	}
	for _, check := range []struct {
		name string
		want int64
		on   string
	}{{"layout", 0, ""}, {"input_forget", 0, ""}, {"linear_before_reset", 1, "GRU"}} {
		if check.on != "" && check.on != n.OpType {
			continue
		}
		if v := intAttribute(n, check.name, 0); v != check.want {
			return fmt.Errorf("%s %d is not supported, but %d", check.name, v, check.want)
		}
	}
	if attribute(n, "clip") != nil {
		return fmt.Errorf("clip is not supported")
	}
	if err := c.initialState(n); err != nil {
		return err
	}
	w, err := c.weights(n, 1, 3)
	if err != nil {
		return err
	}
	r, err := c.weights(n, 2, 3)
	if err != nil {
		return err
	}
	place := gates[n.OpType]
	count, units, features := len(place), r.dims[2], w.dims[2]
	if units < 1 || !slices.Equal(w.dims[:2], []int{directions, count * units}) || !slices.Equal(r.dims[:2], w.dims[:2]) ||
		intAttribute(n, "hidden_size", int64(units)) != int64(units) {
		return fmt.Errorf("weights of the shapes %v and %v for %d directions", w.dims, r.dims, directions)
	}
	var bias *weight
	if input(n, 3) != "" {
		if bias, err = c.weights(n, 3, 2); err != nil {
			return err
		}
		if !slices.Equal(bias.dims, []int{directions, 2 * count * units}) {
			return fmt.Errorf("a bias of the shape %v for %d units in %d directions", bias.dims, units, directions)
		}
	}
	if len(d.axes) != 3 {
		return fmt.Errorf("its input has %d dimensions", len(d.axes))
	}
	axes := c.axes(d)
	if !slices.Equal(axes[1], []int{batch}) || slices.Contains(axes[0], batch) || slices.Contains(axes[2], batch) {
		return fmt.Errorf("its input is not time steps x samples x features")
	}
	if c.atoms.sizeOf(axes[2]) != features {
		return fmt.Errorf("weights for %d features, of which its input has %d", features, c.atoms.sizeOf(axes[2]))
	}
	if !c.want(d, axes[0], axes[2]) {
		return fmt.Errorf("its input is no sequence in the engine, where it has the dimensions %v", c.shape(d.layout))
	}
	groups := c.groups(d.layout)
	perm := c.atoms.permutation(groups[1], axes[2])
	layer, err := recurrentLayerOf(n, list, units, directions)
	if err != nil {
		return err
	}
	at := n
	if scanned != nil {
		at = scanned.last
	}
	s := step{node: at, inputs: []*step{d.step}, layer: layer, directions: directions}
	columns := count * units
	for k := range directions {
		prefix := []string{"", "reverse_"}[k]
		// row returns where the column of a projection is in a direction's rows.
		row := func(column int) int { return k*columns + place[column/units]*units + column%units }
		s.bindings = append(s.bindings,
			binding{param: prefix + "weight", from: w, index: func(i int) int { return row(i%columns)*features + perm(i/columns) }},
			binding{param: prefix + "recurrent_weight", from: r, index: func(i int) int { return row(i%columns)*units + i/columns }})
		first := func(i int) int { return row(i) + k*columns }
		second := func(i int) int { return row(i) + (k+1)*columns }
		missing := binding{addTo: n, addAs: 3, addDims: []int64{int64(directions), int64(2 * columns)}}
		if scanned != nil {
			missing.addBy = scanned.addBias
		}
		one, two := binding{from: bias, index: first}, binding{from: bias, index: second}
		if bias == nil {
			one, two = missing, missing
			one.index, two.index = first, second
		}
		one.param, two.param = prefix+"bias", prefix+"recurrent_bias"
		if n.OpType != "GRU" {
			one.plus = second
			s.bindings = append(s.bindings, one)
			continue
		}
		s.bindings = append(s.bindings, one, two)
	}
	direction, unit := c.atoms.new(directions), c.atoms.new(units)
	both := slices.Concat(direction, unit)
	if used(c, n, 0) {
		all := s
		out, err := c.add(&all, [][]int{axes[0], both}, [][]int{axes[0], direction, {batch}, unit})
		if err != nil {
			return err
		}
		c.known[n.Output[0]] = known{tensor: out}
	}
	if used(c, n, 1) {
		last := s
		last.layer = withLast(s.layer)
		out, err := c.add(&last, [][]int{both}, [][]int{direction, {batch}, unit})
		if err != nil {
			return err
		}
		c.known[n.Output[1]] = known{tensor: out}
	}
	if used(c, n, 2) {
		c.fault(at, "its last state of the cells, %q, is read; the engine has none", n.Output[2])
	}
	return nil
}

// used tells whether a node's output is needed.
func used(c *converter, n *onnxpb.NodeProto, i int) bool {
	return i < len(n.Output) && n.Output[i] != "" && (len(c.g.users[n.Output[i]]) > 0 || n.Output[i] == c.output.name)
}

func withLast(l nn.Layer) nn.Layer {
	switch l := l.(type) {
	case nn.LSTM:
		l.Last = true
		return l
	case nn.GRU:
		l.Last = true
		return l
	case nn.RNN:
		l.Last = true
		return l
	}
	return l
}

// initialState returns an error if a recurrent node does not begin with zeros.
func (c *converter) initialState(n *onnxpb.NodeProto) error {
	for i := 4; i < len(n.Input); i++ {
		name := n.Input[i]
		if name == "" {
			continue
		}
		switch k := c.known[name]; {
		case i == 4:
			return fmt.Errorf("lengths of sequences are not supported")
		case i == 7:
			return fmt.Errorf("peepholes are not supported")
		case k.zeros || k.weight != nil && c.isZero(k.weight):
		default:
			return fmt.Errorf("its initial state %q is not zero; the engine begins with zeros", name)
		}
	}
	return nil
}

// recurrentLayerOf returns the layer of a recurrent node with these functions.
func recurrentLayerOf(n *onnxpb.NodeProto, list []gate, units, directions int) (nn.Layer, error) {
	each := len(list) / directions
	var specs []string
	for i, g := range list {
		if g != list[i%each] {
			return nil, fmt.Errorf("its directions have different activations")
		}
		if g.function == "" {
			return nil, fmt.Errorf("the engine has no activation %s", g.op)
		}
		specs = append(specs, g.function)
	}
	both := directions == 2
	switch n.OpType {
	case "LSTM":
		if specs[1] != specs[2] {
			return nil, fmt.Errorf("its activations %s and %s differ; the engine has one for both", specs[1], specs[2])
		}
		return nn.LSTM{Units: units, Gate: specs[0], Activation: specs[1], Bidirectional: both}, nil
	case "GRU":
		return nn.GRU{Units: units, Gate: specs[0], Activation: specs[1], Bidirectional: both}, nil
	}
	return nn.RNN{Units: units, Activation: specs[0], Bidirectional: both}, nil
}
