// Package pool takes maxima and means of the windows of images whose last
// dimension is the channel, and their gradients, one sample at a time.
//
// The kernels of AVX2, AVX-512 and NEON are assembly that gen writes: they walk
// along the channels of each window of a row, whose results stand side by side
// in vectors. Go is the reference, and the levels agree to the bit. Tasks and
// batches are the caller's.
package pool

import (
	"fmt"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/noescape"
)

// Float is an element type. float32 has assembly; float64 is for checks.
type Float interface{ float32 | float64 }

// A Window describes pooling without padding: x is Height x Width x Channels,
// y is OutHeight x OutWidth x Channels. The window of row i and column j of y
// begins at row i*StrideHeight and column j*StrideWidth of x. Its elements are
// its taps, numbered row by row from 0.
type Window struct {
	Height, Width, Channels   int
	SizeHeight, SizeWidth     int
	StrideHeight, StrideWidth int
}

// OutHeight returns the rows of y.
func (w *Window) OutHeight() int { return (w.Height-w.SizeHeight)/w.StrideHeight + 1 }

// OutWidth returns the columns of y.
func (w *Window) OutWidth() int { return (w.Width-w.SizeWidth)/w.StrideWidth + 1 }

// inRow and outRow return the elements of a row of x and of y.
func (w *Window) inRow() int  { return w.Width * w.Channels }
func (w *Window) outRow() int { return w.OutWidth() * w.Channels }

func (w *Window) taps() int { return w.SizeHeight * w.SizeWidth }

// disjoint tells whether no element of x is in two windows.
func (w *Window) disjoint() bool {
	return w.StrideHeight >= w.SizeHeight && w.StrideWidth >= w.SizeWidth
}

// maxTaps is what a byte can tell apart.
const maxTaps = 256

// Max sets the rows [from, to) of y to the maxima of their windows, and those of
// where to the number of the tap that holds each. where may be nil: then the
// numbers are not wanted.
//
// Of equal taps the first is the maximum; +0 and -0 are equal. NaN passes: a
// window with NaN has its last NaN as its maximum. Max panics if a slice is too
// short for the whole sample. The slices must not overlap.
func Max[T Float](w *Window, y []T, where []uint8, x []T, from, to int) {
	maxima(active[T](), w, y, where, x, from, to)
}

// MaxBackward sets dx, the gradient of all of x, from dy, the gradient of all of
// y: each element of dy goes to the tap that where names, and where windows
// overlap the elements add up in the order of the windows. The rest of dx
// becomes 0. where is what [Max] has set.
func MaxBackward[T Float](w *Window, dx, dy []T, where []uint8) {
	maximaBackward(active[T](), w, dx, dy, where)
}

// Mean sets the rows [from, to) of y to the means of their windows: the taps
// added in their order, times the reciprocal of their number. It panics if a
// slice is too short for the whole sample. The slices must not overlap.
func Mean[T Float](w *Window, y, x []T, from, to int) {
	means(active[T](), w, y, x, from, to)
}

// MeanBackward sets dx, the gradient of all of x, from dy, the gradient of all of
// y: each tap gets its share of the element, and where windows overlap the shares
// add up in the order of the windows. The rest of dx becomes 0.
func MeanBackward[T Float](w *Window, dx, dy []T) {
	meansBackward(active[T](), w, dx, dy)
}

// active returns the kernels for T on the running SIMD level, or nil if there
// are none.
func active[T Float]() *kernels {
	var z T
	if _, ok := any(z).(float32); ok {
		return level32(cpu.Active())
	}
	return nil
}

func maxima[T Float](k *kernels, w *Window, y []T, where []uint8, x []T, from, to int) {
	w.check(len(x), len(y), "x", "y")
	w.checkRows(from, to)
	if where != nil {
		w.checkWhere(len(where))
	}
	switch {
	case w.Channels == 0 || from == to:
	case k == nil:
		maxPortable(w, y, where, x, from, to)
	case where == nil:
		rows(k.max.of(w), w, y, nil, x, from, to)
	default:
		rows(k.maxWhere.of(w), w, y, where, x, from, to)
	}
}

func maximaBackward[T Float](k *kernels, w *Window, dx, dy []T, where []uint8) {
	w.check(len(dx), len(dy), "dx", "dy")
	w.checkWhere(len(where))
	switch {
	case w.Channels == 0:
	case k == nil || !w.disjoint():
		maxBackwardPortable(w, dx, dy, where)
	default:
		clearGaps(w, dx)
		rows(k.maxBackward.of(w), w, dy, where, dx, 0, w.OutHeight())
	}
}

func means[T Float](k *kernels, w *Window, y, x []T, from, to int) {
	w.check(len(x), len(y), "x", "y")
	w.checkRows(from, to)
	switch {
	case w.Channels == 0 || from == to:
	case k == nil:
		meanPortable(w, y, x, from, to)
	default:
		rows(k.mean.of(w), w, y, nil, x, from, to)
	}
}

func meansBackward[T Float](k *kernels, w *Window, dx, dy []T) {
	w.check(len(dx), len(dy), "dx", "dy")
	switch {
	case w.Channels == 0:
	case k == nil || !w.disjoint():
		meanBackwardPortable(w, dx, dy)
	default:
		clearGaps(w, dx)
		rows(k.meanBackward.of(w), w, dy, nil, dx, 0, w.OutHeight())
	}
}

// check panics if the window has no meaning or a slice is too short: the kernels
// do not look.
func (w *Window) check(x, y int, xName, yName string) {
	if w.SizeHeight < 1 || w.SizeWidth < 1 || w.StrideHeight < 1 || w.StrideWidth < 1 || w.Channels < 0 {
		panic(fmt.Sprintf("pool: size and stride must be at least 1 and the channels at least 0, got %dx%d, %dx%d and %d",
			w.SizeHeight, w.SizeWidth, w.StrideHeight, w.StrideWidth, w.Channels))
	}
	if w.SizeHeight > w.Height || w.SizeWidth > w.Width {
		panic(fmt.Sprintf("pool: the window of %dx%d is larger than the image of %dx%d", w.SizeHeight, w.SizeWidth, w.Height, w.Width))
	}
	if want := w.Height * w.inRow(); x < want {
		panic(fmt.Sprintf("pool: %s has %d elements, want %d", xName, x, want))
	}
	if want := w.OutHeight() * w.outRow(); y < want {
		panic(fmt.Sprintf("pool: %s has %d elements, want %d", yName, y, want))
	}
}

func (w *Window) checkRows(from, to int) {
	if from < 0 || from > to || to > w.OutHeight() {
		panic(fmt.Sprintf("pool: rows %d to %d of %d", from, to, w.OutHeight()))
	}
}

func (w *Window) checkWhere(n int) {
	if w.taps() > maxTaps {
		panic(fmt.Sprintf("pool: a window may have at most %d taps, got %dx%d", maxTaps, w.SizeHeight, w.SizeWidth))
	}
	if want := w.OutHeight() * w.outRow(); n < want {
		panic(fmt.Sprintf("pool: where has %d elements, want %d", n, want))
	}
}

// args is what a kernel reads: a row of windows, with distances in bytes. gen
// knows the offsets.
type args struct {
	x, y, where unsafe.Pointer // of the first window
	windows     int
	channels    int
	tap, row    int // from a tap to the next in its row, and to the one below
	skip        int // from a window's first tap, past its channels, to the next window
	height      int // of a window, in taps
	width       int
	scale       float32 // of the mean
}

// A kernel does the windows of args. The forward ones read x and write y and
// where, the backward ones read y and where and write x.
type kernel func(*args)

// A pair has the kernel for windows of 2x2, the most common, whose taps fit the
// registers, and that for all.
type pair struct{ any, twoByTwo kernel }

func (p *pair) of(w *Window) kernel {
	if w.SizeHeight == 2 && w.SizeWidth == 2 {
		return p.twoByTwo
	}
	return p.any
}

// kernels are those of a SIMD level.
type kernels struct{ max, maxWhere, maxBackward, mean, meanBackward pair }

// callTaps is how many taps one call of a kernel visits: the scheduler cannot
// stop a goroutine inside assembly.
const callTaps = 1 << 20

// rows calls the kernel for the rows [from, to) of y.
func rows[T Float](k kernel, w *Window, y []T, where []uint8, x []T, from, to int) {
	size, c, width := int(unsafe.Sizeof(x[0])), w.Channels, w.OutWidth()
	p := args{
		channels: c, tap: c * size, row: w.inRow() * size, skip: (w.StrideWidth - 1) * c * size,
		height: w.SizeHeight, width: w.SizeWidth, scale: 1 / float32(w.taps()),
	}
	step := max(1, callTaps/(w.taps()*c))
	for i := from; i < to; i++ {
		for j := 0; j < width; j += step {
			at := (i*width + j) * c
			p.x, p.y = unsafe.Pointer(&x[i*w.StrideHeight*w.inRow()+j*w.StrideWidth*c]), unsafe.Pointer(&y[at])
			if where != nil {
				p.where = unsafe.Pointer(&where[at])
			}
			p.windows = min(step, width-j)
			k(noescape.Pointer(&p))
		}
	}
}

// clearGaps clears what no window covers: rows between and below the windows, and
// what is left of the other rows.
func clearGaps[T Float](w *Window, dx []T) {
	row := w.inRow()
	covered := row
	switch {
	case w.StrideWidth == w.SizeWidth:
		covered = w.OutWidth() * w.StrideWidth * w.Channels
	case w.StrideWidth > w.SizeWidth:
		covered = 0 // with gaps between: those rows are written twice
	}
	end := 0
	for i := range w.OutHeight() {
		from := i * w.StrideHeight
		clear(dx[end*row : from*row])
		end = from + w.SizeHeight
		for ; from < end; from++ {
			clear(dx[from*row+covered : (from+1)*row])
		}
	}
	clear(dx[end*row : w.Height*row])
}
