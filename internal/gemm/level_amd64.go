//go:build !purego

package gemm

import (
	"unsafe"

	"github.com/isrlu/isrlu/internal/cpu"
)

func level32(l cpu.Level) *tiles[float32] {
	switch l {
	case cpu.AVX512:
		return &tilesAVX512
	case cpu.AVX2:
		return &tilesAVX2
	}
	return &portable32
}

// laneMask is read at an offset, so that as many lanes as wanted are set.
var laneMask = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// bitMasks hold the k registers of 0 to 16 lanes.
var bitMasks = func() (m [17]uint32) {
	for i := range m {
		m[i] = 1<<i - 1
	}
	return m
}()

// mask returns what a masked kernel of so many lanes a vector needs to touch
// the first n.
func mask(lanes, n int) unsafe.Pointer {
	if lanes == 16 {
		return unsafe.Pointer(&bitMasks[n])
	}
	return unsafe.Pointer(&laneMask[8-n])
}
