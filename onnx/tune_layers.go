package onnx

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A tunedLayer is an activation layer whose function the swap replaced.
type tunedLayer struct {
	index  int    // among the activation layers of the network
	output string // the value that it writes in ONNX's graph
	to     *isrlu.Function
	TunedLayer
}

// written returns the places of activation layers, among the engine's, by the values
// that they write in ONNX's graph.
func (l *Loaded[T]) written() map[string]int {
	index := map[string]int{}
	for i, a := range l.model.Activations() {
		index[a.Layer] = i
	}
	places := map[string]int{}
	for _, p := range l.placed {
		if a := p.step.activation; a != nil {
			places[a.output] = index[p.name]
		}
	}
	return places
}

// layersOf returns the activation layers of which the swap changed the function,
// from the first to the last.
func layersOf(original, swapped *Loaded[float32]) ([]*tunedLayer, error) {
	was, is := original.Model().Activations(), swapped.Model().Activations()
	before, after := original.written(), swapped.written()
	for output := range before {
		if _, ok := after[output]; !ok {
			return nil, atTheEnd(original, output)
		}
	}
	nodes := map[string]string{}
	for _, a := range swapped.Activations() {
		nodes[a.Layer] = a.Node
	}
	var list []*tunedLayer
	for output, i := range after {
		k, ok := before[output]
		if !ok {
			return nil, atTheEnd(swapped, output)
		}
		if k != i || was[k].Layer != is[i].Layer {
			return nil, fmt.Errorf("the activation that writes %q is layer %s of the original, but %s when functions are swapped", output, was[k].Layer, is[i].Layer)
		}
		// A function with its own parameter for each channel goes by that of the first.
		if is[i].Function == was[k].Function && (is[i].Learned == nil) == (was[k].Learned == nil) {
			continue
		}
		to, err := isrlu.Parse(is[i].Function)
		if err != nil {
			return nil, plainError(err)
		}
		list = append(list, &tunedLayer{index: i, output: output, to: to, TunedLayer: TunedLayer{
			Node: nodes[is[i].Layer], From: was[k].Function, Swapped: is[i].Function,
		}})
	}
	slices.SortFunc(list, func(a, b *tunedLayer) int { return cmp.Compare(a.index, b.index) })
	return list, nil
}

// atTheEnd tells of a sigmoid at the end, which is no layer of the engine's.
func atTheEnd(l *Loaded[float32], output string) error {
	for _, p := range l.placed {
		if a := p.step.activation; a != nil && a.output == output {
			return fmt.Errorf("%s is at the end of the model, where a sigmoid cannot be swapped and tuned, as the outputs before it are compared; name other nodes to swap", label(p.step.node))
		}
	}
	return fmt.Errorf("the activation that writes %q cannot be tuned; name other nodes to swap", output)
}

// recurrentSwapped returns the nodes of the recurrent layers of which the swap changed
// the functions.
func recurrentSwapped(original, swapped *Loaded[float32]) []*onnxpb.NodeProto {
	was := map[string]nn.Layer{}
	for _, p := range original.placed {
		was[p.name] = p.step.layer
	}
	var list []*onnxpb.NodeProto
	for _, p := range swapped.placed {
		if p.step.directions > 0 && !reflect.DeepEqual(was[p.name], p.step.layer) {
			list = append(list, p.step.node)
		}
	}
	return list
}

// withFunctions returns the network with the layers' functions as they are now.
func withFunctions(n nn.Network, layers []*tunedLayer, learn nn.Learn) nn.Network {
	return changed(n, func(i int, a nn.Activation) nn.Activation {
		for _, l := range layers {
			if l.index == i {
				a.Function, a.Learn = l.to.String(), nn.Fixed
				if len(l.to.Params()) > 0 {
					a.Learn = learn
				}
			}
		}
		return a
	})
}

// mapActivations returns a copy of the layers in which f has changed the
// activation layers, in the order of Model.Activations.
func mapActivations(layers nn.Sequential, f func(nn.Activation) nn.Activation) nn.Sequential {
	list := slices.Clone(layers)
	for i, l := range list {
		switch l := l.(type) {
		case nn.Activation:
			list[i] = f(l)
		case nn.Residual:
			l.Body = mapActivations(l.Body, f)
			l.Shortcut = mapActivations(l.Shortcut, f)
			list[i] = l
		case nn.Product:
			l.Body = mapActivations(l.Body, f)
			l.Gate = mapActivations(l.Gate, f)
			list[i] = l
		case nn.Concat:
			l.Branches = slices.Clone(l.Branches)
			for k, b := range l.Branches {
				l.Branches[k] = mapActivations(b, f)
			}
			list[i] = l
		}
	}
	return list
}

// changed returns the network with other functions in its activation layers.
func changed(n nn.Network, change func(i int, a nn.Activation) nn.Activation) nn.Network {
	i := -1
	n.Layers = mapActivations(n.Layers, func(a nn.Activation) nn.Activation {
		i++
		return change(i, a)
	})
	return n
}

// copyWeights gives a model the weights that another one has by the same names.
// Parameters of functions that only one of them has stay.
func copyWeights(to, from *nn.Model[float32]) error {
	values := map[string][]float32{}
	for _, p := range from.Parameters() {
		values[p.Name] = p.Value
	}
	learned := map[string]bool{}
	for _, a := range to.Activations() {
		if a.Learned != nil {
			learned[a.Learned.Name] = true
		}
	}
	for _, p := range to.Parameters() {
		v, ok := values[p.Name]
		if !ok && learned[p.Name] {
			continue
		}
		if len(v) != len(p.Value) {
			return fmt.Errorf("onnx: weights %s: %d where %d are needed", p.Name, len(v), len(p.Value))
		}
		copy(p.Value, v)
	}
	to.Changed()
	return nil
}

// model makes a model of a network with the weights of another one.
func (t *tuning) model(n nn.Network, from *nn.Model[float32], o nn.Options) (*nn.Model[float32], error) {
	m, err := nn.New[float32](n, t.engine(o))
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if err := copyWeights(m, from); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}
