package onnx

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A binding is where a parameter of the engine's is in an ONNX model: each element
// is scale times that of a constant, or its reciprocal, or a sum of two.
type binding struct {
	param      string
	from       *weight // nil if the model leaves it out: then it is 0
	index      func(i int) int
	plus       func(i int) int // of the second one of a sum
	scale      float64         // 1 if zero
	reciprocal bool
	fixed      bool // not stored

	// The input of a node that Store adds where the model leaves it out.
	addTo   *onnxpb.NodeProto
	addAs   int
	addDims []int64
	// addBy adds it where it takes more than an input of addTo.
	addBy func(m *Model, names namer, tensor string) error
}

// get returns an element of the parameter.
func (b *binding) get(r *weightReader, i int) float64 {
	if b.from == nil {
		return 0
	}
	v := float64(r.value(b.from.at(b.index(i))))
	if b.plus != nil {
		v += float64(r.value(b.from.at(b.plus(i))))
	}
	if b.reciprocal {
		v = 1 / v
	}
	if b.scale != 0 {
		v *= b.scale
	}
	return v
}

// invert returns the constant for an element of the parameter.
func (b *binding) invert(v float64) float32 {
	if b.scale != 0 {
		v /= b.scale
	}
	if b.reciprocal {
		v = 1 / v
	}
	return float32(v)
}

// each calls f for every parameter that the ONNX model has.
func (l *Loaded[T]) each(f func(p *nn.Parameter[T], b *binding) error) error {
	params := map[string]*nn.Parameter[T]{}
	for _, p := range l.model.Parameters() {
		params[p.Name] = p
	}
	for _, at := range l.placed {
		for i := range at.step.bindings {
			b := &at.step.bindings[i]
			name := at.name + "." + b.param
			p := params[name]
			if p == nil {
				return fmt.Errorf("%s: the engine has no parameter %s", label(at.step.node), name)
			}
			delete(params, name)
			if err := f(p, b); err != nil {
				return fmt.Errorf("%s: %w", label(at.step.node), err)
			}
		}
	}
	for name := range params {
		return fmt.Errorf("the model has no weights for %s", name)
	}
	return nil
}

// fill sets the engine's parameters.
func (l *Loaded[T]) fill() error {
	r := newWeightReader(l.source)
	err := l.each(func(p *nn.Parameter[T], b *binding) error {
		for i := range p.Value {
			p.Value[i] = T(b.get(r, i))
		}
		return r.err
	})
	l.model.Changed()
	return err
}

// An update is the new elements of a tensor.
type update struct {
	values []float32
	set    []bool
}

// Store writes the weights of the engine's model into the ONNX model that it was
// loaded from, in the layout and the element type that they have there. That must
// not have been changed otherwise since. Numbers that the engine has fixed, such as
// parameters of functions that are not learned, stay as they are; a bias that the
// model leaves out is added where training has made it other than 0. Store fails,
// and changes nothing, where layers that share a constant have different weights.
func (l *Loaded[T]) Store() error {
	s := &storing{reader: newWeightReader(l.source), updates: map[*onnxpb.TensorProto]*update{}, added: map[added][]float32{}}
	if err := l.each(func(p *nn.Parameter[T], b *binding) error { return store(s, p, b) }); err != nil {
		return fmt.Errorf("onnx: cannot store the weights: %w", err)
	}
	own := map[*onnxpb.TensorProto]bool{}
	for _, t := range l.source.tensors() {
		own[t] = true
	}
	for t, u := range s.updates {
		if !own[t] && s.changed(t, u) {
			return fmt.Errorf("onnx: cannot store the weights: constant %q is a list in a node's attribute", t.Name)
		}
	}
	for t, u := range s.updates {
		if s.changed(t, u) {
			if err := setFloats(t, u.values); err != nil {
				return fmt.Errorf("onnx: cannot store the weights: %w", err)
			}
		}
	}
	return s.addInputs(l.source)
}

type storing struct {
	reader  *weightReader
	updates map[*onnxpb.TensorProto]*update
	last    *onnxpb.TensorProto // of the element before, with its update
	update  *update
	order   []added
	added   map[added][]float32
	missing []*binding // of order
}

// added is an input of a node that the model leaves out.
type added struct {
	node  *onnxpb.NodeProto
	input int
}

func store[T nn.Float](s *storing, p *nn.Parameter[T], b *binding) error {
	if b.fixed {
		return nil
	}
	if b.from == nil {
		key := added{b.addTo, b.addAs}
		if s.added[key] == nil {
			n, err := elements(b.addDims)
			if err != nil {
				return err
			}
			s.added[key] = make([]float32, n)
			s.order, s.missing = append(s.order, key), append(s.missing, b)
		}
		for i, v := range p.Value {
			s.added[key][b.index(i)] = float32(v)
		}
		return nil
	}
	for i, v := range p.Value {
		one, kept := b.from.at(b.index(i)), T(b.get(s.reader, i)) == v
		first := s.reader.value(one)
		if !kept {
			first = b.invert(float64(v))
		}
		if err := s.put(one, first); err != nil {
			return err
		}
		if b.plus == nil {
			continue
		}
		// The first of two takes it all, which rounds nothing.
		two := b.from.at(b.plus(i))
		second := float32(0)
		if kept {
			second = s.reader.value(two)
		}
		if err := s.put(two, second); err != nil {
			return err
		}
	}
	return s.reader.err
}

func (s *storing) put(e element, v float32) error {
	u := s.update
	if e.tensor != s.last {
		u = s.updates[e.tensor]
	}
	if u == nil {
		x := s.reader.of(e.tensor)
		if s.reader.err != nil {
			return s.reader.err
		}
		u = &update{values: append([]float32(nil), x...), set: make([]bool, len(x))}
		s.updates[e.tensor] = u
	}
	s.last, s.update = e.tensor, u
	if u.set[e.index] && u.values[e.index] != v {
		return fmt.Errorf("layers that share the constant %q have different weights now", e.tensor.Name)
	}
	u.values[e.index], u.set[e.index] = v, true
	return nil
}

func (s *storing) changed(t *onnxpb.TensorProto, u *update) bool {
	for i, v := range s.reader.of(t) {
		if v != u.values[i] {
			return true
		}
	}
	return false
}

// addInputs gives nodes the inputs that they lack, unless these are all 0.
func (s *storing) addInputs(m *Model) error {
	names := newNamer(m.proto)
	for i, key := range s.order {
		values := s.added[key]
		zero := true
		for _, v := range values {
			zero = zero && v == 0
		}
		if name := input(key.node, key.input); name != "" { // of an earlier call
			for _, t := range m.proto.Graph.Initializer {
				if t.Name == name {
					if err := setFloats(t, values); err != nil {
						return fmt.Errorf("onnx: cannot store the weights: %w", err)
					}
				}
			}
			continue
		}
		if zero {
			continue
		}
		t := floatTensor(names.name(key.node.OpType+"_bias"), s.missing[i].addDims)
		if like := m.weightLike(key.node); like != nil {
			t.DataType = like.DataType
		}
		if err := setFloats(t, values); err != nil {
			return fmt.Errorf("onnx: cannot store the weights: %w", err)
		}
		m.proto.Graph.Initializer = append(m.proto.Graph.Initializer, t)
		for len(key.node.Input) <= key.input {
			key.node.Input = append(key.node.Input, "")
		}
		key.node.Input[key.input] = t.Name
		if add := s.missing[i].addBy; add != nil {
			if err := add(m, names, t.Name); err != nil {
				return fmt.Errorf("onnx: cannot store the weights: %w", err)
			}
		}
	}
	return nil
}

// weightLike returns the tensor of a node's first weights, whose element type the
// others have too.
func (m *Model) weightLike(n *onnxpb.NodeProto) *onnxpb.TensorProto {
	return newGraph(m.proto.Graph).constant(input(n, 1))
}
