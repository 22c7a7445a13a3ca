package circuit

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// A Handshake is how a unit tells which of its clock cycles carry data.
type Handshake int

const (
	// NoHandshake: every cycle does.
	NoHandshake Handshake = iota
	// Valid: those with in_valid, and those with out_valid, which is in_valid
	// delayed as the data are.
	Valid
	// ValidReady: those with valid and ready at the same time. A unit that must wait
	// for out_ready stands still as a whole; one that need not takes an input in every
	// cycle.
	ValidReady
)

// A Module says what the Verilog module of a circuit looks like from outside.
type Module struct {
	Name    string
	Comment []string // lines above the module
	// Stages is the number of register ranks between x and y, which is the latency in
	// clock cycles. With 0 the module is combinational.
	Stages    int
	Handshake Handshake
	// InWidth and OutWidth are the widths of the ports x and y. With 0 they are those
	// of the circuit's input and output; they must not be less. Bits of x above the
	// input's are ignored, and y is extended by its sign if it has one.
	InWidth, OutWidth int
}

// clocked tells whether the module has the port clk, and resettable whether it has
// rst: what has no registers, or none that tells data from rest, does without.
func (m *Module) clocked() bool    { return m.Stages > 0 }
func (m *Module) resettable() bool { return m.Stages > 0 && m.Handshake != NoHandshake }

// widths fills in the widths that m leaves open, and reports those that are too
// small.
func (c *Circuit) widths(m *Module) error {
	for _, p := range []struct {
		port  string
		width *int
		least int
	}{{"x", &m.InWidth, c.nodes[0].width()}, {"y", &m.OutWidth, c.nodes[c.output].width()}} {
		if *p.width == 0 {
			*p.width = p.least
		}
		if *p.width < p.least || *p.width > 64 {
			return fmt.Errorf("circuit: port %s has %d bits, needs %d to 64", p.port, *p.width, p.least)
		}
	}
	return nil
}

// A printer writes a netlist as Verilog.
type printer struct {
	bytes.Buffer
	m      Module
	nl     *netlist
	plan   *plan
	taken  map[string]bool
	names  []string
	shown  map[[2]int]string // aliases by index and stage
	ranks  [][]span
	unread map[string]map[int]bool // bits that nothing has read so far
}

// Verilog writes the circuit as a synthesizable module in Verilog-2005.
//
// Its ports are x and y; clk if it has registers; and by the handshake in_valid,
// out_valid, in_ready, out_ready, with the synchronous reset rst, active high, which
// clears the valid bits and no data.
func (c *Circuit) Verilog(w io.Writer, m Module) error {
	if err := c.widths(&m); err != nil {
		return err
	}
	if !identifier(m.Name) {
		return fmt.Errorf("circuit: %q cannot be the name of a Verilog module", m.Name)
	}
	if m.Stages < 0 {
		return fmt.Errorf("circuit: %d pipeline stages", m.Stages)
	}
	nl := c.lower()
	nl.cells[0].width = m.InWidth
	p := &printer{m: m, nl: nl, plan: nl.schedule(m.Stages), shown: map[[2]int]string{}, unread: map[string]map[int]bool{}}
	p.ranks = p.plan.registers()
	p.chooseNames()
	p.declared("x", span{0, m.InWidth})
	for s := 1; s <= max(1, m.Stages); s++ {
		p.stage(s)
	}
	p.ending()
	_, err := io.WriteString(w, p.header(c)+p.String())
	return err
}

func (p *printer) line(format string, args ...any) {
	if format != "" {
		fmt.Fprintf(p, "    "+format, args...)
	}
	p.WriteByte('\n')
}

// header returns what comes before the stages.
func (p *printer) header(c *Circuit) string {
	h := &printer{m: p.m}
	for _, l := range p.m.Comment {
		fmt.Fprintln(h, strings.TrimRight("// "+l, " "))
	}
	h.WriteString("`default_nettype none\n")
	if p.leavesBits() {
		h.WriteString("// Not all bits of sums and products are needed.\n// verilator lint_off UNUSED\n")
	}
	ports := []string{}
	port := func(direction string, width int, signed bool, name string) {
		ports = append(ports, "    "+direction+" wire "+vector(signed, width-1, 0)+name)
	}
	if p.m.clocked() {
		port("input ", 1, false, "clk")
	}
	if p.m.resettable() {
		port("input ", 1, false, "rst")
	}
	if p.m.Handshake != NoHandshake {
		port("input ", 1, false, "in_valid")
	}
	if p.m.Handshake == ValidReady {
		port("output", 1, false, "in_ready")
	}
	port("input ", p.m.InWidth, p.nl.cells[0].signed, "x")
	if p.m.Handshake != NoHandshake {
		port("output", 1, false, "out_valid")
	}
	if p.m.Handshake == ValidReady {
		port("input ", 1, false, "out_ready")
	}
	port("output", p.m.OutWidth, c.nodes[c.output].signed(), "y")
	fmt.Fprintf(h, "module %s (\n%s\n);\n", p.m.Name, strings.Join(ports, ",\n"))
	h.flow()
	return h.String()
}

// vector returns the declaration of a range of bits, with a space after it if it is
// not empty.
func vector(signed bool, hi, lo int) string {
	s := ""
	if signed {
		s = "signed "
	}
	if hi == 0 && lo == 0 {
		return s
	}
	return fmt.Sprintf("%s[%d:%d] ", s, hi, lo)
}

// flow writes the valid bits and what follows from them.
func (p *printer) flow() {
	n := p.m.Stages
	if p.m.Handshake == NoHandshake {
		return
	}
	if n == 0 {
		p.line("assign out_valid = in_valid;")
		if p.m.Handshake == ValidReady {
			p.line("assign in_ready = out_ready;")
		}
		p.line("")
		return
	}
	p.line("// valid[i] tells that the registers of rank i + 1 hold data.")
	p.line("reg %svalid;", vector(false, n-1, 0))
	next := "in_valid"
	last := "valid"
	if n > 1 {
		next = fmt.Sprintf("{valid[%d:0], in_valid}", n-2)
		last = fmt.Sprintf("valid[%d]", n-1)
		if n == 2 {
			next = "{valid[0], in_valid}"
		}
	}
	condition := ""
	p.line("assign out_valid = %s;", last)
	if p.m.Handshake == ValidReady {
		p.line("// All registers advance together, unless an output waits.")
		p.line("wire advance = out_ready | ~%s;", last)
		p.line("assign in_ready = advance;")
		condition = "if (advance) "
	}
	p.line("always @(posedge clk)")
	p.line("    if (rst) valid <= %d'd0;", n)
	p.line("    else %svalid <= %s;", condition, next)
	p.line("")
}

// stage writes the logic of a stage and the registers that end it.
func (p *printer) stage(s int) {
	if p.m.Stages > 1 {
		p.line("// Stage %d", s)
	}
	for i := range p.nl.cells {
		if i == 0 || p.plan.stage[i] != s {
			continue
		}
		for _, a := range p.nl.cells[i].args {
			p.declareAlias(a, s)
		}
		p.cell(i, s)
	}
	if s <= p.m.Stages {
		p.rank(s)
	}
}

// rank writes the registers at the end of stage s.
func (p *printer) rank(s int) {
	var loads []string
	for i, kept := range p.ranks[s-1] {
		if kept.bits() == 0 {
			continue
		}
		c := &p.nl.cells[i]
		whole := kept.lo == 0 && kept.hi == c.width
		p.line("reg %s%s;", vector(c.signed && whole, kept.hi-1, kept.lo), p.name(i, s+1))
		p.declared(p.name(i, s+1), kept)
		from := ref{cell: i, from: kept.lo, n: kept.bits(), signed: c.signed && whole}
		loads = append(loads, fmt.Sprintf("%s <= %s;", p.name(i, s+1), p.slice(from, s)))
	}
	if len(loads) == 0 {
		return
	}
	condition := ""
	if p.m.Handshake == ValidReady {
		condition = "if (advance) "
	}
	p.line("always @(posedge clk) %sbegin", condition)
	for _, l := range loads {
		p.line("    %s", l)
	}
	p.line("end")
	p.line("")
}

func (p *printer) ending() {
	s := max(1, p.m.Stages)
	if p.m.Stages > 0 {
		s++
	} else {
		p.declareAlias(p.nl.output, 1)
	}
	p.line("assign y = %s;", p.extended(p.nl.output, p.m.OutWidth, s))
	p.WriteString("endmodule\n")
	if p.leavesBits() {
		p.WriteString("// verilator lint_on UNUSED\n")
	}
	p.WriteString("`default_nettype wire\n")
}

// declared notes that there is a wire or register, and reads that bits of it are read.
func (p *printer) declared(name string, s span) {
	p.unread[name] = map[int]bool{}
	for i := s.lo; i < s.hi; i++ {
		p.unread[name][i] = true
	}
}

func (p *printer) reads(name string, s span) {
	for i := s.lo; i < s.hi; i++ {
		delete(p.unread[name], i)
	}
}

// leavesBits tells whether some wire has bits that nothing reads.
func (p *printer) leavesBits() bool {
	for _, bits := range p.unread {
		if len(bits) > 0 {
			return true
		}
	}
	return false
}
