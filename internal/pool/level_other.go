//go:build purego || (!amd64 && !arm64)

package pool

import "github.com/isrlu/isrlu/internal/cpu"

// level32 returns nil: there is no assembly.
func level32(cpu.Level) *kernels { return nil }
