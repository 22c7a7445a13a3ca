package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/conv"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/parallel"
)

// convolution is a Conv2D with the activation that follows it.
type convolution[T Float] struct {
	in, out, pre *value[T]
	act          *activation[T]
	shape        conv.Shape
	algorithm    conv.Algorithm[T]
	weight, bias *Parameter[T]
	groups       []gradients[T] // of groups of samples, summed at the end
}

// gradients are those of one group.
type gradients[T Float] struct{ weight, bias []T }

// maxGroups is the most groups of samples whose gradients are summed apart. It
// bounds how many cores share the work, and does not depend on their number, so
// that the sum does not.
const maxGroups = 16

// groupElements bounds the memory of the groups.
const groupElements = 8 << 20

func (b *builder[T]) conv2D(at int, l Conv2D, in *value[T]) (*value[T], error) {
	if err := image(in.shape); err != nil {
		return nil, err
	}
	if l.Filters < 1 {
		return nil, fmt.Errorf("filters must be at least 1, got %d", l.Filters)
	}
	if l.Kernel.Height < 1 || l.Kernel.Width < 1 {
		return nil, fmt.Errorf("kernel must be at least 1, got %dx%d", l.Kernel.Height, l.Kernel.Width)
	}
	stride := l.Stride.or(Square(1))
	if stride.Height < 1 || stride.Width < 1 {
		return nil, fmt.Errorf("stride must be at least 1, got %dx%d", stride.Height, stride.Width)
	}
	s := conv.Shape{
		Height: in.shape[0], Width: in.shape[1], In: in.shape[2], Out: l.Filters,
		KernelHeight: l.Kernel.Height, KernelWidth: l.Kernel.Width,
		StrideHeight: stride.Height, StrideWidth: stride.Width,
		Top: l.Padding.Height, Bottom: l.Padding.Height, Left: l.Padding.Width, Right: l.Padding.Width,
	}
	if l.Padding.Same {
		s.Top, s.Bottom = same(s.Height, s.KernelHeight, s.StrideHeight)
		s.Left, s.Right = same(s.Width, s.KernelWidth, s.StrideWidth)
	}
	if max(s.Top, s.Left) > maxElements || max(s.KernelHeight, s.KernelWidth) > maxElements {
		return nil, fmt.Errorf("the kernel of %dx%d or its padding is too large", s.KernelHeight, s.KernelWidth)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	padded := Shape{s.Height + s.Top + s.Bottom, s.Width + s.Left + s.Right, s.In}
	y := Shape{s.OutHeight(), s.OutWidth(), s.Out}
	for _, shape := range []Shape{padded, y} {
		if err := checkShape(shape); err != nil {
			return nil, err
		}
	}
	o := &convolution[T]{in: in, shape: s}
	var err error
	window := s.KernelHeight * s.KernelWidth
	if o.weight, err = b.weights(at, l.Init, window*s.In, window*s.Out, s.KernelHeight, s.KernelWidth, s.In, s.Out); err != nil {
		return nil, err
	}
	if !l.NoBias {
		if o.bias, err = b.param(at, "bias", true, s.Out); err != nil {
			return nil, err
		}
	}
	b.m.layers[at].MACs = s.MACs()
	o.out = b.value(y)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	in.keep()
	o.algorithm = conv.New[T](s)
	b.need(o.algorithm.Scratch())
	if !b.m.options.Inference {
		n := max(1, min(maxGroups, b.m.options.Batch, groupElements/s.Weights()))
		for range n {
			o.groups = append(o.groups, gradients[T]{make([]T, s.Weights()), make([]T, s.Out)})
		}
	}
	b.add(o)
	return o.out, nil
}

// same returns the zeros before and after n elements for which the output has
// n/stride of them, rounded up.
func same(n, kernel, stride int) (before, after int) {
	out := (n + stride - 1) / stride
	pad := max(0, (out-1)*stride+kernel-n)
	return pad / 2, pad - pad/2
}

func (o *convolution[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *convolution[T]) forward(m *Model[T]) {
	o.algorithm.Prepare(o.weight.Value, m.train)
	var bias []T
	if o.bias != nil {
		bias = o.bias.Value
	}
	in, out := o.in.size, o.out.size
	m.each(func(i, worker int) {
		pre, y := o.pre.data[i*out:][:out], o.out.data[i*out:][:out]
		var epilogue func(from, to int)
		if o.act != nil {
			epilogue = func(from, to int) { o.act.forward(y[from:to], pre[from:to], 0, o.shape.Out) }
		}
		o.algorithm.Forward(pre, o.in.data[i*in:][:in], bias, m.scratch[worker], epilogue)
	})
}

func (o *convolution[T]) backward(m *Model[T]) {
	in, out := o.in.size, o.out.size
	groups := min(len(o.groups), m.n)
	o.act.begin(m.n)
	m.pool.Run(groups, func(g, worker int) {
		sum := &o.groups[g]
		clear(sum.weight)
		clear(sum.bias)
		from, to := parallel.Split(m.n, groups, g)
		for i := from; i < to; i++ {
			dy := o.out.grad[i*out:][:out]
			if o.act != nil {
				o.act.backward(dy, o.pre.data[i*out:][:out], i)
			}
			if o.bias != nil {
				addRows(sum.bias, dy)
			}
			o.algorithm.BackwardWeights(sum.weight, o.in.data[i*in:][:in], dy, m.scratch[worker])
			if o.in.grad != nil {
				o.algorithm.BackwardData(o.in.grad[i*in:][:in], dy, m.scratch[worker])
			}
		}
	})
	o.act.end(m.n)
	m.sum(o.weight.Grad, groups, func(g int) []T { return o.groups[g].weight })
	if o.bias != nil {
		m.sum(o.bias.Grad, groups, func(g int) []T { return o.groups[g].bias })
	}
}

// addRows adds the rows of dy to sum: a product with a row of ones.
func addRows[T Float](sum, dy []T) {
	one := [1]T{1}
	p := gemm.Product[T]{
		Rows: 1, Cols: len(sum), Segments: 1, Depth: len(dy) / len(sum),
		BStep: len(sum), CRow: len(sum), Accumulate: true,
	}
	p.Run(sum, one[:], dy, nil)
}

// sumChunk is the number of elements that one task sums.
const sumChunk = 8192

// sum sets dst to the sum of n parts, in their order.
func (m *Model[T]) sum(dst []T, n int, part func(int) []T) {
	m.pool.Run((len(dst)+sumChunk-1)/sumChunk, func(task, _ int) {
		from := task * sumChunk
		to := min(from+sumChunk, len(dst))
		d := dst[from:to]
		copy(d, part(0)[from:to])
		for g := 1; g < n; g++ {
			for i, v := range part(g)[from:to] {
				d[i] += v
			}
		}
	})
}
