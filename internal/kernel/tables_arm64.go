//go:build !purego

package kernel

import "github.com/isrlu/isrlu/internal/cpu"

func tables32(l cpu.Level) *table[float32] {
	if l == cpu.NEON {
		return &table32NEON
	}
	return &table32Portable
}

func tables64(l cpu.Level) *table[float64] {
	if l == cpu.NEON {
		return &table64NEON
	}
	return &table64Portable
}
