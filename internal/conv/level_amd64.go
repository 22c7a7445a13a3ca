//go:build !purego

package conv

import "github.com/isrlu/isrlu/internal/cpu"

func transforms32(l cpu.Level) *transforms[float32] {
	switch l {
	case cpu.AVX512:
		return &transformsAVX512
	case cpu.AVX2:
		return &transformsAVX2
	}
	return &portableTransforms32
}

func depthwise32(l cpu.Level) *depthwiseKernels[float32] {
	switch l {
	case cpu.AVX512:
		return &depthwiseKernelsAVX512
	case cpu.AVX2:
		return &depthwiseKernelsAVX2
	}
	return &portableDepthwise32
}
