package main

import "fmt"

// x86Depthwise writes the forward kernel for amd64.
//
// General registers: AX the arguments, SI and DI the elements of src and of the
// weights, BX the rows of taps left, DX the taps left or the pixel after SI, CX
// the channels left; the multiples 1, 3, 5 and 7 of srcPixel in R8 to R11, R12 and
// R13 the steps from tap to tap of src and of the weights, R15 dst of the vector.
type x86Depthwise struct{ x86 }

var pixelMultiples = map[int]string{1: "R8", 3: "R9", 5: "R10", 7: "R11"}

// After the accumulators: the weights of up to slidingTaps taps, two pixels'
// vectors and, on AVX2, the mask.
const (
	depthwiseWeight = 8
	depthwisePixel  = 11
	depthwiseMask   = 13
)

func (e *x86Depthwise) forward(sym string) {
	fmt.Fprintf(e.out, "// func %s(p *depthwiseArgs[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVQ p+0(FP), AX")
	e.flushSubnormals(dControl, dFlushing)
	e.emit("MOVQ %d(AX), R8", dSrcPixel)
	e.emit("LEAQ (R8)(R8*2), R9")
	e.emit("LEAQ (R8)(R8*4), R10")
	e.emit("LEAQ (R9)(R8*4), R11")
	e.emit("MOVQ %d(AX), R12", dSrcTap)
	e.emit("MOVQ %d(AX), R13", dWeightTap)
	e.copyField(dRuns, dRun)
	e.copyField(dCount, dRunsLeft)

	fmt.Fprintf(e.out, "\nrun:\n")
	e.emit("MOVQ %d(AX), BX", dRun)
	for _, f := range [][3]int{{runDst, dDst, dRunDst}, {runSrc, dSrc, dRunSrc}, {runWeights, dWeights, dRunWeight}} {
		e.emit("MOVQ %d(BX), CX", f[0])
		e.emit("ADDQ %d(AX), CX", f[1])
		e.emit("MOVQ CX, %d(AX)", f[2])
	}
	e.emit("MOVQ %d(BX), CX", runPixels)
	e.emit("MOVQ CX, %d(AX)", dPixels)
	e.emit("MOVQ %d(BX), DX", runTaps)
	e.emit("MOVQ DX, %d(AX)", dTaps)
	for _, f := range []struct {
		row, next int
		step      string
	}{{dSrcRow, dSrcNext, "R12"}, {dWeightRow, dWeightNext, "R13"}} {
		e.emit("MOVQ  DX, BX")
		e.emit("IMULQ %s, BX", f.step)
		e.emit("MOVQ  %d(AX), CX", f.row)
		e.emit("SUBQ  BX, CX")
		e.emit("MOVQ  CX, %d(AX)", f.next)
	}
	e.emit("XORQ BX, BX")
	e.emit("CMPQ %d(AX), $%d", dTaps, slidingTaps)
	e.emit("JNE  sliding")
	e.emit("CMPQ R8, R12")
	e.emit("JNE  sliding")
	e.emit("MOVQ $1, BX")
	fmt.Fprintf(e.out, "\nsliding:\n")
	e.emit("MOVQ BX, %d(AX)", dSliding)
	for i, n := range depthwisePixels {
		fmt.Fprintf(e.out, "\npixels%d:\n", n)
		after := "next"
		if i+1 < len(depthwisePixels) {
			after = fmt.Sprintf("pixels%d", depthwisePixels[i+1])
		}
		e.emit("CMPQ %d(AX), $%d", dPixels, n)
		e.emit("JLT  %s", after)
		e.channels(n)
		e.emit("MOVQ %d(AX), BX", dDstPixel)
		if n > 1 {
			e.emit("IMULQ $%d, BX", n)
		}
		e.emit("ADDQ BX, %d(AX)", dRunDst)
		e.emit("MOVQ R8, BX")
		if n > 1 {
			e.emit("IMULQ $%d, BX", n)
		}
		e.emit("ADDQ BX, %d(AX)", dRunSrc)
		e.emit("SUBQ $%d, %d(AX)", n, dPixels)
		if i == 0 {
			e.emit("JMP  pixels%d", n)
		}
	}
	fmt.Fprintf(e.out, "\nnext:\n")
	e.emit("ADDQ $%d, %d(AX)", runSize, dRun)
	e.emit("DECQ %d(AX)", dRunsLeft)
	e.emit("JNE  run")
	e.emit("LDMXCSR %d(AX)", dControl)
	e.emit("VZEROUPPER")
	e.emit("RET")
	fmt.Fprintln(e.out)
}

// channels computes all channels of n pixels.
func (e *x86Depthwise) channels(n int) {
	e.copyField(dRunSrc, dAtSrc)
	e.copyField(dRunWeight, dAtWeight)
	e.copyField(dBias, dAtBias)
	e.emit("MOVQ %d(AX), R15", dRunDst)
	e.emit("MOVQ %d(AX), CX", dChannels)
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JLT  rest%d", n)
	fmt.Fprintf(e.out, "\nvector%d:\n", n)
	e.vector(n, "", false)
	for _, f := range []int{dAtSrc, dAtWeight, dAtBias} {
		e.emit("ADDQ $%d, %d(AX)", e.bytes(), f)
	}
	e.emit("ADDQ $%d, R15", e.bytes())
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JGE  vector%d", n)
	fmt.Fprintf(e.out, "\nrest%d:\n", n)
	e.emit("ADDQ $%d, CX", e.lanes())
	e.emit("JEQ  done%d", n)
	e.loadMask(dMask, depthwiseMask)
	e.vector(n, "Rest", true)
	fmt.Fprintf(e.out, "\ndone%d:\n", n)
}

// vector computes one vector of channels of n pixels, or its first lanes.
func (e *x86Depthwise) vector(n int, label string, partial bool) {
	e.emit("MOVQ %d(AX), BX", dAtBias)
	e.load("(BX)", e.reg(0), depthwiseMask, partial)
	for i := 1; i < n; i++ {
		e.emit("VMOVAPS %s, %s", e.reg(0), e.reg(i))
	}
	// A run may have no taps, where the zeros around src are wider than they.
	e.emit("CMPQ %d(AX), $0", dTaps)
	e.emit("JEQ  store%d%s", n, label)
	e.emit("MOVQ %d(AX), SI", dAtSrc)
	e.emit("MOVQ %d(AX), DI", dAtWeight)
	e.emit("MOVQ %d(AX), BX", dRows)
	if n > 1 {
		e.emit("CMPQ %d(AX), $0", dSliding)
		e.emit("JNE  slide%d%s", n, label)
	}
	fmt.Fprintf(e.out, "\nrow%d%s:\n", n, label)
	e.emit("MOVQ %d(AX), DX", dTaps)
	fmt.Fprintf(e.out, "\ntap%d%s:\n", n, label)
	e.load("(DI)", e.reg(depthwiseWeight), depthwiseMask, partial)
	for i := 0; i < n; i++ {
		e.fmaMemory(step("SI", i, pixelMultiples), e.reg(depthwiseWeight), i, depthwisePixel, depthwiseMask, partial)
	}
	e.emit("ADDQ R12, SI")
	e.emit("ADDQ R13, DI")
	e.emit("DECQ DX")
	e.emit("JNE  tap%d%s", n, label)
	fmt.Fprintln(e.out)
	e.emit("ADDQ %d(AX), SI", dSrcNext)
	e.emit("ADDQ %d(AX), DI", dWeightNext)
	e.emit("DECQ BX")
	e.emit("JNE  row%d%s", n, label)
	if n > 1 {
		e.emit("JMP  store%d%s", n, label)
		e.slide(n, label, partial)
	}
	fmt.Fprintf(e.out, "\nstore%d%s:\n", n, label)
	at := "R15"
	for i := 0; i < n; i++ {
		if i == 1 {
			e.emit("MOVQ R15, BX")
			at = "BX"
		}
		if i > 0 {
			e.emit("ADDQ %d(AX), BX", dDstPixel)
		}
		e.store(e.reg(i), "("+at+")", depthwiseMask, partial)
	}
}

// slide adds the rows of slidingTaps taps of n pixels.
func (e *x86Depthwise) slide(n int, label string, partial bool) {
	fmt.Fprintf(e.out, "\nslide%d%s:\n", n, label)
	for t := 0; t < slidingTaps; t++ {
		e.load(step("DI", t, map[int]string{1: "R13"}), e.reg(depthwiseWeight+t), depthwiseMask, partial)
	}
	// The ninth multiple is the eighth from the next pixel on.
	if n+slidingTaps-2 > 8 {
		e.emit("LEAQ (SI)(R8*1), DX")
	}
	for j := 0; j < n+slidingTaps-1; j++ {
		from := step("SI", min(j, 8), pixelMultiples)
		if j > 8 {
			from = step("DX", j-1, pixelMultiples)
		}
		x := e.reg(depthwisePixel + j%2)
		e.load(from, x, depthwiseMask, partial)
		for t := 0; t < slidingTaps; t++ {
			if i := j - t; i >= 0 && i < n {
				e.emit("VFMADD231PS %s, %s, %s", x, e.reg(depthwiseWeight+t), e.reg(i))
			}
		}
	}
	e.emit("ADDQ %d(AX), SI", dSrcRow)
	e.emit("ADDQ %d(AX), DI", dWeightRow)
	e.emit("DECQ BX")
	e.emit("JNE  slide%d%s", n, label)
}

func (e *x86) copyField(from, to int) {
	e.emit("MOVQ %d(AX), BX", from)
	e.emit("MOVQ BX, %d(AX)", to)
}

// fmaMemory adds the product of a vector in memory and a register to register
// acc. AVX2 loads the first lanes of a vector into register temp.
func (e *x86) fmaMemory(from, factor string, acc, temp, r int, partial bool) {
	switch {
	case !partial:
		e.emit("VFMADD231PS %s, %s, %s", from, factor, e.reg(acc))
	case e.level == AVX512:
		e.emit("VFMADD231PS %s, %s, K1, %s", from, factor, e.reg(acc))
	default:
		e.load(from, e.reg(temp), r, true)
		e.emit("VFMADD231PS %s, %s, %s", e.reg(temp), factor, e.reg(acc))
	}
}

// x86DepthwiseWeights writes a kernel of the weights' gradient for amd64.
//
// General registers: AX the arguments, SI, R8 and R9 the pixel's rows of x, DI
// the pixel of dy, R10 the step from tap to tap, R11 and R12 those from pixel to
// pixel of x and dy, DX the pixels left, BX the lines left or scratch, CX the
// channels left, R13 and R15 the lines of x and dy.
type x86DepthwiseWeights struct {
	x86
	rows, taps int
}

var gradientRows = []string{"SI", "R8", "R9"}

func (e *x86DepthwiseWeights) acc(row, tap int) int { return row*e.taps + tap }

// After the accumulators: the vector of dy, that of x and, on AVX2, the mask.
func (e *x86DepthwiseWeights) dy() int   { return e.rows * e.taps }
func (e *x86DepthwiseWeights) x() int    { return e.rows*e.taps + 1 }
func (e *x86DepthwiseWeights) mask() int { return e.rows*e.taps + 2 }

func (e *x86DepthwiseWeights) kernel(sym string) {
	fmt.Fprintf(e.out, "// func %s(p *depthwiseWeightArgs[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVQ p+0(FP), AX")
	e.flushSubnormals(gControl, gFlushed)
	e.copyField(gX, gAtX)
	e.copyField(gDY, gAtDY)
	e.copyField(gDW, gAtDW)
	e.emit("MOVQ %d(AX), R10", gXTap)
	e.emit("MOVQ %d(AX), R11", gXPixel)
	e.emit("MOVQ %d(AX), R12", gDYPixel)
	e.emit("MOVQ %d(AX), CX", gChannels)
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JLT  rest")
	fmt.Fprintf(e.out, "\nvector:\n")
	e.vector("", false)
	for _, f := range []int{gAtX, gAtDY, gAtDW} {
		e.emit("ADDQ $%d, %d(AX)", e.bytes(), f)
	}
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JGE  vector")
	fmt.Fprintf(e.out, "\nrest:\n")
	e.emit("ADDQ $%d, CX", e.lanes())
	e.emit("JEQ  done")
	e.loadMask(gMask, e.mask())
	e.vector("Rest", true)
	fmt.Fprintf(e.out, "\ndone:\n")
	e.emit("LDMXCSR %d(AX)", gControl)
	e.emit("VZEROUPPER")
	e.emit("RET")
	fmt.Fprintln(e.out)
}

// vector adds up all pixels for one vector of channels, or its first lanes.
func (e *x86DepthwiseWeights) vector(label string, partial bool) {
	for i := 0; i < e.dy(); i++ {
		e.emit("VXORPS X%d, X%d, X%d", i, i, i)
	}
	e.emit("MOVQ %d(AX), R13", gAtX)
	e.emit("MOVQ %d(AX), R15", gAtDY)
	e.emit("MOVQ %d(AX), BX", gLines)
	fmt.Fprintf(e.out, "\nline%s:\n", label)
	e.emit("MOVQ R13, SI")
	for i := 1; i < e.rows; i++ {
		e.emit("MOVQ %s, %s", gradientRows[i-1], gradientRows[i])
		e.emit("ADDQ %d(AX), %s", gXRow, gradientRows[i])
	}
	e.emit("MOVQ R15, DI")
	e.emit("MOVQ %d(AX), DX", gPixels)
	fmt.Fprintf(e.out, "\npixel%s:\n", label)
	e.load("(DI)", e.reg(e.dy()), e.mask(), partial)
	for i := 0; i < e.rows; i++ {
		for k := 0; k < e.taps; k++ {
			e.fmaMemory(step(gradientRows[i], k, map[int]string{1: "R10"}), e.reg(e.dy()), e.acc(i, k), e.x(), e.mask(), partial)
		}
	}
	for i := 0; i < e.rows; i++ {
		e.emit("ADDQ R11, %s", gradientRows[i])
	}
	e.emit("ADDQ R12, DI")
	e.emit("DECQ DX")
	e.emit("JNE  pixel%s", label)
	fmt.Fprintln(e.out)
	e.emit("ADDQ %d(AX), R13", gXLine)
	e.emit("ADDQ %d(AX), R15", gDYLine)
	e.emit("DECQ BX")
	e.emit("JNE  line%s", label)
	fmt.Fprintln(e.out)
	e.addSums(partial)
}

// addSums adds the accumulators to dw.
func (e *x86DepthwiseWeights) addSums(partial bool) {
	e.emit("MOVQ %d(AX), BX", gAtDW)
	if e.taps > 1 {
		e.emit("MOVQ %d(AX), DX", gDWTap)
	}
	for i := 0; i < e.rows; i++ {
		if i > 0 {
			e.emit("ADDQ %d(AX), BX", gDWRow)
		}
		for k := 0; k < e.taps; k++ {
			at, acc, before := step("BX", k, map[int]string{1: "DX"}), e.reg(e.acc(i, k)), e.reg(e.x())
			e.load(at, before, e.mask(), partial)
			e.emit("VADDPS %s, %s, %s", acc, before, before)
			e.store(before, at, e.mask(), partial)
		}
	}
}
