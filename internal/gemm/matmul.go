package gemm

import "fmt"

// Blocks of a large product (Goto and van de Geijn, Anatomy of high-performance
// matrix multiplication, ACM TOMS 34, 2008): blockDepth rows of a panel of b stay
// in the first-level cache, blockRows by blockDepth of a in the second, blockCols
// columns of b in the third.
const (
	blockDepth = 256
	blockRows  = 168 // a multiple of every level's tile
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
// Large operands are copied into panels first. The order of additions of an
// element depends on Depth alone: blocks of 256 terms, each added up from its
// first term on, in their order; the first begins with the bias.
type Matmul[T Float] struct {
	Rows, Cols, Depth int
	TransA, TransB    bool
	ARow, BRow, CRow  int
	Accumulate        bool
}

// plan tells which operands are worth a copy: those that are read often and in
// steps that caches do not like.
func (p *Matmul[T]) plan(t *tiles[T]) (packA, packB bool) {
	width := t.lanes * t.vectors
	packB = p.TransB || p.Rows > 4*t.rows && p.Cols > width
	packA = p.Rows > t.rows && p.Cols > 4*width && p.Depth > 32
	return packA, packB
}

// Scratch returns the elements of scratch memory that Run needs.
func (p *Matmul[T]) Scratch() int { return p.scratch(active[T]()) }

func (p *Matmul[T]) scratch(t *tiles[T]) int {
	packA, packB := p.plan(t)
	depth, n := min(p.Depth, blockDepth), 0
	if packA {
		n += depth * roundUp(min(p.Rows, blockRows), t.rows)
	}
	if packB {
		n += depth * roundUp(min(p.Cols, blockCols), t.lanes*t.vectors)
	}
	return n
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
	packA, packB := p.plan(t)
	var packedA, packedB []T
	if packA {
		n := min(p.Depth, blockDepth) * roundUp(min(p.Rows, blockRows), t.rows)
		packedA, scratch = scratch[:n], scratch[n:]
	}
	if packB {
		packedB = scratch[:min(p.Depth, blockDepth)*roundUp(min(p.Cols, blockCols), width)]
	}
	aStep, aRow := 1, p.ARow
	if p.TransA {
		aStep, aRow = p.ARow, 1
	}
	bStep, bCol := p.BRow, 1
	if p.TransB {
		bStep, bCol = 1, p.BRow
	}
	for j := 0; j < p.Cols; j += blockCols {
		cols := min(blockCols, p.Cols-j)
		for k := 0; k == 0 || k < p.Depth; k += blockDepth {
			depth := min(blockDepth, p.Depth-k)
			x := Product[T]{Cols: cols, Segments: 1, Depth: depth, BStep: bStep, CRow: p.CRow, Accumulate: p.Accumulate || k > 0}
			columns := b[min(len(b), k*bStep+j*bCol):]
			if packB {
				pack(t, packedB, columns, depth, cols, bStep, bCol)
				columns, x.BStep, x.BPanel = packedB, width, depth*width
			}
			var start []T
			if bias != nil && k == 0 {
				start = bias[j : j+cols]
			}
			last := k+blockDepth >= p.Depth
			for i := 0; i < p.Rows; i += blockRows {
				x.Rows = min(blockRows, p.Rows-i)
				rows := a[min(len(a), k*aStep+i*aRow):]
				x.AStep, x.ARow, x.aTile = aStep, aRow, 0
				if packA {
					packRows(packedA, rows, t.rows, x.Rows, depth, aRow, aStep)
					rows, x.AStep, x.ARow, x.aTile = packedA, t.rows, 1, depth*t.rows
				}
				var done func(j, cols int)
				if epilogue != nil && last {
					done = func(panel, cols int) { epilogue(i, x.Rows, j+panel, cols) }
				}
				x.run(t, c[i*p.CRow+j:], rows, columns, start, done)
			}
		}
	}
}

// packRows copies a matrix of rows by depth, whose element (i, k) is
// a[i*row + k*step], into tiles of height rows: element (i, k) is at
// (i/height)*depth*height + k*height + i%height. Rows beyond the last are not
// written: no product reads them.
func packRows[T Float](dst, a []T, height, rows, depth, row, step int) {
	for i0 := 0; i0 < rows; i0 += height {
		n := min(height, rows-i0)
		tile := dst[i0*depth:][:depth*height]
		from := a[i0*row:]
		if row == 1 {
			for k := range depth {
				copy(tile[k*height:][:n], from[k*step:])
			}
			continue
		}
		for i := range n {
			line := from[i*row:]
			for k, at := 0, i; k < depth; k, at = k+1, at+height {
				tile[at] = line[k*step]
			}
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
		if m.rows <= 0 || m.cols <= 0 {
			continue
		}
		if need := (m.rows-1)*m.row + m.cols; m.row < m.cols && m.rows > 1 || need > m.len {
			panic(fmt.Sprintf("gemm: %s has %d elements and rows of %d, for %dx%d", m.name, m.len, m.row, m.rows, m.cols))
		}
	}
	if hasBias && bias < p.Cols {
		panic(fmt.Sprintf("gemm: bias has %d elements for %d columns", bias, p.Cols))
	}
}
