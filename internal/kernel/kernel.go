// Package kernel holds the element-wise kernels, one table of them for each
// SIMD level.
//
// A kernel knows numbers and memory, not activation functions: what its
// parameters mean stands beside its description in gen, and package isrlu
// joins the two. Everything but this file, the 16-bit conversions and the
// tests is generated.
package kernel

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/cpu"
)

// NumParams is the length of the array that a kernel's p points to.
const NumParams = 16

// A Unary kernel writes dst[i] = f(src[i]) for 0 <= i < n. It needs n >= 0
// and valid pointers to n elements, of any alignment, where dst is src or
// does not overlap it. A kernel whose parameters are unused ignores p.
type Unary[T float32 | float64] func(dst, src *T, n int, p *T)

// A Binary kernel writes dst[i] = f(a[i], b[i]) for 0 <= i < n under the same
// conditions; dst may be a or b.
type Binary[T float32 | float64] func(dst, a, b *T, n int, p *T)

// A Set holds the kernels of one function in one precision. A nil entry has
// no kernel.
type Set[T float32 | float64] struct {
	Forward Unary[T]
	// Stream is Forward with stores that bypass the caches, for destinations
	// that are aligned to StreamAlign and will not be read soon.
	Stream         Unary[T]
	Backward       Binary[T] // (dx, dy, x)
	BackwardOutput Binary[T] // (dx, dy, y)
	Second         Unary[T]
	Inverse        Unary[T]
	ParamGrad0     Binary[T] // (dst, dy, x)
	ParamGrad1     Binary[T]
}

// StreamAlign is the alignment in bytes that Stream kernels need of dst.
const StreamAlign = 64

// A Precision chooses between kernels of the same function.
type Precision int

// The precisions, in the order of root's Precision.
const (
	Default Precision = iota
	Exact
	Fast
	NumPrecisions
)

type table[T float32 | float64] [NumIDs][NumPrecisions]Set[T]

func (id ID) String() string {
	if id < 0 || id >= NumIDs {
		return fmt.Sprintf("ID(%d)", int(id))
	}
	return idNames[id]
}

// Table32 and Table64 are the kernels of one level.
type (
	Table32 = Table[float32]
	Table64 = Table[float64]
)

// A Table is the kernels of one level for one element type.
type Table[T float32 | float64] struct{ t *table[T] }

// Own returns the kernels that the level has of the function in just this
// precision.
func (t Table[T]) Own(id ID, p Precision) Set[T] { return t.t[id][p] }

// Set returns the kernels that serve the function in the precision: its own,
// where there is none those of Default, then of Exact, which are at least as
// accurate.
func (t Table[T]) Set(id ID, p Precision) Set[T] {
	s := t.t[id][p]
	for _, q := range []Precision{Default, Exact} {
		s.fill(&t.t[id][q])
	}
	if p == Exact {
		s = t.t[id][Exact]
	}
	return s
}

// fill takes from o what s lacks. A streaming kernel goes with its forward.
func (s *Set[T]) fill(o *Set[T]) {
	if s.Forward == nil {
		s.Forward, s.Stream = o.Forward, o.Stream
	}
	if s.Backward == nil {
		s.Backward = o.Backward
	}
	if s.BackwardOutput == nil {
		s.BackwardOutput = o.BackwardOutput
	}
	if s.Second == nil {
		s.Second = o.Second
	}
	if s.Inverse == nil {
		s.Inverse = o.Inverse
	}
	if s.ParamGrad0 == nil {
		s.ParamGrad0 = o.ParamGrad0
	}
	if s.ParamGrad1 == nil {
		s.ParamGrad1 = o.ParamGrad1
	}
}

// Float32 returns the float32 kernels of a level, which must be available.
func Float32(l cpu.Level) Table32 { return Table32{tables32(l)} }

// Float64 returns the float64 kernels of a level, which must be available.
func Float64(l cpu.Level) Table64 { return Table64{tables64(l)} }

// Precisions returns those in which the function has a forward kernel of its
// own on some SIMD level.
func Precisions(id ID) []Precision { return slices.Clone(ownPrecisions[id]) }
