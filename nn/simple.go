package nn

import (
	"fmt"
)

// view is the same elements in another shape.
type view[T Float] struct{ in, out *value[T] }

func (*view[T]) forward(*Model[T])             {}
func (*view[T]) backward(*Model[T])            {}
func (*view[T]) inPlace()                      {}
func (o *view[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// dropout draws its mask again for the backward pass instead of keeping it.
type dropout[T Float] struct {
	in, out *value[T]
	layer   uint64
	// An element is dropped if 16 random bits are less than threshold.
	threshold uint64
	scale     T
}

func (b *builder[T]) dropout(at int, l Dropout, in *value[T]) (*value[T], error) {
	if !(l.Rate >= 0 && l.Rate < 1) {
		return nil, fmt.Errorf("rate must be at least 0 and less than 1, got %v", l.Rate)
	}
	o := &dropout[T]{in: in, out: b.value(in.shape), layer: uint64(at)}
	o.threshold = min(uint64(l.Rate*(1<<16)+.5), 1<<16-1)
	o.scale = T(1 / (1 - float64(o.threshold)/(1<<16)))
	b.add(o)
	return o.out, nil
}

func (*dropout[T]) inPlace()                      {}
func (o *dropout[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *dropout[T]) forward(m *Model[T]) {
	n := o.in.size
	m.each(func(i, _ int) {
		x, y := o.in.data[i*n:][:n], o.out.data[i*n:][:n]
		if !m.train {
			copy(y, x)
			return
		}
		o.mask(m, i, y, x)
	})
}

func (o *dropout[T]) backward(m *Model[T]) {
	n := o.in.size
	m.each(func(i, _ int) {
		dy := o.out.grad[i*n:][:n]
		o.mask(m, i, dy, dy)
	})
}

// mask sets dst to src with the elements of a sample dropped and scaled.
func (o *dropout[T]) mask(m *Model[T], sample int, dst, src []T) {
	r := m.random(2, o.layer, m.step, uint64(sample))
	var bits uint64
	for j, v := range src {
		if j%4 == 0 {
			bits = r.Uint64()
		}
		if bits&0xffff < o.threshold {
			dst[j] = 0
		} else {
			dst[j] = v * o.scale
		}
		bits >>= 16
	}
}

// fork hands one value to two readers and adds their gradients.
type fork[T Float] struct {
	in, a, b *value[T]
}

func (*fork[T]) forward(*Model[T])             {}
func (*fork[T]) inPlace()                      {}
func (o *fork[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.a, o.b} }

func (o *fork[T]) backward(m *Model[T]) {
	if o.in.grad == nil {
		return
	}
	n := o.in.size
	m.each(func(i, _ int) {
		sum := o.in.grad[i*n:][:n] // that of a, in place
		for j, v := range o.b.grad[i*n:][:n] {
			sum[j] += v
		}
	})
}

// join adds two values, with the activation that follows.
type join[T Float] struct {
	a, b, out, pre *value[T]
	act            *activation[T]
}

func (b *builder[T]) residual(at int, l Residual, in *value[T]) (*value[T], error) {
	// What follows the sum is not for the layers inside.
	next, index := b.next, b.nextIndex
	b.next = nil
	if len(l.Body) == 0 {
		return nil, fmt.Errorf("body must have a layer")
	}
	if b.depth++; b.depth > maxDepth {
		return nil, fmt.Errorf("layers are nested more than %d deep", maxDepth)
	}
	f := &fork[T]{in, b.alias(in, in.shape), b.alias(in, in.shape)}
	b.add(f)
	o := &join[T]{}
	prefix := b.m.layers[at].Name
	err := b.nested(prefix+".body.", func() (err error) {
		o.a, err = b.sequence(l.Body, f.a)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = b.nested(prefix+".shortcut.", func() (err error) {
		o.b, err = b.sequence(l.Shortcut, f.b)
		return err
	})
	if err != nil {
		return nil, err
	}
	b.depth--
	if fmt.Sprint(o.a.shape) != fmt.Sprint(o.b.shape) {
		return nil, fmt.Errorf("the body gives %v but the shortcut %v; both must have the same shape", o.a.shape, o.b.shape)
	}
	o.out = b.value(o.a.shape)
	b.next, b.nextIndex = next, index
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	b.add(o)
	return o.out, nil
}

func (*join[T]) inPlace()                      {}
func (o *join[T]) ends() (in, out []*value[T]) { return []*value[T]{o.a, o.b}, []*value[T]{o.out} }

// joinBlock is the number of elements after which the activation runs, while
// they are in the first-level cache.
const joinBlock = 2048

func (o *join[T]) forward(m *Model[T]) {
	n, c := o.out.size, o.out.shape.channels()
	block := max(1, joinBlock/c) * c
	m.each(func(i, _ int) {
		for from := i * n; from < (i+1)*n; from += block {
			to := min(from+block, (i+1)*n)
			a, b, y := o.a.data[from:to], o.b.data[from:to], o.pre.data[from:to]
			for j, v := range a {
				y[j] = v + b[j]
			}
			if o.act != nil {
				o.act.forward(o.out.data[from:to], y, 0, c)
			}
		}
	})
}

func (o *join[T]) backward(m *Model[T]) {
	n := o.out.size
	o.act.begin(m.n)
	m.each(func(i, _ int) {
		dy := o.out.grad[i*n:][:n] // that of a, in place
		if o.act != nil {
			o.act.backward(dy, o.pre.data[i*n:][:n], i)
		}
		if o.b.grad != nil {
			copy(o.b.grad[i*n:][:n], dy)
		}
	})
	o.act.end(m.n)
}
