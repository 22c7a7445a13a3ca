package nn

// affine is an Affine layer.
type affine[T Float] struct {
	in, out      *value[T]
	scale, shift *Parameter[T] // nil if there is none
	// Gradients of each sample; nil if there are none.
	scaleParts, shiftParts [][]T

	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) affine(at int, l Affine, in *value[T]) (*value[T], error) {
	if l.NoScale && l.NoShift {
		return nil, errNoAffine
	}
	o := &affine[T]{in: in}
	c := in.shape.channels()
	for _, p := range []struct {
		to    **Parameter[T]
		parts *[][]T
		name  string
		no    bool
		first T
	}{{&o.scale, &o.scaleParts, "scale", l.NoScale, 1}, {&o.shift, &o.shiftParts, "shift", l.NoShift, 0}} {
		if p.no {
			continue
		}
		made, err := b.param(at, p.name, !l.Frozen, c)
		if err != nil {
			return nil, err
		}
		set(made.Value, p.first)
		*p.to = made
		if l.Frozen || b.m.options.Inference {
			continue
		}
		if err := b.reserve(c); err != nil {
			return nil, err
		}
		for range b.m.options.Batch {
			*p.parts = append(*p.parts, make([]T, c))
		}
	}
	if o.scaleParts != nil {
		in.keep()
	}
	o.out = b.value(in.shape)
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (*affine[T]) inPlace()                      {}
func (o *affine[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *affine[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *affine[T]) forwardSample(i, _ int) {
	n, c := o.in.size, o.in.shape.channels()
	x, y := of(o.in.data, i, n), of(o.out.data, i, n)
	for at := 0; at < n; at += c {
		x, y := x[at:][:c], y[at:][:c]
		switch {
		case o.scale == nil:
			for j, v := range x {
				y[j] = v + o.shift.Value[j]
			}
		case o.shift == nil:
			for j, v := range x {
				y[j] = v * o.scale.Value[j]
			}
		default:
			for j, v := range x {
				y[j] = v*o.scale.Value[j] + o.shift.Value[j]
			}
		}
	}
}

func (o *affine[T]) backward(m *Model[T]) {
	if o.in.grad == nil && o.scaleParts == nil && o.shiftParts == nil {
		return
	}
	m.each(o.backwardTask)
	if o.scaleParts != nil {
		m.sum(o.scale.Grad, o.scaleParts[:m.n])
	}
	if o.shiftParts != nil {
		m.sum(o.shift.Grad, o.shiftParts[:m.n])
	}
}

func (o *affine[T]) backwardSample(i, _ int) {
	n, c := o.in.size, o.in.shape.channels()
	dy := of(o.out.grad, i, n) // that of the input, in place
	if o.shiftParts != nil {
		clear(o.shiftParts[i])
		addRows(o.shiftParts[i], dy)
	}
	if o.scaleParts != nil {
		sum, x := o.scaleParts[i], of(o.in.data, i, n)
		clear(sum)
		for at := 0; at < n; at += c {
			x, dy := x[at:][:c], dy[at:][:c]
			for j, v := range dy {
				sum[j] += v * x[j]
			}
		}
	}
	if o.scale == nil || o.in.grad == nil {
		return
	}
	for at := 0; at < n; at += c {
		dy := dy[at:][:c]
		for j, v := range dy {
			dy[j] = v * o.scale.Value[j]
		}
	}
}
