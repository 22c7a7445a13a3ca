package experiment

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// The runtimes that models are timed in.
const (
	OwnRuntime  = "isrlu"
	ONNXRuntime = "ONNX Runtime"
)

// A NamedModel is an ONNX model and the file that it is from.
type NamedModel struct {
	Name, Path string
	Model      *onnx.Model
}

// ModelTimeOptions say what models to time, and how.
type ModelTimeOptions struct {
	Models  []NamedModel
	Batch   int
	Threads int
	Shape   []int // of a sample, for models that leave it open: see onnx.LoadOptions
	// ONNXRuntime is the folder of its npm package, to time the models there too; none
	// if it is empty.
	ONNXRuntime string
	// Time is about the time for each, DefaultNetworkTime if 0.
	Time time.Duration
	// Progress, if not nil, is called with the share of the work that is done.
	Progress func(done, total int)
}

// A ModelTime is the time of a model in a runtime.
type ModelTime struct {
	Model, Runtime string
	Batch, Threads int
	MS             Spread // milliseconds of a batch
	// Problem tells why the runtime does not run the model, empty if it does.
	Problem string
}

// TimeModels times the inference of models on random input, in this module's engine
// and in ONNX Runtime, all in interleaved rounds. The engine's time begins and ends
// with the samples in its own order: what [onnx.Loaded.FromONNX] and ToONNX do is not
// in it.
func TimeModels(ctx context.Context, o ModelTimeOptions) ([]ModelTime, error) {
	if o.Batch < 1 || o.Batch > maxBatch {
		return nil, fmt.Errorf("experiment: batch must be from 1 to %d, got %d", maxBatch, o.Batch)
	}
	if o.Threads < 1 || o.Threads > maxThreads {
		return nil, fmt.Errorf("experiment: threads must be from 1 to %d, got %d", maxThreads, o.Threads)
	}
	var runtime *ort.Runtime
	if o.ONNXRuntime != "" {
		var err error
		if runtime, err = ort.Start(o.ONNXRuntime); err != nil {
			return nil, err
		}
		defer runtime.Close()
	}
	var times []ModelTime
	var calls []Call
	var running []int // the index in times of each call
	add := func(model, name string, run func(int) (time.Duration, error), err error) {
		t := ModelTime{Model: model, Runtime: name, Batch: o.Batch, Threads: o.Threads}
		if err == nil {
			// Some models show only here that they cannot run, such as with this batch.
			_, err = run(1)
		}
		if err != nil {
			t.Problem = err.Error()
		} else {
			calls = append(calls, Call{model + " in " + name, run})
			running = append(running, len(times))
		}
		times = append(times, t)
	}
	for _, m := range o.Models {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := onnx.Load[float32](m.Model, onnx.LoadOptions{
			Options: nn.Options{Batch: o.Batch, Threads: o.Threads, Inference: true}, Shape: o.Shape,
		})
		var run func(int) (time.Duration, error)
		if err == nil {
			defer l.Close()
			x := RandomSamples(l, o.Batch)
			run = func(runs int) (time.Duration, error) {
				begun := time.Now()
				for range runs {
					l.Model().Predict(x)
				}
				return time.Since(begun), nil
			}
		}
		add(m.Name, OwnRuntime, run, err)
		if runtime == nil {
			continue
		}
		run, err = timeInONNXRuntime(runtime, m, l, &o)
		add(m.Name, ONNXRuntime, run, err)
	}
	spreads, err := TimeCalls(ctx, calls, o.Time, o.Progress)
	if err != nil {
		return nil, err
	}
	for i, at := range running {
		times[at].MS = spreads[i]
	}
	return times, nil
}

// timeInONNXRuntime returns the timed run of a model, which l is in the engine: nil
// if the engine does not take it.
func timeInONNXRuntime(r *ort.Runtime, m NamedModel, l *onnx.Loaded[float32], o *ModelTimeOptions) (func(int) (time.Duration, error), error) {
	var inputs []ort.Tensor
	if l != nil {
		if n := fixedBatch(m.Model, l); n > 0 && n != o.Batch {
			return nil, errFixedBatch(n)
		}
		inputs = []ort.Tensor{onnxTensor(l, RandomSamples(l, o.Batch))}
	} else {
		var err error
		if inputs, err = describedInputs(m.Model, o); err != nil {
			return nil, err
		}
	}
	s, err := r.OpenFile(m.Path, o.Threads)
	if err != nil {
		return nil, err
	}
	return func(runs int) (time.Duration, error) {
		_, times, err := s.Time(runs, inputs...)
		var sum time.Duration
		for _, t := range times {
			sum += t
		}
		return sum, err
	}, nil
}

func errFixedBatch(n int) error {
	return fmt.Errorf("experiment: the model has a fixed batch of %d; measure it with that", n)
}

// fixedBatch returns the batch that a model insists on, 0 if it takes any.
func fixedBatch(m *onnx.Model, l *onnx.Loaded[float32]) int {
	in := l.Input()
	for _, v := range m.Info().Inputs {
		if v.Name == in.Name && in.BatchAxis < len(v.Shape) {
			if n, err := strconv.Atoi(v.Shape[in.BatchAxis]); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// describedInputs returns random inputs for a model that the engine does not take,
// by what it says of them: the batch as the first dimension, and the others known, or
// given by o.Shape. Integers are 0, which is a token of every vocabulary.
func describedInputs(m *onnx.Model, o *ModelTimeOptions) ([]ort.Tensor, error) {
	r := rand.New(rand.NewPCG(1, 2))
	var list []ort.Tensor
	inputs := m.Info().Inputs
	for _, v := range inputs {
		if len(v.Shape) == 0 || len(o.Shape) > 0 && (len(inputs) > 1 || len(o.Shape) != len(v.Shape)-1) {
			return nil, fmt.Errorf("experiment: the shape %v of a sample does not fit the input %s", o.Shape, v)
		}
		t := ort.Tensor{Name: v.Name, Type: v.Type}
		size := 1
		for i, text := range v.Shape {
			d, err := strconv.Atoi(text)
			known := err == nil && d > 0
			switch {
			case i == 0 && known && d != o.Batch:
				return nil, errFixedBatch(d)
			case i == 0:
				d = o.Batch
			case len(o.Shape) > 0 && o.Shape[i-1] != 0:
				d = o.Shape[i-1]
			case !known:
				return nil, fmt.Errorf("experiment: dimension %d of the input %s is open; give the shape of a sample", i, v)
			}
			if d < 1 || d > maxInput/size {
				return nil, fmt.Errorf("experiment: the input %s is too large, or %d is no dimension", v, d)
			}
			size *= d
			t.Dims = append(t.Dims, int64(d))
		}
		if isInteger(v.Type) {
			t.Ints = make([]int64, size)
		} else {
			for range size {
				t.Floats = append(t.Floats, float32(r.NormFloat64()))
			}
		}
		list = append(list, t)
	}
	return list, nil
}

// maxInput is the most elements of an input that is made up.
const maxInput = 1 << 28

// isInteger tells whether elements of that type are integers, or truth values.
func isInteger(elem string) bool { return strings.Contains(elem, "int") || elem == "bool" }

// RandomSamples returns samples of normally distributed numbers for a model, in the
// engine's order; of tokens, where it begins with an embedding; of whole numbers from
// 0 to 127, where its input has integers otherwise.
func RandomSamples(l *onnx.Loaded[float32], n int) []float32 {
	x := randomBatch(l.Model(), n).X
	if _, text := l.Model().Network().Layers[0].(nn.Embedding); !text && strings.Contains(l.Input().Type, "int") {
		r := rand.New(rand.NewPCG(1, 4))
		for i := range x {
			x[i] = float32(r.IntN(128))
		}
	}
	return x
}

// CompareWithONNXRuntime runs samples, in the engine's order, in ONNX Runtime, and
// returns the largest difference of its outputs from the engine's, relative to the
// largest output. runtime is the folder of its npm package. Where a model insists on
// a batch, the last one is filled up.
func CompareWithONNXRuntime(ctx context.Context, m NamedModel, l *onnx.Loaded[float32], x []float32, runtime string) (float64, error) {
	r, err := ort.Start(runtime)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	s, err := r.OpenFile(m.Path, 1)
	if err != nil {
		return 0, err
	}
	index := slices.Index(s.Outputs, l.Output().Name)
	if index < 0 {
		return 0, fmt.Errorf("experiment: %s has no output %q in ONNX Runtime", m.Name, l.Output().Name)
	}
	size, fixed := l.Model().Network().Input.Size(), fixedBatch(m.Model, l)
	batch := cmp.Or(fixed, l.Model().Batch())
	var largest, difference float64
	for part := range slices.Chunk(x, batch*size) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		own := outputs(l, part)
		if short := fixed*size - len(part); short > 0 {
			part = append(slices.Clone(part), make([]float32, short)...)
		}
		out, err := s.Run(onnxTensor(l, part))
		if err != nil {
			return 0, err
		}
		theirs, err := samplesFirst(out[index], l.Output(), len(part)/size)
		if err != nil {
			return 0, fmt.Errorf("experiment: %s in ONNX Runtime: %w", m.Name, err)
		}
		for i, v := range own {
			a, b := float64(v), float64(theirs[i])
			if !math.IsNaN(b) {
				largest = max(largest, math.Abs(b))
			}
			if a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
				difference = max(difference, math.Abs(a-b)) // NaN stays
			}
		}
	}
	if difference == 0 {
		return 0, nil
	}
	return difference / largest, nil
}

// outputs returns the engine's outputs in ONNX's order.
func outputs(l *onnx.Loaded[float32], x []float32) []float32 {
	var all []float32
	for part := range slices.Chunk(x, l.Model().Batch()*l.Model().Network().Input.Size()) {
		y := l.Model().Predict(part)
		out := make([]float32, len(y))
		l.ToONNX(out, y)
		all = append(all, out...)
	}
	return all
}

// onnxTensor returns samples in the engine's order as the input of the ONNX model.
func onnxTensor(l *onnx.Loaded[float32], x []float32) ort.Tensor {
	in := l.Input()
	values := make([]float32, len(x))
	l.ToInput(values, x)
	n := len(x) / l.Model().Network().Input.Size()
	t := ort.Tensor{Name: in.Name, Type: in.Type}
	for _, d := range in.Shape {
		t.Dims = append(t.Dims, int64(d))
	}
	values = moveBatch(values, n, in.Shape[:in.BatchAxis])
	t.Dims = slices.Insert(t.Dims, in.BatchAxis, int64(n))
	if isInteger(in.Type) {
		for _, v := range values {
			t.Ints = append(t.Ints, int64(v))
		}
		return t
	}
	t.Floats = values
	return t
}

// moveBatch moves the first of dimensions, of n, behind those of outer.
func moveBatch(x []float32, n int, outer []int) []float32 {
	rows := 1
	for _, d := range outer {
		rows *= d
	}
	if rows == 1 {
		return x
	}
	inner := len(x) / (n * rows)
	y := make([]float32, 0, len(x))
	for row := range rows {
		for i := range n {
			y = append(y, x[(i*rows+row)*inner:][:inner]...)
		}
	}
	return y
}

// samplesFirst returns an output of ONNX Runtime, for n samples, with the batch as
// its first dimension.
func samplesFirst(t ort.Tensor, v onnx.LoadedValue, n int) ([]float32, error) {
	want := []int64{}
	for _, d := range v.Shape {
		want = append(want, int64(d))
	}
	want = slices.Insert(want, v.BatchAxis, int64(n))
	size := n
	for _, d := range v.Shape {
		size *= d
	}
	if !slices.Equal(t.Dims, want) || len(t.Floats) != size {
		return nil, fmt.Errorf("output %q is %s %v, but float32 %v in this engine", t.Name, t.Type, t.Dims, want)
	}
	rows := 1
	for _, d := range v.Shape[:v.BatchAxis] {
		rows *= d
	}
	if rows == 1 {
		return t.Floats, nil
	}
	return moveBatch(t.Floats, rows, []int{n}), nil
}
