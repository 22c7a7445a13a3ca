package gemm

import "unsafe"

// The portable tile is what fits the scalar registers of amd64 and arm64.
const (
	portableRows  = 2
	portableLanes = 4
)

// portable returns the tiles in Go: one kernel for all shapes.
func portable[T Float]() *tiles[T] {
	var z T
	if _, ok := any(z).(float32); ok {
		return any(&portable32).(*tiles[T])
	}
	return any(&portable64).(*tiles[T])
}

var (
	portable32 = portableTiles(portableRun[float32])
	portable64 = portableTiles(portableRun[float64])
)

func portableTiles[T Float](k func(p *args[T], rows, vectors int)) tiles[T] {
	t := tiles[T]{rows: portableRows, lanes: portableLanes, vectors: 1}
	var row []kernel[T]
	for r := 1; r <= t.rows; r++ {
		row = append(row, func(p *args[T]) { k(p, r, 1) })
	}
	t.full = [][]kernel[T]{row}
	t.masked = t.full
	return t
}

func at[T any](p *T, bytes int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), bytes)) }

// portableRun is the definition of a kernel.
func portableRun[T Float](p *args[T], rows, _ int) {
	x := *p
	for i := range p.tiles {
		x.a, x.c = at(p.a, i*p.aTile), at(p.c, i*p.cTile)
		portableTile(&x, rows)
	}
}

func portableTile[T Float](p *args[T], rows int) {
	size := int(unsafe.Sizeof(*p.a))
	n := p.lastLanes
	var acc [portableRows][portableLanes]T
	if p.bias != nil {
		for i := range rows {
			for j := range n {
				acc[i][j] = *at(p.bias, j*size)
			}
		}
	}
	for s := range p.segments {
		a, b := at(p.a, s*p.aSegment), at(p.b, s*p.bSegment)
		if rows == portableRows && n == portableLanes {
			fullTile(&acc, p, a, b)
			continue
		}
		for k := range p.depth {
			for i := range rows {
				x := *at(a, k*p.aStep+i*p.aRow)
				for j := range n {
					acc[i][j] += x * *at(b, k*p.bStep+j*size)
				}
			}
		}
	}
	for i := range rows {
		for j := range n {
			c := at(p.c, i*p.cRow+j*size)
			if p.accumulate != 0 {
				*c += acc[i][j]
			} else {
				*c = acc[i][j]
			}
		}
	}
}

// fullTile adds one segment, with the accumulators in variables.
func fullTile[T Float](acc *[portableRows][portableLanes]T, p *args[T], a, b *T) {
	c00, c01, c02, c03 := acc[0][0], acc[0][1], acc[0][2], acc[0][3]
	c10, c11, c12, c13 := acc[1][0], acc[1][1], acc[1][2], acc[1][3]
	for k := range p.depth {
		x0, x1 := *at(a, k*p.aStep), *at(a, k*p.aStep+p.aRow)
		y := (*[portableLanes]T)(unsafe.Pointer(at(b, k*p.bStep)))
		c00 += x0 * y[0]
		c01 += x0 * y[1]
		c02 += x0 * y[2]
		c03 += x0 * y[3]
		c10 += x1 * y[0]
		c11 += x1 * y[1]
		c12 += x1 * y[2]
		c13 += x1 * y[3]
	}
	acc[0] = [portableLanes]T{c00, c01, c02, c03}
	acc[1] = [portableLanes]T{c10, c11, c12, c13}
}
