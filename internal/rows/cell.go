package rows

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/kernel"
)

// A Function names an activation with its parameters, as isrlu.Function's Name and
// Params give them.
type Function struct {
	Name   string
	Params []float64
}

// params returns the kernel parameters of a function that cells are made for, and
// whether its kernels of Default precision are those that serve it.
func params[T gemm.Float](f Function) (p [kernel.NumParams]T, ok bool) {
	switch f.Name {
	case "tanh", "sigmoid":
		return p, true
	case "isru":
		alpha := f.Params[0]
		return kernel.ISRParams(T(alpha)), kernel.UsesEstimates(alpha)
	case "isru_sigmoid":
		alpha, scale := f.Params[0], f.Params[1]
		return kernel.ISRUSigmoidParams(T(alpha), T(scale)), kernel.UsesEstimates(alpha) && kernel.UsesEstimates(alpha*scale*scale)
	}
	return p, false
}

// A pair are the functions of a gate and of a state.
type pair struct{ gate, state string }

// The kernels of a pair.
type cellKernels struct{ lstmForward, lstmBackward, gruForward, gruBackward kernelID }

var cells = map[pair]cellKernels{
	{"sigmoid", "tanh"}: {lstmForwardSigmoidTanh, lstmBackwardSigmoidTanh,
		gruForwardSigmoidTanh, gruBackwardSigmoidTanh},
	{"sigmoid", "isru"}: {lstmForwardSigmoidISRU, lstmBackwardSigmoidISRU,
		gruForwardSigmoidISRU, gruBackwardSigmoidISRU},
	{"isru_sigmoid", "tanh"}: {lstmForwardISRUSigmoidTanh, lstmBackwardISRUSigmoidTanh,
		gruForwardISRUSigmoidTanh, gruBackwardISRUSigmoidTanh},
	{"isru_sigmoid", "isru"}: {lstmForwardISRUSigmoidISRU, lstmBackwardISRUSigmoidISRU,
		gruForwardISRUSigmoidISRU, gruBackwardISRUSigmoidISRU},
}

// A cell has the kernels of a pair and its parameters.
type cell[T gemm.Float] struct {
	kernels cellKernels
	table   *table[T]
	params  [2 * kernel.NumParams]T // of the gate, then of the state
}

// newCell returns the kernels of a pair of functions, or false if it has none.
func newCell[T gemm.Float](t *table[T], gate, state Function) (c cell[T], ok bool) {
	k, ok := cells[pair{gate.Name, state.Name}]
	if !ok {
		return c, false
	}
	g, gok := params[T](gate)
	s, sok := params[T](state)
	c = cell[T]{kernels: k, table: t}
	copy(c.params[:], g[:])
	copy(c.params[kernel.NumParams:], s[:])
	return c, gok && sok
}

// block sets stream i to the n-th block of rows that have blocks of units columns.
func (p *args[T]) block(i int, s []T, n, blocks, units int) {
	p.set(i, s[n*units:], blocks*units)
}

// checkRows panics unless dy has a row for all, or one for each.
func checkRows(dy, rows, units, dyRow int) {
	if least := (rows-1)*dyRow + units; dyRow < 0 || rows > 0 && dy < least {
		panic(fmt.Sprintf("rows: dy has %d elements, want %d rows of %d with stride %d", dy, rows, units, dyRow))
	}
}
