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
	if opset(p.OpsetImport) == 0 {
		return errors.New("the model does not say which version of ONNX's operators (opset) it uses")
	}
	if err := checkOpset(p.OpsetImport); err != nil {
		return fmt.Errorf("the model %w", err)
	}
	if err := m.validateGraph(p.Graph, nil); err != nil {
		return err
	}
	if len(p.Graph.Output) == 0 {
		return errors.New("the graph has no outputs")
	}
	for i, t := range p.TrainingInfo {
		// They may read what is in the graph of inference.
		outside := &scope{open: true}
		for _, g := range []*onnxpb.GraphProto{t.Initialization, t.Algorithm} {
			if g == nil {
				continue
			}
			if err := m.validateGraph(g, outside); err != nil {
				return fmt.Errorf("in the graph %q of training information %d: %w", cmp.Or(g.Name, "?"), i, err)
			}
		}
	}
	return m.validateFunctions()
}

// checkOpset returns an error for versions of ONNX's operators that are not read.
func checkOpset(list []*onnxpb.OperatorSetIdProto) error {
	version := opset(list)
	for _, o := range list {
		switch {
		case !isDefault(o.Domain):
		case o.Version != version:
			return fmt.Errorf("uses versions %d and %d of ONNX's operators (opset) together", version, o.Version)
		case version < oldestOpset:
			return fmt.Errorf("uses version %d of ONNX's operators (opset); convert it to %d or later, such as by onnx.version_converter", version, oldestOpset)
		}
	}
	return nil
}

// A scope holds the names that a graph's nodes may read.
type scope struct {
	outer *scope
	names map[string]bool
	open  bool // to all names
	// attributes are those of the function that the nodes are in, nil outside of one.
	attributes map[string]bool
}

// within returns an empty scope for a graph in s, which may be nil.
func (s *scope) within() *scope {
	inner := &scope{outer: s, names: map[string]bool{}}
	if s != nil {
		inner.attributes = s.attributes
	}
	return inner
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.open || s.names[name] {
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
	s := outer.within()
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
	if err := m.validateInitializers(g, s); err != nil {
		return err
	}
	if err := m.validateNodes(&g.Node, s); err != nil {
		return err
	}
	for _, v := range g.Output {
		if v.Name == "" {
			return errors.New("an output of the graph has no name")
		}
		if !s.has(v.Name) {
			return fmt.Errorf("output %q of the graph is computed by no node", v.Name)
		}
		if err := checkValueShape(v); err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return nil
}

// validateInitializers checks a graph's initializers and adds them to its scope,
// where inputs may have their names.
func (m *Model) validateInitializers(g *onnxpb.GraphProto, s *scope) error {
	seen := map[string]bool{}
	take := func(name string) error {
		if name == "" {
			return errors.New("an initializer has no name")
		}
		if seen[name] {
			return fmt.Errorf("two initializers are called %q", name)
		}
		seen[name], s.names[name] = true, true
		return nil
	}
	for _, t := range g.Initializer {
		if err := take(t.Name); err != nil {
			return err
		}
		if err := m.checkTensor(t); err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
	}
	for _, t := range g.SparseInitializer {
		name := t.GetValues().GetName()
		if err := take(name); err != nil {
			return err
		}
		if err := m.checkSparse(t); err != nil {
			return fmt.Errorf("sparse initializer %q: %w", name, err)
		}
	}
	return nil
}

// checkSparse checks a sparse tensor: values of the shape [n], and their indices of
// the shape [n] or [n, rank].
func (m *Model) checkSparse(t *onnxpb.SparseTensorProto) error {
	if t.Values == nil || t.Indices == nil {
		return errors.New("it lacks values or indices")
	}
	if _, err := elements(t.Dims); err != nil {
		return err
	}
	for _, part := range []*onnxpb.TensorProto{t.Values, t.Indices} {
		if err := m.checkTensor(part); err != nil {
			return err
		}
	}
	values, indices := t.Values.Dims, t.Indices.Dims
	switch {
	case dataType(t.Indices) != onnxpb.TensorProto_INT64:
		return fmt.Errorf("its indices are %s, not %s", dataType(t.Indices), onnxpb.TensorProto_INT64)
	case len(values) != 1:
	case len(indices) == 1 && indices[0] == values[0]:
		return nil
	case len(indices) == 2 && indices[0] == values[0] && indices[1] == int64(len(t.Dims)):
		return nil
	}
	return fmt.Errorf("values of the shape %s and indices of the shape %s for the shape %s", shape(values), shape(indices), shape(t.Dims))
}

func checkValueShape(v *onnxpb.ValueInfoProto) error {
	for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
		if d.GetDimValue() < 0 {
			return fmt.Errorf("a dimension is %d; one that is not known has a name (dim_param) or nothing", d.GetDimValue())
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
		if len(n.Output) == 0 {
			return fmt.Errorf("%s has no outputs", label(n))
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
		if err := m.validateAttributes(n.Attribute, s); err != nil {
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
