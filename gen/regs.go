package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// errPressure says that a kernel does not fit the registers with the
// constants that were pinned.
var errPressure = errors.New("out of registers")

// A regfile hands out vector registers.
type regfile struct{ used []bool }

func newRegfile(n int) *regfile { return &regfile{used: make([]bool, n)} }

func (r *regfile) alloc() int {
	for i, u := range r.used {
		if !u {
			r.used[i] = true
			return i
		}
	}
	panic(errPressure)
}

func (r *regfile) release(i int) {
	if !r.used[i] {
		panic(fmt.Sprintf("register %d released twice", i))
	}
	r.used[i] = false
}

// pinOrder returns the constants and parameters of prog in the order in which
// they deserve a register of their own: parameters, which have no copy in
// memory of a vector's width, then by number of uses.
func pinOrder(prog []*node) []*node {
	var c []*node
	for _, n := range prog {
		if n.op == opConst || n.op == opParam {
			c = append(c, n)
		}
	}
	sort.SliceStable(c, func(i, j int) bool {
		pi, pj := c[i].op == opParam, c[j].op == opParam
		if pi != pj {
			return pi
		}
		return weight(c[i], prog) > weight(c[j], prog)
	})
	return c
}

// weight is the number of uses, with those that cannot be a memory operand
// counting twice.
func weight(c *node, prog []*node) int {
	w := 0
	for _, n := range prog {
		for i, a := range n.args {
			if a != c {
				continue
			}
			w++
			switch {
			case i == 0 && (n.op == opSub || n.op == opDiv || n.op == opMin || n.op == opMax):
				w++
			case i == 1 && n.op == opSelect:
				w++
			}
		}
	}
	return w
}

// A constPool collects the constants of a file and where they lie in it.
type constPool struct {
	name   string
	width  int // bytes that one constant takes
	order  []poolKey
	offset map[poolKey]int
}

type poolKey struct {
	bits uint64
	is64 bool
}

func newPool(name string, width int) *constPool {
	return &constPool{name: name, width: width, offset: map[poolKey]int{}}
}

func (p *constPool) at(bits uint64, is64 bool) int {
	k := poolKey{bits, is64}
	if off, ok := p.offset[k]; ok {
		return off
	}
	off := len(p.order) * p.width
	p.order = append(p.order, k)
	p.offset[k] = off
	return off
}

// data returns the assembly of the pool, each constant repeated to its width.
func (p *constPool) data() string {
	s := ""
	for i, k := range p.order {
		w := k.bits
		if !k.is64 {
			w |= w << 32
		}
		for b := 0; b < p.width; b += 8 {
			s += fmt.Sprintf("DATA %s<>+%d(SB)/8, $0x%016x\n", p.name, i*p.width+b, w)
		}
	}
	if len(p.order) > 0 {
		s += fmt.Sprintf("GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", p.name, len(p.order)*p.width)
	}
	return s
}

// writeFitting writes what write does, to *out, with as many of the program's
// constants in registers as leave room for the body.
func writeFitting(out **strings.Builder, sym string, prog []*node, write func(pinned []*node)) {
	order := pinOrder(prog)
	for n := len(order); n >= 0; n-- {
		if text, ok := tryToFit(out, func() { write(order[:n]) }); ok {
			(*out).WriteString(text)
			return
		}
	}
	panic(fmt.Sprintf("%s does not fit the registers", sym))
}

// tryToFit returns what write writes to *out, or false where it lacks registers.
func tryToFit(out **strings.Builder, write func()) (text string, ok bool) {
	saved := *out
	*out = &strings.Builder{}
	defer func() {
		*out = saved
		if r := recover(); r != nil && r != errPressure {
			panic(r)
		}
	}()
	write()
	return (*out).String(), true
}
