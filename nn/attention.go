package nn

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/rows"
)

// attention is what an Attention layer does between its two dense products: it
// reads the queries, keys and values of each time step side by side, 3 D features,
// and writes the heads' means of values, D features. Each head of a sample is a
// task.
//
// Queries are taken in blocks, so that a causal layer computes no block of
// products that lies above the diagonal.
type attention[T Float] struct {
	m       *Model[T]
	in, out *value[T]
	heads   heads[T]
	steps   int
	causal  bool

	// The weights of the means of each head, block by block: kept for the backward
	// pass. A model for inference has those of one block in its scratch memory.
	weights *value[T]
	size    int // elements of a head's weights
	block   int // of a block's

	forwardTask, backwardTask func(task, worker int)
}

// heads are those of an Attention layer.
type heads[T Float] struct {
	count    int
	features int // D
	width    int // of a head
	scale    T   // 1/sqrt(width)
}

// attentionRows is the number of queries in a block. Half of the last block that a
// causal layer computes is above the diagonal: smaller ones waste less there, but
// have slower products.
const attentionRows = 64

func (b *builder[T]) attention(at int, l Attention, in *value[T]) (*value[T], error) {
	if err := sequence(in.shape); err != nil {
		return nil, err
	}
	features := in.shape[1]
	if l.Heads < 1 {
		return nil, fmt.Errorf("heads must be at least 1, got %d", l.Heads)
	}
	if features%l.Heads != 0 {
		return nil, fmt.Errorf("%d features are no multiple of %d heads; change one of the two", features, l.Heads)
	}
	if l.Bidirectional {
		if err := b.together(); err != nil {
			return nil, err
		}
	}
	h := heads[T]{count: l.Heads, features: features, width: features / l.Heads}
	h.scale = T(1 / math.Sqrt(float64(h.width)))
	product := Dense{Units: 3 * features, NoBias: l.NoBias, Init: l.Init.or(b.m.network.Init).or(LeCun())}
	qkv, err := b.product(at, product, "", in)
	if err != nil {
		return nil, err
	}
	out := b.value(in.shape)
	if b.m.options.stepwise {
		err = b.attendStep(h, qkv, out)
	} else {
		err = b.attend(at, h, !l.Bidirectional, qkv, out)
	}
	if err != nil {
		return nil, err
	}
	product.Units = features
	return b.product(at, product, "output_", out)
}

// attend appends the operation for all time steps at once.
func (b *builder[T]) attend(at int, h heads[T], causal bool, in, out *value[T]) error {
	o := &attention[T]{m: b.m, in: in, out: out, heads: h, steps: in.shape[0], causal: causal}
	if err := checkShape(Shape{h.count, o.steps, o.steps}); err != nil {
		return fmt.Errorf("the weights of %d heads over %d steps: %w", h.count, o.steps, err)
	}
	scratch := 0
	for from := 0; from < o.steps; from += attentionRows {
		rows, cols := o.bounds(from)
		o.size += rows * cols
		o.block = max(o.block, rows*cols)
		for _, p := range []gemm.Matmul[T]{o.scores(rows, cols), o.means(rows, cols), o.weightGradient(rows, cols), o.queryGradient(rows, cols), o.keyGradient(rows, cols), o.valueGradient(rows, cols)} {
			scratch = max(scratch, p.Scratch())
		}
	}
	b.need(o.block + scratch)
	b.m.layers[at].MACs += 2 * int64(o.size) * int64(h.features)
	if !b.m.options.Inference {
		o.weights = b.value(Shape{h.count * o.size})
		o.weights.keep()
	}
	in.keep()
	o.forwardTask, o.backwardTask = o.forwardHead, o.backwardHead
	b.add(o)
	return nil
}

func (o *attention[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// bounds returns the number of queries in the block from one of them on, and that
// of the keys from the first on that its products read.
func (o *attention[T]) bounds(from int) (rows, cols int) {
	rows = min(attentionRows, o.steps-from)
	if o.causal {
		return rows, from + rows
	}
	return rows, o.steps
}

// seen returns how many steps the query attends to; each one after it, in a causal
// layer, to one more.
func (o *attention[T]) seen(query int) int {
	if o.causal {
		return query + 1
	}
	return o.steps
}

// The products of a block, whose weights are rows x cols.

func (o *attention[T]) scores(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: cols, Depth: o.heads.width, TransB: true, ARow: 3 * o.heads.features, BRow: 3 * o.heads.features, CRow: cols}
}

func (o *attention[T]) means(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: o.heads.width, Depth: cols, ARow: cols, BRow: 3 * o.heads.features, CRow: o.heads.features}
}

func (o *attention[T]) weightGradient(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: cols, Depth: o.heads.width, TransB: true, ARow: o.heads.features, BRow: 3 * o.heads.features, CRow: cols}
}

func (o *attention[T]) queryGradient(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: o.heads.width, Depth: cols, ARow: cols, BRow: 3 * o.heads.features, CRow: 3 * o.heads.features}
}

func (o *attention[T]) keyGradient(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: cols, Cols: o.heads.width, Depth: rows, TransA: true, ARow: cols, BRow: 3 * o.heads.features, CRow: 3 * o.heads.features}
}

func (o *attention[T]) valueGradient(rows, cols int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: cols, Cols: o.heads.width, Depth: rows, TransA: true, ARow: cols, BRow: o.heads.features, CRow: 3 * o.heads.features}
}

// part returns where the queries, keys and values of a task's head begin in a
// value of 3 D features, and where its means begin in one of D.
func (o *attention[T]) part(task int) (queries, keys, values, means int) {
	sample, head := task/o.heads.count, task%o.heads.count
	d := o.heads.features
	queries = sample*o.steps*3*d + head*o.heads.width
	return queries, queries + d, queries + 2*d, sample*o.steps*d + head*o.heads.width
}

// kept returns the weights of a task's head.
func (o *attention[T]) kept(task int) []T { return o.weights.data[task*o.size:][:o.size] }

func (o *attention[T]) forward(m *Model[T]) { m.pool.Run(m.n*o.heads.count, o.forwardTask) }

func (o *attention[T]) forwardHead(task, worker int) {
	queries, keys, values, means := o.part(task)
	x, y, d := o.in.data, o.out.data, o.heads.features
	block, scratch := o.m.scratch[worker][:o.block], o.m.scratch[worker][o.block:]
	var kept []T
	if o.weights != nil {
		kept = o.kept(task)
	}
	for from := 0; from < o.steps; from += attentionRows {
		height, cols := o.bounds(from)
		w := block
		if kept != nil {
			w, kept = kept[:height*cols], kept[height*cols:]
		}
		p := o.scores(height, cols)
		p.Run(w, x[queries+from*3*d:], x[keys:], nil, scratch, nil)
		rows.Softmax(w, height, cols, cols, o.heads.scale, o.seen(from))
		p = o.means(height, cols)
		p.Run(y[means+from*d:], w, x[values:], nil, scratch, nil)
	}
}

func (o *attention[T]) backward(m *Model[T]) { m.pool.Run(m.n*o.heads.count, o.backwardTask) }

// backwardHead goes from the last block, which reaches all keys and values, to the
// first, and adds the others' gradients of these to the last's.
func (o *attention[T]) backwardHead(task, worker int) {
	queries, keys, values, means := o.part(task)
	x, dx, dy, d := o.in.data, o.in.grad, o.out.grad, o.heads.features
	block, scratch := o.m.scratch[worker][:o.block], o.m.scratch[worker][o.block:]
	kept := o.kept(task)
	last := (o.steps - 1) / attentionRows * attentionRows
	for from := last; from >= 0; from -= attentionRows {
		height, cols := o.bounds(from)
		at := len(kept) - height*cols
		w, dw := kept[at:], block[:height*cols]
		kept = kept[:at]

		p := o.weightGradient(height, cols)
		p.Run(dw, dy[means+from*d:], x[values:], nil, scratch, nil)
		p = o.valueGradient(height, cols)
		p.Accumulate = from < last
		p.Run(dx[values:], w, dy[means+from*d:], nil, scratch, nil)
		rows.SoftmaxBackward(dw, w, height, cols, cols, o.heads.scale, o.seen(from))
		p = o.queryGradient(height, cols)
		p.Run(dx[queries+from*3*d:], dw, x[keys:], nil, scratch, nil)
		p = o.keyGradient(height, cols)
		p.Accumulate = from < last
		p.Run(dx[keys:], dw, x[queries+from*3*d:], nil, scratch, nil)
	}
}
