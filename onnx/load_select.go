package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// Parts of tensors: the engine has the last step of a recurrent layer and the
// directions of one, and none of anything else.

func convertGather(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	switch {
	case k.zeros:
		return convertIdentity(c, n)
	case k.ints != nil:
		return c.gatherInts(n, k.ints)
	case k.weight != nil && c.known[input(n, 1)].tensor != nil:
		return c.embed(n, k.weight)
	}
	index := c.known[input(n, 1)].ints
	if index == nil || slices.ContainsFunc(index.list, func(i number) bool { return i.batch }) {
		return fmt.Errorf("its indices are not constant")
	}
	if k.weight != nil {
		axis, err := axisOf(int(intAttribute(n, "axis", 0)), len(k.weight.dims))
		if err != nil {
			return err
		}
		var parts []*weight
		for _, i := range index.list {
			at, err := axisOf(i.n, k.weight.dims[axis])
			if err != nil {
				return fmt.Errorf("index %d of %d", i.n, k.weight.dims[axis])
			}
			parts = append(parts, k.weight.sliced(axis, at, 1, 1))
		}
		if len(parts) == 0 {
			return fmt.Errorf("it takes nothing")
		}
		w := joined(parts, axis)
		if index.scalar {
			w = w.reshaped(slices.Delete(slices.Clone(w.dims), axis, axis+1))
		}
		c.set(n, known{weight: w})
		return nil
	}
	d := k.tensor
	if d == nil || len(index.list) != 1 {
		return fmt.Errorf("it takes parts of a tensor, of which the engine has none")
	}
	axis, err := axisOf(int(intAttribute(n, "axis", 0)), len(d.axes))
	if err != nil {
		return err
	}
	return c.selectIndex(n, d, axis, index.list[0].n, !index.scalar)
}

// selectIndex takes one index of an axis.
func (c *converter) selectIndex(n *onnxpb.NodeProto, d *tensor, axis, index int, keep bool) error {
	list := c.axis(d, axis)
	size := c.dimension(list)
	if size.batch {
		return fmt.Errorf("it takes some samples of a batch")
	}
	at, err := axisOf(index, size.n)
	if err != nil {
		return fmt.Errorf("index %d of %d", index, size.n)
	}
	if err := c.plain(d); err != nil {
		return err
	}
	axes := slices.Clone(d.axes)
	if keep {
		axes[axis] = nil
	} else {
		axes = slices.Delete(axes, axis, axis+1)
	}
	if size.n == 1 {
		c.set(n, known{tensor: d.view(axes)})
		return nil
	}
	groups := c.groups(d.layout)
	if d.step.directions > 0 && len(groups) == 2 && slices.Equal(groups[0], list) {
		if at != size.n-1 {
			return fmt.Errorf("it takes step %d of %d; the engine has the last one", at, size.n)
		}
		if d.step.directions == 2 {
			return fmt.Errorf("it takes the last step of both directions, which is the first of one; the engine has the end of each")
		}
		s := *d.step
		s.layer = withLast(s.layer)
		out, err := c.add(&s, groups[1:], axes)
		if err != nil {
			return err
		}
		c.set(n, known{tensor: out})
		return nil
	}
	if d.step.directions > 0 && len(list) == 1 && slices.Contains(groups[len(groups)-1], list[0]) {
		out := d.view(axes)
		out.pick = &pick{list[0], at}
		c.set(n, known{tensor: out})
		return nil
	}
	return fmt.Errorf("it takes index %d of %d along axis %d; the engine takes the last step of a recurrent layer alone", at, size.n, axis)
}

// embed makes rows of a table of the input's tokens.
func (c *converter) embed(n *onnxpb.NodeProto, table *weight) error {
	d := c.known[input(n, 1)].tensor
	if axis := intAttribute(n, "axis", 0); axis != 0 || len(table.dims) != 2 {
		return fmt.Errorf("it takes axis %d of a table of the shape %v; the engine takes rows of tokens x units", axis, table.dims)
	}
	if d.step != c.root || d.pad != nil || !c.input.tokens {
		return fmt.Errorf("its indices are computed; the engine takes tokens that are the model's input")
	}
	if table.dims[0] < 1 || table.dims[1] < 1 {
		return fmt.Errorf("its table has the shape %v", table.dims)
	}
	list := c.sample(d)
	if !c.want(d, list) || !slices.Equal(c.groups(d.layout)[0], list) {
		return fmt.Errorf("other nodes read the tokens in another order")
	}
	units := c.atoms.new(table.dims[1])
	s := &step{
		node: n, inputs: []*step{c.root}, layer: nn.Embedding{Tokens: table.dims[0], Units: table.dims[1]},
		bindings: []binding{{param: "weight", from: table, index: same}},
	}
	out, err := c.add(s, [][]int{list, units}, append(slices.Clone(d.axes), units))
	if err != nil {
		return err
	}
	c.set(n, known{tensor: out})
	return nil
}

func same(i int) int { return i }

func convertSlice(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	var sizes []int
	switch {
	case k.zeros:
		return convertIdentity(c, n)
	case k.ints != nil:
		sizes = []int{len(k.ints.list)}
	case k.weight != nil:
		sizes = k.weight.dims
	case k.tensor != nil:
		sizes = c.sizes(k.tensor)
	}
	list, err := c.spans(n, sizes)
	if err != nil {
		return err
	}
	switch {
	case k.ints != nil:
		v := &ints{list: k.ints.list}
		for _, s := range list {
			var part []number
			for i := range s.count {
				part = append(part, v.list[s.from+i*s.step])
			}
			v.list = part
		}
		c.set(n, known{ints: v})
	case k.weight != nil:
		w := k.weight
		for _, s := range list {
			w = w.sliced(s.axis, s.from, s.step, s.count)
		}
		c.set(n, known{weight: w})
	case len(list) == 0:
		return convertIdentity(c, n)
	case len(list) > 1 || list[0].count != 1:
		return fmt.Errorf("it takes parts of a tensor, of which the engine has none")
	default:
		return c.selectIndex(n, k.tensor, list[0].axis, list[0].from, true)
	}
	return nil
}

func convertExpand(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	if k.weight != nil && c.isZero(k.weight) {
		c.set(n, known{zeros: true})
		return nil
	}
	if k.zeros {
		return convertIdentity(c, n)
	}
	shape := c.known[input(n, 1)].ints
	if k.tensor == nil || shape == nil || len(shape.list) > len(k.tensor.axes) {
		return fmt.Errorf("it repeats elements; the engine has no layer for that")
	}
	axes := c.axes(k.tensor)
	for i, d := range shape.list {
		if have := c.dimension(axes[len(axes)-len(shape.list)+i]); d != have && d.n != 1 {
			return fmt.Errorf("it repeats elements; the engine has no layer for that")
		}
	}
	return convertIdentity(c, n)
}

// isZero tells whether all elements of a constant are 0.
func (c *converter) isZero(w *weight) bool {
	for i := range w.size() {
		if c.reader.value(w.at(i)) != 0 {
			return false
		}
	}
	return true
}

func convertConcat(c *converter, n *onnxpb.NodeProto) error {
	if len(n.Input) == 0 {
		return fmt.Errorf("it has no input")
	}
	var tensors []*tensor
	var weights []*weight
	zeros := 0
	for i := range n.Input {
		switch k := c.known[input(n, i)]; {
		case k.ints != nil:
			return c.concatInts(n)
		case k.tensor != nil:
			tensors = append(tensors, k.tensor)
		case k.weight != nil:
			weights = append(weights, k.weight)
		case k.zeros:
			zeros++
		}
	}
	switch len(n.Input) {
	case zeros:
		return convertIdentity(c, n)
	case len(weights):
		axis, err := axisOf(int(intAttribute(n, "axis", 0)), len(weights[0].dims))
		if err != nil {
			return err
		}
		first := weights[0].dims
		for _, w := range weights[1:] {
			if len(w.dims) != len(first) || !slices.Equal(w.dims[:axis], first[:axis]) || !slices.Equal(w.dims[axis+1:], first[axis+1:]) {
				return fmt.Errorf("its inputs have the shapes %v and %v", first, w.dims)
			}
		}
		w := joined(weights, axis)
		if w.dims[axis] > maxWeight || sizeOf(w.dims) > maxWeight {
			return fmt.Errorf("it makes more than %d elements", maxWeight)
		}
		c.set(n, known{weight: w})
		return nil
	case len(tensors):
		return c.concat(n, tensors)
	}
	return fmt.Errorf("it joins a tensor and a constant")
}

// concat puts the channels of tensors side by side.
func (c *converter) concat(n *onnxpb.NodeProto, list []*tensor) error {
	rank := len(list[0].axes)
	axis, err := axisOf(int(intAttribute(n, "axis", 0)), rank)
	if err != nil {
		return err
	}
	if len(list) == 1 {
		return convertIdentity(c, n)
	}
	if list[0].pick != nil {
		return c.concatPicks(n, list, axis)
	}
	var s step
	var outer [][]int
	var first [][]mark
	channels := 0
	for i, d := range list {
		if len(d.axes) != rank {
			return fmt.Errorf("its inputs have %d and %d dimensions", rank, len(d.axes))
		}
		d, _, err := c.channels(n, d, axis)
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
		groups, last := c.groups(d.layout), c.axis(d, axis)
		k := len(groups) - 1
		if !slices.Equal(groups[k], last) {
			return fmt.Errorf("input %d has its channels in another order in the engine", i)
		}
		place := c.marks(d)[:k+1] // the batch comes first
		if i == 0 {
			outer, first = groups[:k], place
		} else if !slices.EqualFunc(place, first, slices.Equal) {
			return fmt.Errorf("inputs 0 and %d differ in other dimensions than that of the channels", i)
		}
		if channels += c.atoms.sizeOf(last); channels > maxSample {
			return fmt.Errorf("its output has more than %d channels", maxSample)
		}
		s.inputs = append(s.inputs, d.step)
	}
	s.node, s.layer = n, nn.Concat{}
	c.shorten(&s)
	joined := c.atoms.new(channels)
	axes := slices.Clone(list[0].axes)
	axes[axis] = joined
	out, err := c.add(&s, append(slices.Clone(outer), joined), axes)
	if err != nil {
		return err
	}
	c.concats = append(c.concats, &s)
	c.set(n, known{tensor: out})
	return nil
}

// shorten replaces the first inputs of a concatenation by another one of them, which
// a DenseNet's blocks are full of.
func (c *converter) shorten(s *step) {
	for _, other := range slices.Backward(c.concats) {
		if n := len(other.all()); n < len(s.inputs) && slices.Equal(other.all(), s.inputs[:n]) {
			s.joined = s.inputs
			s.inputs = append([]*step{other}, s.inputs[n:]...)
			return
		}
	}
}

// all returns the inputs of a concatenation as the graph has them.
func (s *step) all() []*step {
	if s.joined != nil {
		return s.joined
	}
	return s.inputs
}

// concatPicks puts the directions of a recurrent layer side by side, as its output
// has them.
func (c *converter) concatPicks(n *onnxpb.NodeProto, list []*tensor, axis int) error {
	first := list[0]
	for i, d := range list {
		if d.pick == nil || d.step != first.step || *d.pick != (pick{first.pick.atom, i}) || len(d.axes) != len(first.axes) || d.pad != nil {
			return fmt.Errorf("it joins parts of a recurrent layer in another way than the engine does")
		}
	}
	if c.atoms.size[first.pick.atom] != len(list) {
		return fmt.Errorf("it joins %d of %d directions", len(list), c.atoms.size[first.pick.atom])
	}
	axes := slices.Clone(first.axes)
	axes[axis] = append([]int{first.pick.atom}, axes[axis]...)
	out := first.view(axes)
	out.pick = nil
	c.set(n, known{tensor: out})
	return nil
}
