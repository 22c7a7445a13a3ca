package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/kernel"
)

// The functions that cells are made for, none with a parameter of 1, which could
// hide a missing product.
var (
	gateFunctions  = []Function{{"sigmoid", nil}, {"isru_sigmoid", []float64{.8, .6}}}
	stateFunctions = []Function{{"tanh", nil}, {"isru", []float64{1.75}}}
)

// eachPair runs f for every pair of functions.
func eachPair(t *testing.T, f func(t *testing.T, gate, state Function)) {
	for _, gate := range gateFunctions {
		for _, state := range stateFunctions {
			t.Run(gate.Name+"-"+state.Name, func(t *testing.T) { f(t, gate, state) })
		}
	}
}

// A plain is an activation by internal/kernel, an element at a time.
type plain[T gemm.Float] struct {
	set    kernel.Set[T]
	params [kernel.NumParams]T
}

func plainOf[T gemm.Float](l cpu.Level, f Function) *plain[T] {
	id := map[string]kernel.ID{"sigmoid": kernel.Sigmoid, "isru_sigmoid": kernel.ISRUSigmoid,
		"tanh": kernel.Tanh, "isru": kernel.ISRU}[f.Name]
	var table any
	if isDouble[T]() {
		table = kernel.Float64(l)
	} else {
		table = kernel.Float32(l)
	}
	p, _ := params[T](f)
	return &plain[T]{table.(kernel.Table[T]).Set(id, kernel.Default), p}
}

func (f *plain[T]) forward(x T) T {
	f.set.Forward(&x, &x, 1, &f.params[0])
	return x
}

func (f *plain[T]) backward(dy, y T) T {
	f.set.BackwardOutput(&dy, &dy, &y, 1, &f.params[0])
	return dy
}

func fma[T gemm.Float](x, y, z T) T {
	if isDouble[T]() {
		return T(math.FMA(float64(x), float64(y), float64(z)))
	}
	return T(kernel.FMA32(float32(x), float32(y), float32(z)))
}

// shapes calls f for the numbers of rows and units that are tried.
func shapes(f func(rows, units int)) {
	for _, units := range lengths() {
		f(1+units%3, units)
	}
	f(7, 16)
}

// TestLSTM: every level has the bits of the equations with the kernels of the
// activations, of all lengths, on slices that end at a protected page.
func TestLSTM(t *testing.T) {
	onLevels(t, func(t *testing.T, l cpu.Level) { eachPair(t, testLSTM[float32](l)) },
		func(t *testing.T, l cpu.Level) { eachPair(t, testLSTM[float64](l)) })
}

func testLSTM[T gemm.Float](l cpu.Level) func(t *testing.T, gate, state Function) {
	return func(t *testing.T, gate, state Function) {
		r := rand.New(rand.NewPCG(3, 4))
		cell := newLSTM(tableOf[T](l), gate, state)
		if cell == nil {
			t.Fatal("no kernels")
		}
		pg, ps := plainOf[T](l, gate), plainOf[T](l, state)
		shapes(func(rows, units int) {
			n := rows * units
			gates, cPrev := guarded[T](t, r, 4*n, true), guarded[T](t, r, n, true)
			c, s, h := guarded[T](t, r, n, false), guarded[T](t, r, n, false), guarded[T](t, r, n, false)
			wantGates, wantC, wantS, wantH := clone(gates), clone(c), clone(s), clone(h)
			for j := range n {
				g := wantGates[j/units*4*units+j%units:]
				i, f, z, o := &g[0], &g[units], &g[2*units], &g[3*units]
				*i, *f, *z, *o = pg.forward(*i), pg.forward(*f), ps.forward(*z), pg.forward(*o)
				wantC[j] = fma(*f, cPrev[j], T(*i**z))
				wantS[j] = ps.forward(wantC[j])
				wantH[j] = *o * wantS[j]
			}
			cell.Forward(rows, units, gates, cPrev, c, s, h)
			what := fmt.Sprintf("%d rows of %d: ", rows, units)
			check(t, what+"gates", gates, wantGates)
			check(t, what+"c", c, wantC)
			check(t, what+"s", s, wantS)
			check(t, what+"h", h, wantH)

			dyRow := []int{0, units, units + 3}[units%3]
			dh, dc := guarded[T](t, r, n, true), guarded[T](t, r, n, true)
			dy := guarded[T](t, r, (rows-1)*dyRow+units, true)
			wantDC := clone(dc)
			for j := range n {
				g := wantGates[j/units*4*units+j%units:]
				i, f, z, o := &g[0], &g[units], &g[2*units], &g[3*units]
				d := dh[j] + dy[j/units*dyRow+j%units]
				do := pg.backward(T(d*s[j]), *o)
				e := dc[j] + ps.backward(T(d**o), s[j])
				wantDC[j] = e * *f
				*i, *f, *z, *o = pg.backward(T(e**z), *i), pg.backward(T(e*cPrev[j]), *f), ps.backward(T(e**i), *z), do
			}
			cell.Backward(rows, units, gates, cPrev, s, dh, dy, dyRow, dc)
			check(t, what+"gradients of gates", gates, wantGates)
			check(t, what+"dc", dc, wantDC)
		})
	}
}

// TestGRU is TestLSTM for the other cell.
func TestGRU(t *testing.T) {
	onLevels(t, func(t *testing.T, l cpu.Level) { eachPair(t, testGRU[float32](l)) },
		func(t *testing.T, l cpu.Level) { eachPair(t, testGRU[float64](l)) })
}

func testGRU[T gemm.Float](l cpu.Level) func(t *testing.T, gate, state Function) {
	return func(t *testing.T, gate, state Function) {
		r := rand.New(rand.NewPCG(5, 6))
		cell := newGRU(tableOf[T](l), gate, state)
		if cell == nil {
			t.Fatal("no kernels")
		}
		pg, ps := plainOf[T](l, gate), plainOf[T](l, state)
		shapes(func(rows, units int) {
			n := rows * units
			x, h := guarded[T](t, r, 3*n, true), guarded[T](t, r, 3*n, true)
			hPrev, hNext := guarded[T](t, r, n, true), guarded[T](t, r, n, false)
			wantX, wantH, wantNext := clone(x), clone(h), clone(hNext)
			each := func(f func(j int, a, b []T)) {
				for j := range n {
					at := j/units*3*units + j%units
					f(j, wantX[at:], wantH[at:])
				}
			}
			each(func(j int, a, b []T) {
				rj, z := pg.forward(a[0]+b[0]), pg.forward(a[units]+b[units])
				nj := ps.forward(fma(rj, b[2*units], a[2*units]))
				wantNext[j] = fma(z, hPrev[j]-nj, nj)
				a[0], a[units], a[2*units] = rj, z, nj
			})
			cell.Forward(rows, units, x, h, hPrev, hNext)
			what := fmt.Sprintf("%d rows of %d: ", rows, units)
			check(t, what+"x", x, wantX)
			check(t, what+"h", h, wantH)
			check(t, what+"hNext", hNext, wantNext)

			dyRow := []int{0, units, units + 3}[units%3]
			dh, dy := guarded[T](t, r, n, true), guarded[T](t, r, (rows-1)*dyRow+units, true)
			wantDH := clone(dh)
			each(func(j int, a, b []T) {
				rj, z, nj, hn := a[0], a[units], a[2*units], b[2*units]
				d := dh[j] + dy[j/units*dyRow+j%units]
				a[units] = pg.backward(T(d*(hPrev[j]-nj)), z)
				a[2*units] = ps.backward(T(d*(1-z)), nj)
				a[0] = pg.backward(T(a[2*units]*hn), rj)
				b[0], b[units], b[2*units] = a[0], a[units], a[2*units]*rj
				wantDH[j] = d * z
			})
			cell.Backward(rows, units, x, h, hPrev, dh, dy, dyRow)
			check(t, what+"gradients of x", x, wantX)
			check(t, what+"gradients of h", h, wantH)
			check(t, what+"dh", dh, wantDH)
		})
	}
}

func TestNoKernelsForOtherPairs(t *testing.T) {
	sigmoid, isru := Function{"sigmoid", nil}, Function{"isru", []float64{1}}
	for _, p := range [][2]Function{
		{{"relu", nil}, isru}, {sigmoid, {"sigmoid", nil}}, {isru, isru},
		// Where internal/kernel's Default precision is not what serves the function.
		{sigmoid, {"isru", []float64{1e-35}}}, {{"isru_sigmoid", []float64{1e35, 1}}, isru}, {{"isru_sigmoid", []float64{1, 1e-20}}, isru},
	} {
		if NewLSTM[float32](p[0], p[1]) != nil || NewGRU[float64](p[0], p[1]) != nil {
			t.Errorf("%v has kernels", p)
		}
	}
	if NewLSTM[float32](sigmoid, isru) == nil {
		t.Error("no kernels for sigmoid and isru")
	}
}

// TestCellsInPlace: the new state may replace the old one.
func TestCellsInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const rows, units = 3, 37
	n := rows * units
	lstm := NewLSTM[float32](gateFunctions[1], stateFunctions[1])
	gates, c := fill(r, make([]float32, 4*n), false), fill(r, make([]float32, n), false)
	want, s, h := make([]float32, n), make([]float32, n), make([]float32, n)
	lstm.Forward(rows, units, clone(gates), c, want, s, h)
	lstm.Forward(rows, units, gates, c, c, s, h)
	check(t, "c", c, want)

	gru := NewGRU[float32](gateFunctions[1], stateFunctions[1])
	x, p := fill(r, make([]float32, 3*n), false), fill(r, make([]float32, 3*n), false)
	gru.Forward(rows, units, clone(x), p, h, want)
	gru.Forward(rows, units, x, p, h, h)
	check(t, "h", h, want)
}

func TestCellsDoNotAllocate(t *testing.T) {
	const rows, units = 2, 20
	n := rows * units
	lstm := NewLSTM[float32](gateFunctions[0], stateFunctions[0])
	gates, c, s, h := make([]float32, 4*n), make([]float32, n), make([]float32, n), make([]float32, n)
	dc := make([]float32, n)
	if a := testing.AllocsPerRun(10, func() {
		lstm.Forward(rows, units, gates, c, c, s, h)
		lstm.Backward(rows, units, gates, c, s, h, h[:units], 0, dc)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestCellsCheckLengths(t *testing.T) {
	lstm := NewLSTM[float32](gateFunctions[0], stateFunctions[0])
	gru := NewGRU[float32](gateFunctions[0], stateFunctions[0])
	a := make([]float32, 40)
	mustPanic(t, "gates", func() { lstm.Forward(2, 4, a[:31], a[:8], a[:8], a[:8], a[:8]) })
	mustPanic(t, "h", func() { lstm.Forward(2, 4, a[:32], a[:8], a[:8], a[:8], a[:9]) })
	mustPanic(t, "dy", func() { lstm.Backward(2, 4, a[:32], a[:8], a[:8], a[:8], a[:7], 4, a[:8]) })
	mustPanic(t, "x", func() { gru.Forward(2, 4, a[:25], a[:24], a[:8], a[:8]) })
	mustPanic(t, "dy row", func() { gru.Backward(2, 4, a[:24], a[:24], a[:8], a[:8], a[:8], -4) })
	lstm.Forward(0, 4, nil, nil, nil, nil, nil)
	gru.Backward(3, 0, nil, nil, nil, nil, nil, 0)
}

func BenchmarkLSTM(b *testing.B) {
	const rows = 32
	for _, pair := range [][2]Function{{gateFunctions[0], stateFunctions[0]}, {gateFunctions[1], stateFunctions[1]}} {
		for _, units := range []int{64, 256, 1024} {
			n := rows * units
			r := rand.New(rand.NewPCG(1, 1))
			var s [6][]float32
			for i := range s {
				s[i] = fill(r, make([]float32, n), false)
			}
			x, dc := fill(r, make([]float32, 4*n), false), fill(r, make([]float32, n), false)
			gates := make([]float32, 4*n)
			name := fmt.Sprintf("%s-%s/%d/", pair[0].Name, pair[1].Name, units)
			cell := NewLSTM[float32](pair[0], pair[1])
			bench(b, name+"forward", n, func() { copy(gates, x) }, func() {
				cell.Forward(rows, units, gates, s[0], s[1], s[2], s[3])
			})
			copy(gates, x)
			cell.Forward(rows, units, gates, s[0], s[1], s[2], s[3])
			after := clone(gates)
			bench(b, name+"backward", n, func() { copy(gates, after); copy(s[5], dc) }, func() {
				cell.Backward(rows, units, gates, s[0], s[2], s[3], s[4], units, s[5])
			})
		}
	}
}
