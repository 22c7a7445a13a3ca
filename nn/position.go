package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/parallel"
)

// positionEmbedding is a PositionEmbedding layer.
type positionEmbedding[T Float] struct {
	m        *Model[T]
	in, out  *value[T]
	features int
	steps    int // of the table
	weight   *Parameter[T]

	forwardTask, backwardTask func(task, worker int)
	tasks                     int
}

func (b *builder[T]) positionEmbedding(at int, l PositionEmbedding, in *value[T]) (*value[T], error) {
	if err := sequence(in.shape); err != nil {
		return nil, err
	}
	o := &positionEmbedding[T]{m: b.m, in: in, out: b.value(in.shape), features: in.shape[1], steps: b.m.network.Input[0]}
	if !b.m.options.stepwise && in.shape[0] != o.steps {
		return nil, fmt.Errorf("its input has %d time steps but that of the network %d; put it before what changes their number", in.shape[0], o.steps)
	}
	b.limitSteps()
	var err error
	if o.weight, err = b.weights(at, l.Init.or(TruncatedNormal(embeddingStd)), 1, o.features, o.steps, o.features); err != nil {
		return nil, err
	}
	o.weight.Decay = false // as of an Embedding
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSteps
	b.add(o)
	return o.out, nil
}

// sequence checks that a layer's input has time steps.
func sequence(s Shape) error {
	if len(s) != 2 {
		return fmt.Errorf("the input must be a sequence, time steps and features, but is %v", s)
	}
	return nil
}

func (*positionEmbedding[T]) inPlace() {}
func (o *positionEmbedding[T]) ends() (in, out []*value[T]) {
	return []*value[T]{o.in}, []*value[T]{o.out}
}

func (o *positionEmbedding[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *positionEmbedding[T]) forwardSample(i, _ int) {
	n := o.in.size
	x, y := of(o.in.data, i, n), of(o.out.data, i, n)
	for j, v := range o.weight.Value[o.m.position*o.features:][:n] {
		y[j] = x[j] + v
	}
}

func (o *positionEmbedding[T]) backward(m *Model[T]) {
	o.tasks = min(m.pool.Threads(), o.steps)
	m.pool.Run(o.tasks, o.backwardTask)
}

// backwardSteps adds up the gradients of some time steps, sample by sample.
func (o *positionEmbedding[T]) backwardSteps(task, _ int) {
	from, to := parallel.Split(o.steps, o.tasks, task)
	from, to = from*o.features, to*o.features
	sum := o.weight.Grad[from:to]
	copy(sum, o.out.grad[from:to])
	for i := 1; i < o.m.n; i++ {
		for j, d := range of(o.out.grad, i, o.out.size)[from:to] {
			sum[j] += d
		}
	}
}
