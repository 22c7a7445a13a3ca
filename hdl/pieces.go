package hdl

import (
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A segment's polynomial is centred on at most so many points of it, and on fewer, but
// not below the least, where all segments together would have more than the total.
const (
	mostPoints, leastPoints = 48, 9
	totalPoints             = 6144
)

// A segment is a function of u, which runs over [0, width) there.
type segment struct {
	f     func(u float64) float64
	width float64
	// steps is how many values u takes, evenly from 0 on, or 0 for very many.
	steps int
}

// A point is a value that a polynomial shall have.
type point struct{ u, want float64 }

// pieces approximates a function by a polynomial on each of a number of segments.
type pieces struct {
	degree int
	widths []float64
	coefs  [][]float64 // of each segment in u
	grid   [][]point
}

// newPieces fits polynomials of the degree, 0 to 3, to functions of u in [0, 1).
func newPieces(degree int, segments []func(u float64) float64) *pieces {
	list := make([]segment, len(segments))
	for i, f := range segments {
		list[i] = segment{f, 1, 0}
	}
	return newPiecesOn(degree, list)
}

// newPiecesOn is newPieces for segments that need not be equally wide.
func newPiecesOn(degree int, segments []segment) *pieces {
	p := &pieces{degree: degree}
	for _, s := range segments {
		last := s.width
		if s.steps > 0 {
			last *= float64(s.steps-1) / float64(s.steps)
		}
		p.widths = append(p.widths, last)
		p.coefs = append(p.coefs, chebyshev(s.f, degree, last))
		p.grid = append(p.grid, s.points(min(mostPoints, max(leastPoints, totalPoints/len(segments)))))
	}
	return p
}

// points returns n values of the segment, or all of them if there are fewer.
func (s segment) points(n int) []point {
	if s.steps > 0 && s.steps < n {
		n = s.steps
	}
	list := make([]point, n)
	for i := range list {
		u := s.width * (float64(i) + 0.5) / float64(n)
		switch {
		case s.steps > 0 && s.steps <= n:
			u = s.width * float64(i) / float64(n)
		case s.steps > 0: // from the first to the last
			step := math.Round(float64(i) * float64(s.steps-1) / float64(n-1))
			u = s.width * step / float64(s.steps)
		}
		list[i] = point{u, s.f(u)}
	}
	return list
}

// chebyshev interpolates f at the Chebyshev points of [0, width], which is close to
// the best polynomial of the degree. It returns the coefficients, that of u^0 first.
func chebyshev(f func(float64) float64, degree int, width float64) []float64 {
	n := degree + 1
	if width == 0 {
		p := make([]float64, n)
		p[0] = f(0)
		return p
	}
	x, c := make([]float64, n), make([]float64, n)
	// The points are spread so that the outermost errors are at the ends.
	for i := range n {
		x[i] = width * (0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(n)))
		c[i] = f(x[i])
	}
	for k := 1; k < n; k++ { // divided differences
		for i := n - 1; i >= k; i-- {
			c[i] = (c[i] - c[i-1]) / (x[i] - x[i-k])
		}
	}
	p := make([]float64, n)
	for i := n - 1; i >= 0; i-- { // Horner in u - x[i]
		for j := n - 1; j > 0; j-- {
			p[j] = p[j-1] - x[i]*p[j]
		}
		p[0] = c[i] - x[i]*p[0]
	}
	return p
}

// sizes of a polynomial's circuit.
type polySizes struct {
	out    int // fraction bits of the result
	linear int // fraction bits of the coefficient of u
	square int // fraction bits of the coefficient of u^2
	cube   int // fraction bits of the coefficient of u^3
	u      int // bits of u that the coefficient of u is multiplied by
	uu     int // bits of u in the product with the coefficient of u^2
	uuu    int // bits of u in the product with the coefficient of u^3
}

// wire returns the polynomial of segment index at u = d / 2^dBits, plus bias units of
// the result's last place: 1/2 where it will be cut and shall be rounded. The
// coefficient of u^0 makes up for what all the other roundings do.
func (p *pieces) wire(index, d circuit.Wire, dBits int, s polySizes, bias float64) circuit.Wire {
	fraction := []int{s.out, s.linear, s.square, s.cube}
	bits := []int{0, min(s.u, dBits), min(s.uu, dBits), min(s.uuu, dBits)}
	names := [][2]string{
		{"c0", "constant coefficient"}, {"c1", "linear coefficient"},
		{"c2", "quadratic coefficient"}, {"c3", "cubic coefficient"},
	}
	h := newHorner(p)
	rounded := make([][]int64, p.degree+1)
	for k := p.degree; k >= 1; k-- {
		rounded[k] = p.round(k, fraction, rounded)
		if k == 1 {
			rounded[k] = p.settle(rounded[k], h, bits[k], fraction)
		}
		h.add(rounded[k], index, names[k])
		h.times(d, dBits, bits[k], fraction[k]-fraction[k-1])
	}
	least, most := p.misses(h, s.out)
	c0 := make([]int64, len(p.coefs))
	for i := range c0 {
		c0[i] = int64(math.Round((least[i]+most[i])/2 + bias))
	}
	h.add(c0, index, names[0])
	return h.result()
}

// round returns the coefficients of u^k with so many fraction bits, corrected for what
// those of greater powers lost by their rounding.
func (p *pieces) round(k int, fraction []int, rounded [][]int64) []int64 {
	t := make([]int64, len(p.coefs))
	for i, c := range p.coefs {
		w, v := p.widths[i], c[k]
		lost := func(m int) float64 { return c[m] - math.Ldexp(float64(rounded[m][i]), -fraction[m]) }
		// On [0, w], u^2 is about w u, and u^3 about 3/2 w u^2 - 9/16 w^2 u (Chebyshev).
		if k == 1 && p.degree >= 2 {
			v += lost(2) * w
		}
		if k == 2 && p.degree == 3 {
			v += lost(3) * 1.5 * w
		}
		if k == 1 && p.degree == 3 {
			v += lost(3) * (1.5 - 9./16) * w * w
		}
		t[i] = int64(math.Round(math.Ldexp(v, fraction[k])))
	}
	return t
}

// settle chooses for each linear coefficient among its neighbours the one with the
// least errors.
func (p *pieces) settle(c []int64, h *horner, uBits int, fraction []int) []int64 {
	best := slices.Clone(c)
	spread := make([]float64, len(c))
	for _, step := range []int64{0, -1, 1} {
		moved := slices.Clone(c)
		for i := range moved {
			moved[i] += step
		}
		try := h.clone()
		try.add(moved, circuit.Wire{}, [2]string{})
		try.times(circuit.Wire{}, 0, uBits, fraction[1]-fraction[0])
		least, most := p.misses(try, fraction[0])
		for i := range c {
			if d := most[i] - least[i]; step == 0 || d < spread[i] {
				best[i], spread[i] = moved[i], d
			}
		}
	}
	return best
}

// misses returns the least and the greatest distance of what each segment's function
// wants from what there is so far, in units of the result's last place.
func (p *pieces) misses(h *horner, out int) (least, most []float64) {
	least, most = make([]float64, len(p.grid)), make([]float64, len(p.grid))
	for i, points := range p.grid {
		least[i], most[i] = math.Inf(1), math.Inf(-1)
		for j, at := range points {
			miss := math.Ldexp(at.want, out) - float64(h.value(i, j))
			least[i], most[i] = min(least[i], miss), max(most[i], miss)
		}
	}
	return least, most
}

// A term is a number whose sign is the same everywhere, so that its magnitude can be
// multiplied without one, or a signed one.
type term struct {
	circuit.Wire
	negative bool
}

// signedTable returns a table whose values all have one sign as their magnitudes.
func signedTable(index circuit.Wire, values []int64, name, comment string) term {
	if slices.Max(values) > 0 || slices.Min(values) == 0 {
		return term{index.Table(values).Named(name, comment), false}
	}
	positive := make([]int64, len(values))
	for i, v := range values {
		positive[i] = -v
	}
	return term{index.Table(positive).Named(name, comment+", negated"), true}
}

// addTo returns w plus the term.
func (t term) addTo(w circuit.Wire) circuit.Wire {
	if t.negative {
		return w.Sub(t.Wire)
	}
	return w.Add(t.Wire)
}
