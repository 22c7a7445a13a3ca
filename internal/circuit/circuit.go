// Package circuit describes combinational arithmetic on integers once, and gets
// from it a bit-accurate model, synthesizable Verilog with any number of pipeline
// stages, and an estimate of area and depth.
//
// A wire carries an integer from a known interval, whose ends follow from the
// operation and its operands. Its width is the least that holds the interval, in
// two's complement where it has negative values. So no operation overflows, and bits
// are lost only where the description says so: by Shr, MulDrop and Low.
//
// The package knows no number format and no function; package hdl does.
package circuit

import (
	"fmt"
	"math/bits"
)

// op is what a node does with its operands.
type op uint8

const (
	opInput  op = iota
	opConst     // k
	opAdd       // a + b
	opSub       // a - b
	opMul       // floor(a b / 2^k)
	opRows      // the sum over bits i of b of floor(a 2^i / 2^k)
	opShl       // a 2^k
	opShr       // floor(a / 2^k)
	opShlBy     // a 2^b
	opShrBy     // floor(a / 2^b)
	opLow       // a mod 2^k
	opLog2      // floor(log2 a), 0 for 0
	opSelect    // a != 0 ? b : c
	opLess      // a < b
	opEqual     // a == b
	opAnd       // a & b, both >= 0
	opOr        // a | b, both >= 0
	opXor       // a ^ b, both >= 0
	opInvert    // -a - 1
	opSquare    // a a without the columns below 2^k
	opNot       // bit 0 of a inverted
	opMin       // min(a, k)
	opMax       // max(a, k)
	opTable     // values[a]
	opNarrow    // a, in an interval that the author vouches for
)

// A node computes one wire.
type node struct {
	op            op
	args          []int // earlier nodes
	k             int64
	values        []int64
	lo, hi        int64
	name, comment string
}

// A Wire is a value in a circuit. Wires of different circuits must not be mixed.
type Wire struct {
	c  *Circuit
	id int
}

// A Circuit computes one output from one input. Make it with New, describe it by
// its methods, and end with Output. Methods panic if an operand is outside of what
// they take: that is a fault in the description, but for [TooWide].
type Circuit struct {
	nodes  []node
	output int
	known  map[string]int // nodes by what they compute
}

// TooWide is what methods panic with where a value could take more than 63 bits: the
// description may be sound, and its sizes too great.
type TooWide string

func (t TooWide) Error() string { return "circuit: " + string(t) }

// New returns a circuit with the input x, an integer from lo to hi.
func New(lo, hi int64) (*Circuit, Wire) {
	c := &Circuit{output: -1, known: map[string]int{}}
	return c, c.add(node{op: opInput, lo: lo, hi: hi, name: "x"})
}

// Output makes w the output of the circuit.
func (c *Circuit) Output(w Wire) { c.output = w.id }

// Interval returns the least and the greatest value that w can have, as far as that
// is known.
func (w Wire) Interval() (lo, hi int64) {
	n := &w.c.nodes[w.id]
	return n.lo, n.hi
}

// Width returns the number of bits of w.
func (w Wire) Width() int { return w.c.nodes[w.id].width() }

// Named gives w a name in the Verilog, and a comment in a few words, which may be
// empty. A name that is taken gets a number. It returns w.
func (w Wire) Named(name, comment string) Wire {
	n := &w.c.nodes[w.id]
	if n.op != opInput && n.op != opConst && n.name == "" {
		n.name, n.comment = name, comment
	}
	return w
}

func (n *node) signed() bool { return n.lo < 0 }

func (n *node) width() int {
	if n.lo >= 0 {
		return max(1, bits.Len64(uint64(n.hi)))
	}
	return 1 + max(bits.Len64(uint64(max(n.hi, 0))), bits.Len64(uint64(-(n.lo+1))))
}

// constant returns the value of w if it is always the same.
func (w Wire) constant() (v int64, ok bool) {
	n := &w.c.nodes[w.id]
	return n.lo, n.lo == n.hi
}

// add puts a node into the circuit, or returns the one there that computes the same.
func (c *Circuit) add(n node) Wire {
	if n.lo > n.hi {
		panic(fmt.Sprintf("circuit: empty interval [%d, %d]", n.lo, n.hi))
	}
	if n.lo == n.hi && n.op != opConst && n.op != opInput {
		return c.Const(n.lo)
	}
	key := fmt.Sprint(n.op, n.args, n.k, n.values, n.lo, n.hi)
	if id, ok := c.known[key]; ok {
		return Wire{c, id}
	}
	c.nodes = append(c.nodes, n)
	id := len(c.nodes) - 1
	c.known[key] = id
	return Wire{c, id}
}

// Const returns the constant v.
func (c *Circuit) Const(v int64) Wire { return c.add(node{op: opConst, k: v, lo: v, hi: v}) }

// Const returns the constant v in the circuit of w.
func (w Wire) Const(v int64) Wire { return w.c.Const(v) }

// binary adds an operation of two wires.
func binary(o op, a, b Wire, lo, hi int64) Wire {
	return a.c.add(node{op: o, args: []int{a.id, b.id}, lo: lo, hi: hi})
}

// unary adds an operation of one wire and a number.
func unary(o op, a Wire, k, lo, hi int64) Wire {
	return a.c.add(node{op: o, args: []int{a.id}, k: k, lo: lo, hi: hi})
}
