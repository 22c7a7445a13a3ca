package nn

import "fmt"

// pooling takes the maximum or the mean of windows.
type pooling[T Float] struct {
	in, out         *value[T]
	size, stride    Pair
	height, width   int // of the output
	channels, inRow int
	// where holds the position of each maximum in its window; nil for the mean.
	where []uint8
}

func (b *builder[T]) pool(at int, size, stride Pair, maximum bool, in *value[T]) (*value[T], error) {
	if err := image(in.shape); err != nil {
		return nil, err
	}
	stride = stride.or(size)
	h, w, c := in.shape[0], in.shape[1], in.shape[2]
	if size.Height < 1 || size.Width < 1 || stride.Height < 1 || stride.Width < 1 {
		return nil, fmt.Errorf("size and stride must be at least 1, got %dx%d and %dx%d", size.Height, size.Width, stride.Height, stride.Width)
	}
	if size.Height > h || size.Width > w {
		return nil, fmt.Errorf("the window of %dx%d is larger than the input of %dx%d", size.Height, size.Width, h, w)
	}
	if maximum && size.Height*size.Width > 256 {
		return nil, fmt.Errorf("a window may have at most 256 elements, got %dx%d", size.Height, size.Width)
	}
	o := &pooling[T]{
		in: in, size: size, stride: stride, channels: c, inRow: w * c,
		height: (h-size.Height)/stride.Height + 1, width: (w-size.Width)/stride.Width + 1,
	}
	o.out = b.value(Shape{o.height, o.width, c})
	if maximum {
		o.where = make([]uint8, o.out.size*b.m.options.Batch)
		b.m.extraBytes += o.out.size
	}
	b.add(o)
	return o.out, nil
}

func (o *pooling[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// windows calls f for every window of a sample, with the offsets of its output
// and of its first input.
func (o *pooling[T]) windows(f func(out, in int)) {
	for y := range o.height {
		for x := range o.width {
			f((y*o.width+x)*o.channels, y*o.stride.Height*o.inRow+x*o.stride.Width*o.channels)
		}
	}
}

// taps calls f for every element of a window, with its offset and number.
func (o *pooling[T]) taps(f func(offset, k int)) {
	k := 0
	for y := range o.size.Height {
		for x := range o.size.Width {
			f(y*o.inRow+x*o.channels, k)
			k++
		}
	}
}

func (o *pooling[T]) forward(m *Model[T]) {
	in, out, c := o.in.size, o.out.size, o.channels
	scale := 1 / T(o.size.Height*o.size.Width)
	m.each(func(i, _ int) {
		x, y := o.in.data[i*in:][:in], o.out.data[i*out:][:out]
		o.windows(func(to, from int) {
			best := y[to:][:c]
			copy(best, x[from:][:c])
			if o.where == nil {
				o.taps(func(offset, k int) {
					if k > 0 {
						for j, v := range x[from+offset:][:c] {
							best[j] += v
						}
					}
				})
				for j := range best {
					best[j] *= scale
				}
				return
			}
			where := o.where[i*out+to:][:c]
			clear(where)
			o.taps(func(offset, k int) {
				if k == 0 {
					return
				}
				for j, v := range x[from+offset:][:c] {
					if v > best[j] || v != v { // NaN passes
						best[j], where[j] = v, uint8(k)
					}
				}
			})
		})
	})
}

func (o *pooling[T]) backward(m *Model[T]) {
	if o.in.grad == nil {
		return
	}
	in, out, c := o.in.size, o.out.size, o.channels
	scale := 1 / T(o.size.Height*o.size.Width)
	offsets := make([]int, 0, o.size.Height*o.size.Width)
	o.taps(func(offset, _ int) { offsets = append(offsets, offset) })
	m.each(func(i, _ int) {
		dx, dy := o.in.grad[i*in:][:in], o.out.grad[i*out:][:out]
		clear(dx)
		o.windows(func(to, from int) {
			dy := dy[to:][:c]
			if o.where != nil {
				for j, k := range o.where[i*out+to:][:c] {
					dx[from+offsets[k]+j] += dy[j]
				}
				return
			}
			for _, offset := range offsets {
				dx := dx[from+offset:][:c]
				for j, v := range dy {
					dx[j] += v * scale
				}
			}
		})
	})
}

// globalPool takes the mean over all pixels.
type globalPool[T Float] struct {
	in, out *value[T]
}

func (b *builder[T]) globalAvgPool(in *value[T]) (*value[T], error) {
	if err := image(in.shape); err != nil {
		return nil, err
	}
	o := &globalPool[T]{in, b.value(Shape{in.shape[2]})}
	b.add(o)
	return o.out, nil
}

func (o *globalPool[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *globalPool[T]) forward(m *Model[T]) {
	in, c := o.in.size, o.out.size
	scale := 1 / T(in/c)
	m.each(func(i, _ int) {
		y := o.out.data[i*c:][:c]
		clear(y)
		addRows(y, o.in.data[i*in:][:in])
		for j := range y {
			y[j] *= scale
		}
	})
}

func (o *globalPool[T]) backward(m *Model[T]) {
	if o.in.grad == nil {
		return
	}
	in, c := o.in.size, o.out.size
	scale := 1 / T(in/c)
	m.each(func(i, _ int) {
		dx, dy := o.in.grad[i*in:][:in], o.out.grad[i*c:][:c]
		for j, v := range dy {
			dy[j] = v * scale
		}
		for at := 0; at < in; at += c {
			copy(dx[at:], dy)
		}
	})
}
