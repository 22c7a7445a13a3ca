package main

import (
	"fmt"
	"strings"
)

// rowsPortable returns the kernels in Go, for both element types, and their tables.
func rowsPortable() []byte {
	var code strings.Builder
	for _, el := range elems {
		fmt.Fprintf(&code, "\nvar table%sPortable = table[%s]{\n", el.bits, el.name)
		for _, k := range rowList {
			fmt.Fprintf(&code, "%s: %s,\n", k.name, k.symbol("Portable", el.bits))
		}
		code.WriteString("}\n")
	}
	for _, k := range rowList {
		for _, el := range elems {
			e := &portable{is64: el.is64, pkg: "kernel.", out: &code}
			e.rowKernel(k, k.program(Portable, el.is64), el.bits)
		}
	}
	imports := ""
	if strings.Contains(code.String(), "math.") {
		imports += "\"math\"\n"
	}
	return gofmt(header + "\npackage rows\n\nimport (\n" + imports + "\n\"github.com/isrlu/isrlu/internal/kernel\"\n)\n" + code.String())
}

func (e *portable) rowKernel(k *rowKernel, p *rowProgram, bits string) {
	fmt.Fprintf(e.out, "\nfunc %s(p *args[%s]) {\n", k.symbol("Portable", bits), e.elem())
	e.nameValues(p.prog)
	for _, n := range p.prog {
		if n.op == opParam {
			e.emit("param := &p.params")
			break
		}
	}
	e.emit("for r := range p.rows {")
	first := p.streams[0]
	for _, s := range p.streams {
		e.emit("in%d := p.stream(%d, r)", s, s)
		if s != first {
			e.emit("in%d = in%d[:len(in%d)]", s, s, first)
		}
	}
	for _, n := range p.rows {
		e.emit("row%d := p.value(%d, r)", n.n, n.n)
	}
	for _, o := range p.reductions() {
		if o.kind == toMax {
			e.emit("sum%d := %s(math.Inf(-1))", o.index, e.elem())
		} else {
			e.emit("var sum%d %s", o.index, e.elem())
		}
	}
	e.emit("for i := range in%d {", first)
	for _, n := range p.prog {
		e.instr(n)
		for _, k := range p.outputs[n] {
			o := p.out[k]
			switch o.kind {
			case toStream:
				e.emit("in%d[i] = %s", o.index, e.val(n))
			case toSum:
				e.emit("sum%d += %s", o.index, e.val(n))
			case toMax:
				e.emit("if %s > sum%d { sum%d = %s }", e.val(n), o.index, o.index, e.val(n))
			}
		}
	}
	e.emit("}")
	for _, o := range p.reductions() {
		e.emit("p.result(%d, r, sum%d)", o.index, o.index)
	}
	if k.growing {
		e.emit("p.cols = min(p.cols+1, p.most)")
	}
	e.emit("}\n}")
}
