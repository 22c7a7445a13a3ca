package onnx

import "slices"

// maxFactors of a product that is looked at, and maxProduct nodes.
const (
	maxFactors = 8
	maxProduct = 16
)

// factors takes a value apart into what it is the product of, and its constants.
// It goes through products that nothing else reads.
func (s matcher) factors(value string, top bool, c *found, list *[]string, m *match) bool {
	n := s.graph.producer[value]
	if len(m.nodes) > maxProduct {
		return false
	}
	whole := n == nil || !isDefault(n.Domain) || len(n.Input) != 2 || !top && s.graph.onlyUser(value) == nil
	if !whole {
		switch n.OpType {
		case "Mul":
			*m = m.withNode(n)
			for _, in := range n.Input {
				if k, ok := s.number(in); ok {
					if !c.multiply(k, false) {
						return false
					}
				} else if !s.factors(in, false, c, list, m) {
					return false
				}
			}
			return true
		case "Div":
			if k, ok := s.number(n.Input[1]); ok {
				*m = m.withNode(n)
				return c.multiply(k, true) && s.factors(n.Input[0], false, c, list, m)
			}
		case "Pow":
			k, ok := s.number(n.Input[1])
			if v, one := k.scalar(); ok && one && (v == 2 || v == 3) {
				*m = m.withNode(n)
				for range int(v) {
					*list = append(*list, n.Input[0])
				}
				return len(*list) <= maxFactors
			}
		}
	}
	*list = append(*list, value)
	return len(*list) <= maxFactors
}

// multiply puts a factor into a product of constants, of which one may have
// several elements.
func (f *found) multiply(k found, inverse bool) bool {
	many := len(f.values) > 1 || len(k.values) > 1
	if len(f.values) > 1 && len(k.values) > 1 {
		return false
	}
	if many && (inverse || f.tensor != nil) {
		return false
	}
	if len(k.values) > 1 {
		*f = k
		return true
	}
	v := k.values[0]
	if inverse {
		v = 1 / v
	}
	f.values = []float64{f.values[0] * v}
	f.tensor = k.tensor
	return true
}

// product matches a Mul.
func (s matcher) product(p *pattern, value string, m match, next func(match) bool) bool {
	whole, seen := s.products[value]
	if !seen {
		var inner match
		whole.constant.values = []float64{1}
		whole.ok = s.factors(value, true, &whole.constant, &whole.factors, &inner)
		whole.nodes = inner.nodes
		s.products[value] = whole
	}
	if !whole.ok {
		return false
	}
	c, list := whole.constant, whole.factors
	for _, n := range whole.nodes {
		m = m.withNode(n)
	}
	var args []*pattern
	scale := &pattern{number: 1}
	for _, a := range p.args {
		if a.isConstant() {
			scale = a
		} else {
			args = append(args, a)
		}
	}
	if len(list) != len(args) {
		return false
	}
	return s.constantIs(scale, c, m, func(m match) bool { return s.permutation(args, list, m, next) })
}

// permutation matches patterns with values in any order.
func (s matcher) permutation(ps []*pattern, values []string, m match, next func(match) bool) bool {
	if len(ps) == 0 {
		return next(m)
	}
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			continue
		}
		rest := slices.Delete(slices.Clone(values), i, i+1)
		if s.value(ps[0], v, m, func(m match) bool { return s.permutation(ps[1:], rest, m, next) }) {
			return true
		}
	}
	return false
}
