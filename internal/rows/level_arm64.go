//go:build !purego

package rows

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns the kernels of a level.
func level32(l cpu.Level) *table[float32] {
	if l == cpu.NEON {
		return &tableNEON
	}
	return &table32Portable
}
