package rows

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/noescape"
)

// A batch is so many rows at most that several kernels go over, one after the
// other, while the rows are in the first cache. The values of rows live on the
// stack.
const (
	batchRows     = 64
	batchElements = 1 << 13
)

func batchOf(cols int) int { return min(batchRows, max(1, batchElements/max(1, cols))) }

// Softmax makes of the first min(cols, valid+r) entries of row r, which begins at
// r*stride, softmax(scale*x), and 0 of the others. A row with NaN or +Inf, or with
// nothing but -Inf, becomes NaN.
func Softmax[T gemm.Float](x []T, rows, cols, stride int, scale T, valid int) {
	active[T]().softmax(x, rows, cols, stride, scale, valid)
}

func (t *table[T]) softmax(x []T, rows, cols, stride int, scale T, valid int) {
	needRows("x", len(x), rows, cols, stride)
	var values [batchRows]T
	triangle(rows, cols, valid, func(r, n, first int) {
		clearBeyond(x[r*stride:], n, cols, stride, first)
		var p args[T]
		p.params[0] = scale
		p.set(0, x[r*stride:], stride)
		p.set(1, x[r*stride:], stride)
		p.out[0] = unsafe.Pointer(noescape.Pointer(&values))
		p.grow(t[scaledMax], n, first, cols)
		p.in[0] = unsafe.Pointer(noescape.Pointer(&values))
		p.grow(t[expSum], n, first, cols)
		for i := range values[:n] {
			values[i] = 1 / values[i]
		}
		p.grow(t[multiply], n, first, cols)
	}, func(r int) { clear(x[r*stride:][:cols]) })
}

// SoftmaxBackward turns the gradient dp of the softmax p into that of its x:
// scale*p*(dp - sum of p*dp) over the same entries, 0 elsewhere. Both have the
// stride.
func SoftmaxBackward[T gemm.Float](dp, p []T, rows, cols, stride int, scale T, valid int) {
	active[T]().softmaxBackward(dp, p, rows, cols, stride, scale, valid)
}

func (t *table[T]) softmaxBackward(dp, p []T, rows, cols, stride int, scale T, valid int) {
	needRows("dp", len(dp), rows, cols, stride)
	needRows("p", len(p), rows, cols, stride)
	var values [batchRows]T
	triangle(rows, cols, valid, func(r, n, first int) {
		clearBeyond(dp[r*stride:], n, cols, stride, first)
		var a args[T]
		a.params[0] = scale
		a.set(0, dp[r*stride:], stride)
		a.set(1, p[r*stride:], stride)
		a.out[0] = unsafe.Pointer(noescape.Pointer(&values))
		a.grow(t[dot], n, first, cols)
		a.in[0] = unsafe.Pointer(noescape.Pointer(&values))
		a.grow(t[softmaxBackward], n, first, cols)
	}, func(r int) { clear(dp[r*stride:][:cols]) })
}

// triangle calls do for n rows from r on, of which the first has as many entries as
// first says, and none for rows without.
func triangle(rows, cols, valid int, do func(r, n, first int), none func(r int)) {
	if cols <= 0 {
		return
	}
	batch := batchOf(cols)
	for r := 0; r < rows; {
		first := min(cols, valid+r)
		if first <= 0 {
			none(r)
			r++
			continue
		}
		n := min(batch, rows-r)
		do(r, n, first)
		r += n
	}
}

// clearBeyond clears what the rows have beyond their entries.
func clearBeyond[T gemm.Float](x []T, rows, cols, stride, first int) {
	for r := 0; r < rows && first+r < cols; r++ {
		clear(x[r*stride:][first+r : cols])
	}
}

// ExpSum sets dst to exp(src - max) and returns max, the largest element that is
// a number, and the sum of dst: NaN if there is NaN or +Inf in src, or nothing but
// -Inf, 0 if there is nothing. dst may be src.
func ExpSum[T gemm.Float](dst, src []T) (max, sum T) { return active[T]().expSum(dst, src) }

func (t *table[T]) expSum(dst, src []T) (largest, sum T) {
	need("dst", len(dst), len(src))
	largest = T(math.Inf(-1))
	var value T
	var p args[T]
	p.params[0] = 1
	p.out[0] = unsafe.Pointer(noescape.Pointer(&value))
	for s := src; len(s) > 0; {
		n := min(len(s), blockSize)
		p.set(0, s, 0)
		p.run(t[scaledMax], 1, n)
		largest = max(largest, value)
		s = s[n:]
	}
	p.in[0] = unsafe.Pointer(noescape.Pointer(&largest))
	for len(src) > 0 {
		n := min(len(src), blockSize)
		p.set(0, dst, 0)
		p.set(1, src, 0)
		p.run(t[expSum], 1, n)
		sum += value
		dst, src = dst[n:], src[n:]
	}
	return largest, sum
}

// needRows panics unless a slice has rows of cols with the stride.
func needRows(what string, length, rows, cols, stride int) {
	if rows < 0 || cols < 0 || stride < cols || rows > 0 && length < (rows-1)*stride+cols {
		panic(fmt.Sprintf("rows: %s has %d elements, want %d rows of %d with stride %d", what, length, rows, cols, stride))
	}
}
