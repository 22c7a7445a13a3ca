package rows

import "github.com/isrlu/isrlu/internal/gemm"

// A GRU is the element-wise part of a gated recurrent unit whose reset gate acts
// after the product, as in cuDNN and PyTorch. x and h are the projections of the
// input and of the state:
//
//	r = gate(xr + hr)  z = gate(xz + hz)
//	n = state(xn + r*hn)
//	hNext = (1-z)*n + z*hPrev
type GRU[T gemm.Float] struct{ cell[T] }

// NewGRU returns the kernels for gates in {sigmoid, isru_sigmoid} and state
// functions in {tanh, isru}, or nil if there are none for the pair.
func NewGRU[T gemm.Float](gate, state Function) *GRU[T] { return newGRU(active[T](), gate, state) }

func newGRU[T gemm.Float](t *table[T], gate, state Function) *GRU[T] {
	if c, ok := newCell(t, gate, state); ok {
		return &GRU[T]{c}
	}
	return nil
}

// Forward does the step above for rows of so many units. x and h have the blocks r,
// z, n in each row; r, z and n replace those of x, and h stays. The last line is
// computed as n + z*(hPrev-n); this product and r*hn are fused with their sums.
// hNext may be hPrev; the slices must not overlap otherwise.
func (g *GRU[T]) Forward(rows, units int, x, h, hPrev, hNext []T) {
	n := rows * units
	need("x", len(x), 3*n)
	need("h", len(h), 3*n)
	need("hPrev", len(hPrev), n)
	need("hNext", len(hNext), n)
	if n == 0 {
		return
	}
	p := args[T]{params: g.params}
	for i := range 3 {
		p.block(i, x, i, 3, units)
		p.block(3+i, h, i, 3, units)
	}
	p.set(6, hPrev, units)
	p.set(7, hNext, units)
	p.run(g.table[g.kernels.gruForward], rows, units)
}

// Backward does, from r, z and n in x and from h as Forward left them,
//
//	dh = dh + dy
//	dz = dh*(hPrev-n) * gate'(z)
//	dn = dh*(1-z) * state'(n)
//	dr = dn*hn * gate'(r)
//	dh = dh*z
//
// with the derivatives as functions of the output. x becomes dr, dz, dn and h
// becomes dr, dz, dn*r, the gradients of the two projections. dh is that of the
// step after, and becomes the part of the gradient of hPrev that does not pass
// through the projection. Row r of dy begins at r*dyRow, which may be 0: one row
// for all. The slices must not overlap.
func (g *GRU[T]) Backward(rows, units int, x, h, hPrev, dh, dy []T, dyRow int) {
	n := rows * units
	need("x", len(x), 3*n)
	need("h", len(h), 3*n)
	need("hPrev", len(hPrev), n)
	need("dh", len(dh), n)
	checkRows(len(dy), rows, units, dyRow)
	if n == 0 {
		return
	}
	p := args[T]{params: g.params}
	for i := range 3 {
		p.block(i, x, i, 3, units)
		p.block(3+i, h, i, 3, units)
	}
	p.set(6, hPrev, units)
	p.set(7, dh, units)
	p.set(8, dy, dyRow)
	p.run(g.table[g.kernels.gruBackward], rows, units)
}
