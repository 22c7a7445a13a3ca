package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// The input and the output of a conversion.

// dataInput returns the graph's one input that is no initializer.
func dataInput(p *onnxpb.GraphProto, g *graph) (*onnxpb.ValueInfoProto, error) {
	var in *onnxpb.ValueInfoProto
	var names []string
	for _, v := range p.Input {
		if g.tensor[v.Name] == nil {
			in = v
			names = append(names, fmt.Sprintf("%q", v.Name))
		}
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("the model has %d inputs (%s); the engine takes one", len(names), strings.Join(names, ", "))
	}
	if in.Type.GetTensorType() == nil {
		return nil, fmt.Errorf("input %q is not a tensor", in.Name)
	}
	return in, nil
}

func isInteger(elem int32) bool {
	switch onnxpb.TensorProto_DataType(elem) {
	case onnxpb.TensorProto_INT64, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT16, onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8:
		return true
	}
	return false
}

// chooseOutput finds the output and the other names that its value has.
func (c *converter) chooseOutput(name string) error {
	outputs := c.m.proto.Graph.Output
	c.output.name = outputs[0].Name
	if name != "" {
		c.output.name = name
		if !c.g.output[name] {
			return fmt.Errorf("the model has no output %q", name)
		}
	}
	c.output.names = map[string]bool{c.output.name: true}
	for name := c.output.name; ; {
		n := c.g.producer[name]
		if n == nil || !isDefault(n.Domain) || !slices.Contains([]string{"Identity", "Cast", "Dropout"}, n.OpType) || input(n, 0) == "" {
			return nil
		}
		name = n.Input[0]
		c.output.names[name] = true
	}
}

// begin makes the tensor of the input.
func (c *converter) begin(v *onnxpb.ValueInfoProto, axis int, o LoadOptions) error {
	in := &c.input
	in.name, in.batch = v.Name, axis
	t := v.Type.GetTensorType()
	in.tokens = isInteger(t.GetElemType())
	in.elem = typeName(onnxpb.TensorProto_DataType(t.GetElemType()))
	dims := t.GetShape().GetDim()
	rank := len(dims)
	if t.GetShape() == nil {
		rank = len(o.Shape) + 1
	}
	if o.Shape != nil && len(o.Shape) != rank-1 {
		return fmt.Errorf("input %q has %d dimensions beside the batch, but Shape %v has %d", v.Name, rank-1, o.Shape, len(o.Shape))
	}
	d := &tensor{step: c.root, layout: &layout{}}
	sample, k := 1, 0
	for i := range rank {
		size := 0
		if i < len(dims) {
			if v := dims[i].GetDimValue(); v > maxSample {
				return fmt.Errorf("dimension %d of input %q is %d, more than the engine takes (%d)", i, in.name, v, maxSample)
			} else {
				size = int(v)
			}
		}
		if i == axis {
			in.fixed = size
			in.dims = append(in.dims, 0)
			d.axes = append(d.axes, []int{batch})
			continue
		}
		if o.Shape != nil {
			if given := o.Shape[k]; given < 0 || given > maxSample || size > 0 && given > 0 && given != size {
				return fmt.Errorf("dimension %d of input %q is %d in the model, but %d in Shape", i, v.Name, size, given)
			} else if given > 0 {
				size = given
			}
		}
		k++
		if size == 0 {
			return fmt.Errorf("dimension %d of input %q %w", i, v.Name, errOpen)
		}
		if sample *= size; sample > maxSample {
			return fmt.Errorf("a sample of input %q has more than %d elements", v.Name, maxSample)
		}
		in.dims = append(in.dims, size)
		d.axes = append(d.axes, c.atoms.new(size))
	}
	in.raw = d
	c.known[v.Name] = known{tensor: d}
	return nil
}

// maxSample is the most elements that one tensor of a sample may have.
const maxSample = 1 << 28

// finish decides what is still open, and checks the output.
func (c *converter) finish() error {
	d := c.known[c.output.name].tensor
	if d == nil {
		return fmt.Errorf("output %q does not depend on the input", c.output.name)
	}
	if err := c.plain(d); err != nil {
		return fmt.Errorf("output %q: %w", c.output.name, err)
	}
	c.decide(c.input.raw)
	c.decide(d)
	at := 0
	for _, axis := range c.axes(d) {
		if slices.Contains(axis, batch) {
			at += len(axis)
		}
	}
	if at != 1 {
		return fmt.Errorf("output %q does not have the samples of the batch along one dimension", c.output.name)
	}
	if len(d.layout.groups) > 2 {
		d = c.flatten(c.g.producer[c.output.name], d)
	}
	if d.step == c.root && c.output.end != "" {
		return fmt.Errorf("output %q is %s of the input: there is no layer to run", c.output.name, c.output.end)
	}
	if d.step == c.root {
		return fmt.Errorf("output %q is the input: there is nothing to run", c.output.name)
	}
	c.output.tensor = d
	return nil
}
