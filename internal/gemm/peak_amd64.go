//go:build !purego

package gemm

import "github.com/isrlu/isrlu/internal/cpu"

func peakOf(l cpu.Level) *peakLoop {
	switch l {
	case cpu.AVX512:
		return &peakLoopAVX512
	case cpu.AVX2:
		return &peakLoopAVX2
	}
	return &peakPortable
}
