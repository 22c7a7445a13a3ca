package conv

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rmsError returns the root of the mean square of got - want, over that of want.
func rmsError(got []float32, want []float64) float64 {
	sum, scale := 0.0, 0.0
	for i, w := range want {
		d := float64(got[i]) - w
		sum, scale = sum+d*d, scale+w*w
	}
	return math.Sqrt(sum / scale)
}

// TestErrorsOfAlgorithms measures what docs/accuracy.md says: the errors of all
// passes in float32 against float64, on values as a network has them. A large
// error of Winograd's algorithms would be seen here before it harms a training.
func TestErrorsOfAlgorithms(t *testing.T) {
	// Relative to the root mean square of the results.
	bounds := map[Kind]float64{Direct: 7e-7, Winograd2: 5e-7, Winograd4: 1.3e-6}
	for _, size := range [][3]int{{28, 32, 32}, {14, 64, 64}, {7, 128, 128}} {
		s := Shape{
			Height: size[0], Width: size[0], In: size[1], Out: size[2], KernelHeight: 3, KernelWidth: 3,
			StrideHeight: 1, StrideWidth: 1, Top: 1, Bottom: 1, Left: 1, Right: 1,
		}
		r := rand.New(rand.NewPCG(7, 7))
		n, m := s.Height*s.Width*s.In, s.OutHeight()*s.OutWidth()*s.Out
		x, w, dy := random[float32](r, n), random[float32](r, s.Weights()), random[float32](r, m)
		for i, v := range x {
			x[i] = max(v, -1) // what an activation leaves
		}
		for i := range w {
			w[i] *= float32(math.Sqrt(2 / float64(9*s.In)))
		}
		truth := newDirect[float64](s)
		truth.Prepare(widen(w), true)
		scratch64 := make([]float64, truth.Scratch())
		y64, dx64, dw64 := make([]float64, m), make([]float64, n), make([]float64, s.Weights())
		truth.Forward(y64, widen(x), nil, scratch64, nil)
		truth.BackwardData(dx64, widen(dy), scratch64)
		truth.BackwardWeights(dw64, widen(x), widen(dy), scratch64)
		for _, kind := range s.kinds() {
			a := Of[float32](s, kind)
			a.Prepare(w, true)
			scratch := make([]float32, a.Scratch())
			y, dx, dw := make([]float32, m), make([]float32, n), make([]float32, s.Weights())
			a.Forward(y, x, nil, scratch, nil)
			a.BackwardData(dx, dy, scratch)
			a.BackwardWeights(dw, x, dy, scratch)
			errors := []float64{rmsError(y, y64), rmsError(dx, dx64), rmsError(dw, dw64)}
			t.Logf("%dx%dx%d to %d, %s: forward %.2g, data %.2g, weights %.2g", size[0], size[0], size[1], size[2], a.Name(), errors[0], errors[1], errors[2])
			if high := slices.Max(errors); high > bounds[kind] {
				t.Errorf("%s: error %.2g, documented %.2g", a.Name(), high, bounds[kind])
			}
		}
	}
}

func widen(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}
