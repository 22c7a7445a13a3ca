// Package conv computes convolutions and their gradients, channels last.
//
// Direct reads the windows where they lie: a row of a window is contiguous
// there, so that a row of output pixels is one product of internal/gemm, without
// im2col. Winograd's algorithms trade products of 3x3 windows for additions.
// Depthwise convolves each channel by itself. All implement Algorithm, and Best
// chooses one by the shape.
package conv

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/gemm"
)

// A Shape describes a convolution. x is Height x Width x In, y is OutHeight x
// OutWidth x Out, the weights are KernelHeight x KernelWidth x In x Out.
type Shape struct {
	Height, Width, In, Out    int
	KernelHeight, KernelWidth int
	StrideHeight, StrideWidth int
	Top, Bottom, Left, Right  int // zeros around x

	// Depthwise tells that channel c of y is a convolution of channel c of x alone:
	// Out is In, and the weights are KernelHeight x KernelWidth x In.
	Depthwise bool
}

// Check returns an error that names the value that makes the shape impossible.
func (s *Shape) Check() error {
	for _, v := range []struct {
		name string
		n    int
	}{
		{"height", s.Height}, {"width", s.Width}, {"input channels", s.In}, {"output channels", s.Out},
		{"kernel height", s.KernelHeight}, {"kernel width", s.KernelWidth},
		{"vertical stride", s.StrideHeight}, {"horizontal stride", s.StrideWidth},
	} {
		if v.n < 1 {
			return fmt.Errorf("%s must be at least 1, got %d", v.name, v.n)
		}
	}
	if s.Depthwise && s.Out != s.In {
		return fmt.Errorf("a depthwise convolution has as many output channels as input channels, got %d for %d", s.Out, s.In)
	}
	if s.Top < 0 || s.Bottom < 0 || s.Left < 0 || s.Right < 0 {
		return fmt.Errorf("padding must not be negative, got %d, %d, %d, %d", s.Top, s.Bottom, s.Left, s.Right)
	}
	if h, w := s.paddedHeight(), s.paddedWidth(); s.KernelHeight > h || s.KernelWidth > w {
		return fmt.Errorf("the kernel of %dx%d is larger than the padded input of %dx%d", s.KernelHeight, s.KernelWidth, h, w)
	}
	return nil
}

// OutHeight returns the rows of y.
func (s *Shape) OutHeight() int { return (s.paddedHeight()-s.KernelHeight)/s.StrideHeight + 1 }

// OutWidth returns the columns of y.
func (s *Shape) OutWidth() int { return (s.paddedWidth()-s.KernelWidth)/s.StrideWidth + 1 }

// Weights returns the number of weights.
func (s *Shape) Weights() int {
	n := s.KernelHeight * s.KernelWidth * s.In
	if !s.Depthwise {
		n *= s.Out
	}
	return n
}

// MACs returns the multiply-adds of a forward pass.
func (s *Shape) MACs() int64 {
	return int64(s.OutHeight()) * int64(s.OutWidth()) * int64(s.Weights())
}

func (s *Shape) paddedHeight() int { return s.Height + s.Top + s.Bottom }
func (s *Shape) paddedWidth() int  { return s.Width + s.Left + s.Right }

// An Algorithm runs the three passes of one convolution, each on any number of
// samples, one after the other in x and y. Prepare must be called whenever the
// weights have changed; the passes may then run at once on different samples,
// each with scratch memory of its own. The results for a sample do not depend on
// those beside it.
type Algorithm[T gemm.Float] interface {
	// Name says which algorithm it is.
	Name() string
	// Prepare packs the weights for Forward, and for BackwardData if train is
	// set.
	Prepare(w []T, train bool)
	// Packed returns the elements that Prepare keeps.
	Packed(train bool) int
	// Group returns the least number of samples at which a pass is fast.
	Group() int
	// Scratch returns the elements of scratch memory that a pass needs.
	Scratch() int
	// Forward sets y to the convolution of x plus bias, which may be nil, and
	// calls epilogue, if it is not nil, for each part [from, to) of a sample's y, in
	// order, when it has been written and is still in a cache. A part is whole rows.
	Forward(y, x, bias, scratch []T, epilogue func(sample, from, to int))
	// BackwardData sets dx to the gradient with respect to x.
	BackwardData(dx, dy, scratch []T)
	// BackwardWeights sets dw to the gradient with respect to the weights, summed
	// over the samples in an order that depends on their number alone.
	BackwardWeights(dw, x, dy, scratch []T)
}

// Best returns the algorithm that costs the least for the shape, which must be
// valid, by a count of operations that is the same on every machine.
func Best(s Shape) Kind {
	if s.Depthwise {
		return Depthwise
	}
	best, cost := Direct, s.cost(Direct)
	for _, k := range []Kind{Winograd2, Winograd4} {
		if c := s.cost(k); c < cost {
			best, cost = k, c
		}
	}
	return best
}

// A Kind is an algorithm.
type Kind int

// The algorithms. Every one of them can be asked for by Of, for tests and
// comparisons.
const (
	// Direct multiplies the windows where they lie.
	Direct Kind = iota
	// Winograd2 is F(2x2,3x3) and Winograd4 F(4x4,3x3), for 3x3 windows of stride 1.
	Winograd2
	Winograd4
	// Depthwise is the one for depthwise convolutions, and for them alone.
	Depthwise
)

// Of returns an algorithm for a shape that it can compute: where kind cannot,
// Depthwise for a depthwise convolution and Direct for others.
func Of[T gemm.Float](s Shape, kind Kind) Algorithm[T] {
	switch {
	case s.Depthwise:
		return newDepthwise[T](s)
	case kind == Winograd4 && s.canWinograd():
		return newWinograd[T](s, 4)
	case kind == Winograd2 && s.canWinograd():
		return newWinograd[T](s, 2)
	}
	return newDirect[T](s)
}

// cost estimates a forward pass over one sample in multiply-adds. An operation of
// a transform counts as two: it comes with loads and stores. A transform of n
// numbers to m takes about 2n operations.
func (s *Shape) cost(k Kind) int64 {
	if k == Direct {
		return s.MACs()
	}
	if !s.canWinograd() {
		return math.MaxInt64
	}
	m := int64(4)
	if k == Winograd2 {
		m = 2
	}
	n, in, out := m+2, int64(s.In), int64(s.Out)
	tiles := (int64(s.OutHeight()) + m - 1) / m * ((int64(s.OutWidth()) + m - 1) / m)
	return tiles * (n*n*in*out + 8*n*n*in + 4*n*(n+m)*out)
}
