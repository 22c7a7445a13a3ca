package rows

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/guard"
)

// lengths are those of rows that are tried: every remainder, and more than a block
// of every unrolling. Under -short there are gaps.
func lengths() []int {
	var all []int
	for n := 1; n <= 70; n++ {
		if !testing.Short() || n <= 20 || n%16 < 2 || n%7 == 0 {
			all = append(all, n)
		}
	}
	return append(all, 131)
}

// specials are values at which formulas break.
var specials = []float64{0, math.Copysign(0, -1), 1e-40, -1e-40, 0x1p-126, 1e-30, 1, -1, 9, -9, 88, -88, 104, -110,
	1.9e19, -1.9e19, 1e30, math.MaxFloat32, -math.MaxFloat32, math.Inf(1), math.Inf(-1), math.NaN()}

// fill fills s with normally distributed numbers, and special ones among them if
// special says so.
func fill[T gemm.Float](r *rand.Rand, s []T, special bool) []T {
	for i := range s {
		s[i] = T(r.NormFloat64())
		if special && r.IntN(6) == 0 {
			s[i] = T(specials[r.IntN(len(specials))])
		}
	}
	return s
}

// guarded returns n numbers that end at a protected page.
func guarded[T gemm.Float](t *testing.T, r *rand.Rand, n int, special bool) []T {
	return fill(r, guard.End[T](t, n), special)
}

func clone[T any](s []T) []T { return append([]T(nil), s...) }

// same reports whether two results are the same bits, or both NaN.
func same[T gemm.Float](x, y T) bool {
	return x != x && y != y || x == y && math.Signbit(float64(x)) == math.Signbit(float64(y))
}

// check requires the same bits.
func check[T gemm.Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !same(got[i], want[i]) {
			t.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(got), got[i], want[i])
		}
	}
}

// onLevels runs f for the kernels of every level in float32, and for those in
// float64.
func onLevels(t *testing.T, f32 func(t *testing.T, l cpu.Level), f64 func(t *testing.T, l cpu.Level)) {
	if err := cpu.Err(); err != nil {
		t.Fatal(err)
	}
	for _, l := range cpu.Available() {
		t.Run(l.String(), func(t *testing.T) { f32(t, l) })
	}
	t.Run("float64", func(t *testing.T) { f64(t, cpu.Portable) })
}

func isDouble[T gemm.Float]() bool {
	_, ok := any(T(0)).(float64)
	return ok
}

func TestEveryLevelHasEveryKernel(t *testing.T) {
	for _, l := range cpu.Available() {
		for i, k := range tableOf[float32](l) {
			if k == nil {
				t.Errorf("%v lacks %s", l, kernelNames[i])
			}
		}
	}
	for i, k := range tableOf[float64](cpu.Portable) {
		if k == nil {
			t.Errorf("float64 lacks %s", kernelNames[i])
		}
	}
}

func TestAdd(t *testing.T) { onLevels(t, testAdd[float32], testAdd[float64]) }

func testAdd[T gemm.Float](t *testing.T, l cpu.Level) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range append(lengths(), 0, blockSize+3) {
		dst, a := guarded[T](t, r, n, true), guarded[T](t, r, n, true)
		want := clone(dst)
		for i := range want {
			want[i] += a[i]
		}
		tableOf[T](l).add(dst, a)
		check(t, "sum", dst, want)
	}
}

// mustPanic requires that f panics.
func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

// bench measures f for n elements. prepare, whose time does not count, restores what
// f overwrites: after many runs it would be subnormal. It may be nil.
func bench(b *testing.B, name string, n int, prepare, f func()) {
	b.Run(name, func(b *testing.B) {
		var all time.Duration
		if prepare == nil {
			for b.Loop() {
				f()
			}
			all = b.Elapsed()
		} else {
			for b.Loop() {
				prepare()
				start := time.Now()
				f()
				all += time.Since(start)
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(all.Nanoseconds())/float64(b.N)/float64(n), "ns/element")
	})
}

func TestNothingAllocates(t *testing.T) {
	const rows, n = 3, 40
	x, g, v := make([]float32, rows*n), make([]float32, n), make([]float32, rows)
	y := clone(x)
	for name, f := range map[string]func(){
		"Softmax":           func() { Softmax(x, rows, n, n, 1, 2) },
		"SoftmaxBackward":   func() { SoftmaxBackward(x, y, rows, n, n, 1, 2) },
		"ExpSum":            func() { ExpSum(x, y) },
		"LayerNormForward":  func() { LayerNormForward(y, x, g, g, rows, n, 1, v, v) },
		"LayerNormBackward": func() { LayerNormBackward(y, x, x, g, rows, n, v, v, g, g) },
		"RMSNormBackward":   func() { RMSNormBackward(y, x, x, g, rows, n, v, g) },
		"DyTBackward":       func() { DyTBackward(y, x, x, g, rows, n, 1, g, g) },
		"DyISRUForward":     func() { DyISRUForward(y, x, g, g, rows, n, 1, 1) },
		"Add":               func() { Add(x, y) },
	} {
		if a := testing.AllocsPerRun(10, f); a != 0 {
			t.Errorf("%s: %v allocations", name, a)
		}
	}
}
