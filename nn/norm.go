package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/isrlu/isrlu/internal/rows"
)

// norm is a LayerNorm, RMSNorm, DyT or DyISRU: of each row of channels, which is a
// time step of a sequence or a pixel.
type norm[T Float] struct {
	in, out        *value[T]
	method         string // the layer's kind
	rows, channels int    // of a sample
	epsilon        float64
	factor         T // the square root of the channels, for DyISRU

	scale, shift *Parameter[T] // RMSNorm has no shift
	learned      *Parameter[T] // alpha of DyT, beta of DyISRU

	mean, inverse *value[T] // of each row
	// Gradients of each sample.
	scaleParts, shiftParts [][]T
	learnedParts           []float64

	forwardTask, backwardTask func(sample, worker int)
}

// normMethods are those of Norm.
var normMethods = []string{"layer_norm", "rms_norm", "dyt", "dyisru"}

// resolve returns the layer that the method names.
func (l Norm) resolve(n *Network) (Layer, error) {
	method := l.Method
	if method == "" {
		method = n.Norm
	}
	switch method {
	case "layer_norm":
		return LayerNorm{}, nil
	case "rms_norm", "":
		return RMSNorm{}, nil
	case "dyt":
		return DyT{}, nil
	case "dyisru":
		return DyISRU{}, nil
	}
	return nil, fmt.Errorf("unknown norm method %q; known: %s", method, strings.Join(normMethods, ", "))
}

// norm appends a normalization.
func (b *builder[T]) norm(at int, l Layer, in *value[T]) (*value[T], error) {
	o := &norm[T]{in: in, channels: in.shape.channels(), method: l.kind()}
	o.rows, o.factor = in.size/o.channels, T(math.Sqrt(float64(o.channels)))
	var err error
	switch l := l.(type) {
	case LayerNorm:
		o.epsilon, err = positive("epsilon", l.Epsilon, 1e-5)
		o.mean, o.inverse = b.value(Shape{o.rows}), b.value(Shape{o.rows})
		o.mean.keep()
		o.inverse.keep()
	case RMSNorm:
		o.epsilon, err = positive("epsilon", l.Epsilon, 1e-6)
		o.inverse = b.value(Shape{o.rows})
		o.inverse.keep()
	case DyT:
		var first float64
		if first, err = positive("alpha", l.Alpha, .5); err == nil {
			o.learned, err = b.filled(at, "alpha", first, 1)
		}
	case DyISRU:
		var first float64
		if first, err = positive("beta", l.Beta, float64(o.channels)); err == nil {
			o.learned, err = b.filled(at, "beta", max(first, least), 1)
		}
		if err == nil {
			o.learned.Least = least
		}
	}
	if err != nil {
		return nil, err
	}
	if o.scale, err = b.filled(at, "scale", 1, o.channels); err != nil {
		return nil, err
	}
	if o.method != "rms_norm" {
		if o.shift, err = b.filled(at, "shift", 0, o.channels); err != nil {
			return nil, err
		}
	}
	if err := o.parts(b); err != nil {
		return nil, err
	}
	in.keep()
	o.out = b.value(in.shape)
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return o.out, nil
}

// positive returns v, or usual if v is zero, or an error.
func positive(name string, v, usual float64) (float64, error) {
	if v == 0 {
		v = usual
	}
	if !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s must be positive and finite, got %v", name, v)
	}
	return v, nil
}

// filled registers a parameter of equal numbers.
func (b *builder[T]) filled(at int, name string, first float64, n int) (*Parameter[T], error) {
	p, err := b.param(at, name, true, n)
	if err != nil {
		return nil, err
	}
	for i := range p.Value {
		p.Value[i] = T(first)
	}
	return p, nil
}

// parts makes the gradients of each sample.
func (o *norm[T]) parts(b *builder[T]) error {
	if b.m.options.Inference {
		return nil
	}
	if err := b.reserve(2*o.channels + 1); err != nil {
		return err
	}
	for range b.m.options.Batch {
		o.scaleParts = append(o.scaleParts, make([]T, o.channels))
		if o.shift != nil {
			o.shiftParts = append(o.shiftParts, make([]T, o.channels))
		}
	}
	o.learnedParts = make([]float64, b.m.options.Batch)
	return nil
}

func (o *norm[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }
func (*norm[T]) inPlace()                      {}

func (o *norm[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

// of returns a sample's elements of a value.
func of[T any](data []T, i, n int) []T { return data[i*n:][:n:n] }

func (o *norm[T]) forwardSample(i, _ int) {
	size, count, n := o.in.size, o.rows, o.channels
	x, y, scale := of(o.in.data, i, size), of(o.out.data, i, size), o.scale.Value
	switch o.method {
	case "layer_norm":
		rows.LayerNormForward(y, x, scale, o.shift.Value, count, n, o.epsilon, of(o.mean.data, i, count), of(o.inverse.data, i, count))
	case "rms_norm":
		rows.RMSNormForward(y, x, scale, count, n, o.epsilon, of(o.inverse.data, i, count))
	case "dyt":
		rows.DyTForward(y, x, scale, o.shift.Value, count, n, o.learned.Value[0])
	case "dyisru":
		rows.DyISRUForward(y, x, scale, o.shift.Value, count, n, o.factor, o.learned.Value[0])
	}
}

func (o *norm[T]) backward(m *Model[T]) {
	m.each(o.backwardTask)
	m.sum(o.scale.Grad, o.scaleParts[:m.n])
	if o.shift != nil {
		m.sum(o.shift.Grad, o.shiftParts[:m.n])
	}
	if o.learned != nil {
		sum := 0.0
		for _, v := range o.learnedParts[:m.n] {
			sum += v
		}
		o.learned.Grad[0] = T(sum)
	}
}

func (o *norm[T]) backwardSample(i, _ int) {
	size, count, n := o.in.size, o.rows, o.channels
	x, dy, scale := of(o.in.data, i, size), of(o.out.grad, i, size), o.scale.Value
	var dx, dshift []T
	if o.in.grad != nil {
		dx = of(o.in.grad, i, size)
	}
	dscale := o.scaleParts[i]
	clear(dscale)
	if o.shift != nil {
		dshift = o.shiftParts[i]
		clear(dshift)
	}
	switch o.method {
	case "layer_norm":
		rows.LayerNormBackward(dx, dy, x, scale, count, n, of(o.mean.data, i, count), of(o.inverse.data, i, count), dscale, dshift)
	case "rms_norm":
		rows.RMSNormBackward(dx, dy, x, scale, count, n, of(o.inverse.data, i, count), dscale)
	case "dyt":
		o.learnedParts[i] = rows.DyTBackward(dx, dy, x, scale, count, n, o.learned.Value[0], dscale, dshift)
	case "dyisru":
		o.learnedParts[i] = rows.DyISRUBackward(dx, dy, x, scale, count, n, o.factor, o.learned.Value[0], dscale, dshift)
	}
}
