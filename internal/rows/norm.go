package rows

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/noescape"
)

// LayerNormForward normalizes every row over its n columns (Ba, Kiros and Hinton
// 2016):
//
//	y = gamma*(x - mean)*inverse + beta,  inverse = 1/sqrt(variance + epsilon)
//
// The variance is the mean square of the deviations from the mean, which is rounded
// before. Squares overflow, in float32 beyond 1.8e19: y is 0 or NaN there. mean and
// inverse, one for each row, are for the backward pass. y may be x.
func LayerNormForward[T gemm.Float](y, x, gamma, beta []T, rows, n int, epsilon float64, mean, inverse []T) {
	active[T]().layerNormForward(y, x, gamma, beta, rows, n, epsilon, mean, inverse)
}

func (t *table[T]) layerNormForward(y, x, gamma, beta []T, rows, n int, epsilon float64, mean, inverse []T) {
	need("y", len(y), rows*n)
	need("x", len(x), rows*n)
	need("gamma", len(gamma), n)
	need("beta", len(beta), n)
	need("mean", len(mean), rows)
	need("inverse", len(inverse), rows)
	eachBatch(rows, n, func(r, count int) {
		var p args[T]
		p.set(0, x[r*n:], n)
		m, v := mean[r:r+count], inverse[r:r+count]
		p.out[0] = unsafe.Pointer(noescape.Pointer(&m[0]))
		p.run(t[sum], count, n)
		t.divide(m, n)
		p.in[0] = unsafe.Pointer(noescape.Pointer(&m[0]))
		p.out[0] = unsafe.Pointer(noescape.Pointer(&v[0]))
		p.run(t[deviations], count, n)
		t.inverseRoots(v, n, epsilon)
		p.in[1] = unsafe.Pointer(noescape.Pointer(&v[0]))
		p.set(0, y[r*n:], n)
		p.set(1, x[r*n:], n)
		p.set(2, gamma, 0)
		p.set(3, beta, 0)
		p.run(t[layerNorm], count, n)
	})
}

// LayerNormBackward computes from the gradient dy of y, with xhat = (x -
// mean)*inverse and g = dy*gamma,
//
//	dx = inverse*(g - mean of g - xhat * mean of g*xhat)
//
// and adds to dgamma and dbeta the sums over the rows, in their order, of dy*xhat
// and dy. dx may be dy, or nil where it is not wanted.
func LayerNormBackward[T gemm.Float](dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) {
	active[T]().layerNormBackward(dx, dy, x, gamma, rows, n, mean, inverse, dgamma, dbeta)
}

func (t *table[T]) layerNormBackward(dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) {
	needGradients(dx, dy, x, gamma, dgamma, rows, n)
	need("mean", len(mean), rows)
	need("inverse", len(inverse), rows)
	need("dbeta", len(dbeta), n)
	var means [2][batchRows]T
	eachBatch(rows, n, func(r, count int) {
		var p args[T]
		p.in[0], p.in[1] = unsafe.Pointer(&mean[r]), unsafe.Pointer(&inverse[r])
		p.out[0], p.out[1] = unsafe.Pointer(noescape.Pointer(&means[0])), unsafe.Pointer(noescape.Pointer(&means[1]))
		p.set(0, dy[r*n:], n)
		p.set(1, x[r*n:], n)
		p.set(2, gamma, 0)
		p.set(3, dgamma, 0)
		p.set(4, dbeta, 0)
		p.run(t[layerNormSums], count, n)
		if dx == nil {
			return
		}
		t.divide(means[0][:count], n)
		t.divide(means[1][:count], n)
		p.in[2], p.in[3] = unsafe.Pointer(noescape.Pointer(&means[0])), unsafe.Pointer(noescape.Pointer(&means[1]))
		p.set(0, dx[r*n:], n)
		p.set(1, dy[r*n:], n)
		p.set(2, x[r*n:], n)
		p.set(3, gamma, 0)
		p.run(t[layerNormBackward], count, n)
	})
}

// RMSNormForward normalizes every row by its root mean square (Zhang and Sennrich
// 2019):
//
//	y = gamma*x*inverse,  inverse = 1/sqrt(mean of x^2 + epsilon)
//
// Squares overflow as in [LayerNormForward]. inverse, one for each row, is for the
// backward pass. y may be x.
func RMSNormForward[T gemm.Float](y, x, gamma []T, rows, n int, epsilon float64, inverse []T) {
	active[T]().rmsNormForward(y, x, gamma, rows, n, epsilon, inverse)
}

func (t *table[T]) rmsNormForward(y, x, gamma []T, rows, n int, epsilon float64, inverse []T) {
	need("y", len(y), rows*n)
	need("x", len(x), rows*n)
	need("gamma", len(gamma), n)
	need("inverse", len(inverse), rows)
	eachBatch(rows, n, func(r, count int) {
		var p args[T]
		v := inverse[r : r+count]
		p.set(0, x[r*n:], n)
		p.out[0] = unsafe.Pointer(noescape.Pointer(&v[0]))
		p.run(t[squares], count, n)
		t.inverseRoots(v, n, epsilon)
		p.in[0] = unsafe.Pointer(noescape.Pointer(&v[0]))
		p.set(0, y[r*n:], n)
		p.set(1, x[r*n:], n)
		p.set(2, gamma, 0)
		p.run(t[rmsNorm], count, n)
	})
}

// RMSNormBackward computes from the gradient dy of y, with xhat = x*inverse and g =
// dy*gamma,
//
//	dx = inverse*(g - xhat * mean of g*xhat)
//
// and adds to dgamma the sum over the rows, in their order, of dy*xhat. dx may be
// dy, or nil where it is not wanted.
func RMSNormBackward[T gemm.Float](dx, dy, x, gamma []T, rows, n int, inverse, dgamma []T) {
	active[T]().rmsNormBackward(dx, dy, x, gamma, rows, n, inverse, dgamma)
}

func (t *table[T]) rmsNormBackward(dx, dy, x, gamma []T, rows, n int, inverse, dgamma []T) {
	needGradients(dx, dy, x, gamma, dgamma, rows, n)
	need("inverse", len(inverse), rows)
	var means [batchRows]T
	eachBatch(rows, n, func(r, count int) {
		var p args[T]
		p.in[0] = unsafe.Pointer(&inverse[r])
		p.out[0] = unsafe.Pointer(noescape.Pointer(&means))
		p.set(0, dy[r*n:], n)
		p.set(1, x[r*n:], n)
		p.set(2, gamma, 0)
		p.set(3, dgamma, 0)
		p.run(t[rmsNormSums], count, n)
		if dx == nil {
			return
		}
		t.divide(means[:count], n)
		p.in[1] = unsafe.Pointer(noescape.Pointer(&means))
		p.set(0, dx[r*n:], n)
		p.set(1, dy[r*n:], n)
		p.set(2, x[r*n:], n)
		p.set(3, gamma, 0)
		p.run(t[rmsNormBackward], count, n)
	})
}

// needGradients panics unless the slices of a backward pass have their lengths; dx
// may be nil.
func needGradients[T gemm.Float](dx, dy, x, gamma, dgamma []T, rows, n int) {
	if dx != nil {
		need("dx", len(dx), rows*n)
	}
	need("dy", len(dy), rows*n)
	need("x", len(x), rows*n)
	need("gamma", len(gamma), n)
	need("dgamma", len(dgamma), n)
}

// eachBatch calls f for the rows of each batch, count of them from r on.
func eachBatch(rows, n int, f func(r, count int)) {
	if n == 0 {
		return
	}
	batch := batchOf(n)
	for r := 0; r < rows; r += batch {
		f(r, min(batch, rows-r))
	}
}

// divide turns sums of n numbers into means.
func (t *table[T]) divide(sums []T, n int) {
	share := 1 / T(n)
	var p args[T]
	p.set(0, sums, 0)
	p.in[0] = unsafe.Pointer(noescape.Pointer(&share))
	p.run(t[multiply], 1, len(sums))
}

// inverseRoots turns sums of n numbers into 1/sqrt(mean + epsilon).
func (t *table[T]) inverseRoots(sums []T, n int, epsilon float64) {
	var p args[T]
	p.set(0, sums, 0)
	p.params[0], p.params[1] = 1/T(n), T(epsilon)
	p.run(t[inverseRoots], 1, len(sums))
}
