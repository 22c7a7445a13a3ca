package main

import "fmt"

// Vectors of which only the first lanes exist. On amd64 a mask names the lanes; on
// arm64 the lanes that are missing stand where the last one is.

// loadMask loads the mask of a partial vector at a field of the arguments: K1 on
// AVX-512, register r on AVX2.
func (e *x86) loadMask(field, r int) {
	e.emit("MOVQ %d(AX), BX", field)
	if e.level == AVX512 {
		e.emit("KMOVW (BX), K1")
	} else {
		e.emit("VMOVUPS (BX), %s", e.reg(r))
	}
}

// load loads a vector, or its first lanes by the mask that loadMask put into
// register r.
func (e *x86) load(from, dst string, r int, partial bool) {
	switch {
	case !partial:
		e.emit("VMOVUPS %s, %s", from, dst)
	case e.level == AVX512:
		e.emit("VMOVUPS.Z %s, K1, %s", from, dst)
	default:
		e.emit("VMASKMOVPS %s, %s, %s", from, e.reg(r), dst)
	}
}

// store stores a vector, or its first lanes.
func (e *x86) store(src, to string, r int, partial bool) {
	switch {
	case !partial:
		e.emit("VMOVUPS %s, %s", src, to)
	case e.level == AVX512:
		e.emit("VMOVUPS %s, K1, %s", src, to)
	default:
		e.emit("VMASKMOVPS %s, %s, %s", src, e.reg(r), to)
	}
}

// loadMask loads the offsets of lanes 1 and 2 of a partial vector to R15 and
// R19, if there is one.
func (e *neon) loadMask(field int) {
	e.emit("MOVD %d(R0), R7", field)
	e.emit("CBZ  R7, whole")
	e.emit("LDP  (R7), (R15, R19)")
	fmt.Fprintf(e.out, "\nwhole:\n")
}

// lanesAt sets R20 and R21 to the addresses of lanes 1 and 2 of the vector at a
// register.
func (e *neon) lanesAt(base int) {
	e.emit("ADD  R15, R%d, R20", base)
	e.emit("ADD  R19, R%d, R21", base)
}

// load loads the vector at a register, or its first lanes.
func (e *neon) load(base, d int, partial bool) {
	if !partial {
		e.emit("FMOVQ (R%d), F%d", base, d)
		return
	}
	e.lanesAt(base)
	e.emit("FMOVS (R%d), F%d", base, d)
	e.emit("VLD1 (R20), V%d.S[1]", d)
	e.emit("VLD1 (R21), V%d.S[2]", d)
}

// store stores the vector to a register's address, or its first lanes.
func (e *neon) store(base, s int, partial bool) {
	if !partial {
		e.emit("FMOVQ F%d, (R%d)", s, base)
		return
	}
	e.lanesAt(base)
	e.emit("FMOVS F%d, (R%d)", s, base)
	e.emit("VST1 V%d.S[1], (R20)", s)
	e.emit("VST1 V%d.S[2], (R21)", s)
}
