//go:build !purego

package kernel

import "github.com/isrlu/isrlu/internal/cpu"

// Go's compiler converts these loops well enough on arm64: the kernels
// between the conversions take most of the time.

func bfloat16(cpu.Level) (Half, bool) { return Half{}, false }

func float16(cpu.Level) (Half, bool) { return Half{}, false }
