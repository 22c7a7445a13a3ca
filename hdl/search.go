package hdl

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A structure is a way to build a unit, whose sizes the search chooses.
type structure struct {
	family string // rsqrt, table, linear, quadratic, ...
	name   string // in words
	knobs  []knob
	// build makes the circuit with a size for each knob; see make.
	build func(sizes []int) *circuit.Circuit
}

// make returns the circuit with a size for each knob, or nil where its values would
// take more bits than a circuit has.
func (st *structure) make(sizes []int) (c *circuit.Circuit) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(circuit.TooWide); !ok {
				panic(r)
			}
			c = nil
		}
	}()
	return st.build(sizes)
}

// A knob is a size: the greater, the more area and, as a rule, the smaller the error.
type knob struct {
	name        string
	least, most int
}

// A design is a structure with its sizes.
type design struct {
	*structure
	sizes   []int
	circuit *circuit.Circuit
	gates   float64
}

func (d *design) String() string {
	var list []string
	for i, k := range d.knobs {
		list = append(list, fmt.Sprintf("%s %d", k.name, d.sizes[i]))
	}
	if len(list) == 0 {
		return d.name
	}
	return d.name + " (" + strings.Join(list, ", ") + ")"
}

// A searcher looks for the sizes with the least area that keep to a bound.
type searcher struct {
	truth *truth
	bound float64 // ulps
	// hard are inputs at which candidates failed, tried first.
	hard []int
	// Stop, if not nil, ends the search when it returns true.
	stop func() bool
	// Progress, if not nil, is told how many structures of how many have been tried.
	progress func(done, total int)

	order []int // in which inputs are tried
}

func newSearcher(t *truth, bound float64) *searcher {
	s := &searcher{truth: t, bound: bound}
	// A step without a common divisor goes through all inputs, far apart.
	n := len(t.inputs)
	step := n*5/13 | 1
	for gcd(step, n) != 1 {
		step += 2
	}
	for i := range n {
		s.order = append(s.order, i*step%n)
	}
	return s
}

// gates returns the area of a circuit, which is infinite if there is none.
func gates(c *circuit.Circuit) float64 {
	if c == nil {
		return math.Inf(1)
	}
	return c.Cost().Gates
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// maxHard is how many failed inputs are kept.
const maxHard = 512

// meets tells whether the circuit keeps to the bound for all inputs of the truth.
func (s *searcher) meets(c *circuit.Circuit) bool {
	if c == nil {
		return false
	}
	e := c.Evaluator()
	if !s.try(e, s.hard) {
		return false
	}
	for from := 0; from < len(s.order); from += 2048 {
		if !s.try(e, s.order[from:min(from+2048, len(s.order))]) {
			return false
		}
	}
	return true
}

// mayMeet is meets for some inputs only: what fails them need not be tried on all.
func (s *searcher) mayMeet(c *circuit.Circuit) bool {
	if c == nil {
		return false
	}
	e := c.Evaluator()
	return s.try(e, s.hard) && s.try(e, s.order[:min(4096, len(s.order))])
}

// try tells whether the circuit keeps to the bound for some of the inputs.
func (s *searcher) try(e *circuit.Evaluator, indices []int) bool {
	in, out := make([]int64, len(indices)), make([]int64, len(indices))
	for i, at := range indices {
		in[i] = s.truth.inputs[at]
	}
	e.Run(out, in)
	if e.Broken() {
		return false
	}
	for i, at := range indices {
		if u := math.Abs(s.truth.ulps(at, out[i])); u > s.allowed(at) {
			if len(s.hard) < maxHard && !slices.Contains(s.hard, at) {
				s.hard = append(s.hard, at)
			}
			return false
		}
	}
	return true
}

// allowed returns the error allowed for an input: none for 0, where the function's value
// is a number of the format. Networks have many zeros.
func (s *searcher) allowed(at int) float64 {
	if s.truth.inputs[at] == 0 {
		if want := s.truth.values[at]; s.truth.format.Decode(s.truth.format.Encode(want)) == want {
			return 0
		}
	}
	return s.bound
}

// best returns the design with the fewest gates among the structures, or nil if none
// keeps to the bound.
func (s *searcher) best(structures []*structure) *design {
	// Those that are small at middling sizes first: what they find spares the others.
	type candidate struct {
		*structure
		gates float64
	}
	var list []candidate
	for _, st := range structures {
		list = append(list, candidate{st, gates(st.make(st.sizes(func(k knob) int { return (k.least + k.most) / 2 })))})
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.gates, b.gates) })
	var best *design
	for i, st := range list {
		if s.stop != nil && s.stop() {
			break
		}
		if s.progress != nil {
			s.progress(i, len(list))
		}
		if d := s.shrink(st.structure, best); d != nil && (best == nil || d.gates < best.gates) {
			best = d
		}
	}
	return best
}

// sizes returns one for each knob.
func (st *structure) sizes(of func(knob) int) []int {
	list := make([]int, len(st.knobs))
	for i, k := range st.knobs {
		list[i] = of(k)
	}
	return list
}

// shrink starts at the greatest sizes of a structure and makes them smaller while the
// bound is kept. It returns nil if the greatest do not keep to it, or if the least
// would not beat the design to beat.
func (s *searcher) shrink(st *structure, beat *design) *design {
	most := st.sizes(func(k knob) int { return k.most })
	hopeless := func(sizes []int) bool { return beat != nil && gates(st.make(sizes)) >= beat.gates }
	alone := st.sizes(func(k knob) int { return k.least })
	if hopeless(alone) {
		return nil
	}
	if !s.mayMeet(st.make(most)) {
		return nil
	}
	// Each knob as far down as it goes alone, by halving: no design has less, so a part
	// of the inputs is enough here.
	for i, k := range st.knobs {
		lo, hi := k.least, k.most // hi keeps to the bound
		for lo < hi {
			sizes := slices.Clone(most)
			sizes[i] = lo + (hi-lo)/2
			if s.mayMeet(st.make(sizes)) {
				hi = sizes[i]
			} else {
				lo = sizes[i] + 1
			}
		}
		alone[i] = hi
		if hopeless(alone) {
			return nil
		}
	}
	// Together they need a little more; then one by one down again.
	var d *design
	for extra := 0; d == nil; extra++ {
		sizes := slices.Clone(alone)
		over := true
		for i := range sizes {
			sizes[i] = min(sizes[i]+extra, most[i])
			over = over && sizes[i] == most[i]
		}
		if c := s.at(st, sizes); s.meets(c.circuit) {
			d = c
		} else if over {
			return nil
		}
	}
	for s.step(d, alone) {
	}
	return d
}

// at returns the design of a structure with the sizes.
func (s *searcher) at(st *structure, sizes []int) *design {
	c := st.make(sizes)
	return &design{st, sizes, c, gates(c)}
}

// step makes the move that saves the most gates: one knob down, or one down and another
// one up. It returns false if none saves any and keeps to the bound. No size goes below least.
func (s *searcher) step(d *design, least []int) bool {
	var moves []*design
	try := func(sizes []int) {
		if c := s.at(d.structure, sizes); c.gates < d.gates {
			moves = append(moves, c)
		}
	}
	for i := range d.knobs {
		if d.sizes[i] <= least[i] {
			continue
		}
		down := slices.Clone(d.sizes)
		down[i]--
		try(down)
		for j, l := range d.knobs {
			if j != i && d.sizes[j] < l.most {
				both := slices.Clone(down)
				both[j]++
				try(both)
			}
		}
	}
	slices.SortStableFunc(moves, func(a, b *design) int { return cmp.Compare(a.gates, b.gates) })
	for _, m := range moves {
		if s.meets(m.circuit) {
			*d = *m
			return true
		}
	}
	return false
}
