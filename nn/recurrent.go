package nn

import (
	"time"

	"github.com/isrlu/isrlu/internal/gemm"
	"github.com/isrlu/isrlu/internal/parallel"
)

// recurrent is an LSTM, GRU or RNN layer. Inside, sequences lie time step by time
// step, each step a matrix of samples x features, so that a step is one product and
// one elementwise kernel for all samples of a task.
//
// What does not depend on the step before runs outside of the loop over time:
// projections of the input, and gradients of weights and input, are products over
// all steps at once.
type recurrent[T Float] struct {
	m        *Model[T]
	in, out  *value[T]
	layer    int // among the model's
	steps    int
	inputs   int // features of a step
	units    int
	last     bool
	truncate int

	x          []T // the input: steps x samples x inputs
	zeros      []T // the gradient of a step's output that nobody reads
	directions []*direction[T]
	chunks     int // of samples, of the running call

	copyTask, projectTask, forwardTask, backwardTask, weightTask, inputTask func(task, worker int)
	tasks                                                                   int
}

// A cell is what a recurrent layer does in one time step with samples [from, to),
// after the products.
type cell[T Float] interface {
	// forward sets h, and what else is carried to the next step.
	forward(d *direction[T], t, from, to int)
	// backward turns the gradient of h, which is d.dh and dy together, into those of
	// the projections, and d.dh into the part of the gradient of the h before that
	// does not come by way of the projection.
	// scratch has as many elements as a row of projections.
	backward(d *direction[T], t, from, to int, dy []T, dyRow int, scratch []T)
}

// A direction is a pass over time, from the first step or from the last, with its
// weights. Its buffers of steps are indexed by time, whatever the direction.
type direction[T Float] struct {
	o       *recurrent[T]
	cell    cell[T]
	reverse bool
	offset  int // of its units in the output's features
	units   int
	columns int // of the projections

	weight, recurrent, bias *Parameter[T]
	recurrentBias           *Parameter[T] // of the GRU

	// The weights, packed, and their transposes for the backward pass.
	packedWeight, packedRecurrent, packedWeightT, packedRecurrentT []T

	gates  []T // steps x samples x columns: projections, then activations, then gradients
	hidden []T // of the GRU: the projections of h, likewise
	h      []T // (steps + 1) x samples x units, the initial state among them
	c, s   []T // of the LSTM: the memory, like h, and its activation at each step
	dh, dc []T // samples x units: the gradients of the state
}

// rows returns samples [from, to) of slot t of a buffer.
func (d *direction[T]) rows(buffer []T, t, width, from, to int) []T {
	n := d.o.m.n
	return buffer[(t*n+from)*width : (t*n+to)*width]
}

// clear sets the state in a slot to 0.
func (d *direction[T]) clear(slot, from, to int) {
	clear(d.rows(d.h, slot, d.units, from, to))
	if d.c != nil {
		clear(d.rows(d.c, slot, d.units, from, to))
	}
}

// before and after return the slots of h and c before and after time step t.
func (d *direction[T]) before(t int) int {
	if d.reverse {
		return t + 1
	}
	return t
}

func (d *direction[T]) after(t int) int {
	if d.reverse {
		return t
	}
	return t + 1
}

// time returns which time step is the k-th.
func (d *direction[T]) time(k int) int {
	if d.reverse {
		return d.o.steps - 1 - k
	}
	return k
}

func (o *recurrent[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// The products: of the input and of the state with their weights, and of the
// gradients with the weights' transposes.

func (d *direction[T]) inputProduct(rows int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: d.columns, Depth: d.o.inputs, ARow: d.o.inputs, BRow: d.columns, CRow: d.columns, Packed: true}
}

func (d *direction[T]) stateProduct(rows int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: d.columns, Depth: d.units, ARow: d.units, BRow: d.columns, CRow: d.columns, Packed: true}
}

func (d *direction[T]) inputGradient(rows int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: d.o.inputs, Depth: d.columns, TransB: true, ARow: d.columns, BRow: d.columns, CRow: d.o.steps * d.o.inputs, Packed: true}
}

func (d *direction[T]) stateGradient(rows int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: rows, Cols: d.units, Depth: d.columns, TransB: true, ARow: d.columns, BRow: d.columns, CRow: d.units, Packed: true}
}

// weightGradient is the product of the transposed input or state, of so many
// features, with columns of the gradients, over all steps.
func (d *direction[T]) weightGradient(features, columns, samples int) gemm.Matmul[T] {
	return gemm.Matmul[T]{Rows: features, Cols: columns, Depth: d.o.steps * samples, TransA: true, ARow: features, BRow: d.columns, CRow: d.columns}
}

// A packing packs a layer's weights for a product.
type packing[T Float] struct {
	product gemm.Matmul[T]
	dst     []T
	weight  *Parameter[T]
}

func (p *packing[T]) prepare() { p.product.Pack(p.dst, p.weight.Value) }

func (o *recurrent[T]) forward(m *Model[T]) {
	m.each(o.copyTask)
	o.tasks = min(m.pool.Threads(), o.steps*m.n)
	m.pool.Run(o.tasks*len(o.directions), o.projectTask)
	o.split()
	m.pool.Run(o.chunks*len(o.directions), o.forwardTask)
}

// split decides how many tasks share the samples: no more than have some rows for a
// product.
func (o *recurrent[T]) split() {
	const fewest = 8
	o.chunks = max(1, min(o.m.pool.Threads(), o.m.n/fewest))
}

// copySample copies a sample's time steps to where those of the other samples are.
func (o *recurrent[T]) copySample(i, _ int) {
	n, width := o.m.n, o.inputs
	for t := range o.steps {
		copy(o.x[(t*n+i)*width:][:width], o.in.data[(i*o.steps+t)*width:])
	}
}

// project computes the projections of some rows of the input.
func (o *recurrent[T]) project(task, _ int) {
	d := o.directions[task/o.tasks]
	from, to := parallel.Split(o.steps*o.m.n, o.tasks, task%o.tasks)
	p := d.inputProduct(to - from)
	p.Run(d.gates[from*d.columns:], o.x[from*o.inputs:], d.packedWeight, d.bias.Value, nil, nil)
}

// forwardChunk runs some samples through all time steps.
func (o *recurrent[T]) forwardChunk(task, worker int) {
	d := o.directions[task/o.chunks]
	from, to := parallel.Split(o.m.n, o.chunks, task%o.chunks)
	if !o.m.options.stepwise { // else the state is that of the step before
		d.clear(d.before(d.time(0)), from, to)
	}
	p := d.stateProduct(to - from)
	features := o.out.shape.channels()
	for k := range o.steps {
		t := d.time(k)
		h := d.rows(d.h, d.before(t), d.units, from, to)
		if d.hidden != nil {
			p.Run(d.rows(d.hidden, t, d.columns, from, to), h, d.packedRecurrent, d.recurrentBias.Value, nil, nil)
		} else {
			p.Accumulate = true
			p.Run(d.rows(d.gates, t, d.columns, from, to), h, d.packedRecurrent, nil, nil, nil)
		}
		begun := o.clock(worker)
		d.cell.forward(d, t, from, to)
		o.stop(begun)
		if o.last && k < o.steps-1 {
			continue
		}
		h = d.rows(d.h, d.after(t), d.units, from, to)
		at := t * features
		if o.last {
			at = 0
		}
		for i := from; i < to; i, h = i+1, h[d.units:] {
			copy(o.out.data[i*o.out.size+at+d.offset:][:d.units], h)
		}
	}
	if o.m.options.stepwise { // one step forward: what is after it is before the next
		for _, state := range [][]T{d.h, d.c} {
			if state != nil {
				copy(d.rows(state, 0, d.units, from, to), d.rows(state, 1, d.units, from, to))
			}
		}
	}
}

// reset forgets the sequences of a stepwise model.
func (o *recurrent[T]) reset() {
	for _, d := range o.directions {
		clear(d.h)
		clear(d.c)
	}
}

func (o *recurrent[T]) backward(m *Model[T]) {
	m.pool.Run(o.chunks*len(o.directions), o.backwardTask)
	if o.in.grad != nil {
		m.pool.Run(o.steps, o.inputTask)
	}
	o.tasks = min(m.pool.Threads(), (o.directions[0].columns+gemm.Width[T]()-1)/gemm.Width[T]())
	m.pool.Run(o.tasks*len(o.directions), o.weightTask)
}

// backwardChunk takes the gradients of some samples back through all time steps.
func (o *recurrent[T]) backwardChunk(task, worker int) {
	d := o.directions[task/o.chunks]
	from, to := parallel.Split(o.m.n, o.chunks, task%o.chunks)
	p := d.stateGradient(to - from)
	dh := d.rows(d.dh, 0, d.units, from, to)
	clear(dh)
	if d.dc != nil {
		clear(d.rows(d.dc, 0, d.units, from, to))
	}
	features := o.out.shape.channels()
	for k := o.steps - 1; k >= 0; k-- {
		t := d.time(k)
		dy, row := o.zeros, 0
		if !o.last || k == o.steps-1 {
			at := t * features
			if o.last {
				at = 0
			}
			dy, row = o.out.grad[from*o.out.size+at+d.offset:], o.out.size
		}
		begun := o.clock(worker)
		d.cell.backward(d, t, from, to, dy, row, o.m.scratch[worker])
		o.stop(begun)
		switch {
		case k == 0:
		case o.truncate > 0 && k%o.truncate == 0:
			clear(dh)
			if d.dc != nil {
				clear(d.rows(d.dc, 0, d.units, from, to))
			}
		case d.hidden != nil:
			p.Accumulate = true
			p.Run(dh, d.rows(d.hidden, t, d.columns, from, to), d.packedRecurrentT, nil, nil, nil)
		default:
			p.Run(dh, d.rows(d.gates, t, d.columns, from, to), d.packedRecurrentT, nil, nil, nil)
		}
	}
}

// clock returns the time if the model is profiled and this is its first worker; stop
// adds what has passed since then.
func (o *recurrent[T]) clock(worker int) (begun time.Time) {
	if o.m.times != nil && worker == 0 {
		begun = time.Now()
	}
	return begun
}

func (o *recurrent[T]) stop(begun time.Time) {
	if !begun.IsZero() {
		o.m.times[o.layer].Cell += time.Since(begun)
	}
}

// inputStep computes the gradient of one time step of the input.
func (o *recurrent[T]) inputStep(t, _ int) {
	n := o.m.n
	for k, d := range o.directions {
		p := d.inputGradient(n)
		p.Accumulate = k > 0
		p.Run(o.in.grad[t*o.inputs:], d.rows(d.gates, t, d.columns, 0, n), d.packedWeightT, nil, nil, nil)
	}
}

// weightColumns computes some columns of the gradients of the weights.
func (o *recurrent[T]) weightColumns(task, worker int) {
	d := o.directions[task/o.tasks]
	n, width := o.m.n, gemm.Width[T]()
	from, to := parallel.Split((d.columns+width-1)/width, o.tasks, task%o.tasks)
	from, to = from*width, min(to*width, d.columns)
	gates, hidden := d.gates[from:], d.gates[from:]
	if d.hidden != nil {
		hidden = d.hidden[from:]
	}
	scratch := o.m.scratch[worker]
	p := d.weightGradient(o.inputs, to-from, n)
	p.Run(d.weight.Grad[from:], o.x, gates, nil, scratch, nil)
	p = d.weightGradient(d.units, to-from, n)
	first := d.before(0) // of the states that the steps read
	p.Run(d.recurrent.Grad[from:], d.h[first*n*d.units:], hidden, nil, scratch, nil)
	sumRows(d.bias.Grad[from:to], gates, o.steps*n, d.columns)
	if d.hidden != nil {
		sumRows(d.recurrentBias.Grad[from:to], hidden, o.steps*n, d.columns)
	}
}

// sumRows sets sum to the sum of the rows of a matrix that lie stride apart, in
// their order.
func sumRows[T Float](sum, x []T, rows, stride int) {
	one := [1]T{1}
	p := gemm.Product[T]{Rows: 1, Cols: len(sum), Segments: 1, Depth: rows, BStep: stride, CRow: len(sum)}
	p.Run(sum, one[:], x, nil)
}
