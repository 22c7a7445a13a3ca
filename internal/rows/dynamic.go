package rows

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/kernel"
	"github.com/isrlu/isrlu/internal/noescape"
)

// DyTForward is dynamic tanh, which takes the place of a normalization (Zhu et al.
// 2025):
//
//	y = gamma*tanh(alpha*x) + beta
//
// for rows of n columns. y may be x.
func DyTForward[T gemm.Float](y, x, gamma, beta []T, rows, n int, alpha T) {
	active[T]().dyTForward(y, x, gamma, beta, rows, n, alpha)
}

func (t *table[T]) dyTForward(y, x, gamma, beta []T, rows, n int, alpha T) {
	p := args[T]{}
	p.params[0] = alpha
	p.pointwise(t[dyT], y, x, gamma, beta, rows, n)
}

// DyTBackward computes from the gradient dy of y, with u = dy*gamma*tanh'(alpha*x),
//
//	dx = alpha*u
//
// adds to dgamma and dbeta the sums over the rows, in their order, of
// dy*tanh(alpha*x) and dy, and returns the gradient of alpha, the sum of u*x. The
// derivative is computed from the output of tanh. dx may be dy, or nil where it is
// not wanted.
func DyTBackward[T gemm.Float](dx, dy, x, gamma []T, rows, n int, alpha T, dgamma, dbeta []T) (dalpha float64) {
	return active[T]().dyTBackward(dx, dy, x, gamma, rows, n, alpha, dgamma, dbeta)
}

func (t *table[T]) dyTBackward(dx, dy, x, gamma []T, rows, n int, alpha T, dgamma, dbeta []T) float64 {
	p := args[T]{}
	p.params[0] = alpha
	return p.pointwiseBackward(t[dyTBackward], t[dyTSums], dx, dy, x, gamma, rows, n, dgamma, dbeta)
}

// DyISRUForward is dynamic ISRU, the element-wise counterpart of RMS normalization
// (Stollenwerk 2026):
//
//	y = gamma*scale*x/sqrt(beta + x^2) + shift
//
// for rows of n columns and beta > 0. x^2 does not overflow. y may be x.
func DyISRUForward[T gemm.Float](y, x, gamma, shift []T, rows, n int, scale, beta T) {
	active[T]().dyISRUForward(y, x, gamma, shift, rows, n, scale, beta)
}

func (t *table[T]) dyISRUForward(y, x, gamma, shift []T, rows, n int, scale, beta T) {
	t = t.serving(beta)
	p := dyISRUArgs(scale, beta)
	p.pointwise(t[dyISRU], y, x, gamma, shift, rows, n)
}

// DyISRUBackward computes from the gradient dy of y, with f(x) = scale*x/sqrt(beta +
// x^2),
//
//	dx = dy*gamma*f'(x)
//
// adds to dgamma and dshift the sums over the rows, in their order, of dy*f(x) and
// dy, and returns the gradient of beta, the sum of dy*gamma*df/dbeta. dx may be dy,
// or nil where it is not wanted.
func DyISRUBackward[T gemm.Float](dx, dy, x, gamma []T, rows, n int, scale, beta T, dgamma, dshift []T) (dbeta float64) {
	return active[T]().dyISRUBackward(dx, dy, x, gamma, rows, n, scale, beta, dgamma, dshift)
}

func (t *table[T]) dyISRUBackward(dx, dy, x, gamma []T, rows, n int, scale, beta T, dgamma, dshift []T) float64 {
	t = t.serving(beta)
	p := dyISRUArgs(scale, beta)
	s := p.pointwiseBackward(t[dyISRUBackward], t[dyISRUSums], dx, dy, x, gamma, rows, n, dgamma, dshift)
	return s / (-2 * float64(beta)) // df/dbeta = -x/(2 beta) f'(x)
}

// serving returns the kernels that are right for beta: those that start from an
// estimate, or the portable ones.
func (t *table[T]) serving(beta T) *table[T] {
	if kernel.UsesEstimates(1 / float64(beta)) {
		return t
	}
	return tableOf[T](cpu.Portable)
}

func dyISRUArgs[T gemm.Float](scale, beta T) (p args[T]) {
	k := kernel.DyISRUParams(scale, beta)
	copy(p.params[:], k[:])
	return p
}

// pointwise does y = gamma*f(x) + beta.
func (p *args[T]) pointwise(k func(*args[T]), y, x, gamma, beta []T, rows, n int) {
	need("y", len(y), rows*n)
	need("x", len(x), rows*n)
	need("gamma", len(gamma), n)
	need("the shift", len(beta), n)
	if rows == 0 || n == 0 {
		return
	}
	p.set(0, y, n)
	p.set(1, x, n)
	p.set(2, gamma, 0)
	p.set(3, beta, 0)
	p.run(k, rows, n)
}

// pointwiseBackward does its gradients by the kernel all, or by sums if dx is nil,
// and returns the sum of the kernel's results.
func (p *args[T]) pointwiseBackward(all, sums func(*args[T]), dx, dy, x, gamma []T, rows, n int, dgamma, dbeta []T) (total float64) {
	needGradients(dx, dy, x, gamma, dgamma, rows, n)
	need("the gradient of the shift", len(dbeta), n)
	p.set(3, gamma, 0)
	p.set(4, dgamma, 0)
	p.set(5, dbeta, 0)
	var values [batchRows]T
	eachBatch(rows, n, func(r, count int) {
		k := sums
		if dx != nil {
			k = all
			p.set(0, dx[r*n:], n)
		}
		p.set(1, dy[r*n:], n)
		p.set(2, x[r*n:], n)
		p.out[0] = unsafe.Pointer(noescape.Pointer(&values))
		p.run(k, count, n)
		for _, v := range values[:count] {
			total += float64(v)
		}
	})
	return total
}
