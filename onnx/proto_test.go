package onnx

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// protoNode returns a node by the names of its inputs and outputs.
func protoNode(op string, inputs, outputs []string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: op, Name: op + " of " + outputs[0], Input: inputs, Output: outputs, Attribute: attributes}
}

func values(list ...string) []string { return list }

// protoValue returns a value of float32 of a shape.
func protoValue(name string, dims ...int64) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(onnxpb.TensorProto_FLOAT), Shape: s},
	}}}
}

// protoModel returns a model whose graph reads x and gives y.
func protoModel(nodes ...*onnxpb.NodeProto) *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion:   8,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}},
		Graph: &onnxpb.GraphProto{
			Name: "g", Node: nodes,
			Input:  []*onnxpb.ValueInfoProto{protoValue("x", 1, 2)},
			Output: []*onnxpb.ValueInfoProto{protoValue("y", 1, 2)},
		},
	}
}

func protoGraph(output string, nodes ...*onnxpb.NodeProto) *onnxpb.GraphProto {
	return &onnxpb.GraphProto{Name: "sub", Node: nodes, Output: []*onnxpb.ValueInfoProto{protoValue(output)}}
}

func graphAttribute(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_GRAPH, G: g}
}

func tensorAttribute(name string, t *onnxpb.TensorProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_TENSOR, T: t}
}

func refAttribute(name, ref string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOAT, RefAttrName: ref}
}

// sparseTensor returns one of 2 values in 10.
func sparseTensor(name string) *onnxpb.SparseTensorProto {
	return &onnxpb.SparseTensorProto{
		Values:  floatTensor(name, []int64{2}, 1, 2),
		Indices: intTensor("", []int64{2}, 3, 7),
		Dims:    []int64{10},
	}
}

func protoBytes(t testing.TB, p proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeProto decodes a model that is valid.
func decodeProto(t testing.TB, p *onnxpb.ModelProto) *Model {
	t.Helper()
	m, err := Decode(protoBytes(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// allAttributes has an attribute of each type.
func allAttributes() []*onnxpb.AttributeProto {
	float := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: 1}}}
	sequence := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{SequenceType: &onnxpb.TypeProto_Sequence{ElemType: float}}}
	sub := protoGraph("s", protoNode("Neg", values("x"), values("s")))
	return []*onnxpb.AttributeProto{
		{Name: "f", Type: onnxpb.AttributeProto_FLOAT, F: proto.Float32(0.5)},
		{Name: "i", Type: onnxpb.AttributeProto_INT, I: proto.Int64(-3)},
		{Name: "s", Type: onnxpb.AttributeProto_STRING, S: []byte("SAME_UPPER")},
		tensorAttribute("t", floatTensor("t", []int64{2}, 1, 2)),
		graphAttribute("g", proto.CloneOf(sub)),
		{Name: "floats", Type: onnxpb.AttributeProto_FLOATS, Floats: []float32{1, 2}},
		{Name: "ints", Type: onnxpb.AttributeProto_INTS, Ints: []int64{1, -2}},
		{Name: "strings", Type: onnxpb.AttributeProto_STRINGS, Strings: [][]byte{[]byte("a"), nil}},
		{Name: "tensors", Type: onnxpb.AttributeProto_TENSORS, Tensors: []*onnxpb.TensorProto{intTensor("", nil, 1)}},
		{Name: "graphs", Type: onnxpb.AttributeProto_GRAPHS, Graphs: []*onnxpb.GraphProto{proto.CloneOf(sub), proto.CloneOf(sub)}},
		{Name: "sparse", Type: onnxpb.AttributeProto_SPARSE_TENSOR, SparseTensor: sparseTensor("")},
		{Name: "sparses", Type: onnxpb.AttributeProto_SPARSE_TENSORS, SparseTensors: []*onnxpb.SparseTensorProto{sparseTensor("")}},
		{Name: "tp", Type: onnxpb.AttributeProto_TYPE_PROTO, Tp: sequence},
		{Name: "tps", Type: onnxpb.AttributeProto_TYPE_PROTOS, TypeProtos: []*onnxpb.TypeProto{float, sequence}},
		{Name: "zero", Type: onnxpb.AttributeProto_INT}, // its value left out
	}
}

// sampleModels are small models that have all parts of the format between them.
func sampleModels() map[string]*onnxpb.ModelProto {
	weights := protoModel(
		protoNode("Gemm", values("x", "w", "b"), values("h")),
		protoNode("Constant", nil, values("c"), tensorAttribute("value", floatTensor("", []int64{1}, 2))),
		protoNode("Identity", values("c"), values("d")),
		protoNode("Mul", values("h", "d"), values("k")),
		protoNode("Elu", values("k"), values("e"), &onnxpb.AttributeProto{Name: "alpha", Type: onnxpb.AttributeProto_FLOAT, F: proto.Float32(2)}),
		protoNode("Relu", values("e"), values("y")),
	)
	weights.ProducerName, weights.ProducerVersion, weights.Domain, weights.ModelVersion, weights.DocString = "p", "1", "d", 2, "text"
	weights.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: "author", Value: "someone"}}
	weights.Graph.Initializer = []*onnxpb.TensorProto{
		floatTensor("w", []int64{2, 2}, 1, 2, 3, 4),
		{Name: "b", Dims: []int64{2}, DataType: int32(onnxpb.TensorProto_FLOAT), FloatData: []float32{1, 2}},
	}
	weights.Graph.ValueInfo = []*onnxpb.ValueInfoProto{protoValue("h", 1, 2)}
	weights.Graph.QuantizationAnnotation = []*onnxpb.TensorAnnotation{{TensorName: "h", QuantParameterTensorNames: []*onnxpb.StringStringEntryProto{{Key: "SCALE_TENSOR", Value: "b"}}}}
	weights.Graph.Node[0].MetadataProps = []*onnxpb.StringStringEntryProto{{Key: "k", Value: "v"}}

	types := protoModel(protoNode("Relu", values("x"), values("y")))
	for kind := range onnxpb.TensorProto_DataType_name {
		for _, typed := range []bool{false, true} {
			if t := tensorOf(onnxpb.TensorProto_DataType(kind), typed); t != nil {
				types.Graph.Initializer = append(types.Graph.Initializer, t)
			}
		}
	}

	attributes := protoModel(protoNode("Custom", values("x"), values("y"), allAttributes()...))
	attributes.Graph.Node[0].Domain = "my.domain"
	attributes.OpsetImport = append(attributes.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: "my.domain", Version: 1})

	branches := protoModel(
		protoNode("Constant", nil, values("cond"), tensorAttribute("value", &onnxpb.TensorProto{DataType: int32(onnxpb.TensorProto_BOOL), RawData: []byte{1}})),
		protoNode("Abs", values("x"), values("a")),
		protoNode("If", values("cond"), values("y"),
			graphAttribute("then_branch", protoGraph("t", protoNode("Tanh", values("a"), values("t")))),
			graphAttribute("else_branch", protoGraph("t", protoNode("If", values("cond"), values("t"),
				graphAttribute("then_branch", protoGraph("u", protoNode("Sigmoid", values("a"), values("u")))),
				graphAttribute("else_branch", protoGraph("a")))))),
	)

	functions := protoModel(protoNode("Outer", values("x"), values("y"), &onnxpb.AttributeProto{Name: "alpha", Type: onnxpb.AttributeProto_FLOAT, F: proto.Float32(1)}))
	functions.Graph.Node[0].Domain = "local"
	inner := protoNode("Inner", values("X"), values("Z"))
	inner.Domain = "local"
	functions.Functions = []*onnxpb.FunctionProto{
		{Name: "Outer", Domain: "local", Input: values("X"), Output: values("Y"), Attribute: values("alpha"), Node: []*onnxpb.NodeProto{
			inner, protoNode("Elu", values("Z"), values("Y"), refAttribute("alpha", "alpha")),
		}, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}}},
		{Name: "Inner", Domain: "local", Input: values("X"), Output: values("Z"), Node: []*onnxpb.NodeProto{
			protoNode("Constant", nil, values("k"), refAttribute("value_float", "k")), protoNode("Mul", values("X", "k"), values("Z")),
		}, AttributeProto: []*onnxpb.AttributeProto{{Name: "k", Type: onnxpb.AttributeProto_FLOAT, F: proto.Float32(3)}}},
	}

	sparse := protoModel(protoNode("Add", values("x", "s"), values("y")))
	sparse.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{sparseTensor("s")}

	training := protoModel(protoNode("Relu", values("x"), values("y")))
	training.TrainingInfo = []*onnxpb.TrainingInfoProto{{
		Initialization: protoGraph("w0", protoNode("Constant", nil, values("w0"), tensorAttribute("value", floatTensor("", []int64{1}, 1)))),
		Algorithm:      protoGraph("loss", protoNode("Sub", values("y", "target"), values("loss"))),
		UpdateBinding:  []*onnxpb.StringStringEntryProto{{Key: "w", Value: "loss"}},
	}}

	unordered := protoModel(
		protoNode("Relu", values("b"), values("y")),
		protoNode("Neg", values("a"), values("b")),
		protoNode("Abs", values("x"), values("a")),
	)
	return map[string]*onnxpb.ModelProto{
		"weights": weights, "types": types, "attributes": attributes, "branches": branches,
		"functions": functions, "sparse": sparse, "training": training, "unordered": unordered,
	}
}

// withUnknown returns the bytes of a message with a field that no message of the
// format has.
func withUnknown(b []byte) []byte {
	b = protowire.AppendTag(b, 500, protowire.BytesType)
	return protowire.AppendString(b, "kept")
}

// tensorOf returns a tensor of 3 elements of a type, in its typed field or as bytes,
// or nil where there is none.
func tensorOf(kind onnxpb.TensorProto_DataType, typed bool) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: kind.String(), Dims: []int64{3}, DataType: int32(kind)}
	switch {
	case kind == onnxpb.TensorProto_UNDEFINED || kind == onnxpb.TensorProto_STRING && !typed:
		return nil
	case !typed:
		t.Name += " raw"
		t.RawData = make([]byte, bytesOf(kind, 3))
		for i := range t.RawData {
			t.RawData[i] = byte(1 + i%2)
		}
		return t
	}
	switch kind {
	case onnxpb.TensorProto_STRING:
		t.StringData = [][]byte{[]byte("a"), []byte(""), []byte("\xff")}
	case onnxpb.TensorProto_FLOAT:
		t.FloatData = []float32{1, 2, 3}
	case onnxpb.TensorProto_COMPLEX64:
		t.FloatData = []float32{1, 2, 3, 4, 5, 6}
	case onnxpb.TensorProto_DOUBLE:
		t.DoubleData = []float64{1, 2, 3}
	case onnxpb.TensorProto_COMPLEX128:
		t.DoubleData = []float64{1, 2, 3, 4, 5, 6}
	case onnxpb.TensorProto_INT64:
		t.Int64Data = []int64{1, 2, 3}
	case onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64:
		t.Uint64Data = []uint64{1, 2, 3}
	case onnxpb.TensorProto_INT4, onnxpb.TensorProto_UINT4, onnxpb.TensorProto_FLOAT4E2M1:
		t.Int32Data = []int32{0x21, 0x03}
	case onnxpb.TensorProto_INT2, onnxpb.TensorProto_UINT2:
		t.Int32Data = []int32{0b111001}
	default:
		t.Int32Data = []int32{1, 2, 3}
	}
	return t
}
