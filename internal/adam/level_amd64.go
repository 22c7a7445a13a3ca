//go:build !purego

package adam

import "github.com/isrlu/isrlu/internal/cpu"

// level returns the kernel of a level, or nil if it has none.
func level(l cpu.Level) *kernel {
	switch l {
	case cpu.AVX512:
		return &kernel{updateAVX512, 16}
	case cpu.AVX2:
		return &kernel{updateAVX2, 8}
	}
	return nil
}
