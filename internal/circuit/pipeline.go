package circuit

import (
	"slices"
	"sort"
)

// A plan assigns the cells of a netlist to pipeline stages.
type plan struct {
	nl     *netlist
	stages int
	stage  []int // of each cell, from 1; the output is read in stage stages + 1
	timing *timing
	ready  []when // of each cell, from the beginning of its stage
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
	n := len(nl.cells)
	p := &plan{nl: nl, stages: stages, stage: make([]int, n), timing: nl.timing(), ready: make([]when, n)}
	for i := range p.stage {
		p.stage[i] = 1
	}
	longest := p.delays()[0]
	if stages < 2 {
		return p
	}
	limit := float64(sort.Search(int(10*longest), func(t int) bool { return p.soonest(float64(t) / 10) })) / 10
	p.soonest(limit)
	p.saveRegisters(limit)
	return p
}

// settle computes when cell i is ready in its stage.
func (p *plan) settle(i int) when {
	p.ready[i] = p.timing.ready(i, func(r ref) when {
		if r.cell < 0 || p.stage[r.cell] < p.stage[i] {
			return when{}
		}
		return p.ready[r.cell].of(r, p.nl.cells[r.cell].width)
	})
	return p.ready[i]
}

// soonest puts each cell into the first stage in which it is ready within the limit.
// It tells whether that is possible.
func (p *plan) soonest(limit float64) bool {
	for i := range p.stage {
		p.stage[i] = 1
		for _, a := range p.nl.cells[i].args {
			if a.cell >= 0 {
				p.stage[i] = max(p.stage[i], p.stage[a.cell])
			}
		}
		if p.settle(i).latest() > limit {
			p.stage[i]++
			if p.settle(i).latest() > limit || p.stage[i] > p.stages {
				return false
			}
		}
	}
	return true
}

// delays returns the longest delay in each stage.
func (p *plan) delays() []float64 {
	longest := make([]float64, max(1, p.stages))
	for i, s := range p.stage {
		longest[s-1] = max(longest[s-1], p.settle(i).latest())
	}
	return longest
}

// saveRegisters moves cells to other stages while that makes fewer bits cross
// between stages and no stage longer than the limit.
func (p *plan) saveRegisters(limit float64) {
	best := p.registerBits()
	for improved := true; improved; {
		improved = false
		for i := len(p.stage) - 1; i > 0; i-- {
			first, last := p.bounds(i)
			was := p.stage[i]
			for s := first; s <= last; s++ {
				p.stage[i] = s
				if b := p.registerBits(); b < best && slices.Max(p.delays()) <= limit {
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

// registers returns the bits of each cell that each rank of registers keeps:
// [r-1][cell] for rank r, which ends stage r.
func (p *plan) registers() [][]span {
	ranks := make([][]span, p.stages)
	for r := range ranks {
		ranks[r] = make([]span, len(p.stage))
	}
	p.nl.reads(func(r ref, by int) {
		until := p.stages + 1
		if by < len(p.stage) {
			until = p.stage[by]
		}
		for rank := p.stage[r.cell]; rank < until; rank++ {
			s := &ranks[rank-1][r.cell]
			*s = s.and(span{r.from, r.from + r.n})
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
