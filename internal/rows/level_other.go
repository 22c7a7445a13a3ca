//go:build purego || (!amd64 && !arm64)

package rows

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns the portable kernels: there is no assembly.
func level32(cpu.Level) *table[float32] { return &table32Portable }
