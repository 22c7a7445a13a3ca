package circuit

import (
	"fmt"
	"math/bits"
)

// block is the number of values that a node takes at a time.
const block = 256

// An Evaluator runs a circuit, for one goroutine at a time.
type Evaluator struct {
	c      *Circuit
	values [][]int64
	needed []bool
	// Check makes Run panic if a value leaves its wire's interval: a fault in the
	// circuit's description.
	Check bool
	// broken tells that a value left the interval of a Narrow.
	broken bool
}

// Broken tells whether a value has left the interval that Narrow gave it: then the
// outputs are not those of the Verilog.
func (e *Evaluator) Broken() bool { return e.broken }

// Evaluator returns what runs the circuit.
func (c *Circuit) Evaluator() *Evaluator {
	e := &Evaluator{c: c, values: make([][]int64, len(c.nodes)), needed: c.needed()}
	for i, n := range c.nodes {
		if !e.needed[i] {
			continue
		}
		e.values[i] = make([]int64, block)
		if n.op == opConst {
			for j := range e.values[i] {
				e.values[i][j] = n.k
			}
		}
	}
	return e
}

// needed tells which nodes the output depends on.
func (c *Circuit) needed() []bool {
	if c.output < 0 {
		panic("circuit: no output")
	}
	needed := make([]bool, len(c.nodes))
	needed[c.output] = true
	for i := len(c.nodes) - 1; i >= 0; i-- {
		if needed[i] {
			for _, a := range c.nodes[i].args {
				needed[a] = true
			}
		}
	}
	needed[0] = true // the input is a port, needed or not
	return needed
}

// Run sets dst[i] to the output for the input src[i]. The slices are equally long
// and may be the same.
func (e *Evaluator) Run(dst, src []int64) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("circuit: %d outputs for %d inputs", len(dst), len(src)))
	}
	for from := 0; from < len(src); from += block {
		n := min(block, len(src)-from)
		copy(e.values[0], src[from:][:n])
		for i := range e.c.nodes {
			if e.needed[i] {
				e.node(i, n)
			}
		}
		copy(dst[from:][:n], e.values[e.c.output])
	}
}

// node computes n values of a node.
func (e *Evaluator) node(id, n int) {
	nd := &e.c.nodes[id]
	dst := e.values[id][:n]
	var a, b, c []int64
	switch len(nd.args) {
	case 3:
		c = e.values[nd.args[2]][:n]
		fallthrough
	case 2:
		b = e.values[nd.args[1]][:n]
		fallthrough
	case 1:
		a = e.values[nd.args[0]][:n]
	}
	k := uint(nd.k)
	switch nd.op {
	case opInput, opConst:
	case opAdd:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case opSub:
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	case opMul:
		if e.c.nodes[nd.args[0]].width()+e.c.nodes[nd.args[1]].width() <= 63 {
			for i := range dst {
				dst[i] = a[i] * b[i] >> k
			}
			break
		}
		for i := range dst {
			dst[i] = mulShift(a[i], b[i], k)
		}
	case opRows:
		for i := range dst {
			dst[i] = Rows(a[i], b[i], int(k))
		}
	case opShl:
		for i := range dst {
			dst[i] = a[i] << k
		}
	case opShr:
		for i := range dst {
			dst[i] = a[i] >> k
		}
	case opShlBy:
		for i := range dst {
			dst[i] = a[i] << uint(b[i])
		}
	case opShrBy:
		for i := range dst {
			dst[i] = a[i] >> uint(b[i])
		}
	case opLow:
		for i := range dst {
			dst[i] = a[i] & (1<<k - 1)
		}
	case opLog2:
		for i := range dst {
			dst[i] = log2(a[i])
		}
	case opSelect:
		for i := range dst {
			if a[i] != 0 {
				dst[i] = b[i]
			} else {
				dst[i] = c[i]
			}
		}
	case opLess:
		for i := range dst {
			dst[i] = truth(a[i] < b[i])
		}
	case opEqual:
		for i := range dst {
			dst[i] = truth(a[i] == b[i])
		}
	case opAnd:
		for i := range dst {
			dst[i] = a[i] & b[i]
		}
	case opOr:
		for i := range dst {
			dst[i] = a[i] | b[i]
		}
	case opXor:
		for i := range dst {
			dst[i] = a[i] ^ b[i]
		}
	case opInvert:
		for i := range dst {
			dst[i] = ^a[i]
		}
	case opSquare:
		for i := range dst {
			dst[i] = squareRows(a[i], int(k))
		}
	case opNot:
		for i := range dst {
			dst[i] = 1 - a[i]
		}
	case opMin:
		for i := range dst {
			dst[i] = min(a[i], nd.k)
		}
	case opMax:
		for i := range dst {
			dst[i] = max(a[i], nd.k)
		}
	case opTable:
		for i := range dst {
			dst[i] = nd.values[a[i]]
		}
	case opNarrow:
		for i, v := range a {
			dst[i] = v
			e.broken = e.broken || v < nd.lo || v > nd.hi
		}
	default:
		panic(fmt.Sprintf("circuit: operation %d", nd.op))
	}
	if e.Check {
		for i, v := range dst {
			if v < nd.lo || v > nd.hi {
				panic(fmt.Sprintf("circuit: wire %d %q is %d for x = %d, outside of [%d, %d]",
					id, nd.name, v, e.values[0][i], nd.lo, nd.hi))
			}
		}
	}
}

// Rows returns what [Wire.MulRows] computes: the sum over the bits i of b of
// floor(a 2^i / 2^drop).
func Rows(a, b int64, drop int) int64 {
	var s int64
	for u := uint64(b); u != 0; u &= u - 1 {
		if i := bits.TrailingZeros64(u); i >= drop {
			s += a << (i - drop)
		} else {
			s += a >> (drop - i)
		}
	}
	return s
}

// squareRows returns a^2 / 2^drop without the columns below 2^drop.
func squareRows(a int64, drop int) int64 {
	if drop <= 0 {
		return a * a
	}
	var s int64
	for u := uint64(a); u != 0; u &= u - 1 {
		i := bits.TrailingZeros64(u)
		if 2*i >= drop {
			s += 1 << (2*i - drop)
		}
		// The pairs with the greater bits j: those with i + j + 1 >= drop.
		rest := u & (u - 1)
		if least := drop - i - 1; least > 0 {
			rest = rest >> least << least
		}
		if s1 := i + 1 - drop; s1 >= 0 {
			s += int64(rest << s1)
		} else {
			s += int64(rest >> -s1)
		}
	}
	return s
}
