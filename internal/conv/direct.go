package conv

import "github.com/isrlu/isrlu/internal/gemm"

// direct computes each row of pixels as a product whose segments are the rows
// of the window.
type direct[T gemm.Float] struct {
	Shape
	packed  []T // the weights, packed: window by output channels
	classes []class[T]
	window  []T // for Prepare: the weights of a class

	// Zeros around dy, so that no window of BackwardData leaves it.
	dyTop, dyBottom, dyLeft, dyRight int
}

// A class is the set of input pixels that lie in the same position relative to
// the stride: the gradient of each class is a convolution of dy with the part of
// the window that reaches it.
type class[T gemm.Float] struct {
	y, x       int // first pixel of the class
	rows, cols int // pixels, StrideHeight and StrideWidth apart
	oy, ox     int // the first pixel of dy, lowest row and column, that reaches y, x
	ky, kx     int // the tap that joins them, the last one of its class
	taps       [2]int
	weights    []T // packed: window by input channels
}

func newDirect[T gemm.Float](s Shape) *direct[T] {
	d := &direct[T]{Shape: s.joined()}
	s = d.Shape
	for y := range min(s.StrideHeight, s.Height) {
		for x := range min(s.StrideWidth, s.Width) {
			c := class[T]{y: y, x: x}
			ry, rx := (y+s.Top)%s.StrideHeight, (x+s.Left)%s.StrideWidth
			c.rows = (s.Height-1-c.y)/s.StrideHeight + 1
			c.cols = (s.Width-1-c.x)/s.StrideWidth + 1
			c.taps = [2]int{taps(ry, s.KernelHeight, s.StrideHeight), taps(rx, s.KernelWidth, s.StrideWidth)}
			c.ky = ry + (c.taps[0]-1)*s.StrideHeight
			c.kx = rx + (c.taps[1]-1)*s.StrideWidth
			if c.taps[0] > 0 && c.taps[1] > 0 {
				c.oy = (c.y + s.Top - c.ky) / s.StrideHeight
				c.ox = (c.x + s.Left - c.kx) / s.StrideWidth
				d.dyTop, d.dyLeft = max(d.dyTop, -c.oy), max(d.dyLeft, -c.ox)
				d.dyBottom = max(d.dyBottom, c.oy+c.rows-1+c.taps[0]-s.OutHeight())
				d.dyRight = max(d.dyRight, c.ox+c.cols-1+c.taps[1]-s.OutWidth())
			}
			d.classes = append(d.classes, c)
		}
	}
	return d
}

// joinedPixels is about the most pixels of a row that joined makes: their products
// have tiles enough, and their results stay in the first-level cache.
const joinedPixels = 256

// joined returns the shape with several rows of the image as one, where the window
// is one pixel: the convolution is a product of pixels by channels.
func (s Shape) joined() Shape {
	if s.KernelHeight != 1 || s.KernelWidth != 1 || s.StrideHeight != 1 || s.StrideWidth != 1 ||
		s.Top != 0 || s.Bottom != 0 || s.Left != 0 || s.Right != 0 {
		return s
	}
	for rows := min(s.Height, max(1, joinedPixels/s.Width)); rows > 1; rows-- {
		if s.Height%rows == 0 {
			s.Height, s.Width = s.Height/rows, s.Width*rows
			break
		}
	}
	return s
}

// taps returns how many of 0..n-1 are r mod stride.
func taps(r, n, stride int) int {
	if r >= n {
		return 0
	}
	return (n-1-r)/stride + 1
}

func (d *direct[T]) Prepare(w []T, train bool) {
	depth := d.KernelHeight * d.KernelWidth * d.In
	d.packed = grow(d.packed, gemm.PackedSize[T](depth, d.Out))
	gemm.Pack(d.packed, w, depth, d.Out)
	if !train {
		return
	}
	for i := range d.classes {
		c := &d.classes[i]
		// Ascending pixels of dy are descending taps.
		d.window = grow(d.window, c.taps[0]*c.taps[1]*d.Out*d.In)
		window, at := d.window, d.window
		for ty := range c.taps[0] {
			for tx := range c.taps[1] {
				ky, kx := c.ky-ty*d.StrideHeight, c.kx-tx*d.StrideWidth
				tap := w[(ky*d.KernelWidth+kx)*d.In*d.Out:]
				for f := range d.Out {
					for ch := range d.In {
						at[f*d.In+ch] = tap[ch*d.Out+f]
					}
				}
				at = at[d.Out*d.In:]
			}
		}
		rows := c.taps[0] * c.taps[1] * d.Out
		c.weights = grow(c.weights, gemm.PackedSize[T](rows, d.In))
		gemm.Pack(c.weights, window, rows, d.In)
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (d *direct[T]) Scratch() int {
	x := d.paddedHeight() * d.paddedWidth() * d.In
	dy := (d.OutHeight() + d.dyTop + d.dyBottom) * (d.OutWidth() + d.dyLeft + d.dyRight) * d.Out
	return max(x, dy)
}

// padded returns x with zeros around it, which is x itself if there are none.
func (d *direct[T]) padded(x, scratch []T) []T {
	return pad(scratch, x, d.Height, d.Width*d.In, d.Top, d.Bottom, d.Left*d.In, d.Right*d.In)
}

// pad copies rows of cols elements into scratch with zeros around them.
func pad[T gemm.Float](scratch, x []T, rows, cols, top, bottom, left, right int) []T {
	if top == 0 && bottom == 0 && left == 0 && right == 0 {
		return x
	}
	row := left + cols + right
	scratch = scratch[:(top+rows+bottom)*row]
	clear(scratch[:top*row])
	for i := range rows {
		to := scratch[(top+i)*row:][:row]
		clear(to[:left])
		copy(to[left:], x[i*cols:][:cols])
		clear(to[left+cols:])
	}
	clear(scratch[(top+rows)*row:])
	return scratch
}

func (d *direct[T]) Name() string { return "direct" }

func (d *direct[T]) Packed(train bool) int {
	n := gemm.PackedSize[T](d.KernelHeight*d.KernelWidth*d.In, d.Out)
	if !train {
		return n
	}
	window := 0
	for i := range d.classes {
		rows := d.classes[i].taps[0] * d.classes[i].taps[1] * d.Out
		n += gemm.PackedSize[T](rows, d.In)
		window = max(window, rows*d.In)
	}
	return n + window
}

// Group is 1: a sample is work enough.
func (d *direct[T]) Group() int { return 1 }

// samples calls f for each sample with its x and y.
func (d *direct[T]) samples(x, y []T, f func(i int, x, y []T)) {
	in, out := d.Height*d.Width*d.In, d.OutHeight()*d.OutWidth()*d.Out
	for i := range len(x) / in {
		f(i, x[i*in:][:in], y[i*out:][:out])
	}
}

func (d *direct[T]) Forward(y, x, bias, scratch []T, epilogue func(sample, from, to int)) {
	d.samples(x, y, func(i int, x, y []T) { d.forwardSample(i, y, x, bias, scratch, epilogue) })
}

func (d *direct[T]) forwardSample(sample int, y, x, bias, scratch []T, epilogue func(sample, from, to int)) {
	x = d.padded(x, scratch)
	row := d.paddedWidth() * d.In
	run := d.KernelWidth * d.In
	width := gemm.Width[T]()
	p := gemm.Product[T]{
		Rows: d.OutWidth(), Cols: d.Out, Segments: d.KernelHeight, Depth: run,
		ASegment: row, AStep: 1, ARow: d.StrideWidth * d.In,
		BSegment: run * width, BStep: width, BPanel: d.KernelHeight * run * width,
		CRow: d.Out,
	}
	size := d.OutWidth() * d.Out
	for oy := range d.OutHeight() {
		p.Run(y[oy*size:][:size], x[oy*d.StrideHeight*row:], d.packed, bias)
		if epilogue != nil {
			epilogue(sample, oy*size, (oy+1)*size)
		}
	}
}

func (d *direct[T]) BackwardData(dx, dy, scratch []T) {
	d.samples(dx, dy, func(_ int, dx, dy []T) { d.dataGradient(dx, dy, scratch) })
}

func (d *direct[T]) dataGradient(dx, dy, scratch []T) {
	dy = pad(scratch, dy, d.OutHeight(), d.OutWidth()*d.Out, d.dyTop, d.dyBottom, d.dyLeft*d.Out, d.dyRight*d.Out)
	row := (d.OutWidth() + d.dyLeft + d.dyRight) * d.Out
	width := gemm.Width[T]()
	for i := range d.classes {
		c := &d.classes[i]
		run := c.taps[1] * d.Out
		p := gemm.Product[T]{
			Rows: c.cols, Cols: d.In, Segments: c.taps[0], Depth: run,
			ASegment: row, AStep: 1, ARow: d.Out,
			BSegment: run * width, BStep: width, BPanel: c.taps[0] * run * width,
			CRow: d.StrideWidth * d.In,
		}
		for r := range c.rows {
			to := dx[((c.y+r*d.StrideHeight)*d.Width+c.x)*d.In:]
			if c.taps[0] == 0 || run == 0 {
				p.Segments = 0
				p.Run(to, nil, nil, nil)
				continue
			}
			p.Run(to, dy[(c.oy+r+d.dyTop)*row+(c.ox+d.dyLeft)*d.Out:], c.weights, nil)
		}
	}
}

func (d *direct[T]) BackwardWeights(dw, x, dy, scratch []T) {
	d.samples(x, dy, func(i int, x, dy []T) { d.weightGradient(dw, x, dy, scratch, i > 0) })
}

// weightGradient adds one sample's part to dw, or sets dw to it.
func (d *direct[T]) weightGradient(dw, x, dy, scratch []T, add bool) {
	x = d.padded(x, scratch)
	row := d.paddedWidth() * d.In
	run := d.KernelWidth * d.In
	p := gemm.Product[T]{
		Rows: run, Cols: d.Out, Segments: d.OutHeight(), Depth: d.OutWidth(),
		ASegment: d.StrideHeight * row, AStep: d.StrideWidth * d.In, ARow: 1,
		BSegment: d.OutWidth() * d.Out, BStep: d.Out,
		CRow: d.Out, Accumulate: add,
	}
	for ky := range d.KernelHeight {
		p.Run(dw[ky*run*d.Out:], x[ky*row:], dy, nil)
	}
}
