//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
)

// The conversions take whole vectors of 8; the rest is converted one by one,
// with the same result. AVX-512 machines run them too: they are bound by the
// kernels between them.

//go:noescape
func widenBFloat16AVX2(dst *float32, src *uint16, n int)

//go:noescape
func narrowBFloat16AVX2(dst *uint16, src *float32, n int)

//go:noescape
func widenFloat16AVX2(dst *float32, src *uint16, n int)

//go:noescape
func narrowFloat16AVX2(dst *uint16, src *float32, n int)

func bfloat16(l cpu.Level) (Half, bool) {
	return Half{
		func(dst *float32, src *uint16, n int) {
			v := n &^ 7
			widenBFloat16AVX2(dst, src, v)
			widenBFloat16Portable(at(dst, v, n), at(src, v, n), n-v)
		},
		func(dst *uint16, src *float32, n int) {
			v := n &^ 7
			narrowBFloat16AVX2(dst, src, v)
			narrowBFloat16Portable(at(dst, v, n), at(src, v, n), n-v)
		},
	}, l >= cpu.AVX2
}

func float16(l cpu.Level) (Half, bool) {
	return Half{
		func(dst *float32, src *uint16, n int) {
			v := n &^ 7
			widenFloat16AVX2(dst, src, v)
			widenFloat16Portable(at(dst, v, n), at(src, v, n), n-v)
		},
		func(dst *uint16, src *float32, n int) {
			v := n &^ 7
			narrowFloat16AVX2(dst, src, v)
			narrowFloat16Portable(at(dst, v, n), at(src, v, n), n-v)
		},
	}, l >= cpu.AVX2
}

// at returns a pointer to element i of n, or to the first if there is none.
func at[T any](p *T, i, n int) *T {
	if i == n {
		return p
	}
	return &unsafe.Slice(p, n)[i]
}
