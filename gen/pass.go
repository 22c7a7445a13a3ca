package main

// A pass is a program with several outputs, each of which is stored when it is
// known.
type pass struct {
	prog    []*node
	outputs map[*node][]int // which outputs a value is
	lastUse map[*node]int
}

// newPass returns the program of the outputs.
func newPass(b *B, outputs []V) *pass {
	p := &pass{outputs: map[*node][]int{}, lastUse: map[*node]int{}}
	live := map[*node]bool{}
	var mark func(n *node)
	mark = func(n *node) {
		if !live[n] {
			live[n] = true
			for _, a := range operands(b.level, n) {
				mark(a)
			}
		}
	}
	for k, v := range outputs {
		p.outputs[v] = append(p.outputs[v], k)
		mark(v)
	}
	for _, n := range b.nodes {
		if !live[n] {
			continue
		}
		for _, a := range operands(b.level, n) {
			p.lastUse[a] = len(p.prog)
		}
		if p.outputs[n] != nil {
			p.lastUse[n] = max(p.lastUse[n], len(p.prog))
		}
		p.prog = append(p.prog, n)
	}
	return p
}

// pins returns the registers of the pass's constants among those given.
func (p *pass) pins(registers map[poolKey]int) map[*node]int {
	pins := map[*node]int{}
	for _, n := range p.prog {
		if r, ok := registers[poolKey{n.bits, false}]; ok && n.op == opConst {
			pins[n] = r
		}
	}
	return pins
}

// run writes the program of a pass. pins are the registers of constants.
func (e *x86) run(p *pass, pins map[*node]int, load func(i int, dst string), store func(k int, src string)) {
	e.prog, e.lastUse = p.prog, p.lastUse
	e.loc, e.pins, e.temps = map[*node]int{}, pins, nil
	for i, n := range p.prog {
		e.now = i
		if n.op == opInput {
			e.loc[n] = e.regs.alloc()
			load(n.n, e.reg(e.loc[n]))
		} else {
			e.instr(n, 0, -1)
		}
		for _, k := range p.outputs[n] {
			store(k, e.reg(e.loc[n]))
		}
		if p.outputs[n] != nil && p.lastUse[n] == i {
			e.regs.release(e.loc[n])
			delete(e.loc, n)
		}
	}
}

// run writes the program of a pass. pins are the registers of constants.
func (e *neon) run(p *pass, pins map[*node]int, load, store func(i, register int)) {
	e.prog, e.lastUse = p.prog, p.lastUse
	e.loc, e.pins, e.temps = map[*node]int{}, pins, nil
	for i, n := range p.prog {
		e.now = i
		if n.op == opInput {
			e.loc[n] = e.regs.alloc()
			load(n.n, e.loc[n])
		} else {
			e.instr(n, 0, false)
		}
		for _, k := range p.outputs[n] {
			store(k, e.loc[n])
		}
		if p.outputs[n] != nil && p.lastUse[n] == i {
			e.regs.release(e.loc[n])
			delete(e.loc, n)
		}
	}
}
