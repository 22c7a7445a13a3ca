package nn

import (
	"fmt"
	"slices"
)

// product multiplies two values, the second of which may be one row of channels for
// all rows of the first, with the activation that follows.
type product[T Float] struct {
	m                         *Model[T]
	a, b, out, pre            *value[T]
	act                       *activation[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) multiply(at int, l Product, in *value[T]) (*value[T], error) {
	ends, err := b.branches(at, in, branch{"body", l.Body}, branch{"gate", l.Gate})
	if err != nil {
		return nil, err
	}
	o := &product[T]{m: b.m, a: ends[0], b: ends[1]}
	whole := slices.Equal(o.a.shape, o.b.shape)
	if c := o.a.shape.channels(); !whole && !slices.Equal(o.b.shape, Shape{c}) {
		return nil, fmt.Errorf("the body gives %v but the gate %v; it must have the same shape or be %v", o.a.shape, o.b.shape, Shape{c})
	}
	o.a.keep()
	o.b.keep()
	o.out = b.value(o.a.shape)
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (*product[T]) inPlace()                      {}
func (o *product[T]) ends() (in, out []*value[T]) { return []*value[T]{o.a, o.b}, []*value[T]{o.out} }

func (o *product[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *product[T]) forwardSample(i, _ int) {
	n, c := o.out.size, o.out.shape.channels()
	a, b, y := of(o.a.data, i, n), of(o.b.data, i, o.b.size), of(o.pre.data, i, n)
	for at := 0; at < n; at += len(b) {
		row := y[at:][:len(b)]
		for j, v := range a[at:][:len(b)] {
			row[j] = v * b[j]
		}
	}
	if o.act != nil {
		o.act.forward(of(o.out.data, i, n), y, 0, c)
	}
}

func (o *product[T]) backward(m *Model[T]) {
	o.act.begin(m.n)
	m.each(o.backwardTask)
	o.act.end(m.n)
}

func (o *product[T]) backwardSample(i, _ int) {
	n := o.out.size
	a, b, dy := of(o.a.data, i, n), of(o.b.data, i, o.b.size), of(o.out.grad, i, n) // dy is that of a, in place
	if o.act != nil {
		o.act.backward(dy, of(o.pre.data, i, n), i)
	}
	db := of(o.b.grad, i, o.b.size)
	clear(db)
	for at := 0; at < n; at += len(b) {
		x, d := a[at:][:len(b)], dy[at:][:len(b)]
		for j, v := range d {
			db[j] += v * x[j]
			d[j] = v * b[j]
		}
	}
}
