package main

import "fmt"

// x86Pool writes a kernel of pooling for amd64.
//
// General registers: AX the arguments, SI the window's first tap, DI y and DX
// where, all three at the current channel, CX the channels left, BX the windows
// left; R8 the distance of taps, R9 that of the window's rows, R10 their sum in
// windows of 2x2. In the loops over taps: R10 the row, R11 the tap, R12 and R13
// the columns and rows left. R15 is scratch.
//
// Vector registers: 0 to 3 the results of a block, 4 to 7 the numbers of their
// taps, 8 to 10 scratch; the rest hold constants. K1 or tail has the lanes of a
// partial vector, K2 and K3 are scratch.
type x86Pool struct {
	poolKernel
	x86
}

// No operation needs two of the constants that share a register.
const (
	x86PoolScratch = 8
	x86PoolZero    = 11 // of the sign that a sum begins with
	x86PoolOrder   = 11 // how AVX2 orders the numbers of a block
	x86PoolNumbers = 11 // plus tap: its number, in windows of 2x2
	x86PoolNumber  = 12 // of the current tap, in a loop
	x86PoolScale   = 12
	x86PoolOne     = 13
	x86PoolTail    = 15
)

// poolConstants are what the kernels of AVX2 read: the lanes of a partial vector
// at an offset, and the order in which packing leaves the numbers of a block.
func poolConstants() string {
	s := ""
	for i := range 8 {
		bits := -1
		if i >= 4 {
			bits = 0
		}
		s += fmt.Sprintf("DATA tail<>+%d(SB)/8, $%d\n", 8*i, bits)
	}
	s += "GLOBL tail<>(SB), RODATA|NOPTR, $64\n\n"
	for i, dword := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
		s += fmt.Sprintf("DATA order<>+%d(SB)/4, $%d\n", 4*i, dword)
	}
	return s + "GLOBL order<>(SB), RODATA|NOPTR, $32\n\n"
}

func (p *x86Pool) label(s string) { fmt.Fprintf(p.out, "\n%s:\n", s) }

func (p *x86Pool) kernel() {
	p.emit("MOVQ p+0(FP), AX")
	p.emit("MOVQ %d(AX), SI", poolX)
	p.emit("MOVQ %d(AX), DI", poolY)
	if p.indexed() {
		p.emit("MOVQ %d(AX), DX", poolWhere)
	}
	p.emit("MOVQ %d(AX), BX", poolWindows)
	p.emit("MOVQ %d(AX), R8", poolTap)
	p.emit("MOVQ %d(AX), R9", poolRow)
	if p.twoByTwo {
		p.emit("LEAQ (R8)(R9*1), R10")
	}
	p.constants()
	p.lanesLeft()

	blocks := p.blocks(p.level)
	p.label("window")
	p.emit("MOVQ %d(AX), CX", poolChannels)
	p.emit("SUBQ $%d, CX", blocks[0]*p.lanes())
	for i, n := range blocks {
		if i > 0 {
			p.label(fmt.Sprintf("vectors%d", n))
			p.emit("ADDQ $%d, CX", (blocks[i-1]-n)*p.lanes())
		}
		if i < len(blocks)-1 {
			p.emit("JLT  vectors%d", blocks[i+1])
		} else {
			p.emit("JLT  rest")
		}
		if i == 0 {
			p.label("block")
		}
		p.body(n, false, fmt.Sprint(n))
		p.emit("SUBQ $%d, CX", n*p.lanes())
		if i == 0 {
			p.emit("JGE  block")
		}
	}

	p.label("rest")
	p.emit("ADDQ $%d, CX", p.lanes())
	p.emit("JEQ  next")
	p.body(1, true, "Rest")

	p.label("next")
	p.emit("ADDQ %d(AX), SI", poolSkip)
	p.emit("DECQ BX")
	p.emit("JNE  window")
	p.emit("VZEROUPPER")
	p.emit("RET")
}

// constants loads what the operation needs.
func (p *x86Pool) constants() {
	switch p.op {
	case poolMaxWhere, poolMaxBackward:
		first, last := x86PoolOne, x86PoolOne
		if p.twoByTwo {
			first, last = x86PoolNumbers+1, x86PoolNumbers+3
		}
		for r := first; r <= last; r++ {
			p.emit("MOVL $%d, R15", r-first+1)
			p.emit("VMOVD R15, X%d", r)
			p.emit("VPBROADCASTD X%d, %s", r, p.reg(r))
		}
		if p.level == AVX2 && p.op == poolMaxWhere {
			p.emit("VMOVDQU order<>(SB), %s", p.reg(x86PoolOrder))
		}
	case poolMean, poolMeanBackward:
		p.emit("VBROADCASTSS %d(AX), %s", poolScale, p.reg(x86PoolScale))
	}
	switch {
	case p.backward(): // the number of the first tap too
		p.emit("VPXOR X%d, X%d, X%d", x86PoolZero, x86PoolZero, x86PoolZero)
	case p.op == poolMean && !p.twoByTwo: // -0, to which every number adds unchanged
		p.emit("MOVL $0x80000000, R15")
		p.emit("VMOVD R15, X%d", x86PoolZero)
		p.emit("VPBROADCASTD X%d, %s", x86PoolZero, p.reg(x86PoolZero))
	}
}

// lanesLeft sets the lanes of the channels that fill no vector.
func (p *x86Pool) lanesLeft() {
	p.emit("MOVQ %d(AX), CX", poolChannels)
	p.emit("ANDQ $%d, CX", p.lanes()-1)
	if p.level == AVX512 {
		p.emit("MOVQ $1, R15")
		p.emit("SHLQ CX, R15")
		p.emit("DECQ R15")
		p.emit("KMOVW R15, K1")
		return
	}
	p.emit("NEGQ CX")
	p.emit("LEAQ tail<>+32(SB), R15")
	p.emit("VMOVDQU (R15)(CX*4), %s", p.reg(x86PoolTail))
}

// load and store move a vector, or the lanes that are left.
func (p *x86Pool) load(from string, to int, partial bool) {
	switch {
	case !partial:
		p.emit("VMOVUPS %s, %s", from, p.reg(to))
	case p.level == AVX512:
		p.emit("VMOVUPS.Z %s, K1, %s", from, p.reg(to))
	default:
		p.emit("VMASKMOVPS %s, %s, %s", from, p.reg(x86PoolTail), p.reg(to))
	}
}

func (p *x86Pool) store(from int, to string, partial bool) {
	switch {
	case !partial:
		p.emit("VMOVUPS %s, %s", p.reg(from), to)
	case p.level == AVX512:
		p.emit("VMOVUPS %s, K1, %s", p.reg(from), to)
	default:
		p.emit("VMASKMOVPS %s, %s, %s", p.reg(from), p.reg(x86PoolTail), to)
	}
}

// body does n vectors, or one with the lanes that are left, and goes on to the
// channels behind them. The labels of its loops end in suffix.
func (p *x86Pool) body(n int, partial bool, suffix string) {
	p.begin(n, partial)
	p.taps(suffix, func(tap int, base string) {
		for v := range n {
			p.tap(tap, v, fmt.Sprintf("%d%s", v*p.bytes(), base), partial)
		}
	})
	p.end(n, partial)
	if partial {
		for _, r := range []string{"SI", "DI"} {
			p.emit("LEAQ (%s)(CX*4), %s", r, r)
		}
		if p.indexed() {
			p.emit("ADDQ CX, DX")
		}
		return
	}
	p.emit("ADDQ $%d, SI", n*p.bytes())
	p.emit("ADDQ $%d, DI", n*p.bytes())
	if p.indexed() {
		p.emit("ADDQ $%d, DX", n*p.lanes())
	}
}

// taps calls f for each tap with its number and the address of its first
// channel; in a loop, f writes what all taps have in common and the number is -1.
func (p *x86Pool) taps(suffix string, f func(tap int, base string)) {
	if p.twoByTwo {
		for tap, base := range []string{"(SI)", "(SI)(R8*1)", "(SI)(R9*1)", "(SI)(R10*1)"} {
			f(tap, base)
		}
		return
	}
	if p.indexed() {
		p.emit("VPXOR X%d, X%d, X%d", x86PoolNumber, x86PoolNumber, x86PoolNumber)
	}
	p.emit("MOVQ SI, R10")
	p.emit("MOVQ %d(AX), R13", poolHeight)
	p.label("row" + suffix)
	p.emit("MOVQ R10, R11")
	p.emit("MOVQ %d(AX), R12", poolWidth)
	p.label("tap" + suffix)
	f(-1, "(R11)")
	if p.indexed() {
		p.emit("VPADDD %s, %s, %s", p.reg(x86PoolOne), p.reg(x86PoolNumber), p.reg(x86PoolNumber))
	}
	p.emit("ADDQ R8, R11")
	p.emit("DECQ R12")
	p.emit("JNE  tap%s", suffix)
	p.emit("ADDQ R9, R10")
	p.emit("DECQ R13")
	p.emit("JNE  row%s", suffix)
}

// begin loads what a block needs before its taps.
func (p *x86Pool) begin(n int, partial bool) {
	for v := range n {
		y := fmt.Sprintf("%d(DI)", v*p.bytes())
		switch p.op {
		case poolMax, poolMaxWhere:
			if !p.twoByTwo {
				// The loop compares the first tap with itself, which changes nothing.
				p.load(fmt.Sprintf("%d(SI)", v*p.bytes()), v, partial)
				if p.op == poolMaxWhere {
					p.emit("VPXOR X%d, X%d, X%d", 4+v, 4+v, 4+v)
				}
			}
		case poolMean:
			if !p.twoByTwo {
				p.emit("VMOVAPS %s, %s", p.reg(x86PoolZero), p.reg(v))
			}
		case poolMaxBackward:
			// An element is added to 0, as where windows overlap: -0 becomes +0.
			p.load(y, v, partial)
			p.emit("VADDPS %s, %s, %s", p.reg(x86PoolZero), p.reg(v), p.reg(v))
			p.loadNumbers(v, partial)
		case poolMeanBackward:
			p.load(y, v, partial)
			p.emit("VMULPS %s, %s, %s", p.reg(x86PoolScale), p.reg(v), p.reg(v))
			p.emit("VADDPS %s, %s, %s", p.reg(x86PoolZero), p.reg(v), p.reg(v))
		}
	}
}

// tap does a tap of vector v, at address x.
func (p *x86Pool) tap(tap, v int, x string, partial bool) {
	number := p.reg(x86PoolNumber)
	if p.twoByTwo {
		number = p.reg(x86PoolNumbers + tap)
	}
	best, at, s := p.reg(v), p.reg(4+v), p.reg(x86PoolScratch)
	if tap == 0 && !p.backward() {
		p.load(x, v, partial)
		return
	}
	switch p.op {
	case poolMax:
		p.load(x, x86PoolScratch, partial)
		p.max(best, s)
	case poolMaxWhere:
		p.load(x, x86PoolScratch, partial)
		p.maxWhere(best, at, s, number, tap == 1)
	case poolMean:
		if partial {
			p.load(x, x86PoolScratch, partial)
			x = s
		}
		p.emit("VADDPS %s, %s, %s", x, best, best)
	case poolMaxBackward:
		if p.level == AVX512 {
			p.emit("VPCMPEQD %s, %s, K2", number, at)
			p.emit("VMOVAPS.Z %s, K2, %s", best, s)
		} else {
			p.emit("VPCMPEQD %s, %s, %s", number, at, s)
			p.emit("VANDPS %s, %s, %s", best, s, s)
		}
		p.store(x86PoolScratch, x, partial)
	case poolMeanBackward:
		p.store(v, x, partial)
	}
}

// max sets best to x where x is greater or NaN. VMAXPS keeps its last source,
// best, where the two are equal or either is NaN.
func (p *x86Pool) max(best, x string) {
	p.emit("VMAXPS %s, %s, %s", best, x, best)
	if p.level == AVX512 {
		p.emit("VCMPPS $%d, %s, %s, K2", x86Pred[predUnord], x, x)
		p.emit("VMOVAPS %s, K2, %s", x, best)
		return
	}
	nan := p.reg(x86PoolScratch + 1)
	p.emit("VCMPPS $%d, %s, %s, %s", x86Pred[predUnord], x, x, nan)
	p.emit("VBLENDVPS %s, %s, %s, %s", nan, x, best, best)
}

// maxWhere sets best to x and at to number where x is greater or NaN. The first
// time, at has nothing yet and becomes 0 elsewhere.
func (p *x86Pool) maxWhere(best, at, x, number string, first bool) {
	if p.level == AVX512 {
		p.emit("VCMPPS $%d, %s, %s, K2", x86Pred[predGT], best, x)
		p.emit("VCMPPS $%d, %s, %s, K3", x86Pred[predUnord], x, x)
		p.emit("KORW K2, K3, K2")
		p.emit("VMOVAPS %s, K2, %s", x, best)
		suffix := ""
		if first {
			suffix = ".Z"
		}
		p.emit("VMOVDQA32%s %s, K2, %s", suffix, number, at)
		return
	}
	greater, nan := p.reg(x86PoolScratch+1), p.reg(x86PoolScratch+2)
	p.emit("VCMPPS $%d, %s, %s, %s", x86Pred[predGT], best, x, greater)
	p.emit("VCMPPS $%d, %s, %s, %s", x86Pred[predUnord], x, x, nan)
	p.emit("VORPS %s, %s, %s", nan, greater, greater)
	p.emit("VBLENDVPS %s, %s, %s, %s", greater, x, best, best)
	if first {
		p.emit("VANDPS %s, %s, %s", number, greater, at)
	} else {
		p.emit("VBLENDVPS %s, %s, %s, %s", greater, number, at, at)
	}
}

// end stores the results of a block.
func (p *x86Pool) end(n int, partial bool) {
	if p.backward() {
		return
	}
	for v := range n {
		if p.op == poolMean {
			p.emit("VMULPS %s, %s, %s", p.reg(x86PoolScale), p.reg(v), p.reg(v))
		}
		p.store(v, fmt.Sprintf("%d(DI)", v*p.bytes()), partial)
	}
	if p.op == poolMaxWhere {
		p.storeNumbers(n, partial)
	}
}

// loadNumbers loads the bytes of vector v as integers of 32 bits.
func (p *x86Pool) loadNumbers(v int, partial bool) {
	at := p.reg(4 + v)
	switch {
	case !partial:
		p.emit("VPMOVZXBD %d(DX), %s", v*p.lanes(), at)
	case p.level == AVX512:
		// In two steps: Bochs reads all bytes in one.
		p.emit("VMOVDQU8.Z (DX), K1, X%d", 4+v)
		p.emit("VPMOVZXBD X%d, %s", 4+v, at)
	default: // from the last byte to the first
		p.emit("XORL R15, R15")
		p.emit("MOVQ CX, R11")
		p.label("gather")
		p.emit("SHLQ $8, R15")
		p.emit("MOVBLZX -1(DX)(R11*1), R12")
		p.emit("ORQ  R12, R15")
		p.emit("DECQ R11")
		p.emit("JNE  gather")
		p.emit("VMOVQ R15, X%d", 4+v)
		p.emit("VPMOVZXBD X%d, %s", 4+v, at)
	}
}

// storeNumbers stores the integers of a block as bytes.
func (p *x86Pool) storeNumbers(n int, partial bool) {
	if p.level == AVX512 {
		for v := range n {
			if partial {
				p.emit("VPMOVDB %s, K1, (DX)", p.reg(4+v))
			} else {
				p.emit("VPMOVDB %s, %d(DX)", p.reg(4+v), v*p.lanes())
			}
		}
		return
	}
	switch n {
	case 4:
		p.emit("VPACKUSDW Y5, Y4, Y4")
		p.emit("VPACKUSDW Y7, Y6, Y6")
		p.emit("VPACKUSWB Y6, Y4, Y4")
		p.emit("VPERMD Y4, %s, Y4", p.reg(x86PoolOrder))
		p.emit("VMOVDQU Y4, (DX)")
		return
	case 2:
		p.emit("VPACKUSDW Y5, Y4, Y4")
		p.emit("VPACKUSWB Y4, Y4, Y4")
		p.emit("VPERMD Y4, %s, Y4", p.reg(x86PoolOrder))
		p.emit("VMOVDQU X4, (DX)")
		return
	}
	p.emit("VEXTRACTI128 $1, Y4, X5")
	p.emit("VPACKUSDW X5, X4, X4")
	p.emit("VPACKUSWB X4, X4, X4")
	if !partial {
		p.emit("VMOVQ X4, (DX)")
		return
	}
	p.emit("VMOVQ X4, R15")
	p.emit("XORL R11, R11")
	p.label("scatter")
	p.emit("MOVB R15, (DX)(R11*1)")
	p.emit("SHRQ $8, R15")
	p.emit("INCQ R11")
	p.emit("CMPQ R11, CX")
	p.emit("JNE  scatter")
}
