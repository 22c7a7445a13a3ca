package main

import "fmt"

// neonDepthwise writes the forward kernel for arm64. As in neonTile the lanes of
// a partial vector beyond the last channel repeat that channel's address.
//
// General registers: R0 the arguments, R1 and R2 the elements of src and of the
// weights, R3 the channels left, R4 the taps left, R5 the rows of taps left, R6
// an address, R7 scratch, R8 the run, R9 the runs left, R10 to R12 dst, src and
// weights of the run, R13 the pixels left, R14 FPCR as it was, R15 and R19 the
// offsets of lanes 1 and 2, R20 and R21 their addresses, R16 and R17 the steps
// from tap to tap of src and of the weights, R22 to R25 bias, src, weights and dst
// of the vector, R26 srcPixel.
type neonDepthwise struct{ neon }

// After the accumulators, the weights of up to slidingTaps taps; then the pixels'
// vectors.
const (
	neonDepthwiseWeight = 8
	neonDepthwisePixel  = neonDepthwiseWeight + slidingTaps
)

func (e *neonDepthwise) forward(sym string) {
	fmt.Fprintf(e.out, "// func %s(p *depthwiseArgs[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVD p+0(FP), R0")
	e.flushSubnormals(7)
	e.loadMask(dMask)
	for _, f := range []struct {
		field, register int
	}{{dSrcTap, 16}, {dWeightTap, 17}, {dSrcPixel, 26}, {dRuns, 8}, {dCount, 9}} {
		e.emit("MOVD %d(R0), R%d", f.field, f.register)
	}
	fmt.Fprintf(e.out, "\nrun:\n")
	for _, f := range []struct {
		offset, base, register int
	}{{runDst, dDst, 10}, {runSrc, dSrc, 11}, {runWeights, dWeights, 12}} {
		e.emit("MOVD %d(R8), R%d", f.offset, f.register)
		e.emit("MOVD %d(R0), R7", f.base)
		e.emit("ADD  R7, R%d", f.register)
	}
	e.emit("MOVD %d(R8), R13", runPixels)
	e.emit("MOVD %d(R8), R4", runTaps)
	e.emit("MOVD R4, %d(R0)", dTaps)
	for _, f := range []struct{ row, next, step int }{{dSrcRow, dSrcNext, 16}, {dWeightRow, dWeightNext, 17}} {
		e.emit("MUL  R%d, R4, R6", f.step)
		e.emit("MOVD %d(R0), R7", f.row)
		e.emit("SUB  R6, R7")
		e.emit("MOVD R7, %d(R0)", f.next)
	}
	e.emit("MOVD $0, R7")
	e.emit("CMP  $%d, R4", slidingTaps)
	e.emit("BNE  sliding")
	e.emit("CMP  R26, R16")
	e.emit("BNE  sliding")
	e.emit("MOVD $1, R7")
	fmt.Fprintf(e.out, "\nsliding:\n")
	e.emit("MOVD R7, %d(R0)", dSliding)
	for i, n := range depthwisePixels {
		fmt.Fprintf(e.out, "\npixels%d:\n", n)
		after := "next"
		if i+1 < len(depthwisePixels) {
			after = fmt.Sprintf("pixels%d", depthwisePixels[i+1])
		}
		e.emit("CMP  $%d, R13", n)
		e.emit("BLT  %s", after)
		e.channels(n)
		e.emit("MOVD $%d, R6", n)
		e.emit("MOVD %d(R0), R7", dDstPixel)
		e.emit("MADD R6, R10, R7, R10")
		e.emit("MADD R6, R11, R26, R11")
		e.emit("SUB  $%d, R13", n)
		if i == 0 {
			e.emit("B    pixels%d", n)
		}
	}
	fmt.Fprintf(e.out, "\nnext:\n")
	e.emit("ADD  $%d, R8", runSize)
	e.emit("SUBS $1, R9")
	e.emit("BNE  run")
	e.emit("MOVD R14, FPCR")
	e.emit("RET")
	fmt.Fprintln(e.out)
}

// channels computes all channels of n pixels.
func (e *neonDepthwise) channels(n int) {
	e.emit("MOVD %d(R0), R22", dBias)
	e.emit("MOVD R11, R23")
	e.emit("MOVD R12, R24")
	e.emit("MOVD R10, R25")
	e.emit("MOVD %d(R0), R3", dChannels)
	e.emit("SUBS $4, R3")
	e.emit("BLT  rest%d", n)
	fmt.Fprintf(e.out, "\nvector%d:\n", n)
	e.vector(n, "", false)
	for _, r := range []int{22, 23, 24, 25} {
		e.emit("ADD  $16, R%d", r)
	}
	e.emit("SUBS $4, R3")
	e.emit("BGE  vector%d", n)
	fmt.Fprintf(e.out, "\nrest%d:\n", n)
	e.emit("ADDS $4, R3")
	e.emit("BEQ  done%d", n)
	e.vector(n, "Rest", true)
	fmt.Fprintf(e.out, "\ndone%d:\n", n)
}

// vector computes one vector of channels of n pixels, or its first lanes.
func (e *neonDepthwise) vector(n int, label string, partial bool) {
	e.load(22, 0, partial)
	for i := 1; i < n; i++ {
		e.three(encORR, "ORR", "16B", i, 0, 0)
	}
	// A run may have no taps, where the zeros around src are wider than they.
	e.emit("MOVD %d(R0), R4", dTaps)
	e.emit("CBZ  R4, store%d%s", n, label)
	e.emit("MOVD R23, R1")
	e.emit("MOVD R24, R2")
	e.emit("MOVD %d(R0), R5", dRows)
	if n > 1 {
		e.emit("MOVD %d(R0), R7", dSliding)
		e.emit("CBNZ R7, slide%d%s", n, label)
	}
	fmt.Fprintf(e.out, "\nrow%d%s:\n", n, label)
	e.emit("MOVD %d(R0), R4", dTaps)
	fmt.Fprintf(e.out, "\ntap%d%s:\n", n, label)
	e.load(2, neonDepthwiseWeight, partial)
	e.pixels(n, partial)
	for i := 0; i < n; i++ {
		e.three(encFMLA, "FMLA", "4S", i, neonDepthwisePixel+i, neonDepthwiseWeight)
	}
	e.emit("ADD  R16, R1")
	e.emit("ADD  R17, R2")
	e.emit("SUBS $1, R4")
	e.emit("BNE  tap%d%s", n, label)
	fmt.Fprintln(e.out)
	e.emit("MOVD %d(R0), R6", dSrcNext)
	e.emit("MOVD %d(R0), R7", dWeightNext)
	e.emit("ADD  R6, R1")
	e.emit("ADD  R7, R2")
	e.emit("SUBS $1, R5")
	e.emit("BNE  row%d%s", n, label)
	if n > 1 {
		e.emit("B    store%d%s", n, label)
		e.slide(n, label, partial)
	}
	fmt.Fprintf(e.out, "\nstore%d%s:\n", n, label)
	e.emit("MOVD %d(R0), R7", dDstPixel)
	e.emit("MOVD R25, R6")
	for i := 0; i < n; i++ {
		e.store(6, i, partial)
		if i < n-1 {
			e.emit("ADD  R7, R6")
		}
	}
}

// slide adds the rows of slidingTaps taps of n pixels.
func (e *neonDepthwise) slide(n int, label string, partial bool) {
	fmt.Fprintf(e.out, "\nslide%d%s:\n", n, label)
	e.emit("MOVD R2, R6")
	for t := 0; t < slidingTaps; t++ {
		if t > 0 {
			e.emit("ADD  R17, R6")
		}
		e.load(6, neonDepthwiseWeight+t, partial)
	}
	e.pixels(n+slidingTaps-1, partial)
	for t := 0; t < slidingTaps; t++ {
		for i := 0; i < n; i++ {
			e.three(encFMLA, "FMLA", "4S", i, neonDepthwisePixel+i+t, neonDepthwiseWeight+t)
		}
	}
	e.emit("MOVD %d(R0), R6", dSrcRow)
	e.emit("MOVD %d(R0), R7", dWeightRow)
	e.emit("ADD  R6, R1")
	e.emit("ADD  R7, R2")
	e.emit("SUBS $1, R5")
	e.emit("BNE  slide%d%s", n, label)
}

// pixels loads the vectors of n pixels.
func (e *neonDepthwise) pixels(n int, partial bool) {
	e.emit("MOVD R1, R6")
	for i := 0; i < n; i++ {
		if partial {
			e.load(6, neonDepthwisePixel+i, true)
			e.emit("ADD  R26, R6")
		} else {
			e.emit("VLD1.P (R6)(R26), [V%d.S4]", neonDepthwisePixel+i)
		}
	}
}

// neonDepthwiseWeights writes a kernel of the weights' gradient for arm64.
//
// General registers: R0 the arguments, R1 to R3 the pixel's rows of x, R4 the
// pixel of dy, R5 the pixels left, R6 an address, R7 scratch, R8 the lines left,
// R9 and R10 the lines of x and dy, R11 the step from tap to tap, R12 and R13
// those from pixel to pixel of x and dy, R14 FPCR as it was, R15 and R19 the
// offsets of lanes 1 and 2, R20 and R21 their addresses, R16 the channels left,
// R17 the step from row to row of x, R22 to R24 x, dy and dw of the vector, R25
// and R26 the steps of dw from tap to tap and from row to row.
type neonDepthwiseWeights struct {
	neon
	rows, taps int
}

func (e *neonDepthwiseWeights) acc(row, tap int) int { return row*e.taps + tap }

// After the accumulators: the vector of dy, then those of x.
func (e *neonDepthwiseWeights) dy() int            { return e.rows * e.taps }
func (e *neonDepthwiseWeights) x(row, tap int) int { return e.dy() + 1 + e.acc(row, tap) }

func (e *neonDepthwiseWeights) kernel(sym string) {
	fmt.Fprintf(e.out, "// func %s(p *depthwiseWeightArgs[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVD p+0(FP), R0")
	e.flushSubnormals(7)
	e.loadMask(gMask)
	for _, f := range []struct {
		field, register int
	}{
		{gXTap, 11}, {gXPixel, 12}, {gDYPixel, 13}, {gXRow, 17}, {gDWTap, 25}, {gDWRow, 26},
		{gX, 22}, {gDY, 23}, {gDW, 24}, {gChannels, 16},
	} {
		e.emit("MOVD %d(R0), R%d", f.field, f.register)
	}
	e.emit("SUBS $4, R16")
	e.emit("BLT  rest")
	fmt.Fprintf(e.out, "\nvector:\n")
	e.vector("", false)
	for _, r := range []int{22, 23, 24} {
		e.emit("ADD  $16, R%d", r)
	}
	e.emit("SUBS $4, R16")
	e.emit("BGE  vector")
	fmt.Fprintf(e.out, "\nrest:\n")
	e.emit("ADDS $4, R16")
	e.emit("BEQ  done")
	e.vector("Rest", true)
	fmt.Fprintf(e.out, "\ndone:\n")
	e.emit("MOVD R14, FPCR")
	e.emit("RET")
	fmt.Fprintln(e.out)
}

// vector adds up all pixels for one vector of channels, or its first lanes.
func (e *neonDepthwiseWeights) vector(label string, partial bool) {
	for i := 0; i < e.dy(); i++ {
		e.three(encEOR, "EOR", "16B", i, i, i)
	}
	e.emit("MOVD R22, R9")
	e.emit("MOVD R23, R10")
	e.emit("MOVD %d(R0), R8", gLines)
	fmt.Fprintf(e.out, "\nline%s:\n", label)
	e.emit("MOVD R9, R1")
	for i := 1; i < e.rows; i++ {
		e.emit("ADD  R17, R%d, R%d", i, i+1)
	}
	e.emit("MOVD R10, R4")
	e.emit("MOVD %d(R0), R5", gPixels)
	fmt.Fprintf(e.out, "\npixel%s:\n", label)
	e.load(4, e.dy(), partial)
	for i := 0; i < e.rows; i++ {
		for k := 0; k < e.taps; k++ {
			base := 6
			switch k {
			case 0:
				base = 1 + i
			case 1:
				e.emit("ADD  R11, R%d, R6", 1+i)
			default:
				e.emit("ADD  R11, R6")
			}
			e.load(base, e.x(i, k), partial)
		}
	}
	for i := 0; i < e.rows; i++ {
		for k := 0; k < e.taps; k++ {
			e.three(encFMLA, "FMLA", "4S", e.acc(i, k), e.x(i, k), e.dy())
		}
	}
	for i := 0; i < e.rows; i++ {
		e.emit("ADD  R12, R%d", 1+i)
	}
	e.emit("ADD  R13, R4")
	e.emit("SUBS $1, R5")
	e.emit("BNE  pixel%s", label)
	fmt.Fprintln(e.out)
	e.emit("MOVD %d(R0), R6", gXLine)
	e.emit("MOVD %d(R0), R7", gDYLine)
	e.emit("ADD  R6, R9")
	e.emit("ADD  R7, R10")
	e.emit("SUBS $1, R8")
	e.emit("BNE  line%s", label)
	fmt.Fprintln(e.out)
	e.addSums(partial)
}

// addSums adds the accumulators to dw.
func (e *neonDepthwiseWeights) addSums(partial bool) {
	for i := 0; i < e.rows; i++ {
		if i == 0 {
			e.emit("MOVD R24, R7")
		} else {
			e.emit("ADD  R26, R7")
		}
		e.emit("MOVD R7, R6")
		for k := 0; k < e.taps; k++ {
			if k > 0 {
				e.emit("ADD  R25, R6")
			}
			before := e.x(0, 0)
			e.load(6, before, partial)
			e.three(encFADD, "FADD", "4S", before, before, e.acc(i, k))
			e.store(6, before, partial)
		}
	}
}
