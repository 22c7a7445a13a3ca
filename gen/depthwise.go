package main

import (
	"fmt"
	"strings"
)

// Depthwise convolutions convolve each channel by itself: vectors of channels
// are multiplied element by element. internal/conv says what the kernels compute.
//
// The forward kernel takes as many pixels at once as have accumulators that hide
// the latency of a multiply-add, all with one load of a tap's weights: 9 loads
// for 8 multiply-adds. The pixels that are left go in halves.
var depthwisePixels = []int{8, 4, 2, 1}

// Where a row of a window has this many taps and each pixel is the next one's tap
// too, as in 3x3 convolutions of stride 1, a pixel is loaded once for all taps: 13
// loads for 24 multiply-adds.
const slidingTaps = 3

// The kernels of the weights' gradient keep up to 3x3 taps in registers, which
// share the loads of dy: 10 loads for 9 multiply-adds.
const depthwiseTaps = 3

// Offsets of the fields of internal/conv's depthwiseArgs.
const (
	dDst, dSrc, dWeights, dBias = 0, 8, 16, 24
	dRuns, dCount, dRows        = 32, 40, 48
	dSrcRow, dWeightRow         = 56, 64
	dSrcTap, dWeightTap         = 72, 80
	dSrcPixel, dDstPixel        = 88, 96
	dChannels, dMask            = 104, 112
	dControl, dFlushing         = 120, 124
	// What a kernel keeps for itself: the run and the runs left; dst, src and
	// weights of the run, its taps and the pixels left; the steps from the last
	// tap of a row to the first of the next; src, weights and bias of the vector.
	dRun, dRunsLeft              = 128, 136
	dRunDst, dRunSrc, dRunWeight = 144, 152, 160
	dTaps, dPixels               = 168, 176
	dSrcNext, dWeightNext        = 184, 192
	dAtSrc, dAtWeight, dAtBias   = 200, 208, 216
	dSliding                     = 224
)

// Offsets of the fields of a run, and its size.
const (
	runDst, runSrc, runWeights, runTaps, runPixels = 0, 8, 16, 24, 32
	runSize                                        = 40
)

// Offsets of the fields of internal/conv's depthwiseWeightArgs.
const (
	gDW, gX, gDY       = 0, 8, 16
	gLines, gPixels    = 24, 32
	gXLine, gDYLine    = 40, 48
	gXPixel, gDYPixel  = 56, 64
	gXRow, gXTap       = 72, 80
	gDWRow, gDWTap     = 88, 96
	gChannels, gMask   = 104, 112
	gControl, gFlushed = 120, 124
	// A kernel's own: x, dy and dw of the vector.
	gAtX, gAtDY, gAtDW = 128, 136, 144
)

func depthwiseSymbol(l simdLevel) string { return "depthwise" + l.name }

func depthwiseWeightsSymbol(l simdLevel, rows, taps int) string {
	return fmt.Sprintf("depthwiseWeights%dx%d%s", rows, taps, l.name)
}

// depthwise returns the files of the kernels.
func depthwise() map[string][]byte {
	files := map[string][]byte{}
	for _, l := range simdLevels {
		var code strings.Builder
		code.WriteString(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
		if l.level == NEON {
			e := &neonDepthwise{neon: neon{out: &code}}
			e.forward(depthwiseSymbol(l))
		} else {
			e := &x86Depthwise{x86: x86{level: l.level, out: &code}}
			e.forward(depthwiseSymbol(l))
		}
		for rows := 1; rows <= depthwiseTaps; rows++ {
			for taps := 1; taps <= depthwiseTaps; taps++ {
				sym := depthwiseWeightsSymbol(l, rows, taps)
				if l.level == NEON {
					e := &neonDepthwiseWeights{neon: neon{out: &code}, rows: rows, taps: taps}
					e.kernel(sym)
				} else {
					e := &x86DepthwiseWeights{x86: x86{level: l.level, out: &code}, rows: rows, taps: taps}
					e.kernel(sym)
				}
			}
		}
		files["depthwise_"+l.file+".s"] = []byte(code.String())
		files["depthwise_"+l.file+".go"] = depthwiseStubs(l)
	}
	return files
}

// depthwiseStubs declares the kernels of a level and puts them into a table.
func depthwiseStubs(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage conv\n\n")
	lanes := map[Level]int{NEON: 4, AVX2: 8, AVX512: 16}[l.level]
	fmt.Fprintf(&s, "var depthwiseKernels%s = depthwiseKernels[float32]{\nlanes: %d,\nforward: %s,\n", l.name, lanes, depthwiseSymbol(l))
	s.WriteString("weights: [depthwiseTaps][depthwiseTaps]func(*depthwiseWeightArgs[float32]){\n")
	for rows := 1; rows <= depthwiseTaps; rows++ {
		s.WriteString("{")
		for taps := 1; taps <= depthwiseTaps; taps++ {
			s.WriteString(depthwiseWeightsSymbol(l, rows, taps) + ", ")
		}
		s.WriteString("},\n")
	}
	s.WriteString("},\n}\n\n")
	fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *depthwiseArgs[float32])\n\n", depthwiseSymbol(l))
	for rows := 1; rows <= depthwiseTaps; rows++ {
		for taps := 1; taps <= depthwiseTaps; taps++ {
			fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *depthwiseWeightArgs[float32])\n\n", depthwiseWeightsSymbol(l, rows, taps))
		}
	}
	return gofmt(s.String())
}
