package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// TuneOptions say what takes the place of a model's activation functions, and how
// its accuracy is brought back.
type TuneOptions struct {
	Swap SwapOptions
	// Train are the samples to calibrate and train on, Test those that tell the
	// accuracy, both as the engine reads them: images with the channels last. Labels
	// serve the accuracy alone, as the original model is the teacher.
	Train, Test data.Samples
	// Unlabeled tells that the labels mean nothing.
	Unlabeled bool
	// Calibration is the number of training samples from which alpha is chosen for
	// each layer; 500 if it is 0, none if it is negative: alpha stays as Swap.To
	// has it.
	Calibration int
	// Learn trains alpha too, one for each layer.
	Learn bool
	// Epochs over Train; none if 0.
	Epochs int
	// Batch is the number of samples of a step; 100 if 0.
	Batch int
	// Rate is the first learning rate of Adam, which falls to a hundredth of it along
	// half a cosine; 1e-3 if 0.
	Rate float64
	// Shape is for models that leave dimensions open: see LoadOptions.
	Shape   []int
	Seed    uint64
	Threads int
	// Progress, if not nil, is called with what is under way and how much of it is
	// done.
	Progress func(stage string, done, total int)
}

// A TuneStage tells how good a model is, over all test samples.
type TuneStage struct {
	Name string `json:"stage"`
	// Accuracy is the part of the predictions, in [0, 1], that are those of the
	// labels; NaN without labels.
	Accuracy float64 `json:"accuracy"`
	// Agreement is the part of the predictions that are those of the original.
	Agreement float64 `json:"agreement"`
	// Error is the root of the mean squared difference of the outputs from those of
	// the original, before a final softmax, divided by the root of their mean square.
	Error float64 `json:"error"`
}

// A TunedLayer is an activation that was swapped.
type TunedLayer struct {
	Node string `json:"node"`
	From string `json:"from"`
	// Swapped is the function as Swap.To has it, Calibrated the one of the calibrated
	// alpha, Tuned that of the result.
	Swapped    string `json:"swapped"`
	Calibrated string `json:"calibrated"`
	Tuned      string `json:"tuned"`
	// Original, After and Matched are the moments of the layer's outputs on the
	// calibration samples: in the original, after the swap, and when alpha is chosen.
	Original Moments `json:"original_moments"`
	After    Moments `json:"swapped_moments"`
	Matched  Moments `json:"calibrated_moments"`
}

// A TuneReport is what Tune did.
type TuneReport struct {
	Stages []TuneStage  `json:"stages"` // original, swapped, calibrated, and each epoch
	Layers []TunedLayer `json:"layers"`
	Swap   SwapReport   `json:"swap"`
}

// Tune swaps activation functions of a model and brings its accuracy back, in three
// steps. It swaps; it chooses alpha for each layer, from the first to the last, so
// that mean and standard deviation of the layer's outputs are nearest to those in
// the original; and it trains all weights for some epochs to give the outputs of
// the original, by the mean squared difference of the outputs before a final
// softmax (Ba and Caruana 2014). It returns the tuned model; m stays as it is.
//
// The model must be one that [Load] takes. The samples must have the size of its
// input.
func Tune(ctx context.Context, m *Model, o TuneOptions) (*Model, *TuneReport, error) {
	if o.Batch == 0 {
		o.Batch = 100
	}
	if o.Rate == 0 {
		o.Rate = 1e-3
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	t := &tuning{ctx: ctx, options: o, original: m, report: new(TuneReport)}
	defer t.close()
	tuned, err := t.run()
	if err != nil {
		return nil, nil, err
	}
	return tuned, t.report, nil
}

func (o *TuneOptions) check() error {
	switch {
	case o.Train == nil || o.Test == nil || o.Train.Len() == 0 || o.Test.Len() == 0:
		return errors.New("onnx: tuning needs samples to train on and to test with")
	case o.Epochs < 0:
		return fmt.Errorf("onnx: epochs must not be negative, got %d", o.Epochs)
	case o.Batch < 1:
		return fmt.Errorf("onnx: the batch must be at least 1, got %d", o.Batch)
	case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
		return fmt.Errorf("onnx: the learning rate must be positive and finite, got %v", o.Rate)
	}
	return nil
}

// A tuning is one that is under way.
type tuning struct {
	ctx      context.Context
	options  TuneOptions
	original *Model
	teacher  *nn.Model[float32]
	report   *TuneReport
	closers  []func()
}

func (t *tuning) close() {
	for _, c := range t.closers {
		c()
	}
}

// calibration is the number of samples to take moments from.
func (t *tuning) calibration() int {
	if t.options.Calibration <= 0 {
		return 500
	}
	return t.options.Calibration
}

func (t *tuning) progress(stage string, done, total int) {
	if t.options.Progress != nil {
		t.options.Progress(stage, done, total)
	}
}

// load loads a model for inference or training.
func (t *tuning) load(m *Model, o nn.Options) (*Loaded[float32], error) {
	o.Batch, o.Threads, o.Seed = t.options.Batch, t.options.Threads, t.options.Seed
	l, err := Load[float32](m, LoadOptions{Options: o, Shape: t.options.Shape})
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, l.Model().Close)
	return l, nil
}

func (t *tuning) run() (*Model, error) {
	original, err := t.load(t.original, nn.Options{Inference: true})
	if err != nil {
		return nil, err
	}
	t.teacher = original.Model()
	if err := t.checkSamples(); err != nil {
		return nil, err
	}
	swapped := t.original.Clone()
	if t.report.Swap, err = swapped.Swap(t.options.Swap); err != nil {
		return nil, err
	}
	first, err := t.load(swapped, nn.Options{Inference: true})
	if err != nil {
		return nil, err
	}
	layers, err := layersOf(original, first)
	if err != nil {
		return nil, err
	}
	if err := t.evaluate("original", t.teacher); err != nil {
		return nil, err
	}
	if err := t.evaluate("swapped", first.Model()); err != nil {
		return nil, err
	}
	network := first.Model().Network()
	if err := t.calibrate(network, layers); err != nil {
		return nil, err
	}
	student, err := t.train(network, layers)
	if err != nil {
		return nil, err
	}
	return t.result(student, layers)
}

func (t *tuning) checkSamples() error {
	network := t.teacher.Network()
	for _, s := range []data.Samples{t.options.Train, t.options.Test} {
		if s.Size() != network.Input.Size() {
			return fmt.Errorf("onnx: samples have %d values, but the model's input has %v = %d", s.Size(), network.Input, network.Input.Size())
		}
		out := t.teacher.Output()
		if predictions := out.Size() / out[len(out)-1]; !t.options.Unlabeled && s.Predictions() != predictions {
			return fmt.Errorf("onnx: samples have %d labels, but the model makes %d predictions for each", s.Predictions(), predictions)
		}
	}
	return nil
}

// batches calls f with the samples of the order given, batch by batch: their inputs
// and labels are valid until it returns.
func (t *tuning) batches(s data.Samples, order []int, stage string, f func(x []float32, labels []int)) error {
	x, labels := make([]float32, t.options.Batch*s.Size()), make([]int, t.options.Batch*s.Predictions())
	for from := 0; from < len(order); from += t.options.Batch {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		part := order[from:min(from+t.options.Batch, len(order))]
		s.Fill(x[:len(part)*s.Size()], labels[:len(part)*s.Predictions()], part)
		f(x[:len(part)*s.Size()], labels[:len(part)*s.Predictions()])
		t.progress(stage, from+len(part), len(order))
	}
	return nil
}

// first returns the numbers below n.
func first(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// evaluate adds a stage to the report.
func (t *tuning) evaluate(name string, m *nn.Model[float32]) error {
	out := m.Output()
	classes := out[len(out)-1]
	var right, same, predictions int
	var squares, size float64
	err := t.batches(t.options.Test, first(t.options.Test.Len()), "testing: "+name, func(x []float32, labels []int) {
		y, want := m.Predict(x), t.teacher.Predict(x)
		for i := 0; i < len(y); i += classes {
			best := argmax(y[i : i+classes])
			if best == argmax(want[i:i+classes]) {
				same++
			}
			if !t.options.Unlabeled && best == labels[i/classes] {
				right++
			}
			predictions++
		}
		for i, v := range y {
			d := float64(v) - float64(want[i])
			squares += d * d
			size += float64(want[i]) * float64(want[i])
		}
	})
	if err != nil {
		return err
	}
	s := TuneStage{Name: name, Accuracy: float64(right) / float64(predictions), Agreement: float64(same) / float64(predictions), Error: math.Sqrt(squares / size)}
	if t.options.Unlabeled {
		s.Accuracy = math.NaN()
	}
	t.report.Stages = append(t.report.Stages, s)
	return nil
}

func argmax(y []float32) int {
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}

// train trains a network with the calibrated functions and the teacher's weights.
func (t *tuning) train(network nn.Network, layers []*tunedLayer) (*nn.Model[float32], error) {
	o := &t.options
	learn := nn.Fixed
	if o.Learn {
		learn = nn.PerLayer
	}
	student, err := t.model(withFunctions(network, layers, learn), t.teacher, nn.Options{})
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, student.Close)
	if err := t.evaluate("calibrated", student); err != nil || o.Epochs == 0 {
		return student, err
	}
	steps := o.Epochs * ((o.Train.Len() + o.Batch - 1) / o.Batch)
	trainer, err := nn.NewTrainer(student, nn.TrainerOptions{
		Optimizer: nn.Adam(), Schedule: nn.Cosine(o.Rate, o.Rate/100, steps), Loss: nn.MeanSquaredError,
	})
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	for epoch := range o.Epochs {
		name := fmt.Sprintf("epoch %d", epoch+1)
		diverged := false
		err := t.batches(o.Train, data.Permutation(o.Train.Len(), o.Seed, epoch), name, func(x []float32, _ []int) {
			r := trainer.Step(nn.Batch[float32]{X: x, Targets: t.teacher.Predict(x)})
			diverged = diverged || math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0)
		})
		if err != nil {
			return nil, err
		}
		if diverged {
			return nil, fmt.Errorf("onnx: training diverged in epoch %d; take a lower rate than %v", epoch+1, o.Rate)
		}
		if err := t.evaluate(name, student); err != nil {
			return nil, err
		}
	}
	return student, nil
}

// result makes the ONNX model of the student.
func (t *tuning) result(student *nn.Model[float32], layers []*tunedLayer) (*Model, error) {
	m := t.original.Clone()
	activations := student.Activations()
	for _, l := range layers {
		l.Calibrated, l.Tuned = l.to.String(), l.to.String()
		if learned := activations[l.index].Learned; learned != nil {
			params := l.to.Params()
			params[0] = decimal(learned.Value[0])
			f, err := isrlu.New(l.to.Name(), params...)
			if err != nil {
				return nil, fmt.Errorf("onnx: %w", err)
			}
			l.Tuned = f.String()
		}
		swap := t.options.Swap
		swap.From, swap.Nodes, swap.To = nil, []string{l.Node}, l.Tuned
		if l.Tuned == l.From {
			t.report.Layers = append(t.report.Layers, l.TunedLayer)
			continue
		}
		if _, err := m.Swap(swap); err != nil {
			return nil, err
		}
		t.report.Layers = append(t.report.Layers, l.TunedLayer)
	}
	l, err := t.load(m, nn.Options{Inference: true})
	if err != nil {
		return nil, err
	}
	copyWeights(l.Model(), student)
	if err := l.Store(); err != nil {
		return nil, err
	}
	return m, nil
}
