package nn

import (
	"fmt"

	"github.com/isrlu/isrlu/internal/gemm"
)

// dense is a Dense layer with the activation that follows it.
type dense[T Float] struct {
	in, out, pre *value[T]
	act          *activation[T]
	inputs       int
	units        int
	weight, bias *Parameter[T]
}

// denseRows is the number of rows of the weights' gradient that one task
// computes.
const denseRows = 84

func (b *builder[T]) dense(at int, l Dense, in *value[T]) (*value[T], error) {
	if l.Units < 1 {
		return nil, fmt.Errorf("units must be at least 1, got %d", l.Units)
	}
	if len(in.shape) != 1 {
		return nil, fmt.Errorf("the input must be a list of features, but is %v; put flatten before it", in.shape)
	}
	o := &dense[T]{in: in, inputs: in.size, units: l.Units}
	var err error
	if o.weight, err = b.weights(at, l.Init, o.inputs, o.units, o.inputs, o.units); err != nil {
		return nil, err
	}
	if !l.NoBias {
		if o.bias, err = b.param(at, "bias", true, o.units); err != nil {
			return nil, err
		}
	}
	b.m.layers[at].MACs = int64(o.inputs) * int64(o.units)
	o.out = b.value(Shape{o.units})
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	in.keep()
	width := gemm.Width[T]()
	b.need(o.units * width)
	b.add(o)
	return o.out, nil
}

func (o *dense[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// forward computes a panel of columns in each task, so that the weights are read
// once.
func (o *dense[T]) forward(m *Model[T]) {
	width := gemm.Width[T]()
	m.pool.Run((o.units+width-1)/width, func(task, _ int) {
		j := task * width
		n := min(width, o.units-j)
		p := gemm.Product[T]{
			Rows: m.n, Cols: n, Segments: 1, Depth: o.inputs,
			AStep: 1, ARow: o.inputs, BStep: o.units, CRow: o.units,
		}
		var bias []T
		if o.bias != nil {
			bias = o.bias.Value[j:]
		}
		p.Run(o.pre.data[j:], o.in.data, o.weight.Value[j:], bias)
		if o.act == nil {
			return
		}
		for i := range m.n {
			at := i*o.units + j
			o.act.forward(o.out.data[at:][:n], o.pre.data[at:][:n], j, n)
		}
	})
}

func (o *dense[T]) backward(m *Model[T]) {
	dy := o.out.grad[:m.n*o.units]
	if o.act != nil {
		o.act.begin(m.n)
		m.each(func(i, _ int) {
			o.act.backward(dy[i*o.units:][:o.units], o.pre.data[i*o.units:][:o.units], i)
		})
		o.act.end(m.n)
	}
	if o.bias != nil {
		clear(o.bias.Grad)
		addRows(o.bias.Grad, dy)
	}
	tasks := (o.inputs + denseRows - 1) / denseRows
	m.pool.Run(tasks, func(task, _ int) {
		i := task * denseRows
		p := gemm.Product[T]{
			Rows: min(denseRows, o.inputs-i), Cols: o.units, Segments: 1, Depth: m.n,
			AStep: o.inputs, ARow: 1, BStep: o.units, CRow: o.units,
		}
		p.Run(o.weight.Grad[i*o.units:], o.in.data[i:], dy, nil)
	})
	if o.in.grad == nil {
		return
	}
	// dx = dy W^T, a panel of columns in each task.
	width := gemm.Width[T]()
	m.pool.Run((o.inputs+width-1)/width, func(task, worker int) {
		j := task * width
		n := min(width, o.inputs-j)
		packed := m.scratch[worker][:o.units*width]
		gemm.Pack(packed, o.weight.Value[j*o.units:], o.units, n, 1, o.units)
		p := gemm.Product[T]{
			Rows: m.n, Cols: n, Segments: 1, Depth: o.units,
			AStep: 1, ARow: o.units, BStep: width, CRow: o.inputs,
		}
		p.Run(o.in.grad[j:], dy, packed, nil)
	})
}
