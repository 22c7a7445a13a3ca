package nn

import (
	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/rows"
)

// The cells whose functions have a fused kernel: one pass over memory, with the
// activations in registers.

// rowsFunction is a function as package rows takes it.
func rowsFunction(f *isrlu.Function) rows.Function {
	return rows.Function{Name: f.Name(), Params: f.Params()}
}

// newLSTMCell returns the cell of an LSTM, fused if it can be.
func newLSTMCell[T Float](gate, state *isrlu.Function) cell[T] {
	if gate.Precision() == isrlu.Default && state.Precision() == isrlu.Default {
		if k := rows.NewLSTM[T](rowsFunction(gate), rowsFunction(state)); k != nil {
			return fusedLSTM[T]{k}
		}
	}
	return &lstmCell[T]{gate, state}
}

type fusedLSTM[T Float] struct{ kernel *rows.LSTM[T] }

func (l fusedLSTM[T]) forward(d *direction[T], t, from, to int) {
	u := d.units
	l.kernel.Forward(to-from, u, d.rows(d.gates, t, 4*u, from, to),
		d.rows(d.c, d.before(t), u, from, to), d.rows(d.c, d.after(t), u, from, to),
		d.rows(d.s, t, u, from, to), d.rows(d.h, d.after(t), u, from, to))
}

func (l fusedLSTM[T]) backward(d *direction[T], t, from, to int, dy []T, dyRow int, _ []T) {
	u := d.units
	l.kernel.Backward(to-from, u, d.rows(d.gates, t, 4*u, from, to),
		d.rows(d.c, d.before(t), u, from, to), d.rows(d.s, t, u, from, to),
		d.rows(d.dh, 0, u, from, to), dy, dyRow, d.rows(d.dc, 0, u, from, to))
}

// newGRUCell returns the cell of a GRU, fused if it can be.
func newGRUCell[T Float](gate, state *isrlu.Function) cell[T] {
	if gate.Precision() == isrlu.Default && state.Precision() == isrlu.Default {
		if k := rows.NewGRU[T](rowsFunction(gate), rowsFunction(state)); k != nil {
			return fusedGRU[T]{k}
		}
	}
	return &gruCell[T]{gate, state}
}

type fusedGRU[T Float] struct{ kernel *rows.GRU[T] }

func (g fusedGRU[T]) forward(d *direction[T], t, from, to int) {
	u := d.units
	g.kernel.Forward(to-from, u, d.rows(d.gates, t, 3*u, from, to), d.rows(d.hidden, t, 3*u, from, to),
		d.rows(d.h, d.before(t), u, from, to), d.rows(d.h, d.after(t), u, from, to))
}

func (g fusedGRU[T]) backward(d *direction[T], t, from, to int, dy []T, dyRow int, _ []T) {
	u := d.units
	g.kernel.Backward(to-from, u, d.rows(d.gates, t, 3*u, from, to), d.rows(d.hidden, t, 3*u, from, to),
		d.rows(d.h, d.before(t), u, from, to), d.rows(d.dh, 0, u, from, to), dy, dyRow)
}
