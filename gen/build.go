package main

import (
	"fmt"
	"math"
)

// A Level is an instruction set that kernels are generated for.
type Level int

const (
	Portable Level = iota
	NEON
	AVX2
	AVX512
)

// An opcode is one operation on a vector of lanes.
type opcode int

const (
	opInput opcode = iota
	opConst
	opParam
	opRow // the same in all lanes of a row
	opAdd
	opSub
	opMul
	opDiv
	opSqrt
	opFMA  // x*y + z
	opFNMA // z - x*y
	opMin  // x < y ? x : y
	opMax  // x > y ? x : y
	opAnd
	opOr
	opXor
	opAndNot // x &^ y
	opIAdd
	opISub
	opShl
	opShr
	opCmp     // a mask
	opSign    // a mask: the sign bit
	opSelect  // mask ? x : y
	opRsqrt   // the processor's estimate of 1/sqrt(x)
	opRsqrtSt // NEON only: (3 - x*y)/2
	opMasked  // AVX-512 only: mask ? args[0] sub args[1] : args[2]
)

// A predicate of a comparison. The negations are true for NaN.
type pred int

const (
	predLT pred = iota
	predLE
	predGT
	predGE
	predEQ
	predUnord
	predNLT
	predNLE
	predNGT
	predNGE
	predNEQ
	predOrd
)

// negated returns the predicate that is true exactly where p is false.
func (p pred) negated() pred { return (p + 6) % 12 }

// invariant reports whether a value is the same throughout a row.
func (n *node) invariant() bool { return n.op == opConst || n.op == opParam || n.op == opRow }

type node struct {
	op   opcode
	args []*node
	mask *node  // of opSelect and opMasked
	n    int    // input or parameter index, shift count, predicate
	bits uint64 // of opConst
	sub  opcode // the operation that opMasked does
	seq  int    // position in the program
	name string // shown in the generated code
	uses int
}

// V is a vector of float32 or float64 lanes, also taken as raw bits.
type V = *node

// M is the mask that a comparison gives.
type M struct{ n *node }

// B builds the program of one kernel: straight-line code over lanes, each
// operation one instruction or a few, all of them correctly rounded but for
// RsqrtEst. Equal operations on equal operands are built once.
type B struct {
	level Level
	is64  bool
	first int // what Param counts from
	nodes []*node
	known map[string]*node
}

func newB(level Level, is64 bool) *B {
	return &B{level: level, is64: is64, known: map[string]*node{}}
}

func (b *B) add(n *node) *node {
	key := fmt.Sprint(n.op, n.n, n.bits)
	for _, a := range n.args {
		key += fmt.Sprint(" ", a.seq)
	}
	if n.mask != nil {
		key += fmt.Sprint(" m", n.mask.seq)
	}
	if old := b.known[key]; old != nil {
		return old
	}
	n.seq = len(b.nodes)
	b.nodes = append(b.nodes, n)
	b.known[key] = n
	return n
}

func (b *B) op(op opcode, args ...V) V { return b.add(&node{op: op, args: args}) }

// As names a value in the generated code.
func (n *node) As(name string) V {
	n.name = name
	return n
}

// Is64 reports whether the lanes are float64.
func (b *B) Is64() bool { return b.is64 }

// In returns the i-th input.
func (b *B) In(i int) V { return b.add(&node{op: opInput, n: i}) }

// Param returns the i-th constant of the function, the same in all lanes.
func (b *B) Param(i int) V { return b.add(&node{op: opParam, n: b.first + i}) }

// Bits returns a constant with the given bits in every lane.
func (b *B) Bits(u uint64) V {
	if !b.is64 && u>>32 != 0 {
		panic(fmt.Sprintf("constant %#x does not fit 32 bits", u))
	}
	return b.add(&node{op: opConst, bits: u})
}

// Const returns c rounded to the element type.
func (b *B) Const(c float64) V {
	if b.is64 {
		return b.Bits(math.Float64bits(c))
	}
	return b.Bits(uint64(math.Float32bits(float32(c))))
}

func (b *B) Add(x, y V) V     { return b.op(opAdd, x, y) }
func (b *B) Sub(x, y V) V     { return b.op(opSub, x, y) }
func (b *B) Mul(x, y V) V     { return b.op(opMul, x, y) }
func (b *B) Div(x, y V) V     { return b.op(opDiv, x, y) }
func (b *B) Sqrt(x V) V       { return b.op(opSqrt, x) }
func (b *B) FMA(x, y, z V) V  { return b.op(opFMA, x, y, z) }
func (b *B) FNMA(x, y, z V) V { return b.op(opFNMA, x, y, z) }

// Min returns c < x ? c : x: x where either is NaN, and x of two zeros.
func (b *B) Min(c, x V) V { return b.op(opMin, c, x) }

// Max returns c > x ? c : x: x where either is NaN, and x of two zeros.
func (b *B) Max(c, x V) V { return b.op(opMax, c, x) }

func (b *B) And(x, y V) V    { return b.op(opAnd, x, y) }
func (b *B) Or(x, y V) V     { return b.op(opOr, x, y) }
func (b *B) Xor(x, y V) V    { return b.op(opXor, x, y) }
func (b *B) AndNot(x, y V) V { return b.op(opAndNot, x, y) }
func (b *B) IAdd(x, y V) V   { return b.op(opIAdd, x, y) }
func (b *B) ISub(x, y V) V   { return b.op(opISub, x, y) }

func (b *B) Shl(x V, n int) V { return b.add(&node{op: opShl, args: []V{x}, n: n}) }
func (b *B) Shr(x V, n int) V { return b.add(&node{op: opShr, args: []V{x}, n: n}) }

func (b *B) signBit() V {
	if b.is64 {
		return b.Bits(1 << 63)
	}
	return b.Bits(1 << 31)
}

func (b *B) Abs(x V) V    { return b.AndNot(x, b.signBit()) }
func (b *B) Neg(x V) V    { return b.Xor(x, b.signBit()) }
func (b *B) NegAbs(x V) V { return b.Or(x, b.signBit()) }

// CopySign returns mag, which must not be negative, with the sign of sgn.
func (b *B) CopySign(mag, sgn V) V { return b.Or(mag, b.And(sgn, b.signBit())) }

func (b *B) cmp(p pred, x, y V) M {
	return M{b.add(&node{op: opCmp, args: []V{x, y}, n: int(p)})}
}

func (b *B) LT(x, y V) M        { return b.cmp(predLT, x, y) }
func (b *B) LE(x, y V) M        { return b.cmp(predLE, x, y) }
func (b *B) GT(x, y V) M        { return b.cmp(predGT, x, y) }
func (b *B) GE(x, y V) M        { return b.cmp(predGE, x, y) }
func (b *B) EQ(x, y V) M        { return b.cmp(predEQ, x, y) }
func (b *B) Unordered(x, y V) M { return b.cmp(predUnord, x, y) }

// Select returns m ? x : y.
func (b *B) Select(m M, x, y V) V {
	return b.add(&node{op: opSelect, args: []V{x, y}, mask: m.n})
}

// SelectNeg returns x where s has its sign bit set, else y.
func (b *B) SelectNeg(s, x, y V) V {
	m := b.add(&node{op: opSign, args: []V{s}})
	return b.add(&node{op: opSelect, args: []V{x, y}, mask: m})
}

// RsqrtEst returns the processor's estimate of 1/sqrt(x). Its relative error
// is below 1.5*2^-12 (AVX2), 2^-14 (AVX-512) or, after one FRSQRTS step on
// the 8 bits of FRSQRTE, 2^-14 (NEON). In float64 AVX2 asks the float32
// unit: x must lie in its normal range.
func (b *B) RsqrtEst(x V) V {
	e := b.op(opRsqrt, x)
	if b.level == NEON {
		// e^2 first: FRSQRTS takes 0 times infinity for 0, FMUL does not.
		e = b.Mul(e, b.op(opRsqrtSt, x, b.Mul(e, e)))
	}
	return e
}

// program returns the nodes that out needs, in order, with their use counts.
func (b *B) program(out V) []*node {
	if b.level == AVX512 {
		b.fuseMasks(out)
	}
	live := map[*node]bool{}
	var mark func(n *node)
	mark = func(n *node) {
		n.uses++
		if live[n] {
			return
		}
		live[n] = true
		for _, a := range n.args {
			mark(a)
		}
		if n.mask != nil {
			mark(n.mask)
		}
	}
	for _, n := range b.nodes {
		n.uses = 0
	}
	mark(out)
	var prog []*node
	for _, n := range b.nodes {
		if live[n] {
			prog = append(prog, n)
		}
	}
	return prog
}

// fuseMasks turns select(m, x op y, z), where the operation has no other use,
// into one operation that writes x op y over z in the lanes of m.
func (b *B) fuseMasks(out V) {
	b.countUses(out)
	for _, n := range b.nodes {
		if n.op != opSelect || n.uses == 0 {
			continue
		}
		x, z, mask := n.args[0], n.args[1], n.mask
		if !fusible(x) && fusible(z) && mask.op == opCmp && mask.uses == 1 {
			mask.n = int(pred(mask.n).negated())
			x, z = z, x
		}
		if !fusible(x) {
			continue
		}
		n.op, n.sub = opMasked, x.op
		n.args = []*node{x.args[0], x.args[1], z}
	}
}

func fusible(n *node) bool {
	switch n.op {
	case opAdd, opSub, opMul, opDiv:
		return n.uses == 1
	}
	return false
}

func (b *B) countUses(out V) {
	for _, n := range b.nodes {
		n.uses = 0
	}
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		n.uses++
		if seen[n] {
			return
		}
		seen[n] = true
		for _, a := range n.args {
			visit(a)
		}
		if n.mask != nil {
			visit(n.mask)
		}
	}
	visit(out)
}
