package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Limits of what a description may ask for, so that a wrong number is an error
// and not an exhausted memory.
const (
	maxElements = 1 << 28   // of one tensor of a sample or of weights
	maxTotal    = 1<<31 - 1 // elements of all buffers; an int holds it everywhere
)

// limits are what a model may take: elements of parameters, and of all buffers.
type limits struct {
	params int64
	total  int
}

// A builder turns layers into operations.
type builder[T Float] struct {
	m       *Model[T]
	prefix  string // of layers' numbers
	total   int    // elements so far
	params  int64  // elements of parameters so far
	limits  limits
	scratch int // elements that each worker needs
	depth   int // of layers in layers
	at      int // the layer whose operations are being built

	// What runs in the epilogue of the layer being built: max-pooling, for a
	// convolution, and an activation.
	pooled, next *placed
}

func (m *Model[T]) build(l limits) error {
	if len(m.network.Layers) == 0 {
		return errNoLayers
	}
	in := m.network.Input
	if len(in) < 1 || len(in) > 3 {
		return fmt.Errorf("input must be height, width and channels, or time steps and features, or a number of features, got %v", in)
	}
	if err := checkShape(in); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if m.options.stepwise {
		var err error
		if in, err = stepInput(&m.network); err != nil {
			return err
		}
	}
	if m.network.Init != (Init{}) {
		if err := m.network.Init.check(); err != nil {
			return err
		}
	}
	b := &builder[T]{m: m, limits: l}
	m.input = b.value(in)
	out, err := b.sequence(m.network.Layers, m.input)
	if err != nil {
		return err
	}
	m.output, m.shape = out, out.shape
	if len(out.shape) > 2 {
		return fmt.Errorf("the output must be a list of features, or one for each time step, but is %v; end with flatten and dense, or with global_avg_pool", out.shape)
	}
	if err := b.allocate(); err != nil {
		return err
	}
	m.losses = newLosses(m)
	return nil
}

func checkShape(s Shape) error {
	n := 1
	for _, d := range s {
		if d < 1 {
			return fmt.Errorf("every dimension must be at least 1, got %v", s)
		}
		if d > maxElements || n > maxElements/d {
			return fmt.Errorf("%v has more than %d elements", s, maxElements)
		}
		n *= d
	}
	return nil
}

func (b *builder[T]) value(s Shape) *value[T] {
	v := &value[T]{shape: s, size: s.Size()}
	b.m.values = append(b.m.values, v)
	return v
}

// alias returns a value that shares the data of v.
func (b *builder[T]) alias(v *value[T], s Shape) *value[T] {
	a := b.value(s)
	a.alias = v
	return a
}

// info registers a layer and returns its index.
func (b *builder[T]) info(i int, kind string) int {
	b.m.layers = append(b.m.layers, LayerInfo{Name: b.prefix + strconv.Itoa(i+1) + "." + kind, Kind: kind})
	return len(b.m.layers) - 1
}

// param registers a parameter of the layer.
func (b *builder[T]) param(layer int, name string, trained bool, shape ...int) (*Parameter[T], error) {
	if err := checkShape(shape); err != nil {
		return nil, err
	}
	p := &Parameter[T]{Name: b.m.layers[layer].Name + "." + name, Shape: shape}
	n := p.Shape.Size()
	b.total += 4 * n // values, gradients and an optimizer's averages
	if b.total > b.limits.total {
		return nil, fmt.Errorf("the weights take more than %d elements", b.limits.total)
	}
	if b.params += int64(n); b.params > b.limits.params {
		return nil, fmt.Errorf("the network has more weights than the %d that are there", b.limits.params)
	}
	p.Value = make([]T, n)
	if trained {
		b.m.layers[layer].Parameters += n
		if !b.m.options.Inference {
			p.Grad = make([]T, n)
		}
	}
	b.m.params = append(b.m.params, p)
	return p, nil
}

// reserve counts memory that a layer keeps for each sample of a batch.
func (b *builder[T]) reserve(perSample int) error {
	if perSample > (b.limits.total-b.total)/b.m.options.Batch {
		return fmt.Errorf("a batch of %d takes more than %d elements; take a smaller one", b.m.options.Batch, b.limits.total)
	}
	b.total += perSample * b.m.options.Batch
	return nil
}

// packed counts what a layer keeps of its weights in another form.
func (b *builder[T]) packed(n int) error {
	if b.total += n; b.total > b.limits.total {
		return fmt.Errorf("the packed weights take more than %d elements", b.limits.total)
	}
	return nil
}

// weights registers the weights of a layer and draws them.
func (b *builder[T]) weights(layer int, i Init, inputs, outputs int, shape ...int) (*Parameter[T], error) {
	return b.namedWeights(layer, "weight", i, inputs, outputs, shape...)
}

// namedWeights is weights for a layer that has several, whose names tell their
// random numbers apart.
func (b *builder[T]) namedWeights(layer int, name string, i Init, inputs, outputs int, shape ...int) (*Parameter[T], error) {
	i = i.or(b.m.network.Init).or(He())
	if err := i.check(); err != nil {
		return nil, err
	}
	p, err := b.param(layer, name, true, shape...)
	if err != nil {
		return nil, err
	}
	p.Decay = true
	stream := []uint64{1, uint64(layer)}
	if name != "weight" {
		for _, c := range []byte(name) {
			stream = append(stream, uint64(c))
		}
	}
	pcg := b.m.random(stream...)
	draw(i, p.Value, inputs, outputs, rand.New(&pcg))
	return p, nil
}

// register gives a layer its place among the model's layers.
func (b *builder[T]) register(p *placed) int {
	if p.info < 0 {
		p.info = b.info(p.index, p.layer.kind())
	}
	return p.info
}

// sequence appends the operations of the layers.
func (b *builder[T]) sequence(layers Sequential, in *value[T]) (*value[T], error) {
	defer func(outer int) { b.at = outer }(b.at)
	list := b.arrange(layers)
	for i := 0; i < len(list); {
		if list[i].layer == nil {
			return nil, fmt.Errorf("layer %s%d is nil", b.prefix, list[i].index+1)
		}
		n, fused := b.fuse(list[i:])
		// Weights are drawn by the layers' places among the model's, which must not
		// depend on fusion.
		for k := i; k < i+fused; k++ {
			// The model's layers stand in the order of the description.
			if k+1 < len(list) && list[k+1].index < list[k].index {
				b.register(&list[k+1])
			}
			b.register(&list[k])
		}
		at, layer := list[i].info, list[i].layer
		b.at = at
		out, err := b.layer(at, layer, in)
		if follower := (*followerError)(nil); errors.As(err, &follower) {
			return nil, follower.error
		} else if err != nil {
			return nil, b.wrap(&list[i], err)
		}
		if b.m.layers[at].Output == nil {
			b.m.layers[at].Output = out.shape
		}
		in = out
		i += n
	}
	return in, nil
}

// wrap names the layer that an error is about.
func (b *builder[T]) wrap(p *placed, err error) error {
	return fmt.Errorf("layer %s%d (%s): %w", b.prefix, p.index+1, p.layer.kind(), err)
}

// nested runs f with another prefix of names.
func (b *builder[T]) nested(prefix string, f func() error) error {
	before := b.prefix
	b.prefix = prefix
	err := f()
	b.prefix = before
	return err
}

// layer appends the operations of one layer and returns its output.
func (b *builder[T]) layer(at int, l Layer, in *value[T]) (*value[T], error) {
	switch l := l.(type) {
	case Conv2D:
		return b.conv2D(at, l, in)
	case DepthwiseConv2D:
		return b.depthwiseConv2D(at, l, in)
	case Dense:
		return b.dense(at, l, in)
	case MaxPool, AvgPool:
		return b.pool(l, in)
	case GlobalAvgPool:
		return b.globalAvgPool(in)
	case Dropout:
		return b.dropout(at, l, in)
	case BatchNorm:
		return b.batchNorm(at, l, in)
	case Flatten:
		if err := b.together(); err != nil {
			return nil, err
		}
		out := b.alias(in, Shape{in.size})
		b.add(&view[T]{in, out})
		return out, nil
	case Activation:
		return b.standalone(at, l, in)
	case Residual:
		return b.residual(at, l, in)
	case Product:
		return b.multiply(at, l, in)
	case Concat:
		return b.concat(at, l, in)
	case Affine:
		return b.affine(at, l, in)
	case Embedding:
		return b.embedding(at, l, in)
	case LSTM, GRU, RNN:
		return b.recurrent(at, l, in)
	case LayerNorm, RMSNorm, DyT, DyISRU:
		return b.norm(at, l, in)
	case Norm:
		method, err := l.resolve(&b.m.network)
		if err != nil {
			return nil, err
		}
		return b.norm(at, method, in)
	case PositionEmbedding:
		return b.positionEmbedding(at, l, in)
	case Attention:
		return b.attention(at, l, in)
	case TransformerBlock:
		return b.transformerBlock(at, l, in)
	}
	return nil, fmt.Errorf("%T is not a layer that networks hold", l)
}

// add appends an operation of the layer that is being built.
func (b *builder[T]) add(o op[T]) {
	b.m.ops = append(b.m.ops, o)
	b.m.layerOf = append(b.m.layerOf, b.at)
	if p, ok := o.(preparer); ok {
		b.m.preparers = append(b.m.preparers, p)
	}
}

// need makes sure that every worker has so much scratch memory.
func (b *builder[T]) need(n int) { b.scratch = max(b.scratch, n) }

// image checks that a layer's input has pixels.
func image(s Shape) error {
	if len(s) != 3 {
		return fmt.Errorf("the input must be height, width and channels, but is %v", s)
	}
	return nil
}

// A preparer packs its weights when these have changed.
type preparer interface{ prepare() }

// An inPlace operation's backward pass writes the gradient of its first input
// where that of its first output is.
type inPlace interface{ inPlace() }

// allocate makes the buffers. Gradients share memory: one is needed only from
// the operation that writes it to the one that reads it.
func (b *builder[T]) allocate() error {
	m, batch := b.m, b.m.options.Batch
	for _, v := range m.values {
		if v.alias != nil {
			continue
		}
		if err := b.reserve(v.size); err != nil {
			return err
		}
	}
	if threads := m.pool.Threads(); b.scratch > (b.limits.total-b.total)/threads {
		return fmt.Errorf("%d threads take more than %d elements; take fewer", threads, b.limits.total)
	}
	for _, v := range m.values {
		if v.alias == nil && v != m.input {
			v.data = make([]T, v.size*batch)
		}
	}
	for range m.pool.Threads() {
		m.scratch = append(m.scratch, make([]T, b.scratch))
	}
	if m.options.Inference {
		return nil
	}
	var free [][]T
	acquire := func(n int) []T {
		best := -1
		for i, f := range free {
			if cap(f) >= n && (best < 0 || cap(f) < cap(free[best])) {
				best = i
			}
		}
		if best < 0 {
			return make([]T, n)
		}
		buf := free[best][:n]
		free = append(free[:best], free[best+1:]...)
		return buf
	}
	m.output.grad = acquire(m.output.size * batch)
	for i := len(m.ops) - 1; i >= 0; i-- {
		in, out := m.ops[i].ends()
		_, reuse := m.ops[i].(inPlace)
		for k, v := range in {
			switch {
			case v == m.input:
			case k == 0 && reuse:
				v.grad = out[0].grad
			default:
				v.grad = acquire(v.size * batch)
			}
		}
		for k, v := range out {
			if k > 0 || !reuse || in[0] == m.input {
				free = append(free, v.grad)
			}
		}
	}
	return nil
}
