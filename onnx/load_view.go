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

func convertReshape(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	if k.zeros {
		return convertIdentity(c, n)
	}
	shape := c.known[input(n, 1)].ints
	if shape == nil {
		return fmt.Errorf("its shape is computed in a way that the engine does not follow")
	}
	if intAttribute(n, "allowzero", 0) != 0 {
		return fmt.Errorf("allowzero is not supported")
	}
	target := slices.Clone(shape.list)
	var have []number
	switch {
	case k.ints != nil:
		if len(target) > 1 {
			return fmt.Errorf("its input is a shape")
		}
		c.set(n, known{ints: &ints{k.ints.list, len(target) == 0}})
		return nil
	case k.weight != nil:
		for _, d := range k.weight.dims {
			have = append(have, number{n: d})
		}
	case k.tensor != nil && k.tensor.pad == nil:
		for _, axis := range c.axes(k.tensor) {
			have = append(have, c.dimension(axis))
		}
	default:
		return fmt.Errorf("its input is no tensor that the engine has")
	}
	if err := c.infer(target, have); err != nil {
		return err
	}
	if k.weight != nil {
		var dims []int
		for _, d := range target {
			dims = append(dims, d.n)
		}
		if sizeOf(dims) != k.weight.size() {
			return fmt.Errorf("%v elements in the shape %v", k.weight.size(), dims)
		}
		c.set(n, known{weight: k.weight.reshaped(dims)})
		return nil
	}
	axes, err := c.regroup(k.tensor, target)
	if err != nil {
		return err
	}
	c.set(n, known{tensor: k.tensor.view(axes)})
	return nil
}

// infer replaces the 0s and the -1 of a shape.
func (c *converter) infer(target, have []number) error {
	open, known := -1, number{n: 1}
	for i, d := range target {
		switch {
		case d.n == 0 && i < len(have) && have[i].n > 0:
			target[i] = have[i]
		case d.n == -1 && open < 0:
			open = i
			continue
		case d.n < 1:
			return fmt.Errorf("the shape has the dimension %d", d.n)
		}
		if known.n > maxSample/target[i].n || known.batch && target[i].batch {
			return fmt.Errorf("the shape is larger than the tensor")
		}
		known = number{known.n * target[i].n, known.batch || target[i].batch}
	}
	total := number{n: 1}
	for _, d := range have {
		total = number{total.n * d.n, total.batch || d.batch}
	}
	// Where the graph has a number of samples, a shape may name it.
	if total.batch && !known.batch && c.input.fixed > 0 {
		total = number{total.n * c.input.fixed, false}
	}
	if open < 0 {
		if known != total {
			return fmt.Errorf("the shape %v is not that of the tensor, which may have any number of samples", plainNumbers(target))
		}
		return nil
	}
	if known.batch && !total.batch || known.n == 0 || total.n%known.n != 0 {
		return fmt.Errorf("the shape %v is not that of the tensor, which may have any number of samples", plainNumbers(target))
	}
	target[open] = number{total.n / known.n, total.batch && !known.batch}
	return nil
}

func plainNumbers(list []number) []int {
	var out []int
	for _, d := range list {
		out = append(out, d.n)
	}
	return out
}

// regroup spreads a tensor's atoms over axes of other sizes.
func (c *converter) regroup(d *tensor, target []number) ([][]int, error) {
	left := slices.Concat(c.axes(d)...)
	var axes [][]int
	for i, want := range target {
		var axis []int
		n, samples := want.n, want.batch
		for len(left) > 0 {
			atom := left[0]
			if atom == batch {
				fixed := c.input.fixed
				switch {
				case samples:
					samples = false
				case !want.batch && fixed > 0 && n%fixed == 0 && (n > 1 || fixed == 1) && !c.later(target[i+1:]):
					n /= fixed
				default:
					atom = -2
				}
				if atom == -2 {
					break
				}
				axis, left = append(axis, batch), left[1:]
				continue
			}
			if n == 1 {
				break
			}
			size := c.atoms.size[atom]
			if size > n {
				if size%n != 0 {
					break
				}
				c.atoms.split(atom, n)
				left = append(c.atoms.leaves([]int{atom}), left[1:]...)
				continue
			}
			if n%size != 0 {
				break
			}
			n /= size
			axis, left = append(axis, atom), left[1:]
		}
		if n != 1 || samples {
			return nil, fmt.Errorf("the shape %v mixes dimensions in a way that the engine does not follow", plainNumbers(target))
		}
		axes = append(axes, axis)
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("the shape %v leaves elements of the tensor out", plainNumbers(target))
	}
	return axes, nil
}

// later tells whether one of the dimensions names the samples.
func (c *converter) later(list []number) bool {
	return slices.ContainsFunc(list, func(d number) bool { return d.batch })
}
