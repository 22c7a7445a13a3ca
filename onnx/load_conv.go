package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A window is the attributes of a convolution or pooling over an image. One over a
// line is over an image of height 1.
type window struct {
	line           bool
	kernel, stride nn.Pair
	padding        nn.Padding
	height, width  int // of the output
}

// image gives a tensor the order of an image, and returns it with its height and
// width: those of a line are 1 and its length.
func (c *converter) image(d *tensor, taken bool) (height, width []int, err error) {
	if d.pick != nil || d.pad != nil && !taken {
		return nil, nil, c.plain(d)
	}
	rank := len(d.axes)
	if rank != 3 && rank != 4 {
		return nil, nil, fmt.Errorf("its input has %d dimensions; the engine takes images (4) and lines (3)", rank)
	}
	axes := c.axes(d)
	if !slices.Equal(axes[0], []int{batch}) {
		return nil, nil, fmt.Errorf("the samples of the batch are not its input's first dimension")
	}
	width = axes[rank-1]
	if rank == 4 {
		height = axes[2]
	}
	if !c.want(d, height, width, axes[1]) {
		return nil, nil, fmt.Errorf("its input is no image in the engine's order")
	}
	return height, width, nil
}

// pixels tells whether an image is features of one pixel each.
func (c *converter) isFeatures(d *tensor) bool {
	if d.layout.groups == nil || len(d.layout.groups) != 1 || d.pad != nil || d.pick != nil || len(d.axes) < 3 {
		return false
	}
	axes := c.axes(d)
	return slices.Equal(axes[0], []int{batch}) && sameAtoms(axes[1], c.groups(d.layout)[0])
}

// pair reads an attribute of one number for each dimension of an image.
func pair(n *onnxpb.NodeProto, name string, line bool, otherwise nn.Pair) (nn.Pair, error) {
	a := attribute(n, name)
	if a == nil {
		return otherwise, nil
	}
	list := a.Ints
	if line && len(list) == 1 {
		list = []int64{1, list[0]}
	}
	if len(list) != 2 {
		return nn.Pair{}, fmt.Errorf("%s %v has not one number for each dimension of an image", name, a.Ints)
	}
	for _, v := range list {
		if v < 1 || v > maxSample {
			return nn.Pair{}, fmt.Errorf("%s %v is not supported", name, a.Ints)
		}
	}
	return nn.Pair{Height: int(list[0]), Width: int(list[1])}, nil
}

// window reads the attributes of a node. Dilations and groups are errors, recorded
// while the conversion goes on, so that an error names all nodes.
func (c *converter) window(n *onnxpb.NodeProto, d *tensor, kernel nn.Pair) (w window, err error) {
	pad := d.pad
	height, width, err := c.image(d, true)
	if err != nil {
		return w, err
	}
	w.line = len(d.axes) == 3
	if w.kernel, err = pair(n, "kernel_shape", w.line, kernel); err != nil {
		return w, err
	}
	if w.kernel == (nn.Pair{}) || kernel != (nn.Pair{}) && w.kernel != kernel {
		return w, fmt.Errorf("kernel_shape is not that of its weights, or is missing")
	}
	if w.stride, err = pair(n, "strides", w.line, nn.Square(1)); err != nil {
		return w, err
	}
	dilation, err := pair(n, "dilations", w.line, nn.Square(1))
	if err != nil {
		return w, err
	}
	if dilation != nn.Square(1) {
		c.fault(n, "dilations %v are not supported", attribute(n, "dilations").Ints)
	}
	before, after := make([]int, 2), make([]int, 2)
	if a := attribute(n, "pads"); a != nil {
		list := a.Ints
		if w.line && len(list) == 2 {
			list = []int64{0, list[0], 0, list[1]}
		}
		if len(list) != 4 {
			return w, fmt.Errorf("pads %v have not two numbers for each dimension of an image", a.Ints)
		}
		for i, v := range list {
			if v < 0 || v > maxSample {
				return w, fmt.Errorf("pads %v are not supported", a.Ints)
			}
			if i < 2 {
				before[i] = int(v)
			} else {
				after[i-2] = int(v)
			}
		}
	}
	auto := stringAttribute(n, "auto_pad", "NOTSET")
	sizes := [2]int{c.atoms.sizeOf(height), c.atoms.sizeOf(width)}
	kernels, strides := [2]int{w.kernel.Height, w.kernel.Width}, [2]int{w.stride.Height, w.stride.Width}
	dilations := [2]int{dilation.Height, dilation.Width}
	var out, top [2]int
	for i := range 2 {
		if kernels[i] > maxSample/dilations[i] {
			return w, fmt.Errorf("a window of %d elements with the dilation %d", kernels[i], dilations[i])
		}
		span := (kernels[i]-1)*dilations[i] + 1
		switch auto {
		case "NOTSET":
		case "VALID":
			before[i], after[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			n := (sizes[i] + strides[i] - 1) / strides[i]
			all := max(0, (n-1)*strides[i]+span-sizes[i])
			before[i], after[i] = all/2, all-all/2
			if auto == "SAME_LOWER" {
				before[i], after[i] = after[i], before[i]
			}
		default:
			return w, fmt.Errorf("auto_pad %q is not supported", auto)
		}
		if pad != nil {
			before[i] += pad.before[i]
			after[i] += pad.after[i]
		}
		room := sizes[i] + before[i] + after[i] - span
		if room < 0 {
			return w, fmt.Errorf("a window of %d elements is larger than its padded input of %d", span, sizes[i]+before[i]+after[i])
		}
		out[i], top[i] = room/strides[i]+1, before[i]
		if intAttribute(n, "ceil_mode", 0) != 0 && room%strides[i] != 0 && out[i]*strides[i] < sizes[i]+before[i] {
			out[i]++
		}
	}
	w.height, w.width = out[0], out[1]
	if dilation == nn.Square(1) {
		if w.padding, err = fit(sizes, kernels, strides, out, top); err != nil {
			err = fmt.Errorf("%w: pads %v after and %v before", err, after, before)
		}
	}
	return w, err
}

// fit finds the padding of the engine's which begins so far outside of an image and
// gives so many outputs.
func fit(size, kernel, stride, out, top [2]int) (nn.Padding, error) {
	even, same := true, true
	for i := range 2 {
		even = even && size[i]+2*top[i] >= kernel[i] && (size[i]+2*top[i]-kernel[i])/stride[i]+1 == out[i]
		n := (size[i] + stride[i] - 1) / stride[i]
		same = same && n == out[i] && max(0, (n-1)*stride[i]+kernel[i]-size[i])/2 == top[i]
	}
	switch {
	case even:
		return nn.Padding{Height: top[0], Width: top[1]}, nil
	case same:
		return nn.Same, nil
	}
	return nn.Padding{}, fmt.Errorf("the engine pads both sides alike, or as SAME_UPPER")
}

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
			c.fault(n, "%d groups of channels are not supported, but one for each channel", groups)
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
