package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/parallel"
)

// Float is the element type of a model.
type Float = gemm.Float

// Options are how a network is run.
type Options struct {
	// Batch is the most samples that a call takes; 1 if zero.
	Batch int
	// Threads is the number of cores; all if zero. Results do not depend on it.
	Threads int
	// Seed is that of the first weights and of dropout.
	Seed uint64
	// Precision of the activation functions.
	Precision isrlu.Precision
	// Inference leaves out what only training needs: the model has no gradients.
	Inference bool
	// Unfused runs each activation and pooling as a layer of its own, for
	// comparisons. The results have the same bits.
	Unfused bool
	// Direct computes every convolution from its definition, for comparisons: by
	// none of Winograd's algorithms, whose rounding errors are larger.
	Direct bool
	// Units finds the units of hardware that activations name. Models that share it
	// search for each once; if it is nil, each model searches by itself.
	Units *hdl.Library
	// Unit, if not empty, is a number format such as "q4.11", and what else
	// hdl.ParseSpec takes after the sign @: activation layers whose functions name no
	// unit run by units in it, so that a network that was trained without can be
	// tried with hardware. Recurrent layers stay as they are.
	Unit string
	// stepwise is for a Stepper: the input is one time step of a sequence.
	stepwise bool
}

// A Model is a network with weights. Its methods must not run at once.
type Model[T Float] struct {
	network Network
	options Options
	pool    *parallel.Pool

	ops         []op[T]
	layerOf     []int // of each of ops, as an index into layers
	layers      []LayerInfo
	times       []LayerTime // of layers; nil unless they are measured
	params      []*Parameter[T]
	activations []*activation[T]
	input       *value[T]
	output      *value[T]
	shape       Shape // of the output
	scratch     [][]T // of each worker
	step        uint64
	n           int  // samples of the running call
	train       bool // whether the running call trains
	values      []*value[T]
	extraBytes  int // a sample, kept beside values
	summer      summer[T]
	losses      *losses[T]
	// stale tells that operations must pack their weights anew.
	stale bool
	// Of a stepwise model: the steps before the running call, and the most that
	// there may be, or 0.
	position, room int
	preparers      []preparer
	prepareTask    func(task, worker int)
}

// A Parameter is a tensor of weights, or of numbers that training keeps beside
// them, such as running means.
type Parameter[T Float] struct {
	Name  string // such as "3.conv2d.weight"
	Shape Shape
	Value []T
	// Grad is the gradient of the last step; nil if the parameter is not trained
	// by gradients or the model is for inference.
	Grad []T
	// Decay tells that weight decay applies: to weights, not to biases, scales or
	// parameters of activations.
	Decay bool
	// Least is the smallest value that the optimizer leaves, if it is not 0.
	Least float64
}

// LayerInfo describes a layer of a model.
type LayerInfo struct {
	Name       string // its number, from 1, and kind, such as "1.conv2d"
	Kind       string // as in JSON
	Output     Shape
	Parameters int
	MACs       int64 // multiply-adds of one sample's forward pass
	// Fused tells that an activation or pooling runs in the layer before it.
	Fused bool
	// Function is an activation's function.
	Function string
}

// A value is what one operation writes and another one reads: a batch of
// tensors.
type value[T Float] struct {
	shape Shape
	size  int
	data  []T
	grad  []T
	// kept tells that a backward pass reads data; keptByAct that only the
	// backward pass of an activation does.
	kept, keptByAct bool
	// alias is the value whose data this one shares.
	alias *value[T]
}

func (v *value[T]) root() *value[T] {
	for v.alias != nil {
		v = v.alias
	}
	return v
}

// keep marks the data as read by a backward pass.
func (v *value[T]) keep() { v.root().kept = true }

// An op is one step of a pass over a batch. forward reads in.data and writes
// out.data; backward reads out.grad, which it may change, and writes in.grad
// unless that is nil.
type op[T Float] interface {
	forward(m *Model[T])
	backward(m *Model[T])
	// ends returns the values read and written.
	ends() (in, out []*value[T])
}

// New makes a model of a network, with weights drawn by the seed. An error names
// the layer that is wrong.
func New[T Float](n Network, o Options) (*Model[T], error) {
	return newModel[T](n, o, limits{maxTotal, maxTotal})
}

// newModel is New with other limits.
func newModel[T Float](n Network, o Options, l limits) (*Model[T], error) {
	if o.Batch == 0 {
		o.Batch = 1
	}
	if o.Batch < 1 || o.Threads < 0 {
		return nil, fmt.Errorf("nn: batch and threads must be positive, got %d and %d", o.Batch, o.Threads)
	}
	if o.Units == nil {
		o.Units = &hdl.Library{}
	}
	m := &Model[T]{network: n, options: o, pool: parallel.New(o.Threads), stale: true}
	m.prepareTask = func(task, _ int) { m.preparers[task].prepare() }
	if err := m.build(l); err != nil {
		m.Close()
		return nil, fmt.Errorf("nn: %w", err)
	}
	return m, nil
}

// Close ends the model's workers. The model must not be used afterwards.
func (m *Model[T]) Close() { m.pool.Close() }

// Network returns the description that the model was made of.
func (m *Model[T]) Network() Network { return m.network }

// Batch returns the most samples that a call takes.
func (m *Model[T]) Batch() int { return m.options.Batch }

// Output returns the shape of the network's output for one sample.
func (m *Model[T]) Output() Shape { return m.shape }

// Layers describes the layers, those inside others too, in order.
func (m *Model[T]) Layers() []LayerInfo { return m.layers }

// Parameters returns all parameters, in the order of the layers. They are the
// model's own: to set weights, copy into Value; see [Model.Changed].
func (m *Model[T]) Parameters() []*Parameter[T] { return m.params }

// CountParameters returns the number of trained weights, those of activation
// functions apart.
func (m *Model[T]) CountParameters() (weights, activations int) {
	for _, l := range m.layers {
		if l.Kind == "activation" {
			activations += l.Parameters
		} else {
			weights += l.Parameters
		}
	}
	return weights, activations
}

// A Memory is what a training step of one batch keeps from the forward pass for
// the backward pass, in bytes.
type Memory struct {
	// Kept is all of it: outputs that gradients read, inputs of activation
	// functions where the output does not do, positions of maxima.
	Kept int
	// ForActivations is the part that only activation functions' gradients read.
	ForActivations int
}

// BytesKept returns what a training step of a full batch keeps.
func (m *Model[T]) BytesKept() Memory {
	size, bytes := sizeOf[T](), Memory{}
	for _, v := range m.values {
		if v.alias != nil || v == m.input {
			continue // the input belongs to the caller
		}
		if v.kept || v.keptByAct {
			bytes.Kept += v.size * size
		}
		if v.keptByAct && !v.kept {
			bytes.ForActivations += v.size * size
		}
	}
	bytes.Kept += m.extraBytes
	bytes.Kept *= m.options.Batch
	bytes.ForActivations *= m.options.Batch
	return bytes
}

// Predict runs the network on samples, one after the other in x, and returns its
// outputs, which are valid until the next call: for a classifier the logits. It
// panics if x is not a whole number of samples or more than a batch.
func (m *Model[T]) Predict(x []T) []T {
	m.forward(x, false)
	return m.output.data[:m.n*m.output.size]
}

// forward sets the running call and runs all operations.
func (m *Model[T]) forward(x []T, train bool) {
	size := m.input.size
	if len(x) == 0 || len(x)%size != 0 || len(x)/size > m.options.Batch {
		panic(fmt.Sprintf("nn: %d elements are not 1 to %d samples of %d", len(x), m.options.Batch, size))
	}
	m.n, m.train = len(x)/size, train
	m.input.data = x
	for _, v := range m.values {
		if v.alias != nil {
			v.data = v.root().data
		}
	}
	for _, a := range m.activations {
		a.refresh()
	}
	// Training changes the weights, and so may whoever trains.
	if m.stale || !m.options.Inference {
		m.pool.Run(len(m.preparers), m.prepareTask)
	}
	m.stale = false
	if m.times != nil {
		m.profiledForward()
	} else {
		for _, op := range m.ops {
			op.forward(m)
		}
	}
}

// Changed tells a model for inference that weights were written to the values of
// [Model.Parameters] after its first call: it packs them once. Loading does so by
// itself.
func (m *Model[T]) Changed() { m.stale = true }

// backward runs the operations in reverse; the gradient of the output is there.
func (m *Model[T]) backward() {
	if m.times != nil {
		m.profiledBackward()
		return
	}
	for i := len(m.ops) - 1; i >= 0; i-- {
		m.ops[i].backward(m)
	}
}

// each runs f for every sample of the running call.
func (m *Model[T]) each(f func(sample, worker int)) { m.pool.Run(m.n, f) }

// random returns the generator of one tensor or sample; equal arguments give
// equal numbers.
func (m *Model[T]) random(stream ...uint64) rand.PCG {
	const golden = 0x9e3779b97f4a7c15
	h := m.options.Seed
	for _, s := range stream {
		h = mix(h ^ (s+golden)*golden)
	}
	return *rand.NewPCG(h, mix(h+golden))
}

// mix is the finalizer of SplitMix64 (Steele et al. 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// An ActivationOutput describes an activation layer and what it put out.
type ActivationOutput[T Float] struct {
	Layer    string
	Function string
	Shape    Shape
	// Output is of the last call, sample by sample.
	Output []T
	// Learned holds the parameters of a learned function, nil otherwise.
	Learned *Parameter[T]
}

// Activations returns the activation layers with what they put out at the last
// call of Predict or of a training step. The slices are valid until the next
// call.
func (m *Model[T]) Activations() []ActivationOutput[T] {
	var list []ActivationOutput[T]
	for _, a := range m.activations {
		list = append(list, ActivationOutput[T]{
			Layer: a.layer, Function: a.String(), Shape: a.out.shape,
			Output: a.out.root().data[:m.n*a.out.size], Learned: a.param,
		})
	}
	return list
}

var (
	errNoLayers = errors.New("the network has no layers")
	errNoAffine = errors.New("with neither a scale nor a shift it does nothing; leave it out")
)
