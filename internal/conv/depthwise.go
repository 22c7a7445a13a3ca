package conv

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/noescape"
)

// depthwise convolves each channel by itself. There is no product of matrices in
// it: a vector of channels of a pixel is a sum of vectors of x times vectors of
// weights, which stand side by side in memory.
//
// Taps that lie beside the image are left out instead of padding it, which would
// take as long as the convolution: rows of taps for each row of pixels, and taps
// of a row by cutting it into runs.
type depthwise[T gemm.Float] struct {
	Shape
	kernels           *depthwiseKernels[T]
	weights           []T
	zero              []T // in place of a bias
	forward, backward direction
	rows, cols        []tapSpan // of the weights' gradient
}

// A direction is how the rows of a pass are computed; strides are in bytes.
type direction struct {
	batches            [][]run // the runs of a row, by calls of the kernel
	srcRow, weightRow  int
	srcTap, weightTap  int
	srcPixel, dstPixel int
}

// maxWork bounds the multiply-adds of one call of a kernel: the scheduler cannot
// stop a goroutine inside assembly.
const maxWork = 1 << 20

// blockChannels bounds one call of a kernel of the weights' gradient likewise. It
// is a multiple of the lanes of every level.
const blockChannels = 128

// groupPixels is the most pixels that a forward kernel takes at once.
const groupPixels = 8

// The weights' gradient is summed over blocks of so many lines and pixels, and
// these sums are added up: the errors of one long sum would be larger, and a band
// of lines stays in the second-level cache while all taps read it. The sizes have
// a say in the order of additions, and therefore do not depend on the shape.
const (
	blockLines  = 16
	blockPixels = 64
)

func newDepthwise[T gemm.Float](s Shape) *depthwise[T] {
	d := &depthwise[T]{Shape: s, kernels: activeDepthwise[T](), zero: make([]T, s.In)}
	c := s.In * d.size() // bytes of a pixel
	d.forward = direction{
		srcRow: s.Width * c, weightRow: s.KernelWidth * c, srcTap: c, weightTap: c,
		srcPixel: s.StrideWidth * c, dstPixel: c,
	}
	var runs []run
	for _, p := range spans(s.OutWidth(), s.KernelWidth, s.StrideWidth, -s.Left, s.Width) {
		runs = append(runs, run{
			dst: p.from * c, src: (p.from*s.StrideWidth - s.Left + p.tap) * c, weights: p.tap * c,
			taps: p.taps, pixels: p.to - p.from,
		})
	}
	d.forward.batches = batches(runs, &d.forward, s.KernelHeight*s.In)

	// The gradient of x, as in direct: of each class of its columns it is a
	// convolution of dy with every StrideWidth-th tap in reverse.
	d.backward = direction{
		srcRow: s.OutWidth() * c, weightRow: -s.StrideHeight * s.KernelWidth * c, srcTap: c, weightTap: -s.StrideWidth * c,
		srcPixel: c, dstPixel: s.StrideWidth * c,
	}
	runs = nil
	for x := range min(s.StrideWidth, s.Width) {
		r := (x + s.Left) % s.StrideWidth
		n := taps(r, s.KernelWidth, s.StrideWidth)
		last := r + (n-1)*s.StrideWidth           // the tap of the first pixel of dy
		ox := (x + s.Left - last) / s.StrideWidth // that pixel
		for _, p := range spans((s.Width-1-x)/s.StrideWidth+1, n, 1, ox, s.OutWidth()) {
			runs = append(runs, run{
				dst: (x + p.from*s.StrideWidth) * c, src: (ox + p.from + p.tap) * c, weights: (last - p.tap*s.StrideWidth) * c,
				taps: p.taps, pixels: p.to - p.from,
			})
		}
	}
	d.backward.batches = batches(runs, &d.backward, s.KernelHeight*s.In)

	d.rows = tapSpans(s.OutHeight(), s.KernelHeight, s.StrideHeight, s.Top, s.Height)
	d.cols = tapSpans(s.OutWidth(), s.KernelWidth, s.StrideWidth, s.Left, s.Width)
	return d
}

// size returns the bytes of an element.
func (d *depthwise[T]) size() int {
	var z T
	return int(unsafe.Sizeof(z))
}

// A span is a range [from, to) of positions of a window that has the taps
// [tap, tap+taps) on the image, or none.
type span struct{ from, to, tap, taps int }

// spans returns the ranges of n positions of a window of some taps, the first of
// which lies at start, on an image of size pixels. It takes a step for each range,
// of which there are no more than taps on each side.
func spans(n, taps, stride, start, size int) []span {
	var list []span
	for i := 0; i < n; {
		at := start + i*stride
		s := span{i, i + 1, max(0, -at), 0}
		s.taps = max(0, min(taps, size-at)-s.tap)
		switch {
		case at+taps <= 0:
			s.to = (-taps-start)/stride + 1
		case at >= size:
			s.to = n
		case at >= 0 && at+taps <= size:
			s.to = (size-taps-start)/stride + 1
		}
		s.to = min(s.to, n)
		list = append(list, s)
		i = s.to
	}
	return list
}

// A tapSpan is a span of at most depthwiseTaps taps in which tap lies on the
// image at position pixel for the first of it.
type tapSpan struct {
	span
	pixel int
}

// tapSpans returns the spans of the taps in groups that a kernel of the weights'
// gradient takes.
func tapSpans(n, taps, stride, before, size int) []tapSpan {
	var list []tapSpan
	for k := 0; k < taps; k += depthwiseTaps {
		for _, s := range spans(n, min(depthwiseTaps, taps-k), stride, k-before, size) {
			if s.taps == 0 {
				continue
			}
			s.tap += k
			list = append(list, tapSpan{s, s.from*stride - before + s.tap})
		}
	}
	return list
}

// batches splits runs so that a call for one batch takes at most maxWork
// multiply-adds, or the least number of pixels. A tap of one pixel takes work of
// them.
func batches(runs []run, d *direction, work int) [][]run {
	var list [][]run
	left := 0
	for _, r := range runs {
		pixel := work * max(1, r.taps)
		most := max(1, maxWork/pixel/groupPixels) * groupPixels
		for r.pixels > 0 {
			part := r
			part.pixels = min(most, r.pixels)
			r.pixels -= part.pixels
			r.dst += part.pixels * d.dstPixel
			r.src += part.pixels * d.srcPixel
			if len(list) == 0 || part.pixels*pixel > left {
				list = append(list, nil)
				left = maxWork
			}
			left -= part.pixels * pixel
			list[len(list)-1] = append(list[len(list)-1], part)
		}
	}
	return list
}

func (d *depthwise[T]) Name() string { return "depthwise" }

// Prepare keeps a copy of the weights: the kernels read them as they are.
func (d *depthwise[T]) Prepare(w []T, _ bool) {
	d.weights = grow(d.weights, d.Weights())
	copy(d.weights, w[:len(d.weights)])
}

func (d *depthwise[T]) Packed(bool) int { return d.Weights() }

// Group is 1: a sample is work enough.
func (d *depthwise[T]) Group() int { return 1 }

// Scratch is 0: nothing is copied.
func (d *depthwise[T]) Scratch() int { return 0 }

func (d *depthwise[T]) Forward(y, x, bias, _ []T, epilogue func(sample, from, to int)) {
	if bias == nil {
		bias = d.zero
	}
	in, out := d.Height*d.Width*d.In, d.OutHeight()*d.OutWidth()*d.In
	line, tapRow := d.OutWidth()*d.In, d.KernelWidth*d.In
	for i := range len(x) / in {
		x, y := x[i*in:][:in], y[i*out:][:out]
		for oy := range d.OutHeight() {
			top := oy*d.StrideHeight - d.Top
			from, to := max(0, -top), min(d.KernelHeight, d.Height-top)
			d.row(&d.forward, y[oy*line:][:line], x, (top+from)*d.Width*d.In, from*tapRow, to-from, bias)
			if epilogue != nil {
				epilogue(i, oy*line, (oy+1)*line)
			}
		}
	}
}

func (d *depthwise[T]) BackwardData(dx, dy, _ []T) {
	in, out := d.Height*d.Width*d.In, d.OutHeight()*d.OutWidth()*d.In
	line, tapRow := d.Width*d.In, d.KernelWidth*d.In
	for i := range len(dx) / in {
		dx, dy := dx[i*in:][:in], dy[i*out:][:out]
		for y := range d.Height {
			r := (y + d.Top) % d.StrideHeight
			n := taps(r, d.KernelHeight, d.StrideHeight)
			last := r + (n-1)*d.StrideHeight
			oy := (y + d.Top - last) / d.StrideHeight
			from, to := max(0, -oy), min(n, d.OutHeight()-oy)
			d.row(&d.backward, dx[y*line:][:line], dy, (oy+from)*d.OutWidth()*d.In, (last-from*d.StrideHeight)*tapRow, to-from, d.zero)
		}
	}
}

// row computes a row of pixels of dst by the given number of rows of taps, the
// first of which lies at offset from of src and at offset tap of the weights.
func (d *depthwise[T]) row(dir *direction, dst, src []T, from, tap, rows int, bias []T) {
	bias = bias[:d.In]
	if rows <= 0 {
		for ; len(dst) > 0; dst = dst[d.In:] {
			copy(dst, bias)
		}
		return
	}
	p := depthwiseArgs[T]{
		dst: &dst[0], src: &src[from], weights: &d.weights[tap], bias: &bias[0],
		rows: rows, srcRow: dir.srcRow, weightRow: dir.weightRow, srcTap: dir.srcTap, weightTap: dir.weightTap,
		srcPixel: dir.srcPixel, dstPixel: dir.dstPixel, channels: d.In, mask: d.mask(d.In),
	}
	for _, runs := range dir.batches {
		p.runs, p.count = &runs[0], len(runs)
		d.kernels.forward(noescape.Pointer(&p))
	}
}

// mask returns that of the last vector of so many channels, if it is a partial
// one.
func (d *depthwise[T]) mask(channels int) unsafe.Pointer {
	if rest := channels % d.kernels.lanes; rest != 0 {
		return gemm.Mask(d.kernels.lanes, rest)
	}
	return nil
}

func (d *depthwise[T]) BackwardWeights(dw, x, dy, _ []T) {
	dw = dw[:d.Weights()]
	clear(dw)
	in, out := d.Height*d.Width*d.In, d.OutHeight()*d.OutWidth()*d.In
	for i := range len(x) / in {
		x, dy := x[i*in:][:in], dy[i*out:][:out]
		for band := 0; band < d.OutHeight(); band += blockLines {
			for _, r := range d.rows {
				from := max(r.from, band)
				r.pixel += (from - r.from) * d.StrideHeight
				r.from, r.to = from, min(r.to, band+blockLines)
				if r.from >= r.to {
					continue
				}
				for _, c := range d.cols {
					d.addWeights(dw, x, dy, r, c)
				}
			}
		}
	}
}

// addWeights adds to dw what the pixels in the rows of r and the columns of c
// contribute to the taps of both.
func (d *depthwise[T]) addWeights(dw, x, dy []T, r, c tapSpan) {
	pixel := d.In * d.size()
	p := depthwiseWeightArgs[T]{
		lines: r.to - r.from,
		xLine: d.StrideHeight * d.Width * pixel, dyLine: d.OutWidth() * pixel,
		xPixel: d.StrideWidth * pixel, dyPixel: pixel,
		xRow: d.Width * pixel, xTap: pixel,
		dwRow: d.KernelWidth * pixel, dwTap: pixel,
	}
	kernel := d.kernels.weights[r.taps-1][c.taps-1]
	for i := c.from; i < c.to; i += blockPixels {
		p.pixels = min(blockPixels, c.to-i)
		for ch := 0; ch < d.In; ch += blockChannels {
			p.x = &x[(r.pixel*d.Width+c.pixel+(i-c.from)*d.StrideWidth)*d.In+ch]
			p.dy = &dy[(r.from*d.OutWidth()+i)*d.In+ch]
			p.dw = &dw[(r.tap*d.KernelWidth+c.tap)*d.In+ch]
			p.channels = min(blockChannels, d.In-ch)
			p.mask = d.mask(p.channels)
			kernel(noescape.Pointer(&p))
		}
	}
}
