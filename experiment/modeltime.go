package experiment

import (
	"context"
	"fmt"
	"math"
	"slices"
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
// and in ONNX Runtime, all in interleaved rounds.
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
		l, err := onnx.Load[float32](m.Model, onnx.LoadOptions{
			Options: nn.Options{Batch: o.Batch, Threads: o.Threads, Inference: true}, Shape: o.Shape,
		})
		var run func(int) (time.Duration, error)
		if err == nil {
			defer l.Close()
			x := RandomSamples(l.Model(), o.Batch)
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

// timeInONNXRuntime returns the timed run of a model.
func timeInONNXRuntime(r *ort.Runtime, m NamedModel, l *onnx.Loaded[float32], o *ModelTimeOptions) (func(int) (time.Duration, error), error) {
	if l == nil {
		return nil, fmt.Errorf("the shape of its input is known only where this engine runs it")
	}
	s, err := r.OpenFile(m.Path, o.Threads)
	if err != nil {
		return nil, err
	}
	in := onnxTensor(l, RandomSamples(l.Model(), o.Batch))
	return func(runs int) (time.Duration, error) {
		_, times, err := s.Time(runs, in)
		var sum time.Duration
		for _, t := range times {
			sum += t
		}
		return sum, err
	}, nil
}

// RandomSamples returns samples of normally distributed numbers, or of tokens, for
// a model, in the engine's order.
func RandomSamples(m *nn.Model[float32], n int) []float32 { return randomBatch(m, n).X }

// CompareWithONNXRuntime runs samples, in the engine's order, in ONNX Runtime, and
// returns the largest difference of its outputs from the engine's, relative to the
// largest output. runtime is the folder of its npm package.
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
	size, batch := l.Model().Network().Input.Size(), l.Model().Batch()
	var largest, difference float64
	for part := range slices.Chunk(x, batch*size) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		out, err := s.Run(onnxTensor(l, part))
		if err != nil {
			return 0, err
		}
		y := l.Model().Predict(part)
		own := make([]float32, len(y))
		l.ToONNX(own, y)
		theirs := samplesFirst(out[index], l.Output())
		if len(theirs) != len(own) {
			return 0, fmt.Errorf("experiment: ONNX Runtime gives %d outputs for %s, this engine %d", len(theirs), m.Name, len(own))
		}
		for i, v := range own {
			largest = max(largest, math.Abs(float64(theirs[i])))
			d := math.Abs(float64(v) - float64(theirs[i]))
			if math.IsNaN(d) && math.IsNaN(float64(v)) == math.IsNaN(float64(theirs[i])) {
				d = 0
			}
			difference = max(difference, d) // NaN stays
		}
	}
	if difference == 0 {
		return 0, nil
	}
	return difference / largest, nil
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
	if strings.HasPrefix(in.Type, "int") {
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

// samplesFirst returns an output of ONNX Runtime with the batch as its first
// dimension.
func samplesFirst(t ort.Tensor, v onnx.LoadedValue) []float32 {
	if v.BatchAxis == 0 {
		return t.Floats
	}
	rows := 1
	for _, d := range v.Shape[:v.BatchAxis] {
		rows *= d
	}
	return moveBatch(t.Floats, rows, []int{int(t.Dims[v.BatchAxis])})
}
