package onnx

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// decimal returns the shortest decimal number that a float32 stands for.
func decimal(v float32) float64 {
	d, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	return d
}

func convertBatchNormalization(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if intAttribute(n, "training_mode", 0) != 0 || intAttribute(n, "spatial", 1) != 1 {
		return fmt.Errorf("training_mode 1 and spatial 0 are not supported; export the model for inference")
	}
	for _, name := range n.Output[1:] {
		if len(c.g.users[name]) > 0 {
			return fmt.Errorf("its output %q is read", name)
		}
	}
	if len(d.axes) < 2 {
		return fmt.Errorf("its input has %d dimensions", len(d.axes))
	}
	d, perm, err := c.channels(n, d, 1)
	if err != nil {
		return err
	}
	s := &step{node: n}
	channels := c.atoms.sizeOf(c.axis(d, 1))
	for i, param := range []string{"scale", "shift", "running_mean", "running_variance"} {
		w, err := c.weights(n, i+1, 1)
		if err != nil {
			return err
		}
		if w.dims[0] != channels {
			return fmt.Errorf("its input %d has %d elements for %d channels", i+1, w.dims[0], channels)
		}
		s.bindings = append(s.bindings, binding{param: param, from: w, index: perm})
	}
	l := nn.BatchNorm{Epsilon: decimal(floatAttribute(n, "epsilon", 1e-5))}
	if !(l.Epsilon > 0) {
		return fmt.Errorf("epsilon %v is not supported", l.Epsilon)
	}
	if momentum := decimal(floatAttribute(n, "momentum", .9)); momentum > 0 && momentum < 1 {
		l.Momentum = momentum
	}
	s.layer = l
	c.set(n, known{tensor: c.apply(d, s)})
	return nil
}

func convertLayerNormalization(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	axis, err := axisOf(int(intAttribute(n, "axis", -1)), len(d.axes))
	if err != nil {
		return err
	}
	if axis != len(d.axes)-1 {
		return fmt.Errorf("it normalizes axes %d to %d; the engine takes the last one", axis, len(d.axes)-1)
	}
	d, perm, err := c.channels(n, d, axis)
	if err != nil {
		return err
	}
	channels := c.atoms.sizeOf(c.axis(d, axis))
	s := &step{node: n}
	for i, param := range []string{"scale", "shift"} {
		b := binding{param: param, index: perm, addTo: n, addAs: i + 1, addDims: []int64{int64(channels)}}
		if i == 0 || input(n, i+1) != "" {
			w, err := c.weights(n, i+1, 1)
			if err != nil {
				return err
			}
			if w.dims[0] != channels {
				return fmt.Errorf("its input %d has %d elements for %d channels", i+1, w.dims[0], channels)
			}
			b = binding{param: param, from: w, index: perm}
		}
		s.bindings = append(s.bindings, b)
	}
	l := nn.LayerNorm{Epsilon: decimal(floatAttribute(n, "epsilon", 1e-5))}
	if !(l.Epsilon > 0) {
		return fmt.Errorf("epsilon %v is not supported", l.Epsilon)
	}
	s.layer = l
	c.set(n, known{tensor: c.apply(d, s)})
	return nil
}

// convertSoftmax takes a softmax at the end of the graph, which ToONNX computes.
func convertSoftmax(c *converter, n *onnxpb.NodeProto) error {
	d, err := c.data(n, 0)
	if err != nil {
		return err
	}
	if !c.output.names[n.Output[0]] {
		return fmt.Errorf("the engine has it at the end of the graph alone")
	}
	otherwise := int64(-1)
	if c.opset < 13 {
		otherwise = 1
	}
	axis, err := axisOf(int(intAttribute(n, "axis", otherwise)), len(d.axes))
	if err != nil {
		return err
	}
	if slices.Contains(c.axis(d, axis), batch) {
		return fmt.Errorf("it runs over the samples of a batch")
	}
	if c.opset < 13 {
		// Before, it ran over all axes from that one on.
		for i := range d.axes[axis+1:] {
			if len(c.axis(d, axis+1+i)) > 0 {
				return fmt.Errorf("it runs over axes %d to %d; the engine takes one", axis, len(d.axes)-1)
			}
		}
	}
	c.output.end, c.output.axis = n.OpType, axis
	c.set(n, known{tensor: d})
	return nil
}

// activate makes an activation layer.
func (c *converter) activate(n *onnxpb.NodeProto, a *activation) {
	k := c.known[a.input]
	d := k.tensor
	if d == nil {
		c.fault(n, "its input is not computed from the model's input")
		return
	}
	if err := c.plain(d); err != nil {
		c.fault(n, "%s", err)
		return
	}
	if a.kind == "sigmoid" && c.output.names[a.output] {
		c.output.end = "Sigmoid"
		c.set(n, known{tensor: d})
		return
	}
	s := &step{node: n, layer: nn.Activation{Function: a.function}, activation: a}
	alpha, err := c.channelParameter(a)
	switch {
	case err != nil:
		c.fault(n, "%s", err)
	case alpha != nil:
		d, s.layer, s.bindings, err = c.perChannel(n, d, a, *alpha)
		if err != nil {
			c.fault(n, "%s", err)
		}
	case a.function == "":
		// The tensor goes on, so that the error names what follows too.
		c.fault(n, "the engine has no %s, or not with these parameters; swap it for a function that it has", a.kind)
	}
	if err != nil {
		return
	}
	c.set(n, known{tensor: c.apply(d, s)})
}

// A channelled parameter is a constant of numbers for channels.
type channelled struct {
	function string
	from     *weight
	scale    float64
}

// channelParameter returns the parameters of an activation that has one for each
// channel, and nil for others.
func (c *converter) channelParameter(a *activation) (*channelled, error) {
	last := a.nodes[len(a.nodes)-1]
	if a.kind == "prelu" && a.function == "" {
		w := c.known[input(last, 1)].weight
		if w == nil {
			return nil, fmt.Errorf("its slopes are not constant")
		}
		return &channelled{"leaky_relu", w, 1}, nil
	}
	if a.alpha == nil {
		return nil, nil
	}
	w, err := weightOf(a.alpha)
	if err != nil {
		return nil, err
	}
	// Where the graph has a multiple of alpha, the tensor is one of its own.
	own := c.g.constant(a.alpha.Name)
	if own == nil || own == a.alpha {
		return &channelled{a.function, w, 1}, nil
	}
	multiple, err := weightOf(own)
	if err != nil || multiple.size() != w.size() || w.size() == 0 || c.reader.value(multiple.at(0)) == 0 {
		return &channelled{a.function, w, 1}, nil
	}
	return &channelled{a.function, multiple, float64(c.reader.value(w.at(0)) / c.reader.value(multiple.at(0)))}, nil
}

// leastAlpha is the smallest parameter that the engine learns.
const leastAlpha = 1e-3

// perChannel returns the layer of an activation with parameters for each channel.
func (c *converter) perChannel(n *onnxpb.NodeProto, d *tensor, a *activation, p channelled) (*tensor, nn.Layer, []binding, error) {
	axis, offset := -1, len(d.axes)-len(p.from.dims)
	for i, size := range p.from.dims {
		if size == 1 {
			continue
		}
		if axis >= 0 || offset < 0 {
			return nil, nil, nil, fmt.Errorf("its parameters have the shape %v, not one number for each channel", p.from.dims)
		}
		axis = offset + i
	}
	if axis < 0 {
		return nil, nil, nil, fmt.Errorf("its parameter is one number that %s does not take", p.function)
	}
	d, perm, err := c.channels(n, d, axis)
	if err != nil {
		return nil, nil, nil, err
	}
	if have := c.atoms.sizeOf(c.axis(d, axis)); have != p.from.size() {
		return nil, nil, nil, fmt.Errorf("%d parameters for %d channels", p.from.size(), have)
	}
	for i, v := range c.reader.all(p.from) {
		if v := float64(v) * p.scale; !(v >= leastAlpha) || v > 1e30 {
			return nil, nil, nil, fmt.Errorf("the parameter of channel %d is %v; the engine takes them from %v on", i, v, leastAlpha)
		}
	}
	f, err := isrlu.Parse(p.function)
	if err != nil || len(f.Info().Params) == 0 {
		return nil, nil, nil, fmt.Errorf("the engine has no %s with a parameter for each channel", a.kind)
	}
	first := decimal(float32(float64(c.reader.value(p.from.at(0))) * p.scale))
	layer := nn.Activation{Function: specOf(p.function, first), Learn: nn.PerChannel}
	return d, layer, []binding{{param: f.Info().Params[0].Name, from: p.from, index: perm, scale: p.scale}}, nil
}
