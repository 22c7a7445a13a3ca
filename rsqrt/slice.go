package rsqrt

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/kernel"
)

// A Precision chooses how [Slice] computes.
type Precision uint8

const (
	// Default refines the processor's estimate, where it has one, to an error
	// of at most 4 ulp.
	Default = Precision(kernel.Default)
	// Exact is [Of] for each element: the same bits on every machine and
	// SIMD level, NaN aside, within 1.5 ulp.
	Exact = Precision(kernel.Exact)
	// Fast is the processor's estimate, where it has one, with a relative
	// error of at most 2^-11: as it is, or refined where it has fewer bits.
	Fast = Precision(kernel.Fast)
)

var precisionNames = [kernel.NumPrecisions]string{Default: "default", Exact: "exact", Fast: "fast"}

// String returns the name of the precision, such as "default".
func (p Precision) String() string {
	if int(p) >= len(precisionNames) {
		return fmt.Sprintf("Precision(%d)", uint8(p))
	}
	return precisionNames[p]
}

// Slice sets dst[i] = 1/sqrt(src[i]) in the given precision. The result for
// an element does not depend on its place in the slice.
func Slice(dst, src []float32, p Precision) {
	checkSlices(dst, src)
	kernels32.run(dst, src, p)
}

// Slice64 is [Slice] in float64.
func Slice64(dst, src []float64, p Precision) {
	checkSlices(dst, src)
	kernels64.run(dst, src, p)
}

// checkSlices panics unless dst and src have the same length and are the same
// slice or apart.
func checkSlices[T float32 | float64](dst, src []T) {
	if len(dst) != len(src) {
		panicLengths(len(dst), len(src))
	}
	if len(dst) > 0 && kernel.Overlap(&dst[0], &src[0], len(dst)) {
		panicOverlap()
	}
}

//go:noinline
func panicLengths(dst, src int) {
	panic(fmt.Sprintf("rsqrt: dst has length %d, src has %d", dst, src))
}

//go:noinline
func panicOverlap() {
	panic("rsqrt: dst overlaps src without being the same slice")
}
