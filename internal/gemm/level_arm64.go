//go:build !purego

package gemm

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
)

func level32(l cpu.Level) *tiles[float32] {
	if l == cpu.NEON {
		return &tilesNEON
	}
	return &portable32
}

// laneOffsets are those of lanes 1 and 2 of a vector of 1 to 3 elements: the
// lanes that it lacks stand where its last element is.
var laneOffsets = [3][2]int{{0, 0}, {4, 4}, {4, 8}}

// mask returns what a masked kernel needs to touch the first n lanes.
func mask(_, n int) unsafe.Pointer { return unsafe.Pointer(&laneOffsets[n-1]) }
