package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

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
