package serve

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// Version is that of every model: there is one version of each.
const Version = "1"

// An Engine runs a network on the samples in x, one after the other, up to Batch of
// them, and returns the outputs, which are valid until the next call. No two calls run
// at once. An [nn.Model] is one.
type Engine interface {
	Predict(x []float32) []float32
	Batch() int
}

// A Tensor describes the input or the output of a model.
type Tensor struct {
	Name  string
	Shape []int // of one sample
}

func (t Tensor) size() int { return nn.Shape(t.Shape).Size() }

// Scores tells what the numbers of an output mean.
type Scores int

// What outputs are.
const (
	// Numbers are outputs of which nothing is known.
	Numbers Scores = iota
	// Logits are what a softmax makes probabilities of.
	Logits
	// Probabilities are those of the classes.
	Probabilities
	// LogProbabilities are their logarithms.
	LogProbabilities
)

// Pixels tell how a model takes images of 8 bits: each value is divided by 255, then Mean
// is subtracted, and the rest divided by Std.
type Pixels struct {
	Height, Width, Channels int
	Mean, Std               []float32 // one for each channel
}

// A Model is a model with what clients want to know about it.
type Model struct {
	// Name is what clients call it: letters, digits, and -, _ and dots.
	Name string
	// Platform is what the protocol calls the model's format.
	Platform      string
	Input, Output Tensor
	// Tokens, if not 0, is how many different tokens the input may hold: it is made of
	// their numbers, from 0 on.
	Tokens int
	// Pixels is nil for models that take no images.
	Pixels *Pixels
	// Scores is what the output means.
	Scores Scores
	// Classes are the names of the classes, nil if there are none.
	Classes []string
	// Engines are instances of the network, with equal weights. Each runs batches of its
	// own.
	Engines []Engine
	// ToEngine sets dst to samples as the engine orders them from src, as clients do, and
	// FromEngine does the reverse with outputs. They are nil where the orders are the same.
	ToEngine, FromEngine func(dst, src []float32)
}

// FromNetwork makes a Model of instances of a network, which must have equal weights. The
// input is called "input", as package onnx exports it, the output "output". What is known
// about pixels, classes and scores, the caller adds.
func FromNetwork(name string, instances ...*nn.Model[float32]) Model {
	m := Model{
		Name: name, Platform: "isrlu_safetensors",
		Input:  Tensor{"input", instances[0].Network().Input},
		Output: Tensor{"output", instances[0].Output()},
		Tokens: tokens(instances[0].Network()),
	}
	for _, i := range instances {
		m.Engines = append(m.Engines, i)
	}
	return m
}

// FromONNX makes a Model of instances of an ONNX model that was loaded. Its input and
// output have the names and the order of the ONNX model; the batch is always the first
// dimension.
func FromONNX(name string, instances ...*onnx.Loaded[float32]) Model {
	l := instances[0]
	m := Model{
		Name: name, Platform: "onnx_onnxv1",
		Input:      Tensor{l.Input().Name, l.Input().Shape},
		Output:     Tensor{l.Output().Name, l.Output().Shape},
		Tokens:     tokens(l.Model().Network()),
		ToEngine:   l.FromONNX,
		FromEngine: l.ToONNX,
	}
	switch l.End() {
	case "Softmax":
		m.Scores = Probabilities
	case "LogSoftmax":
		m.Scores = LogProbabilities
	}
	for _, i := range instances {
		m.Engines = append(m.Engines, i.Model())
	}
	return m
}

// tokens returns how many tokens a network takes, 0 if it takes other numbers.
func tokens(n nn.Network) int {
	if len(n.Layers) > 0 {
		if e, ok := n.Layers[0].(nn.Embedding); ok {
			return e.Tokens
		}
	}
	return 0
}

var modelName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// CheckName returns an error if clients could not call a model so.
func CheckName(name string) error {
	if !modelName.MatchString(name) {
		return fmt.Errorf("serve: the name of a model must be up to 128 letters, digits, dots, - and _, got %q", name)
	}
	return nil
}

func (m *Model) check() error {
	if err := CheckName(m.Name); err != nil {
		return err
	}
	if len(m.Engines) == 0 {
		return fmt.Errorf("serve: the model %s has no engine; give it one", m.Name)
	}
	for _, e := range m.Engines[1:] {
		if got, want := e.Batch(), m.Engines[0].Batch(); got != want {
			return fmt.Errorf("serve: the model %s has engines of different batches, %d and %d", m.Name, want, got)
		}
	}
	if m.Input.size() < 1 || m.Output.size() < 1 {
		return fmt.Errorf("serve: the model %s has the input %v and the output %v, which must not be empty", m.Name, m.Input.Shape, m.Output.Shape)
	}
	if n := len(m.Classes); n > 0 && n != m.Output.size() {
		return fmt.Errorf("serve: the model %s has %d outputs, but %d names of classes", m.Name, m.Output.size(), n)
	}
	if p := m.Pixels; p != nil {
		if p.Height*p.Width*p.Channels != m.Input.size() || len(p.Mean) != p.Channels || len(p.Std) != p.Channels {
			return fmt.Errorf("serve: the model %s takes %v, which images of %dx%dx%d do not fit, or mean and std are not one for each channel",
				m.Name, m.Input.Shape, p.Height, p.Width, p.Channels)
		}
		if slices.Contains(p.Std, 0) {
			return fmt.Errorf("serve: the model %s has a std of 0", m.Name)
		}
	}
	return nil
}

// datatype is that of the input in the protocol.
func (m *Model) datatype() string {
	if m.Tokens > 0 {
		return "INT64"
	}
	return "FP32"
}

// normalize turns pixels from 0 to 255 in the engine's order into what the network takes.
func (p *Pixels) normalize(x []float32) {
	for i, v := range x {
		c := i % p.Channels
		x[i] = (v/255 - p.Mean[c]) / p.Std[c]
	}
}
