package nn

import (
	"fmt"
	"slices"
	"strconv"
)

// concat puts the channels of values side by side.
type concat[T Float] struct {
	in                        []*value[T]
	out                       *value[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) concat(at int, l Concat, in *value[T]) (*value[T], error) {
	if len(l.Branches) < 2 {
		return nil, fmt.Errorf("branches must be at least 2, got %d", len(l.Branches))
	}
	var list []branch
	for i, s := range l.Branches {
		list = append(list, branch{"branches." + strconv.Itoa(i+1), s})
	}
	ends, err := b.branches(at, in, list...)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(ends[0].shape)
	last := len(shape) - 1
	for i, v := range ends[1:] {
		if len(v.shape) != len(shape) || !slices.Equal(v.shape[:last], shape[:last]) {
			return nil, fmt.Errorf("branch 1 gives %v but branch %d %v; all dimensions but the last must be the same", ends[0].shape, i+2, v.shape)
		}
		shape[last] += v.shape[last]
	}
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	o := &concat[T]{in: ends, out: b.value(shape)}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (o *concat[T]) ends() (in, out []*value[T]) { return o.in, []*value[T]{o.out} }

func (o *concat[T]) forward(m *Model[T])  { m.each(o.forwardTask) }
func (o *concat[T]) backward(m *Model[T]) { m.each(o.backwardTask) }

func (o *concat[T]) forwardSample(i, _ int) {
	y, first := of(o.out.data, i, o.out.size), 0
	for _, v := range o.in {
		copyColumns(y[first:], o.out.shape.channels(), of(v.data, i, v.size), v.shape.channels(), v.shape.channels())
		first += v.shape.channels()
	}
}

func (o *concat[T]) backwardSample(i, _ int) {
	dy, first := of(o.out.grad, i, o.out.size), 0
	for _, v := range o.in {
		copyColumns(of(v.grad, i, v.size), v.shape.channels(), dy[first:], o.out.shape.channels(), v.shape.channels())
		first += v.shape.channels()
	}
}

// copyColumns copies the first n elements of each row.
func copyColumns[T Float](dst []T, dstRow int, src []T, srcRow, n int) {
	for len(dst) >= n && len(src) >= n {
		copy(dst[:n], src)
		dst, src = dst[min(dstRow, len(dst)):], src[min(srcRow, len(src)):]
	}
}
