package onnx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// learned returns the parameter that an activation layer has learned, if it has one.
func (e *exporter) learned(info nn.LayerInfo) (name string, ok bool) {
	f, err := isrlu.Parse(info.Function)
	if err != nil || len(f.Params()) == 0 {
		return "", false
	}
	name = info.Name + "." + f.Info().Params[0].Name
	_, ok = e.params[name]
	return name, ok
}

// activationLayer appends an activation layer, whose parameter may be learned.
func (e *exporter) activationLayer(info nn.LayerInfo, x exported) (exported, error) {
	f, err := parseFunction(info.Function)
	if err != nil {
		return exported{}, err
	}
	var perChannel []float64
	name, ok := e.learned(info)
	if ok {
		p := e.params[name]
		values, err := e.take(name, p.shape...)
		if err != nil {
			return exported{}, err
		}
		for i := range values {
			values[i] = max(values[i], p.least)
			params := f.Params()
			params[0] = values[i]
			if f, err = isrlu.New(f.Name(), params...); err != nil {
				return exported{}, errors.New(strings.TrimPrefix(err.Error(), "isrlu: "))
			}
		}
		if len(values) == channelsOf(x.shape) && len(values) > 1 {
			perChannel = values
		} else if len(values) != 1 {
			return exported{}, fmt.Errorf("it has learned %d parameters for %d channels", len(values), channelsOf(x.shape))
		}
	}
	b := e.builder(info.Name)
	var y string
	switch {
	case perChannel != nil:
		dims := dims64(alongChannels(x.shape))
		if f.Name() != "isru_sigmoid" { // whose nodes have four times these numbers
			b.parameter(name, dims, perChannel)
		}
		y, err = b.functionByChannel(f, perChannel, dims, x.name)
	case f.Name() == "identity":
		return x, nil
	case e.o.Style != Primitive && ownOperators[f.Name()] != "":
		y, err = e.call(b, f, x.name)
	default:
		y, err = b.function(f, x.name)
	}
	if err != nil {
		return exported{}, err
	}
	b.last().Name = e.names.name(info.Name)
	e.add(b)
	x.name = y
	return x, nil
}

// parameter adds a constant under the name of a parameter, unless there is one of
// the same content.
func (b *builder) parameter(name string, dims []int64, v []float64) {
	before := len(b.initializers)
	made := b.numbers("parameter", dims, v...)
	if len(b.initializers) == before {
		return
	}
	b.initializers[before].Name = name
	for key, have := range b.constants {
		if have == made {
			b.constants[key] = name
		}
	}
}

// builder returns a builder of nodes for a layer.
func (e *exporter) builder(layer string) *builder {
	return &builder{names: e.names, opset: int64(e.o.Opset), elem: e.kind, base: layer, constants: e.constants}
}

// add appends what a builder has made.
func (e *exporter) add(b *builder) {
	e.constants = b.constants
	e.graph.Node = append(e.graph.Node, b.nodes...)
	e.graph.Initializer = append(e.graph.Initializer, b.initializers...)
}

// call adds a node of this package's domain, and to the model what it needs for it.
func (e *exporter) call(b *builder, f *isrlu.Function, x string) (string, error) {
	op := ownOperators[f.Name()]
	if e.o.Style == LocalFunction {
		if e.kind != onnxpb.TensorProto_FLOAT { // a function's constants have one type
			op += "_" + typeName(e.kind)
		}
		if e.functions[op] == nil {
			own, err := ownFunction(f, op, b.opset, e.kind)
			if err != nil {
				return "", err
			}
			e.functions[op] = own
		}
	}
	y := b.node(op, x)
	b.last().Domain = ownDomain
	for i, p := range f.Info().Params {
		setFloat(b.last(), p.Name, f.Params()[i])
	}
	e.calls = true
	return y, nil
}

// functionByChannel adds the nodes of a function whose first parameter is that of
// each channel, in a tensor of dims.
func (b *builder) functionByChannel(f *isrlu.Function, v []float64, dims []int64, x string) (string, error) {
	switch p := f.Params(); f.Name() {
	case "isrlu", "isru":
		return b.isr(f.Name(), x, dims, v...)
	case "isru_sigmoid":
		return b.isruSigmoid(x, p[1], dims, v...)
	case "dyisru":
		y, err := b.dyisru(x, 1, p[1])
		if err != nil {
			return "", err
		}
		return b.node("Mul", y, b.numbers("scale", dims, v...)), nil
	case "leaky_relu":
		return b.node("PRelu", x, b.numbers("slope", dims, v...)), nil
	case "elu":
		below := b.node("Elu", b.node("Min", x, b.number("zero", 0)))
		return b.node("Add", b.node("Relu", x), b.node("Mul", below, b.numbers("alpha", dims, v...))), nil
	}
	return "", fmt.Errorf("%s with a parameter to each channel is not written in ONNX", f.Name())
}
