package rsqrt

import (
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

// run applies the kernel to slices that have been checked.
func (k *kernelSet[T]) run(dst, src []T, p Precision) {
	if int(p) >= len(k) {
		panic("rsqrt: unknown precision " + p.String())
	}
	kernel.Run(k[p].Forward, k[p].Stream, dst, src, nil)
}
