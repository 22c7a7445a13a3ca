package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A pattern is an expression that a graph may compute. Written as text it is
//
//	Mul(x, 0.5, Add(Erf(Mul(x, 0.7071067811865476)), 1))
//
// x is the activation's input, the same value everywhere. A number is a constant
// of one element with about that value; other lower-case names take the constants
// that stand there; _ is an input that is left out. Attributes that count stand in
// brackets: HardSigmoid[beta=0.5](x).
//
// Operands that may be exchanged match in any order. Mul has any number of factors
// and matches their product however it is nested and wherever its constants stand:
// Div by a constant and Pow by 2 or 3 are products as well, and all constants
// together are the one of the pattern, 1 where there is none. Add of a constant
// matches Sub of its negative.
type pattern struct {
	op         string // empty for x, numbers, constants and _
	attributes []patternAttribute
	args       []*pattern
	name       string // of x, a constant, or _
	number     float64
}

type patternAttribute struct {
	name  string
	value float64
}

// attributeDefaults are those of ONNX for the attributes that patterns name.
var attributeDefaults = map[string]float64{"HardSigmoid.alpha": 0.2, "HardSigmoid.beta": 0.5}

func (p *pattern) isConstant() bool { return p.op == "" && p.name != "x" && p.name != "_" }

// parsePattern panics for a text that is none: patterns are written in this
// package.
func parsePattern(text string) *pattern {
	p, rest := cutPattern(text)
	if rest != "" {
		panic(fmt.Sprintf("onnx: %q follows the pattern in %q", rest, text))
	}
	return p
}

func cutPattern(text string) (*pattern, string) {
	text = strings.TrimLeft(text, " ")
	end := strings.IndexAny(text, "[(,)")
	if end < 0 {
		end = len(text)
	}
	word, rest := strings.TrimSpace(text[:end]), text[end:]
	p := &pattern{name: word}
	if v, err := strconv.ParseFloat(word, 64); err == nil {
		return &pattern{number: v}, rest
	}
	if strings.HasPrefix(rest, "[") {
		list, after, _ := strings.Cut(rest[1:], "]")
		rest = after
		for _, item := range strings.Split(list, ",") {
			name, value, _ := strings.Cut(item, "=")
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				panic(fmt.Sprintf("onnx: attribute %q in a pattern: %v", item, err))
			}
			p.attributes = append(p.attributes, patternAttribute{strings.TrimSpace(name), v})
		}
	}
	if !strings.HasPrefix(rest, "(") {
		if word == "" {
			panic("onnx: an empty part in a pattern")
		}
		return p, rest
	}
	p.op, p.name = word, ""
	for rest[0] != ')' {
		var arg *pattern
		arg, rest = cutPattern(rest[1:])
		if rest == "" {
			panic(fmt.Sprintf("onnx: no end in the pattern %q", text))
		}
		p.args = append(p.args, arg)
	}
	return p, rest[1:]
}

// A match is what a pattern has found so far.
type match struct {
	x         string
	constants []found
	nodes     []*onnxpb.NodeProto
}

// A found constant: one element, or one to a channel.
type found struct {
	name   string
	values []float64
	tensor *onnxpb.TensorProto // as it stands in the model, nil for a product
}

func (f found) scalar() (float64, bool) {
	if len(f.values) == 1 {
		return f.values[0], true
	}
	return 0, false
}

func (m match) constant(name string) found {
	for _, c := range m.constants {
		if c.name == name {
			return c
		}
	}
	return found{}
}

// with returns the match with a constant more; where it has one of that name they
// must agree.
func (m match) with(c found) (match, bool) {
	for _, d := range m.constants {
		if d.name == c.name {
			return m, slices.Equal(c.values, d.values)
		}
	}
	m.constants = append(slices.Clip(m.constants), c)
	return m, true
}

func (m match) withNode(n *onnxpb.NodeProto) match {
	if !slices.Contains(m.nodes, n) {
		m.nodes = append(slices.Clip(m.nodes), n)
	}
	return m
}

// A matcher looks for patterns in a graph.
type matcher struct {
	model    *Model
	graph    *graph
	products map[string]parts // of the values looked at
}

// parts are what a value is the product of.
type parts struct {
	ok       bool
	constant found
	factors  []string
	nodes    []*onnxpb.NodeProto
}

func newMatcher(m *Model, g *graph) matcher { return matcher{m, g, map[string]parts{}} }

// maxChannels is how many elements a constant of an activation may have.
const maxChannels = 1 << 16

// number returns the elements of a value that is a constant of floating-point
// numbers, or a whole number.
func (s matcher) number(value string) (found, bool) {
	t := s.graph.constant(value)
	if t == nil {
		return found{}, false
	}
	n, err := elements(t.Dims)
	if err != nil || n == 0 || n > maxChannels {
		return found{}, false
	}
	f := found{tensor: t}
	if x, err := s.model.floats(t); err == nil {
		for _, v := range x {
			f.values = append(f.values, float64(v))
		}
		return f, true
	}
	if x, err := s.model.ints(t); err == nil && n == 1 {
		f.values = []float64{float64(x[0])}
		return f, true
	}
	return found{}, false
}

// typeOf returns the element type of a constant, float32 for one of no tensor.
func typeOf(t *onnxpb.TensorProto) onnxpb.TensorProto_DataType {
	if t == nil {
		return onnxpb.TensorProto_FLOAT
	}
	return dataType(t)
}

// near tells whether a constant of a model is a number of a pattern. Exporters
// round them, and product of several is rounded more.
func near(got, want float64, t *onnxpb.TensorProto) bool {
	tolerance := 1e-4
	switch typeOf(t) {
	case onnxpb.TensorProto_FLOAT16:
		tolerance = 0x1p-8
	case onnxpb.TensorProto_BFLOAT16:
		tolerance = 0x1p-5
	}
	return got == want || math.Abs(got-want) <= tolerance*math.Abs(want)
}

// root matches a pattern with the value that a node writes.
func (s matcher) root(p *pattern, n *onnxpb.NodeProto) (match, bool) {
	if len(n.Output) == 0 || n.Output[0] == "" {
		return match{}, false
	}
	var result match
	ok := s.value(p, n.Output[0], match{}, func(m match) bool {
		if m.x == "" || !slices.Contains(m.nodes, n) || !s.closed(m, n) {
			return false
		}
		result = m
		return true
	})
	return result, ok
}

// closed tells whether nothing but the match reads what its nodes before the last
// write.
func (s matcher) closed(m match, last *onnxpb.NodeProto) bool {
	for _, n := range m.nodes {
		if n == last {
			continue
		}
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			if s.graph.output[name] {
				return false
			}
			for _, user := range s.graph.users[name] {
				if !slices.Contains(m.nodes, user) {
					return false
				}
			}
		}
	}
	return true
}

// value matches a pattern with a value, and calls next with each way to do so
// until it returns true.
func (s matcher) value(p *pattern, value string, m match, next func(match) bool) bool {
	switch {
	case p.name == "_":
		return value == "" && next(m)
	case value == "":
		return false
	case p.name == "x":
		if m.x == "" {
			m.x = value
		}
		return m.x == value && next(m)
	case p.op == "Mul":
		return s.product(p, value, m, next)
	case p.isConstant():
		c, ok := s.number(value)
		return ok && s.constantIs(p, c, m, next)
	}
	n := s.graph.producer[value]
	if n == nil || !isDefault(n.Domain) {
		return false
	}
	if p.op == "Add" && n.OpType == "Sub" && len(n.Input) == 2 && p.args[1].isConstant() {
		c, ok := s.number(n.Input[1])
		if !ok {
			return false
		}
		for i := range c.values {
			c.values[i] = -c.values[i]
		}
		c = found{values: c.values, tensor: c.tensor}
		return s.constantIs(p.args[1], c, m.withNode(n), func(m match) bool {
			return s.value(p.args[0], n.Input[0], m, next)
		})
	}
	if n.OpType != p.op {
		return false
	}
	for _, a := range p.attributes {
		got := float64(floatAttribute(n, a.name, float32(attributeDefaults[p.op+"."+a.name])))
		if math.Abs(got-a.value) > 1e-4*math.Abs(a.value) {
			return false
		}
	}
	m = m.withNode(n)
	if p.op == "Clip" {
		return s.clip(p, n, m, next)
	}
	if len(n.Input) != len(p.args) {
		return false
	}
	if s.all(p.args, n.Input, m, next) {
		return true
	}
	switch p.op {
	case "Add", "Max", "Min":
		return len(p.args) == 2 && s.all([]*pattern{p.args[1], p.args[0]}, n.Input, m, next)
	}
	return false
}

// all matches patterns with values, each with the one in its place.
func (s matcher) all(ps []*pattern, values []string, m match, next func(match) bool) bool {
	if len(ps) == 0 {
		return next(m)
	}
	return s.value(ps[0], values[0], m, func(m match) bool { return s.all(ps[1:], values[1:], m, next) })
}

// clip matches Clip, whose bounds are attributes before version 11.
func (s matcher) clip(p *pattern, n *onnxpb.NodeProto, m match, next func(match) bool) bool {
	return s.value(p.args[0], input(n, 0), m, func(m match) bool {
		return s.bound(p.args[1], n, 1, "min", m, func(m match) bool {
			return s.bound(p.args[2], n, 2, "max", m, next)
		})
	})
}

func (s matcher) bound(p *pattern, n *onnxpb.NodeProto, i int, name string, m match, next func(match) bool) bool {
	if a := attribute(n, name); a != nil {
		if p.name == "_" {
			return false
		}
		v := a.GetF()
		return s.constantIs(p, found{values: []float64{float64(v)}, tensor: floatTensor("", nil, v)}, m, next)
	}
	return s.value(p, input(n, i), m, next)
}

// constantIs matches a constant with a number or the name of a constant.
func (s matcher) constantIs(p *pattern, c found, m match, next func(match) bool) bool {
	if p.name != "" {
		c.name = p.name
		m, ok := m.with(c)
		return ok && next(m)
	}
	v, ok := c.scalar()
	return ok && near(v, p.number, c.tensor) && next(m)
}
