package gomlx

import (
	"github.com/gomlx/gomlx/backends"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/nn"
)

// A window is that of a convolution along one axis of n inputs.
type window struct{ n, size, stride, before, after int }

func newWindow(n, size, stride, pad int, same bool) window {
	w := window{n, size, max(stride, 1), pad, pad}
	if same {
		out := (n + w.stride - 1) / w.stride
		all := max(0, (out-1)*w.stride+size-n)
		w.before, w.after = all/2, all-all/2
	}
	return w
}

// outputs returns the number of outputs.
func (w window) outputs() int { return (w.n+w.before+w.after-w.size)/w.stride + 1 }

// spread returns the length of the outputs with stride-1 elements between them.
func (w window) spread() int { return (w.outputs()-1)*w.stride + 1 }

// back returns the padding of the outputs, so spread, that gives the gradient of the
// inputs.
func (w window) back() [2]int {
	before := w.size - 1 - w.before
	return [2]int{before, w.n + w.size - 1 - w.spread() - before}
}

// read returns how many inputs any output reads, and the padding after them.
func (w window) read() (n, after int) {
	if after = w.spread() + w.size - 1 - w.n - w.before; after < 0 {
		return w.n + after, 0
	}
	return w.n, after
}

func conv2D(ctx *context.Context, x *Node, l nn.Conv2D) *Node {
	get := variables(ctx, x, l, input(x))
	d := x.Shape().Dimensions
	convolve := convolution
	if !has(x, backends.OpTypeReverse) {
		convolve = gathered
	}
	y := convolve(x, get("weight"),
		newWindow(d[1], l.Kernel.Height, l.Stride.Height, l.Padding.Height, l.Padding.Same),
		newWindow(d[2], l.Kernel.Width, l.Stride.Width, l.Padding.Width, l.Padding.Same))
	if l.NoBias {
		return y
	}
	return Add(y, spread(get("bias"), y))
}

// convolution returns that of x, samples x height x width x channels, with a kernel,
// height x width x channels x filters.
//
// Its gradients are convolutions of its own. Those of GoMLX v0.26 are wrong for x where
// the kernel's size is even: they are off by one pixel.
func convolution(x, kernel *Node, rows, columns window) *Node {
	var axes ConvolveAxesConfig
	axes.InputBatch, axes.InputChannels, axes.InputSpatial = 0, 3, []int{1, 2}
	axes.KernelSpatial, axes.KernelInputChannels, axes.KernelOutputChannels = []int{0, 1}, 2, 3
	axes.OutputBatch, axes.OutputChannels, axes.OutputSpatial = 0, 3, []int{1, 2}
	x0, kernel0 := StopGradient(x), StopGradient(kernel)
	y := plain(Convolve(x0, kernel0).AxesConfig(axes)).StridePerAxis(rows.stride, columns.stride).
		PaddingPerDim([][2]int{{rows.before, rows.after}, {columns.before, columns.after}}).Done()
	return withGradients(y,
		operand{x, func(_, v *Node) *Node {
			// The kernel turned around, from its filters to its channels.
			axes := axes
			axes.KernelInputChannels, axes.KernelOutputChannels = 3, 2
			return plain(Convolve(v, turned(kernel0)).AxesConfig(axes)).
				InputDilationPerAxis(rows.stride, columns.stride).
				PaddingPerDim([][2]int{rows.back(), columns.back()}).Done()
		}},
		operand{kernel, func(_, v *Node) *Node {
			// Samples and channels change places: of each channel of x, and each filter's
			// gradient, the sum over the samples.
			axes := axes
			axes.InputBatch, axes.InputChannels = 3, 0
			axes.KernelInputChannels, axes.KernelOutputChannels, axes.KernelSpatial = 0, 3, []int{1, 2}
			axes.OutputBatch, axes.OutputChannels, axes.OutputSpatial = 2, 3, []int{0, 1}
			height, bottom := rows.read()
			width, right := columns.read()
			read := x0
			if height < rows.n || width < columns.n {
				read = Slice(x0, AxisRange(), AxisRange(0, height), AxisRange(0, width))
			}
			return plain(Convolve(read, v).AxesConfig(axes)).
				DilationPerAxis(rows.stride, columns.stride).
				PaddingPerDim([][2]int{{rows.before, bottom}, {columns.before, right}}).Done()
		}})
}

// plain spells out strides and dilations of 1: GoMLX's backend in Go wants all or none.
func plain(c *ConvolutionBuilder) *ConvolutionBuilder {
	return c.StridePerAxis(1, 1).DilationPerAxis(1, 1).InputDilationPerAxis(1, 1)
}

// turned returns a kernel with its rows and columns in reverse.
func turned(kernel *Node) *Node {
	d := kernel.Shape().Dimensions
	n := d[0] * d[1]
	indices := make([][]int32, n)
	for i := range indices {
		indices[i] = []int32{int32(n - 1 - i)}
	}
	return Reshape(Gather(Reshape(kernel, n, d[2], d[3]), Const(kernel.Graph(), indices)), d...)
}

// gathered is the convolution as a product of the windows' pixels, gathered as rows, with
// the kernel. In GoMLX's backend in Go, which is told by its lack of Reverse, it takes a
// fifth of the time.
func gathered(x, kernel *Node, rows, columns window) *Node {
	samples, channels := x.Shape().Dimensions[0], x.Shape().Dimensions[3]
	height, width := rows.outputs(), columns.outputs()
	beside := int32(samples * rows.n * columns.n) // a row of zeros
	var indices []int32
	for n := range samples {
		for i := range height * width {
			top, left := i/width*rows.stride-rows.before, i%width*columns.stride-columns.before
			for k := range rows.size * columns.size {
				y, x, at := top+k/columns.size, left+k%columns.size, beside
				if y >= 0 && y < rows.n && x >= 0 && x < columns.n {
					at = int32((n*rows.n+y)*columns.n + x)
				}
				indices = append(indices, at)
			}
		}
	}
	zeros := Zeros(x.Graph(), shapes.Make(x.DType(), 1, channels))
	pixels := Concatenate([]*Node{Reshape(x, -1, channels), zeros}, 0)
	windows := Reshape(Gather(pixels, ConstTensor(x.Graph(), tensors.FromFlatDataAndDimensions(indices, len(indices), 1))), samples*height*width, -1)
	filters := kernel.Shape().Dimensions[3]
	return Reshape(product(windows, Reshape(kernel, -1, filters)), samples, height, width, filters)
}
