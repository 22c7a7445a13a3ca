package nn

import (
	"fmt"
	"slices"
)

// fork hands one value to several readers and adds their gradients.
type fork[T Float] struct {
	in           *value[T]
	out          []*value[T]
	backwardTask func(task, worker int)
}

func (*fork[T]) forward(*Model[T])             {}
func (*fork[T]) inPlace()                      {}
func (o *fork[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, o.out }

func (o *fork[T]) backward(m *Model[T]) {
	if o.in.grad != nil {
		m.each(o.backwardTask)
	}
}

func (o *fork[T]) backwardSample(i, _ int) {
	n := o.in.size
	sum := o.in.grad[i*n:][:n] // that of the first, in place
	for _, out := range o.out[1:] {
		for j, v := range out.grad[i*n:][:n] {
			sum[j] += v
		}
	}
}

// A branch is one of the sequences that read a layer's input.
type branch struct {
	name   string // after that of the layer
	layers Sequential
}

// branches appends the operations of sequences that read one value, and returns
// what each writes. The epilogue is that of the layer which joins them.
func (b *builder[T]) branches(at int, in *value[T], list ...branch) ([]*value[T], error) {
	// What follows the layer is not for the layers inside.
	next := b.next
	b.next = nil
	if b.depth++; b.depth > maxDepth {
		return nil, fmt.Errorf("layers are nested more than %d deep", maxDepth)
	}
	f := &fork[T]{in: in}
	for range list {
		f.out = append(f.out, b.alias(in, in.shape))
	}
	f.backwardTask = f.backwardSample
	b.add(f)
	var out []*value[T]
	for i, l := range list {
		err := b.nested(b.m.layers[at].Name+"."+l.name+".", func() error {
			v, err := b.sequence(l.layers, f.out[i])
			out = append(out, v)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	b.depth--
	b.next = next
	return out, nil
}

// join adds two values, with the activation that follows.
type join[T Float] struct {
	a, b, out, pre            *value[T]
	act                       *activation[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) residual(at int, l Residual, in *value[T]) (*value[T], error) {
	if len(l.Body) == 0 {
		return nil, fmt.Errorf("body must have a layer")
	}
	ends, err := b.branches(at, in, branch{"body", l.Body}, branch{"shortcut", l.Shortcut})
	if err != nil {
		return nil, err
	}
	o := &join[T]{a: ends[0], b: ends[1]}
	if !slices.Equal(o.a.shape, o.b.shape) {
		return nil, fmt.Errorf("the body gives %v but the shortcut %v; both must have the same shape", o.a.shape, o.b.shape)
	}
	o.out = b.value(o.a.shape)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (*join[T]) inPlace()                      {}
func (o *join[T]) ends() (in, out []*value[T]) { return []*value[T]{o.a, o.b}, []*value[T]{o.out} }

// joinBlock is the number of elements after which the activation runs, while
// they are in the first-level cache.
const joinBlock = 2048

func (o *join[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *join[T]) forwardSample(i, _ int) {
	n, c := o.out.size, o.out.shape.channels()
	block := max(1, joinBlock/c) * c
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
}

func (o *join[T]) backward(m *Model[T]) {
	o.act.begin(m.n)
	m.each(o.backwardTask)
	o.act.end(m.n)
}

func (o *join[T]) backwardSample(i, _ int) {
	n := o.out.size
	dy := o.out.grad[i*n:][:n] // that of a, in place
	if o.act != nil {
		o.act.backward(dy, o.pre.data[i*n:][:n], i)
	}
	if o.b.grad != nil {
		copy(o.b.grad[i*n:][:n], dy)
	}
}
