package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/gemm"
)

// recurrentOptions are what recurrent layers have in common.
type recurrentOptions struct {
	kind                string // of the layer
	units               int
	activation, gate    string
	last, bidirectional bool
	truncate            int
	forgetBias          *float64
	init, recurrentInit Init
}

func optionsOf(l Layer) recurrentOptions {
	switch l := l.(type) {
	case LSTM:
		return recurrentOptions{l.kind(), l.Units, l.Activation, l.Gate, l.Last, l.Bidirectional, l.Truncate, l.ForgetBias, l.Init, l.RecurrentInit}
	case GRU:
		return recurrentOptions{l.kind(), l.Units, l.Activation, l.Gate, l.Last, l.Bidirectional, l.Truncate, nil, l.Init, l.RecurrentInit}
	}
	r := l.(RNN)
	return recurrentOptions{r.kind(), r.Units, r.Activation, "", r.Last, r.Bidirectional, r.Truncate, nil, r.Init, r.RecurrentInit}
}

// projections returns how many each unit has.
func (r *recurrentOptions) projections() int {
	return map[string]int{"lstm": 4, "gru": 3, "rnn": 1}[r.kind]
}

// hasMemory tells whether there is a state c beside h.
func (r *recurrentOptions) hasMemory() bool { return r.kind == "lstm" }

// splits tells whether the projections of h stand apart from those of the input.
func (r *recurrentOptions) splits() bool { return r.kind == "gru" }

func (b *builder[T]) recurrent(at int, l Layer, in *value[T]) (*value[T], error) {
	r := optionsOf(l)
	if err := sequence(in.shape); err != nil {
		return nil, err
	}
	if r.units < 1 {
		return nil, fmt.Errorf("units must be at least 1, got %d", r.units)
	}
	if r.truncate < 0 {
		return nil, fmt.Errorf("truncate must not be negative, got %d", r.truncate)
	}
	if r.bidirectional {
		if err := b.together(); err != nil {
			return nil, err
		}
	}
	state, gate, err := b.functions(r)
	if err != nil {
		return nil, err
	}
	o := &recurrent[T]{m: b.m, in: in, layer: at, steps: in.shape[0], inputs: in.shape[1], units: r.units, last: r.last, truncate: r.truncate}
	b.m.layers[at].Function = state.String()
	if gate != nil {
		b.m.layers[at].Function += ", gates " + gate.String()
	}
	names := []string{""}
	if r.bidirectional {
		names = append(names, "reverse_")
	}
	for k, prefix := range names {
		d := &direction[T]{o: o, reverse: k > 0, offset: k * r.units, units: r.units, columns: r.projections() * r.units}
		if err := d.build(b, at, prefix, r, state, gate); err != nil {
			return nil, err
		}
		o.directions = append(o.directions, d)
	}
	features := r.units * len(names)
	b.m.layers[at].MACs = int64(in.size+r.units*o.steps) * int64(r.projections()*features)
	shape := Shape{o.steps, features}
	if r.last {
		shape = Shape{features}
	}
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	o.out = b.value(shape)
	if err := o.allocate(b, r); err != nil {
		return nil, err
	}
	o.copyTask, o.projectTask, o.forwardTask = o.copySample, o.project, o.forwardChunk
	o.backwardTask, o.weightTask, o.inputTask = o.backwardChunk, o.weightColumns, o.inputStep
	b.add(o)
	return o.out, nil
}

// allocate makes the buffers of all samples.
func (o *recurrent[T]) allocate(b *builder[T], r recurrentOptions) error {
	batch, steps := b.m.options.Batch, o.steps
	buffer := func(perSample int) (s []T, err error) {
		// A sample's part of a buffer is about as large as one of its values.
		if perSample > maxElements {
			return nil, fmt.Errorf("%d time steps of %d units take more than %d elements", steps, o.units, maxElements)
		}
		if err := b.reserve(perSample); err != nil {
			return nil, err
		}
		b.m.extraBytes += perSample * sizeOf[T]()
		return make([]T, perSample*batch), nil
	}
	var err error
	want := func(to *[]T, perSample int) {
		if err == nil {
			*to, err = buffer(perSample)
		}
	}
	want(&o.x, steps*o.inputs)
	for _, d := range o.directions {
		want(&d.gates, steps*d.columns)
		if r.splits() {
			want(&d.hidden, steps*d.columns)
		}
		want(&d.h, (steps+1)*d.units)
		if r.hasMemory() {
			want(&d.c, (steps+1)*d.units)
			want(&d.s, steps*d.units)
		}
		if b.m.options.Inference {
			continue
		}
		want(&d.dh, d.units)
		if r.hasMemory() {
			want(&d.dc, d.units)
		}
		weights := d.weightGradient(max(o.inputs, d.units), d.columns, batch)
		b.need(max(weights.Scratch(), d.columns))
	}
	o.zeros = make([]T, o.units)
	return err
}

// build registers the weights of a direction.
func (d *direction[T]) build(b *builder[T], at int, prefix string, r recurrentOptions, state, gate *isrlu.Function) (err error) {
	if d.weight, err = b.namedWeights(at, prefix+"weight", r.init.or(b.m.network.Init).or(LeCun()), d.o.inputs, d.columns, d.o.inputs, d.columns); err != nil {
		return err
	}
	if d.recurrent, err = b.namedWeights(at, prefix+"recurrent_weight", r.recurrentInit.or(LeCun()), d.units, d.columns, d.units, d.columns); err != nil {
		return err
	}
	if d.bias, err = b.param(at, prefix+"bias", true, d.columns); err != nil {
		return err
	}
	if r.splits() {
		if d.recurrentBias, err = b.param(at, prefix+"recurrent_bias", true, d.columns); err != nil {
			return err
		}
	}
	switch r.kind {
	case "lstm":
		d.cell = newLSTMCell[T](gate, state)
		forget := d.bias.Value[d.units : 2*d.units]
		for i := range forget {
			if r.forgetBias != nil {
				forget[i] = T(*r.forgetBias)
			} else {
				forget[i] = T(openBias(gate))
			}
		}
	case "gru":
		d.cell = newGRUCell[T](gate, state)
	default:
		d.cell = &rnnCell[T]{state}
	}
	for _, p := range []struct {
		to        *[]T
		product   gemm.Matmul[T]
		weight    *Parameter[T]
		gradients bool // whether inference does without
	}{
		{&d.packedWeight, d.inputProduct(1), d.weight, false},
		{&d.packedRecurrent, d.stateProduct(1), d.recurrent, false},
		{&d.packedWeightT, d.inputGradient(1), d.weight, true},
		{&d.packedRecurrentT, d.stateGradient(1), d.recurrent, true},
	} {
		if p.gradients && b.m.options.Inference {
			continue
		}
		if err := b.packed(p.product.PackedSize()); err != nil {
			return err
		}
		*p.to = make([]T, p.product.PackedSize())
		b.m.preparers = append(b.m.preparers, &packing[T]{p.product, *p.to, p.weight})
	}
	return nil
}

// functions returns those of a recurrent layer; gate is nil where there are none.
func (b *builder[T]) functions(r recurrentOptions) (state, gate *isrlu.Function, err error) {
	state, err = b.recurrentFunction("activation", r.activation, b.m.network.Activation)
	if err != nil || r.kind == "rnn" {
		return state, nil, err
	}
	gate, err = b.recurrentFunction("gate", r.gate, b.m.network.Gate, gateOf(state))
	return state, gate, err
}

// gateOf returns the specification of the gate that suits a state's function: with
// the slope and the shape that the logistic function has beside tanh.
func gateOf(state *isrlu.Function) string {
	if state.Name() == "isru" {
		return fmt.Sprintf("isru_sigmoid:%v,0.5", state.Params()[0])
	}
	return "sigmoid"
}

// recurrentFunction parses the first of the specifications that is not empty.
func (b *builder[T]) recurrentFunction(what string, specs ...string) (*isrlu.Function, error) {
	for _, spec := range specs {
		if spec == "" {
			continue
		}
		if name, learn := SplitLearn(spec); learn != Fixed {
			return nil, fmt.Errorf("%s %s: recurrent layers learn no parameters of functions; write %s", what, spec, name)
		}
		if hdl.IsSpec(spec) {
			function, _, _ := strings.Cut(spec, "@")
			return nil, fmt.Errorf("%s %s: recurrent layers take no units of hardware, whose gradients follow from their inputs; write %s", what, spec, function)
		}
		f, err := isrlu.Parse(spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", what, strings.TrimPrefix(err.Error(), "isrlu: "))
		}
		if !f.HasBackwardFromOutput() {
			return nil, fmt.Errorf("%s %s: recurrent layers take functions whose gradient follows from the output, such as tanh and isru; that of %s does not", what, spec, f.Name())
		}
		return f.WithPrecision(b.m.options.Precision), nil
	}
	return nil, fmt.Errorf("neither the layer nor the network names its %s", what)
}

// openBias returns where a gate is as far open as the logistic function is at 1, or
// 1 if it is so nowhere in [0, 8]: the functions of gates rise.
func openBias(gate *isrlu.Function) float64 {
	want := 1 / (1 + math.Exp(-1))
	value := func(x float64) float64 {
		v := [1]float64{x}
		gate.Forward64(v[:], v[:])
		return v[0]
	}
	low, high := 0.0, 8.0
	if gate.Name() == "sigmoid" || !(value(low) < want && value(high) > want) {
		return 1
	}
	for range 60 {
		if middle := (low + high) / 2; value(middle) < want {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
