package nn

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/parallel"
)

// dense is a Dense layer with the activation that follows it.
type dense[T Float] struct {
	m            *Model[T]
	in, out, pre *value[T]
	act          *activation[T]
	steps        int // rows of a sample: 1, or the time steps of a sequence
	inputs       int
	units        int
	weight, bias *Parameter[T]
	epilogues    []func(i, rows, j, cols int) // of each worker
	columns      []int                        // of the task that each worker runs

	forwardTask, activationTask, weightTask, inputTask func(task, worker int)
	tasks                                              int

	// For inference the weights are packed once, those of each task.
	packed [][]T
}

func (b *builder[T]) dense(at int, l Dense, in *value[T]) (*value[T], error) {
	if l.Units < 1 {
		return nil, fmt.Errorf("units must be at least 1, got %d", l.Units)
	}
	if len(in.shape) > 2 {
		return nil, fmt.Errorf("the input must be a list of features, or a sequence of them, but is %v; put flatten before it", in.shape)
	}
	return b.product(at, l, "", in)
}

// product appends a Dense layer, or a part of a layer that is one: the names of its
// parameters begin with the prefix.
func (b *builder[T]) product(at int, l Dense, prefix string, in *value[T]) (*value[T], error) {
	o := &dense[T]{m: b.m, in: in, inputs: in.shape.channels(), units: l.Units}
	o.steps = in.size / o.inputs
	var err error
	if o.weight, err = b.namedWeights(at, prefix+"weight", l.Init, o.inputs, o.units, o.inputs, o.units); err != nil {
		return nil, err
	}
	if !l.NoBias {
		if o.bias, err = b.param(at, prefix+"bias", true, o.units); err != nil {
			return nil, err
		}
	}
	b.m.layers[at].MACs += int64(in.size) * int64(o.units)
	o.out = b.value(append(slices.Clone(in.shape[:len(in.shape)-1]), o.units))
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	in.keep()
	batch := b.m.options.Batch * o.steps
	forward, weight, input := o.forwardProduct(batch, o.units), o.weightProduct(batch, o.inputs), o.inputProduct(batch, o.inputs)
	b.need(max(forward.Scratch(), weight.Scratch(), input.Scratch()))
	if b.m.options.Inference {
		if err := b.packed(forward.PackedSize()); err != nil {
			return nil, err
		}
	}
	o.forwardTask, o.activationTask, o.weightTask, o.inputTask = o.forwardColumns, o.activationGradient, o.weightRows, o.inputColumns
	o.columns = make([]int, b.m.pool.Threads())
	for worker := range o.columns {
		var epilogue func(i, rows, j, cols int)
		if o.act != nil {
			epilogue = func(i, rows, j, cols int) { o.activate(i, rows, o.columns[worker]+j, cols) }
		}
		o.epilogues = append(o.epilogues, epilogue)
	}
	b.add(o)
	return o.out, nil
}

func (o *dense[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// The products: of the inputs and the weights, of the transposed inputs and the
// gradients, and of the gradients and the transposed weights. Each task takes some
// columns or rows, which have no part in the order of additions.

func (o *dense[T]) forwardProduct(rows, columns int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: columns, Depth: o.inputs, ARow: o.inputs, BRow: o.units, CRow: o.units}
}

func (o *dense[T]) weightProduct(depth, rows int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: o.units, Depth: depth, TransA: true, ARow: o.inputs, BRow: o.units, CRow: o.units}
}

func (o *dense[T]) inputProduct(rows, columns int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: columns, Depth: o.units, TransB: true, ARow: o.units, BRow: o.units, CRow: o.inputs}
}

// share splits n rows or columns, in units of a panel, among the workers.
func (o *dense[T]) share(n int) (tasks int) {
	width := gemm.Width[T]()
	return min(o.m.pool.Threads(), (n+width-1)/width)
}

// part returns the bounds of a task's rows or columns.
func (o *dense[T]) part(n, task int) (from, to int) {
	width := gemm.Width[T]()
	from, to = parallel.Split((n+width-1)/width, o.tasks, task)
	return from * width, min(to*width, n)
}

func (o *dense[T]) forward(m *Model[T]) {
	o.tasks = o.share(o.units)
	m.pool.Run(o.tasks, o.forwardTask)
}

// prepare packs the weights of every task of an inference. Training reads them
// once as they are.
func (o *dense[T]) prepare() {
	if !o.m.options.Inference {
		return
	}
	o.tasks = o.share(o.units)
	for task := range o.tasks {
		from, to := o.part(o.units, task)
		p := o.forwardProduct(1, to-from)
		if len(o.packed) == task {
			o.packed = append(o.packed, make([]T, p.PackedSize()))
		}
		p.Pack(o.packed[task], o.weight.Value[from:])
	}
}

func (o *dense[T]) forwardColumns(task, worker int) {
	from, to := o.part(o.units, task)
	p := o.forwardProduct(o.m.n*o.steps, to-from)
	var bias []T
	if o.bias != nil {
		bias = o.bias.Value[from:to]
	}
	o.columns[worker] = from
	weights := o.weight.Value[from:]
	if o.m.options.Inference {
		p.Packed, weights = true, o.packed[task]
	}
	p.Run(o.pre.data[from:], o.in.data, weights, bias, o.m.scratch[worker], o.epilogues[worker])
}

func (o *dense[T]) activate(i, rows, j, cols int) {
	for ; rows > 0; i, rows = i+1, rows-1 {
		at := i*o.units + j
		o.act.forward(o.out.data[at:][:cols], o.pre.data[at:][:cols], j, cols)
	}
}

func (o *dense[T]) activationGradient(i, _ int) {
	n := o.out.size
	o.act.backward(o.out.grad[i*n:][:n], o.pre.data[i*n:][:n], i)
}

func (o *dense[T]) backward(m *Model[T]) {
	if o.act != nil {
		o.act.begin(m.n)
		m.each(o.activationTask)
		o.act.end(m.n)
	}
	if o.bias != nil {
		clear(o.bias.Grad)
		addRows(o.bias.Grad, o.out.grad[:m.n*o.out.size])
	}
	o.tasks = o.share(o.inputs)
	m.pool.Run(o.tasks, o.weightTask)
	if o.in.grad != nil {
		m.pool.Run(o.tasks, o.inputTask)
	}
}

func (o *dense[T]) weightRows(task, worker int) {
	from, to := o.part(o.inputs, task)
	p := o.weightProduct(o.m.n*o.steps, to-from)
	p.Run(o.weight.Grad[from*o.units:], o.in.data[from:], o.out.grad, nil, o.m.scratch[worker], nil)
}

func (o *dense[T]) inputColumns(task, worker int) {
	from, to := o.part(o.inputs, task)
	p := o.inputProduct(o.m.n*o.steps, to-from)
	p.Run(o.in.grad[from:], o.out.grad, o.weight.Value[from*o.units:], nil, o.m.scratch[worker], nil)
}
