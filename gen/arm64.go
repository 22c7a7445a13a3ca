package main

import (
	"fmt"
	"strings"
)

// neon writes one kernel for arm64. Go's assembler lacks most vector
// floating-point instructions: they are written as WORD with the mnemonic
// beside, and a test of internal/kernel decodes every one.
//
// General registers: R0 dst, R1 and R2 the inputs, R3 elements left, R4 the
// parameters, R5 the constants, R6 to R9 scratch. Every vector register is
// free in Go's calling convention for assembly.
type neon struct {
	is64 bool
	pool *constPool
	out  *strings.Builder

	prog    []*node
	lastUse map[*node]int
	pins    map[*node]int
	regs    *regfile
	loc     map[*node]int
	temps   []int
	now     int
}

func (e *neon) emit(format string, args ...any) {
	fmt.Fprintf(e.out, "\t"+format+"\n", args...)
}

func (e *neon) lanes() int {
	if e.is64 {
		return 2
	}
	return 4
}

func (e *neon) arr() string {
	if e.is64 {
		return "2D"
	}
	return "4S"
}

// sz is the bit that tells double from single precision in the floating-point
// encodings.
func (e *neon) sz() uint32 {
	if e.is64 {
		return 1 << 22
	}
	return 0
}

// isz is the size field of the integer encodings.
func (e *neon) isz() uint32 {
	if e.is64 {
		return 3 << 22
	}
	return 2 << 22
}

func (e *neon) word(w uint32, format string, args ...any) {
	fmt.Fprintf(e.out, "\tWORD $0x%08x // %s\n", w, fmt.Sprintf(format, args...))
}

// three writes an instruction with two sources.
func (e *neon) three(base uint32, name, arr string, d, n, m int) {
	e.word(base|uint32(m)<<16|uint32(n)<<5|uint32(d), "%s V%d.%s, V%d.%s, V%d.%s", name, d, arr, n, arr, m, arr)
}

func (e *neon) two(base uint32, name string, d, n int) {
	e.word(base|uint32(n)<<5|uint32(d), "%s V%d.%s, V%d.%s", name, d, e.arr(), n, e.arr())
}

// Encodings of the Arm Architecture Reference Manual, C7.2, for 128 bits.
const (
	encFADD    = 0x4e20d400
	encFSUB    = 0x4ea0d400
	encFMUL    = 0x6e20dc00
	encFDIV    = 0x6e20fc00
	encFMLA    = 0x4e20cc00
	encFMLS    = 0x4ea0cc00
	encFMIN    = 0x4ea0f400
	encFMAX    = 0x4e20f400
	encFRSQRTS = 0x4ea0fc00
	encFCMEQ   = 0x4e20e400
	encFCMGE   = 0x6e20e400
	encFCMGT   = 0x6ea0e400
	encFSQRT   = 0x6ea1f800
	encFRSQRTE = 0x6ea1d800
	encADD     = 0x4e208400
	encSUB     = 0x6e208400
	encAND     = 0x4e201c00
	encBIC     = 0x4e601c00
	encORR     = 0x4ea01c00
	encEOR     = 0x6e201c00
	encBSL     = 0x6e601c00
	encNOT     = 0x6e205800
	encCMLT0   = 0x4e20a800
	encSHL     = 0x4f005400
	encUSHR    = 0x6f000400
)

var neonInputs = []string{"R1", "R2"}

func (e *neon) kernel(sym string, k *kernel, prog []*node) {
	e.prog = prog
	e.lastUse = map[*node]int{}
	for i, n := range prog {
		for _, a := range n.args {
			e.lastUse[a] = i
		}
		if n.mask != nil {
			e.lastUse[n.mask] = i
		}
	}
	e.lastUse[prog[len(prog)-1]] = len(prog)
	writeFitting(&e.out, sym, prog, func(pinned []*node) { e.write(sym, k, pinned) })
}

func (e *neon) write(sym string, k *kernel, pinned []*node) {
	e.regs = newRegfile(32)
	e.pins = map[*node]int{}

	args, frame := "dst, src", 32
	if k.inputs == 2 {
		args, frame = "dst, a, b", 40
	}
	elem, size, move := "float32", 4, "MOVWU"
	if e.is64 {
		elem, size, move = "float64", 8, "MOVD"
	}
	fmt.Fprintf(e.out, "\n// func %s(%s *%s, n int, p *%s)\n", sym, args, elem, elem)
	fmt.Fprintf(e.out, "TEXT ·%s(SB), NOSPLIT, $48-%d\n", sym, frame)
	e.emit("MOVD dst+0(FP), R0")
	if k.inputs == 2 {
		e.emit("MOVD a+8(FP), R1")
		e.emit("MOVD b+16(FP), R2")
		e.emit("MOVD n+24(FP), R3")
	} else {
		e.emit("MOVD src+8(FP), R1")
		e.emit("MOVD n+16(FP), R3")
	}
	hasParam, hasConst := false, false
	for _, n := range e.prog {
		hasParam = hasParam || n.op == opParam
		hasConst = hasConst || n.op == opConst && n.bits != 0
	}
	if hasParam {
		e.emit("MOVD p+%d(FP), R4", frame-8)
	}
	if hasConst {
		e.emit("MOVD $%s<>(SB), R5", e.pool.name)
	}
	for _, n := range pinned {
		r := e.regs.alloc()
		e.pins[n] = r
		e.loadConst(n, r)
	}

	u := k.unrollFor(NEON)
	step := u * e.lanes()
	if u > 1 {
		e.emit("SUBS $%d, R3, R3", step)
		e.emit("BLT  rest")
		fmt.Fprintf(e.out, "\nloop:\n")
		for c := 0; c < u; c++ {
			e.body(c, false)
		}
		e.advance(k, u*16)
		e.emit("SUBS $%d, R3, R3", step)
		e.emit("BGE  loop")
		fmt.Fprintf(e.out, "\nrest:\n")
		e.emit("ADD  $%d, R3, R3", step)
	}
	e.emit("SUBS $%d, R3, R3", e.lanes())
	e.emit("BLT  tail")
	fmt.Fprintf(e.out, "\nsingle:\n")
	e.body(0, false)
	e.advance(k, 16)
	e.emit("SUBS $%d, R3, R3", e.lanes())
	e.emit("BGE  single")

	// The elements that are left pass through a vector on the stack, so that
	// they are computed as all others and nothing beyond them is touched.
	fmt.Fprintf(e.out, "\ntail:\n")
	e.emit("ADDS $%d, R3, R3", e.lanes())
	e.emit("BEQ  done")
	for i := 0; i < k.inputs; i++ {
		buf := fmt.Sprintf("in%d-%d(SP)", i, 32+16*i)
		e.emit("MOVD $%s, R6", buf)
		e.emit("STP  (ZR, ZR), (R6)")
		e.emit("MOVD R3, R7")
		fmt.Fprintf(e.out, "\nfill%d:\n", i)
		e.emit("%s.P %d(%s), R8", move, size, neonInputs[i])
		e.emit("%s.P R8, %d(R6)", strings.TrimSuffix(move, "U"), size)
		e.emit("SUBS $1, R7, R7")
		e.emit("BNE  fill%d", i)
	}
	e.body(0, true)
	e.emit("MOVD $out-16(SP), R6")
	fmt.Fprintf(e.out, "\nspill:\n")
	e.emit("%s.P %d(R6), R8", move, size)
	e.emit("%s.P R8, %d(R0)", strings.TrimSuffix(move, "U"), size)
	e.emit("SUBS $1, R3, R3")
	e.emit("BNE  spill")
	fmt.Fprintf(e.out, "\ndone:\n")
	e.emit("RET")
}

func (e *neon) advance(k *kernel, bytes int) {
	e.emit("ADD  $%d, R0, R0", bytes)
	for i := 0; i < k.inputs; i++ {
		e.emit("ADD  $%d, %s, %s", bytes, neonInputs[i], neonInputs[i])
	}
}

// loadConst puts a constant or parameter into register r.
func (e *neon) loadConst(n *node, r int) {
	switch {
	case n.op == opParam && n.n == 0:
		e.emit("VLD1R (R4), [V%d.%s]", r, e.goArr())
	case n.op == opParam:
		size := 4
		if e.is64 {
			size = 8
		}
		e.emit("ADD  $%d, R4, R6", n.n*size)
		e.emit("VLD1R (R6), [V%d.%s]", r, e.goArr())
	case n.bits == 0:
		e.three(encEOR, "EOR", "16B", r, r, r)
	default:
		e.emit("FMOVQ %d(R5), F%d", e.pool.at(n.bits, e.is64), r)
	}
}

// goArr is the arrangement in the spelling of Go's assembler.
func (e *neon) goArr() string {
	if e.is64 {
		return "D2"
	}
	return "S4"
}

func (e *neon) src(n *node) int {
	if r, ok := e.pins[n]; ok {
		return r
	}
	if n.op == opConst || n.op == opParam {
		r := e.regs.alloc()
		e.temps = append(e.temps, r)
		e.loadConst(n, r)
		return r
	}
	return e.loc[n]
}

func (e *neon) dying(n *node) bool {
	return !n.invariant() && e.lastUse[n] == e.now
}

func (e *neon) retire(n *node) {
	for _, t := range e.temps {
		e.regs.release(t)
	}
	e.temps = e.temps[:0]
	for _, a := range append(append([]*node{}, n.args...), n.mask) {
		if a == nil || !e.dying(a) {
			continue
		}
		if r, ok := e.loc[a]; ok {
			e.regs.release(r)
			delete(e.loc, a)
		}
	}
}

func (e *neon) dest(n *node) int {
	e.retire(n)
	r := e.regs.alloc()
	e.loc[n] = r
	return r
}

func (e *neon) body(c int, tail bool) {
	e.loc = map[*node]int{}
	for i, n := range e.prog {
		e.now = i
		e.instr(n, c, tail)
	}
	last := e.prog[len(e.prog)-1]
	r := e.src(last)
	if tail {
		e.emit("FMOVQ F%d, out-16(SP)", r)
	} else {
		e.emit("FMOVQ F%d, %d(R0)", r, c*16)
	}
	if _, ok := e.loc[last]; ok {
		e.regs.release(r)
	}
}

func (e *neon) instr(n *node, c int, tail bool) {
	switch n.op {
	case opConst, opParam, opRow:
	case opInput:
		r := e.regs.alloc()
		e.loc[n] = r
		if tail {
			e.emit("FMOVQ in%d-%d(SP), F%d", n.n, 32+16*n.n, r)
		} else {
			e.emit("FMOVQ %d(%s), F%d", c*16, neonInputs[n.n], r)
		}
	case opAdd:
		e.binary(n, encFADD|e.sz(), "FADD", e.arr())
	case opSub:
		e.binary(n, encFSUB|e.sz(), "FSUB", e.arr())
	case opMul:
		e.binary(n, encFMUL|e.sz(), "FMUL", e.arr())
	case opDiv:
		e.binary(n, encFDIV|e.sz(), "FDIV", e.arr())
	case opRsqrtSt:
		e.binary(n, encFRSQRTS|e.sz(), "FRSQRTS", e.arr())
	case opAnd:
		e.binary(n, encAND, "AND", "16B")
	case opOr:
		e.binary(n, encORR, "ORR", "16B")
	case opXor:
		e.binary(n, encEOR, "EOR", "16B")
	case opAndNot:
		e.binary(n, encBIC, "BIC", "16B")
	case opIAdd:
		e.binary(n, encADD|e.isz(), "ADD", e.arr())
	case opISub:
		e.binary(n, encSUB|e.isz(), "SUB", e.arr())
	case opSqrt:
		r := e.src(n.args[0])
		e.two(encFSQRT|e.sz(), "FSQRT", e.dest(n), r)
	case opRsqrt:
		r := e.src(n.args[0])
		e.two(encFRSQRTE|e.sz(), "FRSQRTE", e.dest(n), r)
	case opSign:
		r := e.src(n.args[0])
		d := e.dest(n)
		e.word(encCMLT0|e.isz()|uint32(r)<<5|uint32(d), "CMLT V%d.%s, V%d.%s, #0", d, e.arr(), r, e.arr())
	case opShl:
		r := e.src(n.args[0])
		e.shift(encSHL, "SHL", e.width()+n.n, n.n, e.dest(n), r)
	case opShr:
		r := e.src(n.args[0])
		e.shift(encUSHR, "USHR", 2*e.width()-n.n, n.n, e.dest(n), r)
	case opFMA:
		e.accumulate(n, encFMLA, "FMLA")
	case opFNMA:
		e.accumulate(n, encFMLS, "FMLS")
	case opMin, opMax:
		e.minmax(n)
	case opCmp:
		e.compare(n)
	case opSelect:
		e.selects(n)
	default:
		panic(fmt.Sprintf("operation %d has no arm64 form", n.op))
	}
}

func (e *neon) width() int {
	if e.is64 {
		return 64
	}
	return 32
}

func (e *neon) binary(n *node, base uint32, name, arr string) {
	x, y := e.src(n.args[0]), e.src(n.args[1])
	e.three(base, name, arr, e.dest(n), x, y)
}

func (e *neon) shift(base uint32, name string, imm, count, d, r int) {
	e.word(base|uint32(imm)<<16|uint32(r)<<5|uint32(d), "%s V%d.%s, V%d.%s, #%d", name, d, e.arr(), r, e.arr(), count)
}

// over returns the register of v for an instruction that overwrites it: v's
// own if v dies here, else a copy.
func (e *neon) over(n, v *node, others ...*node) int {
	shared := false
	for _, o := range others {
		shared = shared || o == v
	}
	if e.dying(v) && !shared {
		r := e.loc[v]
		delete(e.loc, v)
		return r
	}
	d := e.regs.alloc()
	if _, pinned := e.pins[v]; !pinned && (v.op == opConst || v.op == opParam) {
		e.loadConst(v, d)
		return d
	}
	r := e.src(v)
	e.three(encORR, "ORR", "16B", d, r, r)
	return d
}

func (e *neon) accumulate(n *node, base uint32, name string) {
	x, y, z := n.args[0], n.args[1], n.args[2]
	d := e.over(n, z, x, y)
	rx, ry := e.src(x), e.src(y)
	e.retire(n)
	e.loc[n] = d
	e.three(base|e.sz(), name, e.arr(), d, rx, ry)
}

// minmax uses FMIN and FMAX against a constant that is not zero, where they
// do what VMINPS does; else a comparison and a selection, because the Arm
// instructions order the zeros.
func (e *neon) minmax(n *node) {
	c, x := n.args[0], n.args[1]
	if c.op == opConst && c.bits<<1 != 0 && (e.is64 || uint32(c.bits)<<1 != 0) {
		if n.op == opMin {
			e.binary(n, encFMIN|e.sz(), "FMIN", e.arr())
		} else {
			e.binary(n, encFMAX|e.sz(), "FMAX", e.arr())
		}
		return
	}
	rc, rx := e.src(c), e.src(x)
	d := e.regs.alloc()
	if n.op == opMin {
		e.three(encFCMGT|e.sz(), "FCMGT", e.arr(), d, rx, rc)
	} else {
		e.three(encFCMGT|e.sz(), "FCMGT", e.arr(), d, rc, rx)
	}
	e.three(encBSL, "BSL", "16B", d, rc, rx)
	e.retire(n)
	e.loc[n] = d
}

func (e *neon) compare(n *node) {
	x, y := e.src(n.args[0]), e.src(n.args[1])
	switch pred(n.n) {
	case predLT:
		e.three(encFCMGT|e.sz(), "FCMGT", e.arr(), e.dest(n), y, x)
	case predLE:
		e.three(encFCMGE|e.sz(), "FCMGE", e.arr(), e.dest(n), y, x)
	case predGT:
		e.three(encFCMGT|e.sz(), "FCMGT", e.arr(), e.dest(n), x, y)
	case predGE:
		e.three(encFCMGE|e.sz(), "FCMGE", e.arr(), e.dest(n), x, y)
	case predEQ:
		e.three(encFCMEQ|e.sz(), "FCMEQ", e.arr(), e.dest(n), x, y)
	case predUnord: // not (x == x and y == y)
		d, t := e.regs.alloc(), e.regs.alloc()
		e.three(encFCMEQ|e.sz(), "FCMEQ", e.arr(), d, x, x)
		e.three(encFCMEQ|e.sz(), "FCMEQ", e.arr(), t, y, y)
		e.three(encAND, "AND", "16B", d, d, t)
		e.word(encNOT|uint32(d)<<5|uint32(d), "NOT V%d.16B, V%d.16B", d, d)
		e.regs.release(t)
		e.retire(n)
		e.loc[n] = d
	default:
		panic("predicate without an arm64 form")
	}
}

func (e *neon) selects(n *node) {
	d := e.over(n, n.mask, n.args...)
	x, y := e.src(n.args[0]), e.src(n.args[1])
	e.retire(n)
	e.loc[n] = d
	e.three(encBSL, "BSL", "16B", d, x, y)
}

// flushSubnormals sets FPCR's bit 24: subnormal numbers are 0, as on amd64. The mode
// as it was stands in R14.
func (e *neon) flushSubnormals(scratch int) {
	e.emit("MOVD FPCR, R14")
	e.emit("ORR  $(1<<24), R14, R%d", scratch)
	e.emit("MOVD R%d, FPCR", scratch)
}
