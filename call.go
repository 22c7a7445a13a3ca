package isrlu

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/kernel"
)

// unary runs a kernel over dst and src.
func unary[T float32 | float64](k, stream kernel.Unary[T], dst, src []T, p *T) {
	checkLengths(len(dst), "src", len(src))
	if len(dst) == 0 {
		return
	}
	checkOverlap(&dst[0], &src[0], len(dst))
	kernel.Run(k, stream, dst, src, p)
}

// binary runs a kernel over dst, a and b.
func binary[T float32 | float64](k kernel.Binary[T], dst, a, b []T, bName string, p *T) {
	checkLengths(len(dst), "dy", len(a))
	checkLengths(len(dst), bName, len(b))
	if len(dst) == 0 {
		return
	}
	checkOverlap(&dst[0], &a[0], len(dst))
	checkOverlap(&dst[0], &b[0], len(dst))
	kernel.RunBinary(k, dst, a, b, p)
}

func checkLengths(dst int, name string, n int) {
	if dst != n {
		panicLengths(dst, name, n)
	}
}

//go:noinline
func panicLengths(dst int, name string, n int) {
	panic(fmt.Sprintf("isrlu: the destination has length %d, %s has %d", dst, name, n))
}

func checkOverlap[T any](d, s *T, n int) {
	if kernel.Overlap(d, s, n) {
		panicOverlap()
	}
}

//go:noinline
func panicOverlap() {
	panic("isrlu: the destination overlaps an input without being the same slice")
}
