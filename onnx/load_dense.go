package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

func convertGemm(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	w, err := c.weights(n, 1, 2)
	if err != nil {
		return err
	}
	if len(d.axes) != 2 || intAttribute(n, "transA", 0) != 0 {
		return fmt.Errorf("its input has %d dimensions, or is transposed (transA), where the engine takes 2 as they are", len(d.axes))
	}
	if intAttribute(n, "transB", 0) != 0 {
		w = w.transposed([]int{1, 0})
	}
	alpha, beta := floatAttribute(n, "alpha", 1), floatAttribute(n, "beta", 1)
	if alpha == 0 {
		return fmt.Errorf("alpha is 0")
	}
	var bias *weight
	if name := input(n, 2); name != "" && beta != 0 {
		if bias = c.known[name].weight; bias == nil {
			return fmt.Errorf("its bias is not a constant")
		}
		if bias.size() != w.dims[1] || len(bias.dims) > 2 || len(bias.dims) == 2 && bias.dims[0] != 1 {
			return fmt.Errorf("its bias has the shape %v, not one number for each of %d units", bias.dims, w.dims[1])
		}
	}
	out, err := c.dense(n, d, w, alpha)
	if err != nil {
		return err
	}
	if bias != nil {
		out.step.setBias(bias, beta)
	}
	c.set(n, known{tensor: out})
	return nil
}

func convertMatMul(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	w, err := c.weights(n, 1, 2)
	if err != nil {
		return err
	}
	if len(d.axes) < 2 {
		return fmt.Errorf("its input has %d dimensions", len(d.axes))
	}
	out, err := c.dense(n, d, w, 1)
	if err != nil {
		return err
	}
	c.set(n, known{tensor: out})
	return nil
}

// dense makes the product of the last axis and a matrix of inputs x units.
func (c *converter) dense(n *onnxpb.NodeProto, d *tensor, w *weight, alpha float32) (*tensor, error) {
	last := len(d.axes) - 1
	d, perm, err := c.channels(n, d, last)
	if err != nil {
		return nil, err
	}
	inputs, units := w.dims[0], w.dims[1]
	if have := c.atoms.sizeOf(c.axis(d, last)); have != inputs || units < 1 {
		return nil, fmt.Errorf("a matrix of the shape %v for %d features", w.dims, have)
	}
	s := &step{node: n, inputs: []*step{d.step}}
	groups := c.groups(d.layout)
	if len(groups) > 2 {
		s.layer = nn.Conv2D{Filters: units, Kernel: nn.Square(1), NoBias: true}
	} else {
		s.layer = nn.Dense{Units: units, NoBias: true}
	}
	s.bindings = []binding{{param: "weight", from: w, scale: float64(alpha), index: func(i int) int { return perm(i/units)*units + i%units }}}
	out := c.atoms.new(units)
	return c.add(s, append(slices.Clone(groups[:len(groups)-1]), out), append(slices.Clone(d.axes[:last]), out))
}

// setBias gives a layer a bias, one number for each of its outputs.
func (s *step) setBias(bias *weight, scale float32) bool {
	switch l := s.layer.(type) {
	case nn.Dense:
		l.NoBias = false
		s.layer = l
	case nn.Conv2D:
		l.NoBias = false
		s.layer = l
	default:
		return false
	}
	s.bindings = append(s.bindings, binding{param: "bias", from: bias, scale: float64(scale), index: same})
	return true
}

// convertArithmetic is a sum or product of tensors or with a constant.
func convertArithmetic(c *converter, n *onnxpb.NodeProto) error {
	if len(n.Input) != 2 {
		return fmt.Errorf("it has %d inputs; the engine takes two", len(n.Input))
	}
	if ok, err := c.arithmetic(n); ok {
		return err
	}
	a, b := c.known[n.Input[0]], c.known[n.Input[1]]
	commutes := n.OpType == "Add" || n.OpType == "Mul" || n.OpType == "Sum"
	switch {
	case a.tensor != nil && b.tensor != nil:
		if !commutes {
			return fmt.Errorf("the engine has sums and products of two tensors, but no such operator")
		}
		return c.join(n, a.tensor, b.tensor)
	case a.tensor != nil && b.weight != nil:
		return c.affine(n, a.tensor, b.weight)
	case b.tensor != nil && a.weight != nil && commutes:
		return c.affine(n, b.tensor, a.weight)
	}
	return fmt.Errorf("the engine takes tensors, and constants after them")
}

// join adds or multiplies two tensors.
func (c *converter) join(n *onnxpb.NodeProto, a, b *tensor) error {
	for _, d := range []*tensor{a, b} {
		if err := c.plain(d); err != nil {
			return err
		}
	}
	s := &step{node: n}
	switch {
	case c.align(a, b):
		s.layer = nn.Residual{}
		if n.OpType == "Mul" {
			s.layer = nn.Product{}
		}
	case n.OpType == "Mul":
		gate, ok := c.gate(n, a, b)
		if !ok {
			if gate, ok = c.gate(n, b, a); !ok {
				return fmt.Errorf("its inputs do not have the same shape, and none of them is one number for each channel of the other")
			}
			a = b
		}
		b = gate
		s.layer = nn.Product{}
	default:
		return fmt.Errorf("its inputs do not have the same shape and order in the engine")
	}
	s.inputs = []*step{a.step, b.step}
	if a.layout.groups != nil {
		c.total += sizeOf(c.shape(a.layout))
	}
	c.place(s)
	out := *a
	out.step = s
	c.set(n, known{tensor: &out})
	return nil
}

// gate returns b as one number for each channel of a, and whether it is.
func (c *converter) gate(n *onnxpb.NodeProto, a, b *tensor) (*tensor, bool) {
	if a.layout.groups == nil || b.layout.groups == nil || len(a.axes) != len(b.axes) {
		return nil, false
	}
	have, want := c.marks(b), c.marks(a)
	groups := c.groups(b.layout)
	for _, g := range groups[:len(groups)-1] {
		if len(g) > 0 {
			return nil, false
		}
	}
	if !slices.Equal(have[0], want[0]) || !slices.Equal(have[len(have)-1], want[len(want)-1]) {
		return nil, false
	}
	if len(groups) > 1 {
		b = c.flatten(n, b)
	}
	return b, true
}

// affine adds a constant to a tensor, or multiplies it.
func (c *converter) affine(n *onnxpb.NodeProto, d *tensor, w *weight) error {
	if err := c.plain(d); err != nil {
		return err
	}
	if len(w.dims) > len(d.axes) {
		return fmt.Errorf("its constant has the shape %v, more dimensions than its input", w.dims)
	}
	if w.size() == 1 {
		return c.scalar(n, d, w)
	}
	// The one dimension that is not 1.
	axis, offset := -1, len(d.axes)-len(w.dims)
	for i, size := range w.dims {
		if size == 1 {
			continue
		}
		if have := c.dimension(c.axis(d, offset+i)); have.batch || have.n != size {
			return fmt.Errorf("its constant has the shape %v, which does not fit dimension %d of its input", w.dims, offset+i)
		}
		if axis >= 0 {
			return c.table(n, d, w)
		}
		axis = offset + i
	}
	if n.OpType == "Add" && c.mergeBias(n, d, w, axis) {
		return nil
	}
	d, perm, err := c.channels(n, d, axis)
	if err != nil {
		return err
	}
	b := binding{param: "scale", from: w, index: perm}
	l := nn.Affine{NoShift: true}
	switch n.OpType {
	case "Div":
		b.reciprocal = true
	case "Sub":
		b.scale = -1
		fallthrough
	case "Add", "Sum":
		b.param = "shift"
		l = nn.Affine{NoScale: true}
	}
	c.set(n, known{tensor: c.apply(d, &step{node: n, layer: l, bindings: []binding{b}})})
	return nil
}

// mergeBias makes a constant the bias of the layer before, if nothing else reads
// that.
func (c *converter) mergeBias(n *onnxpb.NodeProto, d *tensor, w *weight, axis int) bool {
	from := n.Input[0]
	if c.known[from].tensor == nil {
		from = n.Input[1]
	}
	s := d.step
	if len(s.bindings) != 1 || s.node != c.g.producer[from] || c.g.onlyUser(from) != n || !is(s.node, "MatMul") && !is(s.node, "Conv") {
		return false
	}
	groups := c.groups(d.layout)
	if !slices.Equal(groups[len(groups)-1], c.axis(d, axis)) || !s.setBias(w, 1) {
		return false
	}
	c.set(n, known{tensor: d})
	return true
}

// scalar adds or multiplies one number, which is not trained.
func (c *converter) scalar(n *onnxpb.NodeProto, d *tensor, w *weight) error {
	b := binding{param: "scale", from: w, index: func(int) int { return 0 }, fixed: true}
	l := nn.Affine{NoShift: true, Frozen: true}
	switch n.OpType {
	case "Div":
		b.reciprocal = true
	case "Sub":
		b.scale = -1
		fallthrough
	case "Add", "Sum":
		b.param = "shift"
		l = nn.Affine{NoScale: true, Frozen: true}
	}
	c.set(n, known{tensor: c.apply(d, &step{node: n, layer: l, bindings: []binding{b}})})
	return nil
}

// table adds a constant of the size of a sequence.
func (c *converter) table(n *onnxpb.NodeProto, d *tensor, w *weight) error {
	fail := fmt.Errorf("its constant has the shape %v; the engine takes one number, one for each channel, or a sum with one for each element of a sequence", w.dims)
	if n.OpType != "Add" || w.size() != c.atoms.sizeOf(c.sample(d)) {
		return fail
	}
	c.decide(d)
	groups := c.groups(d.layout)
	if len(groups) != 2 {
		return fail
	}
	perm := c.atoms.permutation(slices.Concat(groups...), c.sample(d))
	c.set(n, known{tensor: c.apply(d, &step{
		node: n, layer: nn.PositionEmbedding{}, bindings: []binding{{param: "weight", from: w, index: perm}},
	})})
	return nil
}
