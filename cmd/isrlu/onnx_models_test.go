package main

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// writeOpenModel writes y = Relu(h), h = weight x for x of any samples x any steps x
// 2, with the outputs y and h.
func writeOpenModel(t *testing.T, path string, weight float32) {
	t.Helper()
	value := func(name string) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: int32(onnxpb.TensorProto_FLOAT),
			Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
				{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
				{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "steps"}},
				{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 2}},
			}},
		}}}}
	}
	writeModel(t, path, &onnxpb.ModelProto{IrVersion: 8, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}}, Graph: &onnxpb.GraphProto{
		Name: "g", Input: []*onnxpb.ValueInfoProto{value("x")}, Output: []*onnxpb.ValueInfoProto{value("y"), value("h")},
		Node: []*onnxpb.NodeProto{
			{OpType: "MatMul", Name: "product", Input: []string{"x", "w"}, Output: []string{"h"}},
			{OpType: "Relu", Name: "relu", Input: []string{"h"}, Output: []string{"y"}},
		},
		Initializer: []*onnxpb.TensorProto{{
			Name: "w", DataType: int32(onnxpb.TensorProto_FLOAT), Dims: []int64{2, 2}, FloatData: []float32{weight, 0, 0, weight},
		}},
	}})
}

func writeModel(t *testing.T, path string, m *onnxpb.ModelProto) {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// setMetadata gives a model one property.
func setMetadata(t *testing.T, path, key, value string) {
	t.Helper()
	m, _ := readONNX(t, path)
	m.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: key, Value: value}}
	writeModel(t, path, m)
}
