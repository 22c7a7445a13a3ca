package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// ExportOptions are how Export writes a network.
type ExportOptions struct {
	// Opset is the version of ONNX's operators, from 13 to 26; 17 if zero.
	Opset int
	// Batch is the number of samples of a run; if zero, the model takes any number
	// of them, a dimension called N.
	Batch int
	// InputLayout is "nchw" (if empty too) for images that are channels x height x
	// width, as most ONNX models take them, or "nhwc" for those that are height x
	// width x channels, as package nn has them. It means nothing for other inputs.
	InputLayout string
	// Mean and Std normalize the input inside the model, by (x - Mean)/Std; not if
	// Std is zero.
	Mean, Std float64
	// Softmax turns the output of the network into probabilities, over the features.
	Softmax bool
	// Style is how activation functions are written that ONNX has no operator for.
	// Those inside recurrent layers, and those with a learned parameter to each
	// channel, are always primitive.
	Style Style
	// Float64 writes a model that computes in float64. Many runtimes lack some
	// operators for it. If it is false, weights of a float64 network are rounded to
	// float32.
	Float64 bool
	// Metadata are the model's metadata_props.
	Metadata map[string]string
}

// The versions of ONNX's operators that Export writes.
const (
	oldestExport  = 13
	usualExport   = 17
	newestExport  = 26
	inputName     = "input"
	outputName    = "output"
	batchName     = "N"
	exporterName  = "isrlu"
	channelsFirst = "nchw"
	channelsLast  = "nhwc"
)

// Export returns a network and its weights as an ONNX model.
//
// Its input is called "input": batch x channels x height x width for an image (see
// ExportOptions.InputLayout), batch x time steps x features for a sequence, batch x
// features, or the numbers of tokens as int64, batch x time steps. Its output is
// called "output": batch x features, or batch x time steps x features. Initializers
// have the names of the network's parameters, nodes those of the layers; a layer of
// several nodes has a suffix for each. The results are those of [nn.Model.Predict]
// but for rounding.
//
// An error names the layer that cannot be written.
func Export[T nn.Float](m *nn.Model[T], o ExportOptions) (*Model, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.usual()
	e := &exporter{
		o: o, network: m.Network(), layers: map[string]nn.LayerInfo{}, names: newNames(inputName, outputName),
		params: map[string]exportedParameter{}, unused: map[string]bool{},
		masks: map[int]string{}, functions: map[string]*onnxpb.FunctionProto{}, kind: onnxpb.TensorProto_FLOAT,
	}
	if o.Float64 {
		e.kind = onnxpb.TensorProto_DOUBLE
	}
	for _, l := range m.Layers() {
		e.layers[strings.TrimSuffix(l.Name, "."+l.Kind)] = l
	}
	for _, p := range m.Parameters() {
		e.names.taken[p.Name], e.unused[p.Name] = true, true
		e.params[p.Name] = exportedParameter{shape: p.Shape, least: p.Least, values: func() []float64 {
			v := make([]float64, len(p.Value))
			for i, x := range p.Value {
				v[i] = float64(x)
			}
			return v
		}}
	}
	if err := e.export(m.Output()); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return e.model()
}

// Check returns an error that names the option that is out of its range.
func (o ExportOptions) Check() error {
	if o.Opset != 0 && (o.Opset < oldestExport || o.Opset > newestExport) {
		return fmt.Errorf("onnx: opset must be from %d to %d, got %d", oldestExport, newestExport, o.Opset)
	}
	if o.Batch < 0 {
		return fmt.Errorf("onnx: batch must not be negative, got %d; 0 is for any number", o.Batch)
	}
	switch o.InputLayout {
	case "", channelsFirst, channelsLast:
	default:
		return fmt.Errorf("onnx: the layout of images must be %s or %s, got %q", channelsFirst, channelsLast, o.InputLayout)
	}
	if int(o.Style) >= len(styleNames) {
		return fmt.Errorf("onnx: unknown style %d", o.Style)
	}
	if math.IsNaN(o.Mean) || math.IsInf(o.Mean, 0) || !(o.Std >= 0) || math.IsInf(o.Std, 0) {
		return fmt.Errorf("onnx: the mean must be finite and the standard deviation positive, got %v and %v", o.Mean, o.Std)
	}
	return nil
}

// usual returns the options with those set that are empty.
func (o ExportOptions) usual() ExportOptions {
	o.Opset = cmp.Or(o.Opset, usualExport)
	o.InputLayout = cmp.Or(o.InputLayout, channelsFirst)
	return o
}

// An exporter makes the graph of a network.
type exporter struct {
	o       ExportOptions
	network nn.Network
	// layers are those of the model, by their names without the kind, such as
	// "1.residual.body.2".
	layers map[string]nn.LayerInfo
	params map[string]exportedParameter
	unused map[string]bool // parameters that no node has yet
	kind   onnxpb.TensorProto_DataType
	names  namer

	graph     onnxpb.GraphProto
	constants map[string]string                // those of activation functions, see builder
	masks     map[int]string                   // of causal attention, by their time steps
	functions map[string]*onnxpb.FunctionProto // the model's own, by their names
	calls     bool                             // whether there are nodes of this package's domain
	err       error                            // the first number that the element type does not hold
}

// An exportedParameter is one of the network's.
type exportedParameter struct {
	shape  nn.Shape
	least  float64
	values func() []float64
}

// An exported is a value of the graph and the shape of one sample of it in the network.
type exported struct {
	name  string
	shape nn.Shape
	// last tells that the channels of an image are last in the graph too, flat that
	// features are those of an image of this shape, flattened with its channels first.
	last bool
	flat nn.Shape
}

// export appends the nodes of the network, whose output has the shape of out.
func (e *exporter) export(out nn.Shape) error {
	x, err := e.input()
	if err != nil {
		return err
	}
	if e.o.Std != 0 {
		if e.takesTokens() {
			return errors.New("the input is tokens, which have no mean and standard deviation; leave them 0")
		}
		x.name = e.node("Sub", "normalize.mean", []string{x.name, e.constant("normalize.mean", nil, e.o.Mean)})
		x.name = e.node("Div", "normalize.std", []string{x.name, e.constant("normalize.std", nil, e.o.Std)})
		if e.err != nil {
			return e.err
		}
	}
	if x, err = e.sequence("", e.network.Layers, x); err != nil {
		return err
	}
	if !slices.Equal(x.shape, out) {
		return fmt.Errorf("the network's output is %v, but that of its last layer %v", out, x.shape)
	}
	for _, name := range slices.Sorted(maps.Keys(e.unused)) {
		return fmt.Errorf("no node takes the parameter %s", name)
	}
	if e.o.Softmax {
		x.name = e.node("Softmax", "softmax", []string{x.name}, intAttr("axis", -1))
	}
	if x.name == inputName {
		x.name = e.node("Identity", "identity", []string{x.name})
	}
	e.rename(x.name, outputName)
	e.graph.Output = []*onnxpb.ValueInfoProto{e.valueInfo(outputName, e.kind, x.shape)}
	return nil
}

// input makes the graph's input.
func (e *exporter) input() (exported, error) {
	shape := e.network.Input
	dims, kind := shape, e.kind
	if e.takesTokens() {
		kind = onnxpb.TensorProto_INT64
	}
	if len(shape) == 3 && e.o.InputLayout == channelsFirst {
		dims = nn.Shape{shape[2], shape[0], shape[1]}
	}
	e.graph.Input = []*onnxpb.ValueInfoProto{e.valueInfo(inputName, kind, dims)}
	return exported{name: inputName, shape: shape, last: len(shape) == 3 && e.o.InputLayout == channelsLast}, nil
}

// takesTokens tells whether the network begins with an embedding.
func (e *exporter) takesTokens() bool {
	return len(e.network.Layers) > 0 && e.layers["1"].Kind == "embedding"
}

// sequence appends the nodes of layers, whose names begin with the prefix.
func (e *exporter) sequence(prefix string, layers nn.Sequential, x exported) (exported, error) {
	for i, l := range layers {
		info, err := e.info(prefix, i)
		if err != nil {
			return exported{}, err
		}
		y, err := e.layer(info, plainLayer(l), following{prefix, layers, i + 1}, x)
		if err == nil {
			err = e.err
		}
		if err != nil {
			return exported{}, inLayer(info, err)
		}
		x = y
	}
	return x, nil
}

// following are the layers of a sequence from the one with the index first on.
type following struct {
	prefix string
	layers nn.Sequential
	first  int
}

// info returns what the model says of the i-th layer of a sequence.
func (e *exporter) info(prefix string, i int) (nn.LayerInfo, error) {
	number := prefix + strconv.Itoa(i+1)
	info, ok := e.layers[number]
	if !ok {
		return info, fmt.Errorf("the network's description has a layer %s, which the model has not", number)
	}
	return info, nil
}

// A layerError names the innermost layer that it is about.
type layerError struct {
	layer string
	err   error
}

func (e *layerError) Error() string { return fmt.Sprintf("layer %s: %v", e.layer, e.err) }
func (e *layerError) Unwrap() error { return e.err }

func inLayer(info nn.LayerInfo, err error) error {
	if _, ok := errors.AsType[*layerError](err); ok {
		return err
	}
	return &layerError{info.Name, err}
}

// plainLayer returns the layer that a pointer to one points to.
func plainLayer(l nn.Layer) nn.Layer {
	if v := reflect.ValueOf(l); v.Kind() == reflect.Pointer && !v.IsNil() {
		return v.Elem().Interface().(nn.Layer)
	}
	return l
}

// model returns the model of the graph.
func (e *exporter) model() (*Model, error) {
	e.graph.Name = e.network.Name
	if e.graph.Name == "" {
		e.graph.Name = "network"
	}
	p := &onnxpb.ModelProto{
		IrVersion: irVersion(e.o.Opset), ProducerName: exporterName, Graph: &e.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: int64(e.o.Opset)}},
	}
	if e.calls {
		p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: ownDomain, Version: 1})
	}
	for _, name := range slices.Sorted(maps.Keys(e.functions)) {
		p.Functions, p.IrVersion = append(p.Functions, e.functions[name]), max(p.IrVersion, functionIR)
	}
	for _, key := range slices.Sorted(maps.Keys(e.o.Metadata)) {
		p.MetadataProps = append(p.MetadataProps, &onnxpb.StringStringEntryProto{Key: key, Value: e.o.Metadata[key]})
	}
	m := &Model{proto: p}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

// irVersion returns the version of the file format for a version of the operators:
// the one that came with it, or an earlier one that has all that is written here.
func irVersion(opset int) int64 {
	switch {
	case opset <= 14:
		return 7
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	case opset <= 22:
		return 10
	case opset <= 23:
		return 11
	}
	return 12
}
