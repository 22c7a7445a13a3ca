package main

import (
	"fmt"
	"strings"
)

// A poolOp is what a kernel of internal/pool does with each window.
type poolOp int

const (
	poolMax poolOp = iota
	poolMaxWhere
	poolMaxBackward
	poolMean
	poolMeanBackward
	numPoolOps
)

var poolNames = [numPoolOps]string{"max", "maxWhere", "maxBackward", "mean", "meanBackward"}

// A poolKernel is one kernel. It walks along the channels of each window of
// internal/pool's args, a block of vectors at a time, then one vector with only
// the lanes that are left.
//
// twoByTwo is for windows of 2x2: the taps have registers of their own. The other
// kernels loop over the taps of each block.
type poolKernel struct {
	op       poolOp
	twoByTwo bool
}

func (k poolKernel) symbol(l simdLevel) string {
	s := poolNames[k.op]
	if k.twoByTwo {
		s += "2x2"
	}
	return s + l.name
}

// indexed tells whether the numbers of taps matter, backward whether x is what
// the kernel writes.
func (k poolKernel) indexed() bool  { return k.op == poolMaxWhere || k.op == poolMaxBackward }
func (k poolKernel) backward() bool { return k.op == poolMaxBackward || k.op == poolMeanBackward }

// blocks are the numbers of vectors that a kernel does together, as long as so
// many are left. In a loop over taps four hide the latency of each; where there is
// none, blocks of 128 bytes at most were fastest.
func (k poolKernel) blocks(l Level) []int {
	if k.twoByTwo && l == AVX512 {
		return []int{2, 1}
	}
	return []int{4, 2, 1}
}

// Offsets of the fields of internal/pool's args.
const (
	poolX, poolY, poolWhere    = 0, 8, 16
	poolWindows, poolChannels  = 24, 32
	poolTap, poolRow, poolSkip = 40, 48, 56
	poolHeight, poolWidth      = 64, 72
	poolScale                  = 80
)

// poolFile returns the kernels of a level.
func poolFile(l simdLevel) []byte {
	var s strings.Builder
	s.WriteString(header + "\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
	if l.level == AVX2 {
		s.WriteString(poolConstants())
	}
	for op := range numPoolOps {
		for _, two := range []bool{false, true} {
			k := poolKernel{op, two}
			fmt.Fprintf(&s, "// func %s(p *args)\nTEXT ·%s(SB), NOSPLIT, $0-8\n", k.symbol(l), k.symbol(l))
			if l.level == NEON {
				(&neonPool{k, neon{out: &s}}).kernel()
			} else {
				(&x86Pool{k, x86{level: l.level, out: &s}}).kernel()
			}
			s.WriteString("\n")
		}
	}
	return []byte(strings.TrimSuffix(s.String(), "\n"))
}

// poolStubs declares the kernels of a level and puts them into a table.
func poolStubs(l simdLevel) []byte {
	var table, stubs strings.Builder
	for op := range numPoolOps {
		loop, two := poolKernel{op, false}.symbol(l), poolKernel{op, true}.symbol(l)
		fmt.Fprintf(&table, "%s: pair{%s, %s},\n", poolNames[op], loop, two)
		fmt.Fprintf(&stubs, "//go:noescape\nfunc %s(p *args)\n\n//go:noescape\nfunc %s(p *args)\n\n", loop, two)
	}
	return gofmt(fmt.Sprintf("%s\n//go:build !purego\n\npackage pool\n\nvar kernels%s = kernels{\n%s}\n\n%s",
		header, l.name, table.String(), stubs.String()))
}
