package conv

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/noescape"
)

// winograd computes 3x3 convolutions of stride 1 in tiles of m x m outputs: the
// windows of a tile are n x n inputs, n = m+2, which a transform takes to n^2
// points. There the convolution is a product for each point, of tiles x In by In
// x Out, and another transform takes the sums back to m x m outputs. The weights'
// gradient is the transpose of that: a product of the transformed inputs and
// gradients for each point, and one transform at the end.
type winograd[T gemm.Float] struct {
	forward, backward *points[T]
	transposed        []T // the weights, for Prepare
}

// points is a convolution in one direction.
type points[T gemm.Float] struct {
	Shape
	m, n       int // outputs and inputs of a tile
	rows, cols int // tiles of a sample
	lanes      int
	block      int // rows of tiles that run together
	blockOut   int // output channels that run together
	u          []T // transformed weights: a matrix In x Out for each point, packed
	zero       []T // in place of a bias

	input, output, gradient, filter, filterGradient func(*args[T])
}

// blockTiles is the least number of tiles that run together, where there are so
// many. The products of fewer would wait for the weights; those of more leave the
// second-level cache.
const blockTiles = 28

// skew keeps the points of a tile apart from each other's lines in a cache.
const skew = 16

// canWinograd tells whether the shape is one that winograd computes.
func (s *Shape) canWinograd() bool {
	return !s.Depthwise && s.KernelHeight == 3 && s.KernelWidth == 3 && s.StrideHeight == 1 && s.StrideWidth == 1 &&
		max(s.Top, s.Bottom, s.Left, s.Right) <= 2
}

func newWinograd[T gemm.Float](s Shape, m int) *winograd[T] {
	// The gradient of x is a convolution of that of y, with the taps in reverse.
	back := Shape{
		Height: s.OutHeight(), Width: s.OutWidth(), In: s.Out, Out: s.In,
		KernelHeight: 3, KernelWidth: 3, StrideHeight: 1, StrideWidth: 1,
		Top: 2 - s.Top, Bottom: 2 - s.Bottom, Left: 2 - s.Left, Right: 2 - s.Right,
	}
	return &winograd[T]{forward: newPoints[T](s, m), backward: newPoints[T](back, m)}
}

func newPoints[T gemm.Float](s Shape, m int) *points[T] {
	t := activeTransforms[T]()
	w := &points[T]{Shape: s, m: m, n: m + 2, lanes: t.lanes, zero: make([]T, s.Out)}
	if m == 4 {
		w.input, w.output, w.gradient = t.input4, t.output4, t.gradient4
		w.filter, w.filterGradient = t.filter4, t.filterGradient4
	} else {
		w.input, w.output, w.gradient = t.input2, t.output2, t.gradient2
		w.filter, w.filterGradient = t.filter2, t.filterGradient2
	}
	w.rows, w.cols = (s.OutHeight()+m-1)/m, (s.OutWidth()+m-1)/m
	w.block = (blockTiles + w.cols - 1) / w.cols
	w.blockOut = min(s.Out, 2*gemm.Width[T]())
	return w
}

// planes returns the elements of the points of tiles of c channels, and of one
// point.
func (w *points[T]) planes(tiles, c int) (all, one int) {
	one = tiles*c + skew
	return w.n * w.n * one, one
}

// band returns the elements of a row of input tiles, and of a row of it.
func (w *points[T]) band() (all, row int) {
	row = (w.cols*w.m + 2) * w.In
	return w.n * row, row
}

// gradientBand is the same for the gradient of y.
func (w *points[T]) gradientBand() (all, row int) {
	row = w.cols * w.m * w.Out
	return w.m * row, row
}

func (w *points[T]) scratch() int {
	band, _ := w.band()
	v, _ := w.planes(w.block*w.cols, w.In)
	sums, _ := w.planes(w.block*w.cols, w.blockOut)
	return tempSize + band + v + sums + w.m*w.m*w.blockOut
}

// gradientScratch is that of weightGradient.
func (w *points[T]) gradientScratch() int {
	band, _ := w.band()
	gradients, _ := w.gradientBand()
	v, _ := w.planes(w.block*w.cols, w.In)
	dv, _ := w.planes(w.block*w.cols, w.Out)
	du, _ := w.planes(w.In, w.Out)
	return tempSize + max(band, gradients) + v + dv + du
}

// A cutter hands out parts of scratch memory.
type cutter[T any] struct{ rest []T }

func (c *cutter[T]) take(n int) []T {
	part := c.rest[:n:n]
	c.rest = c.rest[n:]
	return part
}

// call runs a transform. Strides are in elements.
func (w *points[T]) call(f func(*args[T]), p args[T], channels int) {
	size := int(unsafe.Sizeof(*p.src))
	for _, stride := range []*int{&p.srcRow, &p.srcCol, &p.dstRow, &p.dstCol, &p.srcTile, &p.dstTile} {
		*stride *= size
	}
	p.channels = channels
	if rest := channels % w.lanes; rest != 0 {
		p.mask = gemm.Mask(w.lanes, rest)
	}
	f(noescape.Pointer(&p))
}

// prepare transforms the weights: tap (ky, kx) is the matrix In x Out at
// w[start + ky*row + kx*col].
func (w *points[T]) prepare(weights []T, start, row, col int, temp []T) {
	width, plane := gemm.Width[T](), gemm.PackedSize[T](w.In, w.Out)
	w.u = grow(w.u, w.n*w.n*plane)
	for j := range plane / (w.In * width) {
		w.call(w.filter, args[T]{
			src: &weights[start+j*width], srcRow: row, srcCol: col, srcTile: w.Out,
			dst: &w.u[j*w.In*width], dstRow: w.n * plane, dstCol: plane, dstTile: width,
			tiles: w.In, temp: &temp[0],
		}, min(width, w.Out-j*width))
	}
}

func (w *winograd[T]) Name() string {
	if w.forward.m == 4 {
		return "winograd 4x4"
	}
	return "winograd 2x2"
}

func (w *winograd[T]) Prepare(weights []T, train bool) {
	f := w.forward
	tap := f.In * f.Out
	var temp [tempSize]T
	f.prepare(weights, 0, 3*tap, tap, temp[:])
	if !train {
		return
	}
	w.transposed = grow(w.transposed, 9*tap)
	for k := range 9 {
		from, to := weights[k*tap:][:tap], w.transposed[k*tap:][:tap]
		for c := range f.In {
			for o, v := range from[c*f.Out:][:f.Out] {
				to[o*f.In+c] = v
			}
		}
	}
	w.backward.prepare(w.transposed, 8*tap, -3*tap, -tap, temp[:])
}

func (w *winograd[T]) Packed(train bool) int {
	f := w.forward
	n := f.n * f.n * gemm.PackedSize[T](f.In, f.Out)
	if train {
		n += f.n*f.n*gemm.PackedSize[T](f.Out, f.In) + 9*f.In*f.Out
	}
	return n
}

// Group returns the samples of a block of tiles.
func (w *winograd[T]) Group() int { return max(1, (w.forward.block+w.forward.rows-1)/w.forward.rows) }

func (w *winograd[T]) Scratch() int {
	return max(w.forward.scratch(), w.backward.scratch(), w.forward.gradientScratch())
}

func (w *winograd[T]) Forward(y, x, bias, scratch []T, epilogue func(sample, from, to int)) {
	w.forward.run(y, x, bias, scratch, epilogue)
}

func (w *winograd[T]) BackwardData(dx, dy, scratch []T) {
	w.backward.run(dx, dy, nil, scratch, nil)
}

func (w *winograd[T]) BackwardWeights(dw, x, dy, scratch []T) {
	w.forward.weightGradient(dw, x, dy, scratch)
}

// windows transforms a row of input tiles. dst is that of its first tile.
func (w *points[T]) windows(dst, x []T, row int, band, temp []T, plane int) {
	_, stride := w.band()
	top := row*w.m - w.Top
	src := band
	if top >= 0 && top+w.n <= w.Height && w.Left == 0 && w.cols*w.m+2 <= w.Width {
		src, stride = x[top*w.Width*w.In:], w.Width*w.In
	} else {
		w.cut(band, x, top, w.n, -w.Left, stride/w.In, w.Height, w.Width, w.In)
	}
	w.call(w.input, args[T]{
		src: &src[0], srcRow: stride, srcCol: w.In, srcTile: w.m * w.In,
		dst: &dst[0], dstRow: w.n * plane, dstCol: plane, dstTile: w.In,
		tiles: w.cols, temp: &temp[0],
	}, w.In)
}

// cut copies rows [top, top+rows) and columns [left, left+cols) of an image of
// height x width x c to dst, with zeros for what lies outside of it.
func (w *points[T]) cut(dst, x []T, top, rows, left, cols, height, width, c int) {
	from, to := max(0, left), min(width, left+cols)
	before, n := (from-left)*c, max(0, to-from)*c
	for i := range rows {
		line := dst[i*cols*c:][:cols*c]
		if y := top + i; y < 0 || y >= height || n == 0 {
			clear(line)
			continue
		}
		clear(line[:before])
		copy(line[before:], x[((top+i)*width+from)*c:][:n])
		clear(line[before+n:])
	}
}

func (w *points[T]) run(y, x, bias, scratch []T, epilogue func(sample, from, to int)) {
	inSize, outSize := w.Height*w.Width*w.In, w.OutHeight()*w.OutWidth()*w.Out
	units := len(x) / inSize * w.rows // rows of tiles
	cut := cutter[T]{scratch}
	temp := cut.take(tempSize)
	bandSize, _ := w.band()
	band := cut.take(bandSize)
	most := w.block * w.cols
	vSize, vPlane := w.planes(most, w.In)
	v := cut.take(vSize)
	sumSize, sumPlane := w.planes(most, w.blockOut)
	sums := cut.take(sumSize)
	patch := cut.take(w.m * w.m * w.blockOut)
	if bias == nil {
		bias = w.zero
	}
	width := gemm.Width[T]()
	p := gemm.Product[T]{
		Segments: 1, Depth: w.In, AStep: 1, ARow: w.In,
		BStep: width, BPanel: w.In * width, CRow: w.blockOut,
		Batch: w.n * w.n, ABatch: vPlane, BBatch: gemm.PackedSize[T](w.In, w.Out), CBatch: sumPlane,
	}
	for u := 0; u < units; u += w.block {
		n := min(w.block, units-u)
		for i := range n {
			sample, row := (u+i)/w.rows, (u+i)%w.rows
			w.windows(v[i*w.cols*w.In:], x[sample*inSize:][:inSize], row, band, temp, vPlane)
		}
		p.Rows = n * w.cols
		for j := 0; j < w.Out; j += w.blockOut {
			p.Cols = min(w.blockOut, w.Out-j)
			p.Run(sums, v, w.u[j*w.In:], nil)
			for i := range n {
				sample, row := (u+i)/w.rows, (u+i)%w.rows
				w.results(y[sample*outSize:][:outSize], sums[i*w.cols*w.blockOut:], bias[j:], row, j, p.Cols, sumPlane, patch, temp)
			}
		}
		if epilogue == nil {
			continue
		}
		line := w.OutWidth() * w.Out
		for i := range n {
			row := (u + i) % w.rows
			epilogue((u+i)/w.rows, row*w.m*line, min((row+1)*w.m, w.OutHeight())*line)
		}
	}
}

// results transforms the sums of a row of tiles to channels [j, j+cols) of y.
// Tiles that reach over its edges pass through patch.
func (w *points[T]) results(y, sums, bias []T, row, j, cols, plane int, patch, temp []T) {
	height, width := w.OutHeight(), w.OutWidth()
	rows := min(w.m, height-row*w.m)
	whole := width / w.m
	if rows < w.m {
		whole = 0
	}
	p := args[T]{
		srcRow: w.n * plane, srcCol: plane, srcTile: w.blockOut,
		bias: &bias[0], temp: &temp[0],
	}
	if whole > 0 {
		p.src, p.dst = &sums[0], &y[row*w.m*width*w.Out+j]
		p.dstRow, p.dstCol, p.dstTile, p.tiles = width*w.Out, w.Out, w.m*w.Out, whole
		w.call(w.output, p, cols)
	}
	for tile := whole; tile < w.cols; tile++ {
		p.src, p.dst = &sums[tile*w.blockOut], &patch[0]
		p.dstRow, p.dstCol, p.tiles = w.m*cols, cols, 1
		w.call(w.output, p, cols)
		for r := range rows {
			for c := range min(w.m, width-tile*w.m) {
				at := ((row*w.m+r)*width + tile*w.m + c) * w.Out
				copy(y[at+j:][:cols], patch[(r*w.m+c)*cols:])
			}
		}
	}
}

func (w *points[T]) weightGradient(dw, x, dy, scratch []T) {
	height, width := w.OutHeight(), w.OutWidth()
	inSize, outSize := w.Height*w.Width*w.In, height*width*w.Out
	units := len(x) / inSize * w.rows
	cut := cutter[T]{scratch}
	temp := cut.take(tempSize)
	bandSize, _ := w.band()
	gradientSize, gradientRow := w.gradientBand()
	band := cut.take(max(bandSize, gradientSize))
	most := w.block * w.cols
	vSize, vPlane := w.planes(most, w.In)
	v := cut.take(vSize)
	dvSize, dvPlane := w.planes(most, w.Out)
	dv := cut.take(dvSize)
	duSize, duPlane := w.planes(w.In, w.Out)
	du := cut.take(duSize)
	p := gemm.Product[T]{
		Rows: w.In, Cols: w.Out, Segments: 1, AStep: w.In, ARow: 1, BStep: w.Out, CRow: w.Out,
		Batch: w.n * w.n, ABatch: vPlane, BBatch: dvPlane, CBatch: duPlane,
	}
	for u := 0; u < units; u += w.block {
		n := min(w.block, units-u)
		for i := range n {
			sample, row := (u+i)/w.rows, (u+i)%w.rows
			w.windows(v[i*w.cols*w.In:], x[sample*inSize:][:inSize], row, band, temp, vPlane)
			src, stride := dy[sample*outSize+row*w.m*width*w.Out:], width*w.Out
			if (row+1)*w.m > height || w.cols*w.m > width {
				w.cut(band, dy[sample*outSize:][:outSize], row*w.m, w.m, 0, w.cols*w.m, height, width, w.Out)
				src, stride = band, gradientRow
			}
			w.call(w.gradient, args[T]{
				src: &src[0], srcRow: stride, srcCol: w.Out, srcTile: w.m * w.Out,
				dst: &dv[i*w.cols*w.Out], dstRow: w.n * dvPlane, dstCol: dvPlane, dstTile: w.Out,
				tiles: w.cols, temp: &temp[0],
			}, w.Out)
		}
		p.Depth, p.Accumulate = n*w.cols, u > 0
		p.Run(du, v, dv, nil)
	}
	tap := w.In * w.Out
	w.call(w.filterGradient, args[T]{
		src: &du[0], srcRow: w.n * duPlane, srcCol: duPlane,
		dst: &dw[0], dstRow: 3 * tap, dstCol: tap,
		tiles: 1, temp: &temp[0],
	}, tap)
}
