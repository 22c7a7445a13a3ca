package hdl

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A power is m^(-1/2) or m^(-3/2) of a number in [1, 4), by a table of polynomials in
// m and Newton's steps: what all units of the inverse square root's family share.
//
// The number is 2^odd (1 + fraction): its binade's parity and what follows the leading
// one.
type power struct {
	cube   bool
	degree int // of the polynomials
	index  int // bits of the fraction that choose the polynomial
	steps  int // of Newton
	pieces *pieces
	center float64 // what makes the last step's one-sided error two-sided
}

func newPower(degree, index, steps int, cube bool, factor float64) *power {
	p := &power{cube: cube, degree: degree, index: index, steps: steps}
	exponent := -0.5
	if cube && steps == 0 {
		exponent = -1.5
	}
	var segments []func(float64) float64
	for odd := range 2 {
		for i := range 1 << index {
			segments = append(segments, func(u float64) float64 {
				m := 1 + (float64(i)+u)/float64(int(1)<<index)
				return factor * math.Pow(m*float64(1+odd), exponent)
			})
		}
	}
	p.pieces = newPieces(degree, segments)
	e := seedError(degree, index)
	for range steps {
		p.center = 0.75 * e * e
		e = p.center
	}
	return p
}

// seedError returns about the relative error of a polynomial of the degree on 2^index
// segments of each binade.
func seedError(degree, index int) float64 {
	h := math.Ldexp(1, -index)
	switch degree {
	case 0:
		return h / 4
	case 1:
		return h * h * 3 / 64
	case 2:
		return h * h * h * 15 / 8 / 192
	}
	return h * h * h * h * 105 / 16 / 3072
}

// errorAfter returns about the relative error after the steps.
func errorAfter(degree, index, steps int) float64 {
	e := seedError(degree, index)
	for range steps {
		e = 0.75 * e * e
	}
	return e
}

func (p *power) name() string {
	s := fmt.Sprintf("%s of %s per binade", [...]string{"constants", "lines", "parabolas", "cubics"}[p.degree],
		plural(1<<p.index, "segment"))
	if p.steps > 0 {
		s += ", " + plural(p.steps, "Newton step")
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// knobs are the sizes of the circuit for results of about so many bits.
func (p *power) knobs(width int) []knob {
	seed := width
	if p.steps > 0 {
		// A step squares the error, so half of the bits will do for what goes in.
		seed = max(4, (width+1)>>p.steps+4)
	}
	list := []knob{{"seed", max(2, seed-8), seed + 6}}
	if p.degree >= 1 {
		list = append(list, knob{"slope", max(1, seed-12), seed + 5}, knob{"u", 1, max(2, seed-p.index+3)})
	}
	if p.degree >= 2 {
		list = append(list, knob{"curvature", max(1, seed-10), seed + 4}, knob{"uu", 1, max(2, seed-2*p.index+3)})
	}
	for i := range p.steps {
		// The last step has the full width.
		w := (width + 1) >> (p.steps - 1 - i)
		list = append(list, knob{fmt.Sprintf("square%d", i+1), max(2, w-6), w + 8},
			knob{fmt.Sprintf("miss%d", i+1), max(2, w-8), w + 8},
			knob{fmt.Sprintf("root%d", i+1), max(2, w-6), w + 4})
	}
	if p.cube && p.steps > 0 {
		list = append(list, knob{"squared", max(2, width-4), width + 9}, knob{"cubed", max(2, width-4), width + 9})
	}
	return list
}

// wire returns the power of the number 2^odd (1 + fraction/2^bits) and the number of its
// fraction bits. It takes its sizes from the front of the list.
func (p *power) wire(odd, fraction circuit.Wire, bits int, sizes *sizeList) (r circuit.Wire, place int) {
	s := polySizes{out: sizes.next()}
	if p.degree >= 1 {
		s.linear, s.u = sizes.next(), sizes.next()
	}
	if p.degree >= 2 {
		s.square, s.uu = sizes.next(), sizes.next()
	}
	index := p.index
	restBits := max(0, bits-index)
	top, rest := fraction.Shr(restBits), fraction.Low(restBits)
	if bits < index { // the table has a finer grid than the number
		top, rest = fraction.Shl(index-bits), fraction.Const(0)
	}
	at := odd.Shl(index).Or(top).Named("segment", "of the table: parity of the binade, first bits")
	r, place = p.pieces.wire(at, rest, restBits, s, 0).Max(0).Named("seed", "first value of the inverse root"), s.out
	if p.steps == 0 {
		return r, place
	}
	one := int64(1) << bits
	m := fraction.Or(fraction.Const(one)).Narrow(one, 2*one-1)
	m = m.ShlBy(odd).Named("number", "in [1, 4)")
	e := seedError(p.degree, p.index)
	for i := range p.steps {
		square, miss := sizes.next(), sizes.next()
		sq := squareTo(r, 2*place, square).Named("squared", "square of the inverse root")
		// 1 - m r^2 is small: only its last places are made.
		product := mulTo(m, sq, bits+square, miss)
		center := int64(0)
		if i == p.steps-1 {
			center = int64(math.Round(math.Ldexp(2*p.center, miss)))
		}
		// The seed's places add to its error.
		limit := int64(math.Ceil(math.Ldexp(4*e+math.Ldexp(4, -place), miss))) + 8
		w := product.Const(1<<miss+center).Sub(product).Narrow(-limit, limit).Named("miss", "1 - number inverse root^2")
		e = 0.75 * e * e * 2
		to := sizes.next()
		correction := mulTo(r, w, place+miss+1, to)
		r = shiftTo(r, place, to).Add(correction).Narrow(0, 5<<to>>2).Named("root", "inverse root after a step")
		place = to
	}
	if p.cube {
		squared, cubed := sizes.next(), sizes.next()
		sq := squareTo(r, 2*place, squared)
		r = mulTo(sq, r, squared+place, cubed).Named("cubed", "inverse root^3")
		place = cubed
	}
	return r, place
}

// timesRoot returns a times the inverse root with to fraction bits, of the product's
// from.
func timesRoot(a, r circuit.Wire, from, to int) circuit.Wire {
	v := mulTo(a, r, from, to)
	if drop := from - to; drop > 0 {
		v = v.AddConst(rowsLoss(r.Width(), drop))
	}
	return v.Named("product", "input times inverse root")
}

func upper(w circuit.Wire) int64 {
	_, hi := w.Interval()
	return hi
}

// mulTo returns a b with so many fraction bits, of the product's from.
func mulTo(a, b circuit.Wire, from, to int) circuit.Wire {
	if to >= from {
		return a.Mul(b).Shl(to - from)
	}
	alo, _ := a.Interval()
	blo, _ := b.Interval()
	if alo < 0 || blo < 0 {
		return a.MulDrop(b, from-to)
	}
	return a.MulRows(b, from-to)
}

// rowsLoss returns what MulRows loses on average, in units of its last place, for a
// factor b of so many bits, each of which is as often 0 as 1.
func rowsLoss(bBits, drop int) int64 {
	loss := 0.0
	for i := range min(bBits, drop) {
		loss += (1 - math.Ldexp(1, i-drop)) / 4
	}
	return int64(math.Round(loss))
}

// squareTo returns a^2 with so many fraction bits, of the square's from.
func squareTo(a circuit.Wire, from, to int) circuit.Wire {
	if to >= from {
		return a.SquareRows(0).Shl(to - from)
	}
	return a.SquareRows(from - to)
}

// shiftTo returns w with to fraction bits in the place of from.
func shiftTo(w circuit.Wire, from, to int) circuit.Wire {
	if to >= from {
		return w.Shl(to - from)
	}
	return w.Shr(from - to)
}

// A sizeList hands out the sizes of the knobs in their order.
type sizeList struct{ left []int }

func (s *sizeList) next() int {
	v := s.left[0]
	s.left = s.left[1:]
	return v
}

// powers returns the tables and steps that reach a relative error, each with the
// smallest table and the next ones.
func powers(relative float64, cube bool, factor float64) []*power {
	var list []*power
	if cube {
		relative /= 3
	}
	for steps := range 3 {
		for degree := range 3 {
			first := 0
			for errorAfter(degree, first, steps) > relative {
				first++
			}
			if steps > 0 && errorAfter(degree, 3, steps-1) < relative {
				continue // a step too many: 8 segments would do without it
			}
			for index := max(0, first-1); index <= first+1; index++ {
				if index > 8 {
					continue
				}
				list = append(list, newPower(degree, index, steps, cube, factor))
			}
		}
	}
	return list
}
