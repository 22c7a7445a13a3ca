//go:build !purego

package pool

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns the kernels of a level, or nil if it has none.
func level32(l cpu.Level) *kernels {
	if l == cpu.NEON {
		return &kernelsNEON
	}
	return nil
}
