package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// maxCalls is how deep functions may call one another.
const maxCalls = 100

// A functionKey is what a node calls a function by.
type functionKey struct{ domain, name, overload string }

// validateFunctions checks the model's own functions, and that none calls itself.
func (m *Model) validateFunctions() error {
	c := calls{functions: map[functionKey]*onnxpb.FunctionProto{}, chain: map[functionKey]int{}}
	for _, f := range m.proto.Functions {
		if f.Name == "" {
			return errors.New("a function has no name")
		}
		if isDefault(f.Domain) {
			return fmt.Errorf("function %q is in the domain of ONNX's own operators, where runtimes differ in which they run; give it a domain of its own", f.Name)
		}
		key := functionKey{f.Domain, f.Name, f.Overload}
		if c.functions[key] != nil {
			return fmt.Errorf("two functions are called %q", f.Name)
		}
		c.functions[key] = f
		if err := m.validateFunction(f); err != nil {
			return fmt.Errorf("function %q: %w", f.Name, err)
		}
	}
	for _, f := range m.proto.Functions {
		if _, err := c.follow(functionKey{f.Domain, f.Name, f.Overload}, 1); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) validateFunction(f *onnxpb.FunctionProto) error {
	if err := checkOpset(f.OpsetImport); err != nil {
		return fmt.Errorf("it %w", err)
	}
	s := (*scope)(nil).within()
	for _, name := range f.Input {
		if name == "" {
			return errors.New("an input has no name")
		}
		if !s.define(name) {
			return fmt.Errorf("two inputs are called %q", name)
		}
	}
	// The defaults are outside of the function and refer to nothing in it.
	if err := m.validateAttributes(f.AttributeProto, (*scope)(nil).within()); err != nil {
		return err
	}
	names := slices.Clone(f.Attribute)
	for _, a := range f.AttributeProto {
		names = append(names, a.Name)
	}
	s.attributes = map[string]bool{}
	for _, name := range names {
		if name == "" {
			return errors.New("an attribute has no name")
		}
		if s.attributes[name] {
			return fmt.Errorf("two attributes are called %q", name)
		}
		s.attributes[name] = true
	}
	if err := m.validateNodes(&f.Node, s); err != nil {
		return err
	}
	for _, name := range f.Output {
		if !s.has(name) {
			return fmt.Errorf("output %q is computed by no node", name)
		}
	}
	return nil
}

// calls follows the calls among functions.
type calls struct {
	functions map[functionKey]*onnxpb.FunctionProto
	// chain is the length of the longest chain of calls that begins with a function,
	// and followed while it is looked for.
	chain map[functionKey]int
}

const followed = -1

// follow returns the length of the longest chain of calls that begins with a
// function, the last of depth functions that have called one another.
func (c *calls) follow(key functionKey, depth int) (int, error) {
	longest := c.chain[key]
	if longest == followed {
		return 0, fmt.Errorf("function %q calls itself", key.name)
	}
	if depth-1+max(longest, 1) > maxCalls {
		return 0, fmt.Errorf("function %q is called by functions that call one another more than %d deep", key.name, maxCalls)
	}
	if longest > 0 {
		return longest, nil
	}
	c.chain[key] = followed
	longest = 1
	var visit func(nodes []*onnxpb.NodeProto) error
	visit = func(nodes []*onnxpb.NodeProto) error {
		for _, n := range nodes {
			if callee := (functionKey{n.Domain, n.OpType, n.Overload}); c.functions[callee] != nil {
				below, err := c.follow(callee, depth+1)
				if err != nil {
					return err
				}
				longest = max(longest, below+1)
			}
			for _, sub := range subgraphs(n) {
				if err := visit(sub.Node); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := visit(c.functions[key].Node); err != nil {
		return 0, err
	}
	c.chain[key] = longest
	return longest, nil
}
