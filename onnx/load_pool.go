package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

func convertPool(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if len(n.Output) > 1 && len(c.g.users[n.Output[1]]) > 0 {
		return fmt.Errorf("its indices are read")
	}
	mean, padded := n.OpType == "AveragePool", d.pad != nil
	if padded && !mean {
		return c.plain(d)
	}
	w, err := c.window(n, d, nn.Pair{})
	if err != nil {
		return err
	}
	stride, counts := w.stride, intAttribute(n, "count_include_pad", 0) != 0
	if padded && !counts && attribute(n, "pads") != nil && slices.ContainsFunc(attribute(n, "pads").Ints, func(v int64) bool { return v != 0 }) {
		return fmt.Errorf("it counts one padding and not the other")
	}
	if (counts || padded) && intAttribute(n, "ceil_mode", 0) != 0 {
		return fmt.Errorf("count_include_pad with ceil_mode is not supported")
	}
	if stride == w.kernel {
		stride = nn.Pair{}
	}
	s := &step{node: n, inputs: []*step{d.step}, layer: nn.MaxPool{Size: w.kernel, Stride: stride, Padding: w.padding}}
	if mean {
		counts = (counts || padded) && w.padding != nn.Padding{}
		s.layer = nn.AvgPool{Size: w.kernel, Stride: stride, Padding: w.padding, CountPadding: counts}
	}
	out, err := c.pixels(s, w, c.groups(d.layout)[2], c.axis(d, 1))
	if err != nil {
		return err
	}
	c.set(n, known{tensor: out})
	return nil
}

// convertReduce takes the mean or the maximum over all pixels or time steps.
func convertReduce(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	rank := len(d.axes)
	var axes []int
	keep := true
	if n.OpType == "ReduceMean" || n.OpType == "ReduceMax" {
		keep = intAttribute(n, "keepdims", 1) != 0
		var ok bool
		if axes, ok, err = c.axesOf(n, 1, rank); err != nil || !ok {
			return fmt.Errorf("its axes are not constant, or all")
		}
	} else {
		for i := 2; i < rank; i++ {
			axes = append(axes, i)
		}
	}
	if err := c.plain(d); err != nil {
		return err
	}
	kept := -1 // the axis of the channels
	nothing := true
	for i := range rank {
		list := c.axis(d, i)
		switch {
		case slices.Contains(axes, i):
			if slices.Contains(list, batch) {
				return fmt.Errorf("it reduces the samples of a batch")
			}
			nothing = nothing && len(list) == 0
		case !slices.Contains(list, batch) && (kept < 0 || len(c.axis(d, kept)) == 0):
			kept = i
		case !slices.Contains(list, batch) && len(list) > 0:
			return fmt.Errorf("it leaves axes %d and %d; the engine reduces all pixels or time steps", kept, i)
		}
	}
	after := func(d *tensor) [][]int {
		var left [][]int
		for i := range d.axes {
			switch {
			case !slices.Contains(axes, i):
				left = append(left, d.axes[i])
			case keep:
				left = append(left, nil)
			}
		}
		return left
	}
	if nothing {
		c.set(n, known{tensor: d.view(after(d))})
		return nil
	}
	if kept < 0 {
		return fmt.Errorf("it reduces all of a sample")
	}
	d, _, err = c.channels(n, d, kept)
	if err != nil {
		return err
	}
	groups := c.groups(d.layout)
	if len(groups) < 2 {
		return fmt.Errorf("it reduces features")
	}
	last := groups[len(groups)-1]
	s := &step{node: n, inputs: []*step{d.step}, layer: nn.GlobalAvgPool{}}
	out := [][]int{last}
	if n.OpType == "ReduceMax" || n.OpType == "GlobalMaxPool" {
		shape := c.shape(d.layout)
		if len(shape) != 3 || shape[0] > 256 || shape[1] > 256 || shape[0]*shape[1] > 256 {
			return fmt.Errorf("the engine takes maxima of images of at most 256 pixels, not of %v", shape)
		}
		s.layer = nn.MaxPool{Size: nn.Pair{Height: shape[0], Width: shape[1]}}
		out = [][]int{nil, nil, last}
	}
	made, err := c.add(s, out, after(d))
	if err != nil {
		return err
	}
	c.set(n, known{tensor: made})
	return nil
}

// convertPad keeps zeros for the layer that takes them.
func convertPad(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if mode := stringAttribute(n, "mode", "constant"); mode != "constant" {
		return fmt.Errorf("mode %q is not supported", mode)
	}
	value := floatAttribute(n, "value", 0)
	if name := input(n, 2); name != "" {
		w := c.known[name].weight
		if w == nil || w.size() != 1 {
			return fmt.Errorf("its value is not a constant")
		}
		value = c.reader.value(w.at(0))
	}
	pads, ok, err := c.numbers(n, "pads", 1)
	if rank := len(d.axes); err != nil || !ok || len(pads) != 2*rank || input(n, 3) != "" {
		return fmt.Errorf("its pads are not two constants for each dimension")
	}
	if !slices.ContainsFunc(pads, func(v int) bool { return v != 0 }) {
		return convertIdentity(c, n)
	}
	if value != 0 {
		return fmt.Errorf("it pads with %v; the engine has zeros", value)
	}
	if err := c.plain(d); err != nil {
		return err
	}
	rank := len(d.axes)
	if rank != 3 && rank != 4 {
		return fmt.Errorf("it pads %d dimensions; the engine pads images", rank)
	}
	out := *d
	out.pad = &padding{before: make([]int, 2), after: make([]int, 2)}
	for i, v := range pads {
		axis := i % rank
		if v < 0 || axis < 2 && v != 0 {
			return fmt.Errorf("pads %v: the engine adds pixels alone", pads)
		}
		if k := axis - rank + 2; v > 0 && i < rank {
			out.pad.before[k] = v
		} else if v > 0 {
			out.pad.after[k] = v
		}
	}
	c.set(n, known{tensor: &out})
	return nil
}
