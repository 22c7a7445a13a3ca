package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// The engine keeps the channels of an image last, ONNX keeps them first; operators
// such as Reshape and Transpose change how ONNX sees a tensor whose elements stay
// where they are. So a tensor is made of atoms, the dimensions that nothing splits:
// the engine has them in one order, and each axis of ONNX's is a list of them.

// batch stands for the samples among the atoms of an axis.
const batch = -1

// atoms are all that a conversion has, by their numbers.
type atoms struct {
	size  []int
	parts [][2]int // of one that was split; zero if it was not
}

// new returns the atom of a dimension, in a list: one of size 1 is none.
func (a *atoms) new(size int) []int {
	if size == 1 {
		return nil
	}
	a.size, a.parts = append(a.size, size), append(a.parts, [2]int{})
	return []int{len(a.size) - 1}
}

// split replaces an atom by two, the first of that size.
func (a *atoms) split(atom, first int) {
	one, two := a.new(first)[0], a.new(a.size[atom] / first)[0]
	a.parts[atom] = [2]int{one, two}
}

// leaves returns a list with the parts of atoms that were split.
func (a *atoms) leaves(list []int) []int {
	var out []int
	for _, atom := range list {
		if atom != batch && a.parts[atom] != [2]int{} {
			out = append(out, a.leaves(a.parts[atom][:])...)
		} else {
			out = append(out, atom)
		}
	}
	return out
}

// sizeOf returns the number of elements of a list, samples apart.
func (a *atoms) sizeOf(list []int) int {
	n := 1
	for _, atom := range list {
		if atom != batch {
			n *= a.size[atom]
		}
	}
	return n
}

// permutation returns for each index into the elements of one list the index into
// those of another one, which holds the same atoms in some order.
func (a *atoms) permutation(from, to []int) func(i int) int {
	from, to = a.leaves(from), a.leaves(to)
	if slices.Equal(from, to) {
		return func(i int) int { return i }
	}
	stride := map[int]int{}
	for i, n := len(to)-1, 1; i >= 0; i-- {
		stride[to[i]] = n
		n *= a.size[to[i]]
	}
	return func(i int) int {
		at := 0
		for k := len(from) - 1; k >= 0; k-- {
			size := a.size[from[k]]
			at += i % size * stride[from[k]]
			i /= size
		}
		return at
	}
}

// sameAtoms tells whether two lists hold the same atoms in some order.
func sameAtoms(a, b []int) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// A layout is the engine's order of a tensor's atoms, dimension by dimension. It is
// nil while nothing that the engine does depends on it: then the first layer that
// does decides it.
type layout struct{ groups [][]int }

// A tensor is what the engine computes at some point of the graph.
type tensor struct {
	step   *step
	layout *layout
	axes   [][]int // of ONNX's dimensions
	pad    *padding
	pick   *pick
}

// padding are zeros around the two or one last axes that no layer has taken yet.
type padding struct{ before, after []int }

// A pick is one index of an atom: a direction of a recurrent layer.
type pick struct{ atom, index int }

func (c *converter) axis(d *tensor, i int) []int { return c.atoms.leaves(d.axes[i]) }

func (c *converter) axes(d *tensor) [][]int {
	var list [][]int
	for i := range d.axes {
		list = append(list, c.axis(d, i))
	}
	return list
}

func (c *converter) groups(l *layout) [][]int {
	var list [][]int
	for _, g := range l.groups {
		list = append(list, c.atoms.leaves(g))
	}
	return list
}

// shape returns the engine's shape of a sample.
func (c *converter) shape(l *layout) []int {
	var s []int
	for _, g := range c.groups(l) {
		s = append(s, c.atoms.sizeOf(g))
	}
	return s
}

// view returns the tensor with other axes.
func (d *tensor) view(axes [][]int) *tensor {
	v := *d
	v.axes = axes
	return &v
}

// decide gives a tensor the order that layers of images or sequences expect, unless
// it has one.
func (c *converter) decide(d *tensor) {
	if d.layout.groups != nil {
		return
	}
	var groups [][]int
	for i := range d.axes {
		if a := c.axis(d, i); !slices.Equal(a, []int{batch}) {
			groups = append(groups, withoutBatch(a))
		}
	}
	if len(d.axes) == 4 && len(groups) == 3 && !c.channelsLast(groups) {
		groups = [][]int{groups[1], groups[2], groups[0]}
	}
	// Of other numbers of dimensions the engine has features.
	if len(groups) == 0 || len(groups) > 3 {
		groups = [][]int{slices.Concat(groups...)}
	}
	d.layout.groups = groups
}

// channelsLast guesses by the sizes of an image's dimensions which is the channels,
// where nothing that reads it tells: as few as pictures have.
func (c *converter) channelsLast(dims [][]int) bool {
	few := func(list []int) bool {
		n := c.atoms.sizeOf(list)
		return n == 1 || n == 3 || n == 4
	}
	return few(dims[2]) && !few(dims[0])
}

// want gives a tensor an order of dimensions, or tells whether it has that, its
// last one in any order.
func (c *converter) want(d *tensor, groups ...[]int) bool {
	if d.layout.groups == nil {
		d.layout.groups = groups
		return true
	}
	have, last := c.groups(d.layout), len(groups)-1
	if len(have) != len(groups) {
		return false
	}
	for i, g := range groups[:last] {
		if !slices.Equal(have[i], g) {
			return false
		}
	}
	return sameAtoms(have[last], groups[last])
}

// channels makes an axis the last dimension of the engine's, flattening an image or
// sequence where the axis is all of it, and returns for each of its indices that of
// ONNX's.
func (c *converter) channels(n *onnxpb.NodeProto, d *tensor, axis int) (*tensor, func(i int) int, error) {
	if err := c.plain(d); err != nil {
		return nil, nil, err
	}
	list := c.axis(d, axis)
	if slices.Contains(list, batch) {
		return nil, nil, fmt.Errorf("it mixes the samples of a batch")
	}
	if d.layout.groups == nil {
		whole := true
		var groups [][]int
		for i := range d.axes {
			if a := c.axis(d, i); i != axis && !slices.Equal(a, []int{batch}) {
				groups = append(groups, withoutBatch(a))
				whole = whole && len(withoutBatch(a)) == 0
			}
		}
		switch {
		case whole && c.input.raw != nil && len(list) > 1:
			c.decide(c.input.raw)
		case whole:
			d.layout.groups = [][]int{list}
		case len(groups) > 2:
			return nil, nil, fmt.Errorf("its input has %d dimensions", len(d.axes))
		default:
			d.layout.groups = append(groups, list)
		}
	}
	groups := c.groups(d.layout)
	last := groups[len(groups)-1]
	if !sameAtoms(last, list) {
		if !sameAtoms(slices.Concat(groups...), list) {
			return nil, nil, fmt.Errorf("dimension %d of its input is not that of the channels or features in the engine", axis)
		}
		d = c.flatten(n, d)
		last = c.groups(d.layout)[0]
	} else if len(groups) > 1 && len(list) == 0 && len(slices.Concat(groups...)) == 0 {
		d = c.flatten(n, d)
	}
	return d, c.atoms.permutation(last, list), nil
}

// plain returns an error if a tensor is not all of what its step computes.
func (c *converter) plain(d *tensor) error {
	if d.pad != nil {
		return fmt.Errorf("its input has padding, which only Conv and AveragePool take")
	}
	if d.pick != nil {
		return fmt.Errorf("its input is one direction of a recurrent layer; the engine has both side by side")
	}
	return nil
}

// A mark is where a part of an engine's dimension lies in ONNX's axes.
type mark struct{ axis, stride, size int }

// marks describes the order of a tensor in terms of its axes alone, so that those of
// two tensors can be compared.
func (c *converter) marks(d *tensor) [][]mark {
	at := map[int]mark{}
	for i, list := range c.axes(d) {
		stride := 1
		for _, atom := range slices.Backward(list) {
			if atom == batch {
				at[batch] = mark{i, stride, 1}
				continue
			}
			at[atom] = mark{i, stride, c.atoms.size[atom]}
			stride *= c.atoms.size[atom]
		}
	}
	list := [][]mark{{at[batch]}}
	for _, g := range c.groups(d.layout) {
		var all []mark
		for _, atom := range g {
			m := at[atom]
			if k := len(all) - 1; k >= 0 && all[k].axis == m.axis && all[k].stride == m.stride*m.size {
				all[k] = mark{m.axis, m.stride, m.size * all[k].size}
			} else {
				all = append(all, m)
			}
		}
		list = append(list, all)
	}
	return list
}

// align gives the second tensor the order of the first where that is open, and tells
// whether both have the same.
func (c *converter) align(a, b *tensor) bool {
	if len(a.axes) != len(b.axes) {
		return false
	}
	if a.layout.groups == nil && b.layout.groups == nil {
		return a.layout == b.layout && slices.EqualFunc(c.axes(a), c.axes(b), slices.Equal)
	}
	if a.layout.groups == nil {
		a, b = b, a
	}
	if b.layout.groups == nil {
		var groups [][]int
		for _, g := range c.groups(a.layout) {
			i := slices.IndexFunc(c.axes(a), func(axis []int) bool { return slices.Equal(axis, g) })
			if i < 0 {
				return false
			}
			groups = append(groups, c.axis(b, i))
		}
		if !sameAtoms(slices.Concat(groups...), c.sample(b)) {
			return false
		}
		b.layout.groups = groups
	}
	for i := range a.axes {
		if c.atoms.sizeOf(c.axis(a, i)) != c.atoms.sizeOf(c.axis(b, i)) {
			return false
		}
	}
	return slices.EqualFunc(c.marks(a), c.marks(b), slices.Equal)
}

// sample returns the atoms of a sample in ONNX's order.
func (c *converter) sample(d *tensor) []int {
	return withoutBatch(slices.Concat(c.axes(d)...))
}

func withoutBatch(list []int) []int {
	return slices.DeleteFunc(slices.Clone(list), func(atom int) bool { return atom == batch })
}
