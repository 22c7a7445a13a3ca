//go:build purego || (!amd64 && !arm64)

package adam

import "github.com/isrlu/isrlu/internal/cpu"

// level returns nil: there is no assembly.
func level(cpu.Level) *kernel { return nil }
