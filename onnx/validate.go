package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// oldestOpset is the first version of ONNX's operators that is read.
const oldestOpset = 7

// validate checks what the rest of the package takes for granted, and puts the
// nodes of each graph into an order of execution.
func (m *Model) validate() error {
	p := m.proto
	if p.Graph == nil {
		return errors.New("not an ONNX model: it has no graph")
	}
	switch v := opset(p.OpsetImport); {
	case v == 0:
		return errors.New("the model does not say which version of ONNX's operators (opset) it uses")
	case v < oldestOpset:
		return fmt.Errorf("the model uses version %d of ONNX's operators (opset); convert it to %d or later, such as by onnx.version_converter", v, oldestOpset)
	}
	if err := m.validateGraph(p.Graph, nil); err != nil {
		return err
	}
	return m.validateFunctions()
}

// A scope holds the names that a graph's nodes may read.
type scope struct {
	outer *scope
	names map[string]bool
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.names[name] {
			return true
		}
	}
	return false
}

// define adds a name, which the graph must not have yet.
func (s *scope) define(name string) bool {
	if s.names[name] {
		return false
	}
	s.names[name] = true
	return true
}

func (m *Model) validateGraph(g *onnxpb.GraphProto, outer *scope) error {
	s := &scope{outer: outer, names: map[string]bool{}}
	for _, v := range g.Input {
		if v.Name == "" {
			return errors.New("an input of the graph has no name")
		}
		if !s.define(v.Name) {
			return fmt.Errorf("two inputs are called %q", v.Name)
		}
		if err := checkValueShape(v); err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
	}
	seen := map[string]bool{}
	for _, t := range g.Initializer {
		if t.Name == "" {
			return errors.New("an initializer has no name")
		}
		if seen[t.Name] {
			return fmt.Errorf("two initializers are called %q", t.Name)
		}
		seen[t.Name], s.names[t.Name] = true, true
		if err := m.checkTensor(t); err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
	}
	for _, t := range g.SparseInitializer {
		name := t.GetValues().GetName()
		if name == "" {
			return errors.New("a sparse initializer has no name")
		}
		s.names[name] = true
		for _, part := range []*onnxpb.TensorProto{t.Values, t.Indices} {
			if part == nil {
				return fmt.Errorf("sparse initializer %q lacks values or indices", name)
			}
			if err := m.checkTensor(part); err != nil {
				return fmt.Errorf("sparse initializer %q: %w", name, err)
			}
		}
	}
	if err := m.validateNodes(&g.Node, s); err != nil {
		return err
	}
	if outer == nil && len(g.Output) == 0 {
		return errors.New("the graph has no outputs")
	}
	for _, v := range g.Output {
		if !s.has(v.Name) {
			return fmt.Errorf("output %q of the graph is computed by no node", v.Name)
		}
	}
	return nil
}

func checkValueShape(v *onnxpb.ValueInfoProto) error {
	for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
		if d.GetDimValue() < 0 {
			return fmt.Errorf("a dimension is %d", d.GetDimValue())
		}
	}
	return nil
}

// validateNodes checks the nodes of a graph or function, whose other names are in
// s, and sorts them so that each comes after those that it reads.
func (m *Model) validateNodes(nodes *[]*onnxpb.NodeProto, s *scope) error {
	writer := map[string]int{}
	for i, n := range *nodes {
		if n.OpType == "" {
			return fmt.Errorf("%s has no operator", label(n))
		}
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			if j, ok := writer[name]; ok {
				return fmt.Errorf("%s and %s both write %q", label((*nodes)[j]), label(n), name)
			}
			if s.names[name] {
				return fmt.Errorf("%s writes %q, which is an input or an initializer", label(n), name)
			}
			writer[name] = i
		}
	}
	sorted, err := sortNodes(*nodes, writer)
	if err != nil {
		return err
	}
	*nodes = sorted
	for _, n := range sorted {
		for _, name := range n.Input {
			if name != "" && !s.has(name) {
				return fmt.Errorf("%s reads %q, which nothing writes", label(n), name)
			}
		}
		if err := m.validateAttributes(n, s); err != nil {
			return fmt.Errorf("%s: %w", label(n), err)
		}
		for _, name := range n.Output {
			if name != "" {
				s.names[name] = true
			}
		}
	}
	return nil
}

func (m *Model) validateAttributes(n *onnxpb.NodeProto, s *scope) error {
	for i, a := range n.Attribute {
		if a.Name == "" {
			return errors.New("an attribute has no name")
		}
		for _, b := range n.Attribute[:i] {
			if a.Name == b.Name {
				return fmt.Errorf("two attributes are called %q", a.Name)
			}
		}
		for _, t := range append(a.Tensors, a.T) {
			if t == nil {
				continue
			}
			if err := m.checkTensor(t); err != nil {
				return fmt.Errorf("attribute %q: %w", a.Name, err)
			}
		}
	}
	for _, sub := range subgraphs(n) {
		if err := m.validateGraph(sub, s); err != nil {
			return fmt.Errorf("in its graph %q: %w", cmp.Or(sub.Name, "?"), err)
		}
	}
	return nil
}

// sortNodes returns the nodes in an order of execution, which is theirs if it is
// one. writer is the index of the node that writes a value.
func sortNodes(nodes []*onnxpb.NodeProto, writer map[string]int) ([]*onnxpb.NodeProto, error) {
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(nodes))
	var sorted []*onnxpb.NodeProto
	// A path through nodes whose inputs are being looked at; no recursion, as a
	// file decides how long it is.
	type step struct {
		node  int
		reads []string
	}
	for i := range nodes {
		if state[i] != fresh {
			continue
		}
		state[i] = open
		path := []step{{i, reads(nodes[i])}}
		for len(path) > 0 {
			top := &path[len(path)-1]
			if len(top.reads) == 0 {
				state[top.node] = done
				sorted = append(sorted, nodes[top.node])
				path = path[:len(path)-1]
				continue
			}
			name := top.reads[0]
			top.reads = top.reads[1:]
			j, ok := writer[name]
			if !ok || state[j] == done {
				continue
			}
			if state[j] == open {
				var circle []string
				for k := len(path) - 1; k >= 0 && len(circle) < 5; k-- {
					circle = append(circle, label(nodes[path[k].node]))
					if path[k].node == j {
						break
					}
				}
				return nil, fmt.Errorf("the graph has a cycle: %s", strings.Join(circle, ", "))
			}
			state[j] = open
			path = append(path, step{j, reads(nodes[j])})
		}
	}
	return sorted, nil
}

// validateFunctions checks the model's own functions, and that none calls itself.
func (m *Model) validateFunctions() error {
	functions := map[string]*onnxpb.FunctionProto{}
	for _, f := range m.proto.Functions {
		if f.Name == "" {
			return errors.New("a function has no name")
		}
		key := functionKey(f.Domain, f.Name, f.Overload)
		if functions[key] != nil {
			return fmt.Errorf("two functions are called %q", f.Name)
		}
		functions[key] = f
		s := &scope{names: map[string]bool{}}
		for _, name := range f.Input {
			if !s.define(name) {
				return fmt.Errorf("function %q: two inputs are called %q", f.Name, name)
			}
		}
		if err := m.validateNodes(&f.Node, s); err != nil {
			return fmt.Errorf("function %q: %w", f.Name, err)
		}
		for _, name := range f.Output {
			if !s.has(name) {
				return fmt.Errorf("function %q: output %q is computed by no node", f.Name, name)
			}
		}
	}
	state := map[string]int{} // 1 while the function's calls are followed, 2 after
	var follow func(nodes []*onnxpb.NodeProto, depth int) error
	follow = func(nodes []*onnxpb.NodeProto, depth int) error {
		if depth > maxCalls {
			return fmt.Errorf("functions call one another more than %d deep", maxCalls)
		}
		for _, n := range nodes {
			for _, sub := range subgraphs(n) {
				if err := follow(sub.Node, depth); err != nil {
					return err
				}
			}
			callee := functionKey(n.Domain, n.OpType, n.Overload)
			f := functions[callee]
			if f == nil || state[callee] == 2 {
				continue
			}
			if state[callee] == 1 {
				return fmt.Errorf("function %q calls itself", f.Name)
			}
			state[callee] = 1
			if err := follow(f.Node, depth+1); err != nil {
				return err
			}
			state[callee] = 2
		}
		return nil
	}
	for key, f := range functions {
		if state[key] != 0 {
			continue
		}
		state[key] = 1
		if err := follow(f.Node, 1); err != nil {
			return err
		}
		state[key] = 2
	}
	return nil
}

// maxCalls is how deep functions may call one another.
const maxCalls = 100

func functionKey(domain, name, overload string) string {
	if domain == defaultDomain {
		domain = ""
	}
	return domain + "\x00" + name + "\x00" + overload
}
