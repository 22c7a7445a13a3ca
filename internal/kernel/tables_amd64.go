//go:build !purego

package kernel

import "github.com/isrlu/isrlu/internal/cpu"

func tables32(l cpu.Level) *table[float32] {
	switch l {
	case cpu.AVX512:
		return &table32AVX512
	case cpu.AVX2:
		return &table32AVX2
	}
	return &table32Portable
}

func tables64(l cpu.Level) *table[float64] {
	switch l {
	case cpu.AVX512:
		return &table64AVX512
	case cpu.AVX2:
		return &table64AVX2
	}
	return &table64Portable
}
