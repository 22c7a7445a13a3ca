package main

import (
	"fmt"
	"strings"
)

// gemmLevels are the shapes of the matrix product's tiles: rows times vectors
// of accumulators, chosen so that they, the vectors of b and one broadcast
// element of a fill the registers, and a full tile needs fewer loads than
// multiply-adds.
var gemmLevels = []struct {
	level      Level
	name, file string
	rows       int // of a full tile
}{
	{AVX2, "AVX2", "avx2_amd64", 6},
	{AVX512, "AVX512", "avx512_amd64", 14},
}

// gemmVectors is the width of a full tile in vectors.
const gemmVectors = 2

// Offsets of the fields of internal/gemm's args.
const (
	argA, argB, argC, argBias      = 0, 8, 16, 24
	argSegments, argDepth          = 32, 40
	argASegment, argAStep, argARow = 48, 56, 64
	argBSegment, argBStep, argCRow = 72, 80, 88
	argAccumulate, argMask         = 96, 104
	argControl, argFlushing        = 112, 116
)

// gemmFile returns the kernels of a level: for every number of rows up to the
// full tile's, one and two vectors wide.
func gemmFile(level Level, name string, rows int) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
	for _, masked := range []bool{false, true} {
		for v := 1; v <= gemmVectors; v++ {
			for r := 1; r <= rows; r++ {
				e := &tile{level: level, rows: r, vectors: v, masked: masked, out: &s}
				e.kernel(gemmSymbol(name, r, v, masked))
			}
		}
	}
	return []byte(s.String())
}

func gemmSymbol(name string, rows, vectors int, masked bool) string {
	s := fmt.Sprintf("tile%dx%d", rows, vectors)
	if masked {
		s += "Masked"
	}
	return s + name
}

// gemmStubs declares the kernels of a level and puts them into a table.
func gemmStubs(name string, rows int, level Level) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage gemm\n\n")
	lanes := 8
	if level == AVX512 {
		lanes = 16
	}
	fmt.Fprintf(&s, "var tiles%s = tiles[float32]{\nrows: %d,\nlanes: %d,\nvectors: %d,\n", name, rows, lanes, gemmVectors)
	for _, masked := range []bool{false, true} {
		field := "full"
		if masked {
			field = "masked"
		}
		fmt.Fprintf(&s, "%s: [][]kernel[float32]{\n", field)
		for v := 1; v <= gemmVectors; v++ {
			s.WriteString("{")
			for r := 1; r <= rows; r++ {
				s.WriteString(gemmSymbol(name, r, v, masked) + ", ")
			}
			s.WriteString("},\n")
		}
		s.WriteString("},\n")
	}
	s.WriteString("}\n\n")
	for _, masked := range []bool{false, true} {
		for v := 1; v <= gemmVectors; v++ {
			for r := 1; r <= rows; r++ {
				fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *args[float32])\n\n", gemmSymbol(name, r, v, masked))
			}
		}
	}
	return gofmt(s.String())
}

// A tile writes one kernel. It computes rows x vectors accumulators,
//
//	acc[i] = bias + sum over s, k of a[s*aSegment + k*aStep + i*aRow] * b[s*bSegment + k*bStep + lanes]
//
// and stores them at c + i*cRow, added to what is there if accumulate is not 0.
// In a masked kernel the last vector of b, bias and c has only some lanes.
//
// General registers: AX the arguments, SI and DX the elements of a and b, CX
// the depth left, BX and DI the steps of a and b; the odd multiples of aRow in
// multiples. The segments left stand in args.
type tile struct {
	level         Level
	rows, vectors int
	masked        bool
	out           *strings.Builder
}

var multiples = map[int]string{1: "R8", 3: "R9", 5: "R10", 7: "R11", 9: "R12", 11: "R13", 13: "R15"}

func (t *tile) emit(format string, args ...any) { fmt.Fprintf(t.out, "\t"+format+"\n", args...) }

func (t *tile) reg(i int) string {
	if t.level == AVX512 {
		return fmt.Sprintf("Z%d", i)
	}
	return fmt.Sprintf("Y%d", i)
}

func (t *tile) bytes() int {
	if t.level == AVX512 {
		return 64
	}
	return 32
}

// acc is the register of row i, vector v.
func (t *tile) acc(i, v int) string { return t.reg(i*t.vectors + v) }

// After the accumulators: the vectors of b, the element of a, the mask.
func (t *tile) b(v int) string { return t.reg(t.rows*t.vectors + v) }
func (t *tile) a() string      { return t.reg(t.rows*t.vectors + t.vectors) }
func (t *tile) mask() string   { return t.reg(t.rows*t.vectors + t.vectors + 1) }

// partial tells whether vector v has only some lanes.
func (t *tile) partial(v int) bool { return t.masked && v == t.vectors-1 }

// load loads vector v of a row at the address in base.
func (t *tile) load(v int, base, dst string) {
	at := fmt.Sprintf("%d(%s)", v*t.bytes(), base)
	switch {
	case !t.partial(v):
		t.emit("VMOVUPS %s, %s", at, dst)
	case t.level == AVX512:
		t.emit("VMOVUPS.Z %s, K1, %s", at, dst)
	default:
		t.emit("VMASKMOVPS %s, %s, %s", at, t.mask(), dst)
	}
}

func (t *tile) store(v int, src, base string) {
	at := fmt.Sprintf("%d(%s)", v*t.bytes(), base)
	switch {
	case !t.partial(v):
		t.emit("VMOVUPS %s, %s", src, at)
	case t.level == AVX512:
		t.emit("VMOVUPS %s, K1, %s", src, at)
	default:
		t.emit("VMASKMOVPS %s, %s, %s", src, t.mask(), at)
	}
}

// element is the operand of row i of a.
func element(i int) string {
	if i == 0 {
		return "(SI)"
	}
	odd, scale := i, 1
	for odd%2 == 0 {
		odd, scale = odd/2, scale*2
	}
	return fmt.Sprintf("(SI)(%s*%d)", multiples[odd], scale)
}

func (t *tile) kernel(sym string) {
	fmt.Fprintf(t.out, "// func %s(p *args[float32])\nTEXT ·%s(SB), NOSPLIT, $0-8\n", sym, sym)
	t.emit("MOVQ p+0(FP), AX")
	if t.masked {
		t.emit("MOVQ %d(AX), BX", argMask)
		if t.level == AVX512 {
			t.emit("KMOVW (BX), K1")
		} else {
			t.emit("VMOVUPS (BX), %s", t.mask())
		}
	}
	// Products of subnormal numbers take more than ten times as long on many
	// processors, and gradients are full of them near the end of a training: MXCSR's
	// bits 6 and 15 make them 0.
	t.emit("STMXCSR %d(AX)", argControl)
	t.emit("MOVL %d(AX), BX", argControl)
	t.emit("ORL $0x8040, BX")
	t.emit("MOVL BX, %d(AX)", argFlushing)
	t.emit("LDMXCSR %d(AX)", argFlushing)
	t.multiples()
	t.start()
	t.emit("MOVQ %d(AX), BX", argAStep)
	t.emit("MOVQ %d(AX), DI", argBStep)
	fmt.Fprintf(t.out, "\nsegment:\n")
	t.emit("MOVQ %d(AX), SI", argA)
	t.emit("MOVQ %d(AX), DX", argB)
	t.emit("MOVQ %d(AX), CX", argDepth)
	fmt.Fprintf(t.out, "\nstep:\n")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "DX", t.b(v))
	}
	for i := 0; i < t.rows; i++ {
		t.emit("VBROADCASTSS %s, %s", element(i), t.a())
		for v := 0; v < t.vectors; v++ {
			t.emit("VFMADD231PS %s, %s, %s", t.b(v), t.a(), t.acc(i, v))
		}
	}
	t.emit("ADDQ BX, SI")
	t.emit("ADDQ DI, DX")
	t.emit("DECQ CX")
	t.emit("JNE  step")
	fmt.Fprintln(t.out)
	t.emit("MOVQ %d(AX), SI", argASegment)
	t.emit("MOVQ %d(AX), DX", argBSegment)
	t.emit("ADDQ SI, %d(AX)", argA)
	t.emit("ADDQ DX, %d(AX)", argB)
	t.emit("DECQ %d(AX)", argSegments)
	t.emit("JNE  segment")
	fmt.Fprintln(t.out)
	t.finish()
}

// multiples computes those multiples of aRow that the rows need.
func (t *tile) multiples() {
	if t.rows > 1 {
		t.emit("MOVQ %d(AX), R8", argARow)
	}
	before := "R8"
	for m := 3; m < t.rows; m += 2 {
		t.emit("LEAQ (%s)(R8*2), %s", before, multiples[m])
		before = multiples[m]
	}
}

// start sets the accumulators to the bias, or to 0 where there is none.
func (t *tile) start() {
	t.emit("MOVQ %d(AX), BX", argBias)
	for v := 0; v < t.vectors; v++ {
		t.emit("VXORPS X%d, X%d, X%d", v, v, v)
	}
	t.emit("TESTQ BX, BX")
	t.emit("JEQ  fill")
	for v := 0; v < t.vectors; v++ {
		t.load(v, "BX", t.acc(0, v))
	}
	fmt.Fprintf(t.out, "\nfill:\n")
	for i := 1; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.emit("VMOVAPS %s, %s", t.acc(0, v), t.acc(i, v))
		}
	}
}

// finish stores the accumulators.
func (t *tile) finish() {
	t.emit("MOVQ %d(AX), SI", argC)
	t.emit("MOVQ %d(AX), DX", argCRow)
	t.emit("CMPQ %d(AX), $0", argAccumulate)
	t.emit("JEQ  store")
	t.emit("MOVQ SI, DI")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			if t.partial(v) {
				t.load(v, "DI", t.b(v))
				t.emit("VADDPS %s, %s, %s", t.b(v), t.acc(i, v), t.acc(i, v))
			} else {
				t.emit("VADDPS %d(DI), %s, %s", v*t.bytes(), t.acc(i, v), t.acc(i, v))
			}
		}
		if i < t.rows-1 {
			t.emit("ADDQ DX, DI")
		}
	}
	fmt.Fprintf(t.out, "\nstore:\n")
	for i := 0; i < t.rows; i++ {
		for v := 0; v < t.vectors; v++ {
			t.store(v, t.acc(i, v), "SI")
		}
		if i < t.rows-1 {
			t.emit("ADDQ DX, SI")
		}
	}
	t.emit("LDMXCSR %d(AX)", argControl)
	t.emit("VZEROUPPER")
	t.emit("RET")
	fmt.Fprintln(t.out)
}
