package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

// A tunedLayer is an activation layer whose function the swap replaced.
type tunedLayer struct {
	index int // among the activation layers of the network
	to    *isrlu.Function
	TunedLayer
}

// layersOf returns the activation layers of which the swap changed the function.
func layersOf(original, swapped *Loaded[float32]) ([]*tunedLayer, error) {
	was, is := original.Activations(), swapped.Activations()
	if len(was) != len(is) {
		return nil, fmt.Errorf("onnx: the swapped model has %d activation layers in the engine, the original %d", len(is), len(was))
	}
	index := map[string]int{}
	for i, a := range swapped.Model().Activations() {
		index[a.Layer] = i
	}
	var list []*tunedLayer
	for i, a := range is {
		if a.Function == was[i].Function {
			continue
		}
		to, err := isrlu.Parse(a.Function)
		if err != nil {
			return nil, fmt.Errorf("onnx: %w", err)
		}
		list = append(list, &tunedLayer{index: index[a.Layer], to: to, TunedLayer: TunedLayer{
			Node: a.Node, From: was[i].Function, Swapped: a.Function,
		}})
	}
	return list, nil
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
			l.Body, l.Shortcut = mapActivations(l.Body, f), mapActivations(l.Shortcut, f)
			list[i] = l
		case nn.Product:
			l.Body, l.Gate = mapActivations(l.Body, f), mapActivations(l.Gate, f)
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
func copyWeights(to, from *nn.Model[float32]) {
	values := map[string][]float32{}
	for _, p := range from.Parameters() {
		values[p.Name] = p.Value
	}
	for _, p := range to.Parameters() {
		copy(p.Value, values[p.Name])
	}
	to.Changed()
}

// model makes a model of a network with the weights of another one.
func (t *tuning) model(n nn.Network, from *nn.Model[float32], o nn.Options) (*nn.Model[float32], error) {
	o.Batch, o.Threads, o.Seed = t.options.Batch, t.options.Threads, t.options.Seed
	m, err := nn.New[float32](n, o)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	copyWeights(m, from)
	return m, nil
}

// outputs returns some of what the activation layer of that index puts out for the
// calibration samples.
func (t *tuning) outputs(m *nn.Model[float32], index int, stage string) ([]float32, error) {
	// As many values of each batch as make a sample of some size in all.
	const most = 1 << 18
	n := min(t.calibration(), t.options.Train.Len())
	stride := max(1, n*m.Activations()[index].Shape.Size()/most)
	var values []float32
	at := 0
	err := t.batches(t.options.Train, first(n), stage, func(x []float32, _ []int) {
		m.Predict(x)
		y := m.Activations()[index].Output
		for ; at < len(y); at += stride {
			values = append(values, y[at])
		}
		at -= len(y)
	})
	return values, err
}

// calibrate chooses alpha for each layer, from the first to the last, by the layer's
// inputs in the network that is calibrated so far.
func (t *tuning) calibrate(network nn.Network, layers []*tunedLayer) error {
	// Without fusion nothing is pooled before its activation.
	options := nn.Options{Inference: true, Unfused: true}
	original, err := t.model(t.teacher.Network(), t.teacher, options)
	if err != nil {
		return err
	}
	defer original.Close()
	for k, l := range layers {
		stage := fmt.Sprintf("calibrating layer %d of %d", k+1, len(layers))
		y, err := t.outputs(original, l.index, stage)
		if err != nil {
			return err
		}
		l.Original = momentsOf(y)
		// The input of a function is the output of the identity in its place.
		open, err := t.model(changed(withFunctions(network, layers, nn.Fixed), func(i int, a nn.Activation) nn.Activation {
			if i == l.index {
				a.Function, a.Learn = "identity", nn.Fixed
			}
			return a
		}), t.teacher, options)
		if err != nil {
			return err
		}
		x, err := t.outputs(open, l.index, stage)
		open.Close()
		if err != nil {
			return err
		}
		y = make([]float32, len(x))
		l.to.Forward(y, x)
		l.After = momentsOf(y)
		l.Matched = l.After
		if len(l.to.Params()) == 0 || t.options.Calibration < 0 {
			continue
		}
		if l.to, err = matchMoments(l.to, x, l.Original); err != nil {
			return fmt.Errorf("onnx: %w", err)
		}
		l.to.Forward(y, x)
		l.Matched = momentsOf(y)
	}
	return nil
}
