package main

import "fmt"

// x86Transform writes a Winograd transform for amd64.
//
// General registers: AX the arguments, SI the column of src or the row of temp,
// DI the column of temp or the row of dst, CX the channels left, DX the columns
// or rows left, BX scratch; the multiples 1, 3 and 5 of srcRow in R8 to R10 and
// of dstCol in R11 to R13, R15 the bias.
type x86Transform struct {
	transform
	x86
	mask int // register of the lanes of a partial vector on AVX2
}

var (
	srcMultiples = map[int]string{1: "R8", 3: "R9", 5: "R10"}
	dstMultiples = map[int]string{1: "R11", 3: "R12", 5: "R13"}
)

// step is the operand i steps from base.
func step(base string, i int, multiples map[int]string) string {
	if i == 0 {
		return "(" + base + ")"
	}
	odd, scale := i, 1
	for odd%2 == 0 {
		odd, scale = odd/2, scale*2
	}
	return fmt.Sprintf("(%s)(%s*%d)", base, multiples[odd], scale)
}

func (t *x86Transform) kernel(sym string) {
	columns, rows := t.pass(t.level, false), t.pass(t.level, t.bias)
	fmt.Fprintf(t.out, "// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	t.emit("MOVQ p+0(FP), AX")
	t.flushSubnormals(wControl, wFlushing)
	for _, m := range []struct {
		field     int
		registers map[int]string
		needed    int
	}{{wSrcRow, srcMultiples, t.ins}, {wDstCol, dstMultiples, t.outs}} {
		t.emit("MOVQ %d(AX), %s", m.field, m.registers[1])
		if m.needed > 3 {
			t.emit("LEAQ (%s)(%s*2), %s", m.registers[1], m.registers[1], m.registers[3])
		}
		if m.needed > 5 {
			t.emit("LEAQ (%s)(%s*4), %s", m.registers[1], m.registers[1], m.registers[5])
		}
	}
	t.copy(wSrc, wTileSrc)
	t.copy(wDst, wTileDst)

	// Registers: the constants that fit, and the mask.
	nregs := 16
	if t.level == AVX512 {
		nregs = 32
	}
	t.regs, t.kregs = newRegfile(nregs), newRegfile(8)
	if t.level != AVX512 {
		t.mask = t.regs.alloc()
	}
	pinned := map[poolKey]int{}
	if t.level == AVX512 {
		for _, k := range constants(columns, rows) {
			pinned[k] = t.regs.alloc()
			t.loadConst(&node{op: opConst, bits: k.bits}, pinned[k])
		}
	}

	fmt.Fprintf(t.out, "\ntile:\n")
	t.copy(wTileSrc, wAtSrc)
	t.copy(wTileDst, wAtDst)
	if t.bias {
		t.emit("MOVQ %d(AX), R15", wBias)
	}
	t.emit("MOVQ %d(AX), CX", wChannels)
	t.emit("SUBQ $%d, CX", t.lanes())
	t.emit("JLT  rest")
	fmt.Fprintf(t.out, "\nvector:\n")
	t.vector(columns, rows, pinned, "", false)
	t.emit("ADDQ $%d, %d(AX)", t.bytes(), wAtSrc)
	t.emit("ADDQ $%d, %d(AX)", t.bytes(), wAtDst)
	if t.bias {
		t.emit("ADDQ $%d, R15", t.bytes())
	}
	t.emit("SUBQ $%d, CX", t.lanes())
	t.emit("JGE  vector")
	fmt.Fprintf(t.out, "\nrest:\n")
	t.emit("ADDQ $%d, CX", t.lanes())
	t.emit("JEQ  next")
	t.loadMask(wMask, t.mask)
	t.vector(columns, rows, pinned, "Rest", true)

	fmt.Fprintf(t.out, "\nnext:\n")
	t.emit("MOVQ %d(AX), BX", wSrcTile)
	t.emit("ADDQ BX, %d(AX)", wTileSrc)
	t.emit("MOVQ %d(AX), BX", wDstTile)
	t.emit("ADDQ BX, %d(AX)", wTileDst)
	t.emit("DECQ %d(AX)", wTiles)
	t.emit("JNE  tile")
	t.emit("LDMXCSR %d(AX)", wControl)
	t.emit("VZEROUPPER")
	t.emit("RET")
	fmt.Fprintln(t.out)
}

func (t *x86Transform) copy(from, to int) {
	t.emit("MOVQ %d(AX), BX", from)
	t.emit("MOVQ BX, %d(AX)", to)
}

// vector transforms one vector of channels, or its first lanes.
func (t *x86Transform) vector(columns, rows *pass, pinned map[poolKey]int, label string, partial bool) {
	t.emit("MOVQ %d(AX), SI", wAtSrc)
	t.emit("MOVQ %d(AX), DI", wTemp)
	t.emit("MOVQ $%d, DX", t.ins)
	fmt.Fprintf(t.out, "\ncolumn%s:\n", label)
	t.run(columns, columns.pins(pinned), func(i int, dst string) {
		t.load(step("SI", i, srcMultiples), dst, t.mask, partial)
	}, func(k int, src string) {
		t.emit("VMOVUPS %s, %d(DI)", src, k*t.ins*t.bytes())
	})
	t.emit("ADDQ %d(AX), SI", wSrcCol)
	t.emit("ADDQ $%d, DI", t.bytes())
	t.emit("DECQ DX")
	t.emit("JNE  column%s", label)

	fmt.Fprintln(t.out)
	t.emit("MOVQ %d(AX), SI", wTemp)
	t.emit("MOVQ %d(AX), DI", wAtDst)
	t.emit("MOVQ $%d, DX", t.outs)
	fmt.Fprintf(t.out, "\nrow%s:\n", label)
	t.run(rows, rows.pins(pinned), func(i int, dst string) {
		if i == t.ins {
			t.load("(R15)", dst, t.mask, partial)
		} else {
			t.emit("VMOVUPS %d(SI), %s", i*t.bytes(), dst)
		}
	}, func(k int, src string) {
		t.store(src, step("DI", k, dstMultiples), t.mask, partial)
	})
	t.emit("ADDQ $%d, SI", t.ins*t.bytes())
	t.emit("ADDQ %d(AX), DI", wDstRow)
	t.emit("DECQ DX")
	t.emit("JNE  row%s", label)
	fmt.Fprintln(t.out)
}
