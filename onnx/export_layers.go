package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// layer appends the nodes of a layer. rest are those that follow it in its
// sequence.
func (e *exporter) layer(info nn.LayerInfo, l nn.Layer, rest following, x exported) (exported, error) {
	if _, ok := l.(nn.Flatten); !ok {
		x = e.channelsFirst(info.Name, x)
	}
	switch l := l.(type) {
	case nn.Conv2D:
		return e.conv2D(info, l, x)
	case nn.DepthwiseConv2D:
		return e.depthwiseConv2D(info, l, x)
	case nn.Dense:
		return e.dense(info, l, x)
	case nn.MaxPool:
		return e.pool("MaxPool", info, l.Size, l.Stride, l.Padding, x)
	case nn.AvgPool:
		count := 0
		if l.CountPadding {
			count = 1
		}
		return e.pool("AveragePool", info, l.Size, l.Stride, l.Padding, x, intAttr("count_include_pad", count))
	case nn.GlobalAvgPool:
		return e.globalAvgPool(info, x)
	case nn.Dropout:
		return x, nil
	case nn.BatchNorm:
		return e.batchNorm(info, l, x)
	case nn.Flatten:
		return e.flatten(info, rest, x)
	case nn.Activation:
		return e.activationLayer(info, x)
	case nn.Residual:
		return e.residual(info, l, x)
	case nn.Product:
		return e.multiply(info, l, x)
	case nn.Concat:
		return e.concat(info, l, x)
	case nn.Affine:
		return e.affine(info, l, x)
	case nn.Embedding:
		return e.embedding(info, l, x)
	case nn.PositionEmbedding:
		return e.positionEmbedding(info, x)
	case nn.LSTM, nn.GRU, nn.RNN:
		return e.recurrent(info, l, x)
	case nn.LayerNorm, nn.RMSNorm, nn.DyT, nn.DyISRU, nn.Norm:
		return e.norm(info, l, x)
	case nn.Attention:
		return e.attention(info, l, x)
	case nn.TransformerBlock:
		return e.transformerBlock(info, l, x)
	}
	return exported{}, fmt.Errorf("layers of the kind %s are not written in ONNX", info.Kind)
}

// channelsFirst puts the channels of an image first, where they are not.
func (e *exporter) channelsFirst(name string, x exported) exported {
	if x.last {
		x.name = e.node("Transpose", name+".to_nchw", []string{x.name}, intsAttr("perm", 0, 3, 1, 2))
		x.last = false
	}
	return x
}

func (e *exporter) conv2D(info nn.LayerInfo, l nn.Conv2D, x exported) (exported, error) {
	in := channelsOf(x.shape)
	dims := []int{l.Kernel.Height, l.Kernel.Width, in, l.Filters}
	weight, err := e.take(info.Name+".weight", dims...)
	if err != nil {
		return exported{}, err
	}
	w := e.initializer(info.Name+".weight", []int{l.Filters, in, l.Kernel.Height, l.Kernel.Width}, permuted(weight, dims, 3, 2, 0, 1))
	return e.convolution(info, l, 1, w, x)
}

func (e *exporter) depthwiseConv2D(info nn.LayerInfo, l nn.DepthwiseConv2D, x exported) (exported, error) {
	in := channelsOf(x.shape)
	dims := []int{l.Kernel.Height, l.Kernel.Width, in}
	weight, err := e.take(info.Name+".weight", dims...)
	if err != nil {
		return exported{}, err
	}
	w := e.initializer(info.Name+".weight", []int{in, 1, l.Kernel.Height, l.Kernel.Width}, permuted(weight, dims, 2, 0, 1))
	whole := nn.Conv2D{Filters: in, Kernel: l.Kernel, Stride: l.Stride, Padding: l.Padding, NoBias: l.NoBias}
	return e.convolution(info, whole, in, w, x)
}

// convolution appends a Conv of so many groups, whose weights are in w.
func (e *exporter) convolution(info nn.LayerInfo, l nn.Conv2D, groups int, w string, x exported) (exported, error) {
	inputs := []string{x.name, w}
	if !l.NoBias {
		bias, err := e.take(info.Name+".bias", l.Filters)
		if err != nil {
			return exported{}, err
		}
		inputs = append(inputs, e.initializer(info.Name+".bias", []int{l.Filters}, bias))
	}
	window := windowOf(l.Kernel, pairOr(l.Stride, nn.Square(1)), l.Padding, x.shape)
	attributes := window.attributes()
	if groups > 1 {
		attributes = append(attributes, intAttr("group", groups))
	}
	name := e.node("Conv", info.Name, inputs, attributes...)
	return exported{name: name, shape: append(window.out, l.Filters)}, nil
}

// pool appends a pooling of windows. ONNX's leaves out rows and columns that fill
// no window, as the network does.
func (e *exporter) pool(op string, info nn.LayerInfo, size, stride nn.Pair, padding nn.Padding, x exported, more ...*onnxpb.AttributeProto) (exported, error) {
	w := windowOf(size, pairOr(stride, size), padding, x.shape)
	attributes := w.attributes()
	if w.pads == [4]int{} {
		more = nil // there is no padding to count
	}
	name := e.node(op, info.Name, []string{x.name}, append(attributes, more...)...)
	return exported{name: name, shape: append(w.out, x.shape[2])}, nil
}

// An exportedWindow is that of a convolution or a pooling, on an image.
type exportedWindow struct {
	size, stride nn.Pair
	pads         [4]int // top, left, bottom, right
	out          nn.Shape
}

func windowOf(size, stride nn.Pair, p nn.Padding, in nn.Shape) exportedWindow {
	w := exportedWindow{size: size, stride: stride, pads: [4]int{p.Height, p.Width, p.Height, p.Width}}
	if p.Same {
		w.pads[0], w.pads[2] = samePadding(in[0], size.Height, stride.Height)
		w.pads[1], w.pads[3] = samePadding(in[1], size.Width, stride.Width)
	}
	w.out = nn.Shape{
		(in[0]+w.pads[0]+w.pads[2]-size.Height)/stride.Height + 1,
		(in[1]+w.pads[1]+w.pads[3]-size.Width)/stride.Width + 1,
	}
	return w
}

// samePadding returns the zeros before and after n elements for the padding of that
// name.
func samePadding(n, kernel, stride int) (before, after int) {
	out := (n + stride - 1) / stride
	pad := max(0, (out-1)*stride+kernel-n)
	return pad / 2, pad - pad/2
}

func (w exportedWindow) attributes() []*onnxpb.AttributeProto {
	list := []*onnxpb.AttributeProto{intsAttr("kernel_shape", w.size.Height, w.size.Width), intsAttr("strides", w.stride.Height, w.stride.Width)}
	if w.pads != [4]int{} {
		list = append(list, intsAttr("pads", w.pads[:]...))
	}
	return list
}

// pairOr returns p, or usual if p is zero.
func pairOr(p, usual nn.Pair) nn.Pair {
	if p == (nn.Pair{}) {
		return usual
	}
	return p
}

func (e *exporter) globalAvgPool(info nn.LayerInfo, x exported) (exported, error) {
	out := nn.Shape{channelsOf(x.shape)}
	if len(x.shape) == 3 {
		name := e.node("GlobalAveragePool", info.Name, []string{x.name})
		return exported{name: e.node("Flatten", info.Name+".flatten", []string{name}), shape: out}, nil
	}
	return exported{name: e.mean(info.Name, x.name, 1, false), shape: out}, nil
}

// mean appends the mean over a dimension of the graph, which stays with the size 1
// or goes.
func (e *exporter) mean(name, x string, axis int, keep bool) string {
	keepdims := intAttr("keepdims", map[bool]int{true: 1}[keep])
	if e.o.Opset < 18 {
		return e.node("ReduceMean", name, []string{x}, intsAttr("axes", axis), keepdims)
	}
	return e.node("ReduceMean", name, []string{x, e.ints(name+"_axes", axis)}, keepdims)
}

// flatten writes the features of an image in the order of its channels if a dense
// layer is the next one that minds: that has its weights in this order then.
func (e *exporter) flatten(info nn.LayerInfo, rest following, x exported) (exported, error) {
	y := exported{shape: nn.Shape{x.shape.Size()}}
	if len(x.shape) == 3 && !x.last && x.shape[2] > 1 && x.shape[0]*x.shape[1] > 1 {
		if e.denseFollows(rest) {
			y.flat = x.shape
		} else {
			x.name = e.node("Transpose", info.Name+".to_nhwc", []string{x.name}, intsAttr("perm", 0, 2, 3, 1))
		}
	}
	y.name = e.node("Flatten", info.Name, []string{x.name})
	return y, nil
}

// denseFollows tells whether the first of the layers that minds the order of the
// features is a dense one.
func (e *exporter) denseFollows(rest following) bool {
	for i, l := range rest.layers[rest.first:] {
		switch plainLayer(l).(type) {
		case nn.Dense:
			return true
		case nn.Dropout:
		case nn.Activation:
			info, err := e.info(rest.prefix, rest.first+i)
			if err != nil {
				return false // reported where the layer is written
			}
			if name, ok := e.learned(info); ok && e.params[name].shape.Size() > 1 {
				return false
			}
		default:
			return false
		}
	}
	return false
}

func (e *exporter) dense(info nn.LayerInfo, l nn.Dense, x exported) (exported, error) {
	return e.product(info.Name, "", l, x)
}

// product appends a dense layer, or a part of a layer that is one: the names of its
// parameters begin with the prefix.
func (e *exporter) product(name, prefix string, l nn.Dense, x exported) (exported, error) {
	in := channelsOf(x.shape)
	weight, err := e.take(name+"."+prefix+"weight", in, l.Units)
	if err != nil {
		return exported{}, err
	}
	if s := x.flat; s != nil {
		weight = permuted(weight, []int{s[0], s[1], s[2], l.Units}, 2, 0, 1, 3)
	}
	w := e.initializer(name+"."+prefix+"weight", []int{in, l.Units}, weight)
	y := exported{shape: append(slices.Clone(x.shape[:len(x.shape)-1]), l.Units)}
	node := name
	if prefix != "" {
		node += "." + prefix + "product"
	}
	if l.NoBias {
		y.name = e.node("MatMul", node, []string{x.name, w})
		return y, nil
	}
	bias, err := e.take(name+"."+prefix+"bias", l.Units)
	if err != nil {
		return exported{}, err
	}
	b := e.initializer(name+"."+prefix+"bias", []int{l.Units}, bias)
	if len(x.shape) == 1 {
		y.name = e.node("Gemm", node, []string{x.name, w, b})
		return y, nil
	}
	y.name = e.node("Add", node+".add_bias", []string{e.node("MatMul", node, []string{x.name, w}), b})
	return y, nil
}

func (e *exporter) batchNorm(info nn.LayerInfo, l nn.BatchNorm, x exported) (exported, error) {
	epsilon := l.Epsilon
	if epsilon == 0 {
		epsilon = 1e-5
	}
	n := channelsOf(x.shape)
	var values [4][]float64
	names := [4]string{".scale", ".shift", ".running_mean", ".running_variance"}
	for i, name := range names {
		var err error
		if values[i], err = e.take(info.Name+name, n); err != nil {
			return exported{}, err
		}
	}
	if len(x.shape) == 2 {
		// ONNX's channels come second, but those of a sequence are last.
		scale, shift := make([]float64, n), make([]float64, n)
		for c := range n {
			scale[c] = values[0][c] / math.Sqrt(values[3][c]+epsilon)
			shift[c] = values[1][c] - values[2][c]*scale[c]
		}
		x.name = e.node("Mul", info.Name+".mul_scale", []string{x.name, e.initializer(info.Name+".scale", []int{n}, scale)})
		x.name = e.node("Add", info.Name+".add_shift", []string{x.name, e.initializer(info.Name+".shift", []int{n}, shift)})
		return x, nil
	}
	inputs := []string{x.name}
	for i, name := range names {
		inputs = append(inputs, e.initializer(info.Name+name, []int{n}, values[i]))
	}
	x.name = e.node("BatchNormalization", info.Name, inputs, floatAttr("epsilon", epsilon))
	return x, nil
}

func (e *exporter) embedding(info nn.LayerInfo, l nn.Embedding, x exported) (exported, error) {
	weight, err := e.take(info.Name+".weight", l.Tokens, l.Units)
	if err != nil {
		return exported{}, err
	}
	w := e.initializer(info.Name+".weight", []int{l.Tokens, l.Units}, weight)
	name := e.node("Gather", info.Name, []string{w, x.name})
	return exported{name: name, shape: nn.Shape{x.shape[0], l.Units}}, nil
}

func (e *exporter) positionEmbedding(info nn.LayerInfo, x exported) (exported, error) {
	weight, err := e.take(info.Name+".weight", x.shape...)
	if err != nil {
		return exported{}, err
	}
	x.name = e.node("Add", info.Name, []string{x.name, e.initializer(info.Name+".weight", x.shape, weight)})
	return x, nil
}
