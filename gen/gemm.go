package main

import (
	"fmt"
	"strings"
)

// A tileShape is that of a level's full tile: rows times vectors of
// accumulators, chosen so that they, the vectors of b and one element of a fit
// the registers, and a full tile needs fewer loads than multiply-adds.
type tileShape struct {
	rows, vectors int
	lanes         int // of a vector
}

// Of the shapes that fit NEON's 32 registers, 6x4 has the fewest loads, and its
// panels of 16 columns divide the usual widths of layers.
var gemmShapes = map[Level]tileShape{
	NEON:   {6, 4, 4},
	AVX2:   {6, 2, 8},
	AVX512: {14, 2, 16},
}

// A gemmLevel is a level with its tile.
type gemmLevel struct {
	simdLevel
	tileShape
}

// Offsets of the fields of internal/gemm's args.
const (
	argA, argB, argC, argBias      = 0, 8, 16, 24
	argSegments, argDepth          = 32, 40
	argASegment, argAStep, argARow = 48, 56, 64
	argBSegment, argBStep, argCRow = 72, 80, 88
	argAccumulate, argMask         = 96, 104
	argControl, argFlushing        = 112, 116
	argTiles, argATile, argCTile   = 120, 128, 136
	// What a kernel keeps for itself: the addresses of the tile's a and c and
	// the tiles left, the addresses of the segment's a and b and the segments left.
	argTileA, argTileC, argTilesLeft          = 144, 152, 160
	argSegmentA, argSegmentB, argSegmentsLeft = 168, 176, 184
)

// A tile is one kernel. It computes rows x vectors accumulators,
//
//	acc[i] = bias + sum over s, k of a[s*aSegment + k*aStep + i*aRow] * b[s*bSegment + k*bStep + lanes]
//
// and stores them at c + i*cRow, added to what is there if accumulate is not 0.
// It goes on so for as many tiles, a and c moving by aTile and cTile from each
// to the next. In a masked kernel the last vector of b, bias and c has only some
// lanes.
type tile struct {
	rows, vectors int
	masked        bool
}

// partial tells whether vector v has only some lanes.
func (t *tile) partial(v int) bool { return t.masked && v == t.vectors-1 }

func (t *tile) symbol(l gemmLevel) string {
	s := fmt.Sprintf("tile%dx%d", t.rows, t.vectors)
	if t.masked {
		s += "Masked"
	}
	return s + l.name
}

// tiles are the kernels of a level: for every number of rows and vectors up to
// the full tile's, full and masked.
func (l gemmLevel) tiles() []tile {
	var list []tile
	for _, masked := range []bool{false, true} {
		for v := 1; v <= l.vectors; v++ {
			for r := 1; r <= l.rows; r++ {
				list = append(list, tile{r, v, masked})
			}
		}
	}
	return list
}

// gemmFile returns the kernels of a level.
func gemmFile(l gemmLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
	for _, t := range l.tiles() {
		if l.level == NEON {
			e := &neonTile{tile: t, neon: neon{out: &s}}
			e.kernel(t.symbol(l))
		} else {
			e := &x86Tile{tile: t, x86: x86{level: l.level, out: &s}}
			e.kernel(t.symbol(l))
		}
	}
	return []byte(s.String())
}

// gemmStubs declares the kernels of a level and puts them into a table.
func gemmStubs(l gemmLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage gemm\n\n")
	fmt.Fprintf(&s, "var tiles%s = tiles[float32]{\nrows: %d,\nlanes: %d,\nvectors: %d,\n", l.name, l.rows, l.lanes, l.vectors)
	for i, t := range l.tiles() {
		if i == 0 {
			s.WriteString("full: [][]kernel[float32]{\n")
		} else if i == l.rows*l.vectors {
			s.WriteString("},\nmasked: [][]kernel[float32]{\n")
		}
		if t.rows == 1 {
			s.WriteString("{")
		}
		s.WriteString(t.symbol(l) + ", ")
		if t.rows == l.rows {
			s.WriteString("},\n")
		}
	}
	s.WriteString("},\n}\n\n")
	for _, t := range l.tiles() {
		fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *args[float32])\n\n", t.symbol(l))
	}
	return gofmt(s.String())
}
