package onnx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
)

// digits are a few images of digits.
var digits = sync.OnceValue(func() *data.Set {
	set, err := data.Load(context.Background(), "digits", data.Options{Train: 400, Test: 100})
	if err != nil {
		panic(err)
	}
	return set
})

// trainedModel trains a network on digits for a moment and exports it.
func trainedModel(t testing.TB, epochs int, input nn.Shape, layers ...nn.Layer) *Model {
	t.Helper()
	m, err := nn.New[float32](nn.Network{Input: input, Layers: layers}, nn.Options{Batch: 50, Seed: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	train := digits().Train
	trainer, err := nn.NewTrainer(m, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: nn.Constant(2e-3), Loss: nn.SoftmaxCrossEntropy})
	if err != nil {
		t.Fatal(err)
	}
	x, labels := make([]float32, 50*784), make([]int, 50)
	for step := range epochs * train.Len() / 50 {
		indices := make([]int, 50)
		for i := range indices {
			indices[i] = (step*50 + i) % train.Len()
		}
		train.Fill(x, labels, indices)
		trainer.Step(nn.Batch[float32]{X: x, Labels: labels})
	}
	model, err := Export(m, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// eluModel has two ELUs.
func eluModel(t testing.TB) *Model {
	return trainedModel(t, 25, nn.Shape{28, 28, 1},
		nn.Conv2D{Filters: 4, Kernel: nn.Square(5), Stride: nn.Square(3)}, nn.Activation{Function: "elu:1"},
		nn.MaxPool{Size: nn.Square(2)}, nn.Flatten{}, nn.Dense{Units: 24}, nn.Activation{Function: "elu:1"}, nn.Dense{Units: 10})
}

func tuneOptions(from, to string) TuneOptions {
	return TuneOptions{
		Swap: SwapOptions{From: []string{from}, To: to}, Train: digits().Train, Test: digits().Test,
		Calibration: 200, Epochs: 2, Batch: 50, Seed: 1, Threads: 1,
	}
}

func mustTune(t testing.TB, m *Model, o TuneOptions) (*Model, *TuneReport) {
	t.Helper()
	before := m.Clone()
	tuned, r, err := Tune(t.Context(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(before.proto, m.proto) {
		t.Error("the original has changed")
	}
	if err := tuned.validate(); err != nil {
		t.Error(err)
	}
	return tuned, r
}

func stageNames(r *TuneReport) string {
	var names []string
	for _, s := range r.Stages {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// checkReported makes sure that a model, read anew, is as good as the last stage
// says.
func checkReported(t *testing.T, original, tuned *Model, o TuneOptions, r *TuneReport) {
	t.Helper()
	again, err := Decode(mustEncode(t, tuned))
	if err != nil {
		t.Fatal(err)
	}
	options := LoadOptions{Options: nn.Options{Batch: o.Test.Len(), Inference: true}}
	teacher, l := loadModel(t, original, options), loadModel(t, again, options)
	x, labels := make([]float32, o.Test.Len()*o.Test.Size()), make([]int, o.Test.Len()*o.Test.Predictions())
	o.Test.Fill(x, labels, first(o.Test.Len()))
	var squares, size float64
	want := teacher.Model().Predict(x)
	for i, v := range l.Model().Predict(x) {
		squares += math.Pow(float64(v)-float64(want[i]), 2)
		size += math.Pow(float64(want[i]), 2)
	}
	if got, reported := math.Sqrt(squares/size), r.Stages[len(r.Stages)-1].Error; math.Abs(got-reported) > 1e-5+1e-3*reported {
		t.Errorf("the error is %v, reported is %v", got, reported)
	}
	for _, layer := range r.Layers {
		if !slices.ContainsFunc(l.Activations(), func(a LoadedActivation) bool { return a.Node == layer.Node && a.Function == layer.Tuned }) {
			t.Errorf("node %s is not %s: %v", layer.Node, layer.Tuned, l.Activations())
		}
	}
}

// checkInRuntime compares the engine's outputs with those of ONNX Runtime.
func checkInRuntime(t *testing.T, m *Model, x data.Samples, shape ...int) {
	t.Helper()
	r := startRuntime(t)
	l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 10, Inference: true}})
	in := make([]float32, 10*x.Size())
	x.Fill(in, make([]int, 10*x.Predictions()), first(10))
	y := l.Model().Predict(in)
	own := make([]float32, len(y))
	l.ToONNX(own, y)
	given := make([]float32, len(in))
	l.ToInput(given, in)
	input := ort.Tensor{Name: l.Input().Name, Type: "float32", Dims: []int64{10}, Floats: given}
	for _, d := range l.Input().Shape {
		input.Dims = append(input.Dims, int64(d))
	}
	var want []float64
	for _, v := range evaluate(t, r, mustEncode(t, m), input).Floats {
		want = append(want, float64(v))
	}
	if d := distance(own, want); d > 1e-4 {
		t.Errorf("outputs differ from ONNX Runtime's by %.2g", d)
	}
}

func TestTuningBringsAccuracyBack(t *testing.T) {
	for _, style := range []Style{Primitive, LocalFunction, Custom} {
		t.Run(style.String(), func(t *testing.T) {
			m := eluModel(t)
			o := tuneOptions("elu", "isrlu:9")
			o.Swap.Style, o.Epochs = style, 12
			tuned, r := mustTune(t, m, o)
			if got, want := stageNames(r), "original, swapped, calibrated, epoch 1, epoch 2, "; !strings.HasPrefix(got, want) || len(r.Stages) != 15 {
				t.Fatalf("stages %s, want %s", got, want)
			}
			s := r.Stages
			last := s[len(s)-1]
			if s[0].Error != 0 || s[0].Agreement != 1 || !(s[1].Error > 3*s[2].Error) || !(s[2].Error > 1.2*last.Error) || !(last.Error > 0) {
				t.Errorf("errors do not fall: %+v", s)
			}
			if !(s[0].Accuracy > .5) || !(last.Agreement >= s[1].Agreement) {
				t.Errorf("stages %+v", s)
			}
			checkReported(t, m, tuned, o, r)
			if len(r.Layers) != 2 || len(r.Swap.Swapped) != 2 {
				t.Fatalf("layers %+v, swap %+v", r.Layers, r.Swap)
			}
			for _, l := range r.Layers {
				if l.From != "elu:1" || l.Swapped != "isrlu:9" || l.Calibrated == l.Swapped || l.Tuned != l.Calibrated {
					t.Errorf("layer %+v", l)
				}
				if !(l.Matched.distance(l.Original) < .5*l.After.distance(l.Original)) {
					t.Errorf("moments %+v", l)
				}
			}
			if style != Custom {
				checkInRuntime(t, tuned, o.Test)
			}
		})
	}
}

// Batch normalization's running statistics follow what is trained.
func TestTuningStoresRunningStatistics(t *testing.T) {
	m := trainedModel(t, 4, nn.Shape{28, 28, 1},
		nn.Conv2D{Filters: 4, Kernel: nn.Square(5), Stride: nn.Square(3)}, nn.Activation{Function: "elu:1"},
		nn.BatchNorm{}, nn.GlobalAvgPool{}, nn.Dense{Units: 10})
	o := tuneOptions("elu", "isrlu:9")
	tuned, r := mustTune(t, m, o)
	checkReported(t, m, tuned, o, r)
	names := 0
	for _, before := range m.proto.Graph.Initializer {
		if !strings.HasSuffix(before.Name, "running_mean") && !strings.HasSuffix(before.Name, "running_variance") {
			continue
		}
		names++
		for _, after := range tuned.proto.Graph.Initializer {
			if after.Name == before.Name && bytes.Equal(after.RawData, before.RawData) {
				t.Errorf("%s is not trained", before.Name)
			}
		}
	}
	if names != 2 {
		var all []string
		for _, i := range m.proto.Graph.Initializer {
			all = append(all, i.Name)
		}
		t.Errorf("%d running statistics among %v", names, all)
	}
	checkInRuntime(t, tuned, o.Test)
}

func TestTuningGivesEqualBytes(t *testing.T) {
	m := eluModel(t)
	o := tuneOptions("elu", "isrlu:9")
	o.Learn = true
	var first []byte
	for _, threads := range []int{1, 2, 1} {
		o.Threads = threads
		tuned, _ := mustTune(t, m, o)
		if b := mustEncode(t, tuned); first == nil {
			first = b
		} else if !bytes.Equal(b, first) {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	o.Seed = 2
	if tuned, _ := mustTune(t, m, o); bytes.Equal(mustEncode(t, tuned), first) {
		t.Error("another seed gives the same bytes")
	}
}

func TestTuningLearnsAlpha(t *testing.T) {
	m := eluModel(t)
	o := tuneOptions("elu", "isrlu:9")
	o.Learn, o.Calibration, o.Rate = true, -1, 1e-2
	tuned, r := mustTune(t, m, o)
	if got, want := stageNames(r), "original, swapped, epoch 1, epoch 2"; got != want {
		t.Errorf("stages %s, want %s", got, want)
	}
	for _, l := range r.Layers {
		if l.Calibrated != "isrlu:9" || l.Tuned == "isrlu:9" || l.Matched != l.After {
			t.Errorf("layer %+v", l)
		}
	}
	checkReported(t, m, tuned, o, r)
}

// Without calibration and epochs tuning is swapping.
func TestTuningWithoutStepsIsASwap(t *testing.T) {
	m := eluModel(t)
	o := tuneOptions("elu", "isrlu:3")
	o.Calibration, o.Epochs, o.Learn = -1, 0, true
	tuned, r := mustTune(t, m, o)
	want := m.Clone()
	if _, err := want.Swap(o.Swap); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mustEncode(t, tuned), mustEncode(t, want)) {
		t.Error("the model is not the swapped one")
	}
	if got := stageNames(r); got != "original, swapped" {
		t.Errorf("stages %s", got)
	}
	// Calibration alone keeps the weights.
	o.Calibration = 0
	tuned, r = mustTune(t, m, o)
	checkReported(t, m, tuned, o, r)
	for _, before := range m.proto.Graph.Initializer {
		for _, after := range tuned.proto.Graph.Initializer {
			if before.Name == after.Name && !proto.Equal(before, after) {
				t.Errorf("%s has changed", before.Name)
			}
		}
	}
}

func TestTuningNeedsNoLabels(t *testing.T) {
	m := eluModel(t)
	o := tuneOptions("elu", "isrlu:9")
	want, labeled := mustTune(t, m, o)
	x := make([]float32, o.Train.Len()*784)
	o.Train.Fill(x, make([]int, o.Train.Len()), first(o.Train.Len()))
	train, err := data.NewNumbers(x, 784, nil)
	if err != nil {
		t.Fatal(err)
	}
	x = make([]float32, o.Test.Len()*784)
	o.Test.Fill(x, make([]int, o.Test.Len()), first(o.Test.Len()))
	test, err := data.NewNumbers(x, 784, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Train, o.Test, o.Unlabeled = train, test, true
	got, r := mustTune(t, m, o)
	if !bytes.Equal(mustEncode(t, got), mustEncode(t, want)) {
		t.Error("labels change what is trained")
	}
	for i, s := range r.Stages {
		if !math.IsNaN(s.Accuracy) || s.Error != labeled.Stages[i].Error {
			t.Errorf("stage %+v, with labels %+v", s, labeled.Stages[i])
		}
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), "accuracy") {
		t.Errorf("%s, %v", text, err)
	}
	text, err = json.Marshal(labeled)
	if err != nil || !strings.Contains(string(text), `"accuracy":`) || !strings.Contains(string(text), `"stage":"epoch 2"`) {
		t.Errorf("%s, %v", text, err)
	}
	var back TuneReport
	if err := json.Unmarshal(text, &back); err != nil || back.Stages[2] != labeled.Stages[2] {
		t.Errorf("%+v, %v", back.Stages, err)
	}
}

func TestTuningErrorsSayWhatToDo(t *testing.T) {
	m := eluModel(t)
	numbers := func(v float32, n int) *data.Numbers {
		x := make([]float32, 784*n)
		for i := range x {
			x[i] = v
		}
		s, err := data.NewNumbers(x, 784, make([]int, n))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	small, err := data.NewNumbers(make([]float32, 100), 10, make([]int, 10))
	if err != nil {
		t.Fatal(err)
	}
	two, err := data.NewNumbers(make([]float32, 784*10), 784, make([]int, 20))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := data.NewNumbers(make([]float32, 784*10), 784, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(o *TuneOptions)
		wants  []string
	}{
		"no samples":        {func(o *TuneOptions) { o.Train = nil }, []string{"samples to train on"}},
		"no test samples":   {func(o *TuneOptions) { o.Test = numbers(0, 0) }, []string{"to test with"}},
		"epochs":            {func(o *TuneOptions) { o.Epochs = -1 }, []string{"epochs", "-1"}},
		"batch":             {func(o *TuneOptions) { o.Batch = -1 }, []string{"batch", "-1"}},
		"rate":              {func(o *TuneOptions) { o.Rate = math.Inf(1) }, []string{"rate", "+Inf"}},
		"NaN rate":          {func(o *TuneOptions) { o.Rate = math.NaN() }, []string{"rate", "NaN"}},
		"threads":           {func(o *TuneOptions) { o.Threads = -1 }, []string{"-1"}},
		"size":              {func(o *TuneOptions) { o.Train = small }, []string{"training samples have 10 values", "784"}},
		"test size":         {func(o *TuneOptions) { o.Test = small }, []string{"test samples have 10 values", "784"}},
		"number of labels":  {func(o *TuneOptions) { o.Test = two }, []string{"test samples have 2 labels", "Unlabeled"}},
		"label":             {func(o *TuneOptions) { o.Test = wrong }, []string{"label 10", "10 outputs", "Unlabeled"}},
		"NaN samples":       {func(o *TuneOptions) { o.Train = numbers(float32(math.NaN()), 20) }, []string{"sample 0", "NaN", "finite"}},
		"huge test samples": {func(o *TuneOptions) { o.Test = numbers(3e38, 20) }, []string{"original", "not finite", "normalized"}},
		"huge samples":      {func(o *TuneOptions) { o.Train = numbers(3e38, 20) }, []string{"not finite", "normalized"}},
		"huge rate":         {func(o *TuneOptions) { o.Rate = 1e30 }, []string{"diverged in epoch 1", "lower rate than 1e+30"}},
		"one huge step":     {func(o *TuneOptions) { o.Rate, o.Batch, o.Epochs = 1e30, 400, 1 }, []string{"diverged in epoch 1", "lower rate"}},
		"no such kind":      {func(o *TuneOptions) { o.Swap.From = []string{"gelu"} }, []string{"no gelu in the model", "elu (2)"}},
		"unknown function":  {func(o *TuneOptions) { o.Swap.To = "isrlou" }, []string{`"isrlou"`}},
		"same function":     {func(o *TuneOptions) { o.Swap.To = "elu:1" }, []string{"nothing was swapped", "elu:1 already"}},
		"shape":             {func(o *TuneOptions) { o.Shape = []int{3} }, []string{"[3] has 1"}},
	} {
		o := tuneOptions("elu", "isrlu:9")
		c.change(&o)
		tuned, r, err := Tune(t.Context(), m, o)
		if err == nil || tuned != nil || r != nil || !strings.HasPrefix(err.Error(), "onnx: ") || strings.Contains(err.Error()[1:], "onnx: ") {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, want := range c.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
}

// Cancelling ends each stage.
func TestTuningIsCancelled(t *testing.T) {
	m := eluModel(t)
	for _, at := range []string{"", "testing: original", "calibrating", "calibrating layer 2", "epoch 2", "testing: epoch 2"} {
		ctx, cancel := context.WithCancel(t.Context())
		if at == "" {
			cancel()
		}
		last := ""
		o := tuneOptions("elu", "isrlu:9")
		o.Progress = func(stage string, done, total int) {
			if done < 1 || done > total {
				t.Errorf("%s: %d of %d", stage, done, total)
			}
			if last = stage; strings.HasPrefix(stage, at) {
				cancel()
			}
		}
		if _, _, err := Tune(ctx, m, o); !errors.Is(err, context.Canceled) || !strings.HasPrefix(last, at) {
			t.Errorf("cancelled at %q: error %v at %q", at, err, last)
		}
		cancel()
	}
}

func TestTuningTakesSomeNodesOfAResidualNetwork(t *testing.T) {
	conv := func(stride int) nn.Conv2D {
		return nn.Conv2D{Filters: 4, Kernel: nn.Square(3), Stride: nn.Square(stride), Padding: nn.Same}
	}
	act := nn.Activation{Function: "elu:1"}
	m := trainedModel(t, 2, nn.Shape{28, 28, 1}, conv(3), act,
		nn.Residual{Body: nn.Sequential{conv(2), act, conv(1)}, Shortcut: nn.Sequential{conv(2), nn.Activation{Function: "tanh"}}}, act,
		nn.Product{Gate: nn.Sequential{nn.GlobalAvgPool{}, nn.Dense{Units: 4}, nn.Activation{Function: "sigmoid"}}},
		nn.GlobalAvgPool{}, nn.Dense{Units: 10})
	var nodes []string
	for _, a := range m.Info().Activations {
		if a.Kind == "elu" {
			nodes = append(nodes, a.Nodes...)
		}
	}
	if len(nodes) != 3 {
		t.Fatalf("nodes %v", nodes)
	}
	o := tuneOptions("elu", "isrlu:9")
	o.Swap.Nodes, o.Epochs = nodes[1:2], 1
	tuned, r := mustTune(t, m, o)
	if len(r.Layers) != 1 || r.Layers[0].Node != nodes[1] {
		t.Errorf("layers %+v", r.Layers)
	}
	checkReported(t, m, tuned, o, r)
	// All of them, in the order of the network.
	o.Swap = SwapOptions{Nodes: []string{"*"}, To: "isru:5"}
	tuned, r = mustTune(t, m, o)
	var from []string
	for _, l := range r.Layers {
		from = append(from, l.From)
	}
	if got := strings.Join(from, " "); got != "elu:1 elu:1 tanh elu:1 sigmoid" {
		t.Errorf("the layers were %s", got)
	}
	checkReported(t, m, tuned, o, r)
	checkInRuntime(t, tuned, o.Test)
}

// Patterns in names of nodes are names to Tune, and names may be missing.
func TestTuningTellsNodesApart(t *testing.T) {
	for _, names := range [][]string{{"*", "a?"}, {"", ""}, {"same", "same"}} {
		m := eluModel(t)
		i := 0
		for _, n := range m.proto.Graph.Node {
			if n.OpType == "Elu" {
				n.Name = names[i]
				i++
			}
		}
		o := tuneOptions("elu", "isrlu:9")
		o.Epochs = 1
		tuned, r := mustTune(t, m, o)
		if len(r.Layers) != 2 || r.Layers[0].Tuned == r.Layers[1].Tuned {
			t.Errorf("%q: layers %+v", names, r.Layers)
		}
		l := loadModel(t, tuned, LoadOptions{})
		for i, a := range l.Activations() {
			if a.Function != r.Layers[i].Tuned {
				t.Errorf("%q: activation %+v, reported %+v", names, a, r.Layers[i])
			}
		}
	}
}

// A function that the swap leaves alone, and one that calibration makes what it was.
func TestTuningKeepsEqualFunctions(t *testing.T) {
	m := trainedModel(t, 2, nn.Shape{784}, nn.Dense{Units: 12}, nn.Activation{Function: "isrlu:9"}, nn.Dense{Units: 12}, nn.Activation{Function: "isrlu:2"}, nn.Dense{Units: 10})
	o := tuneOptions("isrlu", "isrlu:9")
	o.Epochs = 0
	tuned, r := mustTune(t, m, o)
	if len(r.Layers) != 1 || r.Layers[0].From != "isrlu:2" || len(r.Swap.Left) != 1 {
		t.Fatalf("layers %+v, swap %+v", r.Layers, r.Swap)
	}
	if got := r.Layers[0].Tuned; got != "isrlu:2" && !strings.HasPrefix(got, "isrlu:1.99") && !strings.HasPrefix(got, "isrlu:2.0") {
		t.Errorf("calibration gives %s", got)
	}
	if s := r.Stages[len(r.Stages)-1]; s.Error > 1e-3 {
		t.Errorf("the error is %v", s.Error)
	}
	checkReported(t, m, tuned, o, r)
	// Functions without parameters have nothing to calibrate or learn.
	o = tuneOptions("isrlu", "relu")
	o.Learn = true
	tuned, r = mustTune(t, m, o)
	for _, l := range r.Layers {
		if l.Tuned != "relu" || l.Matched != l.After {
			t.Errorf("layer %+v", l)
		}
	}
	checkReported(t, m, tuned, o, r)
}

// Parameters of channels give way to one of the layer, also if the first one is it.
func TestTuningReplacesParametersOfChannels(t *testing.T) {
	m := trainedModel(t, 4, nn.Shape{28, 28, 1}, nn.Conv2D{Filters: 4, Kernel: nn.Square(5), Stride: nn.Square(3)},
		nn.Activation{Function: "leaky_relu:0.2", Learn: nn.PerChannel}, nn.GlobalAvgPool{}, nn.Dense{Units: 10})
	first := loadModel(t, m, LoadOptions{}).Activations()[0].Function
	for _, to := range []string{"isrlu:9", "leaky_relu:0.4", first} {
		for _, learn := range []bool{false, true} {
			o := tuneOptions("prelu", to)
			o.Learn = learn
			tuned, r := mustTune(t, m, o)
			if len(r.Layers) != 1 || r.Layers[0].From != first {
				t.Fatalf("layers %+v", r.Layers)
			}
			checkReported(t, m, tuned, o, r)
			if a := loadModel(t, tuned, LoadOptions{}).Model().Activations()[0]; a.Learned != nil {
				t.Errorf("%s: activation %+v", to, a)
			}
		}
	}
}

// sequenceModel has recurrent layers and a ReLU.
func sequenceModel(t testing.TB, layer nn.Layer) *Model {
	return trainedModel(t, 2, nn.Shape{28, 28}, nn.Dense{Units: 6}, nn.Activation{Function: "relu"}, layer, nn.Dense{Units: 10})
}

func TestTuningOfRecurrentNetworks(t *testing.T) {
	for name, layer := range map[string]nn.Layer{
		"LSTM": nn.LSTM{Units: 8, Activation: "tanh", Last: true}, "GRU": nn.GRU{Units: 8, Activation: "tanh", Last: true},
		"RNN": nn.RNN{Units: 8, Activation: "tanh", Last: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := sequenceModel(t, layer)
			node := m.proto.Graph.Node[slices.IndexFunc(m.proto.Graph.Node, isRecurrent)]
			// What ONNX's operator lacks makes it a Scan, which keeps its alpha.
			o := tuneOptions("tanh", "isru:0.5")
			o.Learn = true
			tuned, r := mustTune(t, m, o)
			if len(r.Layers) != 0 || len(r.Swap.Warnings) != 1 || !strings.Contains(r.Swap.Warnings[0], node.Name) || !strings.Contains(r.Swap.Warnings[0], "stay isru:0.5") {
				t.Errorf("layers %+v, warnings %q", r.Layers, r.Swap.Warnings)
			}
			if swapped, last := r.Stages[1].Error, r.Stages[len(r.Stages)-1].Error; !(last < swapped) {
				t.Errorf("training makes the error %v of %v", last, swapped)
			}
			network, err := tuned.Network(LoadOptions{})
			if err != nil || !slices.Contains(recurrentFunctionsOf(network), "isru:0.5") {
				t.Errorf("the network %+v, %v", network, err)
			}
			checkReported(t, m, tuned, o, r)
			o = tuneOptions("relu", "isrlu:9")
			tuned, r = mustTune(t, m, o)
			if len(r.Layers) != 1 || r.Layers[0].From != "relu" {
				t.Errorf("layers %+v", r.Layers)
			}
			checkReported(t, m, tuned, o, r)
			// A function that ONNX's operator has too stays in it, and is tuned.
			o = tuneOptions("tanh", "elu:1")
			tuned, r = mustTune(t, m, o)
			if len(r.Layers) != 0 || len(r.Swap.Swapped) == 0 {
				t.Errorf("layers %+v, swap %+v", r.Layers, r.Swap)
			}
			checkReported(t, m, tuned, o, r)
			if again := tuned.proto.Graph.Node[slices.IndexFunc(tuned.proto.Graph.Node, isRecurrent)]; proto.Equal(node, again) {
				t.Errorf("the gates are as they were: %v", again)
			}
		})
	}
}

func TestTuningSaysWhatIsAtTheEnd(t *testing.T) {
	b := newBuilder(0, 784)
	hidden := b.node("Sigmoid", []string{b.gemm("input", 784, 4)})
	end := b.node("Sigmoid", []string{b.gemm(hidden, 4, 10)})
	m := b.model(t, 13, end)
	node := b.g.Node[len(b.g.Node)-1].Name
	_, _, err := Tune(t.Context(), m, tuneOptions("sigmoid", "isru_sigmoid"))
	if err == nil || !strings.Contains(err.Error(), node) || !strings.Contains(err.Error(), "end of the model") {
		t.Errorf("error %v does not name %s", err, node)
	}
	o := tuneOptions("sigmoid", "isru_sigmoid:2,0.5")
	o.Swap.Nodes = []string{hidden}
	tuned, r := mustTune(t, m, o)
	checkReported(t, m, tuned, o, r)
	if tuned := r.Layers[0].Tuned; !strings.HasSuffix(tuned, ",0.5") || tuned == "isru_sigmoid:2,0.5" {
		t.Errorf("the scale is not kept: %s", tuned)
	}
}

func TestTuningSeparatesSharedConstants(t *testing.T) {
	shared := func(by func(b *graphBuilder, w string) []string) (*Model, string) {
		b := newBuilder(0, 784)
		w, bias := b.weight(6, 6), b.weight(6)
		x := b.node("Relu", []string{b.gemm("input", 784, 6)})
		for _, w := range by(b, w) {
			x = b.node("Relu", []string{b.node("Gemm", []string{x, w, bias})})
		}
		return b.model(t, 13, b.gemm(x, 6, 10)), w
	}
	m, w := shared(func(_ *graphBuilder, w string) []string { return []string{w, w, w} })
	o := tuneOptions("relu", "isrlu:9")
	tuned, r := mustTune(t, m, o)
	checkReported(t, m, tuned, o, r)
	if len(r.Swap.Warnings) != 2 || !strings.Contains(r.Swap.Warnings[0], `"`+w+`"`) {
		t.Errorf("warnings %q", r.Swap.Warnings)
	}
	checkInRuntime(t, tuned, o.Test)
	o.Epochs = 0
	tuned, r = mustTune(t, m, o)
	checkReported(t, m, tuned, o, r)
	matrices := 0
	for _, i := range tuned.proto.Graph.Initializer {
		if slices.Equal(i.Dims, []int64{6, 6}) {
			matrices++
		}
	}
	if len(r.Swap.Warnings) != 0 || matrices != 1 {
		t.Errorf("without epochs: %d matrices, warnings %q", matrices, r.Swap.Warnings)
	}
	// By way of a node they stay shared, which is an error before the training.
	m, w = shared(func(b *graphBuilder, w string) []string {
		w = b.node("Transpose", []string{w}, "perm", []int{1, 0})
		return []string{w, w}
	})
	o.Epochs = 1
	if _, _, err := Tune(t.Context(), m, o); err == nil || !strings.Contains(err.Error(), `"`+w+`"`) || !strings.Contains(err.Error(), "no epochs") {
		t.Errorf("error %v", err)
	}
}

// A text has a label for each character, and its samples are tokens.
func TestTuningOnText(t *testing.T) {
	text, err := data.LoadText(t.Context(), "prose", data.TextOptions{Train: 2000, Test: 500})
	if err != nil {
		t.Fatal(err)
	}
	set, err := text.Windows(16)
	if err != nil {
		t.Fatal(err)
	}
	classes := len(set.Classes)
	m, err := nn.New[float32](nn.Network{Input: nn.Shape{16}, Layers: nn.Sequential{nn.Embedding{Tokens: classes, Units: 8},
		nn.LSTM{Units: 12, Activation: "tanh"}, nn.Dense{Units: 12}, nn.Activation{Function: "elu:1"}, nn.Dense{Units: classes}}}, nn.Options{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	model, err := Export(m, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := TuneOptions{Swap: SwapOptions{From: []string{"elu"}, To: "isrlu:9"}, Train: set.Train, Test: set.Test, Epochs: 1, Batch: 20}
	tuned, r := mustTune(t, model, o)
	checkReported(t, model, tuned, o, r)
	bad, err := data.NewNumbers([]float32{15: float32(classes), 31: 0}, 16, make([]int, 32))
	if err != nil {
		t.Fatal(err)
	}
	o.Train = bad
	if _, _, err := Tune(t.Context(), model, o); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("sample 0 has the token %d", classes)) {
		t.Errorf("error %v", err)
	}
}

// Weights of half precision are rounded when they are stored, which a stage shows.
func TestTuningReportsRoundedWeights(t *testing.T) {
	var half torchModel
	for _, m := range torchModels(t) {
		if m.Name == "mlp_half" {
			half = m
		}
	}
	l := loadModel(t, half.Model, LoadOptions{})
	size := l.Model().Network().Input.Size()
	x := make([]float32, 40*size)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	s, err := data.NewNumbers(x, size, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := TuneOptions{Swap: SwapOptions{Nodes: []string{"*"}, To: "isrlu:9"}, Train: s, Test: s, Unlabeled: true, Epochs: 2, Batch: 10}
	tuned, r := mustTune(t, half.Model, o)
	if names := stageNames(r); !strings.HasSuffix(names, "epoch 2, stored") {
		t.Errorf("stages %s", names)
	}
	checkReported(t, half.Model, tuned, o, r)
	if s := r.Stages[len(r.Stages)-2:]; s[0].Error == s[1].Error {
		t.Errorf("stages %+v", s)
	}
}

func TestTuningWarnsOfOtherOutputs(t *testing.T) {
	b := newBuilder(0, 784)
	x := b.node("Relu", []string{b.gemm("input", 784, 6)})
	m := b.model(t, 13, b.gemm(x, 6, 10))
	m.proto.Graph.Output = append(m.proto.Graph.Output, valueInfo(x, 1, 0, 6))
	o := tuneOptions("relu", "isrlu:9")
	_, r := mustTune(t, m, o)
	if len(r.Swap.Warnings) != 1 || !strings.Contains(r.Swap.Warnings[0], x) {
		t.Errorf("warnings %v", r.Swap.Warnings)
	}
}
