package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/parallel"
)

// embedding is an Embedding layer.
type embedding[T Float] struct {
	m       *Model[T]
	in, out *value[T]
	units   int
	weight  *Parameter[T]

	forwardTask, backwardTask func(task, worker int)
	tasks                     int
}

func (b *builder[T]) embedding(at int, l Embedding, in *value[T]) (*value[T], error) {
	if l.Tokens < 1 || l.Units < 1 {
		return nil, fmt.Errorf("tokens and units must be at least 1, got %d and %d", l.Tokens, l.Units)
	}
	if l.Tokens > maxToken {
		return nil, fmt.Errorf("tokens must be at most %d, got %d", maxToken, l.Tokens)
	}
	if in != b.m.input || len(in.shape) != 1 {
		return nil, fmt.Errorf("it must be the first layer, of an input that is a number of tokens, but its input is %v", in.shape)
	}
	o := &embedding[T]{m: b.m, in: in, out: b.value(Shape{in.size, l.Units}), units: l.Units}
	var err error
	if o.weight, err = b.weights(at, l.Init.or(TruncatedNormal(embeddingStd)), 1, l.Units, l.Tokens, l.Units); err != nil {
		return nil, err
	}
	o.weight.Decay = false // most of a step's tokens are not there: their rows would only shrink
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardColumns
	b.add(o)
	return o.out, nil
}

// maxToken is the most tokens: beyond, float32 does not hold every whole number.
const maxToken = 1 << 24

// embeddingStd is the standard deviation of the first embeddings (Radford et al.
// 2019, GPT-2).
const embeddingStd = .02

func (o *embedding[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

func (o *embedding[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *embedding[T]) forwardSample(i, _ int) {
	for j, v := range o.in.data[i*o.in.size:][:o.in.size] {
		token := int(v)
		if T(token) != v || token < 0 || token >= o.weight.Shape[0] {
			panic(fmt.Sprintf("nn: token %v of sample %d is not a whole number in [0, %d)", v, i, o.weight.Shape[0]))
		}
		copy(o.out.data[i*o.out.size+j*o.units:], o.weight.Value[token*o.units:][:o.units])
	}
}

func (o *embedding[T]) backward(m *Model[T]) {
	clear(o.weight.Grad)
	o.tasks = min(m.pool.Threads(), o.units)
	m.pool.Run(o.tasks, o.backwardTask)
}

// backwardColumns adds up the gradients of some columns, token by token in their
// order.
func (o *embedding[T]) backwardColumns(task, _ int) {
	from, to := parallel.Split(o.units, o.tasks, task)
	for j, v := range o.in.data[:o.m.n*o.in.size] {
		sum := o.weight.Grad[int(v)*o.units:][from:to]
		for k, d := range o.out.grad[j*o.units:][from:to] {
			sum[k] += d
		}
	}
}
