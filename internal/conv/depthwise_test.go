package conv

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
)

// depthwiseShape returns the shape of a depthwise convolution with the same zeros
// on all sides.
func depthwiseShape(height, width, channels, kernelHeight, kernelWidth, strideHeight, strideWidth, pad int) Shape {
	return Shape{
		Height: height, Width: width, In: channels, Out: channels,
		KernelHeight: kernelHeight, KernelWidth: kernelWidth, StrideHeight: strideHeight, StrideWidth: strideWidth,
		Top: pad, Bottom: pad, Left: pad, Right: pad, Depthwise: true,
	}
}

func TestDepthwiseMatchesTheDefinition(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testDepthwise[float32](t) })
	t.Run("float64", func(t *testing.T) { testDepthwise[float64](t) })
}

func testDepthwise[T gemm.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	// Every kernel, stride and padding, with channels by turns.
	channels := []int{1, 3, 4, 8, 9, 15, 16, 17, 23, 32, 33, 40, 64}
	for i, s := range shapes(false) {
		if s.In != 1 {
			continue
		}
		s.Depthwise, s.In = true, channels[i%len(channels)]
		s.Out = s.In
		testShape[T](t, r, s, 1+i%3)
	}
	// Every number of channels, with more pixels than a kernel takes at once and
	// more lines than a block of the weights' gradient has.
	for c := 1; c <= 40; c++ {
		testShape[T](t, r, depthwiseShape(blockLines+2, 17, c, 3, 3, 1, 1, 1), 2)
		testShape[T](t, r, depthwiseShape(9, 17, c, 3, 3, 2, 2, 1), 1)
		testShape[T](t, r, depthwiseShape(6, 12, c, 5, 4, 1, 2, 2), 1)
	}
	for _, s := range []Shape{
		depthwiseShape(20, 21, 64, 3, 3, 1, 1, 1),
		depthwiseShape(4, 5, 300, 3, 3, 1, 1, 1),
		depthwiseShape(2, 3, 19, 7, 9, 1, 1, 4), // no tap is on the image for all pixels
		depthwiseShape(3, 2, 5, 1, 1, 1, 1, 3),  // some pixels have no tap
		depthwiseShape(3, 20, 7, 1, 2, 3, 5, 0), // some pixels are in no window
		depthwiseShape(2, 1300, 40, 5, 7, 1, 1, 3),
	} {
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		testShape[T](t, r, s, 2)
	}
	s := depthwiseShape(5, 6, 10, 3, 3, 1, 1, 0)
	s.Top, s.Right = 2, 1
	testShape[T](t, r, s, 1)
}

// TestDepthwiseOfEveryKind: no other algorithm can compute such a shape, and this
// one computes no other.
func TestDepthwiseOfEveryKind(t *testing.T) {
	s := depthwiseShape(8, 8, 4, 3, 3, 1, 1, 1)
	for _, k := range []Kind{Best(s), Direct, Winograd2, Winograd4, Depthwise} {
		if name := Of[float32](s, k).Name(); name != "depthwise" {
			t.Errorf("kind %d of a depthwise shape is %s", k, name)
		}
	}
	if got := s.MACs(); got != 8*8*3*3*4 {
		t.Errorf("%d multiply-adds, want %d", got, 8*8*3*3*4)
	}
	s.Depthwise = false
	if name := Of[float32](s, Depthwise).Name(); name != "direct" {
		t.Errorf("another shape gets %s", name)
	}
}

// TestDepthwiseElementsDoNotDependOnTheirNeighbours: the bits of a channel are the
// same alone, and those of a pixel in a shorter row.
func TestDepthwiseElementsDoNotDependOnTheirNeighbours(t *testing.T) {
	for _, s := range []Shape{
		depthwiseShape(18, 19, 37, 3, 3, 1, 1, 1),
		depthwiseShape(7, 30, 37, 5, 4, 2, 2, 2),
	} {
		r := rand.New(rand.NewPCG(3, 1))
		x, w, bias := random[float32](r, s.Height*s.Width*s.In), random[float32](r, s.Weights()), random[float32](r, s.In)
		dy := random[float32](r, s.OutHeight()*s.OutWidth()*s.In)
		y, dx, dw := passes(s, x, w, bias, dy)
		for c := range s.In {
			one := s
			one.In, one.Out = 1, 1
			channel := func(v []float32) []float32 {
				var list []float32
				for i := c; i < len(v); i += s.In {
					list = append(list, v[i])
				}
				return list
			}
			y1, dx1, dw1 := passes(one, channel(x), channel(w), channel(bias), channel(dy))
			if !slices.Equal(y1, channel(y)) || !slices.Equal(dx1, channel(dx)) || !slices.Equal(dw1, channel(dw)) {
				t.Fatalf("%+v: channel %d has other bits alone", s, c)
			}
		}
		for cut := 1; cut < 9; cut++ {
			short := s
			short.Width -= cut
			var xs, dys []float32
			for i := range s.Height {
				xs = append(xs, x[i*s.Width*s.In:][:short.Width*s.In]...)
			}
			for i := range s.OutHeight() {
				dys = append(dys, dy[i*s.OutWidth()*s.In:][:short.OutWidth()*s.In]...)
			}
			y1, dx1, _ := passes(short, xs, w, bias, dys)
			// Without the pixels whose windows reach over the edge.
			same := func(a, b []float32, rows, width, widthB, edge int) {
				t.Helper()
				for i := range rows {
					n := max(0, widthB-edge) * s.In
					if !slices.Equal(a[i*width*s.In:][:n], b[i*widthB*s.In:][:n]) {
						t.Fatalf("%+v: row %d has other bits where it is %d shorter", s, i, cut)
					}
				}
			}
			same(y, y1, s.OutHeight(), s.OutWidth(), short.OutWidth(), s.KernelWidth)
			same(dx, dx1, s.Height, s.Width, short.Width, 2*s.KernelWidth)
		}
	}
}

// passes returns the results of the three passes for one sample.
func passes(s Shape, x, w, bias, dy []float32) (y, dx, dw []float32) {
	a := Of[float32](s, Depthwise)
	a.Prepare(w, true)
	y, dx, dw = make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
	a.Forward(y, x, bias, nil, nil)
	a.BackwardData(dx, dy, nil)
	a.BackwardWeights(dw, x, dy, nil)
	return y, dx, dw
}

// TestDepthwiseSubnormalsAreZero in assembly, and not in Go afterwards.
func TestDepthwiseSubnormalsAreZero(t *testing.T) {
	s := depthwiseShape(5, 12, 19, 3, 3, 1, 1, 1)
	fill := func(n int, v float32) []float32 {
		list := make([]float32, n)
		for i := range list {
			list[i] = v
		}
		return list
	}
	x, w, dy := fill(s.Height*s.Width*s.In, 1e-40), fill(s.Weights(), 1e30), fill(s.Height*s.Width*s.In, 1e-40)
	y, dx, _ := passes(s, x, w, make([]float32, s.In), dy)
	_, _, dw := passes(s, x, w, make([]float32, s.In), fill(len(dy), 1e30))
	for _, list := range [][]float32{y, dx, dw} {
		for i, v := range list {
			if assembly := depthwise32(cpu.Active()).lanes > 1; (v == 0) != assembly {
				t.Fatalf("element %d is %v", i, v)
			}
		}
	}
	if half := x[0] / 2; half == 0 {
		t.Error("subnormal numbers are 0 after the passes")
	}
}

// TestDepthwiseCallsAreShort: the batches of a row are the row, in parts of
// bounded work.
func TestDepthwiseCallsAreShort(t *testing.T) {
	for _, s := range []Shape{
		depthwiseShape(3, 1000, 64, 3, 3, 1, 1, 1),
		depthwiseShape(3, 100, 4096, 3, 5, 1, 3, 2),
		depthwiseShape(60, 60, 4096, 51, 51, 1, 1, 2),
	} {
		d := newDepthwise[float32](s)
		for _, dir := range []*direction{&d.forward, &d.backward} {
			written := 0
			for _, runs := range dir.batches {
				work, pixels := 0, 0
				for _, r := range runs {
					pixels += r.pixels
					work += r.pixels * max(1, r.taps) * s.KernelHeight * s.In
				}
				if work > maxWork && pixels > groupPixels {
					t.Errorf("%+v: a call of %d multiply-adds", s, work)
				}
				written += pixels
			}
			if want := []int{s.OutWidth(), s.Width}; written != want[0] && written != want[1] {
				t.Errorf("%+v: the runs have %d pixels", s, written)
			}
		}
	}
}
