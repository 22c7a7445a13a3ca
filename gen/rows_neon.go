package main

import "fmt"

// rowNEON writes a row kernel for arm64. General registers: R0 the arguments, R4
// the parameters, R5 the constants, R6 and R7 scratch, R1 to R3 and R8 to R13 the
// streams, R14 columns left, R22 the row, R15 and R19 to R21 for a partial vector.
type rowNEON struct {
	neon
	k *rowKernel
	p *rowProgram

	sums map[int]int
}

var rowNEONRegisters = [maxStreams]int{1, 2, 3, 8, 9, 10, 11, 12, 13}

func (e *rowNEON) kernel(sym string) {
	writeFitting(&e.out, sym, e.p.prog, func(pinned []*node) { e.write(sym, pinned) })
}

func (e *rowNEON) write(sym string, pinned []*node) {
	fmt.Fprintf(e.out, "\n// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVD p+0(FP), R0")
	e.emit("ADD  $%d, R0, R4", rowsParams)
	e.emit("MOVD $%s<>(SB), R5", e.pool.name)
	e.regs = newRegfile(32)
	pins := map[*node]int{}
	e.pins = pins
	for _, n := range pinned {
		pins[n] = e.regs.alloc()
		e.loadConst(n, pins[n])
	}
	for _, n := range e.p.rows {
		pins[n] = e.regs.alloc()
	}
	e.sums = map[int]int{}
	for k, o := range e.p.out {
		if o.kind != toStream {
			e.sums[k] = e.regs.alloc()
		}
	}
	e.emit("MOVD ZR, R22")

	fmt.Fprintf(e.out, "\nrow:\n")
	e.startRow()
	e.emit("MOVD %d(R0), R14", rowsCols)
	e.emit("SUBS $4, R14, R14")
	e.emit("BLT  rest")
	fmt.Fprintf(e.out, "\nloop:\n")
	e.body(-1)
	for _, s := range e.p.streams {
		e.emit("ADD  $16, R%d, R%d", rowNEONRegisters[s], rowNEONRegisters[s])
	}
	e.emit("SUBS $4, R14, R14")
	e.emit("BGE  loop")
	fmt.Fprintf(e.out, "\nrest:\n")
	e.emit("ADDS $4, R14, R14")
	e.emit("BEQ  end")
	e.tail()
	fmt.Fprintf(e.out, "\nend:\n")
	e.endRow()
	e.emit("RET")
}

// startRow finds the row in every stream, loads the values of the row and clears
// what is gathered over it.
func (e *rowNEON) startRow() {
	for _, s := range e.p.streams {
		e.emit("MOVD %d(R0), R6", rowsStride(s))
		e.emit("MUL  R22, R6, R6")
		e.emit("MOVD %d(R0), R%d", rowsBase(s), rowNEONRegisters[s])
		e.emit("ADD  R6, R%d, R%d", rowNEONRegisters[s], rowNEONRegisters[s])
	}
	for _, n := range e.p.rows {
		e.emit("MOVD %d(R0), R6", rowsIn+8*n.n)
		e.emit("ADD  R22<<2, R6, R6")
		e.emit("VLD1R (R6), [V%d.S4]", e.pins[n])
	}
	for k, o := range e.p.out {
		switch o.kind {
		case toSum:
			e.loadConst(zero, e.sums[k])
		case toMax:
			e.loadConst(minusInf, e.sums[k])
		}
	}
}

// tail does the columns that are left, R14 of them: lane 1 stands 0, 4 and 4 bytes
// from the first, lane 2 0, 4 and 8, if there are 1, 2 and 3.
func (e *rowNEON) tail() {
	e.emit("SUB  $1, R14, R15")
	e.emit("LSL  $2, R15, R19")
	e.emit("LSR  $1, R15, R6")
	e.emit("SUB  R6, R15, R15")
	e.emit("LSL  $2, R15, R15")
	mask := e.regs.alloc()
	if len(e.p.reductions()) > 0 {
		e.emit("MOVD $rowMask<>+32(SB), R6")
		e.emit("SUB  R14<<2, R6, R6")
		e.emit("FMOVQ (R6), F%d", mask)
	}
	e.body(mask)
	e.regs.release(mask)
}

// body writes the program; mask is the register with the lanes of a tail, or -1.
func (e *rowNEON) body(mask int) {
	e.run(e.p.pass, e.pins, func(i, d int) {
		e.load(rowNEONRegisters[i], d, mask >= 0)
	}, func(k, src int) {
		if o := e.p.out[k]; o.kind == toStream {
			e.store(rowNEONRegisters[o.index], src, mask >= 0)
		} else {
			e.gather(o.kind, src, e.sums[k], mask)
		}
	})
}

// gather adds the lanes of src to a sum, or takes those that are larger.
func (e *rowNEON) gather(kind outputKind, src, sum, mask int) {
	t := e.regs.alloc()
	if kind == toSum {
		if mask >= 0 {
			e.three(encAND, "AND", "16B", t, src, mask)
			src = t
		}
		e.three(encFADD, "FADD", "4S", sum, sum, src)
	} else {
		e.three(encFCMGT, "FCMGT", "4S", t, src, sum) // false for NaN
		if mask >= 0 {
			e.three(encAND, "AND", "16B", t, t, mask)
		}
		e.three(encBSL, "BSL", "16B", t, src, sum)
		e.three(encORR, "ORR", "16B", sum, t, t)
	}
	e.regs.release(t)
}

// Reductions of neighbours.
const (
	encFADDP = 0x6e20d400
	encFMAXP = 0x6e20f400
)

// endRow stores what was gathered and goes on to the next row.
func (e *rowNEON) endRow() {
	for k, o := range e.p.out {
		if o.kind == toStream {
			continue
		}
		a := e.sums[k]
		for range 2 {
			if o.kind == toSum {
				e.three(encFADDP, "FADDP", "4S", a, a, a)
			} else {
				e.three(encFMAXP, "FMAXP", "4S", a, a, a)
			}
		}
		e.emit("MOVD %d(R0), R6", rowsOut+8*o.index)
		e.emit("ADD  R22<<2, R6, R6")
		e.emit("FMOVS F%d, (R6)", a)
	}
	if e.k.growing {
		e.emit("MOVD %d(R0), R6", rowsCols)
		e.emit("MOVD %d(R0), R7", rowsMost)
		e.emit("CMP  R7, R6")
		e.emit("CINC LT, R6, R6")
		e.emit("MOVD R6, %d(R0)", rowsCols)
	}
	e.emit("ADD  $1, R22, R22")
	e.emit("MOVD %d(R0), R6", rowsRows)
	e.emit("CMP  R6, R22")
	e.emit("BLT  row")
}
