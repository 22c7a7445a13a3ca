package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/nn"
)

// LoadOptions are how a model is loaded into the engine.
type LoadOptions struct {
	nn.Options
	// Shape is that of one sample of the input, in ONNX's order and without the
	// batch, for models that leave dimensions open, such as the time steps of a
	// sequence. A 0 takes what the model says; nil takes it all.
	Shape []int
	// Output is the output that is computed; the first one if it is empty.
	Output string
}

// A Loaded is an ONNX model in the engine.
//
// The engine's images are height x width x channels, ONNX's channels x height x
// width: FromONNX and ToONNX translate samples, and what else the graph does to its
// output.
type Loaded[T nn.Float] struct {
	source      *Model
	model       *nn.Model[T]
	input       LoadedValue
	output      LoadedValue
	in, out     []int // for each element of the engine's, that of ONNX's
	end         string
	endAxis     int // of output.Shape
	placed      []placed
	activations []LoadedActivation
}

// A LoadedValue is the input or output of a loaded model.
type LoadedValue struct {
	Name string
	// Shape is that of one sample, in ONNX's order and without the batch.
	Shape []int
	// BatchAxis is where the batch stands among ONNX's dimensions: 0, or 1 for
	// sequences whose time steps come first.
	BatchAxis int
	// Tokens tells that the elements are numbers of tokens.
	Tokens bool
	// Type is that of the elements: "float32", "float64", "float16", "bfloat16",
	// "int64" or another of ONNX's integers. It is empty for an output.
	Type string
}

// A LoadedActivation is an activation layer of a loaded model.
type LoadedActivation struct {
	Node     string // of ONNX, the last one if there are several; its output if it has no name
	Layer    string // of the engine, as [nn.Model.Activations] has it
	Function string // what isrlu.Parse takes
}

// Load makes a model of this module's engine that computes what m does, with its
// weights. It takes the graphs of convolutional, dense and recurrent networks, with
// batch and layer normalizations, whose branches nest: sums, products and
// concatenations of channels. Dilations, groups of channels but one for each, and
// attention are not there. One error names all nodes that the engine does not have.
//
// Activation functions must be ones that package isrlu has: others can be swapped
// before. A softmax, log-softmax or sigmoid at the end is no layer of the engine,
// whose losses take logits: ToONNX applies it. Weights are taken as float32.
func Load[T nn.Float](m *Model, o LoadOptions) (*Loaded[T], error) {
	c, err := m.convert(o)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	l, err := load[T](c, o)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return l, nil
}

// Network returns the description of the engine's model that Load makes of m.
func (m *Model) Network(o LoadOptions) (nn.Network, error) {
	c, err := m.convert(o)
	if err != nil {
		return nn.Network{}, fmt.Errorf("onnx: %w", err)
	}
	network, _, err := c.network()
	if err != nil {
		return nn.Network{}, fmt.Errorf("onnx: %w", err)
	}
	return network, nil
}

func load[T nn.Float](c *converter, o LoadOptions) (*Loaded[T], error) {
	network, steps, err := c.network()
	if err != nil {
		return nil, err
	}
	model, err := nn.New[T](network, o.Options)
	if err != nil {
		return nil, fmt.Errorf("the engine does not take the network: %w", err)
	}
	l := &Loaded[T]{source: c.m, model: model, placed: steps, end: c.output.end}
	l.input = LoadedValue{Name: c.input.name, BatchAxis: c.input.batch, Tokens: c.input.tokens, Type: c.input.elem}
	l.input.Shape = slices.Delete(slices.Clone(c.input.dims), c.input.batch, c.input.batch+1)
	l.output.Name = c.output.name
	for i, axis := range c.axes(c.output.tensor) {
		if slices.Contains(axis, batch) {
			l.output.BatchAxis = i
		} else {
			l.output.Shape = append(l.output.Shape, c.atoms.sizeOf(axis))
		}
	}
	l.endAxis = c.output.axis
	if l.endAxis > l.output.BatchAxis {
		l.endAxis--
	}
	l.in, l.out = c.order(c.input.raw), c.order(c.output.tensor)
	for _, p := range steps {
		if a := p.step.activation; a != nil {
			last := a.nodes[len(a.nodes)-1]
			node := last.Name
			if node == "" {
				node = a.output
			}
			l.activations = append(l.activations, LoadedActivation{Node: node, Layer: p.name})
		}
	}
	functions := map[string]string{}
	for _, a := range model.Activations() {
		functions[a.Layer] = a.Function
	}
	for i := range l.activations {
		l.activations[i].Function = functions[l.activations[i].Layer]
	}
	if err := l.fill(); err != nil {
		model.Close()
		return nil, err
	}
	return l, nil
}

// order returns for each element of the engine's sample that of ONNX's.
func (c *converter) order(d *tensor) []int {
	groups := slices.Concat(c.groups(d.layout)...)
	perm := c.atoms.permutation(groups, c.sample(d))
	list := make([]int, c.atoms.sizeOf(groups))
	for i := range list {
		list[i] = perm(i)
	}
	return list
}

// Model returns the engine's model. What it is trained to, [Loaded.Store] writes
// back.
func (l *Loaded[T]) Model() *nn.Model[T] { return l.model }

// Close ends the workers of the engine's model.
func (l *Loaded[T]) Close() { l.model.Close() }

// Input describes the input of the ONNX model.
func (l *Loaded[T]) Input() LoadedValue { return l.input }

// Output describes the output of the ONNX model that was loaded.
func (l *Loaded[T]) Output() LoadedValue { return l.output }

// End returns the operator that ToONNX applies: "Softmax", "LogSoftmax", "Sigmoid",
// or "" for none.
func (l *Loaded[T]) End() string { return l.end }

// Activations returns the activation layers in the order of the network.
func (l *Loaded[T]) Activations() []LoadedActivation { return slices.Clone(l.activations) }

// FromONNX sets dst to samples for the engine from src, samples in ONNX's order, one
// after the other. It panics if dst and src are not the same number of whole samples,
// and must not overlap.
func (l *Loaded[T]) FromONNX(dst, src []T) {
	for i := range samples("FromONNX", len(dst), len(src), len(l.in)) {
		x, y := src[i*len(l.in):][:len(l.in)], dst[i*len(l.in):][:len(l.in)]
		for j, k := range l.in {
			y[j] = x[k]
		}
	}
}

// ToInput undoes FromONNX: it sets dst to samples in ONNX's order from src, samples
// for the engine. It panics if dst and src are not the same number of whole samples,
// and must not overlap.
func (l *Loaded[T]) ToInput(dst, src []T) {
	for i := range samples("ToInput", len(dst), len(src), len(l.in)) {
		x, y := src[i*len(l.in):][:len(l.in)], dst[i*len(l.in):][:len(l.in)]
		for j, k := range l.in {
			y[k] = x[j]
		}
	}
}

// ToONNX sets dst to outputs of the ONNX model from src, those of the engine, one
// sample after the other: in ONNX's order, and with the softmax or sigmoid at the end
// of its graph. It panics if dst and src are not the same number of whole samples, and
// must not overlap.
func (l *Loaded[T]) ToONNX(dst, src []T) {
	for i := range samples("ToONNX", len(dst), len(src), len(l.out)) {
		x, y := src[i*len(l.out):][:len(l.out)], dst[i*len(l.out):][:len(l.out)]
		for j, k := range l.out {
			y[k] = x[j]
		}
		l.finish(y)
	}
}

func samples(name string, dst, src, size int) int {
	if dst != src || src%size != 0 {
		panic(fmt.Sprintf("onnx: %s of %d elements to %d, which are not whole samples of %d", name, src, dst, size))
	}
	return src / size
}

// finish applies the end of the graph to an output.
func (l *Loaded[T]) finish(y []T) {
	switch l.end {
	case "Sigmoid":
		for i, v := range y {
			y[i] = T(1 / (1 + math.Exp(-float64(v))))
		}
	case "Softmax", "LogSoftmax":
		n, inner := l.output.Shape[l.endAxis], sizeOf(l.output.Shape[l.endAxis+1:])
		for i := range len(y) / n {
			first := i/inner*n*inner + i%inner
			most, sum := math.Inf(-1), 0.0
			for k := range n {
				most = max(most, float64(y[first+k*inner]))
			}
			for k := range n {
				sum += math.Exp(float64(y[first+k*inner]) - most)
			}
			for k := range n {
				v := float64(y[first+k*inner]) - most
				if l.end == "Softmax" {
					v = math.Exp(v) / sum
				} else {
					v -= math.Log(sum)
				}
				y[first+k*inner] = T(v)
			}
		}
	}
}
