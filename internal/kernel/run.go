package kernel

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/noescape"
)

// Chunk is the most elements that one kernel call takes. The scheduler cannot
// stop a goroutine inside assembly, so that a longer call would hold up
// garbage collection; this one takes a fraction of a millisecond.
const Chunk = 1 << 20

// StreamBytes is the size of a destination from which streaming stores win:
// an ordinary store reads the line first. Below it, the result may still be
// in a cache when it is used. docs/speed.md has the measurement.
const StreamBytes = 32 << 20

// Overlap reports whether n elements at d and at s overlap without being the
// same.
func Overlap[T any](d, s *T, n int) bool {
	a, b := uintptr(unsafe.Pointer(d)), uintptr(unsafe.Pointer(s))
	bytes := uintptr(n) * unsafe.Sizeof(*d)
	return a != b && a < b+bytes && b < a+bytes
}

// Run applies k to src in chunks, with streaming stores if stream is not nil
// and they are worth it. The slices have the same length.
func Run[T float32 | float64](k, stream Unary[T], dst, src []T, p *T) {
	if len(dst) > Chunk {
		k, dst, src = startStream(k, stream, dst, src, p)
	}
	for len(dst) > 0 {
		n := min(len(dst), Chunk)
		k(noescape.Pointer(&dst[0]), noescape.Pointer(&src[0]), n, p)
		dst, src = dst[n:], src[n:]
	}
}

// startStream does the elements up to a boundary of StreamAlign with ordinary
// stores and returns the streaming kernel for the rest, or what it was given
// where streaming is not possible or not worth it.
func startStream[T float32 | float64](k, stream Unary[T], dst, src []T, p *T) (Unary[T], []T, []T) {
	size := unsafe.Sizeof(dst[0])
	d := uintptr(unsafe.Pointer(&dst[0]))
	gap := -d % StreamAlign
	if stream == nil || uintptr(len(dst))*size < StreamBytes || &dst[0] == &src[0] || gap%size != 0 {
		return k, dst, src
	}
	if head := int(gap / size); head > 0 {
		k(noescape.Pointer(&dst[0]), noescape.Pointer(&src[0]), head, p)
		dst, src = dst[head:], src[head:]
	}
	return stream, dst, src
}

// RunBinary applies k to a and b in chunks. The slices have the same length.
func RunBinary[T float32 | float64](k Binary[T], dst, a, b []T, p *T) {
	for len(dst) > 0 {
		n := min(len(dst), Chunk)
		k(noescape.Pointer(&dst[0]), noescape.Pointer(&a[0]), noescape.Pointer(&b[0]), n, p)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
}
