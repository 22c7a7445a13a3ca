package nn

import "time"

// A LayerTime is the time that one layer took, over all calls together.
type LayerTime struct {
	Forward, Backward time.Duration
	// Cell is the part of both that the elementwise kernels of a recurrent layer
	// took, on the first of the threads.
	Cell time.Duration
}

// Profile starts the measuring of each layer's time, from 0, or ends it. While it
// is on, every pass reads the clock once for each operation; while it is off, it
// costs nothing.
func (m *Model[T]) Profile(on bool) {
	switch {
	case !on:
		m.times = nil
	case m.times == nil:
		m.times = make([]LayerTime, len(m.layers))
	default:
		clear(m.times)
	}
}

// LayerTimes returns the time that each of [Model.Layers] took in the calls
// since Profile(true), and nil while Profile is off. It is wall time, on
// however many threads. An activation or pooling that is fused has none: it is
// part of the layer before it. A residual layer's own time is that of its sum;
// the layers inside have theirs, and a transformer block has no time but
// theirs. Packing the weights, the loss and the optimizer belong to no layer.
// The slice is the model's own, and goes on counting.
func (m *Model[T]) LayerTimes() []LayerTime { return m.times }

// profiledForward runs all operations and adds up their times.
func (m *Model[T]) profiledForward() {
	last := time.Now()
	for i, op := range m.ops {
		op.forward(m)
		now := time.Now()
		m.times[m.layerOf[i]].Forward += now.Sub(last)
		last = now
	}
}

// profiledBackward runs the operations in reverse and adds up their times.
func (m *Model[T]) profiledBackward() {
	last := time.Now()
	for i := len(m.ops) - 1; i >= 0; i-- {
		m.ops[i].backward(m)
		now := time.Now()
		m.times[m.layerOf[i]].Backward += now.Sub(last)
		last = now
	}
}
