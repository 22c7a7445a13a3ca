package circuit

import (
	"fmt"
	"regexp"
	"strings"
)

var legal = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// keywords are those words of Verilog, up to SystemVerilog, that look like names of
// values or modules.
const keywords = ` always alias and assert assign assume automatic before begin bind bins binsof bit break buf
 bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
 constraint context continue cover covergroup coverpoint cross deassign default defparam design
 disable dist do edge else end endcase endconfig endfunction endgenerate endmodule endprimitive
 endspecify endtable endtask enum event expect export extends extern final first_match for force
 foreach forever fork forkjoin function generate genvar global highz0 highz1 if iff ifnone
 ignore_bins illegal_bins implements import incdir include initial inout input inside instance int
 integer interconnect interface intersect join large let liblist library local localparam logic
 longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor not
 noshowcancelled notif0 notif1 null or output package packed parameter pmos posedge primitive
 priority program property protected pull0 pull1 pulldown pullup pure rand randc randcase
 randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos
 rtran scalared sequence shortint shortreal showcancelled signed small soft solve specify specparam
 static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on
 table tagged task this throughout time timeprecision timeunit tran tri tri0 tri1 triand trior
 trireg type typedef union unique unique0 unsigned until untyped use uwire var vectored virtual
 void wait wand weak weak0 weak1 while wildcard wire with within wor xnor xor `

func identifier(s string) bool {
	return legal.MatchString(s) && !strings.Contains(strings.ReplaceAll(keywords, "\n", " "), " "+s+" ")
}

var kinds = map[op]string{
	opAdd: "sum", opSub: "difference", opMul: "product", opRows: "product", opSquare: "square", opShlBy: "shifted", opShrBy: "shifted",
	opLog2: "log2", opSelect: "selected", opLess: "less", opEqual: "equal", opAnd: "both", opOr: "either",
	opXor: "differ", opNot: "inverse", opInvert: "inverse", opMin: "at_most", opMax: "at_least", opTable: "entry", opWiden: "wide",
}

// chooseNames names the cells and aliases.
func (p *printer) chooseNames() {
	p.taken = map[string]bool{p.m.Name: true}
	for _, n := range []string{"clk", "rst", "y", "in_valid", "in_ready", "out_valid", "out_ready", "valid", "advance"} {
		p.taken[n] = true
	}
	for _, d := range p.derived("x") {
		p.taken[d] = true
	}
	p.names = make([]string, len(p.nl.cells))
	p.names[0] = "x"
	for i := range p.nl.aliases {
		a := &p.nl.aliases[i]
		a.name = p.unique(a.name)
	}
	for i := range p.nl.cells {
		if c := &p.nl.cells[i]; i > 0 && c.name != "" {
			p.names[i] = p.unique(c.name)
		}
	}
	for i := range p.nl.cells {
		if p.names[i] == "" {
			p.names[i] = p.unique(fmt.Sprint(kinds[p.nl.cells[i].op], "_", i))
		}
	}
}

// unique returns name, or the name with a number if it is taken or no identifier.
func (p *printer) unique(name string) string {
	if !legal.MatchString(name) {
		name = "w" + regexp.MustCompile(`[^A-Za-z0-9_]`).ReplaceAllString(name, "_")
	}
	n := name
	for i := 2; !identifier(n) || p.anyTaken(n); i++ {
		n = fmt.Sprint(name, "_", i)
	}
	for _, d := range p.derived(n) {
		p.taken[d] = true
	}
	return n
}

// derived returns a name with those that are made of it: of the values in later
// stages, and of the function for a table.
func (p *printer) derived(name string) []string {
	all := []string{name, name + "_of"}
	for s := 2; s <= p.m.Stages+1; s++ {
		all = append(all, p.later(name, s))
	}
	return all
}

func (p *printer) anyTaken(name string) bool {
	for _, d := range p.derived(name) {
		if p.taken[d] {
			return true
		}
	}
	return false
}

// later returns the name that a value has in a later stage than its own.
func (p *printer) later(name string, stage int) string {
	if stage > p.m.Stages {
		return name + "_out"
	}
	return fmt.Sprint(name, "_s", stage)
}

// name returns the name of a cell's value as it stands in a stage.
func (p *printer) name(cell, stage int) string {
	if stage == p.plan.stage[cell] {
		return p.names[cell]
	}
	return p.later(p.names[cell], stage)
}
