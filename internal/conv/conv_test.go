package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/guard"
)

// shapes walks kernels, strides and paddings, among them those that leave rows
// of the input unread or are wider than the stride's remainder.
func shapes(short bool) []Shape {
	var list []Shape
	for _, size := range [][2]int{{1, 1}, {5, 7}, {8, 6}} {
		for _, kernel := range [][2]int{{1, 1}, {3, 3}, {2, 4}, {6, 5}} {
			for _, stride := range [][2]int{{1, 1}, {2, 2}, {3, 1}} {
				for _, pad := range [][4]int{{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 3, 0, 2}, {4, 4, 4, 4}} {
					for _, channels := range [][2]int{{1, 3}, {4, 33}} {
						if short && channels[0] > 1 && size[0] != 5 {
							continue
						}
						s := Shape{
							Height: size[0], Width: size[1], In: channels[0], Out: channels[1],
							KernelHeight: kernel[0], KernelWidth: kernel[1], StrideHeight: stride[0], StrideWidth: stride[1],
							Top: pad[0], Bottom: pad[1], Left: pad[2], Right: pad[3],
						}
						if s.Check() == nil {
							list = append(list, s)
						}
					}
				}
			}
		}
	}
	// Of Winograd's algorithms: tiles that are cut off, several blocks, channels
	// that leave lanes over.
	for _, size := range [][4]int{{14, 14, 20, 50}, {9, 13, 33, 17}, {30, 31, 3, 70}, {2, 2, 16, 16}, {1, 40, 5, 6}} {
		for pad := range 3 {
			s := Shape{
				Height: size[0], Width: size[1], In: size[2], Out: size[3],
				KernelHeight: 3, KernelWidth: 3, StrideHeight: 1, StrideWidth: 1,
				Top: pad, Bottom: (pad + 1) % 3, Left: pad, Right: pad,
			}
			if s.Check() == nil && !(short && size[0] > 9) {
				list = append(list, s)
			}
		}
	}
	return list
}

// each calls f for every tap of every output pixel that lies on the input, with
// the offsets of the pixels and of the tap.
func (s *Shape) each(f func(y, x, w int)) {
	tap := s.Weights() / (s.KernelHeight * s.KernelWidth)
	for oy := range s.OutHeight() {
		for ox := range s.OutWidth() {
			for ky := range s.KernelHeight {
				for kx := range s.KernelWidth {
					iy, ix := oy*s.StrideHeight+ky-s.Top, ox*s.StrideWidth+kx-s.Left
					if iy >= 0 && iy < s.Height && ix >= 0 && ix < s.Width {
						f((oy*s.OutWidth()+ox)*s.Out, (iy*s.Width+ix)*s.In, (ky*s.KernelWidth+kx)*tap)
					}
				}
			}
		}
	}
}

func random[T gemm.Float](r *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(r.NormFloat64())
	}
	return v
}

// kinds are the algorithms that can compute a shape.
func (s *Shape) kinds() []Kind {
	if s.Depthwise {
		return []Kind{Depthwise}
	}
	if s.canWinograd() {
		return []Kind{Direct, Winograd2, Winograd4}
	}
	return []Kind{Direct}
}

// tolerances of the passes, relative to the largest element.
func tolerance[T gemm.Float](k Kind) float64 {
	var z T
	if _, ok := any(z).(float64); ok {
		return 1e-13
	}
	if k == Winograd4 {
		return 5e-6
	}
	return 2e-6
}

func TestPassesMatchTheDefinition(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testPasses[float32](t) })
	t.Run("float64", func(t *testing.T) { testPasses[float64](t) })
}

func testPasses[T gemm.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for i, s := range shapes(testing.Short()) {
		testShape[T](t, r, s, 1+i%3)
	}
}

// definition returns the results of the passes.
func definition[T gemm.Float](s Shape, samples int, x, w, dy, bias []T) (y, dx, dw []float64) {
	n, m := s.Height*s.Width*s.In, s.OutHeight()*s.OutWidth()*s.Out
	y, dx, dw = make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
	for i := range y {
		y[i] = float64(bias[i%s.Out])
	}
	for i := range samples {
		s.each(func(py, px, pw int) {
			px, py = i*n+px, i*m+py
			add := func(c, f, k int) {
				y[py+f] += float64(x[px+c]) * float64(w[k])
				dx[px+c] += float64(dy[py+f]) * float64(w[k])
				dw[k] += float64(dy[py+f]) * float64(x[px+c])
			}
			for c := range s.In {
				if s.Depthwise {
					add(c, c, pw+c)
					continue
				}
				for f := range s.Out {
					add(c, f, pw+c*s.Out+f)
				}
			}
		})
	}
	return y, dx, dw
}

// testShape compares every algorithm for the shape with the definition.
func testShape[T gemm.Float](t *testing.T, r *rand.Rand, s Shape, samples int) {
	t.Helper()
	n, m := s.Height*s.Width*s.In, s.OutHeight()*s.OutWidth()*s.Out
	x, w := guarded[T](t, r, samples*n), guarded[T](t, r, s.Weights())
	dy, bias := guarded[T](t, r, samples*m), guarded[T](t, r, s.Out)
	y, dx, dw := definition(s, samples, x, w, dy, bias)
	for _, kind := range s.kinds() {
		a := Of[T](s, kind)
		a.Prepare(w, true)
		if got, want := a.Packed(true), packed(a); got != want {
			t.Errorf("%+v, %s: %d packed elements, want %d", s, a.Name(), got, want)
		}
		scratch := guarded[T](t, r, a.Scratch())
		spoil := func() {
			for i := range scratch {
				scratch[i] = T(math.NaN()) // what a pass did not write must not count
			}
		}
		gotY, gotX, gotW := guarded[T](t, r, len(y)), guarded[T](t, r, len(x)), guarded[T](t, r, len(w))
		spoil()
		covered := 0
		a.Forward(gotY, x, bias, scratch, func(sample, from, to int) {
			if sample*m+from != covered || (to-from)%(s.OutWidth()*s.Out) != 0 {
				t.Fatalf("%+v, %s: epilogue of sample %d from %d to %d after %d", s, a.Name(), sample, from, to, covered)
			}
			covered = sample*m + to
		})
		if covered != len(y) {
			t.Fatalf("%+v, %s: epilogue ran on %d of %d elements", s, a.Name(), covered, len(y))
		}
		spoil()
		a.BackwardData(gotX, dy, scratch)
		spoil()
		a.BackwardWeights(gotW, x, dy, scratch)
		what := a.Name() + ", "
		compare(t, s, what+"y", gotY, y, tolerance[T](kind))
		compare(t, s, what+"dx", gotX, dx, tolerance[T](kind))
		compare(t, s, what+"dw", gotW, dw, tolerance[T](kind))
		spoil()
		a.Forward(gotY, x, nil, scratch, nil)
		for i := range y {
			gotY[i] += bias[i%s.Out]
		}
		compare(t, s, what+"y without bias", gotY, y, tolerance[T](kind))
	}
}

// TestSamplesDoNotMix: a sample's results have the same bits alone and beside
// others, wherever it stands.
func TestSamplesDoNotMix(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	s := Shape{
		Height: 13, Width: 11, In: 19, Out: 36, KernelHeight: 3, KernelWidth: 3, StrideHeight: 1, StrideWidth: 1,
		Top: 1, Bottom: 1, Left: 1, Right: 1,
	}
	const samples = 7
	n, m := s.Height*s.Width*s.In, s.OutHeight()*s.OutWidth()*s.Out
	x, w, bias := random[float32](r, samples*n), random[float32](r, s.Weights()), random[float32](r, s.Out)
	for _, kind := range s.kinds() {
		a := Of[float32](s, kind)
		a.Prepare(w, true)
		scratch := make([]float32, a.Scratch())
		y, dx := make([]float32, samples*m), make([]float32, samples*n)
		a.Forward(y, x, bias, scratch, nil)
		a.BackwardData(dx, y, scratch)
		for i := range samples {
			one, dOne := make([]float32, m), make([]float32, n)
			a.Forward(one, x[i*n:][:n], bias, scratch, nil)
			a.BackwardData(dOne, one, scratch)
			if !slices.Equal(one, y[i*m:][:m]) || !slices.Equal(dOne, dx[i*n:][:n]) {
				t.Errorf("%s: sample %d of %d has other bits than alone", a.Name(), i, samples)
			}
		}
	}
}

// TestBestCountsOperations: many channels are worth the transforms, few are not,
// and what Winograd's algorithms cannot compute is left to Direct.
func TestBestCountsOperations(t *testing.T) {
	for _, test := range []struct {
		size, in, out, kernel, stride int
		want                          Kind
	}{
		{28, 1, 32, 3, 1, Direct},
		{28, 32, 32, 3, 1, Winograd4},
		{14, 64, 64, 3, 1, Winograd4},
		{2, 256, 256, 3, 1, Winograd2},
		{28, 32, 32, 3, 2, Direct},
		{28, 32, 32, 5, 1, Direct},
		{1, 64, 64, 3, 1, Direct},
	} {
		s := Shape{
			Height: test.size, Width: test.size, In: test.in, Out: test.out,
			KernelHeight: test.kernel, KernelWidth: test.kernel, StrideHeight: test.stride, StrideWidth: test.stride,
			Top: test.kernel / 2, Bottom: test.kernel / 2, Left: test.kernel / 2, Right: test.kernel / 2,
		}
		if got := Best(s); got != test.want {
			t.Errorf("%+v: algorithm %d, want %d", s, got, test.want)
		}
	}
}

// packed returns the elements that an algorithm holds after Prepare.
func packed[T gemm.Float](a Algorithm[T]) int {
	switch a := a.(type) {
	case *direct[T]:
		n, window := len(a.packed), 0
		for i := range a.classes {
			n, window = n+len(a.classes[i].weights), max(window, cap(a.window))
		}
		return n + window
	case *winograd[T]:
		return len(a.forward.u) + len(a.backward.u) + len(a.transposed)
	case *depthwise[T]:
		return len(a.weights)
	}
	return -1
}

// guarded returns random numbers that end at a protected page.
func guarded[T gemm.Float](t *testing.T, r *rand.Rand, n int) []T {
	v := guard.End[T](t, n)
	copy(v, random[T](r, n))
	return v
}

func compare[T gemm.Float](t *testing.T, s Shape, what string, got []T, want []float64, tolerance float64) {
	t.Helper()
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= tolerance*scale) {
			t.Fatalf("%+v: %s[%d] = %v, want %v", s, what, i, v, want[i])
		}
	}
}

func TestImpossibleShapes(t *testing.T) {
	good := Shape{Height: 4, Width: 4, In: 1, Out: 1, KernelHeight: 3, KernelWidth: 3, StrideHeight: 1, StrideWidth: 1}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Shape){
		"stride must be at least 1": func(s *Shape) { s.StrideWidth = 0 },
		"larger than":               func(s *Shape) { s.KernelWidth = 5 },
		"not be negative":           func(s *Shape) { s.Left = -1 },
		"output channels":           func(s *Shape) { s.Out = 0 },
		"got 4 for 3":               func(s *Shape) { s.Depthwise, s.In, s.Out = true, 3, 4 },
	} {
		s := good
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", s, err, want)
		}
	}
}

// TestHugeStrides: what is made for a shape grows with the image, not with the
// stride.
func TestHugeStrides(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := Shape{Height: 4, Width: 5, In: 3, Out: 3, KernelHeight: 3, KernelWidth: 2, StrideHeight: 1 << 26, StrideWidth: 1 << 25, Left: 1}
	for _, s.Depthwise = range []bool{false, true} {
		testShape[float32](t, r, s, 2)
	}
}

func BenchmarkConv(b *testing.B) {
	for _, s := range []Shape{
		{Height: 28, Width: 28, In: 1, Out: 32, KernelHeight: 3, KernelWidth: 3},
		{Height: 28, Width: 28, In: 32, Out: 32, KernelHeight: 3, KernelWidth: 3},
		{Height: 14, Width: 14, In: 64, Out: 64, KernelHeight: 3, KernelWidth: 3},
		{Height: 28, Width: 28, In: 24, Out: 48, KernelHeight: 5, KernelWidth: 5, StrideHeight: 2, StrideWidth: 2},
		{Height: 28, Width: 28, In: 32, Out: 32, KernelHeight: 3, KernelWidth: 3, Depthwise: true},
		{Height: 28, Width: 28, In: 32, Out: 32, KernelHeight: 3, KernelWidth: 3, StrideHeight: 2, StrideWidth: 2, Depthwise: true},
		{Height: 14, Width: 14, In: 64, Out: 64, KernelHeight: 3, KernelWidth: 3, Depthwise: true},
		{Height: 14, Width: 14, In: 64, Out: 64, KernelHeight: 3, KernelWidth: 3, StrideHeight: 2, StrideWidth: 2, Depthwise: true},
	} {
		s.StrideHeight, s.StrideWidth = max(s.StrideHeight, 1), max(s.StrideWidth, 1)
		s.Top, s.Bottom, s.Left, s.Right = s.KernelHeight/2, s.KernelHeight/2, s.KernelWidth/2, s.KernelWidth/2
		r := rand.New(rand.NewPCG(1, 1))
		const samples = 8
		x, w := random[float32](r, samples*s.Height*s.Width*s.In), random[float32](r, s.Weights())
		y, dw := random[float32](r, samples*s.OutHeight()*s.OutWidth()*s.Out), make([]float32, s.Weights())
		for _, kind := range s.kinds() {
			a := Of[float32](s, kind)
			a.Prepare(w, true)
			scratch := make([]float32, a.Scratch())
			for _, pass := range []struct {
				name string
				run  func()
			}{
				{"prepare", func() { a.Prepare(w, true) }},
				{"forward", func() { a.Forward(y, x, nil, scratch, nil) }},
				{"data", func() { a.BackwardData(x, y, scratch) }},
				{"weights", func() { a.BackwardWeights(dw, x, y, scratch) }},
			} {
				b.Run(shapeName(s)+"/"+a.Name()+"/"+pass.name, func(b *testing.B) {
					for b.Loop() {
						pass.run()
					}
					b.ReportMetric(2e-9*samples*float64(s.MACs())*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
				})
			}
		}
	}
}

func shapeName(s Shape) string {
	name := fmt.Sprintf("%dx%d,%dx%dx%d", s.Height, s.In, s.KernelHeight, s.KernelWidth, s.Out)
	if s.StrideHeight > 1 {
		name += fmt.Sprintf(",stride=%d", s.StrideHeight)
	}
	return name
}
