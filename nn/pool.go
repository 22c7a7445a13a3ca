package nn

import (
	"fmt"
	"math"

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

// window checks the window of a pooling layer, and returns it on the image with its
// edges, which are nil if there are none.
func window(size, stride Pair, padding Padding, in Shape) (pool.Window, *edges, error) {
	if err := image(in); err != nil {
		return pool.Window{}, nil, err
	}
	stride = stride.or(size)
	h, w, c := in[0], in[1], in[2]
	if size.Height < 1 || size.Width < 1 || stride.Height < 1 || stride.Width < 1 {
		return pool.Window{}, nil, fmt.Errorf("size and stride must be at least 1, got %dx%d and %dx%d", size.Height, size.Width, stride.Height, stride.Width)
	}
	e, err := edgesOf(size, stride, padding, in)
	if err != nil {
		return pool.Window{}, nil, err
	}
	if e != nil {
		h, w = e.padded[0], e.padded[1]
	}
	if size.Height > h || size.Width > w {
		return pool.Window{}, nil, fmt.Errorf("the window of %dx%d is larger than the input of %dx%d", size.Height, size.Width, h, w)
	}
	return pool.Window{
		Height: h, Width: w, Channels: c, SizeHeight: size.Height, SizeWidth: size.Width,
		StrideHeight: stride.Height, StrideWidth: stride.Width,
	}, e, nil
}

// maxPool makes max-pooling of an image of the shape in, and returns its edges and
// the shape of its output.
func (b *builder[T]) maxPool(l MaxPool, in Shape) (*maxima, *edges, Shape, error) {
	if l.Size.Height > 256 || l.Size.Width > 256 || l.Size.Height*l.Size.Width > 256 {
		return nil, nil, nil, fmt.Errorf("a window may have at most 256 elements, got %dx%d", l.Size.Height, l.Size.Width)
	}
	w, e, err := window(l.Size, l.Stride, l.Padding, in)
	if err != nil {
		return nil, nil, nil, err
	}
	p, out := &maxima{window: w}, Shape{w.OutHeight(), w.OutWidth(), w.Channels}
	if !b.m.options.Inference {
		if out.Size() > b.limits.total/b.m.options.Batch {
			return nil, nil, nil, fmt.Errorf("a batch of %d takes more than %d elements; take a smaller one", b.m.options.Batch, b.limits.total)
		}
		p.where = make([]uint8, out.Size()*b.m.options.Batch)
	}
	b.m.extraBytes += out.Size()
	return p, e, out, nil
}

// pooling takes the maximum or the mean of windows, with the activation that
// follows.
type pooling[T Float] struct {
	m            *Model[T]
	in, out, pre *value[T]
	act          *activation[T]
	maxima       *maxima // nil for the mean
	window       pool.Window
	edges        *edges // nil if there is no padding
	// shares are, for each pixel of the output, the taps of a window by the
	// elements that it has; nil if the padding counts as elements.
	shares []T

	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) pool(l Layer, in *value[T]) (*value[T], error) {
	o := &pooling[T]{m: b.m, in: in}
	var out Shape
	var err error
	switch l := l.(type) {
	case MaxPool:
		if o.maxima, o.edges, out, err = b.maxPool(l, in.shape); err != nil {
			return nil, err
		}
		o.window = o.maxima.window
	case AvgPool:
		if o.window, o.edges, err = window(l.Size, l.Stride, l.Padding, in.shape); err != nil {
			return nil, err
		}
		if o.edges != nil && !l.CountPadding {
			for _, n := range o.edges.counts(&o.window) {
				o.shares = append(o.shares, T(l.Size.Height*l.Size.Width)/T(n))
			}
		}
		out = Shape{o.window.OutHeight(), o.window.OutWidth(), o.window.Channels}
	}
	o.out = b.value(out)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	if o.edges != nil {
		b.need(o.edges.padded.Size())
	}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (o *pooling[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *pooling[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *pooling[T]) forwardSample(i, worker int) {
	in, out := o.in.size, o.out.size
	x, y := o.in.data[i*in:][:in], o.pre.data[i*out:][:out]
	if o.edges != nil {
		fill := 0.0
		if o.maxima != nil {
			fill = math.Inf(-1)
		}
		x = pad(o.m.scratch[worker], x, o.edges, T(fill))
	}
	if o.maxima != nil {
		pool.Max(&o.window, y, o.maxima.positions(o.m.train, i), x, 0, o.window.OutHeight())
	} else {
		pool.Mean(&o.window, y, x, 0, o.window.OutHeight())
		o.share(y)
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

// share makes means of windows, or gradients of them, those of the elements alone.
func (o *pooling[T]) share(y []T) {
	c := o.window.Channels
	for pixel, share := range o.shares {
		row := y[pixel*c:][:c]
		for j, v := range row {
			row[j] = v * share
		}
	}
}

func (o *pooling[T]) backwardSample(i, worker int) {
	in, out := o.in.size, o.out.size
	dy := o.out.grad[i*out:][:out]
	if o.act != nil {
		o.act.backward(dy, o.pre.data[i*out:][:out], i)
	}
	if o.in.grad == nil {
		return
	}
	dx := o.in.grad[i*in:][:in]
	to := dx
	if o.edges != nil {
		to = o.m.scratch[worker][:o.edges.padded.Size()]
	}
	if o.maxima != nil {
		pool.MaxBackward(&o.window, to, dy, o.maxima.positions(true, i))
	} else {
		o.share(dy)
		pool.MeanBackward(&o.window, to, dy)
	}
	if o.edges != nil {
		crop(dx, to, o.edges)
	}
}
