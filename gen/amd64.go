package main

import (
	"fmt"
	"strings"
)

// x86 writes one kernel for AVX2 or AVX-512 in the syntax of Go's assembler,
// whose operands stand in the reverse of Intel's order: the destination last,
// and only the first may lie in memory.
//
// Only VEX and EVEX encodings appear. General registers: DI dst, SI and DX
// the inputs, CX elements left, R8 the parameters, AX scratch.
type x86 struct {
	level Level
	is64  bool
	pool  *constPool
	out   *strings.Builder
	args  int // where the parameters stand in the arguments at AX, or 0: R8 points to them

	prog    []*node
	lastUse map[*node]int
	pins    map[*node]int
	regs    *regfile
	kregs   *regfile
	loc     map[*node]int // register of a value, k register of a mask on AVX-512
	temps   []int
	now     int
}

func (e *x86) lanes() int {
	n := 8
	if e.level == AVX512 {
		n = 16
	}
	if e.is64 {
		n /= 2
	}
	return n
}

func (e *x86) bytes() int {
	if e.level == AVX512 {
		return 64
	}
	return 32
}

func (e *x86) reg(i int) string {
	if e.level == AVX512 {
		return fmt.Sprintf("Z%d", i)
	}
	return fmt.Sprintf("Y%d", i)
}

// f returns a floating-point mnemonic with its element suffix.
func (e *x86) f(s string) string {
	if e.is64 {
		return s + "D"
	}
	return s + "S"
}

// i returns an integer mnemonic with its element suffix.
func (e *x86) i(s string) string {
	if e.is64 {
		return s + "Q"
	}
	return s + "D"
}

func (e *x86) emit(format string, args ...any) {
	fmt.Fprintf(e.out, "\t"+format+"\n", args...)
}

var inputRegs = []string{"SI", "DX"}

// kernel writes the whole function.
func (e *x86) kernel(sym string, k *kernel, prog []*node, stream bool) {
	e.prog = prog
	e.lastUse = map[*node]int{}
	for i, n := range prog {
		for _, a := range e.operands(n) {
			e.lastUse[a] = i
		}
	}
	e.lastUse[prog[len(prog)-1]] = len(prog)

	writeFitting(&e.out, sym, prog, func(pinned []*node) { e.write(sym, k, pinned, stream) })
}

func (e *x86) write(sym string, k *kernel, pinned []*node, stream bool) {
	nregs := 16
	if e.level == AVX512 {
		nregs = 32
	}
	e.regs = newRegfile(nregs)
	e.kregs = newRegfile(8)
	e.kregs.used[0] = true // K0 means no mask
	e.pins = map[*node]int{}

	args := "dst, src"
	frame := 32
	if k.inputs == 2 {
		args, frame = "dst, a, b", 40
	}
	elem := "float32"
	if e.is64 {
		elem = "float64"
	}
	fmt.Fprintf(e.out, "\n// func %s(%s *%s, n int, p *%s)\n", sym, args, elem, elem)
	fmt.Fprintf(e.out, "TEXT ·%s(SB), NOSPLIT, $0-%d\n", sym, frame)
	e.emit("MOVQ dst+0(FP), DI")
	if k.inputs == 2 {
		e.emit("MOVQ a+8(FP), SI")
		e.emit("MOVQ b+16(FP), DX")
		e.emit("MOVQ n+24(FP), CX")
	} else {
		e.emit("MOVQ src+8(FP), SI")
		e.emit("MOVQ n+16(FP), CX")
	}
	for _, n := range e.prog {
		if n.op == opParam {
			e.emit("MOVQ p+%d(FP), R8", frame-8)
			break
		}
	}
	for _, n := range pinned {
		r := e.regs.alloc()
		e.pins[n] = r
		e.loadConst(n, r)
	}

	u := k.unrollFor(e.level)
	step := u * e.lanes()
	e.emit("SUBQ $%d, CX", step)
	e.emit("JLT  rest")
	fmt.Fprintf(e.out, "\nloop:\n")
	for c := 0; c < u; c++ {
		e.body(c, -1, stream)
	}
	e.emit("ADDQ $%d, DI", u*e.bytes())
	for i := 0; i < k.inputs; i++ {
		e.emit("ADDQ $%d, %s", u*e.bytes(), inputRegs[i])
	}
	e.emit("SUBQ $%d, CX", step)
	e.emit("JGE  loop")

	fmt.Fprintf(e.out, "\nrest:\n")
	e.emit("ADDQ $%d, CX", step)
	if e.level == AVX512 {
		e.restAVX512(k, u)
	} else {
		e.restAVX2(k, u)
	}
	fmt.Fprintf(e.out, "\ndone:\n")
	if stream {
		e.emit("SFENCE")
	}
	e.emit("VZEROUPPER")
	e.emit("RET")
}

// restAVX512 does the elements that the loop left, one masked vector at a time.
func (e *x86) restAVX512(k *kernel, u int) {
	e.emit("JEQ  done")
	if u > 1 {
		fmt.Fprintf(e.out, "\nmasked:\n")
	}
	// Fewer than 64 elements are left, so that the shift does not wrap; the
	// mask has ones beyond the vector's lanes while more than one is left.
	e.emit("MOVQ $1, AX")
	e.emit("SHLQ CX, AX")
	e.emit("DECQ AX")
	m := e.kregs.alloc()
	e.emit("KMOVW AX, K%d", m)
	e.body(0, m, false)
	e.kregs.release(m)
	if u > 1 {
		e.emit("ADDQ $%d, DI", e.bytes())
		for i := 0; i < k.inputs; i++ {
			e.emit("ADDQ $%d, %s", e.bytes(), inputRegs[i])
		}
		e.emit("SUBQ $%d, CX", e.lanes())
		e.emit("JGT  masked")
	}
}

// restAVX2 does the whole vectors that the loop left, then a masked one.
func (e *x86) restAVX2(k *kernel, u int) {
	if u > 1 {
		e.emit("SUBQ $%d, CX", e.lanes())
		e.emit("JLT  tail")
		fmt.Fprintf(e.out, "\nsingle:\n")
		e.body(0, -1, false)
		e.emit("ADDQ $%d, DI", e.bytes())
		for i := 0; i < k.inputs; i++ {
			e.emit("ADDQ $%d, %s", e.bytes(), inputRegs[i])
		}
		e.emit("SUBQ $%d, CX", e.lanes())
		e.emit("JGE  single")
		fmt.Fprintf(e.out, "\ntail:\n")
		e.emit("ADDQ $%d, CX", e.lanes())
	}
	e.emit("JEQ  done")
	// A window over words of ones followed by zeros gives the mask.
	size := 4
	if e.is64 {
		size = 8
	}
	e.emit("NEGQ CX")
	e.emit("LEAQ ·tailMask+32(SB), AX")
	m := e.regs.alloc()
	e.emit("VMOVUPS (AX)(CX*%d), %s", size, e.reg(m))
	e.body(0, m, false)
	e.regs.release(m)
}

func (e *x86) isMem(n *node) bool {
	if n.op != opConst && n.op != opParam {
		return false
	}
	_, pinned := e.pins[n]
	return !pinned
}

// mem returns the memory operand of a constant and the suffix that the
// instruction takes for it.
func (e *x86) mem(n *node) (operand, suffix string) {
	if n.op == opParam {
		size := 4
		if e.is64 {
			size = 8
		}
		if e.args != 0 {
			return fmt.Sprintf("%d(AX)", e.args+n.n*size), ".BCST"
		}
		return fmt.Sprintf("%d(R8)", n.n*size), ".BCST"
	}
	off := e.pool.at(n.bits, e.is64)
	if e.level == AVX512 {
		return fmt.Sprintf("%s<>+%d(SB)", e.pool.name, off), ".BCST"
	}
	return fmt.Sprintf("%s<>+%d(SB)", e.pool.name, off), ""
}

// loadConst puts a constant or parameter into register r.
func (e *x86) loadConst(n *node, r int) {
	if n.op == opConst && n.bits == 0 {
		if e.level == AVX512 {
			e.emit("VPXORD %s, %s, %s", e.reg(r), e.reg(r), e.reg(r))
		} else {
			e.emit("VXORPS %s, %s, %s", e.reg(r), e.reg(r), e.reg(r))
		}
		return
	}
	op, suffix := e.mem(n)
	if suffix == ".BCST" {
		b := "VBROADCASTSS"
		if e.is64 {
			b = "VBROADCASTSD"
		}
		e.emit("%s %s, %s", b, op, e.reg(r))
		return
	}
	e.emit("VMOVUPS %s, %s", op, e.reg(r))
}

// src returns the register that holds n, loading a constant if need be.
func (e *x86) src(n *node) int {
	if r, ok := e.pins[n]; ok {
		return r
	}
	if n.op == opConst || n.op == opParam {
		r := e.regs.alloc()
		e.temps = append(e.temps, r)
		e.loadConst(n, r)
		return r
	}
	r, ok := e.loc[n]
	if !ok {
		panic(fmt.Sprintf("value %d has no register", n.seq))
	}
	return r
}

// srcOrMem returns an operand that may lie in memory, with its suffix. AVX2
// cannot broadcast a parameter in an operand.
func (e *x86) srcOrMem(n *node) (operand, suffix string) {
	if e.isMem(n) && (n.op == opConst || e.level == AVX512) {
		return e.mem(n)
	}
	return e.reg(e.src(n)), ""
}

func (e *x86) dying(n *node) bool {
	return !n.invariant() && e.lastUse[n] == e.now
}

// retire frees the registers of the values that the current instruction used
// last.
func (e *x86) retire(n *node) {
	for _, t := range e.temps {
		e.regs.release(t)
	}
	e.temps = e.temps[:0]
	done := map[*node]bool{}
	for _, a := range e.operands(n) {
		if done[a] || !e.dying(a) {
			continue
		}
		done[a] = true
		if r, ok := e.loc[a]; ok {
			if e.isK(a) {
				e.kregs.release(r)
			} else {
				e.regs.release(r)
			}
			delete(e.loc, a)
		}
	}
}

// operands returns the values that an instruction reads. AVX2 blends by the
// sign bit itself, so that the sign of a value is the value.
func (e *x86) operands(n *node) []*node { return operands(e.level, n) }

func operands(level Level, n *node) []*node {
	if n.mask == nil {
		return n.args
	}
	m := n.mask
	if level == AVX2 && m.op == opSign {
		m = m.args[0]
	}
	return append([]*node{m}, n.args...)
}

// isK reports whether a value lives in a mask register.
func (e *x86) isK(n *node) bool {
	return e.level == AVX512 && (n.op == opCmp || n.op == opSign)
}

// take moves a dying operand's register to the result of the instruction.
func (e *x86) take(from *node) int {
	r := e.loc[from]
	delete(e.loc, from)
	return r
}

// body writes the code for the copy c of an unrolled loop; mask is the
// register with the lanes of a tail, or -1.
func (e *x86) body(c, mask int, stream bool) {
	e.loc = map[*node]int{}
	e.temps = e.temps[:0]
	for i, n := range e.prog {
		e.now = i
		e.instr(n, c, mask)
	}
	last := e.prog[len(e.prog)-1]
	e.now = len(e.prog)
	r := e.src(last)
	addr := fmt.Sprintf("%d(DI)", c*e.bytes())
	switch {
	case mask >= 0 && e.level == AVX512:
		e.emit("%s %s, K%d, %s", e.f("VMOVUP"), e.reg(r), mask, addr)
	case mask >= 0:
		e.emit("%s %s, %s, %s", e.f("VMASKMOVP"), e.reg(r), e.reg(mask), addr)
	case stream:
		e.emit("VMOVNTPS %s, %s", e.reg(r), addr)
	default:
		e.emit("VMOVUPS %s, %s", e.reg(r), addr)
	}
	for _, t := range e.temps {
		e.regs.release(t)
	}
	e.temps = e.temps[:0]
	if _, pinned := e.pins[last]; !pinned {
		if r, ok := e.loc[last]; ok {
			e.regs.release(r)
		}
	}
}

func (e *x86) instr(n *node, c, mask int) {
	switch n.op {
	case opConst, opParam, opRow:
	case opInput:
		r := e.regs.alloc()
		e.loc[n] = r
		addr := fmt.Sprintf("%d(%s)", c*e.bytes(), inputRegs[n.n])
		switch {
		case mask >= 0 && e.level == AVX512:
			e.emit("%s.Z %s, K%d, %s", e.f("VMOVUP"), addr, mask, e.reg(r))
		case mask >= 0:
			e.emit("%s %s, %s, %s", e.f("VMASKMOVP"), addr, e.reg(mask), e.reg(r))
		default:
			e.emit("VMOVUPS %s, %s", addr, e.reg(r))
		}
	case opAdd, opMul, opAnd, opOr, opXor, opIAdd:
		x, y := n.args[0], n.args[1]
		if e.isMem(x) && !e.isMem(y) {
			x, y = y, x
		}
		e.binary(n, e.mnemonic(n.op), x, y)
	case opSub, opDiv, opMin, opMax, opISub:
		e.binary(n, e.mnemonic(n.op), n.args[0], n.args[1])
	case opAndNot: // VANDN complements its first source
		e.binary(n, e.f("VANDNP"), n.args[1], n.args[0])
	case opShl:
		e.unary(n, fmt.Sprintf("%s $%d,", e.i("VPSLL"), n.n))
	case opShr:
		e.unary(n, fmt.Sprintf("%s $%d,", e.i("VPSRL"), n.n))
	case opSqrt:
		e.unary(n, e.f("VSQRTP"))
	case opRsqrt:
		e.rsqrt(n)
	case opFMA, opFNMA:
		e.fma(n)
	case opCmp:
		e.compare(n)
	case opSign:
		if e.level == AVX2 {
			return // see operands
		}
		op := "VPMOVD2M"
		if e.is64 {
			op = "VPMOVQ2M"
		}
		k := e.kregs.alloc()
		e.emit("%s %s, K%d", op, e.reg(e.src(n.args[0])), k)
		e.retire(n)
		e.loc[n] = k
	case opSelect:
		e.selects(n)
	case opMasked:
		e.masked(n)
	default:
		panic(fmt.Sprintf("operation %d has no x86 form", n.op))
	}
}

func (e *x86) mnemonic(op opcode) string {
	switch op {
	case opAdd:
		return e.f("VADDP")
	case opSub:
		return e.f("VSUBP")
	case opMul:
		return e.f("VMULP")
	case opDiv:
		return e.f("VDIVP")
	case opMin:
		return e.f("VMINP")
	case opMax:
		return e.f("VMAXP")
	case opAnd:
		return e.f("VANDP")
	case opOr:
		return e.f("VORP")
	case opXor:
		return e.f("VXORP")
	case opIAdd:
		return e.i("VPADD")
	case opISub:
		return e.i("VPSUB")
	}
	panic(fmt.Sprintf("operation %d has no mnemonic", op))
}

// dest picks the register of a result: that of a dying operand, else a new one.
func (e *x86) dest(n *node) int {
	e.retire(n)
	r := e.regs.alloc()
	e.loc[n] = r
	return r
}

func (e *x86) binary(n *node, op string, x, y *node) {
	rx := e.src(x)
	oy, suffix := e.srcOrMem(y)
	d := e.dest(n)
	e.emit("%s%s %s, %s, %s", op, suffix, oy, e.reg(rx), e.reg(d))
}

func (e *x86) unary(n *node, op string) {
	r := e.src(n.args[0])
	d := e.dest(n)
	e.emit("%s %s, %s", op, e.reg(r), e.reg(d))
}

func (e *x86) rsqrt(n *node) {
	switch {
	case e.level == AVX512 && e.is64:
		e.unary(n, "VRSQRT14PD")
	case e.level == AVX512:
		e.unary(n, "VRSQRT14PS")
	case !e.is64:
		e.unary(n, "VRSQRTPS")
	default:
		r := e.src(n.args[0])
		d := e.dest(n)
		e.emit("VCVTPD2PSY Y%d, X%d", r, d)
		e.emit("VRSQRTPS X%d, X%d", d, d)
		e.emit("VCVTPS2PD X%d, Y%d", d, d)
	}
}

// fma picks the form whose destination is an operand that is not needed
// afterwards.
func (e *x86) fma(n *node) {
	stem := "VFMADD"
	if n.op == opFNMA {
		stem = "VFNMADD"
	}
	x, y, z := n.args[0], n.args[1], n.args[2]
	if e.isMem(x) {
		x, y = y, x
	}
	switch {
	case e.dying(z) && z != x && z != y: // z += x*y
		rx := e.src(x)
		oy, suffix := e.srcOrMem(y)
		d := e.take(z)
		e.retire(n)
		e.loc[n] = d
		e.emit("%s%s %s, %s, %s", e.f(stem+"231P"), suffix, oy, e.reg(rx), e.reg(d))
	case !e.isMem(x) && e.dying(x) && x != z && !(e.isMem(y) && e.isMem(z)):
		e.fmaOver(n, stem, x, y, z)
	case !e.isMem(y) && e.dying(y) && y != z:
		e.fmaOver(n, stem, y, x, z)
	default: // a copy of z takes the sum
		d := e.regs.alloc()
		if e.isMem(z) {
			e.loadConst(z, d)
		} else {
			e.emit("VMOVAPS %s, %s", e.reg(e.src(z)), e.reg(d))
		}
		rx := e.src(x)
		oy, suffix := e.srcOrMem(y)
		e.retire(n)
		e.loc[n] = d
		e.emit("%s%s %s, %s, %s", e.f(stem+"231P"), suffix, oy, e.reg(rx), e.reg(d))
	}
}

// fmaOver computes x*y + z in the register of x.
func (e *x86) fmaOver(n *node, stem string, x, y, z *node) {
	if e.isMem(y) { // x = x*y(memory) + z
		rz := e.src(z)
		oy, suffix := e.srcOrMem(y)
		d := e.take(x)
		e.retire(n)
		e.loc[n] = d
		e.emit("%s%s %s, %s, %s", e.f(stem+"132P"), suffix, oy, e.reg(rz), e.reg(d))
		return
	}
	ry := e.src(y)
	oz, suffix := e.srcOrMem(z)
	d := e.take(x)
	e.retire(n)
	e.loc[n] = d
	e.emit("%s%s %s, %s, %s", e.f(stem+"213P"), suffix, oz, e.reg(ry), e.reg(d))
}

// x86Pred are the immediates of VCMPPS; none of them signals for quiet NaN.
var x86Pred = map[pred]int{
	predLT: 0x11, predLE: 0x12, predGT: 0x1e, predGE: 0x1d, predEQ: 0x00, predUnord: 0x03,
	predNLT: 0x15, predNLE: 0x16, predNGT: 0x1a, predNGE: 0x19, predNEQ: 0x04, predOrd: 0x07,
}

func (e *x86) compare(n *node) {
	rx := e.src(n.args[0])
	oy, suffix := e.srcOrMem(n.args[1])
	op := fmt.Sprintf("%s%s $%d", e.f("VCMPP"), suffix, x86Pred[pred(n.n)])
	if e.level == AVX512 {
		e.retire(n)
		k := e.kregs.alloc()
		e.loc[n] = k
		e.emit("%s, %s, %s, K%d", op, oy, e.reg(rx), k)
		return
	}
	d := e.dest(n)
	e.emit("%s, %s, %s, %s", op, oy, e.reg(rx), e.reg(d))
}

func (e *x86) selects(n *node) {
	x, y := n.args[0], n.args[1]
	ry := e.src(y)
	ox, suffix := e.srcOrMem(x)
	if e.level == AVX512 {
		m := e.loc[n.mask]
		d := e.dest(n)
		e.emit("%s%s %s, %s, K%d, %s", e.f("VBLENDMP"), suffix, ox, e.reg(ry), m, e.reg(d))
		return
	}
	m := e.src(e.operands(n)[0])
	d := e.dest(n)
	e.emit("%s %s, %s, %s, %s", e.f("VBLENDVP"), e.reg(m), ox, e.reg(ry), e.reg(d))
}

func (e *x86) masked(n *node) {
	x, y, z := n.args[0], n.args[1], n.args[2]
	if (n.sub == opAdd || n.sub == opMul) && e.isMem(x) && !e.isMem(y) {
		x, y = y, x
	}
	rx := e.src(x)
	oy, suffix := e.srcOrMem(y)
	m := e.loc[n.mask]
	var d int
	if e.dying(z) {
		d = e.take(z)
		e.retire(n)
	} else {
		d = e.regs.alloc()
		e.emit("VMOVAPS %s, %s", e.reg(e.src(z)), e.reg(d))
		e.retire(n)
	}
	e.loc[n] = d
	e.emit("%s%s %s, %s, K%d, %s", e.mnemonic(n.sub), suffix, oy, e.reg(rx), m, e.reg(d))
}
