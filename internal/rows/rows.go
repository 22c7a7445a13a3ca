// Package rows holds kernels over rows of elements that do in one pass over memory
// what recurrent cells, softmax and normalization need. gen writes them, for every
// SIMD level and in Go, from one description of each; the activations within them
// have the bits of internal/kernel's in Default precision on the same level.
//
// float32 takes the running level, float64 the portable Go. Kernels of correctly
// rounded operations have the same bits on every level; those of ISRU, its sigmoid
// and DyISRU start from an estimate of the inverse square root where a level has
// one, and sums over a row are made in another order on each. An element's result
// depends on nothing but what the formula names: not on its position, nor on the
// length of the row. A row may have any length, but it is not interrupted.
package rows

import (
	"fmt"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/kernel"
	"github.com/isrlu/isrlu/internal/noescape"
)

// args is what a kernel reads; gen knows the offsets. A stream may have a stride of
// 0: it is one row for all.
type args[T gemm.Float] struct {
	streams [9]struct {
		base   unsafe.Pointer
		stride int // bytes
	}
	rows int
	_    int // the assembly's own
	cols int // of the first row
	most int // to which the rows of a growing kernel grow, a column each
	in   [4]unsafe.Pointer
	out  [2]unsafe.Pointer

	params [2 * kernel.NumParams]T
}

// A table has the kernels of a level. They need at least one row and one column.
type table[T gemm.Float] [numKernels]func(*args[T])

// active returns the kernels that run.
func active[T gemm.Float]() *table[T] { return tableOf[T](cpu.Active()) }

// tableOf returns the kernels of a level, which must be available.
func tableOf[T gemm.Float](l cpu.Level) *table[T] {
	var z T
	if _, ok := any(z).(float32); ok {
		return any(level32(l)).(*table[T])
	}
	return any(&table64Portable).(*table[T])
}

// set makes stream i what begins at s, with stride elements from row to row.
func (p *args[T]) set(i int, s []T, stride int) {
	p.streams[i].base = unsafe.Pointer(noescape.Pointer(unsafe.SliceData(s)))
	p.streams[i].stride = stride * int(unsafe.Sizeof(s[0]))
}

// stream returns row r of stream i.
func (p *args[T]) stream(i, r int) []T {
	s := &p.streams[i]
	return unsafe.Slice((*T)(unsafe.Add(s.base, r*s.stride)), p.cols)
}

// value returns the i-th value of row r.
func (p *args[T]) value(i, r int) T { return *at[T](p.in[i], r) }

// result stores the i-th result of row r.
func (p *args[T]) result(i, r int, v T) { *at[T](p.out[i], r) = v }

func at[T any](p unsafe.Pointer, i int) *T {
	var z T
	return (*T)(unsafe.Add(p, i*int(unsafe.Sizeof(z))))
}

// blockSize bounds the elements of one call, beyond a row: the scheduler cannot
// stop a goroutine inside assembly.
const blockSize = 1 << 16

// run does rows rows of cols columns.
func (p *args[T]) run(k func(*args[T]), rows, cols int) { p.grow(k, rows, cols, cols) }

// grow does rows rows by a growing kernel, of which the first has cols columns and
// none more than most.
func (p *args[T]) grow(k func(*args[T]), rows, cols, most int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	p.cols, p.most = cols, most
	for block := max(1, blockSize/most); ; {
		p.rows = min(rows, block)
		k(noescape.Pointer(p))
		rows -= p.rows
		if rows == 0 {
			return
		}
		p.advance()
	}
}

// advance goes to the row after those that were done.
func (p *args[T]) advance() {
	var z T
	for i := range p.streams {
		s := &p.streams[i]
		s.base = unsafe.Add(s.base, p.rows*s.stride)
	}
	for i, a := range p.in {
		if a != nil {
			p.in[i] = unsafe.Add(a, p.rows*int(unsafe.Sizeof(z)))
		}
	}
	for i, a := range p.out {
		if a != nil {
			p.out[i] = unsafe.Add(a, p.rows*int(unsafe.Sizeof(z)))
		}
	}
}

// need panics if a slice does not have the length that it must have.
func need(what string, length, want int) {
	if length != want {
		panic(fmt.Sprintf("rows: %s has %d elements, want %d", what, length, want))
	}
}

// Add sets dst to dst + a.
func Add[T gemm.Float](dst, a []T) { active[T]().add(dst, a) }

func (t *table[T]) add(dst, a []T) {
	need("a", len(a), len(dst))
	var p args[T]
	for len(dst) > 0 {
		n := min(len(dst), blockSize)
		p.set(0, dst, 0)
		p.set(1, a, 0)
		p.run(t[add], 1, n)
		dst, a = dst[n:], a[n:]
	}
}
