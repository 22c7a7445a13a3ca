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

// isFeatures tells whether a tensor is an image of one pixel to ONNX, and features to
// the engine.
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
