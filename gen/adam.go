package main

import (
	"fmt"
	"strings"
)

// Offsets of the fields of internal/adam's args.
const (
	adamW, adamG, adamM, adamV = 0, 8, 16, 24
	adamN, adamMask            = 32, 40
	adamConstants              = 48
)

// adamStreams are the fields of what the kernel walks over, in the order of the
// program's inputs, and which of its outputs each takes, or -1.
var adamStreams = []struct{ field, output int }{{adamW, 2}, {adamG, -1}, {adamM, 0}, {adamV, 1}}

// adamProgram is the update of Adam and AdamW for one weight: the outputs are m, v
// and w. The constants are those of internal/adam, in its order.
func adamProgram(level Level) *pass {
	b := newB(level, false)
	w, g, m, v := b.In(0), b.In(1), b.In(2), b.In(3)
	rate, scale, decay, shrink, beta1, rest1, beta2, rest2, epsilon :=
		b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4), b.Param(5), b.Param(6), b.Param(7), b.Param(8)
	d := b.Add(b.Mul(g, scale), b.Mul(decay, w))
	m = b.Add(b.Mul(beta1, m), b.Mul(rest1, d))
	v = b.Add(b.Mul(beta2, v), b.Mul(b.Mul(rest2, d), d))
	w = b.Sub(b.Mul(shrink, w), b.Div(b.Mul(rate, m), b.Add(b.Sqrt(v), epsilon)))
	return newPass(b, []V{m, v, w})
}

// optimizers returns the files of the update.
func optimizers() map[string][]byte {
	files := map[string][]byte{}
	for _, l := range simdLevels {
		var code strings.Builder
		sym := "update" + l.name
		if l.level == NEON {
			adamNEON(sym, &code)
		} else {
			adamX86(sym, l.level, &code)
		}
		files["update_"+l.file+".s"] = []byte(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n" + code.String())
		files["stubs_"+l.file+".go"] = []byte(header + "\n//go:build !purego\n\npackage adam\n\n//go:noescape\nfunc " + sym + "(p *args)\n")
	}
	return files
}

// stream returns which stream an output is stored to.
func stream(output int) int {
	for i, s := range adamStreams {
		if s.output == output {
			return i
		}
	}
	panic("an output has no stream")
}

// adamX86 writes the update for amd64. General registers: AX the arguments, R8 the
// constants, SI, DX, DI and R9 the streams, CX the elements left, BX scratch.
func adamX86(sym string, level Level, out *strings.Builder) {
	e := &x86{level: level, out: out}
	streams := []string{"SI", "DX", "DI", "R9"}
	p := adamProgram(level)
	fmt.Fprintf(out, "// func %s(p *args)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVQ p+0(FP), AX")
	e.emit("LEAQ %d(AX), R8", adamConstants)
	for i, s := range adamStreams {
		e.emit("MOVQ %d(AX), %s", s.field, streams[i])
	}
	e.emit("MOVQ %d(AX), CX", adamN)
	e.regs, e.kregs = newRegfile(16), newRegfile(8)
	mask, most := 0, 9
	if level == AVX512 {
		e.regs = newRegfile(32)
	} else {
		mask, most = e.regs.alloc(), 8
	}
	pins := map[*node]int{}
	for _, n := range p.prog {
		if n.op == opParam && len(pins) < most {
			pins[n] = e.regs.alloc()
			e.loadConst(n, pins[n])
		}
	}
	body := func(partial bool) {
		e.run(p, pins, func(i int, dst string) {
			e.load("("+streams[i]+")", dst, mask, partial)
		}, func(k int, src string) {
			e.store(src, "("+streams[stream(k)]+")", mask, partial)
		})
	}
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JLT  rest")
	fmt.Fprintf(out, "\nloop:\n")
	body(false)
	for _, s := range streams {
		e.emit("ADDQ $%d, %s", e.bytes(), s)
	}
	e.emit("SUBQ $%d, CX", e.lanes())
	e.emit("JGE  loop")
	fmt.Fprintf(out, "\nrest:\n")
	e.emit("ADDQ $%d, CX", e.lanes())
	e.emit("JEQ  done")
	e.loadMask(adamMask, mask)
	body(true)
	fmt.Fprintf(out, "\ndone:\n")
	e.emit("VZEROUPPER")
	e.emit("RET")
}

// adamNEON writes the update for arm64. General registers: R0 the arguments, R4
// the constants, R1, R2, R3 and R5 the streams, R6 the elements left, R7 scratch,
// R15 and R19 the offsets of lanes 1 and 2 of a partial vector, R20 and R21 their
// addresses.
func adamNEON(sym string, out *strings.Builder) {
	e := &neon{out: out}
	streams := []int{1, 2, 3, 5}
	p := adamProgram(NEON)
	fmt.Fprintf(out, "// func %s(p *args)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVD p+0(FP), R0")
	e.emit("ADD  $%d, R0, R4", adamConstants)
	for i, s := range adamStreams {
		e.emit("MOVD %d(R0), R%d", s.field, streams[i])
	}
	e.emit("MOVD %d(R0), R7", adamN)
	e.regs = newRegfile(32)
	pins := map[*node]int{}
	for _, n := range p.prog {
		if n.op == opParam {
			pins[n] = e.regs.alloc()
			e.loadConst(n, pins[n])
		}
	}
	e.emit("MOVD R7, R6")
	body := func(partial bool) {
		e.run(p, pins, func(i, d int) {
			e.load(streams[i], d, partial)
		}, func(k, s int) {
			e.store(streams[stream(k)], s, partial)
		})
	}
	e.emit("SUBS $4, R6")
	e.emit("BLT  rest")
	fmt.Fprintf(out, "\nloop:\n")
	body(false)
	for _, s := range streams {
		e.emit("ADD  $16, R%d", s)
	}
	e.emit("SUBS $4, R6")
	e.emit("BGE  loop")
	fmt.Fprintf(out, "\nrest:\n")
	e.emit("ADDS $4, R6")
	e.emit("BEQ  done")
	e.emit("MOVD %d(R0), R7", adamMask)
	e.emit("LDP  (R7), (R15, R19)")
	body(true)
	fmt.Fprintf(out, "\ndone:\n")
	e.emit("RET")
}
