package circuit

import (
	"fmt"
	"strings"
)

// slice returns the bits that r reads, without the zeros below and what is above.
func (p *printer) slice(r ref, stage int) string {
	if r.alias > 0 {
		if name, ok := p.shown[[2]int{r.alias, stage}]; ok && p.aliasOf(r, stage) != nil {
			of := p.nl.aliases[r.alias-1].ref
			return p.bits(name, span{0, of.width()}, span{r.from - of.from, r.from - of.from + r.n})
		}
	}
	return p.bits(p.name(r.cell, stage), p.kept(r.cell, stage), span{r.from, r.from + r.n})
}

// kept returns the bits of a cell that are known in a stage.
func (p *printer) kept(cell, stage int) span {
	if stage == p.plan.stage[cell] {
		return span{0, p.nl.cells[cell].width}
	}
	return p.ranks[stage-2][cell]
}

// bits returns the bits want of the variable name that has the bits have.
func (p *printer) bits(name string, have, want span) string {
	p.reads(name, want)
	switch {
	case have == want:
		return name
	case want.bits() == 1:
		return fmt.Sprintf("%s[%d]", name, want.lo)
	}
	return fmt.Sprintf("%s[%d:%d]", name, want.hi-1, want.lo)
}

// number returns v as a constant of the given width.
func number(v int64, width int) string {
	if v < 0 {
		if width <= 64 {
			u := uint64(v)
			if width < 64 {
				u &= 1<<width - 1
			}
			return fmt.Sprintf("%d'h%x", width, u)
		}
		return fmt.Sprintf("{{%d{1'b1}}, 64'h%x}", width-64, uint64(v))
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return fmt.Sprintf("%d'd%d", width, v)
}

// extended returns r as an expression of exactly the given width, by its sign or
// zeros, or without its highest bits.
func (p *printer) extended(r ref, width, stage int) string {
	if r.cell < 0 {
		return number(r.value, width)
	}
	if width < r.width() {
		if width <= r.zeros {
			return number(0, width)
		}
		r.n = width - r.zeros
	}
	if a := p.aliasOf(r, stage); a != nil && a.is(r) && r.zeros > 0 {
		if name, ok := p.shown[[2]int{r.alias, stage}]; ok {
			p.reads(name, span{0, r.width()})
			return pad(name, fmt.Sprintf("%s[%d]", name, r.width()-1), r.signed, width-r.width())
		}
	}
	s := p.slice(r, stage)
	if r.zeros > 0 {
		s += fmt.Sprintf(", %d'd0", r.zeros)
	}
	top := r
	top.from, top.n = r.from+r.n-1, 1
	return pad(s, p.slice(top, stage), r.signed, width-r.width())
}

// pad returns the expression s, or the elements of a concatenation, with n more bits
// in front: its sign or zeros.
func pad(s, top string, signed bool, n int) string {
	switch {
	case n == 0 && !strings.Contains(s, ","):
		return s
	case n == 0:
	case !signed:
		s = fmt.Sprintf("%d'd0, %s", n, s)
	case n == 1:
		s = top + ", " + s
	default:
		s = fmt.Sprintf("{%d{%s}}, %s", n, top, s)
	}
	return "{" + s + "}"
}

// natural returns r as an operand of an expression that may be signed: a ref that is
// not negative then gets a zero in front.
func (p *printer) natural(r ref, signed bool, stage int) string {
	w := r.width()
	if !signed {
		return p.extended(r, w, stage)
	}
	if !r.negative() {
		w++
	}
	return p.asSigned(r, w, stage)
}

// asSigned returns r as a signed expression of the given width.
func (p *printer) asSigned(r ref, width, stage int) string {
	if r.cell >= 0 && r.width() == width && r.zeros == 0 && p.aliasOf(r, stage) == nil {
		// The variable may be signed already.
		c := &p.nl.cells[r.cell]
		if whole := (span{0, c.width}); c.signed && r.n == c.width && p.kept(r.cell, stage) == whole {
			return p.slice(r, stage)
		}
	}
	return "$signed(" + p.extended(r, width, stage) + ")"
}

// aliasOf returns the alias under which r is written in a stage, or nil. In a later
// stage than its cell's, bits of an alias do without, since the registers keep no bits
// only for a name.
func (p *printer) aliasOf(r ref, stage int) *alias {
	a := p.nl.aliasOf(r)
	if a != nil && stage > p.plan.stage[r.cell] && !a.is(r) {
		return nil
	}
	return a
}

// declareAlias writes the wire for the name of r in a stage, once.
func (p *printer) declareAlias(r ref, stage int) {
	a := p.aliasOf(r, stage)
	key := [2]int{r.alias, stage}
	if a == nil || p.shown[key] != "" {
		return
	}
	base, name := a.ref, a.name
	if stage > p.plan.stage[base.cell] {
		base.alias = 0
		name = p.later(name, stage)
	}
	p.declareAlias(base, stage)
	p.line("wire %s%s = %s;%s", vector(base.signed, base.width()-1, 0), name, p.extended(base, base.width(), stage), note(a.comment))
	p.shown[key] = name
	p.declared(name, span{0, base.width()})
}

func note(comment string) string {
	if comment == "" {
		return ""
	}
	return " // " + comment
}

// cell writes what computes cell i.
func (p *printer) cell(i, stage int) {
	c := &p.nl.cells[i]
	name := p.names[i]
	p.declared(name, span{0, c.width})
	declaration := fmt.Sprintf("wire %s%s", vector(c.signed, c.width-1, 0), name)
	assign := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		if strings.HasPrefix(s, "\n") {
			p.line("%s =%s%s;", declaration, note(c.comment), s)
			return
		}
		p.line("%s = %s;%s", declaration, s, note(c.comment))
	}
	// ext returns operand j at the cell's width.
	ext := func(j int) string { return p.extended(c.args[j], c.width, stage) }
	switch c.op {
	case opAdd, opSub:
		a, b := 0, 1
		if c.op == opAdd && c.args[0].cell < 0 {
			a, b = 1, 0
		}
		sign, r := "+", c.args[b]
		if c.op == opSub {
			sign = "-"
		}
		if c.op == opAdd && r.cell < 0 && r.value < 0 {
			sign, r = "-", constRef(-r.value)
		}
		assign("%s %s %s", ext(a), sign, p.extended(r, c.width, stage))
	case opMul:
		p.product(c, stage, assign)
	case opRows:
		p.rows(c, stage, assign)
	case opSquare:
		p.square(c, stage, assign)
	case opShlBy:
		assign("%s << %s", ext(0), p.natural(c.args[1], false, stage))
	case opShrBy:
		if c.signed {
			assign("%s >>> %s", p.asSigned(c.args[0], c.width, stage), p.natural(c.args[1], false, stage))
		} else {
			assign("%s >> %s", ext(0), p.natural(c.args[1], false, stage))
		}
	case opLog2:
		p.log2(c, declaration, stage)
	case opSelect:
		assign("%s ? %s : %s", p.extended(c.args[0], 1, stage), ext(1), ext(2))
	case opLess, opEqual:
		sign := map[op]string{opLess: "<", opEqual: "=="}[c.op]
		if c.not {
			sign = map[op]string{opLess: ">=", opEqual: "!="}[c.op]
		}
		a, b := p.pair(c.args[0], c.args[1], stage)
		assign("%s %s %s", a, sign, b)
	case opAnd:
		assign("%s & %s", ext(0), ext(1))
	case opOr:
		assign("%s | %s", ext(0), ext(1))
	case opXor:
		assign("%s ^ %s", ext(0), ext(1))
	case opNot, opInvert:
		assign("~%s", ext(0))
	case opMin, opMax:
		sign := "<"
		if c.op == opMax {
			sign = ">"
		}
		a, k := p.pair(c.args[0], constRef(c.k), stage)
		assign("(%s %s %s) ? %s : %s", a, sign, k, ext(0), number(c.k, c.width))
	case opTable:
		p.table(c, name, declaration, stage)
	case opWiden:
		assign("%s", ext(0))
	default:
		panic(fmt.Sprintf("circuit: no Verilog for operation %d", c.op))
	}
}

// pair returns two operands of a comparison, equally wide and signed alike.
func (p *printer) pair(a, b ref, stage int) (string, string) {
	w := max(a.widthAs(b), b.widthAs(a))
	if !a.negative() && !b.negative() {
		return p.extended(a, w, stage), p.extended(b, w, stage)
	}
	return p.asSigned(a, w, stage), p.asSigned(b, w, stage)
}
