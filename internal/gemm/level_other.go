//go:build purego || (!amd64 && !arm64)

package gemm

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
)

func level32(cpu.Level) *tiles[float32] { return &portable32 }

// mask is nil: the portable tile counts lanes.
func mask(int, int) unsafe.Pointer { return nil }
