//go:build purego || (!amd64 && !arm64)

package kernel

import "github.com/isrlu/isrlu/internal/cpu"

func tables32(cpu.Level) *table[float32] { return &table32Portable }

func tables64(cpu.Level) *table[float64] { return &table64Portable }
