package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/pool"
)

// maxima is max-pooling with what its backward pass needs.
type maxima struct {
	window pool.Window
	// where holds the position of each maximum in its window, for every sample of
	// a batch; nil for inference.
	where []uint8
}

// positions returns those of a sample, or nil where nothing is trained.
func (p *maxima) positions(train bool, sample int) []uint8 {
	if !train || p.where == nil {
		return nil
	}
	n := p.window.OutHeight() * p.window.OutWidth() * p.window.Channels
	return p.where[sample*n:][:n]
}

// above returns how many rows of the output need only the first rows of the input.
func (p *maxima) above(rows int) int {
	w := &p.window
	if rows < w.SizeHeight {
		return 0
	}
	return min(w.OutHeight(), (rows-w.SizeHeight)/w.StrideHeight+1)
}

// window checks the window of a pooling layer.
func window(size, stride Pair, in Shape) (pool.Window, error) {
	if err := image(in); err != nil {
		return pool.Window{}, err
	}
	stride = stride.or(size)
	h, w, c := in[0], in[1], in[2]
	if size.Height < 1 || size.Width < 1 || stride.Height < 1 || stride.Width < 1 {
		return pool.Window{}, fmt.Errorf("size and stride must be at least 1, got %dx%d and %dx%d", size.Height, size.Width, stride.Height, stride.Width)
	}
	if size.Height > h || size.Width > w {
		return pool.Window{}, fmt.Errorf("the window of %dx%d is larger than the input of %dx%d", size.Height, size.Width, h, w)
	}
	return pool.Window{
		Height: h, Width: w, Channels: c, SizeHeight: size.Height, SizeWidth: size.Width,
		StrideHeight: stride.Height, StrideWidth: stride.Width,
	}, nil
}

// maxPool makes max-pooling of an image of the shape in, and returns the shape of
// its output.
func (b *builder[T]) maxPool(l MaxPool, in Shape) (*maxima, Shape, error) {
	if l.Size.Height > 256 || l.Size.Width > 256 || l.Size.Height*l.Size.Width > 256 {
		return nil, nil, fmt.Errorf("a window may have at most 256 elements, got %dx%d", l.Size.Height, l.Size.Width)
	}
	w, err := window(l.Size, l.Stride, in)
	if err != nil {
		return nil, nil, err
	}
	p, out := &maxima{window: w}, Shape{w.OutHeight(), w.OutWidth(), w.Channels}
	if !b.m.options.Inference {
		if out.Size() > b.limits.total/b.m.options.Batch {
			return nil, nil, fmt.Errorf("a batch of %d takes more than %d elements; take a smaller one", b.m.options.Batch, b.limits.total)
		}
		p.where = make([]uint8, out.Size()*b.m.options.Batch)
	}
	b.m.extraBytes += out.Size()
	return p, out, nil
}

// pooling takes the maximum or the mean of windows, with the activation that
// follows.
type pooling[T Float] struct {
	m            *Model[T]
	in, out, pre *value[T]
	act          *activation[T]
	maxima       *maxima // nil for the mean
	window       pool.Window

	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) pool(l Layer, in *value[T]) (*value[T], error) {
	o := &pooling[T]{m: b.m, in: in}
	var out Shape
	var err error
	switch l := l.(type) {
	case MaxPool:
		if o.maxima, out, err = b.maxPool(l, in.shape); err != nil {
			return nil, err
		}
		o.window = o.maxima.window
	case AvgPool:
		if o.window, err = window(l.Size, l.Stride, in.shape); err != nil {
			return nil, err
		}
		out = Shape{o.window.OutHeight(), o.window.OutWidth(), o.window.Channels}
	}
	o.out = b.value(out)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (o *pooling[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *pooling[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *pooling[T]) forwardSample(i, _ int) {
	in, out := o.in.size, o.out.size
	x, y := o.in.data[i*in:][:in], o.pre.data[i*out:][:out]
	if o.maxima != nil {
		pool.Max(&o.window, y, o.maxima.positions(o.m.train, i), x, 0, o.window.OutHeight())
	} else {
		pool.Mean(&o.window, y, x, 0, o.window.OutHeight())
	}
	if o.act != nil {
		o.act.forward(o.out.data[i*out:][:out], y, 0, o.window.Channels)
	}
}

func (o *pooling[T]) backward(m *Model[T]) {
	if o.in.grad == nil && (o.act == nil || o.act.param == nil) {
		return
	}
	o.act.begin(m.n)
	m.each(o.backwardTask)
	o.act.end(m.n)
}

func (o *pooling[T]) backwardSample(i, _ int) {
	in, out := o.in.size, o.out.size
	dy := o.out.grad[i*out:][:out]
	if o.act != nil {
		o.act.backward(dy, o.pre.data[i*out:][:out], i)
	}
	if o.in.grad == nil {
		return
	}
	dx := o.in.grad[i*in:][:in]
	if o.maxima != nil {
		pool.MaxBackward(&o.window, dx, dy, o.maxima.positions(true, i))
	} else {
		pool.MeanBackward(&o.window, dx, dy)
	}
}

// globalPool takes the mean over all pixels.
type globalPool[T Float] struct {
	in, out                   *value[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) globalAvgPool(in *value[T]) (*value[T], error) {
	if len(in.shape) < 2 {
		return nil, fmt.Errorf("the input must be an image or a sequence, but is %v", in.shape)
	}
	if err := b.together(); err != nil {
		return nil, err
	}
	o := &globalPool[T]{in: in, out: b.value(Shape{in.shape.channels()})}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (o *globalPool[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *globalPool[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *globalPool[T]) forwardSample(i, _ int) {
	in, c := o.in.size, o.out.size
	y := o.out.data[i*c:][:c]
	clear(y)
	addRows(y, o.in.data[i*in:][:in])
	for j := range y {
		y[j] *= 1 / T(in/c)
	}
}

func (o *globalPool[T]) backward(m *Model[T]) {
	if o.in.grad != nil {
		m.each(o.backwardTask)
	}
}

func (o *globalPool[T]) backwardSample(i, _ int) {
	in, c := o.in.size, o.out.size
	dx, dy := o.in.grad[i*in:][:in], o.out.grad[i*c:][:c]
	for j, v := range dy {
		dy[j] = v * (1 / T(in/c))
	}
	for at := 0; at < in; at += c {
		copy(dx[at:], dy)
	}
}
