package pool

// The functions of this file define the results: the assembly agrees with them to
// the bit.

// windows calls f for the windows of rows [from, to) of y, with the offsets of
// their output and of their first tap.
func (w *Window) windows(from, to int, f func(out, in int)) {
	width, c := w.OutWidth(), w.Channels
	for i := from; i < to; i++ {
		for j := range width {
			f((i*width+j)*c, i*w.StrideHeight*w.inRow()+j*w.StrideWidth*c)
		}
	}
}

// eachTap calls f for every tap, with its offset in the window and its number.
func (w *Window) eachTap(f func(offset, k int)) {
	k := 0
	for i := range w.SizeHeight {
		for j := range w.SizeWidth {
			f(i*w.inRow()+j*w.Channels, k)
			k++
		}
	}
}

func maxPortable[T Float](w *Window, y []T, where []uint8, x []T, from, to int) {
	c := w.Channels
	w.windows(from, to, func(out, in int) {
		best := y[out:][:c]
		copy(best, x[in:][:c])
		if where == nil {
			w.eachTap(func(offset, k int) {
				if k == 0 {
					return
				}
				for j, v := range x[in+offset:][:c] {
					if v > best[j] || v != v { // NaN passes
						best[j] = v
					}
				}
			})
			return
		}
		at := where[out:][:c]
		clear(at)
		w.eachTap(func(offset, k int) {
			if k == 0 {
				return
			}
			for j, v := range x[in+offset:][:c] {
				if v > best[j] || v != v {
					best[j], at[j] = v, uint8(k)
				}
			}
		})
	})
}

func maxBackwardPortable[T Float](w *Window, dx, dy []T, where []uint8) {
	c := w.Channels
	var offsets [maxTaps]int
	w.eachTap(func(offset, k int) { offsets[k] = offset })
	clear(dx[:w.Height*w.inRow()])
	w.windows(0, w.OutHeight(), func(out, in int) {
		at := where[out:][:c]
		for j, v := range dy[out:][:c] {
			dx[in+offsets[at[j]]+j] += v
		}
	})
}

func meanPortable[T Float](w *Window, y, x []T, from, to int) {
	c, scale := w.Channels, 1/T(w.taps())
	w.windows(from, to, func(out, in int) {
		sum := y[out:][:c]
		copy(sum, x[in:][:c])
		w.eachTap(func(offset, k int) {
			if k == 0 {
				return
			}
			for j, v := range x[in+offset:][:c] {
				sum[j] += v
			}
		})
		for j := range sum {
			sum[j] *= scale
		}
	})
}

func meanBackwardPortable[T Float](w *Window, dx, dy []T) {
	c, scale := w.Channels, 1/T(w.taps())
	clear(dx[:w.Height*w.inRow()])
	w.windows(0, w.OutHeight(), func(out, in int) {
		dy := dy[out:][:c]
		w.eachTap(func(offset, _ int) {
			dx := dx[in+offset:][:c]
			for j, v := range dy {
				dx[j] += T(v * scale) // rounded, so that no processor fuses it
			}
		})
	})
}
