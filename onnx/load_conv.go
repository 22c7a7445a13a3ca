package onnx

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

func convertConv(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	w := c.known[input(n, 1)].weight
	if w == nil {
		return fmt.Errorf("its weights are not constant")
	}
	rank := len(w.dims)
	if rank != len(d.axes) || rank < 3 {
		return fmt.Errorf("weights of the shape %v for an input of %d dimensions", w.dims, len(d.axes))
	}
	var bias *weight
	if input(n, 2) != "" {
		if bias, err = c.weights(n, 2, 1); err != nil {
			return err
		}
		if bias.dims[0] != w.dims[0] {
			return fmt.Errorf("its bias has %d elements for %d filters", bias.dims[0], w.dims[0])
		}
	}
	groups := int(max(0, min(intAttribute(n, "group", 1), maxSample)))
	if c.isFeatures(d) && sizeOf(w.dims[2:]) == 1 && groups == 1 {
		return c.pointwise(n, d, w, bias)
	}
	kernel := nn.Pair{Height: 1, Width: w.dims[rank-1]}
	if rank == 4 {
		kernel.Height = w.dims[2]
	}
	if kernel.Height < 1 || kernel.Width < 1 || w.dims[0] < 1 {
		return fmt.Errorf("its weights have the shape %v", w.dims)
	}
	win, err := c.window(n, d, kernel)
	if err != nil {
		return err
	}
	outputs, inputs := w.dims[0], c.atoms.sizeOf(c.axis(d, 1))
	if groups < 1 || w.dims[1]*groups != inputs || outputs%groups != 0 {
		return fmt.Errorf("weights of the shape %v in %d groups for %d channels", w.dims, groups, inputs)
	}
	channels, list := c.groups(d.layout)[2], c.axis(d, 1)
	perm := c.atoms.permutation(channels, list)
	s := &step{node: n, inputs: []*step{d.step}}
	taps := kernel.Height * kernel.Width
	stride := win.stride
	if stride == nn.Square(1) {
		stride = nn.Pair{}
	}
	depthwise := groups == inputs && outputs == inputs && groups > 1
	index := same
	if depthwise {
		s.layer = nn.DepthwiseConv2D{Kernel: kernel, Stride: stride, Padding: win.padding, NoBias: bias == nil}
		s.bindings = []binding{{param: "weight", from: w, index: func(i int) int { return perm(i%inputs)*taps + i/inputs }}}
		index = perm
	} else {
		if groups > 1 {
			c.fault(n, "%d groups of %d channels, %d filters: the engine has one group, or one filter for each channel", groups, inputs, outputs)
		}
		s.layer = nn.Conv2D{Filters: outputs, Kernel: kernel, Stride: stride, Padding: win.padding, NoBias: bias == nil}
		s.bindings = []binding{{param: "weight", from: w, index: func(i int) int {
			o, in, tap := i%outputs, perm(i/outputs%inputs), i/(outputs*inputs)
			return (o*inputs+in)*taps + tap
		}}}
		channels = c.atoms.new(outputs)
		list = channels
	}
	if bias != nil {
		s.bindings = append(s.bindings, binding{param: "bias", from: bias, index: index})
	}
	out, err := c.pixels(s, win, channels, list)
	if err != nil {
		return err
	}
	c.set(n, known{tensor: out})
	return nil
}

// pixels appends a step whose output is an image.
func (c *converter) pixels(s *step, w window, channels, axis []int) (*tensor, error) {
	if w.height > maxSample || w.width > maxSample {
		return nil, fmt.Errorf("its output has more than %d elements", maxSample)
	}
	height, width := c.atoms.new(w.height), c.atoms.new(w.width)
	axes := [][]int{{batch}, axis, height, width}
	if w.line {
		axes = [][]int{{batch}, axis, width}
	}
	return c.add(s, [][]int{height, width, channels}, axes)
}

// pointwise is a convolution of kernel 1 over features.
func (c *converter) pointwise(n *onnxpb.NodeProto, d *tensor, w, bias *weight) error {
	rank := len(d.axes)
	flat := d.view(d.axes[:2])
	out, err := c.dense(n, flat, w.reshaped(w.dims[:2]).transposed([]int{1, 0}), 1)
	if err != nil {
		return err
	}
	if bias != nil {
		out.step.setBias(bias, 1)
	}
	for len(out.axes) < rank {
		out.axes = append(out.axes, nil)
	}
	c.set(n, known{tensor: out})
	return nil
}
