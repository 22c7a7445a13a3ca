//go:build purego || (!amd64 && !arm64)

package gemm

import "github.com/isrlu/isrlu/internal/cpu"

func peakOf(cpu.Level) *peakLoop { return &peakPortable }
