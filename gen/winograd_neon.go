package main

import "fmt"

// neonTransform writes a Winograd transform for arm64. As in neonTile the lanes
// of a partial vector beyond the last channel repeat that channel's address.
//
// General registers: R0 the arguments, R1 the column of src or the row of temp,
// R2 the column of temp or the row of dst, R3 the channels left, R4 the columns
// or rows left, R5 the constants, R6 an address, R7 scratch, R8 and R9 src and
// dst of the tile, R10 to R12 src, dst and bias of the vector, R13 the tiles
// left, R14 FPCR as it was, R15 and R19 the offsets of lanes 1 and 2, R20 and R21
// their addresses, R22, R25 and R26 the multiples 1, 3 and 5 of srcRow, R23, R16
// and R17 those of dstCol, R24 temp.
type neonTransform struct {
	transform
	neon
}

func (t *neonTransform) kernel(sym string) {
	columns, rows := t.pass(NEON, false), t.pass(NEON, t.bias)
	fmt.Fprintf(t.out, "// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	t.emit("MOVD p+0(FP), R0")
	t.flushSubnormals(7)
	for _, f := range []struct {
		field, register int
	}{{wSrc, 8}, {wDst, 9}, {wTiles, 13}, {wTemp, 24}, {wSrcRow, 22}, {wDstCol, 23}} {
		t.emit("MOVD %d(R0), R%d", f.field, f.register)
	}
	t.emit("ADD  R22<<1, R22, R25")
	t.emit("ADD  R22<<2, R22, R26")
	t.emit("ADD  R23<<1, R23, R16")
	t.emit("ADD  R23<<2, R23, R17")
	t.regs = newRegfile(32)
	pinned := map[poolKey]int{}
	for i, k := range constants(columns, rows) {
		if i == 0 {
			t.emit("MOVD $%s<>(SB), R5", t.pool.name)
		}
		pinned[k] = t.regs.alloc()
		t.loadConst(&node{op: opConst, bits: k.bits}, pinned[k])
	}

	fmt.Fprintf(t.out, "\ntile:\n")
	t.emit("MOVD R8, R10")
	t.emit("MOVD R9, R11")
	t.emit("MOVD %d(R0), R12", wBias)
	t.emit("MOVD %d(R0), R3", wChannels)
	t.emit("SUBS $4, R3")
	t.emit("BLT  rest")
	fmt.Fprintf(t.out, "\nvector:\n")
	t.vector(columns, rows, pinned, "", false)
	for _, r := range []int{10, 11, 12} {
		t.emit("ADD  $16, R%d", r)
	}
	t.emit("SUBS $4, R3")
	t.emit("BGE  vector")
	fmt.Fprintf(t.out, "\nrest:\n")
	t.emit("ADDS $4, R3")
	t.emit("BEQ  next")
	t.emit("MOVD %d(R0), R7", wMask)
	t.emit("LDP  (R7), (R15, R19)")
	t.vector(columns, rows, pinned, "Rest", true)
	fmt.Fprintf(t.out, "\nnext:\n")
	t.emit("MOVD %d(R0), R7", wSrcTile)
	t.emit("ADD  R7, R8")
	t.emit("MOVD %d(R0), R7", wDstTile)
	t.emit("ADD  R7, R9")
	t.emit("SUBS $1, R13")
	t.emit("BNE  tile")
	t.emit("MOVD R14, FPCR")
	t.emit("RET")
	fmt.Fprintln(t.out)
}

// vector transforms one vector of channels, or its first lanes.
func (t *neonTransform) vector(columns, rows *pass, pinned map[poolKey]int, label string, partial bool) {
	t.emit("MOVD R10, R1")
	t.emit("MOVD R24, R2")
	t.emit("MOVD $%d, R4", t.ins)
	fmt.Fprintf(t.out, "\ncolumn%s:\n", label)
	t.run(columns, columns.pins(pinned), func(i, d int) {
		t.address(1, i, 22, 25, 26)
		t.load(6, d, partial)
	}, func(k, s int) {
		t.emit("FMOVQ F%d, %d(R2)", s, k*t.ins*16)
	})
	t.emit("MOVD %d(R0), R7", wSrcCol)
	t.emit("ADD  R7, R1")
	t.emit("ADD  $16, R2")
	t.emit("SUBS $1, R4")
	t.emit("BNE  column%s", label)

	fmt.Fprintln(t.out)
	t.emit("MOVD R24, R1")
	t.emit("MOVD R11, R2")
	t.emit("MOVD $%d, R4", t.outs)
	fmt.Fprintf(t.out, "\nrow%s:\n", label)
	t.run(rows, rows.pins(pinned), func(i, d int) {
		if i == t.ins {
			t.emit("MOVD R12, R6")
			t.load(6, d, partial)
		} else {
			t.emit("FMOVQ %d(R1), F%d", i*16, d)
		}
	}, func(k, s int) {
		t.address(2, k, 23, 16, 17)
		t.store(6, s, partial)
	})
	t.emit("ADD  $%d, R1", t.ins*16)
	t.emit("MOVD %d(R0), R7", wDstRow)
	t.emit("ADD  R7, R2")
	t.emit("SUBS $1, R4")
	t.emit("BNE  row%s", label)
	fmt.Fprintln(t.out)
}

// address sets R6 to i steps from a base, given the multiples of the step.
func (t *neonTransform) address(base, i, one, three, five int) {
	switch i {
	case 0:
		t.emit("MOVD R%d, R6", base)
	case 1:
		t.emit("ADD  R%d, R%d, R6", one, base)
	case 2:
		t.emit("ADD  R%d<<1, R%d, R6", one, base)
	case 3:
		t.emit("ADD  R%d, R%d, R6", three, base)
	case 4:
		t.emit("ADD  R%d<<2, R%d, R6", one, base)
	case 5:
		t.emit("ADD  R%d, R%d, R6", five, base)
	}
}
