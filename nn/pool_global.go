package nn

import "fmt"

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
