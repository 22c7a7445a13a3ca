package main

import (
	"fmt"
	"strings"
)

// A peak loop does nothing but independent fused multiply-adds in registers: the
// most that a matrix product can reach. Its accumulators hide the latency of the
// instruction: two ports and five cycles of amd64 need ten, four pipes and four
// cycles of arm64 sixteen, six pipes twenty-four. AVX2 has registers for no more
// than fourteen beside the two factors.
var peakAccumulators = map[Level]int{NEON: 24, AVX2: 12, AVX512: 24}

func peakSymbol(l simdLevel) string { return "peak" + l.name }

// peakFile returns the loop of a level. Its accumulators begin with the second
// factor and grow until rounding holds them: no number is subnormal or infinite.
func peakFile(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
	sym, n := peakSymbol(l), peakAccumulators[l.level]
	fmt.Fprintf(&s, "// func %s(n int, factors *[2]float32)\nTEXT ·%s(SB), NOSPLIT, $0-16\n", sym, sym)
	if l.level == NEON {
		e := &neon{out: &s}
		e.emit("MOVD n+0(FP), R0")
		e.emit("MOVD factors+8(FP), R1")
		e.emit("VLD1R (R1), [V%d.%s]", n, e.goArr())
		e.emit("ADD  $4, R1")
		e.emit("VLD1R (R1), [V%d.%s]", n+1, e.goArr())
		for i := 0; i < n; i++ {
			e.three(encORR, "ORR", "16B", i, n+1, n+1)
		}
		fmt.Fprintf(&s, "\nloop:\n")
		for i := 0; i < n; i++ {
			e.three(encFMLA, "FMLA", e.arr(), i, n, n+1)
		}
		e.emit("SUBS $1, R0")
		e.emit("BNE  loop")
		e.emit("RET")
		return []byte(s.String())
	}
	e := &x86{level: l.level, out: &s}
	e.emit("MOVQ n+0(FP), CX")
	e.emit("MOVQ factors+8(FP), SI")
	e.emit("VBROADCASTSS (SI), %s", e.reg(n))
	e.emit("VBROADCASTSS 4(SI), %s", e.reg(n+1))
	for i := 0; i < n; i++ {
		e.emit("VMOVAPS %s, %s", e.reg(n+1), e.reg(i))
	}
	fmt.Fprintf(&s, "\nloop:\n")
	for i := 0; i < n; i++ {
		e.emit("VFMADD231PS %s, %s, %s", e.reg(n), e.reg(n+1), e.reg(i))
	}
	e.emit("DECQ CX")
	e.emit("JNE  loop")
	e.emit("VZEROUPPER")
	e.emit("RET")
	return []byte(s.String())
}

// peakStub declares the loop of a level and says how much it does.
func peakStub(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage gemm\n\n")
	sym := peakSymbol(l)
	fmt.Fprintf(&s, "var peakLoop%s = peakLoop{run: %s, multiplyAdds: %d}\n\n", l.name, sym,
		peakAccumulators[l.level]*gemmShapes[l.level].lanes)
	fmt.Fprintf(&s, "//go:noescape\nfunc %s(n int, factors *[2]float32)\n", sym)
	return gofmt(s.String())
}
