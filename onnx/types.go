package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// elementTypes are the element types of values in a graph, as far as they can be
// told.
type elementTypes struct {
	outer *elementTypes // of the graph around it
	types map[string]onnxpb.TensorProto_DataType
}

// of returns the type of a value, UNDEFINED if it is not known.
func (e *elementTypes) of(value string) onnxpb.TensorProto_DataType {
	for ; e != nil; e = e.outer {
		if t, ok := e.types[value]; ok {
			return t
		}
	}
	return onnxpb.TensorProto_UNDEFINED
}

// set notes the type of a value of the graph that has none yet.
func (e *elementTypes) set(value string, t onnxpb.TensorProto_DataType) {
	if value != "" && t != onnxpb.TensorProto_UNDEFINED && e.types[value] == onnxpb.TensorProto_UNDEFINED {
		e.types[value] = t
	}
}

// elementTypesOf finds the element types in a graph: those that the model states,
// and from them those of what the nodes write.
func elementTypesOf(g *onnxpb.GraphProto, outer *elementTypes) *elementTypes {
	e := &elementTypes{outer, map[string]onnxpb.TensorProto_DataType{}}
	for _, list := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range list {
			e.set(v.Name, onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()))
		}
	}
	for _, t := range g.Initializer {
		e.set(t.Name, dataType(t))
	}
	for _, n := range g.Node {
		for i, name := range n.Output {
			e.set(name, e.ofOutput(n, i))
		}
	}
	// An activation's input has the type of its output, which a graph may state.
	for _, n := range slices.Backward(g.Node) {
		if in := input(n, 0); len(n.Output) > 0 && keepsType(n) && e.of(in) == onnxpb.TensorProto_UNDEFINED {
			e.set(in, e.of(n.Output[0]))
		}
	}
	return e
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
func (e *elementTypes) ofOutput(n *onnxpb.NodeProto, i int) onnxpb.TensorProto_DataType {
	if !isDefault(n.Domain) {
		if n.Domain == microsoftDomain || n.Domain == ownDomain {
			return e.of(input(n, 0))
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
		return e.of(input(n, 1))
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
		return named("dtype", e.of(input(n, 0)))
	case "OneHot":
		return e.of(input(n, 2))
	case "QuantizeLinear":
		if t := e.of(input(n, 2)); t != 0 {
			return t
		}
		return named("output_dtype", onnxpb.TensorProto_UINT8)
	case "DequantizeLinear":
		return e.of(input(n, 1))
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
	return e.of(input(n, 0))
}

func isFloat(t onnxpb.TensorProto_DataType) bool {
	return t == onnxpb.TensorProto_FLOAT || isOtherFloat(t)
}

func isOtherFloat(t onnxpb.TensorProto_DataType) bool {
	return t == onnxpb.TensorProto_FLOAT16 || t == onnxpb.TensorProto_BFLOAT16 || t == onnxpb.TensorProto_DOUBLE
}

// otherFloat returns a type of floating-point numbers beside float32 that the model
// has, UNDEFINED for none.
func (m *Model) otherFloat() onnxpb.TensorProto_DataType {
	var found onnxpb.TensorProto_DataType
	see := func(t onnxpb.TensorProto_DataType) {
		if isOtherFloat(t) {
			found = t
		}
	}
	for _, t := range m.tensors() {
		see(dataType(t))
	}
	var look func(g *onnxpb.GraphProto)
	look = func(g *onnxpb.GraphProto) {
		for _, list := range [][]*onnxpb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
			for _, v := range list {
				see(onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()))
			}
		}
		for _, n := range g.Node {
			for _, name := range []string{"to", "dtype", "output_dtype"} {
				see(onnxpb.TensorProto_DataType(intAttribute(n, name, 0)))
			}
			for _, sub := range subgraphs(n) {
				look(sub)
			}
		}
	}
	look(m.proto.Graph)
	return found
}

// floatType returns the type of floating-point values of which this is known. Where
// nothing is, they are float32 in a model that has no other floating-point numbers.
func (s *swapper) floatType(known onnxpb.TensorProto_DataType, value string, n *onnxpb.NodeProto) (onnxpb.TensorProto_DataType, error) {
	switch {
	case isFloat(known):
		return known, nil
	case known != onnxpb.TensorProto_UNDEFINED:
		return 0, fmt.Errorf("%s: its values are %s, not floating-point numbers", label(n), typeName(known))
	case s.otherFloat != onnxpb.TensorProto_UNDEFINED:
		return 0, fmt.Errorf("%s: the element type of %q cannot be told, and the model has %s too; infer its types first, such as by onnx.shape_inference", label(n), value, typeName(s.otherFloat))
	}
	return onnxpb.TensorProto_FLOAT, nil
}

// typeName is what people call an element type.
func typeName(t onnxpb.TensorProto_DataType) string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return t.String()
}

// typeNames are NumPy's.
var typeNames = map[onnxpb.TensorProto_DataType]string{
	onnxpb.TensorProto_UNDEFINED: "unknown",
	onnxpb.TensorProto_FLOAT:     "float32", onnxpb.TensorProto_DOUBLE: "float64", onnxpb.TensorProto_FLOAT16: "float16", onnxpb.TensorProto_BFLOAT16: "bfloat16",
	onnxpb.TensorProto_INT8: "int8", onnxpb.TensorProto_INT16: "int16", onnxpb.TensorProto_INT32: "int32", onnxpb.TensorProto_INT64: "int64",
	onnxpb.TensorProto_UINT8: "uint8", onnxpb.TensorProto_UINT16: "uint16", onnxpb.TensorProto_UINT32: "uint32", onnxpb.TensorProto_UINT64: "uint64",
	onnxpb.TensorProto_BOOL: "bool", onnxpb.TensorProto_STRING: "string",
}
