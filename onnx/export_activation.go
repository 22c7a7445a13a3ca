package onnx

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu"
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
	f, err := isrlu.Parse(info.Function)
	if err != nil {
		return exported{}, err
	}
	var perChannel []float64
	if name, ok := e.learned(info); ok {
		p := e.params[name]
		values, err := e.take(name, p.shape...)
		if err != nil {
			return exported{}, err
		}
		for i := range values {
			values[i] = max(values[i], p.least)
		}
		if len(values) == 1 {
			params := f.Params()
			params[0] = values[0]
			if f, err = isrlu.New(f.Name(), params...); err != nil {
				return exported{}, err
			}
		} else if len(values) == channelsOf(x.shape) {
			perChannel = values
		} else {
			return exported{}, fmt.Errorf("it has learned %d parameters for %d channels", len(values), channelsOf(x.shape))
		}
	}
	x.name, err = e.function(info.Name, f, perChannel, alongChannels(x.shape), x.name)
	return x, err
}

// function appends an activation function, whose first parameter may differ by
// channel: dims are the dimensions of a tensor of these.
func (e *exporter) function(name string, f *isrlu.Function, perChannel []float64, dims []int, x string) (string, error) {
	node := func(op, suffix string, inputs ...string) string { return e.node(op, name+suffix, inputs) }
	params := f.Params()
	first := func(g func(float64) float64) []float64 {
		list := perChannel
		if list == nil {
			list = params[:1]
		}
		var out []float64
		for _, v := range list {
			out = append(out, g(v))
		}
		return out
	}
	value := func(suffix string, v []float64) string {
		if perChannel == nil {
			return e.constant(name+suffix, nil, v...)
		}
		return e.constant(name+suffix, dims, v...)
	}
	itself := func(v float64) float64 { return v }
	switch f.Name() {
	case "identity":
		return x, nil
	case "relu":
		return node("Relu", "", x), nil
	case "tanh":
		return node("Tanh", "", x), nil
	case "sigmoid":
		return node("Sigmoid", "", x), nil
	case "softplus":
		return node("Softplus", "", x), nil
	case "selu":
		return node("Selu", "", x), nil
	case "leaky_relu":
		if perChannel != nil {
			return node("PRelu", "", x, value(".slope", first(itself))), nil
		}
		return e.node("LeakyRelu", name, []string{x}, floatAttr("alpha", params[0])), nil
	case "elu":
		if perChannel == nil {
			return e.node("Elu", name, []string{x}, floatAttr("alpha", params[0])), nil
		}
		below := node("Elu", ".elu", node("Min", ".negative", x, e.constant(name+".zero", nil, 0)))
		return node("Add", "", node("Relu", ".positive", x), node("Mul", ".mul_alpha", below, value(".alpha", first(itself)))), nil
	case "silu":
		return node("Mul", "", x, node("Sigmoid", ".sigmoid", x)), nil
	case "gelu":
		u := node("Erf", ".erf", node("Mul", ".scaled", x, e.constant(name+".root", nil, 1/math.Sqrt2)))
		u = node("Add", ".add_one", u, e.constant(name+".one", nil, 1))
		return node("Mul", "", node("Mul", ".half", x, e.constant(name+".half", nil, .5)), u), nil
	case "gelu_tanh":
		cube := node("Mul", ".cube", node("Mul", ".square", x, x), x)
		u := node("Add", ".sum", x, node("Mul", ".mul_cube", cube, e.constant(name+".cube", nil, 0.044715)))
		u = node("Tanh", ".tanh", node("Mul", ".scaled", u, e.constant(name+".root", nil, math.Sqrt(2/math.Pi))))
		u = node("Add", ".add_one", u, e.constant(name+".one", nil, 1))
		return node("Mul", "", node("Mul", ".half", x, e.constant(name+".half", nil, .5)), u), nil
	case "isrlu":
		const flat = 0x1p12
		m := node("Max", ".bounded", x, value(".low", first(func(a float64) float64 { return -flat / math.Sqrt(a) })))
		n := node("Min", ".negative", m, e.constant(name+".zero", nil, 0))
		s := node("Mul", ".mul_alpha", node("Mul", ".square", n, n), value(".alpha", first(itself)))
		return node("Div", "", m, node("Sqrt", ".sqrt", node("Add", ".add_one", s, e.constant(name+".one", nil, 1)))), nil
	case "isru", "isru_sigmoid", "dyisru":
		const flat = 0x1p12
		scale, beta := 1., 1.
		bound := func(a float64) float64 { return flat / math.Sqrt(a) }
		switch f.Name() {
		case "isru_sigmoid":
			scale = params[1]
			bound = func(a float64) float64 { return flat / math.Sqrt(a) / scale }
		case "dyisru":
			beta = params[1]
			bound = func(float64) float64 { return flat * math.Sqrt(beta) }
		}
		high := first(bound)
		low := make([]float64, len(high))
		for i := range low {
			low[i] = -high[i]
		}
		m := node("Min", ".bounded", node("Max", ".bounded_below", x, value(".low", low)), value(".high", high))
		square := node("Mul", ".square", m, m)
		root := func(s string) string { return node("Div", ".div", m, node("Sqrt", ".sqrt", s)) }
		switch f.Name() {
		case "isru":
			s := node("Mul", ".mul_alpha", square, value(".alpha", first(itself)))
			return root(node("Add", ".add_one", s, e.constant(name+".one", nil, 1))), nil
		case "isru_sigmoid":
			s := node("Mul", ".mul_alpha", square, value(".alpha", first(func(a float64) float64 { return 4 * a })))
			s = node("Add", ".add_four", s, e.constant(name+".four", nil, 4/(scale*scale)))
			return node("Add", "", root(s), e.constant(name+".half", nil, .5)), nil
		}
		s := node("Add", ".add_beta", square, e.constant(name+".beta", nil, beta))
		return node("Mul", "", root(s), value(".scale", first(itself))), nil
	}
	return "", fmt.Errorf("the function %s is not written in ONNX", f)
}
