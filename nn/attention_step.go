package nn

import (
	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/rows"
)

// attentionStep is attention one time step at a time: it keeps the keys and values
// of the steps so far. What lies beyond m.position is of no effect, so that a reset
// has nothing to clear.
type attentionStep[T Float] struct {
	m       *Model[T]
	in, out *value[T]
	heads   heads[T]
	steps   int // that there is room for

	// Of each sequence: keys features x steps, as their product with a query reads
	// them; values steps x features.
	keys, values *value[T]

	task func(task, worker int)
}

// attendStep appends the operation for one time step.
func (b *builder[T]) attendStep(h heads[T], in, out *value[T]) error {
	b.limitSteps()
	o := &attentionStep[T]{m: b.m, in: in, out: out, heads: h, steps: b.m.network.Input[0]}
	if err := checkShape(Shape{o.steps, h.features}); err != nil {
		return err
	}
	o.keys, o.values = b.value(Shape{h.features, o.steps}), b.value(Shape{o.steps, h.features})
	scores, means := o.scores(o.steps), o.means(o.steps)
	b.need(o.steps + max(scores.Scratch(), means.Scratch()))
	o.task = o.head
	b.add(o)
	return nil
}

func (o *attentionStep[T]) ends() (in, out []*value[T]) {
	return []*value[T]{o.in}, []*value[T]{o.out}
}

// The products of a query with the keys so far, and of its weights with the values.

func (o *attentionStep[T]) scores(steps int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: 1, Cols: steps, Depth: o.heads.width, ARow: o.heads.width, BRow: o.steps, CRow: steps}
}

func (o *attentionStep[T]) means(steps int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: 1, Cols: o.heads.width, Depth: steps, ARow: steps, BRow: o.heads.features, CRow: o.heads.width}
}

func (o *attentionStep[T]) forward(m *Model[T]) { m.pool.Run(m.n*o.heads.count, o.task) }
func (*attentionStep[T]) backward(*Model[T])    {} // of a model for inference

func (o *attentionStep[T]) head(task, worker int) {
	sample, d, width := task/o.heads.count, o.heads.features, o.heads.width
	first := task % o.heads.count * width // feature of the head
	x := of(o.in.data, sample, 3*d)[first:]
	keys := of(o.keys.data, sample, o.keys.size)[first*o.steps:]
	values := of(o.values.data, sample, o.values.size)[first:]
	position := o.m.position
	for j, v := range x[d:][:width] {
		keys[j*o.steps+position] = v
	}
	copy(values[position*d:], x[2*d:][:width])

	n := position + 1
	w, scratch := o.m.scratch[worker][:n], o.m.scratch[worker][o.steps:]
	p := o.scores(n)
	p.Run(w, x, keys, nil, scratch, nil)
	rows.Softmax(w, 1, n, n, o.heads.scale, n)
	p = o.means(n)
	p.Run(of(o.out.data, sample, d)[first:], w, values, nil, scratch, nil)
}
