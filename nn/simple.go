package nn

import "fmt"

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

	m                         *Model[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) dropout(at int, l Dropout, in *value[T]) (*value[T], error) {
	if !(l.Rate >= 0 && l.Rate < 1) {
		return nil, fmt.Errorf("rate must be at least 0 and less than 1, got %v", l.Rate)
	}
	if b.m.options.Inference {
		out := b.alias(in, in.shape)
		b.add(&view[T]{in, out})
		return out, nil
	}
	o := &dropout[T]{in: in, out: b.value(in.shape), layer: uint64(at), m: b.m}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	o.threshold = min(uint64(l.Rate*(1<<16)+.5), 1<<16-1)
	o.scale = T(1 / (1 - float64(o.threshold)/(1<<16)))
	b.add(o)
	return o.out, nil
}

func (*dropout[T]) inPlace()                      {}
func (o *dropout[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *dropout[T]) forward(m *Model[T])  { m.each(o.forwardTask) }
func (o *dropout[T]) backward(m *Model[T]) { m.each(o.backwardTask) }

func (o *dropout[T]) forwardSample(i, _ int) {
	n := o.in.size
	x, y := o.in.data[i*n:][:n], o.out.data[i*n:][:n]
	if o.m.train {
		o.mask(o.m, i, y, x)
	} else {
		copy(y, x)
	}
}

func (o *dropout[T]) backwardSample(i, _ int) {
	n := o.in.size
	dy := o.out.grad[i*n:][:n]
	o.mask(o.m, i, dy, dy)
}

// mask sets dst to src with the elements of a sample dropped and scaled.
func (o *dropout[T]) mask(m *Model[T], sample int, dst, src []T) {
	r := m.random(2, o.layer, m.step, uint64(sample))
	// Products in place of branches, which no processor predicts.
	factors := [2]T{o.scale, 0}
	dst = dst[:len(src)]
	j := 0
	for ; j+4 <= len(src); j += 4 {
		bits := r.Uint64()
		x, y := (*[4]T)(src[j:]), (*[4]T)(dst[j:])
		y[0] = x[0] * factors[o.dropped(bits)]
		y[1] = x[1] * factors[o.dropped(bits>>16)]
		y[2] = x[2] * factors[o.dropped(bits>>32)]
		y[3] = x[3] * factors[o.dropped(bits>>48)]
	}
	if j < len(src) {
		for bits := r.Uint64(); j < len(src); j, bits = j+1, bits>>16 {
			dst[j] = src[j] * factors[o.dropped(bits)]
		}
	}
}

// dropped returns 1 if an element with these 16 bits is dropped, else 0.
func (o *dropout[T]) dropped(bits uint64) uint64 { return (bits&0xffff - o.threshold) >> 63 }
