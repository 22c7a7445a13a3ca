package onnx

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// validateAttributes checks attributes of a node or the defaults of a function's,
// with the graphs in them, which may read what is in s.
func (m *Model) validateAttributes(list []*onnxpb.AttributeProto, s *scope) error {
	seen := map[string]bool{}
	for _, a := range list {
		if a.Name == "" {
			return errors.New("an attribute has no name")
		}
		if seen[a.Name] {
			return fmt.Errorf("two attributes are called %q", a.Name)
		}
		seen[a.Name] = true
		if err := m.validateAttribute(a, s); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	return nil
}

func (m *Model) validateAttribute(a *onnxpb.AttributeProto, s *scope) error {
	if err := checkAttributeType(a); err != nil {
		return err
	}
	if ref := a.RefAttrName; ref != "" && !s.attributes[ref] {
		return fmt.Errorf("it refers to the attribute %q, which the function around it does not have", ref)
	}
	if a.T != nil {
		if err := m.checkTensor(a.T); err != nil {
			return err
		}
	}
	for _, t := range a.Tensors {
		if err := m.checkTensor(t); err != nil {
			return err
		}
	}
	if a.SparseTensor != nil {
		if err := m.checkSparse(a.SparseTensor); err != nil {
			return err
		}
	}
	for _, t := range a.SparseTensors {
		if err := m.checkSparse(t); err != nil {
			return err
		}
	}
	graphs := a.Graphs
	if a.G != nil {
		graphs = []*onnxpb.GraphProto{a.G}
	}
	for _, g := range graphs {
		if err := m.validateGraph(g, s); err != nil {
			return fmt.Errorf("in its graph %q: %w", cmp.Or(g.Name, "?"), err)
		}
	}
	return nil
}

// checkAttributeType returns an error if an attribute has values other than that of
// its type. Numbers and strings may be left out, as some writers leave out zeros; the
// models of some old writers have no types.
func checkAttributeType(a *onnxpb.AttributeProto) error {
	held := onnxpb.AttributeProto_UNDEFINED
	for _, f := range []struct {
		kind onnxpb.AttributeProto_AttributeType
		is   bool
	}{
		{onnxpb.AttributeProto_FLOAT, a.F != nil},
		{onnxpb.AttributeProto_INT, a.I != nil},
		{onnxpb.AttributeProto_STRING, a.S != nil},
		{onnxpb.AttributeProto_TENSOR, a.T != nil},
		{onnxpb.AttributeProto_GRAPH, a.G != nil},
		{onnxpb.AttributeProto_SPARSE_TENSOR, a.SparseTensor != nil},
		{onnxpb.AttributeProto_TYPE_PROTO, a.Tp != nil},
		{onnxpb.AttributeProto_FLOATS, len(a.Floats) > 0},
		{onnxpb.AttributeProto_INTS, len(a.Ints) > 0},
		{onnxpb.AttributeProto_STRINGS, len(a.Strings) > 0},
		{onnxpb.AttributeProto_TENSORS, len(a.Tensors) > 0},
		{onnxpb.AttributeProto_GRAPHS, len(a.Graphs) > 0},
		{onnxpb.AttributeProto_SPARSE_TENSORS, len(a.SparseTensors) > 0},
		{onnxpb.AttributeProto_TYPE_PROTOS, len(a.TypeProtos) > 0},
	} {
		switch {
		case !f.is:
		case a.RefAttrName != "":
			return fmt.Errorf("it refers to the attribute %q and has a value of its own", a.RefAttrName)
		case held != onnxpb.AttributeProto_UNDEFINED:
			return fmt.Errorf("it has values of %s and of %s", held, f.kind)
		case a.Type != onnxpb.AttributeProto_UNDEFINED && a.Type != f.kind:
			return fmt.Errorf("its type is %s and its value %s", a.Type, f.kind)
		default:
			held = f.kind
		}
	}
	switch a.Type {
	case onnxpb.AttributeProto_TENSOR, onnxpb.AttributeProto_GRAPH, onnxpb.AttributeProto_SPARSE_TENSOR, onnxpb.AttributeProto_TYPE_PROTO:
		if held == onnxpb.AttributeProto_UNDEFINED && a.RefAttrName == "" {
			return fmt.Errorf("its type is %s, but it has no value", a.Type)
		}
	}
	return nil
}
