package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// The operators that change how ONNX sees a tensor, and no element of it.

func convertConstant(c *converter, n *onnxpb.NodeProto) error {
	t := constantTensor(n)
	if t == nil {
		return fmt.Errorf("its value is not a tensor of numbers")
	}
	c.set(n, c.constant(t))
	return nil
}

func convertIdentity(c *converter, n *onnxpb.NodeProto) error {
	if input(n, 0) == "" {
		return fmt.Errorf("it has no input")
	}
	c.set(n, c.known[n.Input[0]])
	return nil
}

func convertCast(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	integer := isInteger(int32(intAttribute(n, "to", 0)))
	switch to := onnxpb.TensorProto_DataType(intAttribute(n, "to", 0)); {
	case k.ints != nil && !integer:
		return fmt.Errorf("it makes other numbers of a shape")
	case k.ints == nil && integer && !(k.tensor != nil && k.tensor.step == c.root && c.input.tokens):
		return fmt.Errorf("it rounds to whole numbers")
	case !integer && to != onnxpb.TensorProto_FLOAT && to != onnxpb.TensorProto_DOUBLE && to != onnxpb.TensorProto_FLOAT16 && to != onnxpb.TensorProto_BFLOAT16:
		return fmt.Errorf("it makes %s, which the engine does not have", to)
	}
	return convertIdentity(c, n)
}

func convertDropout(c *converter, n *onnxpb.NodeProto) error {
	if len(n.Output) > 1 && n.Output[1] != "" && len(c.g.users[n.Output[1]]) > 0 {
		return fmt.Errorf("its mask is read")
	}
	d := c.known[input(n, 0)].tensor
	rate := float64(floatAttribute(n, "ratio", .5))
	if name := input(n, 1); name != "" {
		w := c.known[name].weight
		if w == nil || w.size() != 1 {
			return fmt.Errorf("its ratio is not a constant")
		}
		rate = float64(c.reader.value(w.at(0)))
	}
	if d == nil || rate == 0 {
		return convertIdentity(c, n)
	}
	if !(rate > 0 && rate < 1) {
		return fmt.Errorf("its ratio is %v", rate)
	}
	if err := c.plain(d); err != nil {
		return err
	}
	c.set(n, known{tensor: c.apply(d, &step{node: n, layer: nn.Dropout{Rate: decimal(float32(rate))}})})
	return nil
}

func convertTranspose(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	rank := 0
	switch {
	case k.zeros:
		return convertIdentity(c, n)
	case k.tensor != nil:
		rank = len(k.tensor.axes)
	case k.weight != nil:
		rank = len(k.weight.dims)
	default:
		return fmt.Errorf("its input is no tensor")
	}
	perm, ok, _ := c.numbers(n, "perm", -1)
	if !ok {
		for i := range rank {
			perm = append(perm, rank-1-i)
		}
	}
	seen := make([]bool, rank)
	for _, p := range perm {
		if p < 0 || p >= rank || seen[p] {
			return fmt.Errorf("perm %v is no order of %d dimensions", perm, rank)
		}
		seen[p] = true
	}
	if len(perm) != rank {
		return fmt.Errorf("perm %v is no order of %d dimensions", perm, rank)
	}
	if k.weight != nil {
		c.set(n, known{weight: k.weight.transposed(perm)})
		return nil
	}
	if k.tensor.pad != nil {
		return c.plain(k.tensor)
	}
	var axes [][]int
	for _, p := range perm {
		axes = append(axes, k.tensor.axes[p])
	}
	c.set(n, known{tensor: k.tensor.view(axes)})
	return nil
}

func convertUnsqueeze(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	given, ok, err := c.numbers(n, "axes", 1)
	if err != nil || !ok {
		return fmt.Errorf("its axes are not constant")
	}
	insert := func(rank int) ([]int, error) {
		var list []int
		for _, a := range given {
			a, err := axisOf(a, rank+len(given))
			if err != nil {
				return nil, err
			}
			if slices.Contains(list, a) {
				return nil, fmt.Errorf("axes %v name one twice", given)
			}
			list = append(list, a)
		}
		slices.Sort(list)
		return list, nil
	}
	switch {
	case k.zeros:
		return convertIdentity(c, n)
	case k.ints != nil && k.ints.scalar && len(given) == 1:
		c.set(n, known{ints: &ints{list: k.ints.list}})
		return nil
	case k.weight != nil:
		list, err := insert(len(k.weight.dims))
		if err != nil {
			return err
		}
		dims := slices.Clone(k.weight.dims)
		for _, a := range list {
			dims = slices.Insert(dims, a, 1)
		}
		c.set(n, known{weight: k.weight.reshaped(dims)})
		return nil
	case k.tensor == nil || k.tensor.pad != nil:
		return fmt.Errorf("its input is no tensor that the engine has")
	}
	list, err := insert(len(k.tensor.axes))
	if err != nil {
		return err
	}
	axes := slices.Clone(k.tensor.axes)
	for _, a := range list {
		axes = slices.Insert(axes, a, []int(nil))
	}
	c.set(n, known{tensor: k.tensor.view(axes)})
	return nil
}

func convertSqueeze(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	var sizes []int // negative for that of the batch
	switch {
	case k.zeros:
		return convertIdentity(c, n)
	case k.ints != nil && len(k.ints.list) == 1:
		c.set(n, known{ints: &ints{k.ints.list, true}})
		return nil
	case k.weight != nil:
		sizes = k.weight.dims
	case k.tensor != nil && k.tensor.pad == nil:
		sizes = c.sizes(k.tensor)
	default:
		return fmt.Errorf("its input is no tensor that the engine has")
	}
	list, ok, err := c.axesOf(n, 1, len(sizes))
	if err != nil {
		return err
	}
	keep := func(i int) bool {
		if ok {
			return !slices.Contains(list, i)
		}
		return sizes[i] != 1
	}
	var dims []int
	var axes [][]int
	for i, size := range sizes {
		switch {
		case keep(i):
			dims = append(dims, size)
			if k.tensor != nil {
				axes = append(axes, k.tensor.axes[i])
			}
		case size != 1:
			return fmt.Errorf("dimension %d is not 1", i)
		}
	}
	if k.weight != nil {
		c.set(n, known{weight: k.weight.reshaped(dims)})
	} else {
		c.set(n, known{tensor: k.tensor.view(axes)})
	}
	return nil
}

// sizes returns those of a tensor's axes, -1 for those with the batch.
func (c *converter) sizes(d *tensor) []int {
	var list []int
	for _, axis := range c.axes(d) {
		if size := c.dimension(axis); size.batch {
			list = append(list, -1)
		} else {
			list = append(list, size.n)
		}
	}
	return list
}

func convertFlatten(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if d.pad != nil {
		return c.plain(d)
	}
	axis := int(intAttribute(n, "axis", 1))
	if axis != len(d.axes) {
		if axis, err = axisOf(axis, len(d.axes)); err != nil {
			return err
		}
	}
	c.set(n, known{tensor: d.view([][]int{slices.Concat(d.axes[:axis]...), slices.Concat(d.axes[axis:]...)})})
	return nil
}
