package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
)

// A norm is one of the normalizations with everything that its two passes take.
type norm[T gemm.Float] struct {
	name     string
	forward  func(t *table[T], y, x, gamma, beta []T, rows, n int, mean, inverse []T)
	backward func(t *table[T], dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) float64
	// value is the definition for a row, without gamma and beta; p is the parameter
	// whose gradient backward returns.
	value   func(x []float64, p float64) []float64
	p       float64
	noShift bool
}

const epsilon = 1e-3

func norms[T gemm.Float]() []norm[T] {
	return []norm[T]{
		{name: "LayerNorm",
			forward: func(t *table[T], y, x, gamma, beta []T, rows, n int, mean, inverse []T) {
				t.layerNormForward(y, x, gamma, beta, rows, n, epsilon, mean, inverse)
			},
			backward: func(t *table[T], dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) float64 {
				t.layerNormBackward(dx, dy, x, gamma, rows, n, mean, inverse, dgamma, dbeta)
				return 0
			},
			value: func(x []float64, _ float64) []float64 {
				mean, variance := 0.0, 0.0
				for _, v := range x {
					mean += v / float64(len(x))
				}
				for _, v := range x {
					variance += (v - mean) * (v - mean) / float64(len(x))
				}
				return each(x, func(v float64) float64 { return (v - mean) / math.Sqrt(variance+epsilon) })
			}},
		{name: "RMSNorm", noShift: true,
			forward: func(t *table[T], y, x, gamma, beta []T, rows, n int, mean, inverse []T) {
				t.rmsNormForward(y, x, gamma, rows, n, epsilon, inverse)
			},
			backward: func(t *table[T], dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) float64 {
				t.rmsNormBackward(dx, dy, x, gamma, rows, n, inverse, dgamma)
				return 0
			},
			value: func(x []float64, _ float64) []float64 {
				square := 0.0
				for _, v := range x {
					square += v * v / float64(len(x))
				}
				return each(x, func(v float64) float64 { return v / math.Sqrt(square+epsilon) })
			}},
		{name: "DyT", p: .7,
			forward: func(t *table[T], y, x, gamma, beta []T, rows, n int, mean, inverse []T) {
				t.dyTForward(y, x, gamma, beta, rows, n, .7)
			},
			backward: func(t *table[T], dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) float64 {
				return t.dyTBackward(dx, dy, x, gamma, rows, n, .7, dgamma, dbeta)
			},
			value: func(x []float64, alpha float64) []float64 {
				return each(x, func(v float64) float64 { return math.Tanh(alpha * v) })
			}},
		{name: "DyISRU", p: 1.75,
			forward: func(t *table[T], y, x, gamma, beta []T, rows, n int, mean, inverse []T) {
				t.dyISRUForward(y, x, gamma, beta, rows, n, 1.5, 1.75)
			},
			backward: func(t *table[T], dx, dy, x, gamma []T, rows, n int, mean, inverse, dgamma, dbeta []T) float64 {
				return t.dyISRUBackward(dx, dy, x, gamma, rows, n, 1.5, 1.75, dgamma, dbeta)
			},
			value: func(x []float64, beta float64) []float64 {
				return each(x, func(v float64) float64 { return 1.5 * v / math.Sqrt(beta+v*v) })
			}},
	}
}

func each(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// TestNorms: the forward passes are the definitions, the backward passes their
// derivatives by differences, of all lengths, on slices that end at a protected
// page.
func TestNorms(t *testing.T) { onLevels(t, testNorms[float32], testNorms[float64]) }

func testNorms[T gemm.Float](t *testing.T, l cpu.Level) {
	for _, f := range norms[T]() {
		t.Run(f.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(16, 17))
			for _, n := range lengths() {
				f.test(t, tableOf[T](l), r, 1+n%5, n)
			}
			f.test(t, tableOf[T](l), r, batchRows+2, 3)
		})
	}
}

func (f norm[T]) test(t *testing.T, table *table[T], r *rand.Rand, rows, n int) {
	what := fmt.Sprintf("%d rows of %d", rows, n)
	x, y, dy, dx := guarded[T](t, r, rows*n, false), guarded[T](t, r, rows*n, false), guarded[T](t, r, rows*n, false), guarded[T](t, r, rows*n, false)
	gamma, beta, dgamma, dbeta := guarded[T](t, r, n, false), guarded[T](t, r, n, false), guarded[T](t, r, n, false), guarded[T](t, r, n, false)
	mean, inverse := guarded[T](t, r, rows, false), guarded[T](t, r, rows, false)
	if f.noShift {
		clear(beta)
	}
	x64 := make([]float64, n)
	bound, difference := 1e-5, 2e-5
	if isDouble[T]() {
		bound, difference = 1e-13, 1e-7
	}

	f.forward(table, y, x, gamma, beta, rows, n, mean, inverse)
	wantDX, wantDGamma, wantDBeta, wantP := make([]float64, rows*n), make([]float64, n), make([]float64, n), 0.0
	for j := range n {
		wantDGamma[j], wantDBeta[j] = float64(dgamma[j]), float64(dbeta[j])
	}
	for i := range rows {
		for j := range n {
			x64[j] = float64(x[i*n+j])
		}
		at := f.value(x64, f.p)
		for j, v := range at {
			if want := float64(gamma[j])*v + float64(beta[j]); !close32(float64(y[i*n+j]), want, bound) {
				t.Fatalf("%s: y[%d][%d] = %v, want %v", what, i, j, y[i*n+j], want)
			}
			wantDGamma[j] += float64(dy[i*n+j]) * v
			wantDBeta[j] += float64(dy[i*n+j])
		}
		loss := func(p float64) (s float64) {
			for j, v := range f.value(x64, p) {
				s += float64(dy[i*n+j]) * float64(gamma[j]) * v
			}
			return s
		}
		const h = 1e-5
		for j := range n {
			v := x64[j]
			x64[j] = v + h
			up := loss(f.p)
			x64[j] = v - h
			wantDX[i*n+j] = (up - loss(f.p)) / (2 * h)
			x64[j] = v
		}
		wantP += (loss(f.p+h) - loss(f.p-h)) / (2 * h)
	}

	// Without dx first: the sums are the same.
	dgamma2, dbeta2 := clone(dgamma), clone(dbeta)
	p2 := f.backward(table, nil, dy, x, gamma, rows, n, mean, inverse, dgamma2, dbeta2)
	p := f.backward(table, dx, dy, x, gamma, rows, n, mean, inverse, dgamma, dbeta)
	check(t, what+": dgamma without dx", dgamma2, dgamma)
	check(t, what+": dbeta without dx", dbeta2, dbeta)
	if p2 != p || !close32(p, wantP, difference*float64(rows)) {
		t.Fatalf("%s: gradient of the parameter is %v and %v, want %v", what, p, p2, wantP)
	}
	for i, v := range dx {
		if !close32(float64(v), wantDX[i], difference) {
			t.Fatalf("%s: dx[%d] = %v, want %v", what, i, v, wantDX[i])
		}
	}
	for j := range n {
		if !close32(float64(dgamma[j]), wantDGamma[j], bound*float64(rows)) {
			t.Fatalf("%s: dgamma[%d] = %v, want %v", what, j, dgamma[j], wantDGamma[j])
		}
		if !f.noShift && !close32(float64(dbeta[j]), wantDBeta[j], bound*float64(rows)) {
			t.Fatalf("%s: dbeta[%d] = %v, want %v", what, j, dbeta[j], wantDBeta[j])
		}
	}

	// In place.
	f.backward(table, dy, dy, x, gamma, rows, n, mean, inverse, dgamma, dbeta)
	check(t, what+": dx in place of dy", dy, dx)
	f.forward(table, x, x, gamma, beta, rows, n, mean, inverse)
	check(t, what+": y in place of x", x, y)
}

// TestLayerNormOfLargeMeans: the variance does not suffer from the mean.
func TestLayerNormOfLargeMeans(t *testing.T) {
	for _, l := range cpu.Available() {
		const n = 100
		x, y, ones, zeros := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], ones[i] = 4096+float32(i%2), 1
		}
		mean, inverse := []float32{0}, []float32{0}
		tableOf[float32](l).layerNormForward(y, x, ones, zeros, 1, n, 0, mean, inverse)
		for i, v := range y {
			if want := float64(2*(i%2) - 1); math.Abs(float64(v)-want) > 1e-3 {
				t.Fatalf("%v: element %d is %v, want %v", l, i, v, want)
			}
		}
	}
}

// TestDynamicNormsOfLargeNumbers: no overflow, and infinity does not spoil the
// gradient of the parameter.
func TestDynamicNormsOfLargeNumbers(t *testing.T) {
	for _, l := range cpu.Available() {
		for _, f := range norms[float32]()[2:] {
			for _, v := range []float32{1e20, 3e38, float32(math.Inf(1))} {
				x, y := []float32{v, -v}, []float32{0, 0}
				gamma, beta := []float32{2, 2}, []float32{1, 1}
				dx, dy, dgamma, dbeta := []float32{9, 9}, []float32{1, 1}, []float32{0, 0}, []float32{0, 0}
				table := tableOf[float32](l)
				f.forward(table, y, x, gamma, beta, 1, 2, nil, nil)
				p := f.backward(table, dx, dy, x, gamma, 1, 2, nil, nil, dgamma, dbeta)
				limit := float32(1)
				if f.name == "DyISRU" {
					limit = 1.5
				}
				want := []float32{1 + 2*limit, 1 - 2*limit}
				if !close32(float64(y[0]), float64(want[0]), 1e-6) || !close32(float64(y[1]), float64(want[1]), 1e-6) ||
					dx[0] != 0 || dx[1] != 0 || p != 0 || !close32(float64(dgamma[0]), float64(limit), 1e-6) {
					t.Errorf("%v, %s(%v): %v, dx %v, gradient of the parameter %v, dgamma %v", l, f.name, v, y, dx, p, dgamma)
				}
			}
		}
	}
}

// TestDyISRUBeyondEstimates: for such a beta the portable kernels serve.
func TestDyISRUBeyondEstimates(t *testing.T) {
	x, gamma, zero := []float32{1e-18, 3}, []float32{1, 1}, []float32{0, 0}
	y, want := make([]float32, 2), make([]float32, 2)
	DyISRUForward(y, x, gamma, zero, 1, 2, 2, 1e-36)
	tableOf[float32](cpu.Portable).dyISRUForward(want, x, gamma, zero, 1, 2, 2, 1e-36)
	check(t, "y", y, want)
	if !close32(float64(y[0]), math.Sqrt2, 1e-6) || y[1] != 2 {
		t.Errorf("%v", y)
	}
}

func TestNormsCheckLengths(t *testing.T) {
	a := make([]float32, 40)
	mustPanic(t, "x", func() { LayerNormForward(a[:10], a[:9], a[:5], a[:5], 2, 5, 0, a[:2], a[:2]) })
	mustPanic(t, "mean", func() { LayerNormForward(a[:10], a[:10], a[:5], a[:5], 2, 5, 0, a[:1], a[:2]) })
	mustPanic(t, "dgamma", func() { RMSNormBackward(nil, a[:10], a[:10], a[:5], 2, 5, a[:2], a[:4]) })
	mustPanic(t, "dx", func() { DyTBackward(a[:9], a[:10], a[:10], a[:5], 2, 5, 1, a[:5], a[:5]) })
	mustPanic(t, "shift", func() { DyISRUForward(a[:10], a[:10], a[:5], a[:4], 2, 5, 1, 1) })
	LayerNormForward[float32](nil, nil, nil, nil, 0, 0, 0, nil, nil)
	DyTForward(nil, nil, a[:5], a[:5], 0, 5, 1)
}

func BenchmarkNorms(b *testing.B) {
	const rows = 32
	for _, f := range norms[float32]() {
		for _, n := range []int{64, 256, 1024} {
			r := rand.New(rand.NewPCG(1, 1))
			x, dy := fill(r, make([]float32, rows*n), false), fill(r, make([]float32, rows*n), false)
			y, gamma, beta := clone(x), fill(r, make([]float32, n), false), fill(r, make([]float32, n), false)
			dgamma, dbeta, mean, inverse := clone(gamma), clone(gamma), make([]float32, rows), make([]float32, rows)
			bench(b, fmt.Sprintf("%s/%d/forward", f.name, n), rows*n, nil, func() {
				f.forward(active[float32](), y, x, gamma, beta, rows, n, mean, inverse)
			})
			f.forward(active[float32](), y, x, gamma, beta, rows, n, mean, inverse)
			bench(b, fmt.Sprintf("%s/%d/backward", f.name, n), rows*n, func() { copy(dgamma, gamma); copy(dbeta, gamma) }, func() {
				f.backward(active[float32](), y, dy, x, gamma, rows, n, mean, inverse, dgamma, dbeta)
			})
		}
	}
}
