package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// kinds are those of the activations that are recognized.
var kinds = func() []string {
	list := []string{"relu", "leaky_relu", "prelu", "elu", "celu", "selu", "tanh", "sigmoid", "hard_sigmoid", "hard_swish",
		"softplus", "softsign", "gelu", "gelu_tanh", "mish", "silu", "swish", "thresholded_relu", "quick_gelu",
		"affine", "scaled_tanh"}
	for _, f := range forms {
		if !slices.Contains(list, f.kind) {
			list = append(list, f.kind)
		}
	}
	return list
}()

// Kinds returns the kinds of activations that are recognized, as
// [SwapOptions].From takes them.
func Kinds() []string { return slices.Clone(kinds) }

// A choice is what the options of a swap say of where to swap.
type choice struct {
	from  []string
	kinds []string // by the names that plainKind makes; empty for all
	specs []string // functions with their parameters
	nodes []string
	found []bool // which of nodes matched
}

func newChoice(o SwapOptions) (*choice, error) {
	if len(o.From) == 0 && len(o.Nodes) == 0 {
		return nil, errors.New("nothing says what to swap: name kinds such as elu or relu, or nodes")
	}
	c := &choice{from: o.From, nodes: o.Nodes, found: make([]bool, len(o.Nodes))}
	for _, name := range o.From {
		if strings.ContainsAny(name, ":@") {
			f, err := parseFunction(name)
			if err != nil {
				return nil, err
			}
			c.specs = append(c.specs, f.String())
			continue
		}
		kind := plainKind(name)
		if !slices.ContainsFunc(kinds, func(k string) bool { return plainKind(k) == kind }) {
			return nil, fmt.Errorf("unknown kind of activation %q; known: %s", name, strings.Join(kinds, ", "))
		}
		c.kinds = append(c.kinds, kind)
	}
	return c, nil
}

// plainKind returns a name such that ONNX's and this module's are one.
func plainKind(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// takes tells whether an activation is to be swapped, by its kind, function and
// the names that it goes by.
func (c *choice) takes(kind, function string, names []string) bool {
	if len(c.from) > 0 {
		kind = plainKind(kind)
		// ONNX has one operator for both of these.
		both := kind == "gelutanh" && slices.Contains(c.kinds, "gelu") || kind == "silu" && slices.Contains(c.kinds, "swish")
		if !both && !slices.Contains(c.kinds, kind) && !slices.Contains(c.specs, function) {
			return false
		}
	}
	if len(c.nodes) == 0 {
		return true
	}
	taken := false
	for i, p := range c.nodes {
		if slices.ContainsFunc(names, func(name string) bool { return glob(p, name) }) {
			c.found[i], taken = true, true
		}
	}
	return taken
}

// unmatched returns a pattern of nodes that no activation has met, if there is one.
func (c *choice) unmatched() (string, bool) {
	if i := slices.Index(c.found, false); i >= 0 {
		return c.nodes[i], true
	}
	return "", false
}

// glob tells whether a text has a pattern's form: * is any text, ? one character.
// Unlike path.Match, * goes over the slashes of which names of nodes are full.
func glob(form, text string) bool {
	pattern, name := []rune(form), []rune(text)
	star, at := -1, 0 // the last * and the part of name that it has taken up to
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, at = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			at++
			p, n = star+1, at
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[p:]), "*") == ""
}
