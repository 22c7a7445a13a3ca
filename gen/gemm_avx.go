package main

import "fmt"

// x86Tile writes a tile for amd64.
//
// General registers: AX the arguments, SI and DX the elements of a and b, CX
// the depth left, BX and DI the steps of a and b; the odd multiples of aRow in
// multiples. What changes from segment to segment and from tile to tile stands
// in args.
type x86Tile struct {
	tile
	x86
}

var multiples = map[int]string{1: "R8", 3: "R9", 5: "R10", 7: "R11", 9: "R12", 11: "R13", 13: "R15"}

// acc is the register of row i, vector v.
func (t *x86Tile) acc(i, v int) string { return t.reg(i*t.vectors + v) }

// After the accumulators: the vectors of b, the element of a, the mask.
func (t *x86Tile) b(v int) string { return t.reg(t.rows*t.vectors + v) }
func (t *x86Tile) a() string      { return t.reg(t.rows*t.vectors + t.vectors) }
func (t *x86Tile) mask() string   { return t.reg(t.rows*t.vectors + t.vectors + 1) }

// load loads vector v of a row at the address in base, store stores it.
func (t *x86Tile) load(v int, base, dst string)  { t.move(v, ".Z", t.at(v, base), dst) }
func (t *x86Tile) store(v int, src, base string) { t.move(v, "", src, t.at(v, base)) }

func (t *x86Tile) at(v int, base string) string { return fmt.Sprintf("%d(%s)", v*t.bytes(), base) }

// move moves vector v, or its lanes. On AVX-512 a load says by its suffix that
// the others become 0.
func (t *x86Tile) move(v int, suffix, from, to string) {
	switch {
	case !t.partial(v):
		t.emit("VMOVUPS %s, %s", from, to)
	case t.level == AVX512:
		t.emit("VMOVUPS%s %s, K1, %s", suffix, from, to)
	default:
		t.emit("VMASKMOVPS %s, %s, %s", from, t.mask(), to)
	}
}

// element is the operand of row i of a.
func element(i int) string {
	if i == 0 {
		return "(SI)"
	}
	odd, scale := i, 1
	for odd%2 == 0 {
		odd, scale = odd/2, scale*2
	}
	return fmt.Sprintf("(SI)(%s*%d)", multiples[odd], scale)
}

func (t *x86Tile) kernel(sym string) {
	fmt.Fprintf(t.out, "// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	t.emit("MOVQ p+0(FP), AX")
	if t.tile.masked {
		t.emit("MOVQ %d(AX), BX", argMask)
		if t.level == AVX512 {
			t.emit("KMOVW (BX), K1")
		} else {
			t.emit("VMOVUPS (BX), %s", t.mask())
		}
	}
	t.flushSubnormals(argControl, argFlushing)
	t.multiples()
	for _, m := range [][2]int{{argA, argTileA}, {argC, argTileC}, {argTiles, argTilesLeft}} {
		t.emit("MOVQ %d(AX), BX", m[0])
		t.emit("MOVQ BX, %d(AX)", m[1])
	}
	fmt.Fprintf(t.out, "\ntile:\n")
	t.prefetch()
	t.start()
	for _, m := range [][2]int{{argTileA, argSegmentA}, {argB, argSegmentB}, {argSegments, argSegmentsLeft}} {
		t.emit("MOVQ %d(AX), BX", m[0])
		t.emit("MOVQ BX, %d(AX)", m[1])
	}
	t.emit("MOVQ %d(AX), BX", argAStep)
	t.emit("MOVQ %d(AX), DI", argBStep)
	fmt.Fprintf(t.out, "\nsegment:\n")
	t.emit("MOVQ %d(AX), SI", argSegmentA)
	t.emit("MOVQ %d(AX), DX", argSegmentB)
	t.emit("MOVQ %d(AX), CX", argDepth)
	fmt.Fprintf(t.out, "\nstep:\n")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "DX", t.b(v))
	}
	for i := 0; i < t.rows; i++ {
		t.emit("VBROADCASTSS %s, %s", element(i), t.a())
		for v := 0; v < t.vectors; v++ {
			t.emit("VFMADD231PS %s, %s, %s", t.b(v), t.a(), t.acc(i, v))
		}
	}
	t.emit("ADDQ BX, SI")
	t.emit("ADDQ DI, DX")
	t.emit("DECQ CX")
	t.emit("JNE  step")
	fmt.Fprintln(t.out)
	t.add(argASegment, argSegmentA)
	t.add(argBSegment, argSegmentB)
	t.emit("DECQ %d(AX)", argSegmentsLeft)
	t.emit("JNE  segment")
	fmt.Fprintln(t.out)
	t.finish()
	t.add(argATile, argTileA)
	t.add(argCTile, argTileC)
	t.emit("DECQ %d(AX)", argTilesLeft)
	t.emit("JNE  tile")
	t.emit("LDMXCSR %d(AX)", argControl)
	t.emit("VZEROUPPER")
	t.emit("RET")
	fmt.Fprintln(t.out)
}

// prefetch asks for what of c the tile is added to, which it needs at its end. A
// tile of less depth does not leave the time.
func (t *x86Tile) prefetch() {
	t.emit("CMPQ %d(AX), $0", argAccumulate)
	t.emit("JEQ  begin")
	t.emit("CMPQ %d(AX), $128", argDepth)
	t.emit("JLT  begin")
	t.emit("MOVQ %d(AX), SI", argTileC)
	t.emit("MOVQ %d(AX), DX", argCRow)
	for i := 0; i < t.rows; i++ {
		for line := 0; line < t.vectors*t.bytes(); line += 64 {
			t.emit("PREFETCHT0 %d(SI)", line)
		}
		if i < t.rows-1 {
			t.emit("ADDQ DX, SI")
		}
	}
	fmt.Fprintf(t.out, "\nbegin:\n")
}

// add adds a field of args to another one.
func (t *x86Tile) add(step, to int) {
	t.emit("MOVQ %d(AX), SI", step)
	t.emit("ADDQ SI, %d(AX)", to)
}

// flushSubnormals sets MXCSR's bits 6 and 15: operations with subnormal numbers
// take more than ten times as long on many processors, and gradients are full of
// them near the end of a training. The mode as it was stands in args at control.
func (e *x86) flushSubnormals(control, flushing int) {
	e.emit("STMXCSR %d(AX)", control)
	e.emit("MOVL %d(AX), BX", control)
	e.emit("ORL $0x8040, BX")
	e.emit("MOVL BX, %d(AX)", flushing)
	e.emit("LDMXCSR %d(AX)", flushing)
}

// multiples computes those multiples of aRow that the rows need.
func (t *x86Tile) multiples() {
	if t.rows > 1 {
		t.emit("MOVQ %d(AX), R8", argARow)
	}
	before := "R8"
	for m := 3; m < t.rows; m += 2 {
		t.emit("LEAQ (%s)(R8*2), %s", before, multiples[m])
		before = multiples[m]
	}
}

// start sets the accumulators to the bias, or to 0 where there is none.
func (t *x86Tile) start() {
	t.emit("MOVQ %d(AX), BX", argBias)
	for v := 0; v < t.vectors; v++ {
		t.emit("VXORPS X%d, X%d, X%d", v, v, v)
	}
	t.emit("TESTQ BX, BX")
	t.emit("JEQ  fill")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "BX", t.acc(0, v))
	}
	fmt.Fprintf(t.out, "\nfill:\n")
	for i := 1; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.emit("VMOVAPS %s, %s", t.acc(0, v), t.acc(i, v))
		}
	}
}

// finish stores the accumulators.
func (t *x86Tile) finish() {
	t.emit("MOVQ %d(AX), SI", argTileC)
	t.emit("MOVQ %d(AX), DX", argCRow)
	t.emit("CMPQ %d(AX), $0", argAccumulate)
	t.emit("JEQ  store")
	t.emit("MOVQ SI, DI")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			if t.partial(v) {
				t.load(v, "DI", t.b(v))
				t.emit("VADDPS %s, %s, %s", t.b(v), t.acc(i, v), t.acc(i, v))
			} else {
				t.emit("VADDPS %s, %s, %s", t.at(v, "DI"), t.acc(i, v), t.acc(i, v))
			}
		}
		if i < t.rows-1 {
			t.emit("ADDQ DX, DI")
		}
	}
	fmt.Fprintf(t.out, "\nstore:\n")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.store(v, t.acc(i, v), "SI")
		}
		if i < t.rows-1 {
			t.emit("ADDQ DX, SI")
		}
	}
}
