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
func adamProgram(level Level) (prog []*node, outputs map[*node]int) {
	b := newB(level, false)
	w, g, m, v := b.In(0), b.In(1), b.In(2), b.In(3)
	rate, scale, decay, shrink, beta1, rest1, beta2, rest2, epsilon :=
		b.Param(0), b.Param(1), b.Param(2), b.Param(3), b.Param(4), b.Param(5), b.Param(6), b.Param(7), b.Param(8)
	d := b.Add(b.Mul(g, scale), b.Mul(decay, w))
	m = b.Add(b.Mul(beta1, m), b.Mul(rest1, d))
	v = b.Add(b.Mul(beta2, v), b.Mul(b.Mul(rest2, d), d))
	w = b.Sub(b.Mul(shrink, w), b.Div(b.Mul(rate, m), b.Add(b.Sqrt(v), epsilon)))
	return b.nodes, map[*node]int{m: 0, v: 1, w: 2}
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

// lastUses returns where each value of a program is used last, outputs at least
// where they are made.
func lastUses(prog []*node, outputs map[*node]int) map[*node]int {
	last := map[*node]int{}
	for i, n := range prog {
		for _, a := range n.args {
			last[a] = i
		}
		if _, ok := outputs[n]; ok {
			last[n] = max(last[n], i)
		}
	}
	return last
}

// adamX86 writes the update for amd64. General registers: AX the arguments, R8 the
// constants, SI, DX, DI and R9 the streams, CX the elements left, BX scratch.
func adamX86(sym string, level Level, out *strings.Builder) {
	e := &x86{level: level, out: out}
	streams := []string{"SI", "DX", "DI", "R9"}
	prog, outputs := adamProgram(level)
	e.prog, e.lastUse = prog, lastUses(prog, outputs)
	fmt.Fprintf(out, "// func %s(p *args)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVQ p+0(FP), AX")
	e.emit("LEAQ %d(AX), R8", adamConstants)
	for i, s := range adamStreams {
		e.emit("MOVQ %d(AX), %s", s.field, streams[i])
	}
	e.emit("MOVQ %d(AX), CX", adamN)
	e.regs, e.kregs, e.pins = newRegfile(16), newRegfile(8), map[*node]int{}
	mask, pinned := "K1", 9
	if level == AVX512 {
		e.regs = newRegfile(32)
	} else {
		mask, pinned = e.reg(e.regs.alloc()), 8
	}
	for _, n := range prog {
		if n.op == opParam && len(e.pins) < pinned {
			e.pins[n] = e.regs.alloc()
			e.loadConst(n, e.pins[n])
		}
	}
	body := func(partial bool) {
		e.loc, e.temps = map[*node]int{}, nil
		for i, n := range prog {
			e.now = i
			switch {
			case n.op != opInput:
				e.instr(n, 0, -1)
			case partial && level == AVX512:
				e.loc[n] = e.regs.alloc()
				e.emit("VMOVUPS.Z (%s), %s, %s", streams[n.n], mask, e.reg(e.loc[n]))
			case partial:
				e.loc[n] = e.regs.alloc()
				e.emit("VMASKMOVPS (%s), %s, %s", streams[n.n], mask, e.reg(e.loc[n]))
			default:
				e.loc[n] = e.regs.alloc()
				e.emit("VMOVUPS (%s), %s", streams[n.n], e.reg(e.loc[n]))
			}
			k, ok := outputs[n]
			if !ok {
				continue
			}
			for s, stream := range adamStreams {
				if stream.output != k {
					continue
				}
				if partial {
					e.emit("%s %s, %s, (%s)", map[Level]string{AVX512: "VMOVUPS", AVX2: "VMASKMOVPS"}[level], e.reg(e.loc[n]), mask, streams[s])
				} else {
					e.emit("VMOVUPS %s, (%s)", e.reg(e.loc[n]), streams[s])
				}
			}
			if e.lastUse[n] == i {
				e.regs.release(e.loc[n])
			}
		}
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
	e.emit("MOVQ %d(AX), BX", adamMask)
	if level == AVX512 {
		e.emit("KMOVW (BX), K1")
	} else {
		e.emit("VMOVUPS (BX), %s", mask)
	}
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
	streams := []string{"R1", "R2", "R3", "R5"}
	prog, outputs := adamProgram(NEON)
	e.prog, e.lastUse = prog, lastUses(prog, outputs)
	fmt.Fprintf(out, "// func %s(p *args)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	e.emit("MOVD p+0(FP), R0")
	e.emit("ADD  $%d, R0, R4", adamConstants)
	for i, s := range adamStreams {
		e.emit("MOVD %d(R0), %s", s.field, streams[i])
	}
	e.emit("MOVD %d(R0), R7", adamN)
	e.regs, e.pins = newRegfile(32), map[*node]int{}
	for _, n := range prog {
		if n.op == opParam {
			e.pins[n] = e.regs.alloc()
			e.loadConst(n, e.pins[n])
		}
	}
	e.emit("MOVD R7, R6")
	move := func(load, partial bool, stream string, r int) {
		op := map[bool][2]string{true: {"FMOVQ (%[1]s), F%[2]d", "FMOVS (%[1]s), F%[2]d"}, false: {"FMOVQ F%[2]d, (%[1]s)", "FMOVS F%[2]d, (%[1]s)"}}[load]
		if !partial {
			e.emit(op[0], stream, r)
			return
		}
		e.emit("ADD  R15, %s, R20", stream)
		e.emit("ADD  R19, %s, R21", stream)
		e.emit(op[1], stream, r)
		if load {
			e.emit("VLD1 (R20), V%d.S[1]", r)
			e.emit("VLD1 (R21), V%d.S[2]", r)
		} else {
			e.emit("VST1 V%d.S[1], (R20)", r)
			e.emit("VST1 V%d.S[2], (R21)", r)
		}
	}
	body := func(partial bool) {
		e.loc, e.temps = map[*node]int{}, nil
		for i, n := range prog {
			e.now = i
			if n.op == opInput {
				e.loc[n] = e.regs.alloc()
				move(true, partial, streams[n.n], e.loc[n])
			} else {
				e.instr(n, 0, false)
			}
			k, ok := outputs[n]
			if !ok {
				continue
			}
			for s, stream := range adamStreams {
				if stream.output == k {
					move(false, partial, streams[s], e.loc[n])
				}
			}
			if e.lastUse[n] == i {
				e.regs.release(e.loc[n])
			}
		}
	}
	e.emit("SUBS $4, R6")
	e.emit("BLT  rest")
	fmt.Fprintf(out, "\nloop:\n")
	body(false)
	for _, s := range streams {
		e.emit("ADD  $16, %s", s)
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
