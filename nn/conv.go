package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/conv"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/parallel"
	"github.com/isrlu/isrlu/internal/pool"
)

// convolution is a Conv2D or DepthwiseConv2D, with the max-pooling and the
// activation that follow it.
type convolution[T Float] struct {
	m            *Model[T]
	in, out, pre *value[T]
	act          *activation[T]
	pool         *maxima // nil if there is none
	shape        conv.Shape
	size         int // of the convolution's output
	algorithm    conv.Algorithm[T]
	weight, bias *Parameter[T]
	groups       gradients[T] // of groups of samples, summed at the end
	workers      []*convolutionWorker[T]

	forwardTask, backwardTask func(task, worker int)
	tasks                     int
}

// gradients are those of each group.
type gradients[T Float] struct{ weight, bias [][]T }

// A convolutionWorker runs what follows a convolution on the rows just written.
type convolutionWorker[T Float] struct {
	o        *convolution[T]
	y        []T // what the convolution writes, from sample first on
	first    int
	pooled   int // rows of the sample
	epilogue func(sample, from, to int)
}

// maxGroups is the most groups of samples whose gradients are summed apart. It
// bounds how many cores share the work, and does not depend on their number, so
// that the sum does not. 2, 4, 5 and 10 cores take equal parts of 20.
const maxGroups = 20

// groupElements bounds the memory of the groups.
const groupElements = 8 << 20

func (b *builder[T]) conv2D(at int, l Conv2D, in *value[T]) (*value[T], error) {
	if l.Filters < 1 {
		return nil, fmt.Errorf("filters must be at least 1, got %d", l.Filters)
	}
	return b.convolution(at, l, false, in)
}

func (b *builder[T]) depthwiseConv2D(at int, l DepthwiseConv2D, in *value[T]) (*value[T], error) {
	whole := Conv2D{
		Filters: in.shape.channels(), Kernel: l.Kernel, Stride: l.Stride, Padding: l.Padding,
		NoBias: l.NoBias, Init: l.Init,
	}
	return b.convolution(at, whole, true, in)
}

// convolution appends a convolution, or a depthwise one, which has a filter for
// each channel.
func (b *builder[T]) convolution(at int, l Conv2D, depthwise bool, in *value[T]) (*value[T], error) {
	if err := image(in.shape); err != nil {
		return nil, err
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
		Depthwise: depthwise,
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
	o := &convolution[T]{m: b.m, in: in, shape: s, size: y.Size()}
	var err error
	// What goes into an element and what an element goes into, and the weights.
	inputs, outputs := s.KernelHeight*s.KernelWidth, s.KernelHeight*s.KernelWidth
	weights := Shape{s.KernelHeight, s.KernelWidth, s.In}
	if !depthwise {
		inputs, outputs = inputs*s.In, outputs*s.Out
		weights = append(weights, s.Out)
	}
	if o.weight, err = b.weights(at, l.Init, inputs, outputs, weights...); err != nil {
		return nil, err
	}
	if !l.NoBias {
		if o.bias, err = b.param(at, "bias", true, s.Out); err != nil {
			return nil, err
		}
	}
	b.m.layers[at].MACs = s.MACs()
	b.m.layers[at].Output = y
	if o.pool, y, err = b.fusedPool(y); err != nil {
		return nil, err
	}
	o.out = b.value(y)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	in.keep()
	kind := conv.Best(s)
	if b.m.options.Direct {
		kind = conv.Direct
	}
	o.algorithm = conv.Of[T](s, kind)
	if err := b.packed(o.algorithm.Packed(!b.m.options.Inference)); err != nil {
		return nil, err
	}
	pooled := 0 // samples of the convolution's output in scratch memory
	if o.pool != nil {
		pooled = min(o.algorithm.Group(), b.m.options.Batch)
	}
	if !b.m.options.Inference {
		n := max(1, min(maxGroups, b.m.options.Batch, groupElements/s.Weights()))
		for range n {
			o.groups.weight = append(o.groups.weight, make([]T, s.Weights()))
			o.groups.bias = append(o.groups.bias, make([]T, s.Out))
		}
		if o.pool != nil {
			pooled = max(pooled, (b.m.options.Batch+n-1)/n)
		}
	}
	if pooled > b.limits.total/o.size {
		return nil, fmt.Errorf("a batch of %d takes more than %d elements; take a smaller one", b.m.options.Batch, b.limits.total)
	}
	b.need(o.algorithm.Scratch() + pooled*o.size)
	for range b.m.pool.Threads() {
		w := &convolutionWorker[T]{o: o}
		if o.pool != nil || o.act != nil {
			w.epilogue = w.rows
		}
		o.workers = append(o.workers, w)
	}
	o.forwardTask, o.backwardTask = o.forwardGroup, o.backwardGroup
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

func (o *convolution[T]) prepare() { o.algorithm.Prepare(o.weight.Value, !o.m.options.Inference) }

func (o *convolution[T]) forward(m *Model[T]) {
	group := o.algorithm.Group()
	o.tasks = max((m.n+group-1)/group, min(m.n, m.pool.Threads()))
	m.pool.Run(o.tasks, o.forwardTask)
}

func (o *convolution[T]) forwardGroup(task, worker int) {
	from, to := parallel.Split(o.m.n, o.tasks, task)
	in, scratch := o.in.size, o.m.scratch[worker]
	w := o.workers[worker]
	w.first = from
	if o.pool == nil {
		w.y = o.pre.data[from*o.size : to*o.size]
	} else {
		n := (to - from) * o.size
		w.y, scratch = scratch[:n], scratch[n:]
	}
	var bias []T
	if o.bias != nil {
		bias = o.bias.Value
	}
	o.algorithm.Forward(w.y, o.in.data[from*in:to*in], bias, scratch, w.epilogue)
}

// rows pools and activates elements [from, to) of a sample, which are whole rows.
func (w *convolutionWorker[T]) rows(sample, from, to int) {
	o, i := w.o, w.first+sample
	y := w.y[sample*o.size:][:o.size]
	out, c := o.out.size, o.shape.Out
	if o.pool == nil {
		o.act.forward(o.out.data[i*out+from:i*out+to], y[from:to], 0, c)
		return
	}
	if from == 0 {
		w.pooled = 0
	}
	before := w.pooled
	w.pooled = o.pool.above(to / (o.shape.OutWidth() * c))
	if w.pooled == before {
		return
	}
	pre := o.pre.data[i*out:][:out]
	pool.Max(&o.pool.window, pre, o.pool.positions(o.m.train, i), y, before, w.pooled)
	if o.act != nil {
		row := o.pool.window.OutWidth() * c
		o.act.forward(o.out.data[i*out+before*row:i*out+w.pooled*row], pre[before*row:w.pooled*row], 0, c)
	}
}

func (o *convolution[T]) backward(m *Model[T]) {
	o.tasks = min(len(o.groups.weight), m.n)
	o.act.begin(m.n)
	m.pool.Run(o.tasks, o.backwardTask)
	o.act.end(m.n)
	m.sum(o.weight.Grad, o.groups.weight[:o.tasks])
	if o.bias != nil {
		m.sum(o.bias.Grad, o.groups.bias[:o.tasks])
	}
}

func (o *convolution[T]) backwardGroup(task, worker int) {
	from, to := parallel.Split(o.m.n, o.tasks, task)
	in, out, scratch := o.in.size, o.out.size, o.m.scratch[worker]
	dy := o.out.grad[from*out : to*out]
	if o.pool != nil {
		n := (to - from) * o.size
		dy, scratch = scratch[:n], scratch[n:]
	}
	bias := o.groups.bias[task]
	clear(bias)
	for i := from; i < to; i++ {
		grad, pre := o.out.grad[i*out:][:out], o.pre.data[i*out:][:out]
		if o.pool != nil {
			if o.act != nil {
				o.act.backward(grad, pre, i)
			}
			full := dy[(i-from)*o.size:][:o.size]
			pool.MaxBackward(&o.pool.window, full, grad, o.pool.positions(true, i))
			grad, pre = full, nil
		}
		o.rowsGradient(grad, pre, bias, i)
	}
	x := o.in.data[from*in : to*in]
	o.algorithm.BackwardWeights(o.groups.weight[task], x, dy, scratch)
	if o.in.grad != nil {
		o.algorithm.BackwardData(o.in.grad[from*in:to*in], dy, scratch)
	}
}

// rowsGradient takes a sample's gradient through the activation, if pre is not
// nil, and adds it to that of the bias, part by part while these are in the
// first-level cache.
func (o *convolution[T]) rowsGradient(dy, pre, bias []T, sample int) {
	block := max(1, gradientBlock/o.shape.Out) * o.shape.Out
	if o.act != nil && o.act.param != nil && pre != nil {
		// The gradient of a learned parameter is a sum over the whole sample.
		o.act.backward(dy, pre, sample)
		pre = nil
	}
	for from := 0; from < len(dy); from += block {
		to := min(from+block, len(dy))
		if o.act != nil && pre != nil {
			o.act.backward(dy[from:to], pre[from:to], sample)
		}
		if o.bias != nil {
			addRows(bias, dy[from:to])
		}
	}
}

// gradientBlock is the number of elements of a part.
const gradientBlock = 4096

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

// A summer adds parts up in their order, each task a chunk of their elements.
type summer[T Float] struct {
	dst   []T
	parts [][]T
	task  func(task, worker int)
}

// sum sets dst to the sum of the parts.
func (m *Model[T]) sum(dst []T, parts [][]T) {
	s := &m.summer
	if s.task == nil {
		s.task = s.chunk
	}
	s.dst, s.parts = dst, parts
	m.pool.Run((len(dst)+sumChunk-1)/sumChunk, s.task)
}

func (s *summer[T]) chunk(task, _ int) {
	from := task * sumChunk
	to := min(from+sumChunk, len(s.dst))
	d := s.dst[from:to]
	copy(d, s.parts[0][from:to])
	for _, p := range s.parts[1:] {
		for i, v := range p[from:to] {
			d[i] += v
		}
	}
}
