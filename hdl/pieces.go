package hdl

import (
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// gridPoints is how many points of a segment its polynomial is centred on.
const gridPoints = 48

// pieces approximates a function by a polynomial on each of a number of segments.
type pieces struct {
	degree int
	// coefs are those of each segment in u, which runs over [0, 1) there.
	coefs [][]float64
	// grid holds the function at (i + 1/2) / gridPoints of each segment.
	grid [][gridPoints]float64
}

// newPieces fits polynomials of the degree, 0 to 2, to functions of u in [0, 1).
func newPieces(degree int, segments []func(u float64) float64) *pieces {
	p := &pieces{degree: degree}
	for _, f := range segments {
		p.coefs = append(p.coefs, chebyshev(f, degree))
		var g [gridPoints]float64
		for i := range g {
			g[i] = f((float64(i) + 0.5) / gridPoints)
		}
		p.grid = append(p.grid, g)
	}
	return p
}

// chebyshev interpolates f at the Chebyshev points of [0, 1], which is close to the
// best polynomial of the degree. It returns the coefficients, that of u^0 first.
func chebyshev(f func(float64) float64, degree int) []float64 {
	n := degree + 1
	x, c := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = 0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
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
	u      int // bits of u that the coefficient of u is multiplied by
	uu     int // bits of u in the product with the coefficient of u^2
}

// wire returns the polynomial of segment index at u = d / 2^dBits, plus bias units of
// the result's last place: 1/2 where it will be cut and shall be rounded. The
// coefficient of u^0 makes up for what all the other roundings do.
func (p *pieces) wire(index, d circuit.Wire, dBits int, s polySizes, bias float64) circuit.Wire {
	s.u, s.uu = min(s.u, dBits), min(s.uu, dBits)
	c2 := p.table(2, s.square)
	c1 := p.table(1, s.linear)
	c0 := make([]int64, len(p.coefs))
	lowest, highest := math.Inf(1), math.Inf(-1)
	for i := range c0 {
		least, most := math.Inf(1), math.Inf(-1)
		for j, want := range p.grid[i] {
			u := (float64(j) + 0.5) / gridPoints
			v := int64(0)
			if p.degree == 2 {
				v = cut(c2[i], u, s.uu, s.square-s.linear)
			}
			if p.degree >= 1 {
				v = cut(c1[i]+v, u, s.u, s.linear-s.out)
			}
			miss := math.Ldexp(want, s.out) - float64(v)
			least, most = min(least, miss), max(most, miss)
			lowest, highest = min(lowest, want), max(highest, want)
		}
		c0[i] = int64(math.Round((least+most)/2 + bias))
	}
	sum := index.Table(c0).Named("c0", "constant coefficient")
	if p.degree == 0 {
		return sum
	}
	slope := signedTable(index, c1, "c1", "linear coefficient")
	if p.degree == 2 {
		top := d.Shr(dBits-s.uu).Named("uu", "")
		slope.plus(signedTable(index, c2, "c2", "quadratic coefficient").times(top, s.uu+s.square-s.linear))
	}
	// The intervals of the two do not tell that great slopes are not with small sums.
	slack := math.Ldexp(highest-lowest, s.out-4) + 4
	return slope.times(d.Shr(dBits-s.u).Named("u", ""), s.u+s.linear-s.out).addTo(sum).
		Narrow(int64(math.Floor(math.Ldexp(lowest, s.out)-slack)), int64(math.Ceil(math.Ldexp(highest, s.out)+slack)))
}

// table returns the coefficients of u^k with so many fraction bits.
func (p *pieces) table(k, fraction int) []int64 {
	if k > p.degree {
		return nil
	}
	t := make([]int64, len(p.coefs))
	for i, c := range p.coefs {
		t[i] = int64(math.Round(math.Ldexp(c[k], fraction)))
	}
	return t
}

// cut is what the circuit makes of c u, with so many bits of u and drop bits of the
// coefficient dropped.
func cut(c int64, u float64, uBits, drop int) int64 {
	t := int64(math.Ldexp(u, uBits))
	drop += uBits
	if drop <= 0 {
		return c * t << -drop
	}
	// Rows are cut one by one, and those of a magnitude.
	sum, magnitude := int64(0), max(c, -c)
	for i := range uBits {
		if t>>i&1 != 0 {
			sum += int64(math.Floor(math.Ldexp(float64(magnitude), i-drop)))
		}
	}
	if c < 0 {
		return -sum
	}
	return sum
}

// A term is a number whose sign is the same everywhere, so that its magnitude can be
// multiplied without one, or a signed one.
type term struct {
	circuit.Wire
	negative bool
}

// signedTable returns a table whose values all have one sign as their magnitudes.
func signedTable(index circuit.Wire, values []int64, name, comment string) term {
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	if most > 0 || least == 0 {
		return term{index.Table(values).Named(name, comment), false}
	}
	positive := make([]int64, len(values))
	for i, v := range values {
		positive[i] = -v
	}
	return term{index.Table(positive).Named(name, comment+", negated"), true}
}

// times returns the product with u, which is not negative, without its last bits.
func (t term) times(u circuit.Wire, drop int) term {
	return term{mulTo(t.Wire, u, drop, 0), t.negative}
}

// plus adds another term in place.
func (t *term) plus(o term) {
	switch {
	case t.negative == o.negative:
		t.Wire = t.Add(o.Wire)
	default:
		t.Wire = t.Sub(o.Wire)
	}
}

// addTo returns w plus the term.
func (t term) addTo(w circuit.Wire) circuit.Wire {
	if t.negative {
		return w.Sub(t.Wire)
	}
	return w.Add(t.Wire)
}
