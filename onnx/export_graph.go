package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// node appends a node and returns its output.
func (e *exporter) node(op, name string, inputs []string, attributes ...*onnxpb.AttributeProto) string {
	return e.nodes(op, name, 1, inputs, attributes...)[0]
}

// nodes appends a node of several outputs.
func (e *exporter) nodes(op, name string, outputs int, inputs []string, attributes ...*onnxpb.AttributeProto) []string {
	n := &onnxpb.NodeProto{OpType: op, Name: e.names.name(name), Input: inputs, Attribute: attributes}
	for range outputs {
		n.Output = append(n.Output, e.names.name(n.Name+"_output"))
	}
	e.graph.Node = append(e.graph.Node, n)
	return n.Output
}

// rename gives a value of the graph another name.
func (e *exporter) rename(from, to string) {
	for _, n := range e.graph.Node {
		for _, list := range [][]string{n.Input, n.Output} {
			for i := range list {
				if list[i] == from {
					list[i] = to
				}
			}
		}
	}
}

// initializer appends a tensor of floating-point numbers, in the element type of
// the model, and returns its name, which must not be taken. A number beyond the
// element type sets e.err.
func (e *exporter) initializer(name string, dims []int, values []float64) string {
	t := &onnxpb.TensorProto{Name: name, Dims: dims64(dims), DataType: int32(e.kind), RawData: make([]byte, 0, bytesOf(e.kind, int64(len(values))))}
	for _, v := range values {
		if e.kind == onnxpb.TensorProto_DOUBLE {
			t.RawData = binary.LittleEndian.AppendUint64(t.RawData, math.Float64bits(v))
			continue
		}
		f := float32(v)
		if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) && e.err == nil {
			e.err = fmt.Errorf("%s holds %v, which is beyond float32; export in float64", name, v)
		}
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(f))
	}
	e.graph.Initializer = append(e.graph.Initializer, t)
	return name
}

// constant appends numbers that are no parameter of the network.
func (e *exporter) constant(name string, dims []int, values ...float64) string {
	return e.initializer(e.names.name(name+"_value"), dims, values)
}

// ints appends a list of whole numbers.
func (e *exporter) ints(name string, values ...int) string {
	name = e.names.name(name)
	e.graph.Initializer = append(e.graph.Initializer, intTensor(name, []int64{int64(len(values))}, dims64(values)...))
	return name
}

// take returns the values of a parameter, and notes that a node has it.
func (e *exporter) take(name string, shape ...int) ([]float64, error) {
	p, ok := e.params[name]
	if !ok {
		return nil, fmt.Errorf("the network has no parameter %s", name)
	}
	if !slices.Equal(p.shape, shape) {
		return nil, fmt.Errorf("the parameter %s has the shape %v, expected %v", name, p.shape, shape)
	}
	delete(e.unused, name)
	return p.values(), nil
}

// vector appends a parameter with an element for each of n channels, so that it
// meets those of a value of the shape.
func (e *exporter) vector(name string, like nn.Shape) (string, error) {
	n := channelsOf(like)
	values, err := e.take(name, n)
	if err != nil {
		return "", err
	}
	return e.initializer(name, alongChannels(like), values), nil
}

// alongChannels returns the dimensions of a vector that meets the channels of a
// value of the shape.
func alongChannels(like nn.Shape) []int {
	if len(like) == 3 {
		return []int{channelsOf(like), 1, 1}
	}
	return []int{channelsOf(like)}
}

func channelsOf(s nn.Shape) int { return s[len(s)-1] }

// valueInfo describes an input or output by the dimensions of a sample.
func (e *exporter) valueInfo(name string, kind onnxpb.TensorProto_DataType, sample []int) *onnxpb.ValueInfoProto {
	batch := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: batchName}}
	if e.o.Batch > 0 {
		batch.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(e.o.Batch)}
	}
	shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{batch}}
	for _, d := range sample {
		shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(kind), Shape: shape},
	}}}
}

func dims64(dims []int) []int64 {
	out := make([]int64, len(dims))
	for i, d := range dims {
		out[i] = int64(d)
	}
	return out
}

// permuted returns the elements of a tensor with its dimensions in another order:
// dimension i of the result is dimension order[i] of x.
func permuted(x []float64, dims []int, order ...int) []float64 {
	strides := make([]int, len(dims))
	for i, n := len(dims)-1, 1; i >= 0; i-- {
		strides[i] = n
		n *= dims[i]
	}
	y := make([]float64, 0, len(x))
	var walk func(level, at int)
	walk = func(level, at int) {
		if level == len(order) {
			y = append(y, x[at])
			return
		}
		d := order[level]
		for i := range dims[d] {
			walk(level+1, at+i*strides[d])
		}
	}
	walk(0, 0)
	return y
}

func intAttr(name string, v int) *onnxpb.AttributeProto {
	i := int64(v)
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INT, I: &i}
}

func intsAttr(name string, v ...int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INTS, Ints: dims64(v)}
}

func floatAttr(name string, v float64) *onnxpb.AttributeProto {
	f := float32(v)
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOAT, F: &f}
}

func stringAttr(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_STRING, S: []byte(v)}
}
