package main

import "fmt"

// rowX86 writes a row kernel for AVX2 or AVX-512. General registers: AX the
// arguments, BX the offset in the row, CX columns left, R14 scratch; SI, DX, DI
// and R8 to R13 the rows of the streams.
type rowX86 struct {
	x86
	k *rowKernel
	p *rowProgram

	sums map[int][]int // of an output, the registers that it is gathered in
}

var rowRegisters = [maxStreams]string{"SI", "DX", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}

func (e *rowX86) kernel(sym string) {
	writeFitting(&e.out, sym, e.p.prog, func(pinned []*node) { e.write(sym, pinned) })
}

func (e *rowX86) write(sym string, pinned []*node) {
	fmt.Fprintf(e.out, "\n// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVQ p+0(FP), AX")
	for _, s := range e.p.streams {
		e.emit("MOVQ %d(AX), %s", rowsBase(s), rowRegisters[s])
	}
	e.regs, e.kregs = newRegfile(16), newRegfile(8)
	if e.level == AVX512 {
		e.regs = newRegfile(32)
	}
	e.kregs.used[0], e.kregs.used[1] = true, true // K0 means no mask, K1 has the tail's
	pins := map[*node]int{}
	e.pins = pins
	for _, n := range pinned {
		pins[n] = e.regs.alloc()
		e.loadConst(n, pins[n])
	}
	for _, n := range e.p.rows {
		pins[n] = e.regs.alloc()
	}
	e.sums = map[int][]int{}
	for k, o := range e.p.out {
		for range e.k.unroll {
			if o.kind != toStream {
				e.sums[k] = append(e.sums[k], e.regs.alloc())
			}
		}
	}
	e.emit("MOVQ $0, %d(AX)", rowsRow)

	fmt.Fprintf(e.out, "\nrow:\n")
	e.startRow()
	u := e.k.unroll
	e.emit("MOVQ %d(AX), CX", rowsCols)
	e.emit("XORL BX, BX")
	e.emit("SUBQ $%d, CX", u*e.lanes())
	e.emit("JLT  rest")
	fmt.Fprintf(e.out, "\nloop:\n")
	for c := range u {
		e.body(c, -1)
	}
	e.emit("ADDQ $%d, BX", u*e.bytes())
	e.emit("SUBQ $%d, CX", u*e.lanes())
	e.emit("JGE  loop")
	fmt.Fprintf(e.out, "\nrest:\n")
	e.emit("ADDQ $%d, CX", u*e.lanes())
	if u > 1 {
		e.emit("SUBQ $%d, CX", e.lanes())
		e.emit("JLT  tail")
		fmt.Fprintf(e.out, "\nsingle:\n")
		e.body(0, -1)
		e.emit("ADDQ $%d, BX", e.bytes())
		e.emit("SUBQ $%d, CX", e.lanes())
		e.emit("JGE  single")
		fmt.Fprintf(e.out, "\ntail:\n")
		e.emit("ADDQ $%d, CX", e.lanes())
	}
	e.emit("JEQ  end")
	e.tail()

	fmt.Fprintf(e.out, "\nend:\n")
	e.endRow()
	e.emit("VZEROUPPER")
	e.emit("RET")
}

// startRow loads the values of the row and clears what is gathered over it.
func (e *rowX86) startRow() {
	if len(e.p.rows) > 0 {
		e.emit("MOVQ %d(AX), BX", rowsRow)
	}
	for _, n := range e.p.rows {
		e.emit("MOVQ %d(AX), R14", rowsIn+8*n.n)
		e.emit("VBROADCASTSS (R14)(BX*4), %s", e.reg(e.pins[n]))
	}
	for k, o := range e.p.out {
		for _, r := range e.sums[k] {
			if o.kind == toMax {
				e.loadConst(minusInf, r)
			} else {
				e.loadConst(zero, r)
			}
		}
	}
}

var (
	zero     = &node{op: opConst}
	minusInf = &node{op: opConst, bits: 0xff800000}
)

// tail does the columns that are left, CX of them.
func (e *rowX86) tail() {
	if e.level == AVX512 {
		e.emit("MOVQ $1, R14")
		e.emit("SHLQ CX, R14")
		e.emit("DECQ R14")
		e.emit("KMOVW R14, K1")
		e.body(0, 0)
		return
	}
	e.emit("NEGQ CX")
	e.emit("LEAQ rowMask<>+32(SB), R14")
	m := e.regs.alloc()
	e.emit("VMOVUPS (R14)(CX*4), %s", e.reg(m))
	e.body(0, m)
	e.regs.release(m)
}

// body writes the program for the copy c of the loop; mask is the register with the
// lanes of a tail, or -1.
func (e *rowX86) body(c, mask int) {
	at := func(stream int) string {
		if c == 0 {
			return fmt.Sprintf("(%s)(BX*1)", rowRegisters[stream])
		}
		return fmt.Sprintf("%d(%s)(BX*1)", c*e.bytes(), rowRegisters[stream])
	}
	e.run(e.p.pass, e.pins, func(i int, dst string) {
		e.load(at(i), dst, mask, mask >= 0)
	}, func(k int, src string) {
		if o := e.p.out[k]; o.kind == toStream {
			e.store(src, at(o.index), mask, mask >= 0)
		} else {
			e.gather(o.kind, src, e.sums[k][c], mask)
		}
	})
}

// gather adds the lanes of src to the register of a sum, or takes those that are
// larger.
func (e *rowX86) gather(kind outputKind, src string, sum, mask int) {
	op := "VADDPS"
	if kind == toMax {
		op = "VMAXPS" // the second source, in Intel's order, where one is NaN
	}
	a := e.reg(sum)
	switch {
	case mask < 0:
		e.emit("%s %s, %s, %s", op, a, src, a)
	case e.level == AVX512:
		e.emit("%s %s, %s, K1, %s", op, a, src, a)
	default:
		t := e.regs.alloc()
		if kind == toMax {
			e.emit("VBLENDVPS %s, %s, %s, %s", e.reg(mask), src, a, e.reg(t))
		} else {
			e.emit("VANDPS %s, %s, %s", e.reg(mask), src, e.reg(t))
		}
		e.emit("%s %s, %s, %s", op, a, e.reg(t), a)
		e.regs.release(t)
	}
}

// endRow stores what was gathered and goes on to the next row.
func (e *rowX86) endRow() {
	e.emit("MOVQ %d(AX), BX", rowsRow)
	for k, o := range e.p.out {
		if o.kind == toStream {
			continue
		}
		e.reduce(o.kind, e.sums[k])
		e.emit("MOVQ %d(AX), R14", rowsOut+8*o.index)
		e.emit("VMOVSS X%d, (R14)(BX*4)", e.sums[k][0])
	}
	for _, s := range e.p.streams {
		e.emit("ADDQ %d(AX), %s", rowsStride(s), rowRegisters[s])
	}
	if e.k.growing {
		e.emit("MOVQ %d(AX), CX", rowsCols)
		e.emit("CMPQ CX, %d(AX)", rowsMost)
		e.emit("JGE  grown")
		e.emit("INCQ %d(AX)", rowsCols)
		fmt.Fprintf(e.out, "\ngrown:\n")
	}
	e.emit("INCQ BX")
	e.emit("MOVQ BX, %d(AX)", rowsRow)
	e.emit("CMPQ BX, %d(AX)", rowsRows)
	e.emit("JLT  row")
}

// reduce leaves the sum, or the largest, of all lanes of the registers in the first
// lane of the first.
func (e *rowX86) reduce(kind outputKind, regs []int) {
	op := "VADDPS"
	if kind == toMax {
		op = "VMAXPS"
	}
	for n := len(regs); n > 1; n = (n + 1) / 2 {
		for i := (n + 1) / 2; i < n; i++ {
			a := regs[i-(n+1)/2]
			e.emit("%s %s, %s, %s", op, e.reg(regs[i]), e.reg(a), e.reg(a))
		}
	}
	a := regs[0]
	t := e.regs.alloc()
	if e.level == AVX512 {
		e.emit("VEXTRACTF64X4 $1, Z%d, Y%d", a, t)
		e.emit("%s Y%d, Y%d, Y%d", op, t, a, a)
		e.emit("VEXTRACTF32X4 $1, Y%d, X%d", a, t)
	} else {
		e.emit("VEXTRACTF128 $1, Y%d, X%d", a, t)
	}
	e.emit("%s X%d, X%d, X%d", op, t, a, a)
	for _, swap := range []int{0x4e, 0xb1} { // halves, then neighbours
		e.emit("VPERMILPS $%#x, X%d, X%d", swap, a, t)
		e.emit("%s X%d, X%d, X%d", op, t, a, a)
	}
	e.regs.release(t)
}
