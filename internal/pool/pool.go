// Package pool (stand-in).
package pool

type Window struct{ Height, Width, Channels, SizeHeight, SizeWidth, StrideHeight, StrideWidth int }

func (w *Window) OutHeight() int { return (w.Height-w.SizeHeight)/w.StrideHeight + 1 }
func (w *Window) OutWidth() int  { return (w.Width-w.SizeWidth)/w.StrideWidth + 1 }

func (w *Window) each(from, to int, f func(out, in int)) {
	for y := from; y < to; y++ {
		for x := range w.OutWidth() {
			f((y*w.OutWidth()+x)*w.Channels, (y*w.StrideHeight*w.Width+x*w.StrideWidth)*w.Channels)
		}
	}
}
func (w *Window) taps(f func(offset, k int)) {
	k := 0
	for y := range w.SizeHeight {
		for x := range w.SizeWidth {
			f((y*w.Width+x)*w.Channels, k)
			k++
		}
	}
}
func Max[T float32 | float64](w *Window, y []T, where []uint8, x []T, from, to int) {
	c := w.Channels
	w.each(from, to, func(out, in int) {
		best := y[out:][:c]
		copy(best, x[in:][:c])
		if where != nil {
			clear(where[out:][:c])
		}
		w.taps(func(offset, k int) {
			if k == 0 {
				return
			}
			for j, v := range x[in+offset:][:c] {
				if v > best[j] || v != v {
					best[j] = v
					if where != nil {
						where[out+j] = uint8(k)
					}
				}
			}
		})
	})
}
func MaxBackward[T float32 | float64](w *Window, dx, dy []T, where []uint8) {
	clear(dx)
	var offs []int
	w.taps(func(o, _ int) { offs = append(offs, o) })
	w.each(0, w.OutHeight(), func(out, in int) {
		for j, k := range where[out:][:w.Channels] {
			dx[in+offs[k]+j] += dy[out+j]
		}
	})
}
func Mean[T float32 | float64](w *Window, y, x []T, from, to int) {
	c := w.Channels
	s := 1 / T(w.SizeHeight*w.SizeWidth)
	w.each(from, to, func(out, in int) {
		sum := y[out:][:c]
		copy(sum, x[in:][:c])
		w.taps(func(offset, k int) {
			if k > 0 {
				for j, v := range x[in+offset:][:c] {
					sum[j] += v
				}
			}
		})
		for j := range sum {
			sum[j] *= s
		}
	})
}
func MeanBackward[T float32 | float64](w *Window, dx, dy []T) {
	clear(dx)
	s := 1 / T(w.SizeHeight*w.SizeWidth)
	w.each(0, w.OutHeight(), func(out, in int) {
		w.taps(func(o, _ int) {
			for j := range w.Channels {
				dx[in+o+j] += dy[out+j] * s
			}
		})
	})
}
