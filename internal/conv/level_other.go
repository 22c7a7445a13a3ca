//go:build purego || (!amd64 && !arm64)

package conv

import "github.com/isrlu/isrlu/internal/cpu"

func transforms32(cpu.Level) *transforms[float32] { return &portableTransforms32 }

func depthwise32(cpu.Level) *depthwiseKernels[float32] { return &portableDepthwise32 }
