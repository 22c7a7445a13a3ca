//go:build !purego

package gemm

import "github.com/isrlu/isrlu/internal/cpu"

func peakOf(l cpu.Level) *peakLoop {
	if l == cpu.NEON {
		return &peakLoopNEON
	}
	return &peakPortable
}
