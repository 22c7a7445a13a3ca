//go:build !purego

package adam

import "github.com/isrlu/isrlu/internal/cpu"

// level returns the kernel of a level, or nil if it has none.
func level(l cpu.Level) *kernel {
	if l == cpu.NEON {
		return &kernel{updateNEON, 4}
	}
	return nil
}
