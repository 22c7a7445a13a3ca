//go:build !purego

package conv

import "github.com/isrlu/isrlu/internal/cpu"

func transforms32(l cpu.Level) *transforms[float32] {
	if l == cpu.NEON {
		return &transformsNEON
	}
	return &portableTransforms32
}

func depthwise32(l cpu.Level) *depthwiseKernels[float32] {
	if l == cpu.NEON {
		return &depthwiseKernelsNEON
	}
	return &portableDepthwise32
}
