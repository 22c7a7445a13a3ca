package nn

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
)

// least is the smallest learned parameter of an activation.
const least = 1e-3

// An activation runs a function on rows of channels.
type activation[T Float] struct {
	layer    string
	function *isrlu.Function // of all channels, or the first values; nil for a unit
	unit     *unit           // of hardware, in the function's place
	channels int
	out      *value[T]
	// fromOutput tells that the backward pass reads the output; otherwise it
	// reads what went into the function.
	fromOutput bool
	// identity costs nothing in place: others' shares are measured against it.
	identity bool

	// A learned parameter: one for the layer, or one for each channel.
	param      *Parameter[T]
	perChannel []*isrlu.Function
	current    []T         // the values that function or perChannel have
	partial    [][]float64 // gradients of each task
	buffers    buffers[T]  // for byChannel
}

// SplitLearn takes ":learn" or ":learn-channel" off the end of an activation's
// specification.
func SplitLearn(spec string) (function string, learn Learn) {
	if f, ok := strings.CutSuffix(spec, ":learn"); ok {
		return f, PerLayer
	}
	if f, ok := strings.CutSuffix(spec, ":learn-channel"); ok {
		return f, PerChannel
	}
	return spec, Fixed
}

// A chosen function is what a layer runs: a function, or a unit of hardware.
type chosen struct {
	function *isrlu.Function
	unit     *unit
	learn    Learn
}

// monotone tells whether what is chosen never falls, with whatever is learned.
func (c *chosen) monotone() bool {
	if c.unit != nil {
		return c.unit.Monotone()
	}
	return c.function.Monotone() && (c.learn == Fixed || c.function.Params()[0] > 0)
}

// resolve returns the function of the layer and what of it is learned.
func (b *builder[T]) resolve(l Activation) (*chosen, error) {
	spec := l.Function
	if spec == "" {
		spec = b.m.network.Activation
	}
	if spec == "" {
		return nil, fmt.Errorf("neither the layer nor the network names a function")
	}
	name, learn := SplitLearn(spec)
	if l.Learn != Fixed {
		learn = l.Learn
	}
	if learn != Fixed && learn != PerLayer && learn != PerChannel {
		return nil, fmt.Errorf("learn must be %q or %q, got %q", PerLayer, PerChannel, learn)
	}
	if format := b.m.options.Unit; format != "" && !hdl.IsSpec(name) {
		name += "@" + format
	}
	if hdl.IsSpec(name) {
		u, err := b.unit(name, learn)
		return &chosen{unit: u}, err
	}
	f, err := isrlu.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "isrlu: "))
	}
	if learn != Fixed && len(f.Params()) == 0 {
		return nil, fmt.Errorf("%s has no parameter to learn", f.Name())
	}
	return &chosen{function: f.WithPrecision(b.m.options.Precision), learn: learn}, nil
}

// activation makes the activation of a layer that writes y.
func (b *builder[T]) activation(at int, l Activation, y *value[T]) (*activation[T], error) {
	c, err := b.resolve(l)
	if err != nil {
		return nil, err
	}
	a := &activation[T]{layer: b.m.layers[at].Name, function: c.function, unit: c.unit, channels: y.shape.channels(), out: y}
	b.m.layers[at].Function = a.String()
	b.m.activations = append(b.m.activations, a)
	if c.unit != nil {
		return a, nil
	}
	f := c.function
	a.fromOutput, a.identity = f.HasBackwardFromOutput(), f.Name() == "identity"
	if c.learn != Fixed {
		a.fromOutput = a.fromOutput && f.HasParamGradFromOutput()
		n := 1
		if c.learn == PerChannel {
			n = a.channels
			a.perChannel = make([]*isrlu.Function, n)
		}
		if a.param, err = b.param(at, f.Info().Params[0].Name, true, n); err != nil {
			return nil, err
		}
		for i := range a.param.Value {
			a.param.Value[i] = T(f.Params()[0])
		}
		a.param.Least = least
		a.current = make([]T, n)
		for range b.m.options.Batch {
			a.partial = append(a.partial, make([]float64, n))
		}
	}
	if a.fromOutput {
		y.root().keptByAct = true
	}
	return a, nil
}

// String returns the specification of what runs.
func (a *activation[T]) String() string {
	if a.unit != nil {
		return a.unit.spec.String()
	}
	return a.function.String()
}

// refresh makes the functions of learned parameters that have changed.
func (a *activation[T]) refresh() {
	if a == nil || a.param == nil {
		return
	}
	for c, v := range a.param.Value {
		if v == a.current[c] {
			continue
		}
		a.current[c] = v
		params := a.function.Params()
		params[0] = max(float64(v), least)
		f := isrlu.Must(isrlu.New(a.function.Name(), params...)).WithPrecision(a.function.Precision())
		if a.perChannel == nil {
			a.function = f
		} else {
			a.perChannel[c] = f
		}
	}
}

// forward sets dst = f(src). Both hold whole rows of the channels from first on,
// n of them each.
func (a *activation[T]) forward(dst, src []T, first, n int) {
	if a.identity && unsafe.SliceData(dst) == unsafe.SliceData(src) {
		return
	}
	if a.unit != nil {
		unitForward(a.unit, dst, src)
		return
	}
	if a.perChannel == nil {
		forward(a.function, dst, src)
		return
	}
	a.byChannel(dst, src, nil, first, n, nil)
}

// backward multiplies dy by the derivative, in place, and adds the gradient of
// learned parameters to that of the task. v is the output if fromOutput, else
// the input, in whole rows of all channels.
func (a *activation[T]) backward(dy, v []T, task int) {
	if a.unit != nil {
		unitBackward(a.unit, dy, v)
		return
	}
	if a.perChannel != nil {
		a.byChannel(dy, dy, v, 0, a.channels, a.partial[task])
		return
	}
	if a.param != nil {
		a.partial[task][0] += a.paramGrad(a.function, dy, v)
	}
	a.derivative(a.function, dy, v)
}

func (a *activation[T]) derivative(f *isrlu.Function, dy, v []T) {
	if a.identity {
		return
	}
	if a.fromOutput {
		backwardFromOutput(f, dy, dy, v)
	} else {
		backward(f, dy, dy, v)
	}
}

func (a *activation[T]) paramGrad(f *isrlu.Function, dy, v []T) float64 {
	switch {
	case a.fromOutput && sizeOf[T]() == 4:
		return f.ParamGradFromOutput(0, as[float32](dy), as[float32](v))
	case a.fromOutput:
		return f.ParamGradFromOutput64(0, as[float64](dy), as[float64](v))
	case sizeOf[T]() == 4:
		return f.ParamGrad(0, as[float32](dy), as[float32](v))
	}
	return f.ParamGrad64(0, as[float64](dy), as[float64](v))
}

// buffers are those that no worker uses.
type buffers[T Float] struct {
	mu   sync.Mutex
	free []*[2][512]T
}

func (b *buffers[T]) take() *[2][512]T {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.free)
	if n == 0 {
		return new([2][512]T)
	}
	last := b.free[n-1]
	b.free = b.free[:n-1]
	return last
}

func (b *buffers[T]) give(buffer *[2][512]T) {
	b.mu.Lock()
	b.free = append(b.free, buffer)
	b.mu.Unlock()
}

// byChannel gathers the elements of each channel, runs its function on them and
// scatters the results. With grad nil it is dst = f(src); else dst = src f'(v),
// and grad takes the sums of the gradients of the parameters.
func (a *activation[T]) byChannel(dst, src, v []T, first, n int, grad []float64) {
	buffer := a.buffers.take()
	defer a.buffers.give(buffer)
	xs, vs := &buffer[0], &buffer[1]
	for from := 0; from < len(src); from += len(xs) * n {
		rows := min(len(xs), (len(src)-from)/n)
		for c := range n {
			x := xs[:rows]
			for i := range x {
				x[i] = src[from+i*n+c]
			}
			f := a.perChannel[first+c]
			if grad == nil {
				forward(f, x, x)
			} else {
				for i := range x {
					vs[i] = v[from+i*n+c]
				}
				grad[first+c] += a.paramGrad(f, x, vs[:rows])
				a.derivative(f, x, vs[:rows])
			}
			for i := range x {
				dst[from+i*n+c] = x[i]
			}
		}
	}
}

// begin clears the gradients of a backward pass with so many tasks, end adds
// them up in their order.
func (a *activation[T]) begin(tasks int) {
	if a == nil || a.param == nil {
		return
	}
	for _, p := range a.partial[:tasks] {
		clear(p)
	}
}

func (a *activation[T]) end(tasks int) {
	if a == nil || a.param == nil {
		return
	}
	for c := range a.param.Grad {
		sum := 0.0
		for _, p := range a.partial[:tasks] {
			sum += p[c]
		}
		a.param.Grad[c] = T(sum)
	}
}

func sizeOf[T Float]() int {
	var z T
	return int(unsafe.Sizeof(z))
}

// as returns the slice with its own element type spelt out.
func as[U, T Float](s []T) []U {
	return unsafe.Slice((*U)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

func forward[T Float](f *isrlu.Function, dst, src []T) {
	if sizeOf[T]() == 4 {
		f.Forward(as[float32](dst), as[float32](src))
	} else {
		f.Forward64(as[float64](dst), as[float64](src))
	}
}

func backward[T Float](f *isrlu.Function, dx, dy, x []T) {
	if sizeOf[T]() == 4 {
		f.Backward(as[float32](dx), as[float32](dy), as[float32](x))
	} else {
		f.Backward64(as[float64](dx), as[float64](dy), as[float64](x))
	}
}

func backwardFromOutput[T Float](f *isrlu.Function, dx, dy, y []T) {
	if sizeOf[T]() == 4 {
		f.BackwardFromOutput(as[float32](dx), as[float32](dy), as[float32](y))
	} else {
		f.BackwardFromOutput64(as[float64](dx), as[float64](dy), as[float64](y))
	}
}

// standalone runs an activation as an operation of its own.
type standalone[T Float] struct {
	in, out                   *value[T]
	act                       *activation[T]
	forwardTask, backwardTask func(task, worker int)
}

func (b *builder[T]) standalone(at int, l Activation, in *value[T]) (*value[T], error) {
	out := b.value(in.shape)
	act, err := b.activation(at, l, out)
	if err != nil {
		return nil, err
	}
	if !act.fromOutput {
		in.root().keptByAct = true
	}
	o := &standalone[T]{in: in, out: out, act: act}
	o.forwardTask, o.backwardTask = o.forwardSample, o.backwardSample
	b.add(o)
	return out, nil
}

func (o *standalone[T]) forward(m *Model[T]) { m.each(o.forwardTask) }

func (o *standalone[T]) forwardSample(i, _ int) {
	n := o.in.size
	o.act.forward(o.out.data[i*n:][:n], o.in.data[i*n:][:n], 0, o.act.channels)
}

func (o *standalone[T]) backward(m *Model[T]) {
	o.act.begin(m.n)
	m.each(o.backwardTask)
	o.act.end(m.n)
}

func (o *standalone[T]) backwardSample(i, _ int) {
	n, v := o.in.size, o.in.data
	if o.act.fromOutput {
		v = o.out.data
	}
	o.act.backward(o.out.grad[i*n:][:n], v[i*n:][:n], i)
}

func (o *standalone[T]) ends() (in, out []*value[T]) { return []*value[T]{o.in}, []*value[T]{o.out} }
func (*standalone[T]) inPlace()                      {}
