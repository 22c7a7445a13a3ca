//go:build !purego

package rows

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns the kernels of a level.
func level32(l cpu.Level) *table[float32] {
	switch l {
	case cpu.AVX512:
		return &tableAVX512
	case cpu.AVX2:
		return &tableAVX2
	}
	return &table32Portable
}
