package nn

import (
	"fmt"
	"math"
)

// batchNorm is a BatchNorm with the activation that follows it. The normalized
// input is computed again in the backward pass, from the input.
type batchNorm[T Float] struct {
	in, out, pre *value[T]
	act          *activation[T]
	channels     int
	momentum     float64
	epsilon      float64

	gamma, beta    *Parameter[T]
	mean, variance *Parameter[T] // running

	// Of the last training step: the mean and 1/sqrt(variance + epsilon) of each
	// channel.
	batchMean, inverse []float64
	partial            [][]float64 // two sums for each channel, for each sample
	total              []float64
	scale, shift       []T
	line               [3][]T // the gradient of the input, as a line in dy and x

	sumsTask, squaresTask, forwardTask, gradientsTask, backwardTask func(sample, worker int)
}

func (b *builder[T]) batchNorm(at int, l BatchNorm, in *value[T]) (*value[T], error) {
	if l.Momentum == 0 {
		l.Momentum = .9
	}
	if l.Epsilon == 0 {
		l.Epsilon = 1e-5
	}
	if !(l.Momentum > 0 && l.Momentum < 1) {
		return nil, fmt.Errorf("momentum must be between 0 and 1, got %v", l.Momentum)
	}
	if !(l.Epsilon > 0) || math.IsInf(l.Epsilon, 0) {
		return nil, fmt.Errorf("epsilon must be positive and finite, got %v", l.Epsilon)
	}
	c := in.shape.channels()
	o := &batchNorm[T]{
		in: in, channels: c, momentum: l.Momentum, epsilon: l.Epsilon,
		batchMean: make([]float64, c), inverse: make([]float64, c), total: make([]float64, 2*c),
		scale: make([]T, c), shift: make([]T, c),
	}
	for _, p := range []struct {
		to      **Parameter[T]
		name    string
		trained bool
		first   T
	}{{&o.gamma, "scale", true, 1}, {&o.beta, "shift", true, 0}, {&o.mean, "running_mean", false, 0}, {&o.variance, "running_variance", false, 1}} {
		made, err := b.param(at, p.name, p.trained, c)
		if err != nil {
			return nil, err
		}
		for i := range made.Value {
			made.Value[i] = p.first
		}
		*p.to = made
	}
	for range b.m.options.Batch {
		o.partial = append(o.partial, make([]float64, 2*c))
	}
	o.out = b.value(in.shape)
	var err error
	if o.act, o.pre, err = b.epilogue(o.out); err != nil {
		return nil, err
	}
	in.keep()
	for k := range o.line {
		o.line[k] = make([]T, c)
	}
	o.sumsTask, o.squaresTask, o.forwardTask = o.sampleSums, o.sampleSquares, o.forwardSample
	o.gradientsTask, o.backwardTask = o.sampleGradients, o.backwardSample
	b.add(o)
	return o.out, nil
}

func (o *batchNorm[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }

// sums runs a task on every sample, which sets partial to two numbers for each
// channel, and adds these up.
func (o *batchNorm[T]) sums(m *Model[T], task func(sample, worker int)) []float64 {
	m.each(task)
	clear(o.total)
	for _, p := range o.partial[:m.n] {
		for c, v := range p {
			o.total[c] += v
		}
	}
	return o.total
}

// sampleSums adds up a sample's elements, sampleSquares the squares of their
// distances from the mean.
func (o *batchNorm[T]) sampleSums(i, _ int) {
	n, c, sum := o.in.size, o.channels, o.partial[i]
	clear(sum)
	for x := o.in.data[i*n:][:n]; len(x) > 0; x = x[c:] {
		for j, v := range x[:c] {
			sum[j] += float64(v)
		}
	}
}

func (o *batchNorm[T]) sampleSquares(i, _ int) {
	n, c, sum := o.in.size, o.channels, o.partial[i]
	clear(sum)
	for x := o.in.data[i*n:][:n]; len(x) > 0; x = x[c:] {
		for j, v := range x[:c] {
			d := float64(v) - o.batchMean[j]
			sum[j] += d * d
		}
	}
}

func (o *batchNorm[T]) forward(m *Model[T]) {
	n, c := o.in.size, o.channels
	mean, inverse := o.batchMean, o.inverse
	if m.train {
		count := float64(m.n * n / c)
		total := o.sums(m, o.sumsTask)
		for j := range mean {
			mean[j] = total[j] / count
		}
		total = o.sums(m, o.squaresTask)
		for j := range inverse {
			variance := total[j] / count
			inverse[j] = 1 / math.Sqrt(variance+o.epsilon)
			o.mean.Value[j] = T(o.momentum*float64(o.mean.Value[j]) + (1-o.momentum)*mean[j])
			unbiased := variance * count / max(1, count-1)
			o.variance.Value[j] = T(o.momentum*float64(o.variance.Value[j]) + (1-o.momentum)*unbiased)
		}
		for j := range o.scale {
			o.scale[j] = T(float64(o.gamma.Value[j]) * inverse[j])
			o.shift[j] = T(float64(o.beta.Value[j]) - float64(o.gamma.Value[j])*inverse[j]*mean[j])
		}
	} else {
		for j := range o.scale {
			s := float64(o.gamma.Value[j]) / math.Sqrt(float64(o.variance.Value[j])+o.epsilon)
			o.scale[j] = T(s)
			o.shift[j] = T(float64(o.beta.Value[j]) - s*float64(o.mean.Value[j]))
		}
	}
	m.each(o.forwardTask)
}

func (o *batchNorm[T]) forwardSample(i, _ int) {
	n, c := o.in.size, o.channels
	block := max(1, joinBlock/c) * c
	for from := i * n; from < (i+1)*n; from += block {
		to := min(from+block, (i+1)*n)
		x, y := o.in.data[from:to], o.pre.data[from:to]
		for at := 0; at < len(x); at += c {
			row := y[at:][:c]
			for j, v := range x[at:][:c] {
				row[j] = v*o.scale[j] + o.shift[j]
			}
		}
		if o.act != nil {
			o.act.forward(o.out.data[from:to], y, 0, c)
		}
	}
}

func (o *batchNorm[T]) backward(m *Model[T]) {
	c := o.channels
	o.act.begin(m.n)
	total := o.sums(m, o.gradientsTask)
	o.act.end(m.n)
	for j := range c {
		o.beta.Grad[j] = T(total[j])
		o.gamma.Grad[j] = T(total[c+j] * o.inverse[j])
	}
	if o.in.grad == nil {
		return
	}
	// dx = scale (dy - mean(dy) - xhat mean(dy xhat)), as a line in dy and x.
	count := float64(m.n * o.in.size / c)
	for j := range c {
		s := float64(o.gamma.Value[j]) * o.inverse[j]
		slope := s * total[c+j] / count * o.inverse[j] * o.inverse[j]
		o.line[0][j] = T(s)
		o.line[1][j] = T(-slope)
		o.line[2][j] = T(slope*o.batchMean[j] - s*total[j]/count)
	}
	m.each(o.backwardTask)
}

// sampleGradients adds up a sample's gradients of the shift and, but for a
// factor, of the scale.
func (o *batchNorm[T]) sampleGradients(i, _ int) {
	n, c, sum := o.in.size, o.channels, o.partial[i]
	clear(sum)
	dy := o.out.grad[i*n:][:n]
	if o.act != nil {
		o.act.backward(dy, o.pre.data[i*n:][:n], i)
	}
	for x := o.in.data[i*n:][:n]; len(x) > 0; x, dy = x[c:], dy[c:] {
		for j, v := range x[:c] {
			d := float64(dy[j])
			sum[j] += d
			sum[c+j] += d * (float64(v) - o.batchMean[j])
		}
	}
}

func (o *batchNorm[T]) backwardSample(i, _ int) {
	n, c := o.in.size, o.channels
	x, dy, dx := o.in.data[i*n:][:n], o.out.grad[i*n:][:n], o.in.grad[i*n:][:n]
	a, b, k := o.line[0], o.line[1], o.line[2]
	for at := 0; at < n; at += c {
		for j := range c {
			dx[at+j] = dy[at+j]*a[j] + x[at+j]*b[j] + k[j]
		}
	}
}
