package onnx

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/nn"
)

// norm appends a normalization over the channels of each time step or pixel.
func (e *exporter) norm(info nn.LayerInfo, l nn.Layer, x exported) (exported, error) {
	if n, ok := l.(nn.Norm); ok {
		method := n.Method
		if method == "" {
			method = e.network.Norm
		}
		switch method {
		case "", "rms_norm":
			l = nn.RMSNorm{}
		case "layer_norm":
			l = nn.LayerNorm{}
		case "dyt":
			l = nn.DyT{}
		case "dyisru":
			l = nn.DyISRU{}
		default:
			return exported{}, fmt.Errorf("the norm method %q is not written in ONNX", method)
		}
	}
	scale, err := e.vector(info.Name+".scale", x.shape)
	if err != nil {
		return exported{}, err
	}
	shift := ""
	if _, ok := l.(nn.RMSNorm); !ok {
		if shift, err = e.vector(info.Name+".shift", x.shape); err != nil {
			return exported{}, err
		}
	}
	name := x.name
	switch l := l.(type) {
	case nn.LayerNorm:
		epsilon := floatOr(l.Epsilon, 1e-5)
		if e.o.Opset >= 17 && len(x.shape) < 3 {
			x.name = e.node("LayerNormalization", info.Name, []string{name, scale, shift}, intAttr("axis", -1), floatAttr("epsilon", epsilon))
			return x, nil
		}
		mean := e.mean(info.Name+".mean", name, channelAxis(x.shape), true)
		name = e.node("Sub", info.Name+".sub_mean", []string{name, mean})
		name = e.overRoot(info.Name, name, epsilon, x.shape)
	case nn.RMSNorm:
		name = e.overRoot(info.Name, name, floatOr(l.Epsilon, 1e-6), x.shape)
	case nn.DyT:
		alpha, err := e.take(info.Name+".alpha", 1)
		if err != nil {
			return exported{}, err
		}
		name = e.node("Mul", info.Name+".mul_alpha", []string{name, e.initializer(info.Name+".alpha", nil, alpha)})
		name = e.node("Tanh", info.Name, []string{name})
	case nn.DyISRU:
		beta, err := e.take(info.Name+".beta", 1)
		if err != nil {
			return exported{}, err
		}
		square := e.node("Mul", info.Name+".square", []string{name, name})
		sum := e.node("Add", info.Name+".add_beta", []string{square, e.initializer(info.Name+".beta", nil, beta)})
		name = e.node("Div", info.Name, []string{name, e.node("Sqrt", info.Name+".sqrt", []string{sum})})
		factor := e.constant(info.Name+".factor", nil, math.Sqrt(float64(channelsOf(x.shape))))
		name = e.node("Mul", info.Name+".mul_factor", []string{name, factor})
	}
	x.name = e.node("Mul", info.Name+".mul_scale", []string{name, scale})
	if shift != "" {
		x.name = e.node("Add", info.Name+".add_shift", []string{x.name, shift})
	}
	return x, nil
}

// overRoot appends x / sqrt(mean(x^2) + epsilon), in the nodes that runtimes know
// as an RMS norm.
func (e *exporter) overRoot(layer, x string, epsilon float64, shape nn.Shape) string {
	square := e.node("Pow", layer+".square", []string{x, e.constant(layer+".square", nil, 2)})
	mean := e.mean(layer+".mean_square", square, channelAxis(shape), true)
	sum := e.node("Add", layer+".add_epsilon", []string{mean, e.constant(layer+".epsilon", nil, epsilon)})
	return e.node("Div", layer, []string{x, e.node("Sqrt", layer+".sqrt", []string{sum})})
}

// channelAxis returns the dimension of the channels in the graph.
func channelAxis(s nn.Shape) int {
	if len(s) == 3 {
		return 1
	}
	return -1
}

// floatOr returns v, or usual if v is zero.
func floatOr(v, usual float64) float64 {
	if v == 0 {
		return usual
	}
	return v
}
