// Package conv computes convolutions and their gradients, one sample at a time,
// channels last.
//
// Direct reads the windows where they lie: a row of a window is contiguous
// there, so that a row of output pixels is one product of internal/gemm, without
// im2col. Other algorithms implement Algorithm beside it.
package conv

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/gemm"
)

// A Shape describes a convolution. x is Height x Width x In, y is OutHeight x
// OutWidth x Out, the weights are KernelHeight x KernelWidth x In x Out.
type Shape struct {
	Height, Width, In, Out    int
	KernelHeight, KernelWidth int
	StrideHeight, StrideWidth int
	Top, Bottom, Left, Right  int // zeros around x
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
func (s *Shape) Weights() int { return s.KernelHeight * s.KernelWidth * s.In * s.Out }

// MACs returns the multiply-adds of a forward pass.
func (s *Shape) MACs() int64 {
	return int64(s.OutHeight()) * int64(s.OutWidth()) * int64(s.Weights())
}

func (s *Shape) paddedHeight() int { return s.Height + s.Top + s.Bottom }
func (s *Shape) paddedWidth() int  { return s.Width + s.Left + s.Right }

// An Algorithm runs the three passes of one convolution. Prepare must be called
// whenever the weights have changed; the passes may then run at once on
// different samples, each with scratch memory of its own.
type Algorithm[T gemm.Float] interface {
	// Prepare packs the weights for Forward, and for BackwardData if train is
	// set.
	Prepare(w []T, train bool)
	// Scratch returns the elements of scratch memory that a pass needs.
	Scratch() int
	// Forward sets y to the convolution of x plus bias, which may be nil, and
	// calls epilogue, if it is not nil, for each part [from, to) of y when it
	// has been written and is still in a cache.
	Forward(y, x, bias, scratch []T, epilogue func(from, to int))
	// BackwardData sets dx to the gradient with respect to x.
	BackwardData(dx, dy, scratch []T)
	// BackwardWeights adds the gradient with respect to the weights to dw.
	BackwardWeights(dw, x, dy, scratch []T)
}

// New returns the algorithm that is best for the shape, which must be valid.
func New[T gemm.Float](s Shape) Algorithm[T] { return newDirect[T](s) }
