package main

import "fmt"

// encFMLALane is FMLA by element 0 of the last operand.
const encFMLALane = 0x4f801000

// neonTile writes a tile for arm64. The lanes of a partial vector beyond the
// last column repeat that column: they are read and written at its address, so
// that there are no branches and nothing beyond it is touched.
//
// General registers: R0 the arguments, R1 and R2 the elements of a and b, R3
// the depth left, R4 and R5 the steps of a and b, R6 and R7 the segment of a and
// b, R8 the segments left, R9 to R13 the multiples of aRow from 1 on, R14 FPCR
// as it was, R15 and R19 the offsets of lanes 1 and 2 of a partial vector, R20
// and R21 their addresses, R22 and R23 scratch, R24 and R25 the tile's a and c,
// R26 the tiles left.
type neonTile struct {
	tile
	neon
}

// acc is the register of row i, vector v.
func (t *neonTile) acc(i, v int) int { return i*t.vectors + v }

// After the accumulators: the vectors of b, and in what is left the elements
// of a by turns.
func (t *neonTile) b(v int) int { return t.rows*t.vectors + v }
func (t *neonTile) a(i int) int { return t.b(t.vectors) + i%t.ahead() }

// ahead is the number of rows whose elements are loaded before the first is
// used: processors that run in order would wait for each.
func (t *neonTile) ahead() int { return min(t.rows, 32-t.b(t.vectors)) }

func (t *neonTile) kernel(sym string) {
	fmt.Fprintf(t.out, "// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	t.emit("MOVD p+0(FP), R0")
	if t.masked {
		t.emit("MOVD %d(R0), R22", argMask)
		t.emit("LDP  (R22), (R15, R19)")
	}
	t.flushSubnormals(22)
	for i := 1; i < t.rows; i++ {
		if i == 1 {
			t.emit("MOVD %d(R0), R9", argARow)
		} else {
			t.emit("ADD  R9, R%d, R%d", 7+i, 8+i)
		}
	}
	t.emit("MOVD %d(R0), R4", argAStep)
	t.emit("MOVD %d(R0), R24", argA)
	t.emit("MOVD %d(R0), R25", argC)
	t.emit("MOVD %d(R0), R26", argTiles)
	fmt.Fprintf(t.out, "\ntile:\n")
	t.emit("MOVD %d(R0), R5", argBStep)
	t.start()
	t.emit("MOVD R24, R6")
	t.emit("MOVD %d(R0), R7", argB)
	t.emit("MOVD %d(R0), R8", argSegments)
	fmt.Fprintf(t.out, "\nsegment:\n")
	t.emit("MOVD R6, R1")
	t.emit("MOVD R7, R2")
	t.lanesAt("R2")
	t.emit("MOVD %d(R0), R3", argDepth)
	fmt.Fprintf(t.out, "\nstep:\n")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "R2", "R5", t.b(v))
	}
	for i := 0; i < t.ahead(); i++ {
		t.element(i)
	}
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			d, n, m := t.acc(i, v), t.b(v), t.a(i)
			t.word(encFMLALane|uint32(m)<<16|uint32(n)<<5|uint32(d), "FMLA V%d.4S, V%d.4S, V%d.S[0]", d, n, m)
		}
		if next := i + t.ahead(); next < t.rows {
			t.element(next)
		}
	}
	t.emit("ADD  R4, R1")
	t.emit("ADD  R5, R2")
	t.emit("SUBS $1, R3")
	t.emit("BNE  step")
	fmt.Fprintln(t.out)
	t.emit("MOVD %d(R0), R22", argASegment)
	t.emit("MOVD %d(R0), R23", argBSegment)
	t.emit("ADD  R22, R6")
	t.emit("ADD  R23, R7")
	t.emit("SUBS $1, R8")
	t.emit("BNE  segment")
	fmt.Fprintln(t.out)
	t.finish()
	t.emit("MOVD %d(R0), R22", argATile)
	t.emit("MOVD %d(R0), R23", argCTile)
	t.emit("ADD  R22, R24")
	t.emit("ADD  R23, R25")
	t.emit("SUBS $1, R26")
	t.emit("BNE  tile")
	t.emit("MOVD R14, FPCR")
	t.emit("RET")
	fmt.Fprintln(t.out)
}

// element loads the element of row i of a.
func (t *neonTile) element(i int) {
	if i == 0 {
		t.emit("FMOVS (R1), F%d", t.a(i))
	} else {
		t.emit("FMOVS (R1)(R%d), F%d", 8+i, t.a(i))
	}
}

// lanesAt sets the addresses of lanes 1 and 2 of the partial vector of the row
// at base.
func (t *neonTile) lanesAt(base string) {
	if t.masked {
		t.emit("ADD  $%d, %s, R22", 16*(t.vectors-1), base)
		t.emit("ADD  R15, R22, R20")
		t.emit("ADD  R19, R22, R21")
	}
}

// load loads vector v of the row at base. A partial vector's addresses go on to
// the next row.
func (t *neonTile) load(v int, base, step string, d int) {
	if !t.partial(v) {
		t.emit("FMOVQ %d(%s), F%d", 16*v, base, d)
		return
	}
	t.emit("FMOVS %d(%s), F%d", 16*v, base, d)
	t.emit("VLD1.P (R20)(%s), V%d.S[1]", step, d)
	t.emit("VLD1.P (R21)(%s), V%d.S[2]", step, d)
}

func (t *neonTile) store(v, s int, base, step string) {
	if !t.partial(v) {
		t.emit("FMOVQ F%d, %d(%s)", s, 16*v, base)
		return
	}
	t.emit("FMOVS F%d, %d(%s)", s, 16*v, base)
	t.emit("VST1.P V%d.S[1], (R20)(%s)", s, step)
	t.emit("VST1.P V%d.S[2], (R21)(%s)", s, step)
}

// start sets the accumulators to the bias, or to 0 where there is none.
func (t *neonTile) start() {
	t.emit("MOVD %d(R0), R23", argBias)
	for v := 0; v < t.vectors; v++ {
		r := t.acc(0, v)
		t.three(encEOR, "EOR", "16B", r, r, r)
	}
	t.emit("CBZ  R23, fill")
	t.lanesAt("R23")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "R23", "R5", t.acc(0, v))
	}
	fmt.Fprintf(t.out, "\nfill:\n")
	for i := 1; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			r := t.acc(0, v)
			t.three(encORR, "ORR", "16B", t.acc(i, v), r, r)
		}
	}
}

// finish stores the accumulators.
func (t *neonTile) finish() {
	t.emit("MOVD R25, R1")
	t.emit("MOVD %d(R0), R5", argCRow)
	t.emit("MOVD %d(R0), R23", argAccumulate)
	t.emit("CBZ  R23, store")
	t.emit("MOVD R1, R2")
	t.lanesAt("R2")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.load(v, "R2", "R5", t.b(v))
			t.three(encFADD, "FADD", "4S", t.acc(i, v), t.acc(i, v), t.b(v))
		}
		if i < t.rows-1 {
			t.emit("ADD  R5, R2")
		}
	}
	fmt.Fprintf(t.out, "\nstore:\n")
	t.lanesAt("R1")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.store(v, t.acc(i, v), "R1", "R5")
		}
		if i < t.rows-1 {
			t.emit("ADD  R5, R1")
		}
	}
}
