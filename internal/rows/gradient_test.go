package rows

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
)

// The backward passes of cells and of softmax against differences of the forward
// pass, in float64.

// differences requires that got is the derivative of loss by x.
func differences(t *testing.T, what string, x, got []float64, loss func() float64) {
	t.Helper()
	const h = 1e-5
	for j := range x {
		v := x[j]
		x[j] = v + h
		up := loss()
		x[j] = v - h
		want := (up - loss()) / (2 * h)
		x[j] = v
		if !close32(got[j], want, 1e-7) {
			t.Fatalf("%s: gradient %d is %v, want %v", what, j, got[j], want)
		}
	}
}

func weighted(w, x []float64) (s float64) {
	for i, v := range x {
		s += w[i] * v
	}
	return s
}

func TestLSTMBackwardIsTheDerivative(t *testing.T) {
	eachPair(t, func(t *testing.T, gate, state Function) {
		const rows, units = 2, 3
		const n = rows * units
		r := rand.New(rand.NewPCG(18, 19))
		cell := NewLSTM[float64](gate, state)
		x, cPrev := fill(r, make([]float64, 4*n), false), fill(r, make([]float64, n), false)
		// The loss is a sum over h, weighted by dh and dy, and over c, by dc.
		dh, dy, dc := fill(r, make([]float64, n), false), fill(r, make([]float64, units), false), fill(r, make([]float64, n), false)
		w := clone(dh)
		for i := range w {
			w[i] += dy[i%units]
		}
		gates, c, s, h := make([]float64, 4*n), make([]float64, n), make([]float64, n), make([]float64, n)
		wc := clone(dc)
		loss := func() float64 {
			copy(gates, x)
			cell.Forward(rows, units, gates, cPrev, c, s, h)
			return weighted(w, h) + weighted(wc, c)
		}
		loss()
		dGates := clone(gates)
		cell.Backward(rows, units, dGates, cPrev, s, dh, dy, 0, dc)
		differences(t, "gates", x, dGates, loss)
		differences(t, "cPrev", cPrev, dc, loss)
	})
}

func TestGRUBackwardIsTheDerivative(t *testing.T) {
	eachPair(t, func(t *testing.T, gate, state Function) {
		const rows, units = 2, 3
		const n = rows * units
		r := rand.New(rand.NewPCG(20, 21))
		cell := NewGRU[float64](gate, state)
		x, p, hPrev := fill(r, make([]float64, 3*n), false), fill(r, make([]float64, 3*n), false), fill(r, make([]float64, n), false)
		dh, dy := fill(r, make([]float64, n), false), fill(r, make([]float64, n), false)
		w := clone(dh)
		for i := range w {
			w[i] += dy[i]
		}
		gates, h := make([]float64, 3*n), make([]float64, n)
		loss := func() float64 {
			copy(gates, x)
			cell.Forward(rows, units, gates, p, hPrev, h)
			return weighted(w, h)
		}
		loss()
		dx, dp := clone(gates), clone(p)
		cell.Backward(rows, units, dx, dp, hPrev, dh, dy, units)
		differences(t, "x", x, dx, loss)
		differences(t, "h", p, dp, loss)
		differences(t, "hPrev", hPrev, dh, loss)
	})
}

func TestSoftmaxBackwardIsTheDerivative(t *testing.T) {
	const rows, cols, scale = 4, 5, 1.5
	r := rand.New(rand.NewPCG(22, 23))
	x, w := fill(r, make([]float64, rows*cols), false), fill(r, make([]float64, rows*cols), false)
	p := make([]float64, rows*cols)
	loss := func() float64 {
		copy(p, x)
		Softmax(p, rows, cols, cols, scale, 2)
		return weighted(w, p)
	}
	loss()
	dp := clone(w)
	SoftmaxBackward(dp, p, rows, cols, cols, scale, 2)
	differences(t, "x", x, dp, loss)
}

// TestCellsOfAnyNumbers: whatever finite numbers go in, what comes out is finite,
// forward and backward, but for sums that overflow.
func TestCellsOfAnyNumbers(t *testing.T) {
	values := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, 1e-30, 1, -1, 100, -100, 1e19, -2e19, 1e30, -1e38, 3e38}
	for _, l := range cpu.Available() {
		table := tableOf[float32](l)
		eachPair(t, func(t *testing.T, gate, state Function) {
			n := len(values)
			lstm, gru := newLSTM(table, gate, state), newGRU(table, gate, state)
			for shift := range n {
				at := func(k int) []float32 {
					s := make([]float32, n)
					for i := range s {
						s[i] = values[(i*(2*k+1)+k*shift)%n]
					}
					return s
				}
				var gates []float32
				for k := range 4 {
					gates = append(gates, at(k)...)
				}
				x := clone(gates[:3*n])
				c, s, h := make([]float32, n), make([]float32, n), make([]float32, n)
				ones := make([]float32, n)
				for i := range ones {
					ones[i] = 1
				}
				lstm.Forward(1, n, gates, at(5), c, s, h)
				finite(t, "gates", gates)
				finite(t, "s", s)
				finite(t, "h", h)
				dc := clone(ones)
				lstm.Backward(1, n, gates, s, s, clone(ones), ones, n, dc)
				finite(t, "gradients", gates)
				finite(t, "dc", dc)

				p, zero := make([]float32, 3*n), make([]float32, n)
				gru.Forward(1, n, x, p, ones, h)
				finite(t, "h", h)
				gru.Backward(1, n, x, p, zero, clone(ones), ones, n)
				finite(t, "gradients", x)
				finite(t, "gradients", p)
			}
		})
	}
}

func finite(t *testing.T, what string, s []float32) {
	t.Helper()
	for i, v := range s {
		if v-v != 0 {
			t.Fatalf("%s: element %d is %v", what, i, v)
		}
	}
}
