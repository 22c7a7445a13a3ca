package circuit

import "sort"

// A plan assigns the cells of a netlist to pipeline stages.
type plan struct {
	nl     *netlist
	stages int
	stage  []int // of each cell, from 1; the output is read in stage stages + 1
	delay  []int // of each cell
}

// A span is a run of bits of a cell, from lo to below hi.
type span struct{ lo, hi int }

func (s span) bits() int { return s.hi - s.lo }

// and returns the span from the lowest to the highest bit of both.
func (s span) and(o span) span {
	if s.bits() == 0 {
		return o
	}
	return span{min(s.lo, o.lo), max(s.hi, o.hi)}
}

// schedule cuts the netlist into stages so that the longest stage delay is least, and
// then so that few bits cross between stages.
func (nl *netlist) schedule(stages int) *plan {
	p := &plan{nl: nl, stages: stages, stage: make([]int, len(nl.cells)), delay: make([]int, len(nl.cells))}
	total := 0
	for i, used := range nl.used() {
		p.delay[i] = nl.cells[i].delay(used)
		total += p.delay[i]
	}
	if stages < 2 {
		for i := range p.stage {
			p.stage[i] = 1
		}
		return p
	}
	limit := sort.Search(total, func(t int) bool { return p.soonest(t) })
	p.soonest(limit)
	p.saveRegisters(limit)
	return p
}

// soonest puts each cell into the first stage in which it is ready within the limit.
// It tells whether that is possible.
func (p *plan) soonest(limit int) bool {
	ready := make([]int, len(p.stage))
	for i := range p.stage {
		stage, at := 1, 0
		for _, a := range p.nl.cells[i].args {
			if a.cell < 0 || p.stage[a.cell] < stage {
				continue
			}
			if p.stage[a.cell] > stage {
				stage, at = p.stage[a.cell], 0
			}
			at = max(at, ready[a.cell])
		}
		if at += p.delay[i]; at > limit {
			stage, at = stage+1, p.delay[i]
		}
		if at > limit || stage > p.stages {
			return false
		}
		p.stage[i], ready[i] = stage, at
	}
	return true
}

// delays returns the longest delay in each stage.
func (p *plan) delays() []int {
	longest := make([]int, max(1, p.stages))
	ready := make([]int, len(p.stage))
	for i, s := range p.stage {
		for _, a := range p.nl.cells[i].args {
			if a.cell >= 0 && p.stage[a.cell] == s {
				ready[i] = max(ready[i], ready[a.cell])
			}
		}
		ready[i] += p.delay[i]
		longest[s-1] = max(longest[s-1], ready[i])
	}
	return longest
}

// saveRegisters moves cells to other stages while that makes fewer bits cross
// between stages and no stage longer than the limit.
func (p *plan) saveRegisters(limit int) {
	best := p.registerBits()
	for improved := true; improved; {
		improved = false
		for i := len(p.stage) - 1; i > 0; i-- {
			first, last := p.bounds(i)
			was := p.stage[i]
			for s := first; s <= last; s++ {
				p.stage[i] = s
				if b := p.registerBits(); b < best && p.within(limit) {
					best, was, improved = b, s, true
				}
			}
			p.stage[i] = was
		}
	}
}

// bounds returns the stages that cell i can be in while the others stay.
func (p *plan) bounds(i int) (first, last int) {
	first, last = 1, p.stages
	for _, a := range p.nl.cells[i].args {
		if a.cell >= 0 {
			first = max(first, p.stage[a.cell])
		}
	}
	p.nl.reads(func(r ref, by int) {
		if r.cell == i && by < len(p.stage) {
			last = min(last, p.stage[by])
		}
	})
	return first, last
}

func (p *plan) within(limit int) bool {
	for _, d := range p.delays() {
		if d > limit {
			return false
		}
	}
	return true
}

// registers returns the bits of each cell that each rank of registers keeps:
// [r-1][cell] for rank r, which ends stage r.
func (p *plan) registers() [][]span {
	ranks := make([][]span, p.stages)
	for r := range ranks {
		ranks[r] = make([]span, len(p.stage))
	}
	p.nl.reads(func(r ref, by int) {
		until := p.stages + 1
		need := span{r.from, r.from + r.n}
		if by < len(p.stage) {
			until = p.stage[by]
			for a := p.nl.aliasOf(r); a != nil; a = p.nl.aliasOf(a.ref) { // it is written out as a whole
				need.lo, need.hi = min(need.lo, a.ref.from), max(need.hi, a.ref.from+a.ref.n)
			}
		}
		for rank := p.stage[r.cell]; rank < until; rank++ {
			s := &ranks[rank-1][r.cell]
			*s = s.and(need)
		}
	})
	return ranks
}

func (p *plan) registerBits() int {
	n := 0
	for _, rank := range p.registers() {
		for _, s := range rank {
			n += s.bits()
		}
	}
	return n
}
