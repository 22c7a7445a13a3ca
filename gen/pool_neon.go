package main

import "fmt"

// Encodings of the Arm Architecture Reference Manual, C7.2, for 128 bits.
const (
	encORN   = 0x4ee01c00
	encBIT   = 0x6ea01c00
	encCMEQ  = 0x6e208c00
	encUZP1  = 0x4e001800
	encUXTL8 = 0x2f08a400
	encUXTL4 = 0x2f10a400
)

// neonPool writes a kernel of pooling for arm64. The lanes of a partial vector
// beyond the last channel repeat that channel: they are read and written at its
// address, so that there are no branches and nothing beyond it is touched.
//
// General registers: R0 the arguments, R1 the window's first tap, R2 y and R3
// where, all three at the current channel, R4 the channels left, R5 the windows
// left, R6 the distance of taps, R7 that of the window's rows, R8 from a window
// to the next. In windows of 2x2, R10 to R12 are the taps 1 to 3; in the loops
// over taps, R10 is the row, R11 the tap, R12 and R13 the columns and rows left.
// R15 and R19 are the offsets of lanes 1 and 2 of a partial vector, R20 and R21
// of their bytes; R22 is scratch.
//
// Vector registers: 0 to 3 the results of a block, 4 to 7 the numbers of their
// taps, 16 to 18 scratch; the rest hold constants.
type neonPool struct {
	poolKernel
	neon
}

const (
	neonPoolScratch = 16
	neonPoolNumbers = 20 // plus tap: its number, in windows of 2x2
	neonPoolNumber  = 20 // of the current tap, in a loop
	neonPoolOne     = 21
	neonPoolScale   = 24
	neonPoolZero    = 25 // of the sign that a sum begins with
)

func (p *neonPool) label(s string) { fmt.Fprintf(p.out, "\n%s:\n", s) }

// zero sets register r to 0.
func (p *neonPool) zero(r int) { p.three(encEOR, "EOR", "16B", r, r, r) }

func (p *neonPool) kernel() {
	p.emit("MOVD p+0(FP), R0")
	p.emit("MOVD %d(R0), R1", poolX)
	p.emit("MOVD %d(R0), R2", poolY)
	if p.indexed() {
		p.emit("MOVD %d(R0), R3", poolWhere)
	}
	p.emit("MOVD %d(R0), R5", poolWindows)
	p.emit("MOVD %d(R0), R6", poolTap)
	p.emit("MOVD %d(R0), R7", poolRow)
	p.emit("MOVD %d(R0), R8", poolSkip)
	p.constants()
	p.lanesLeft()

	blocks := p.blocks(NEON)
	p.label("window")
	p.emit("MOVD %d(R0), R4", poolChannels)
	p.emit("SUBS $%d, R4", blocks[0]*p.lanes())
	for i, n := range blocks {
		if i > 0 {
			p.label(fmt.Sprintf("vectors%d", n))
			p.emit("ADDS $%d, R4", (blocks[i-1]-n)*p.lanes())
		}
		if i < len(blocks)-1 {
			p.emit("BLT  vectors%d", blocks[i+1])
		} else {
			p.emit("BLT  rest")
		}
		if i == 0 {
			p.label("block")
		}
		p.body(n, false, fmt.Sprint(n))
		p.emit("SUBS $%d, R4", n*p.lanes())
		if i == 0 {
			p.emit("BGE  block")
		}
	}

	p.label("rest")
	p.emit("ADDS $%d, R4", p.lanes())
	p.emit("BEQ  next")
	p.body(1, true, "Rest")

	p.label("next")
	p.emit("ADD  R8, R1")
	p.emit("SUBS $1, R5")
	p.emit("BNE  window")
	p.emit("RET")
}

// constants loads what the operation needs.
func (p *neonPool) constants() {
	switch p.op {
	case poolMaxWhere, poolMaxBackward:
		first, last := neonPoolOne, neonPoolOne
		if p.twoByTwo {
			p.zero(neonPoolNumbers)
			first, last = neonPoolNumbers+1, neonPoolNumbers+3
		}
		for r := first; r <= last; r++ {
			p.emit("MOVD $%d, R22", r-first+1)
			p.emit("VDUP R22, V%d.S4", r)
		}
	case poolMean, poolMeanBackward:
		p.emit("ADD  $%d, R0, R22", poolScale)
		p.emit("VLD1R (R22), [V%d.S4]", neonPoolScale)
	}
	switch {
	case p.backward():
		p.zero(neonPoolZero)
	case p.op == poolMean && !p.twoByTwo: // -0, to which every number adds unchanged
		p.emit("MOVD $0x80000000, R22")
		p.emit("VDUP R22, V%d.S4", neonPoolZero)
	}
}

// lanesLeft sets the offsets of lanes 1 and 2 of the channels that fill no
// vector: the lanes that it lacks stand where its last channel is.
func (p *neonPool) lanesLeft() {
	p.emit("MOVD %d(R0), R4", poolChannels)
	p.emit("ANDS $%d, R4, R21", p.lanes()-1)
	p.emit("BEQ  window") // there is no partial vector
	p.emit("SUB  $1, R21")
	p.emit("CMP  $0, R21")
	p.emit("CSET NE, R20")
	p.emit("LSL  $2, R20, R15")
	p.emit("LSL  $2, R21, R19")
}

// laneAt sets R22 to the address of lane 1 or 2 of a partial vector, of floats
// or bytes.
func (p *neonPool) laneAt(lane int, bytes bool, base string) {
	r := map[bool][2]string{false: {"R15", "R19"}, true: {"R20", "R21"}}[bytes][lane-1]
	p.emit("ADD  %s, %s, R22", r, base)
}

// load and store move vector v at base, or the lanes that are left.
func (p *neonPool) load(base string, v, to int, partial bool) {
	if !partial {
		p.emit("FMOVQ %d(%s), F%d", 16*v, base, to)
		return
	}
	p.emit("FMOVS (%s), F%d", base, to)
	for lane := 1; lane <= 2; lane++ {
		p.laneAt(lane, false, base)
		p.emit("VLD1 (R22), V%d.S[%d]", to, lane)
	}
}

func (p *neonPool) store(from int, base string, v int, partial bool) {
	if !partial {
		p.emit("FMOVQ F%d, %d(%s)", from, 16*v, base)
		return
	}
	p.emit("FMOVS F%d, (%s)", from, base)
	for lane := 1; lane <= 2; lane++ {
		p.laneAt(lane, false, base)
		p.emit("VST1 V%d.S[%d], (R22)", from, lane)
	}
}

// body does n vectors, or one with the lanes that are left, and goes on to the
// channels behind them. The labels of its loops end in suffix.
func (p *neonPool) body(n int, partial bool, suffix string) {
	p.begin(n, partial)
	p.taps(suffix, func(tap int, base string) {
		for v := range n {
			p.tap(tap, v, base, partial)
		}
	})
	p.end(n, partial)
	if partial {
		p.emit("ADD  R4<<2, R1")
		p.emit("ADD  R4<<2, R2")
		if p.indexed() {
			p.emit("ADD  R4, R3")
		}
		return
	}
	p.emit("ADD  $%d, R1", 16*n)
	p.emit("ADD  $%d, R2", 16*n)
	if p.indexed() {
		p.emit("ADD  $%d, R3", 4*n)
	}
}

// taps calls f for each tap with its number and the address of its first
// channel; in a loop, f writes what all taps have in common and the number is -1.
func (p *neonPool) taps(suffix string, f func(tap int, base string)) {
	if p.twoByTwo {
		p.emit("ADD  R6, R1, R10")
		p.emit("ADD  R7, R1, R11")
		p.emit("ADD  R7, R10, R12")
		for tap, base := range []string{"R1", "R10", "R11", "R12"} {
			f(tap, base)
		}
		return
	}
	if p.indexed() {
		p.zero(neonPoolNumber)
	}
	p.emit("MOVD R1, R10")
	p.emit("MOVD %d(R0), R13", poolHeight)
	p.label("row" + suffix)
	p.emit("MOVD R10, R11")
	p.emit("MOVD %d(R0), R12", poolWidth)
	p.label("tap" + suffix)
	f(-1, "R11")
	if p.indexed() {
		p.three(encADD|p.isz(), "ADD", "4S", neonPoolNumber, neonPoolNumber, neonPoolOne)
	}
	p.emit("ADD  R6, R11")
	p.emit("SUBS $1, R12")
	p.emit("BNE  tap%s", suffix)
	p.emit("ADD  R7, R10")
	p.emit("SUBS $1, R13")
	p.emit("BNE  row%s", suffix)
}

// begin loads what a block needs before its taps.
func (p *neonPool) begin(n int, partial bool) {
	for v := range n {
		switch p.op {
		case poolMax, poolMaxWhere:
			if !p.twoByTwo {
				// The loop compares the first tap with itself, which changes nothing.
				p.load("R1", v, v, partial)
				if p.op == poolMaxWhere {
					p.zero(4 + v)
				}
			}
		case poolMean:
			if !p.twoByTwo {
				p.three(encORR, "ORR", "16B", v, neonPoolZero, neonPoolZero)
			}
		case poolMaxBackward:
			// An element is added to 0, as where windows overlap: -0 becomes +0.
			p.load("R2", v, v, partial)
			p.three(encFADD, "FADD", "4S", v, v, neonPoolZero)
		case poolMeanBackward:
			p.load("R2", v, v, partial)
			p.three(encFMUL, "FMUL", "4S", v, v, neonPoolScale)
			p.three(encFADD, "FADD", "4S", v, v, neonPoolZero)
		}
	}
	if p.op == poolMaxBackward {
		p.loadNumbers(n, partial)
	}
}

// tap does a tap of vector v of the channels at base.
func (p *neonPool) tap(tap, v int, base string, partial bool) {
	number := neonPoolNumber
	if p.twoByTwo {
		number = neonPoolNumbers + tap
	}
	x, take, ordered := neonPoolScratch, neonPoolScratch+1, neonPoolScratch+2
	if tap == 0 && !p.backward() {
		p.load(base, v, v, partial)
		return
	}
	switch p.op {
	case poolMax, poolMaxWhere: // where x is greater or NaN
		p.load(base, v, x, partial)
		p.three(encFCMGT, "FCMGT", "4S", take, x, v)
		p.three(encFCMEQ, "FCMEQ", "4S", ordered, x, x)
		p.three(encORN, "ORN", "16B", take, take, ordered)
		p.three(encBIT, "BIT", "16B", v, x, take)
		switch {
		case p.op == poolMax:
		case tap == 1: // no number stands there yet
			p.three(encAND, "AND", "16B", 4+v, number, take)
		default:
			p.three(encBIT, "BIT", "16B", 4+v, number, take)
		}
	case poolMean:
		p.load(base, v, x, partial)
		p.three(encFADD, "FADD", "4S", v, v, x)
	case poolMaxBackward:
		p.three(encCMEQ|p.isz(), "CMEQ", "4S", x, 4+v, number)
		p.three(encAND, "AND", "16B", x, x, v)
		p.store(x, base, v, partial)
	case poolMeanBackward:
		p.store(v, base, v, partial)
	}
}

// end stores the results of a block.
func (p *neonPool) end(n int, partial bool) {
	if p.backward() {
		return
	}
	for v := range n {
		if p.op == poolMean {
			p.three(encFMUL, "FMUL", "4S", v, v, neonPoolScale)
		}
		p.store(v, "R2", v, partial)
	}
	if p.op == poolMaxWhere {
		p.storeNumbers(n, partial)
	}
}

// loadNumbers loads the bytes of a block as integers of 32 bits.
func (p *neonPool) loadNumbers(n int, partial bool) {
	if partial {
		p.zero(4)
		p.emit("VLD1 (R3), V4.B[0]")
		for lane := 1; lane <= 2; lane++ {
			p.laneAt(lane, true, "R3")
			p.emit("VLD1 (R22), V4.B[%d]", 4*lane)
		}
		return
	}
	for v := range n {
		p.emit("FMOVS %d(R3), F%d", 4*v, 4+v)
		p.lengthen(encUXTL8, "8H", "8B", 4+v)
		p.lengthen(encUXTL4, "4S", "4H", 4+v)
	}
}

// lengthen doubles the width of the unsigned integers of register r.
func (p *neonPool) lengthen(base uint32, to, from string, r int) {
	p.word(base|uint32(r)<<5|uint32(r), "UXTL V%d.%s, V%d.%s", r, to, r, from)
}

// storeNumbers stores the integers of a block as bytes: the even ones of the
// halves, and of their halves, stay.
func (p *neonPool) storeNumbers(n int, partial bool) {
	switch {
	case partial:
		p.emit("VST1 V4.B[0], (R3)")
		for lane := 1; lane <= 2; lane++ {
			p.laneAt(lane, true, "R3")
			p.emit("VST1 V4.B[%d], (R22)", 4*lane)
		}
	case n == 1:
		p.three(encUZP1|1<<22, "UZP1", "8H", 4, 4, 4)
		p.three(encUZP1, "UZP1", "16B", 4, 4, 4)
		p.emit("FMOVS F4, (R3)")
	case n == 2:
		p.three(encUZP1|1<<22, "UZP1", "8H", 4, 4, 5)
		p.three(encUZP1, "UZP1", "16B", 4, 4, 4)
		p.emit("FMOVD F4, (R3)")
	default:
		p.three(encUZP1|1<<22, "UZP1", "8H", 4, 4, 5)
		p.three(encUZP1|1<<22, "UZP1", "8H", 6, 6, 7)
		p.three(encUZP1, "UZP1", "16B", 4, 4, 6)
		p.emit("FMOVQ F4, (R3)")
	}
}
