package isrlu

import (
	"fmt"
	"unsafe"

	"github.com/isrlu/isrlu/internal/kernel"
)

// chunk is the most elements that one kernel call takes. The scheduler cannot
// stop a goroutine inside assembly, so that a longer call would hold up
// garbage collection; this one takes a fraction of a millisecond.
const chunk = 1 << 20

// streamBytes is the size of a destination from which streaming stores win:
// an ordinary store reads the line first. Below it, the result may still be
// in a cache when it is used. docs/speed.md has the measurement.
const streamBytes = 32 << 20

// noescape hides a pointer from escape analysis, which must assume that a
// kernel called through a table keeps it. No kernel does.
func noescape[T any](p *T) *T {
	x := uintptr(unsafe.Pointer(p))
	return *(**T)(unsafe.Pointer(&x))
}

// unary runs a kernel over dst and src, with streaming stores if that is
// possible and worth it.
func unary[T float32 | float64](k, stream kernel.Unary[T], dst, src []T, p *T) {
	checkLengths(len(dst), "src", len(src))
	n := len(dst)
	if n == 0 {
		return
	}
	d, s := noescape(&dst[0]), noescape(&src[0])
	checkOverlap(d, s, n)
	if n <= chunk {
		k(d, s, n, p)
		return
	}
	unaryLong(k, stream, dst, src, p)
}

func unaryLong[T float32 | float64](k, stream kernel.Unary[T], dst, src []T, p *T) {
	size := int(unsafe.Sizeof(dst[0]))
	if stream != nil && len(dst)*size >= streamBytes && &dst[0] != &src[0] {
		// Up to a boundary of StreamAlign with ordinary stores.
		if off := int(uintptr(unsafe.Pointer(&dst[0])) % kernel.StreamAlign); off != 0 && off%size == 0 {
			head := (kernel.StreamAlign - off) / size
			k(noescape(&dst[0]), noescape(&src[0]), head, p)
			dst, src = dst[head:], src[head:]
		}
		if uintptr(unsafe.Pointer(&dst[0]))%kernel.StreamAlign == 0 {
			k = stream
		}
	}
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		k(noescape(&dst[0]), noescape(&src[0]), n, p)
		dst, src = dst[n:], src[n:]
	}
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
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		k(noescape(&dst[0]), noescape(&a[0]), noescape(&b[0]), n, p)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
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

// checkOverlap panics if n elements at d and s overlap without being the same.
func checkOverlap[T any](d, s *T, n int) {
	a, b := uintptr(unsafe.Pointer(d)), uintptr(unsafe.Pointer(s))
	bytes := uintptr(n) * unsafe.Sizeof(*d)
	if a != b && a < b+bytes && b < a+bytes {
		panicOverlap()
	}
}

//go:noinline
func panicOverlap() {
	panic("isrlu: the destination overlaps an input without being the same slice")
}
