package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/pool"
)

// edges are what padding adds around an image.
type edges struct {
	image, padded Shape
	top, left     int
}

// edgesOf returns the edges of an image, or nil if there is no padding. Every window
// must hold an element of the image.
func edgesOf(size, stride Pair, p Padding, in Shape) (*edges, error) {
	top, bottom, left, right := p.Height, p.Height, p.Width, p.Width
	if p.Same {
		top, bottom = same(in[0], size.Height, stride.Height)
		left, right = same(in[1], size.Width, stride.Width)
	}
	if top < 0 || left < 0 {
		return nil, fmt.Errorf("padding must not be negative, got %d and %d", top, left)
	}
	if max(top, bottom) >= size.Height || max(left, right) >= size.Width {
		return nil, fmt.Errorf("padding must be less than the window of %dx%d, got %d and %d", size.Height, size.Width, top, left)
	}
	if max(top, bottom, left, right) == 0 {
		return nil, nil
	}
	e := &edges{image: in, padded: Shape{in[0] + top + bottom, in[1] + left + right, in[2]}, top: top, left: left}
	return e, checkShape(e.padded)
}

// counts returns, for each window of the padded image, how many pixels of the image
// it holds.
func (e *edges) counts(w *pool.Window) []int {
	along := func(windows, size, stride, before, n int) []int {
		var list []int
		for i := range windows {
			from := i*stride - before
			list = append(list, min(from+size, n)-max(from, 0))
		}
		return list
	}
	var list []int
	columns := along(w.OutWidth(), w.SizeWidth, w.StrideWidth, e.left, e.image[1])
	for _, rows := range along(w.OutHeight(), w.SizeHeight, w.StrideHeight, e.top, e.image[0]) {
		for _, n := range columns {
			list = append(list, rows*n)
		}
	}
	return list
}

// row returns where a row of the image lies in the padded one.
func (e *edges) row(i int) int { return ((e.top+i)*e.padded[1] + e.left) * e.padded[2] }

// pad returns an image with its edges, which hold fill, in scratch memory.
func pad[T Float](scratch, x []T, e *edges, fill T) []T {
	y, n := scratch[:e.padded.Size()], e.image[1]*e.image[2]
	end := 0
	for i := range e.image[0] {
		at := e.row(i)
		set(y[end:at], fill)
		copy(y[at:], x[i*n:][:n])
		end = at + n
	}
	set(y[end:], fill)
	return y
}

func set[T Float](x []T, v T) {
	for i := range x {
		x[i] = v
	}
}

// crop sets dst to the image inside a padded one.
func crop[T Float](dst, src []T, e *edges) {
	n := e.image[1] * e.image[2]
	for i := range e.image[0] {
		copy(dst[i*n:][:n], src[e.row(i):])
	}
}
