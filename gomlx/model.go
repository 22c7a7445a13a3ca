package gomlx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/nn"
)

// A Model is a network of package nn as a graph of GoMLX. Its weights are the variables
// of a context: parameter 3.conv2d.weight is the variable weight in the scope /3.conv2d.
type Model struct {
	network nn.Network
	kinds   []string // such as 3.conv2d
	params  []param
	output  nn.Shape
	ctx     *context.Context
}

// A param is a parameter of the network.
type param struct {
	name  string
	shape nn.Shape
}

// New makes a model of a network, with the weights that package nn draws by the seed.
func New(n nn.Network, seed uint64) (*Model, error) {
	source, err := nn.New[float32](n, nn.Options{Seed: seed, Threads: 1, Inference: true})
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return newModel(source, seed)
}

// Load makes a model of a checkpoint that package nn or Save wrote, and returns it with
// the metadata that it holds. An optimizer's averages in it are left.
func Load(path string) (*Model, map[string]string, error) {
	source, metadata, err := nn.Load[float32](path, nn.Options{Threads: 1, Inference: true})
	if err != nil {
		return nil, nil, err
	}
	defer source.Close()
	m, err := newModel(source, 1)
	return m, metadata, err
}

// newModel takes the network and the weights of a model.
func newModel(source *nn.Model[float32], seed uint64) (*Model, error) {
	m := &Model{network: source.Network(), output: source.Output(), ctx: context.New()}
	for i, l := range m.network.Layers {
		if err := known(m.named(l)); err != nil {
			return nil, fmt.Errorf("gomlx: layer %d (%s): %w", i+1, strings.TrimPrefix(source.Layers()[i].Name, strconv.Itoa(i+1)+"."), err)
		}
		m.kinds = append(m.kinds, source.Layers()[i].Name)
	}
	for _, p := range source.Parameters() {
		scope, name, ok := cutLast(p.Name)
		if !ok || !slices.Contains(m.kinds, scope) {
			return nil, fmt.Errorf("gomlx: the parameter %s is of no layer of the network", p.Name)
		}
		m.ctx.InAbsPath(context.RootScope+scope).VariableWithValue(name, tensors.FromFlatDataAndDimensions(p.Value, p.Shape...))
		m.params = append(m.params, param{p.Name, p.Shape})
	}
	m.ctx = existing(m.ctx)
	if err := m.ctx.SetRNGStateFromSeed(int64(seed)); err != nil {
		return nil, fmt.Errorf("gomlx: %w", err)
	}
	return m, nil
}

// known tells whether Layer takes a layer.
func known(l nn.Layer) error {
	switch l := l.(type) {
	case nn.Activation:
		return knownFunction(l)
	case nn.Conv2D, nn.Dense, nn.MaxPool, nn.GlobalAvgPool, nn.Dropout, nn.Flatten, nn.LSTM, nn.DyISRU:
		return nil
	}
	return fmt.Errorf("there is none of this type for graphs of GoMLX; known: conv2d, dense, max_pool, global_avg_pool, dropout, flatten, activation, lstm, dyisru")
}

// knownFunction tells whether an activation, which package nn takes, is there.
func knownFunction(l nn.Activation) error {
	name, learn := activationOf(l)
	if hdl.IsSpec(name) {
		function, _, _ := strings.Cut(name, "@")
		return fmt.Errorf("%s is a unit of hardware, which is not there for graphs of GoMLX; write %s", name, function)
	}
	if learn == nn.Fixed {
		return nil
	}
	return learnable(parse(name))
}

// activationOf returns the function of a layer, and what of it is learned.
func activationOf(l nn.Activation) (name string, learn nn.Learn) {
	name, learn = nn.SplitLearn(l.Function)
	if l.Learn != nn.Fixed {
		learn = l.Learn
	}
	return name, learn
}

func cutLast(name string) (before, after string, found bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

// Network returns the description of the network.
func (m *Model) Network() nn.Network { return m.network }

// Output returns the shape of the output for one sample.
func (m *Model) Output() nn.Shape { return m.output }

// Context returns the context that holds the variables. Training changes them there.
func (m *Model) Context() *context.Context { return m.ctx }

// Graph is the train.ModelFn of the network: inputs[0] is samples x the network's input,
// or samples x its elements, and the one output its logits.
func (m *Model) Graph(ctx *context.Context, _ any, inputs []*Node) []*Node {
	x := inputs[0]
	if dims := slices.Concat([]int{x.Shape().Dimensions[0]}, m.network.Input); !slices.Equal(dims, x.Shape().Dimensions) {
		x = Reshape(x, dims...)
	}
	for i, l := range m.network.Layers {
		x = Layer(existing(ctx).In(m.kinds[i]), x, m.named(l))
	}
	return []*Node{x}
}

// Logits is the graph of the network's output for x, as of [Model.Graph]: what
// context.NewExec takes.
func (m *Model) Logits(ctx *context.Context, x *Node) *Node {
	return m.Graph(ctx, nil, []*Node{x})[0]
}

// named returns a layer with the functions that the network names for it.
func (m *Model) named(l nn.Layer) nn.Layer {
	switch l := l.(type) {
	case nn.Activation:
		if l.Function == "" {
			l.Function = m.network.Activation
		}
		return l
	case nn.LSTM:
		if l.Activation == "" {
			l.Activation = m.network.Activation
		}
		if l.Gate == "" {
			l.Gate = m.network.Gate
		}
		return l
	}
	return l
}

// Save writes the model as a checkpoint that package nn, isrlu predict and Load read,
// with the metadata that the caller gives. It holds no state of an optimizer. The file
// is replaced as a whole or not at all.
func (m *Model) Save(path string, metadata map[string]string) error {
	target, err := nn.New[float32](m.network, nn.Options{Threads: 1, Inference: true})
	if err != nil {
		return err
	}
	defer target.Close()
	for _, p := range target.Parameters() {
		values, err := m.values(p.Name)
		if err != nil {
			return err
		}
		copy(p.Value, values)
	}
	target.Changed()
	return target.Save(path, metadata)
}

// values returns the numbers of a parameter.
func (m *Model) values(name string) ([]float32, error) {
	scope, short, _ := cutLast(name)
	v := m.ctx.GetVariableByScopeAndName(context.RootScope+scope, short)
	i := slices.IndexFunc(m.params, func(p param) bool { return p.name == name })
	if v == nil || i < 0 {
		return nil, fmt.Errorf("gomlx: the context has no variable %s in the scope %s%s", short, context.RootScope, scope)
	}
	if shape := m.params[i].shape; !slices.Equal(shape, v.Shape().Dimensions) {
		return nil, fmt.Errorf("gomlx: the variable %s has the shape %s, but the network's is %v", name, v.Shape(), shape)
	}
	value, err := v.Value()
	if err != nil {
		return nil, fmt.Errorf("gomlx: %s: %w", name, err)
	}
	return tensors.CopyFlatData[float32](value)
}
