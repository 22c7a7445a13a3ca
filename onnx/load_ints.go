package onnx

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// ints are a shape or index that the graph computes: numbers, of which some may be
// multiples of the number of samples.
type ints struct {
	list   []number
	scalar bool
}

// A number is n, or n times the number of samples.
type number struct {
	n     int
	batch bool
}

// maxInts is the most numbers of a constant shape or index.
const maxInts = 1 << 12

// intsOf returns the numbers of a constant, or nil if it is no shape or index.
func (c *converter) intsOf(t *onnxpb.TensorProto) *ints {
	n, err := elements(t.Dims)
	if err != nil || len(t.Dims) > 1 || n > maxInts {
		return nil
	}
	list, err := c.m.ints(t)
	if err != nil {
		return nil
	}
	v := &ints{scalar: len(t.Dims) == 0}
	for _, n := range list {
		// What is out of range means "to the end".
		v.list = append(v.list, number{n: int(max(min(n, maxSample), -maxSample))})
	}
	return v
}

// numbers returns the plain numbers of an input or, before the opset in which it
// became one, of an attribute; ok tells whether they are given.
func (c *converter) numbers(n *onnxpb.NodeProto, attributeName string, i int) (list []int, ok bool, err error) {
	if a := attribute(n, attributeName); a != nil {
		for _, v := range a.Ints {
			list = append(list, int(max(min(v, maxSample), -maxSample)))
		}
		return list, true, nil
	}
	if i < 0 || input(n, i) == "" {
		return nil, false, nil
	}
	v := c.known[n.Input[i]].ints
	if v == nil {
		return nil, false, fmt.Errorf("its input %d is not a constant", i)
	}
	for _, x := range v.list {
		if x.batch {
			return nil, false, fmt.Errorf("its input %d depends on the number of samples", i)
		}
		list = append(list, x.n)
	}
	return list, true, nil
}

// axesOf returns the axes that a node names, from 0 on.
func (c *converter) axesOf(n *onnxpb.NodeProto, i, rank int) (list []int, ok bool, err error) {
	list, ok, err = c.numbers(n, "axes", i)
	for k, a := range list {
		if list[k], err = axisOf(a, rank); err != nil {
			return nil, false, err
		}
	}
	return list, ok, err
}

func axisOf(a, rank int) (int, error) {
	if a < -rank || a >= rank {
		return 0, fmt.Errorf("axis %d of %d", a, rank)
	}
	return (a + rank) % rank, nil
}

func convertShape(c *converter, n *onnxpb.NodeProto) error {
	k := c.known[input(n, 0)]
	v := &ints{}
	switch {
	case k.tensor != nil:
		for _, axis := range c.axes(k.tensor) {
			v.list = append(v.list, c.dimension(axis))
		}
	case k.weight != nil:
		for _, d := range k.weight.dims {
			v.list = append(v.list, number{n: d})
		}
	default:
		return fmt.Errorf("its input has no shape here")
	}
	if attribute(n, "start") != nil || attribute(n, "end") != nil {
		rank := len(v.list)
		from, to := clampIndex(int(intAttribute(n, "start", 0)), rank), clampIndex(int(intAttribute(n, "end", int64(rank))), rank)
		v.list = v.list[from:max(from, to)]
	}
	c.set(n, known{ints: v})
	return nil
}

func clampIndex(i, n int) int {
	if i < 0 {
		i += n
	}
	return max(0, min(i, n))
}

// dimension returns the size of an axis.
func (c *converter) dimension(axis []int) number {
	d := number{n: c.atoms.sizeOf(axis)}
	for _, atom := range axis {
		d.batch = d.batch || atom == batch
	}
	return d
}

func convertConstantOfShape(c *converter, n *onnxpb.NodeProto) error {
	t := attribute(n, "value").GetT()
	if t == nil {
		c.set(n, known{zeros: true})
		return nil
	}
	if size, err := elements(t.Dims); err != nil || size != 1 {
		return fmt.Errorf("its value has the shape %v, not one element", t.Dims)
	}
	if x, err := c.m.floats(t); err == nil && x[0] == 0 {
		c.set(n, known{zeros: true})
		return nil
	}
	shape := c.known[input(n, 0)].ints
	x, err := c.m.ints(t)
	if err != nil || shape == nil || len(shape.list) > 1 {
		return fmt.Errorf("it makes a constant of which the engine has none")
	}
	v := &ints{scalar: len(shape.list) == 0}
	count := 1
	for _, d := range shape.list {
		if d.batch || d.n < 0 || d.n > maxInts {
			return fmt.Errorf("it makes a constant of which the engine has none")
		}
		count = d.n
	}
	for range count {
		v.list = append(v.list, number{n: int(max(min(x[0], maxSample), -maxSample))})
	}
	c.set(n, known{ints: v})
	return nil
}

// arithmetic computes with numbers of shapes; ok is false where they are none.
func (c *converter) arithmetic(n *onnxpb.NodeProto) (ok bool, err error) {
	a, b := c.known[input(n, 0)].ints, c.known[input(n, 1)].ints
	if a == nil || b == nil {
		return false, nil
	}
	count := max(len(a.list), len(b.list))
	if len(a.list) != count && len(a.list) != 1 || len(b.list) != count && len(b.list) != 1 || min(len(a.list), len(b.list)) == 0 {
		return true, fmt.Errorf("its inputs have %d and %d elements", len(a.list), len(b.list))
	}
	v := &ints{scalar: a.scalar && b.scalar}
	for i := range count {
		x, err := calculate(n.OpType, a.list[i%len(a.list)], b.list[i%len(b.list)])
		if err != nil {
			return true, err
		}
		v.list = append(v.list, x)
	}
	c.set(n, known{ints: v})
	return true, nil
}

func calculate(op string, x, y number) (number, error) {
	fail := fmt.Errorf("it computes a shape from the number of samples that the engine has no form for")
	var r number
	switch op {
	case "Add", "Sub":
		if x.batch != y.batch {
			return r, fail
		}
		r = number{x.n + y.n, x.batch}
		if op == "Sub" {
			r.n = x.n - y.n
		}
	case "Mul":
		if x.batch && y.batch {
			return r, fail
		}
		r = number{x.n * y.n, x.batch || y.batch}
	case "Div":
		if y.n == 0 || y.batch && !x.batch || x.n%y.n != 0 && x.batch {
			return r, fail
		}
		r = number{x.n / y.n, x.batch && !y.batch}
	}
	r.n = max(min(r.n, maxSample), -maxSample)
	return r, nil
}

// gatherInts, sliceInts and concatInts rearrange shapes.

func (c *converter) gatherInts(n *onnxpb.NodeProto, from *ints) error {
	index := c.known[input(n, 1)].ints
	if index == nil || from.scalar || intAttribute(n, "axis", 0) != 0 && intAttribute(n, "axis", 0) != -1 {
		return fmt.Errorf("its indices are not constant")
	}
	v := &ints{scalar: index.scalar}
	for _, i := range index.list {
		k, err := axisOf(i.n, len(from.list))
		if i.batch || err != nil {
			return fmt.Errorf("index %d of %d", i.n, len(from.list))
		}
		v.list = append(v.list, from.list[k])
	}
	c.set(n, known{ints: v})
	return nil
}

func (c *converter) concatInts(n *onnxpb.NodeProto) error {
	v := &ints{}
	for i := range n.Input {
		part := c.known[input(n, i)].ints
		if part == nil || len(v.list)+len(part.list) > maxInts {
			return fmt.Errorf("its input %d is no shape", i)
		}
		v.list = append(v.list, part.list...)
	}
	c.set(n, known{ints: v})
	return nil
}

// sliced is what a Slice takes of an axis.
type sliced struct{ axis, from, step, count int }

// spans reads the bounds of a Slice of dimensions of these sizes, negative where
// they are open.
func (c *converter) spans(n *onnxpb.NodeProto, sizes []int) ([]sliced, error) {
	starts, ok, err := c.numbers(n, "starts", 1)
	if err != nil || !ok {
		return nil, fmt.Errorf("its starts are not constant")
	}
	ends, ok, err := c.numbers(n, "ends", 2)
	if err != nil || !ok || len(ends) != len(starts) {
		return nil, fmt.Errorf("its ends are not constant")
	}
	axes, ok, err := c.axesOf(n, 3, len(sizes))
	if err != nil {
		return nil, err
	}
	if !ok {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	steps, ok, err := c.numbers(n, "steps", 4)
	if err != nil || ok && len(steps) != len(starts) || len(axes) != len(starts) || len(axes) > len(sizes) {
		return nil, fmt.Errorf("its axes or steps do not fit its starts")
	}
	var list []sliced
	for i, axis := range axes {
		s := sliced{axis: axis, step: 1}
		if ok {
			s.step = steps[i]
		}
		size := sizes[axis]
		if size < 0 {
			if starts[i] != 0 || ends[i] < maxSample || s.step != 1 {
				return nil, fmt.Errorf("it takes some samples of a batch")
			}
			continue
		}
		if s.step < 1 {
			return nil, fmt.Errorf("step %d is not supported", s.step)
		}
		s.from = clampIndex(starts[i], size)
		s.count = max(0, (clampIndex(ends[i], size)-s.from+s.step-1)/s.step)
		if s.from != 0 || s.step != 1 || s.count != size {
			list = append(list, s)
		}
	}
	return list, nil
}
