//go:build !purego

package pool

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns the kernels of a level, or nil if it has none.
func level32(l cpu.Level) *kernels {
	switch l {
	case cpu.AVX512:
		return &kernelsAVX512
	case cpu.AVX2:
		return &kernelsAVX2
	}
	return nil
}
