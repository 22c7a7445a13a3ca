package rsqrt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/kernel"
)

var precisions = []Precision{Default, Exact, Fast}

// forEachLevel runs a test with the kernels of each SIMD level.
func forEachLevel(t *testing.T, test func(t *testing.T)) {
	save32, save64 := kernels32, kernels64
	t.Cleanup(func() { kernels32, kernels64 = save32, save64 })
	for _, l := range cpu.Available() {
		kernels32, kernels64 = kernelsOf(kernel.Float32(l)), kernelsOf(kernel.Float64(l))
		t.Run(l.String(), test)
	}
}

// check32 fails if an element of y = Slice(x, p) is further from the truth
// than p allows, and returns the largest error in ulp and relative error.
func check32(t *testing.T, x, y []float32, p Precision) (ulp, rel float64) {
	t.Helper()
	for i, x := range x {
		y := y[i]
		if exact := Of(x); p == Exact || x == 0 || x-x != 0 || x < 0 {
			if !same(float64(y), float64(exact)) {
				t.Fatalf("%v: rsqrt(%g) = %g, want %g", p, x, y, exact)
			}
			continue
		}
		want := 1 / math.Sqrt(float64(x))
		rel = math.Max(rel, math.Abs(float64(y)/want-1))
		ulp = math.Max(ulp, math.Abs(float64(y)-want)/ulp32(want))
		if p == Default && ulp > 4 || rel > 0x1p-11 {
			t.Fatalf("%v: rsqrt(%g) = %g, want %g", p, x, y, want)
		}
	}
	return ulp, rel
}

func check64(t *testing.T, x, y []float64, p Precision) (ulp, rel float64) {
	t.Helper()
	for i, x := range x {
		y := y[i]
		exact := Of64(x)
		if p == Exact || x == 0 || x-x != 0 || x < 0 {
			if !same(y, exact) {
				t.Fatalf("%v: rsqrt(%g) = %g, want %g", p, x, y, exact)
			}
			continue
		}
		// Brought near 1, where the residual does not underflow.
		_, e := math.Frexp(x)
		e &^= 1
		r := math.Abs(relErr64(math.Ldexp(x, -e), math.Ldexp(y, e/2)))
		rel = math.Max(rel, r)
		frac, _ := math.Frexp(exact)
		if frac == 0.5 {
			frac = 1
		}
		ulp = math.Max(ulp, r*frac*0x1p53)
		if p == Default && ulp > 4 || rel > 0x1p-11 {
			t.Fatalf("%v: rsqrt(%g) = %g, want %g", p, x, y, exact)
		}
	}
	return ulp, rel
}

// All numbers of [1, 4), and a stride through all patterns.
func TestSlicePrecisions(t *testing.T) {
	pair, stride := uint32(1), uint32(509)
	if testing.Short() {
		pair, stride = 251, 100003
	}
	var x []float32
	for b := uint32(one32); b < four32; b += pair {
		x = append(x, math.Float32frombits(b))
	}
	near := len(x)
	for b := uint64(0); b < 1<<32; b += uint64(stride) {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	for _, c := range ends {
		x = append(x, float32(c.x))
	}
	x = append(x, math.SmallestNonzeroFloat32, 0x1p-126, 0x1.fffffcp-127, math.MaxFloat32)
	y := make([]float32, len(x))
	forEachLevel(t, func(t *testing.T) {
		for _, p := range precisions {
			Slice(y, x, p)
			ulp, rel := check32(t, x[:near], y[:near], p)
			check32(t, x[near:], y[near:], p)
			if p != Exact {
				t.Logf("%v: %.4g ulp, relative error %.4g", p, ulp, rel)
			}
		}
	})
}

func TestSlice64Precisions(t *testing.T) {
	n := 2_000_000
	if testing.Short() {
		n = 50_000
	}
	r := rand.New(rand.NewPCG(6, 7))
	x := make([]float64, 0, n+16)
	for range n / 2 {
		x = append(x, math.Float64frombits(one64+r.Uint64N(four64-one64)), math.Float64frombits(r.Uint64()))
	}
	for i := uint(0); i < 52; i++ {
		x = append(x, math.Float64frombits(1<<i), math.Float64frombits(1<<52-1<<i))
	}
	for _, c := range ends {
		x = append(x, c.x)
	}
	x = append(x, 0x1p-1022, math.MaxFloat64)
	y := make([]float64, len(x))
	forEachLevel(t, func(t *testing.T) {
		for _, p := range precisions {
			Slice64(y, x, p)
			ulp, rel := check64(t, x, y, p)
			t.Logf("%v: %.4g ulp, relative error %.4g", p, ulp, rel)
		}
	})
}

// Every length around the kernels' blocks, in place and not, with guards on
// both sides.
func TestSliceWritesItsElementsOnly(t *testing.T) {
	const guard = 8
	r := rand.New(rand.NewPCG(8, 9))
	forEachLevel(t, func(t *testing.T) {
		for _, p := range precisions {
			for n := range 200 {
				x := make([]float32, n)
				x64 := make([]float64, n)
				for i := range x {
					x[i] = r.Float32() * 10
					x64[i] = float64(x[i])
				}
				buf, buf64 := make([]float32, n+2*guard), make([]float64, n+2*guard)
				y, y64 := buf[guard:guard+n], buf64[guard:guard+n]
				Slice(y, x, p)
				Slice64(y64, x64, p)
				check32(t, x, y, p)
				check64(t, x64, y64, p)
				for i := range guard {
					if buf[i] != 0 || buf[guard+n+i] != 0 || buf64[i] != 0 || buf64[guard+n+i] != 0 {
						t.Fatalf("%v, length %d: wrote outside", p, n)
					}
				}
				Slice(x, x, p)
				Slice64(x64, x64, p)
				for i := range x {
					if x[i] != y[i] || x64[i] != y64[i] {
						t.Fatalf("%v, length %d, element %d: in place %g and %g, else %g and %g", p, n, i, x[i], x64[i], y[i], y64[i])
					}
				}
			}
		}
	})
}

// Slices beyond kernel.StreamBytes and kernel.Chunk, at every alignment of an element.
func TestSliceOfManyElements(t *testing.T) {
	const n = kernel.StreamBytes/4 + kernel.Chunk/2 + 3
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%4093) + 0.5
	}
	buf, want := make([]float32, n+18), make([]float32, n)
	forEachLevel(t, func(t *testing.T) {
		for _, p := range precisions {
			for i := 0; i < n; i += 4093 {
				Slice(want[i:min(i+4093, n)], x[i:min(i+4093, n)], p)
			}
			for _, off := range []int{1, 2, 15, 16} {
				clear(buf)
				y := buf[off : off+n]
				Slice(y, x, p)
				for i := range y {
					if y[i] != want[i] {
						t.Fatalf("%v, offset %d: element %d is %g, want %g", p, off, i, y[i], want[i])
					}
				}
				if buf[off-1] != 0 || buf[off+n] != 0 {
					t.Fatalf("%v, offset %d: wrote outside", p, off)
				}
			}
		}
	})
}

func TestEstimateSlicesAreTheScalars(t *testing.T) {
	var x []float32
	var x64 []float64
	for _, c := range ends {
		x, x64 = append(x, float32(c.x)), append(x64, c.x)
	}
	for i := range 1000 {
		x, x64 = append(x, float32(i)*1e-40), append(x64, float64(i)*1e-310)
		x, x64 = append(x, float32(i)*0.37), append(x64, float64(i)*0.37)
	}
	y, y64 := make([]float32, len(x)), make([]float64, len(x))
	for steps := range MaxSteps + 1 {
		for _, e := range Estimates() {
			for name, c := range map[string]struct {
				slice  func(dst, src []float32, steps int)
				scalar func(x float32, steps int) float32
			}{"Slice": {e.Slice, e.At}, "RawSlice": {e.RawSlice, e.Raw}} {
				c.slice(y, x, steps)
				for i, x := range x {
					if want := c.scalar(x, steps); !same(float64(y[i]), float64(want)) {
						t.Fatalf("%v.%s, %d steps, x = %g: %g, want %g", e, name, steps, x, y[i], want)
					}
				}
			}
		}
		for _, e := range Estimates64() {
			for name, c := range map[string]struct {
				slice  func(dst, src []float64, steps int)
				scalar func(x float64, steps int) float64
			}{"Slice": {e.Slice, e.At}, "RawSlice": {e.RawSlice, e.Raw}} {
				c.slice(y64, x64, steps)
				for i, x := range x64 {
					if want := c.scalar(x, steps); !same(y64[i], want) {
						t.Fatalf("%v.%s, %d steps, x = %g: %g, want %g", e, name, steps, x, y64[i], want)
					}
				}
			}
		}
	}
}

// sliceCalls has every call that takes slices.
func sliceCalls() (calls32 map[string]func(dst, src []float32), calls64 map[string]func(dst, src []float64)) {
	calls32 = map[string]func(dst, src []float32){
		"Quake.Slice":    func(dst, src []float32) { Quake.Slice(dst, src, 1) },
		"Quake.RawSlice": func(dst, src []float32) { Quake.RawSlice(dst, src, 1) },
	}
	calls64 = map[string]func(dst, src []float64){
		"Lomont64.Slice":    func(dst, src []float64) { Lomont64.Slice(dst, src, 1) },
		"Lomont64.RawSlice": func(dst, src []float64) { Lomont64.RawSlice(dst, src, 1) },
	}
	for _, p := range precisions {
		calls32[fmt.Sprintf("Slice %v", p)] = func(dst, src []float32) { Slice(dst, src, p) }
		calls64[fmt.Sprintf("Slice64 %v", p)] = func(dst, src []float64) { Slice64(dst, src, p) }
	}
	return calls32, calls64
}

func TestWrongSlicesPanic(t *testing.T) {
	const lengths = "rsqrt: dst has length 3, src has 4"
	const overlap = "rsqrt: dst overlaps src without being the same slice"
	x, x64 := make([]float32, 8), make([]float64, 8)
	calls32, calls64 := sliceCalls()
	for name, f := range calls32 {
		wantPanic(t, name, lengths, func() { f(make([]float32, 3), make([]float32, 4)) })
		wantPanic(t, name, overlap, func() { f(x[1:5], x[:4]) })
		wantPanic(t, name, overlap, func() { f(x[:4], x[3:7]) })
		f(x[:4], x[4:])
		f(x[4:], x[:4])
		f(nil, nil)
		f(x[1:1], x[:0])
	}
	for name, f := range calls64 {
		wantPanic(t, name, lengths, func() { f(make([]float64, 3), make([]float64, 4)) })
		wantPanic(t, name, overlap, func() { f(x64[1:5], x64[:4]) })
		wantPanic(t, name, overlap, func() { f(x64[:4], x64[3:7]) })
		f(x64[:4], x64[4:])
		f(nil, nil)
	}
	wantPanic(t, "Slice", "rsqrt: unknown precision Precision(7)", func() { Slice(x, x, 7) })
	wantPanic(t, "Slice64", "rsqrt: unknown precision Precision(7)", func() { Slice64(nil, nil, 7) })
}

func TestNoCallAllocates(t *testing.T) {
	const n = 1000
	calls32, calls64 := sliceCalls()
	x, y := make([]float32, n), make([]float32, n)
	x64, y64 := make([]float64, n), make([]float64, n)
	for name, f := range calls32 {
		if a := testing.AllocsPerRun(10, func() { f(y, x) }); a != 0 {
			t.Errorf("%s allocates %g times", name, a)
		}
	}
	for name, f := range calls64 {
		if a := testing.AllocsPerRun(10, func() { f(y64, x64) }); a != 0 {
			t.Errorf("%s allocates %g times", name, a)
		}
	}
	// A slice of the caller's stack stays there.
	if a := testing.AllocsPerRun(10, func() {
		var x [16]float32
		Slice(x[:], x[:], Default)
		Lomont.Slice(x[:], x[:], 2)
	}); a != 0 {
		t.Errorf("a slice on the stack is moved to the heap: %g allocations", a)
	}
}
