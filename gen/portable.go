package main

import (
	"fmt"
	"math"
	"strings"
)

// portable writes one kernel as a Go loop. Conversions around every product
// keep the compiler from fusing it with an addition, so that the result has
// the same bits on every processor.
type portable struct {
	is64  bool
	pkg   string // "kernel." outside of that package
	out   *strings.Builder
	names map[*node]string
}

func (e *portable) emit(format string, args ...any) {
	fmt.Fprintf(e.out, "\t\t"+format+"\n", args...)
}

func (e *portable) elem() string {
	if e.is64 {
		return "float64"
	}
	return "float32"
}

func (e *portable) kernel(sym string, k *kernel, prog []*node) {
	elem := e.elem()
	inputs := []string{"src"}
	if k.inputs == 2 {
		inputs = []string{"a", "b"}
	}
	fmt.Fprintf(e.out, "\nfunc %s(dst, %s *%s, n int, p *%s) {\n", sym, strings.Join(inputs, ", "), elem, elem)
	e.nameValues(prog)
	fmt.Fprintf(e.out, "\tout := unsafe.Slice(dst, n)\n")
	for i, in := range inputs {
		fmt.Fprintf(e.out, "\tin%d := unsafe.Slice(%s, n)\n", i, in)
	}
	for _, n := range prog {
		if n.op == opParam {
			fmt.Fprintf(e.out, "\tparam := (*[NumParams]%s)(unsafe.Pointer(p))\n", elem)
			break
		}
	}
	fmt.Fprintf(e.out, "\tfor i := range out {\n")
	for _, n := range prog {
		e.instr(n)
	}
	fmt.Fprintf(e.out, "\t\tout[i] = %s\n\t}\n}\n", e.val(prog[len(prog)-1]))
}

// val returns the Go expression for a value.
func (e *portable) val(n *node) string {
	switch n.op {
	case opConst:
		return e.literal(n)
	case opParam:
		return fmt.Sprintf("param[%d]", n.n)
	case opRow:
		return fmt.Sprintf("row%d", n.n)
	}
	return e.name(n)
}

// nameValues gives every value a name of its own: the description's, with a
// number where several values have the same, or x, y for inputs.
func (e *portable) nameValues(prog []*node) {
	e.names = map[*node]string{}
	taken := map[string]int{}
	for _, n := range prog {
		name := n.name
		switch {
		case name != "":
		case n.op == opInput:
			name = "x"
		default:
			name = "t"
		}
		taken[name]++
		if taken[name] > 1 {
			name = fmt.Sprintf("%s%d", name, taken[name])
		}
		e.names[n] = name
	}
}

func (e *portable) name(n *node) string { return e.names[n] }

// literal writes a constant as a number where it is one, else by its bits.
func (e *portable) literal(n *node) string {
	f := math.Float64frombits(n.bits)
	if !e.is64 {
		f = float64(math.Float32frombits(uint32(n.bits)))
	}
	neg0 := f == 0 && math.Signbit(f)
	if math.IsNaN(f) || math.IsInf(f, 0) || neg0 {
		return fmt.Sprintf("%s(%#x)", e.fromBits(), n.bits)
	}
	if e.is64 {
		return fmt.Sprintf("%v", f)
	}
	return fmt.Sprintf("%v", float32(f))
}

func (e *portable) toBits() string {
	if e.is64 {
		return "math.Float64bits"
	}
	return "math.Float32bits"
}

func (e *portable) fromBits() string {
	if e.is64 {
		return "math.Float64frombits"
	}
	return "math.Float32frombits"
}

// bits returns the expression for a value's bits.
func (e *portable) bits(n *node) string {
	if n.op == opConst {
		return fmt.Sprintf("%#x", n.bits)
	}
	return fmt.Sprintf("%s(%s)", e.toBits(), e.val(n))
}

var goOperator = map[opcode]string{
	opAdd: "+", opSub: "-", opMul: "*", opDiv: "/",
	opAnd: "&", opOr: "|", opXor: "^", opAndNot: "&^", opIAdd: "+", opISub: "-",
}

func (e *portable) instr(n *node) {
	v := e.name(n)
	arg := func(i int) string { return e.val(n.args[i]) }
	switch n.op {
	case opConst, opParam, opRow:
	case opInput:
		e.emit("%s := in%d[i]", v, n.n)
	case opAdd, opSub, opMul, opDiv:
		e.emit("%s := %s(%s %s %s)", v, e.elem(), arg(0), goOperator[n.op], arg(1))
	case opSqrt:
		if e.is64 {
			e.emit("%s := math.Sqrt(%s)", v, arg(0))
		} else {
			e.emit("%s := float32(math.Sqrt(float64(%s)))", v, arg(0))
		}
	case opFMA:
		e.emit("%s := %s(%s, %s, %s)", v, e.fma(), arg(0), arg(1), arg(2))
	case opFNMA:
		e.emit("%s := %s(-%s, %s, %s)", v, e.fma(), arg(0), arg(1), arg(2))
	case opMin:
		e.emit("%s := %s", v, arg(1))
		e.emit("if %s < %s {\n\t\t\t%s = %s\n\t\t}", arg(0), v, v, arg(0))
	case opMax:
		e.emit("%s := %s", v, arg(1))
		e.emit("if %s > %s {\n\t\t\t%s = %s\n\t\t}", arg(0), v, v, arg(0))
	case opAnd, opOr, opXor, opAndNot, opIAdd, opISub:
		e.emit("%s := %s(%s %s %s)", v, e.fromBits(), e.bits(n.args[0]), goOperator[n.op], e.bits(n.args[1]))
	case opShl:
		e.emit("%s := %s(%s << %d)", v, e.fromBits(), e.bits(n.args[0]), n.n)
	case opShr:
		e.emit("%s := %s(%s >> %d)", v, e.fromBits(), e.bits(n.args[0]), n.n)
	case opCmp:
		switch pred(n.n) {
		case predUnord:
			if n.args[0] == n.args[1] {
				e.emit("%s := %s != %s", v, arg(0), arg(0))
			} else {
				e.emit("%s := %s != %s || %s != %s", v, arg(0), arg(0), arg(1), arg(1))
			}
		default:
			op := map[pred]string{predLT: "<", predLE: "<=", predGT: ">", predGE: ">=", predEQ: "=="}[pred(n.n)]
			e.emit("%s := %s %s %s", v, arg(0), op, arg(1))
		}
	case opSign:
		e.emit("%s := %s>>%d != 0", v, e.bits(n.args[0]), map[bool]int{false: 31, true: 63}[e.is64])
	case opSelect:
		e.emit("%s := %s", v, arg(1))
		e.emit("if %s {\n\t\t\t%s = %s\n\t\t}", e.name(n.mask), v, arg(0))
	default:
		panic(fmt.Sprintf("operation %d has no portable form", n.op))
	}
}

func (e *portable) fma() string {
	if e.is64 {
		return "math.FMA"
	}
	if e.pkg != "" {
		return e.pkg + "FMA32"
	}
	return "fma32"
}
