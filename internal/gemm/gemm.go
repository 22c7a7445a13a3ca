// Package gemm multiplies matrices with strides: dense layers and convolutions
// are products whose operands lie in memory with steps of their own, and read
// them there, without a copy.
//
// A product runs in tiles whose accumulators stay in registers; the tiles of
// AVX2, AVX-512 and NEON are assembly that gen writes, and Go is the reference.
// What follows a product, such as an activation function, is run by the caller
// on the rows just written, while they are in the first-level cache.
//
// The order of additions of an element depends on the shape of the product
// alone, not on the tile that computes it.
//
// The assembly takes subnormal numbers as 0 and gives 0 for them; the Go that is
// its reference does not.
package gemm

import (
	"fmt"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/noescape"
)

// Float is an element type. float32 has assembly; float64 is for checks.
type Float interface{ float32 | float64 }

// A Product computes, for 0 <= i < Rows and 0 <= j < Cols,
//
//	c[i*CRow + j] = bias[j] + sum over s < Segments, k < Depth of
//	    a[s*ASegment + k*AStep + i*ARow] * b[s*BSegment + k*BStep + j']
//
// or adds that to c if Accumulate is set. Strides count elements and may be 0
// or negative for a. Columns are grouped in panels of [Width] columns: column j
// of panel p is at offset p*BPanel + j of b. BPanel = 0 means that the columns
// stand side by side.
//
// A matrix product has one segment. A convolution has one for each row of its
// window, whose elements are contiguous where the channel is the last dimension.
type Product[T Float] struct {
	Rows, Cols, Segments, Depth int

	ASegment, AStep, ARow   int
	BSegment, BStep, BPanel int
	CRow                    int

	Accumulate bool

	// Batch products of one shape run together if it is not 0; their operands lie
	// so many elements apart. They share the bias.
	Batch                  int
	ABatch, BBatch, CBatch int
}

// args is what a kernel reads, with strides in bytes. gen knows the offsets.
type args[T Float] struct {
	a, b, c, bias         *T
	segments, depth       int
	aSegment, aStep, aRow int
	bSegment, bStep, cRow int
	accumulate            int
	mask                  unsafe.Pointer
	_                     [2]uint32 // MXCSR as it was and as the kernel sets it
	// tiles stand one below the other, aTile and cTile apart.
	tiles, aTile, cTile int
	// The assembly's own: addresses that may lie past an end, so no pointers.
	_ [6]uintptr
	// lastLanes is for the portable tile, in place of the mask.
	lastLanes int
}

// A kernel computes tiles that share the columns of b.
type kernel[T Float] func(*args[T])

// tiles are the kernels of a level: full[v-1][r-1] computes r rows of v
// vectors, masked the same with only some lanes of the last vector.
type tiles[T Float] struct {
	rows, lanes, vectors int
	full, masked         [][]kernel[T]
}

// Width returns the columns of a panel on the running SIMD level.
func Width[T Float]() int {
	t := active[T]()
	return t.lanes * t.vectors
}

func active[T Float]() *tiles[T] {
	var z T
	if _, ok := any(z).(float32); ok {
		return any(level32(cpu.Active())).(*tiles[T])
	}
	return portable[T]()
}

// Run computes the product. It panics if a slice is too short. bias is nil or
// has Cols elements. c must not overlap the others.
func (p *Product[T]) Run(c, a, b, bias []T) { p.run(active[T](), c, a, b, bias, nil) }

// run calls done, if it is not nil, when columns [j, j+cols) are finished.
func (p *Product[T]) run(t *tiles[T], c, a, b, bias []T, done func(j, cols int)) {
	if p.Rows <= 0 || p.Cols <= 0 {
		return
	}
	width := t.lanes * t.vectors
	panel := p.BPanel
	if panel == 0 {
		panel = width
	}
	p.check(len(c), len(a), len(b), len(bias), bias != nil, panel, width)
	size := int(unsafe.Sizeof(c[0]))
	x := args[T]{
		aSegment: p.ASegment * size, aStep: p.AStep * size, aRow: p.ARow * size,
		bSegment: p.BSegment * size, bStep: p.BStep * size, cRow: p.CRow * size,
		segments: p.Segments, depth: p.Depth,
	}
	if p.Accumulate {
		x.accumulate = 1
	}
	aRow := p.ARow
	if p.Depth == 0 || p.Segments == 0 {
		// The kernels run each loop at least once: let it add 0 times 0.
		x.segments, x.depth = 1, 1
		a, b = make([]T, 1), make([]T, width)
		aRow, panel, x.aRow = 0, 0, 0
		if p.Batch > 1 {
			panic("gemm: a batch of products of no depth")
		}
	}
	heights := p.heights(t.rows)
	for j, k := 0, 0; j < p.Cols; j, k = j+width, k+1 {
		n := min(width, p.Cols-j)
		vectors := (n + t.lanes - 1) / t.lanes
		kernels := t.full[vectors-1]
		x.lastLanes = n - (vectors-1)*t.lanes
		if x.lastLanes < t.lanes {
			kernels = t.masked[vectors-1]
			x.mask = mask(t.lanes, x.lastLanes)
		}
		if bias != nil {
			x.bias = &bias[j]
		}
		for q := range max(1, p.Batch) {
			x.b = &b[q*p.BBatch+k*panel]
			i := 0
			for _, r := range heights {
				x.aTile, x.cTile = r.rows*x.aRow, r.rows*x.cRow
				most := max(1, maxWork/max(1, r.rows*x.depth*x.segments))
				for left := r.tiles; left > 0; left -= x.tiles {
					x.a, x.c, x.tiles = &a[q*p.ABatch+i*aRow], &c[q*p.CBatch+i*p.CRow+j], min(left, most)
					kernels[r.rows-1](noescape.Pointer(&x))
					i += x.tiles * r.rows
				}
			}
		}
		if done != nil {
			done(j, n)
		}
	}
}

// heights splits the rows into tiles as even as can be, the taller ones first: a
// tile of one or two rows would wait for its own additions.
func (p *Product[T]) heights(most int) [2]struct{ tiles, rows int } {
	n := (p.Rows + most - 1) / most
	rows, taller := p.Rows/n, p.Rows%n
	return [2]struct{ tiles, rows int }{{taller, rows + 1}, {n - taller, rows}}
}

// maxWork bounds the rows times depth of one call: the scheduler cannot stop a
// goroutine inside assembly.
const maxWork = 1 << 18

// check panics if an element that the product touches lies outside its slice:
// the kernels do not look.
func (p *Product[T]) check(c, a, b, bias int, hasBias bool, panel, width int) {
	last := func(n, stride int) int { return max(0, (n-1)*stride) }
	first := func(n, stride int) int { return min(0, (n-1)*stride) }
	if p.Segments > 0 && p.Depth > 0 {
		high := last(p.Segments, p.ASegment) + last(p.Depth, p.AStep) + last(p.Rows, p.ARow) + last(p.Batch, p.ABatch)
		low := first(p.Segments, p.ASegment) + first(p.Depth, p.AStep) + first(p.Rows, p.ARow) + first(p.Batch, p.ABatch)
		if high >= a || low < 0 {
			panic(fmt.Sprintf("gemm: the product reads elements %d to %d of a, which has %d", low, high, a))
		}
		panels := (p.Cols - 1) / width
		high = last(p.Segments, p.BSegment) + last(p.Depth, p.BStep) + panels*panel + min(width, p.Cols-panels*width) - 1
		low = first(p.Segments, p.BSegment) + first(p.Depth, p.BStep)
		if panels > 0 {
			high = max(high, last(p.Segments, p.BSegment)+last(p.Depth, p.BStep)+(panels-1)*panel+width-1)
		}
		high += last(p.Batch, p.BBatch)
		if high >= b || low < 0 || panel < 0 || p.BBatch < 0 {
			panic(fmt.Sprintf("gemm: the product reads elements %d to %d of b, which has %d", low, high, b))
		}
	}
	if high := last(p.Rows, p.CRow) + p.Cols - 1 + last(p.Batch, p.CBatch); high >= c || p.CRow < 0 || p.CBatch < 0 {
		panic(fmt.Sprintf("gemm: the product writes elements up to %d of c, which has %d", high, c))
	}
	if hasBias && bias < p.Cols {
		panic(fmt.Sprintf("gemm: bias has %d elements for %d columns", bias, p.Cols))
	}
}

// Mask returns what the assembly of a level with so many lanes a vector needs to
// touch the first n lanes of a vector, 0 < n < lanes.
func Mask(lanes, n int) unsafe.Pointer { return mask(lanes, n) }

// Pack copies a matrix of rows by cols, whose element (k, j) is b[k*cols + j],
// into panels: element (k, j) of the panel of column j is at (j/Width)*rows*Width +
// k*Width + j%Width. dst has [PackedSize] elements; those beyond cols become 0. A
// product reads it with BStep = Width and BPanel = rows*Width.
func Pack[T Float](dst, b []T, rows, cols int) { pack(active[T](), dst, b, rows, cols, cols, 1) }

// pack is Pack for elements at b[k*row + j*col]; one of row and col is 1.
func pack[T Float](t *tiles[T], dst, b []T, rows, cols, row, col int) {
	width := t.lanes * t.vectors
	for j0 := 0; j0 < cols; j0 += width {
		panel := dst[j0*rows:][:rows*width]
		n := min(width, cols-j0)
		if col != 1 {
			transpose(panel, width, b[j0*col:], col, n, rows)
		}
		for k := range rows {
			line := panel[k*width:][:width]
			if col == 1 {
				copy(line, b[k*row+j0:][:n])
			}
			clear(line[n:])
		}
	}
}

// PackedSize returns the elements that Pack writes.
func PackedSize[T Float](rows, cols int) int {
	width := Width[T]()
	return rows * ((cols + width - 1) / width * width)
}
