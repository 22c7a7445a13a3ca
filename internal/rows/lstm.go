package rows

import "github.com/isrlu/isrlu/internal/gemm"

// An LSTM is the element-wise part of a long short-term memory, after the
// products:
//
//	i = gate(i)  f = gate(f)  g = state(g)  o = gate(o)
//	c = f*cPrev + i*g
//	s = state(c)
//	h = o*s
type LSTM[T gemm.Float] struct{ cell[T] }

// NewLSTM returns the kernels for gates in {sigmoid, isru_sigmoid} and state
// functions in {tanh, isru}, or nil if there are none for the pair.
func NewLSTM[T gemm.Float](gate, state Function) *LSTM[T] { return newLSTM(active[T](), gate, state) }

func newLSTM[T gemm.Float](t *table[T], gate, state Function) *LSTM[T] {
	if c, ok := newCell(t, gate, state); ok {
		return &LSTM[T]{c}
	}
	return nil
}

// Forward does the step above for rows of so many units. gates has the blocks i, f,
// g, o in each row, and keeps what becomes of them. f*cPrev is fused with the sum.
// c may be cPrev; the slices must not overlap otherwise.
func (l *LSTM[T]) Forward(rows, units int, gates, cPrev, c, s, h []T) {
	n := rows * units
	need("gates", len(gates), 4*n)
	need("cPrev", len(cPrev), n)
	need("c", len(c), n)
	need("s", len(s), n)
	need("h", len(h), n)
	if n == 0 {
		return
	}
	p := args[T]{params: l.params}
	for i := range 4 {
		p.block(i, gates, i, 4, units)
	}
	p.set(4, cPrev, units)
	p.set(5, c, units)
	p.set(6, s, units)
	p.set(7, h, units)
	p.run(l.table[l.kernels.lstmForward], rows, units)
}

// Backward does, from the gates and s that Forward left,
//
//	dh = dh + dy
//	do = dh*s * gate'(o)
//	dc = dc + dh*o * state'(s)
//	di = dc*g * gate'(i)  df = dc*cPrev * gate'(f)  dg = dc*i * state'(g)
//	dc = dc*f
//
// with the derivatives as functions of the output. The gradients of what went into
// the gates replace the gates. dh and dc are those of the step after; dc becomes
// the gradient of cPrev, and what dh becomes is not specified. Row r of dy begins
// at r*dyRow, which may be 0: one row for all. The slices must not overlap.
func (l *LSTM[T]) Backward(rows, units int, gates, cPrev, s, dh, dy []T, dyRow int, dc []T) {
	n := rows * units
	need("gates", len(gates), 4*n)
	need("cPrev", len(cPrev), n)
	need("s", len(s), n)
	need("dh", len(dh), n)
	checkRows(len(dy), rows, units, dyRow)
	need("dc", len(dc), n)
	if n == 0 {
		return
	}
	p := args[T]{params: l.params}
	for i := range 4 {
		p.block(i, gates, i, 4, units)
	}
	p.set(4, cPrev, units)
	p.set(5, s, units)
	p.set(6, dh, units)
	p.set(7, dy, dyRow)
	p.set(8, dc, units)
	p.run(l.table[l.kernels.lstmBackward], rows, units)
}
