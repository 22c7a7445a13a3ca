package gemm

import (
	"fmt"
	"unsafe"
)

// Blocks of a large product (Goto and van de Geijn, Anatomy of high-performance
// matrix multiplication, ACM TOMS 34, 2008): blockDepth rows of a panel of b stay
// in the first-level cache, blockRows by blockDepth of a in the second, blockCols
// columns of b in the third.
const (
	blockDepth = 256
	blockRows  = 168 // of which the rows of every level's tile are a divisor
	blockCols  = 2048
)

// A Matmul computes
//
//	c = op(a) op(b) + bias
//
// or adds that to c if Accumulate is set. op(a) is Rows x Depth and op(b) Depth
// x Cols: the matrix as it is stored, row by row, or its transpose. ARow, BRow
// and CRow are the elements from one stored row to the next.
//
// A large b is copied into panels first. The order of additions of an
// element depends on Depth alone: blocks of 256 terms, each added up from its
// first term on, in their order; the first begins with the bias.
type Matmul[T Float] struct {
	Rows, Cols, Depth int
	TransA, TransB    bool
	ARow, BRow, CRow  int
	Accumulate        bool
	// Packed tells that b is what Pack made of it.
	Packed bool
}

// Pack copies b, once for many products, to dst, which has PackedSize elements.
func (p *Matmul[T]) Pack(dst, b []T) {
	t := active[T]()
	p.blocks(func(j, cols, k, depth int) {
		pack(t, dst[p.packedAt(t, j, cols, k):], p.columns(b, j, k), depth, cols, p.bStep(), p.bCol())
	})
}

// PackedSize returns the elements that Pack writes.
func (p *Matmul[T]) PackedSize() int {
	t := active[T]()
	return roundUp(p.Cols, t.lanes*t.vectors) * p.Depth
}

// packedAt returns where the block of columns [j, j+cols) and rows from k on is.
func (p *Matmul[T]) packedAt(t *tiles[T], j, cols, k int) int {
	return j*p.Depth + k*roundUp(cols, t.lanes*t.vectors)
}

// blocks calls f for all blocks of b, in the order in which they are multiplied.
func (p *Matmul[T]) blocks(f func(j, cols, k, depth int)) {
	for j := 0; j < p.Cols; j += blockCols {
		for k := 0; k == 0 || k < p.Depth; k += blockDepth {
			f(j, min(blockCols, p.Cols-j), k, min(blockDepth, p.Depth-k))
		}
	}
}

// bStep and bCol are the elements from one row and column of op(b) to the next.
func (p *Matmul[T]) bStep() int {
	if p.TransB {
		return 1
	}
	return p.BRow
}

func (p *Matmul[T]) bCol() int {
	if p.TransB {
		return p.BRow
	}
	return 1
}

// columns returns op(b) from row k and column j on.
func (p *Matmul[T]) columns(b []T, j, k int) []T {
	return b[min(len(b), k*p.bStep()+j*p.bCol()):]
}

// packs tells whether b is worth a copy: where it is read often, or across its
// rows. a is read where it lies: copies of it cost more than they gained, at all
// sizes up to 1024.
func (p *Matmul[T]) packs(t *tiles[T]) bool {
	return !p.Packed && (p.TransB || p.Rows > 4*t.rows && p.Cols > t.lanes*t.vectors)
}

// Scratch returns the elements of scratch memory that Run needs.
func (p *Matmul[T]) Scratch() int { return p.scratch(active[T]()) }

func (p *Matmul[T]) scratch(t *tiles[T]) int {
	if !p.packs(t) {
		return 0
	}
	return min(p.Depth, blockDepth) * roundUp(min(p.Cols, blockCols), t.lanes*t.vectors)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// Run computes the product. bias is nil or has Cols elements; c must not overlap
// the others, nor scratch, which has Scratch elements.
//
// epilogue, if it is not nil, is called for each block of finished elements, rows
// [i, i+rows) and columns [j, j+cols), while they are in a cache: for an
// activation function, or the sum with another matrix. Every element is in one
// block. Run panics if a slice is too short.
func (p *Matmul[T]) Run(c, a, b, bias, scratch []T, epilogue func(i, rows, j, cols int)) {
	p.run(active[T](), c, a, b, bias, scratch, epilogue)
}

func (p *Matmul[T]) run(t *tiles[T], c, a, b, bias, scratch []T, epilogue func(i, rows, j, cols int)) {
	if p.Rows <= 0 || p.Cols <= 0 {
		return
	}
	p.check(len(c), len(a), len(b), len(bias), bias != nil)
	width := t.lanes * t.vectors
	aStep, aRow := 1, p.ARow
	if p.TransA {
		aStep, aRow = p.ARow, 1
	}
	p.blocks(func(j, cols, k, depth int) {
		x := Product[T]{
			Cols: cols, Segments: 1, Depth: depth, AStep: aStep, ARow: aRow, BStep: p.bStep(), CRow: p.CRow,
			Accumulate: p.Accumulate || k > 0,
		}
		var columns []T
		switch {
		case p.Packed:
			columns, x.BStep, x.BPanel = b[p.packedAt(t, j, cols, k):], width, depth*width
		case p.packs(t):
			pack(t, scratch, p.columns(b, j, k), depth, cols, p.bStep(), p.bCol())
			columns, x.BStep, x.BPanel = scratch, width, depth*width
		default:
			columns = p.columns(b, j, k)
		}
		var start []T
		if bias != nil && k == 0 {
			start = bias[j : j+cols]
		}
		last := k+blockDepth >= p.Depth
		for i := 0; i < p.Rows; i += blockRows {
			x.Rows = min(blockRows, p.Rows-i)
			var done func(j, cols int)
			if epilogue != nil && last {
				done = func(panel, cols int) { epilogue(i, x.Rows, j+panel, cols) }
			}
			x.run(t, c[i*p.CRow+j:], a[min(len(a), k*aStep+i*aRow):], columns, start, done)
		}
	})
}

// transpose sets dst[k*dstRow + i] to src[i*srcRow + k], for i < rows and k <
// cols.
func transpose[T Float](dst []T, dstRow int, src []T, srcRow, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	_, _ = dst[(cols-1)*dstRow+rows-1], src[(rows-1)*srcRow+cols-1]
	size := int(unsafe.Sizeof(src[0]))
	i := 0
	// Four rows of src at a time: their elements are neighbours in dst. Pointers,
	// because the checks of bounds took half of the time.
	for ; i+4 <= rows; i += 4 {
		from, to := &src[i*srcRow], &dst[i]
		row := srcRow * size
		for k := range cols {
			x := at(from, k*size)
			*(*[4]T)(unsafe.Pointer(at(to, k*dstRow*size))) = [4]T{*x, *at(x, row), *at(x, 2*row), *at(x, 3*row)}
		}
	}
	for ; i < rows; i++ {
		for k, v := range src[i*srcRow:][:cols] {
			dst[k*dstRow+i] = v
		}
	}
}

// check panics if a slice is too short.
func (p *Matmul[T]) check(c, a, b, bias int, hasBias bool) {
	aRows, aCols := p.Rows, p.Depth
	if p.TransA {
		aRows, aCols = aCols, aRows
	}
	bRows, bCols := p.Depth, p.Cols
	if p.TransB {
		bRows, bCols = bCols, bRows
	}
	for _, m := range []struct {
		name                 string
		rows, cols, row, len int
	}{{"a", aRows, aCols, p.ARow, a}, {"b", bRows, bCols, p.BRow, b}, {"c", p.Rows, p.Cols, p.CRow, c}} {
		if m.rows <= 0 || m.cols <= 0 || m.name == "b" && p.Packed {
			continue
		}
		if need := (m.rows-1)*m.row + m.cols; m.row < m.cols && m.rows > 1 || need > m.len {
			panic(fmt.Sprintf("gemm: %s has %d elements and rows of %d, for %dx%d", m.name, m.len, m.row, m.rows, m.cols))
		}
	}
	if p.Packed && b < p.PackedSize() {
		panic(fmt.Sprintf("gemm: b has %d elements, packed for %dx%d", b, p.Depth, p.Cols))
	}
	if hasBias && bias < p.Cols {
		panic(fmt.Sprintf("gemm: bias has %d elements for %d columns", bias, p.Cols))
	}
}
