package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/guard"
)

// levels returns the kernels that this process can run; those of the portable
// level are nil.
func levels() map[string]*kernels {
	m := map[string]*kernels{}
	for _, l := range cpu.Available() {
		m[l.String()] = level32(l)
	}
	return m
}

// TestLevelsHaveKernels: a level without its assembly would pass all other tests.
func TestLevelsHaveKernels(t *testing.T) {
	for name, k := range levels() {
		if (k == nil) != (name == cpu.Portable.String()) {
			t.Errorf("%s: kernels %v", name, k)
		}
	}
	if active[float32]() != level32(cpu.Active()) || active[float64]() != nil {
		t.Error("the kernels are not those of the active level")
	}
}

// everyLevel runs a test on every level, and in float64.
func everyLevel(t *testing.T, f32 func(*testing.T, *kernels), f64 func(*testing.T, *kernels)) {
	for name, k := range levels() {
		t.Run(name, func(t *testing.T) { f32(t, k) })
	}
	t.Run("float64", func(t *testing.T) { f64(t, nil) })
}

// The definitions, an element at a time.

// each calls f for the windows of rows [from, to) of y, with the index of their
// element of y and those of their taps.
func each(w *Window, from, to int, f func(out int, taps []int)) {
	taps := make([]int, w.SizeHeight*w.SizeWidth)
	for i := from; i < to; i++ {
		for j := range w.OutWidth() {
			for c := range w.Channels {
				for k := range taps {
					row, col := i*w.StrideHeight+k/w.SizeWidth, j*w.StrideWidth+k%w.SizeWidth
					taps[k] = (row*w.Width+col)*w.Channels + c
				}
				f((i*w.OutWidth()+j)*w.Channels+c, taps)
			}
		}
	}
}

func defineMax[T Float](w *Window, y []T, where []uint8, x []T, from, to int) {
	each(w, from, to, func(out int, taps []int) {
		best, at := x[taps[0]], 0
		for k, tap := range taps {
			if v := x[tap]; v > best || v != v {
				best, at = v, k
			}
		}
		y[out] = best
		if where != nil {
			where[out] = uint8(at)
		}
	})
}

func defineMaxBackward[T Float](w *Window, dx, dy []T, where []uint8) {
	clear(dx)
	each(w, 0, w.OutHeight(), func(out int, taps []int) { dx[taps[where[out]]] += dy[out] })
}

func defineMean[T Float](w *Window, y, x []T, from, to int) {
	each(w, from, to, func(out int, taps []int) {
		sum := x[taps[0]]
		for _, tap := range taps[1:] {
			sum += x[tap]
		}
		y[out] = sum * (1 / T(len(taps)))
	})
}

func defineMeanBackward[T Float](w *Window, dx, dy []T) {
	clear(dx)
	each(w, 0, w.OutHeight(), func(out int, taps []int) {
		share := dy[out] * (1 / T(len(taps)))
		for _, tap := range taps {
			dx[tap] += T(share)
		}
	})
}

// same requires equal bits. Which NaN comes out of a sum of two is the
// processor's choice, so that with anyNaN all are the same.
func same[T Float](t *testing.T, w *Window, what string, got, want []T, anyNaN bool) {
	t.Helper()
	size := unsafe.Sizeof(got[0])
	for i := range want {
		g, e := got[i], want[i]
		if anyNaN && g != g && e != e {
			continue
		}
		if size == 4 && math.Float32bits(float32(g)) != math.Float32bits(float32(e)) ||
			size == 8 && math.Float64bits(float64(g)) != math.Float64bits(float64(e)) {
			t.Fatalf("%+v: %s[%d] = %v, want %v", *w, what, i, g, e)
		}
	}
}

func sameBytes(t *testing.T, w *Window, got, want []uint8) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%+v: where[%d] = %d, want %d", *w, i, got[i], want[i])
		}
	}
}

// special returns values that comparisons and sums may get wrong. The NaNs differ
// in their bits.
func special[T Float]() []T {
	var v []T
	if unsafe.Sizeof(T(0)) == 4 {
		for _, bits := range []uint32{0x7fc00000, 0xffc00001, 0x7fc12345, 1, 0x80000001, 0x007fffff} {
			v = append(v, T(math.Float32frombits(bits)))
		}
	} else {
		for _, bits := range []uint64{0x7ff8000000000000, 0xfff8000000000001, 0x7ff8123456789abc, 1, 1 << 63, 1<<52 - 1} {
			v = append(v, T(math.Float64frombits(bits)))
		}
	}
	inf, zero := T(math.Inf(1)), T(0)
	return append(v, inf, -inf, zero, T(math.Copysign(0, -1)), 1, -1)
}

// A filling sets the elements of a slice.
type filling[T Float] struct {
	name string
	fill func(r *rand.Rand, v []T)
}

func fillings[T Float]() []filling[T] {
	values := special[T]()
	pick := func(from []T) func(*rand.Rand, []T) {
		return func(r *rand.Rand, v []T) {
			for i := range v {
				v[i] = from[r.IntN(len(from))]
			}
		}
	}
	return []filling[T]{
		{"numbers", func(r *rand.Rand, v []T) {
			for i := range v {
				v[i] = T(r.NormFloat64())
			}
		}},
		{"ties", pick([]T{-2, -1, 1, 2})},
		{"special", pick(values)},
		{"no NaN", pick(values[3:])},
		{"equal", pick([]T{-3})},
		{"a few NaN", func(r *rand.Rand, v []T) {
			for i := range v {
				v[i] = T(r.NormFloat64())
				if r.IntN(8) == 0 {
					v[i] = values[r.IntN(3)]
				}
			}
		}},
	}
}

// shapes calls f for windows of all channels, sizes and strides, on images with
// and without rows and columns that no window reaches.
func shapes(f func(w Window, odd int)) {
	for c := 1; c <= 71; c++ {
		if testing.Short() && c > 20 && c%16 > 1 && c%13 != 0 {
			continue
		}
		if c == 71 {
			c = 128
		}
		for _, size := range [][2]int{{1, 1}, {2, 2}, {3, 3}, {2, 3}} {
			for step := -1; step <= 1; step++ {
				for odd := range 2 {
					w := Window{Channels: c, SizeHeight: size[0], SizeWidth: size[1],
						StrideHeight: max(1, size[0]+step), StrideWidth: max(1, size[1]+step)}
					w.Height = size[0] + 2*w.StrideHeight + odd
					w.Width = size[1] + 2*w.StrideWidth + odd
					f(w, odd)
				}
			}
		}
	}
	// A window of all pixels, one that walks in one direction only, and strides
	// that leave gaps in one direction and overlap in the other.
	f(Window{7, 7, 33, 7, 7, 1, 1}, 0)
	f(Window{16, 16, 5, 16, 16, 16, 16}, 1)
	f(Window{9, 4, 40, 2, 4, 2, 9}, 0)
	f(Window{9, 9, 40, 2, 2, 1, 4}, 1)
	f(Window{9, 9, 40, 2, 2, 4, 1}, 0)
	f(Window{9, 9, 40, 2, 2, 2, 4}, 1)
}

// guarded returns slices that end at, or begin after, a protected page.
func guarded[E any](t *testing.T, n, odd int) []E {
	if odd == 1 {
		return guard.Begin[E](t, n)
	}
	return guard.End[E](t, n)
}

func pollute[T Float](v []T) {
	for i := range v {
		v[i] = T(i%5) + 0.5
	}
}

func TestMaxMatchesTheDefinition(t *testing.T) {
	everyLevel(t, testMax[float32], testMax[float64])
}

func testMax[T Float](t *testing.T, k *kernels) {
	r := rand.New(rand.NewPCG(1, 2))
	all := fillings[T]()
	turn := 0
	shapes(func(w Window, odd int) {
		in, out := w.Height*w.Width*w.Channels, w.OutHeight()*w.OutWidth()*w.Channels
		// The pages live as long as the test of a shape.
		t.Run("", func(t *testing.T) {
			x, y := guarded[T](t, in, odd), guarded[T](t, out, odd)
			where := guarded[uint8](t, out, odd)
			want, wantWhere := make([]T, out), make([]uint8, out)
			for range 3 {
				f := all[turn%len(all)]
				turn++
				f.fill(r, x)
				from := r.IntN(w.OutHeight() + 1)
				to := from + r.IntN(w.OutHeight()-from+1)
				for _, rows := range [][2]int{{0, w.OutHeight()}, {from, to}} {
					pollute(y)
					pollute(want)
					for i := range where {
						where[i], wantWhere[i] = 77, 77
					}
					defineMax(&w, want, wantWhere, x, rows[0], rows[1])
					maxima(k, &w, y, where, x, rows[0], rows[1])
					same(t, &w, "y of "+f.name, y, want, false)
					sameBytes(t, &w, where, wantWhere)
					pollute(y)
					maxima(k, &w, y, nil, x, rows[0], rows[1])
					same(t, &w, "y without where of "+f.name, y, want, false)
				}
			}
		})
	})
}

func TestMaxBackwardMatchesTheDefinition(t *testing.T) {
	everyLevel(t, testMaxBackward[float32], testMaxBackward[float64])
}

func testMaxBackward[T Float](t *testing.T, k *kernels) {
	r := rand.New(rand.NewPCG(3, 4))
	all := fillings[T]()
	turn := 0
	shapes(func(w Window, odd int) {
		in, out := w.Height*w.Width*w.Channels, w.OutHeight()*w.OutWidth()*w.Channels
		t.Run("", func(t *testing.T) {
			dx, dy := guarded[T](t, in, odd), guarded[T](t, out, odd)
			where := guarded[uint8](t, out, odd)
			want := make([]T, in)
			for range 2 {
				f := all[turn%len(all)]
				turn++
				f.fill(r, dy)
				for i := range where {
					where[i] = uint8(r.IntN(w.SizeHeight * w.SizeWidth))
				}
				pollute(dx)
				defineMaxBackward(&w, want, dy, where)
				maximaBackward(k, &w, dx, dy, where)
				same(t, &w, "dx of "+f.name, dx, want, true)
			}
		})
	})
}

func TestMeanMatchesTheDefinition(t *testing.T) {
	everyLevel(t, testMean[float32], testMean[float64])
}

func testMean[T Float](t *testing.T, k *kernels) {
	r := rand.New(rand.NewPCG(5, 6))
	all := fillings[T]()
	turn := 0
	shapes(func(w Window, odd int) {
		in, out := w.Height*w.Width*w.Channels, w.OutHeight()*w.OutWidth()*w.Channels
		t.Run("", func(t *testing.T) {
			x, y := guarded[T](t, in, odd), guarded[T](t, out, odd)
			want := make([]T, out)
			for range 2 {
				f := all[turn%len(all)]
				turn++
				f.fill(r, x)
				from := r.IntN(w.OutHeight() + 1)
				to := from + r.IntN(w.OutHeight()-from+1)
				for _, rows := range [][2]int{{0, w.OutHeight()}, {from, to}} {
					pollute(y)
					pollute(want)
					defineMean(&w, want, x, rows[0], rows[1])
					means(k, &w, y, x, rows[0], rows[1])
					same(t, &w, "y of "+f.name, y, want, true)
				}
			}
		})
	})
}

func TestMeanBackwardMatchesTheDefinition(t *testing.T) {
	everyLevel(t, testMeanBackward[float32], testMeanBackward[float64])
}

func testMeanBackward[T Float](t *testing.T, k *kernels) {
	r := rand.New(rand.NewPCG(7, 8))
	all := fillings[T]()
	turn := 0
	shapes(func(w Window, odd int) {
		in, out := w.Height*w.Width*w.Channels, w.OutHeight()*w.OutWidth()*w.Channels
		t.Run("", func(t *testing.T) {
			dx, dy := guarded[T](t, in, odd), guarded[T](t, out, odd)
			want := make([]T, in)
			for range 2 {
				f := all[turn%len(all)]
				turn++
				f.fill(r, dy)
				pollute(dx)
				defineMeanBackward(&w, want, dy)
				meansBackward(k, &w, dx, dy)
				same(t, &w, "dx of "+f.name, dx, want, true)
			}
		})
	})
}

// TestNaNPassesFromEveryTap: one NaN is the maximum wherever it is, and of two
// the later.
func TestNaNPassesFromEveryTap(t *testing.T) {
	for name, k := range levels() {
		for _, c := range []int{1, 4, 7, 16, 35, 64} {
			for _, size := range [][2]int{{2, 2}, {3, 3}, {2, 3}} {
				w := Window{size[0], size[1], c, size[0], size[1], 1, 1}
				taps := size[0] * size[1]
				for first := range taps {
					for second := first; second < taps; second++ {
						x, y, where := make([]float32, taps*c), make([]float32, c), make([]uint8, c)
						for i := range x {
							x[i] = float32(math.Inf(1))
						}
						for j := range c {
							x[first*c+j] = math.Float32frombits(0x7fc00000 | uint32(first))
							x[second*c+j] = math.Float32frombits(0xffc00000 | uint32(second))
						}
						for _, where := range [][]uint8{where, nil} {
							maxima(k, &w, y, where, x, 0, 1)
							for j := range y {
								if got, want := math.Float32bits(y[j]), 0xffc00000|uint32(second); got != want {
									t.Fatalf("%s: %+v: NaN at %d and %d: y[%d] = %#x, want %#x", name, w, first, second, j, got, want)
								}
								if where != nil && int(where[j]) != second {
									t.Fatalf("%s: %+v: NaN at %d and %d: where[%d] = %d", name, w, first, second, j, where[j])
								}
							}
						}
					}
				}
			}
		}
	}
}

// TestLongRowsAreCut: more taps than one call of a kernel may visit.
func TestLongRowsAreCut(t *testing.T) {
	w := Window{Height: 2, Width: callTaps/2 + 7, Channels: 1, SizeHeight: 2, SizeWidth: 2, StrideHeight: 2, StrideWidth: 2}
	x := make([]float32, w.Height*w.Width)
	fillings[float32]()[0].fill(rand.New(rand.NewPCG(9, 10)), x)
	want, wantWhere, wantBack := make([]float32, w.OutWidth()), make([]uint8, w.OutWidth()), make([]float32, len(x))
	defineMax(&w, want, wantWhere, x, 0, 1)
	defineMaxBackward(&w, wantBack, want, wantWhere)
	if len(want)*4 <= callTaps {
		t.Fatalf("%d windows fit one call", len(want))
	}
	for name, k := range levels() {
		t.Run(name, func(t *testing.T) {
			y, where, dx := make([]float32, len(want)), make([]uint8, len(want)), make([]float32, len(x))
			maxima(k, &w, y, where, x, 0, 1)
			same(t, &w, "y", y, want, false)
			sameBytes(t, &w, where, wantWhere)
			maximaBackward(k, &w, dx, y, where)
			same(t, &w, "dx", dx, wantBack, false)
		})
	}
}

func TestNoChannelsIsNothing(t *testing.T) {
	w := Window{4, 4, 0, 2, 2, 2, 2}
	Max[float32](&w, nil, nil, nil, 0, 2)
	MaxBackward[float32](&w, nil, nil, nil)
	Mean[float32](&w, nil, nil, 0, 2)
	MeanBackward[float32](&w, nil, nil)
}

func TestMeaninglessArgumentsPanic(t *testing.T) {
	w := Window{Height: 5, Width: 4, Channels: 3, SizeHeight: 2, SizeWidth: 2, StrideHeight: 2, StrideWidth: 2}
	with := func(change func(*Window)) *Window {
		c := w
		change(&c)
		return &c
	}
	const in, out = 60, 12
	x, y, where := make([]float32, in), make([]float32, out), make([]uint8, out)
	for _, c := range []struct {
		want string
		call func()
	}{
		{"x has 59 elements, want 60", func() { Max(&w, y, where, x[:in-1], 0, 2) }},
		{"y has 11 elements, want 12", func() { Max(&w, y[:out-1], where, x, 0, 1) }},
		{"where has 11 elements, want 12", func() { Max(&w, y, where[:out-1], x, 0, 2) }},
		{"rows 0 to 3 of 2", func() { Max(&w, y, where, x, 0, 3) }},
		{"rows -1 to 2 of 2", func() { Max(&w, y, nil, x, -1, 2) }},
		{"rows 2 to 1 of 2", func() { Max(&w, y, nil, x, 2, 1) }},
		{"dx has 59 elements, want 60", func() { MaxBackward(&w, x[:in-1], y, where) }},
		{"dy has 11 elements, want 12", func() { MaxBackward(&w, x, y[:out-1], where) }},
		{"where has 0 elements, want 12", func() { MaxBackward(&w, x, y, nil) }},
		{"x has 59 elements, want 60", func() { Mean(&w, y, x[:in-1], 0, 2) }},
		{"y has 11 elements, want 12", func() { Mean(&w, y[:out-1], x, 0, 2) }},
		{"rows 0 to 3 of 2", func() { Mean(&w, y, x, 0, 3) }},
		{"dx has 59 elements, want 60", func() { MeanBackward(&w, x[:in-1], y) }},
		{"dy has 11 elements, want 12", func() { MeanBackward(&w, x, y[:out-1]) }},
		{"size and stride must be at least 1", func() { Mean(with(func(w *Window) { w.SizeWidth = 0 }), y, x, 0, 1) }},
		{"size and stride must be at least 1", func() { Mean(with(func(w *Window) { w.StrideHeight = 0 }), y, x, 0, 1) }},
		{"the window of 6x2 is larger than the image of 5x4", func() { Mean(with(func(w *Window) { w.SizeHeight = 6 }), y, x, 0, 1) }},
		{"at most 256 taps, got 257x1", func() {
			w := Window{257, 1, 1, 257, 1, 1, 1}
			Max(&w, make([]float32, 1), make([]uint8, 1), make([]float32, 257), 0, 1)
		}},
	} {
		func() {
			defer func() {
				if m := fmt.Sprint(recover()); !strings.HasPrefix(m, "pool: ") || !strings.Contains(m, c.want) {
					t.Errorf("panic %q, want %q", m, c.want)
				}
			}()
			c.call()
		}()
	}
	// Without where a window may be of any size.
	big := Window{257, 1, 1, 257, 1, 1, 1}
	Max(&big, make([]float32, 1), nil, make([]float32, 257), 0, 1)
}

func TestNothingIsAllocated(t *testing.T) {
	for _, stride := range []int{1, 2} {
		w := Window{8, 8, 20, 2, 2, stride, stride}
		x, y := make([]float32, 8*8*20), make([]float32, 8*8*20)
		where := make([]uint8, len(y))
		if n := testing.AllocsPerRun(10, func() {
			Max(&w, y, where, x, 0, w.OutHeight())
			Max(&w, y, nil, x, 0, w.OutHeight())
			MaxBackward(&w, x, y, where)
			Mean(&w, y, x, 0, w.OutHeight())
			MeanBackward(&w, x, y)
		}); n != 0 {
			t.Errorf("stride %d: %v allocations", stride, n)
		}
	}
}

func BenchmarkPool(b *testing.B) {
	for _, s := range []struct{ side, channels, size, stride int }{
		{28, 32, 2, 2}, {14, 64, 2, 2}, {28, 32, 3, 2}, {7, 64, 7, 7},
	} {
		w := Window{s.side, s.side, s.channels, s.size, s.size, s.stride, s.stride}
		in, out := s.side*s.side*s.channels, w.OutHeight()*w.OutWidth()*s.channels
		x, y, where := make([]float32, in), make([]float32, out), make([]uint8, out)
		fillings[float32]()[0].fill(rand.New(rand.NewPCG(1, 2)), x)
		for _, l := range cpu.Available() {
			k := level32(l)
			for _, f := range []struct {
				name string
				call func()
			}{
				{"max-where", func() { maxima(k, &w, y, where, x, 0, w.OutHeight()) }},
				{"max", func() { maxima(k, &w, y, nil, x, 0, w.OutHeight()) }},
				{"max-backward", func() { maximaBackward(k, &w, x, y, where) }},
				{"mean", func() { means(k, &w, y, x, 0, w.OutHeight()) }},
				{"mean-backward", func() { meansBackward(k, &w, x, y) }},
			} {
				b.Run(fmt.Sprintf("%dx%dx%d/%dx%d/%s/%s", s.side, s.side, s.channels, s.size, s.size, f.name, l), func(b *testing.B) {
					b.SetBytes(int64(4 * in))
					for b.Loop() {
						f.call()
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(in), "ns/element")
				})
			}
		}
	}
}
