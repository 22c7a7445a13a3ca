package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	return list
}

// each calls f for every tap of every output pixel that lies on the input, with
// the offsets of the pixels and of the tap.
func (s *Shape) each(f func(y, x, w int)) {
	for oy := range s.OutHeight() {
		for ox := range s.OutWidth() {
			for ky := range s.KernelHeight {
				for kx := range s.KernelWidth {
					iy, ix := oy*s.StrideHeight+ky-s.Top, ox*s.StrideWidth+kx-s.Left
					if iy >= 0 && iy < s.Height && ix >= 0 && ix < s.Width {
						f((oy*s.OutWidth()+ox)*s.Out, (iy*s.Width+ix)*s.In, (ky*s.KernelWidth+kx)*s.In*s.Out)
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
		samples := 1 + i%3
		n, m := s.Height*s.Width*s.In, s.OutHeight()*s.OutWidth()*s.Out
		x, w := guarded[T](t, r, samples*n), guarded[T](t, r, s.Weights())
		dy, bias := guarded[T](t, r, samples*m), guarded[T](t, r, s.Out)
		y, dx := make([]float64, len(dy)), make([]float64, len(x))
		dw := make([]float64, len(w))
		for i := range y {
			y[i] = float64(bias[i%s.Out])
		}
		for i := range samples {
			s.each(func(py, px, pw int) {
				px, py = i*n+px, i*m+py
				for c := range s.In {
					for f := range s.Out {
						k := pw + c*s.Out + f
						y[py+f] += float64(x[px+c]) * float64(w[k])
						dx[px+c] += float64(dy[py+f]) * float64(w[k])
						dw[k] += float64(dy[py+f]) * float64(x[px+c])
					}
				}
			})
		}
		for _, kind := range s.kinds() {
			a := Of[T](s, kind)
			a.Prepare(w, true)
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
	} {
		s := good
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", s, err, want)
		}
	}
}

func BenchmarkConv(b *testing.B) {
	for _, s := range []Shape{
		{Height: 28, Width: 28, In: 1, Out: 32, KernelHeight: 3, KernelWidth: 3},
		{Height: 28, Width: 28, In: 32, Out: 32, KernelHeight: 3, KernelWidth: 3},
		{Height: 14, Width: 14, In: 64, Out: 64, KernelHeight: 3, KernelWidth: 3},
		{Height: 28, Width: 28, In: 24, Out: 48, KernelHeight: 5, KernelWidth: 5, StrideHeight: 2, StrideWidth: 2},
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
	return fmt.Sprintf("%dx%d,%dx%dx%d", s.Height, s.In, s.KernelHeight, s.KernelWidth, s.Out)
}
