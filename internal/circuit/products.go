package circuit

import (
	"fmt"
	"strings"
)

type assigner func(format string, args ...any)

// product writes a multiplication: by a constant as a sum of shifted operands, of a
// wire with itself as a sum of its partial products, of which each is then needed
// once, else as such.
func (p *printer) product(c *cell, stage int, assign assigner) {
	a, b := c.args[0], c.args[1]
	switch {
	case b.cell < 0:
		assign("%s", p.scaled(a, b.value, c.width, stage))
	case a == b:
		assign("%s", sumOf(p.squareRows(a, 0, c.width, stage)))
	default:
		signed := a.negative() || b.negative()
		assign("%s * %s", p.natural(a, signed, stage), p.natural(b, signed, stage))
	}
}

// scaled returns k a as a sum and difference of shifted a.
func (p *printer) scaled(a ref, k int64, width, stage int) string {
	var plus, minus []string
	for i, d := range digits(k) {
		switch term := p.extended(a.shl(i), width, stage); d {
		case 1:
			plus = append(plus, "+ "+term)
		case -1:
			minus = append(minus, "- "+term)
		}
	}
	return sumOf(append(plus, minus...))
}

// square writes the square without its lowest columns.
func (p *printer) square(c *cell, stage int, assign assigner) {
	rows := p.squareRows(c.args[0], int(c.k), c.width, stage)
	if len(rows) == 0 {
		rows = []string{number(0, c.width)}
	}
	assign("%s", sumOf(rows))
}

// squareRows returns what adds up to a^2 without the columns below 2^drop, which must
// be 0 for a signed a. Bit i of a, where it is set, contributes
// 2^(2 i) + 2^(i + 1) times the number above the bit. The sign bit, at n, contributes
// 2^(2 n) - 2^(n + 1) times the number below it, whose negative is written as the
// complement + 1.
func (p *printer) squareRows(a ref, drop, width, stage int) []string {
	n := a.n
	if a.signed {
		n--
	}
	var rows []string
	below := a
	below.n, below.signed = n, false
	for i := 0; i < n; i++ {
		row := concatenation{}
		above := below.shr(max(i+1, drop-i-1))
		if above.cell >= 0 && above.n > 0 {
			row.add(p.slice(above, stage), above.n)
		}
		switch {
		case 2*i < drop && row.width == 0:
			continue
		case 2*i < drop:
			row.zeros(2*i + 2 - drop)
		case row.width > 0:
			row.add("2'b01", 2)
			row.zeros(2*i - drop)
		default:
			row.add("1'b1", 1)
			row.zeros(2*i - drop)
		}
		rows = append(rows, p.masked(a.bit(i), &row, width, stage))
	}
	if !a.signed {
		return rows
	}
	sign := p.slice(a.bit(n), stage)
	if n > 0 {
		row := concatenation{}
		row.add("~"+p.slice(below, stage), n)
		row.zeros(n + 1)
		rows = append(rows, p.masked(a.bit(n), &row, width, stage))
	}
	row := concatenation{}
	switch { // sign 2^(2 n) + sign 2^(n + 1)
	case n == 0:
		row.add(sign, 1)
	case n > 1:
		row.add(sign, 1)
		row.zeros(n - 2)
		row.add(sign, 1)
		row.zeros(n + 1)
	default:
		return rows
	}
	return append(rows, "+ "+row.padded(width))
}

// squareWidth returns the number of bits of the sum of squareRows.
func squareWidth(a ref) int {
	if a.signed {
		return 2*a.n - 1
	}
	return 2 * a.n
}

// rows writes the sum of the rows of a product of which the lowest columns are
// missing.
func (p *printer) rows(c *cell, stage int, assign assigner) {
	a, b := c.args[0], c.args[1]
	var rows []string
	for i := 0; i < b.width(); i++ {
		bit, r := b.bit(i), a.shift(i-int(c.k))
		if r.constant(0) || bit.constant(0) {
			continue
		}
		row := concatenation{}
		if r.cell < 0 {
			row.add(number(r.value, r.width()), r.width())
		} else {
			row.add(p.slice(r, stage), r.n)
			row.zeros(r.zeros)
		}
		rows = append(rows, p.masked(bit, &row, c.width, stage))
	}
	if len(rows) == 0 {
		rows = []string{number(0, c.width)}
	}
	assign("%s", sumOf(rows))
}

// sumOf returns the sum of terms that begin with a sign, one a line if there are many.
func sumOf(terms []string) string {
	terms[0] = strings.TrimPrefix(terms[0], "+ ")
	if len(terms) > 3 {
		return "\n        " + strings.Join(terms, "\n        ")
	}
	return strings.Join(terms, " ")
}

// masked returns a row of the given width where the bit is set, else 0.
func (p *printer) masked(bit ref, row *concatenation, width, stage int) string {
	if bit.cell < 0 {
		return "+ " + row.padded(width)
	}
	return fmt.Sprintf("+ ({%d{%s}} & %s)", width, p.slice(bit, stage), row.padded(width))
}

// A concatenation is a list of expressions, highest first.
type concatenation struct {
	parts []string
	width int
}

func (c *concatenation) add(s string, width int) {
	c.parts = append(c.parts, s)
	c.width += width
}

func (c *concatenation) zeros(n int) {
	if n > 0 {
		c.add(fmt.Sprintf("%d'd0", n), n)
	}
}

// padded returns the concatenation with zeros in front.
func (c *concatenation) padded(width int) string {
	parts := c.parts
	if n := width - c.width; n > 0 {
		parts = append([]string{fmt.Sprintf("%d'd0", n)}, parts...)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
