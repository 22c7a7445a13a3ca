package rsqrt

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/kernel"
)

// This file joins the package to the kernels of internal/kernel.

// A kernelSet has the kernels of one element type, by precision.
type kernelSet[T float32 | float64] [kernel.NumPrecisions]kernel.Set[T]

var (
	kernels32 = kernelsOf(kernel.Float32(cpu.Active()))
	kernels64 = kernelsOf(kernel.Float64(cpu.Active()))
)

func kernelsOf[T float32 | float64](t kernel.Table[T]) *kernelSet[T] {
	var k kernelSet[T]
	for p := range k {
		k[p] = t.Set(kernel.Rsqrt, kernel.Precision(p))
	}
	return &k
}

// chunk is the most elements that one call of a kernel takes: the scheduler
// cannot stop a goroutine inside assembly.
const chunk = 1 << 20

// streamBytes is the size of a destination from which streaming stores win,
// as in package isrlu.
const streamBytes = 32 << 20

// run applies the kernel to slices that have been checked.
func (k *kernelSet[T]) run(dst, src []T, p Precision) {
	if int(p) >= len(k) {
		panic("rsqrt: unknown precision " + p.String())
	}
	forward := k[p].Forward
	if size := int(unsafe.Sizeof(T(0))); k[p].Stream != nil && len(dst)*size >= streamBytes && &dst[0] != &src[0] {
		off := -uintptr(unsafe.Pointer(&dst[0])) % kernel.StreamAlign
		if off%unsafe.Sizeof(T(0)) == 0 {
			head := int(off) / size
			call(forward, dst[:head], src)
			forward, dst, src = k[p].Stream, dst[head:], src[head:]
		}
	}
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		call(forward, dst[:n], src)
		dst, src = dst[n:], src[n:]
	}
}

func call[T float32 | float64](f kernel.Unary[T], dst, src []T) {
	if len(dst) > 0 {
		f(noescape(&dst[0]), noescape(&src[0]), len(dst), nil)
	}
}

// noescape hides a pointer from escape analysis, which must assume that a
// kernel called through a table keeps it. No kernel does.
func noescape[T any](p *T) *T {
	x := uintptr(unsafe.Pointer(p))
	return *(**T)(unsafe.Pointer(&x))
}
