package onnx

import "github.com/isrlu/isrlu/internal/onnxpb"

// tensors returns all tensors of the model with data, those in nodes, subgraphs,
// functions and graphs of training too.
func (m *Model) tensors() []*onnxpb.TensorProto {
	var list []*onnxpb.TensorProto
	m.eachTensor(func(t *onnxpb.TensorProto, _ bool) { list = append(list, t) })
	return list
}

// eachTensor calls visit for the tensors of the model, in the order of the file,
// and tells whether one is an initializer, not in an attribute or part of a sparse
// tensor.
func (m *Model) eachTensor(visit func(t *onnxpb.TensorProto, initializer bool)) {
	w := tensorWalk(visit)
	w.graph(m.proto.Graph)
	for _, t := range m.proto.TrainingInfo {
		w.graph(t.Initialization)
		w.graph(t.Algorithm)
	}
	for _, f := range m.proto.Functions {
		w.nodes(f.Node)
		w.attributes(f.AttributeProto)
	}
}

type tensorWalk func(t *onnxpb.TensorProto, initializer bool)

func (w tensorWalk) graph(g *onnxpb.GraphProto) {
	for _, t := range g.GetInitializer() {
		w(t, true)
	}
	for _, t := range g.GetSparseInitializer() {
		w.sparse(t)
	}
	w.nodes(g.GetNode())
}

func (w tensorWalk) nodes(list []*onnxpb.NodeProto) {
	for _, n := range list {
		w.attributes(n.Attribute)
	}
}

func (w tensorWalk) attributes(list []*onnxpb.AttributeProto) {
	for _, a := range list {
		if a.T != nil {
			w(a.T, false)
		}
		for _, t := range a.Tensors {
			w(t, false)
		}
		w.sparse(a.SparseTensor)
		for _, t := range a.SparseTensors {
			w.sparse(t)
		}
		if a.G != nil {
			w.graph(a.G)
		}
		for _, g := range a.Graphs {
			w.graph(g)
		}
	}
}

func (w tensorWalk) sparse(t *onnxpb.SparseTensorProto) {
	if t != nil {
		w(t.Values, false)
		w(t.Indices, false)
	}
}
