package main

import (
	"fmt"
	"slices"
	"strings"
)

// A rowKernel is one entry of rowList: a kernel of internal/rows, from whose
// description the assembly, the portable Go and the tables are made. It walks over
// the rows, and within a row over the columns: the lanes of its program are
// elements that stand one above the other in its streams.
type rowKernel struct {
	name   string // as in internal/rows' list of kernels
	unroll int    // vectors in the body of the loop; a sum has an accumulator for each
	// growing says that every row is one column longer than the one before, until
	// args.most.
	growing bool
	build   func(r *rowB)
}

// rowList is what internal/rows has.
var rowList = slices.Concat(cellKernels(), softmaxKernels(), normKernels())

// rowB builds the program of a rowKernel. Streams, values of a row and reductions
// are numbered as in internal/rows' args. In loads: where it stands is when a
// register is taken.
type rowB struct {
	*B
	loaded, stored map[int]bool // streams
	out            []rowOutput
}

type rowOutput struct {
	kind  outputKind
	index int
	v     V
}

type outputKind int

const (
	toStream outputKind = iota
	toSum
	toMax
)

const (
	maxStreams    = 9
	maxRowInputs  = 4
	maxRowOutputs = 2
)

// In returns the elements of a stream.
func (r *rowB) In(i int) V {
	if r.stored[i] {
		panic(fmt.Sprintf("stream %d is read after it was written", i))
	}
	r.loaded[i] = true
	return r.B.In(i)
}

// Row returns the i-th value of the row.
func (r *rowB) Row(i int) V { return r.add(&node{op: opRow, n: i}) }

// Store writes v to a stream, as soon as it is known.
func (r *rowB) Store(i int, v V) {
	r.stored[i] = true
	r.out = append(r.out, rowOutput{toStream, i, v})
}

// SumUp makes the i-th result of the row the sum of v.
func (r *rowB) SumUp(i int, v V) { r.out = append(r.out, rowOutput{toSum, i, v}) }

// Largest makes the i-th result of the row the largest v that is a number, or -Inf.
func (r *rowB) Largest(i int, v V) { r.out = append(r.out, rowOutput{toMax, i, v}) }

// apply returns what the kernel of an activation in Default precision gives, whose
// parameters begin at the slot first.
func (r *rowB) apply(fn, dir string, first int, in ...V) V {
	r.B.first = first
	defer func() { r.B.first = 0 }()
	var exact *kernel
	for _, k := range list {
		if k.fn != fn || k.dir != dir || !k.exists(r.level, r.is64) {
			continue
		}
		switch k.prec {
		case "Default":
			return k.build(r.B, in)
		case "Exact":
			exact = k
		}
	}
	return exact.build(r.B, in)
}

// A rowProgram is the program of a kernel for a level.
type rowProgram struct {
	*pass
	out     []rowOutput
	streams []int // that are read or written
	rows    []V   // the values of a row
}

func (k *rowKernel) program(level Level, is64 bool) *rowProgram {
	r := &rowB{B: newB(level, is64), loaded: map[int]bool{}, stored: map[int]bool{}}
	k.build(r)
	var values []V
	for _, o := range r.out {
		values = append(values, o.v)
	}
	p := &rowProgram{pass: newPass(r.B, values), out: r.out}
	for i := range maxStreams {
		if r.loaded[i] || r.stored[i] {
			p.streams = append(p.streams, i)
		}
	}
	for _, n := range p.prog {
		if n.op == opRow {
			p.rows = append(p.rows, n)
		}
	}
	return p
}

// reductions returns the outputs that are not stored to streams.
func (p *rowProgram) reductions() []rowOutput {
	var all []rowOutput
	for _, o := range p.out {
		if o.kind != toStream {
			all = append(all, o)
		}
	}
	return all
}

// Offsets of the fields of internal/rows' args.
const (
	rowsStreams = 0 // base and stride of each
	rowsRows    = rowsStreams + 16*maxStreams
	rowsRow     = rowsRows + 8
	rowsCols    = rowsRow + 8
	rowsMost    = rowsCols + 8
	rowsIn      = rowsMost + 8
	rowsOut     = rowsIn + 8*maxRowInputs
	rowsParams  = rowsOut + 8*maxRowOutputs
)

func rowsBase(stream int) int   { return rowsStreams + 16*stream }
func rowsStride(stream int) int { return rowsBase(stream) + 8 }

func (k *rowKernel) symbol(level, bits string) string { return k.name + bits + level }

// rowFiles returns the files of internal/rows.
func rowFiles() map[string][]byte {
	files := map[string][]byte{"kernels_portable.go": rowsPortable(), "list_gen.go": rowNames()}
	for _, l := range simdLevels {
		files["kernels_"+l.file+".s"] = rowsAssembly(l)
		files["stubs_"+l.file+".go"] = rowStubs(l)
	}
	return files
}

func rowsAssembly(l simdLevel) []byte {
	var code strings.Builder
	width := 32
	switch l.level {
	case NEON:
		width = 16
	case AVX512:
		width = 8 // instructions broadcast by themselves
	}
	pool := newPool("rowsConst", width)
	for _, k := range rowList {
		sym := k.symbol(l.name, "")
		p := k.program(l.level, false)
		if l.level == NEON {
			(&rowNEON{neon: neon{pool: pool, out: &code}, k: k, p: p}).kernel(sym)
		} else {
			(&rowX86{x86: x86{level: l.level, pool: pool, out: &code, args: rowsParams}, k: k, p: p}).kernel(sym)
		}
	}
	mask := ""
	if l.level != AVX512 {
		mask = rowMaskData()
	}
	return []byte(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n" + mask + pool.data() + code.String())
}

// rowMaskData is a window over words of ones followed by zeros: what stands 4n
// bytes before its middle is the mask of the first n lanes.
func rowMaskData() string {
	s := ""
	for i := range 8 {
		w := "0xffffffffffffffff"
		if i >= 4 {
			w = "0"
		}
		s += fmt.Sprintf("DATA rowMask<>+%d(SB)/8, $%s\n", 8*i, w)
	}
	return s + "GLOBL rowMask<>(SB), RODATA|NOPTR, $64\n"
}

func rowStubs(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\npackage rows\n\n")
	fmt.Fprintf(&s, "var table%s = table[float32]{\n", l.name)
	for _, k := range rowList {
		fmt.Fprintf(&s, "%s: %s,\n", k.name, k.symbol(l.name, ""))
	}
	s.WriteString("}\n\n")
	for _, k := range rowList {
		fmt.Fprintf(&s, "//go:noescape\nfunc %s(p *args[float32])\n\n", k.symbol(l.name, ""))
	}
	return gofmt(s.String())
}

// rowNames returns the list of kernels.
func rowNames() []byte {
	var s strings.Builder
	s.WriteString(header + "\npackage rows\n\n// A kernelID names a kernel.\ntype kernelID int\n\nconst (\n")
	for i, k := range rowList {
		s.WriteString(k.name)
		if i == 0 {
			s.WriteString(" kernelID = iota")
		}
		s.WriteString("\n")
	}
	s.WriteString("numKernels\n)\n\nvar kernelNames = [numKernels]string{\n")
	for _, k := range rowList {
		fmt.Fprintf(&s, "%s: %q,\n", k.name, k.name)
	}
	s.WriteString("}\n")
	return gofmt(s.String())
}
