package onnx

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// elementTypes are the element types of values, as far as they can be told.
type elementTypes map[string]onnxpb.TensorProto_DataType

// elementTypesOf finds the element types in a graph: those that the model states,
// and from them those of what the nodes write. outer has those of the graphs
// around it.
func elementTypesOf(g *onnxpb.GraphProto, outer elementTypes) elementTypes {
	types := elementTypes{}
	for name, t := range outer {
		types[name] = t
	}
	state := func(list []*onnxpb.ValueInfoProto) {
		for _, v := range list {
			if t := v.GetType().GetTensorType(); t != nil && t.ElemType != 0 {
				types[v.Name] = onnxpb.TensorProto_DataType(t.ElemType)
			}
		}
	}
	state(g.Input)
	state(g.Output)
	state(g.ValueInfo)
	for _, t := range g.Initializer {
		types[t.Name] = dataType(t)
	}
	for _, n := range g.Node {
		for i, name := range n.Output {
			if name == "" || types[name] != 0 {
				continue
			}
			if t := types.ofOutput(n, i); t != 0 {
				types[name] = t
			}
		}
	}
	// An activation's input has the type of its output, which a graph may state.
	for i := len(g.Node) - 1; i >= 0; i-- {
		n := g.Node[i]
		if in := input(n, 0); in != "" && types[in] == 0 && len(n.Output) > 0 && keepsType(n) {
			types[in] = types[n.Output[0]]
		}
	}
	return types
}

// keepsType tells whether a node writes the type of its first input.
func keepsType(n *onnxpb.NodeProto) bool {
	return isDefault(n.Domain) && !otherType[n.OpType]
}

// otherType are the operators whose outputs are not of the type of their first
// input, or not always.
var otherType = map[string]bool{
	"Cast": true, "CastLike": true, "Shape": true, "Size": true, "NonZero": true, "ArgMax": true, "ArgMin": true,
	"Equal": true, "Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true, "IsNaN": true, "IsInf": true,
	"Where": true, "Constant": true, "ConstantOfShape": true, "EyeLike": true, "OneHot": true, "RandomNormal": true, "RandomUniform": true,
	"RandomNormalLike": true, "RandomUniformLike": true, "Multinomial": true, "Bernoulli": true,
	"QuantizeLinear": true, "DequantizeLinear": true, "DynamicQuantizeLinear": true, "QLinearConv": true, "QLinearMatMul": true,
	"ConvInteger": true, "MatMulInteger": true, "NonMaxSuppression": true,
	"If": true, "Loop": true, "Scan": true, "SequenceAt": true, "SequenceConstruct": true, "SequenceLength": true, "SplitToSequence": true,
	"ConcatFromSequence": true, "Optional": true, "OptionalGetElement": true, "OptionalHasElement": true, "TfIdfVectorizer": true,
	"StringNormalizer": true, "StringSplit": true, "StringConcat": true, "RegexFullMatch": true, "ImageDecoder": true,
	"BlackmanWindow": true, "HannWindow": true, "HammingWindow": true, "MelWeightMatrix": true,
}

// ofOutput returns the element type of a node's output, 0 if it cannot be told.
func (types elementTypes) ofOutput(n *onnxpb.NodeProto, i int) onnxpb.TensorProto_DataType {
	if !isDefault(n.Domain) {
		if n.Domain == microsoftDomain || n.Domain == ownDomain {
			return types[input(n, 0)]
		}
		return 0
	}
	named := func(name string, otherwise onnxpb.TensorProto_DataType) onnxpb.TensorProto_DataType {
		return onnxpb.TensorProto_DataType(intAttribute(n, name, int64(otherwise)))
	}
	switch n.OpType {
	case "Cast":
		return named("to", 0)
	case "CastLike", "Where":
		return types[input(n, 1)]
	case "Shape", "Size", "NonZero", "ArgMax", "ArgMin", "NonMaxSuppression":
		return onnxpb.TensorProto_INT64
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "IsNaN", "IsInf":
		return onnxpb.TensorProto_BOOL
	case "Constant":
		if t := constantTensor(n); t != nil {
			return dataType(t)
		}
	case "ConstantOfShape":
		if t := attribute(n, "value").GetT(); t != nil {
			return dataType(t)
		}
		return onnxpb.TensorProto_FLOAT
	case "RandomNormal", "RandomUniform":
		return named("dtype", onnxpb.TensorProto_FLOAT)
	case "RandomNormalLike", "RandomUniformLike", "EyeLike", "Bernoulli":
		return named("dtype", types[input(n, 0)])
	case "OneHot":
		return types[input(n, 2)]
	case "QuantizeLinear":
		if t := types[input(n, 2)]; t != 0 {
			return t
		}
		return named("output_dtype", onnxpb.TensorProto_UINT8)
	case "DequantizeLinear":
		return types[input(n, 1)]
	case "If", "Scan":
		// An output of a branch says what it is, or does not.
		for _, sub := range subgraphs(n) {
			if i < len(sub.Output) {
				return onnxpb.TensorProto_DataType(sub.Output[i].GetType().GetTensorType().GetElemType())
			}
		}
	case "TopK", "Unique", "MaxPool":
		if i > 0 {
			return onnxpb.TensorProto_INT64
		}
	}
	if otherType[n.OpType] {
		return 0
	}
	return types[input(n, 0)]
}

// float returns the type of a floating-point value. Where nothing tells it, it is
// float32 in a model that has no other floating-point numbers.
func (types elementTypes) float(m *Model, value string, n *onnxpb.NodeProto) (onnxpb.TensorProto_DataType, error) {
	switch t := types[value]; t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return t, nil
	case onnxpb.TensorProto_UNDEFINED:
		for _, t := range types {
			if isOtherFloat(t) {
				return 0, unknownTypeError(n, value, t)
			}
		}
		for _, tensor := range m.tensors() {
			if t := dataType(tensor); isOtherFloat(t) {
				return 0, unknownTypeError(n, value, t)
			}
		}
		return onnxpb.TensorProto_FLOAT, nil
	default:
		return 0, fmt.Errorf("%s: its values are %s, not floating-point numbers", label(n), typeName(t))
	}
}

func isOtherFloat(t onnxpb.TensorProto_DataType) bool {
	return t == onnxpb.TensorProto_FLOAT16 || t == onnxpb.TensorProto_BFLOAT16 || t == onnxpb.TensorProto_DOUBLE
}

func unknownTypeError(n *onnxpb.NodeProto, value string, t onnxpb.TensorProto_DataType) error {
	return fmt.Errorf("%s: the element type of %q cannot be told, and the model has %s too; infer its types first, such as by onnx.shape_inference", label(n), value, typeName(t))
}
