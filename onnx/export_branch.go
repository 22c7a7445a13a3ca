package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/nn"
)

func (e *exporter) residual(info nn.LayerInfo, l nn.Residual, x exported) (exported, error) {
	body, err := e.sequence(info.Name+".body.", l.Body, x)
	if err != nil {
		return exported{}, err
	}
	shortcut, err := e.sequence(info.Name+".shortcut.", l.Shortcut, x)
	if err != nil {
		return exported{}, err
	}
	body.name = e.node("Add", info.Name, []string{body.name, shortcut.name})
	return body, nil
}

// multiply appends a Product, whose gate may have one number for each channel.
func (e *exporter) multiply(info nn.LayerInfo, l nn.Product, x exported) (exported, error) {
	body, err := e.sequence(info.Name+".body.", l.Body, x)
	if err != nil {
		return exported{}, err
	}
	gate, err := e.sequence(info.Name+".gate.", l.Gate, x)
	if err != nil {
		return exported{}, err
	}
	if !slices.Equal(body.shape, gate.shape) {
		dims := []int{0, channelsOf(gate.shape), 1, 1} // 0 stands for the batch as it is
		if len(body.shape) == 2 {
			dims = []int{0, 1, channelsOf(gate.shape)}
		}
		gate.name = e.node("Reshape", info.Name+".gate_reshape", []string{gate.name, e.ints(info.Name+".gate_shape", dims...)})
	}
	body.name = e.node("Mul", info.Name, []string{body.name, gate.name})
	return body, nil
}

func (e *exporter) concat(info nn.LayerInfo, l nn.Concat, x exported) (exported, error) {
	var inputs []string
	var out nn.Shape
	for i, branch := range l.Branches {
		y, err := e.sequence(fmt.Sprintf("%s.branches.%d.", info.Name, i+1), branch, x)
		if err != nil {
			return exported{}, err
		}
		inputs = append(inputs, y.name)
		if out == nil {
			out = slices.Clone(y.shape)
		} else {
			out[len(out)-1] += channelsOf(y.shape)
		}
	}
	return exported{name: e.node("Concat", info.Name, inputs, intAttr("axis", channelAxis(out))), shape: out}, nil
}

func (e *exporter) affine(info nn.LayerInfo, l nn.Affine, x exported) (exported, error) {
	for _, part := range []struct {
		op, name string
		no       bool
	}{{"Mul", "scale", l.NoScale}, {"Add", "shift", l.NoShift}} {
		if part.no {
			continue
		}
		v, err := e.vector(info.Name+"."+part.name, x.shape)
		if err != nil {
			return exported{}, err
		}
		node := info.Name
		if part.op == "Add" && !l.NoScale {
			node += ".add_shift"
		}
		x.name = e.node(part.op, node, []string{x.name, v})
	}
	return x, nil
}
