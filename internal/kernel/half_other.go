//go:build purego || (!amd64 && !arm64)

package kernel

import "github.com/isrlu/isrlu/internal/cpu"

func bfloat16(cpu.Level) (Half, bool) { return Half{}, false }

func float16(cpu.Level) (Half, bool) { return Half{}, false }
