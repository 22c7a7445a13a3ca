package onnx

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A weight is a constant of floating-point numbers, as nodes that only rearrange
// constants leave it: each element is one of a tensor of the model's.
type weight struct {
	dims []int
	at   func(i int) element
}

type element struct {
	tensor *onnxpb.TensorProto
	index  int
}

func (w *weight) size() int { return sizeOf(w.dims) }

func sizeOf(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// maxWeight is the most elements of one constant.
const maxWeight = 1 << 30

// weightOf returns a tensor as a weight.
func weightOf(t *onnxpb.TensorProto) (*weight, error) {
	n, err := elements(t.Dims)
	if err != nil {
		return nil, err
	}
	if n > maxWeight {
		return nil, fmt.Errorf("tensor %q has more than %d elements", t.Name, maxWeight)
	}
	w := &weight{at: func(i int) element { return element{t, i} }}
	for _, d := range t.Dims {
		w.dims = append(w.dims, int(d))
	}
	return w, nil
}

// strides returns those of dimensions.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	for i, n := len(dims)-1, 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// reshaped returns the same elements in another shape of the same size.
func (w *weight) reshaped(dims []int) *weight { return &weight{dims, w.at} }

// strided returns the elements that begin at first and lie so far apart.
func (w *weight) strided(dims []int, first int, step []int) *weight {
	at := w.at
	return &weight{dims, func(i int) element {
		from := first
		for k := len(dims) - 1; k >= 0; k-- {
			from += i % dims[k] * step[k]
			i /= dims[k]
		}
		return at(from)
	}}
}

func (w *weight) transposed(perm []int) *weight {
	own := strides(w.dims)
	dims, step := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		dims[i], step[i] = w.dims[p], own[p]
	}
	return w.strided(dims, 0, step)
}

// sliced returns the indices from, from + step, ... of an axis, count of them.
func (w *weight) sliced(axis, from, step, count int) *weight {
	dims, s := slices.Clone(w.dims), strides(w.dims)
	first := from * s[axis]
	dims[axis] = count
	s[axis] *= step
	return w.strided(dims, first, s)
}

// joined returns weights one after the other along an axis.
func joined(list []*weight, axis int) *weight {
	dims := slices.Clone(list[0].dims)
	dims[axis] = 0
	inner := sizeOf(dims[axis+1:])
	for _, w := range list {
		dims[axis] += w.dims[axis]
	}
	total := dims[axis]
	return &weight{dims, func(i int) element {
		outer, k, rest := i/(inner*total), i/inner%total, i%inner
		for _, w := range list {
			if n := w.dims[axis]; k < n {
				return w.at((outer*n+k)*inner + rest)
			} else {
				k -= n
			}
		}
		panic("onnx: index beyond a joined weight")
	}}
}

// A reader of weights decodes each tensor once.
type weightReader struct {
	m      *Model
	floats map[*onnxpb.TensorProto][]float32
	err    error

	// The tensor that was read last, which the next element mostly is of.
	last   *onnxpb.TensorProto
	values []float32
}

func newWeightReader(m *Model) *weightReader {
	return &weightReader{m: m, floats: map[*onnxpb.TensorProto][]float32{}}
}

// of returns a tensor's elements, nil after an error.
func (r *weightReader) of(t *onnxpb.TensorProto) []float32 {
	if t == r.last {
		return r.values
	}
	x, ok := r.floats[t]
	if !ok {
		var err error
		if x, err = r.m.floats(t); err != nil {
			r.err = err
		}
		r.floats[t] = x
	}
	r.last, r.values = t, x
	return x
}

func (r *weightReader) value(e element) float32 {
	if x := r.of(e.tensor); x != nil {
		return x[e.index]
	}
	return 0
}

// all returns the elements of a weight.
func (r *weightReader) all(w *weight) []float32 {
	x := make([]float32, w.size())
	for i := range x {
		x[i] = r.value(w.at(i))
	}
	return x
}
