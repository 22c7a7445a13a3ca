package circuit

// table writes a look-up as a function. Operands beyond the end get the last value.
func (p *printer) table(c *cell, name, declaration string, stage int) {
	a := c.args[0]
	w := a.width()
	p.line("function %s%s_of;", vector(c.signed, c.width-1, 0), name)
	p.line("    input %si;", vector(false, w-1, 0))
	p.line("    case (i)")
	last := len(c.values) - 1
	if last >= 1<<w {
		last = 1<<w - 1
	}
	for last > 0 && c.values[last-1] == c.values[last] {
		last--
	}
	for i, v := range c.values[:last] {
		p.line("        %s: %s_of = %s;", number(int64(i), w), name, number(v, c.width))
	}
	p.line("        default: %s_of = %s;", name, number(c.values[last], c.width))
	p.line("    endcase")
	p.line("endfunction")
	p.line("%s = %s_of(%s);%s", declaration, name, p.extended(a, w, stage), note(c.comment))
}

// log2 writes a priority encoder: the number of the highest bit that is set.
func (p *printer) log2(c *cell, declaration string, stage int) {
	a := c.args[0]
	p.line("%s =%s", declaration, note(c.comment))
	for i := a.width() - 1; i > int(c.k) && i >= a.zeros; i-- {
		p.line("    %s ? %s :", p.slice(a.bit(i), stage), number(int64(i), c.width))
	}
	p.line("    %s;", number(c.k, c.width))
}
