package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu/data"
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
	// Learn trains alpha too, one for each layer, where there are epochs.
	Learn bool
	// Epochs over Train; none if 0.
	Epochs int
	// Batch is the number of samples of a step; 100 if 0.
	Batch int
	// Rate is the first learning rate of Adam, which falls to a hundredth of it along
	// half a cosine; 3e-4 if 0.
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
	// labels; NaN without labels, and then not in JSON. A prediction is the class of
	// the largest output or, of a single one, 1 where it is more than 0 before a final
	// sigmoid, else 0.
	Accuracy float64 `json:"accuracy"`
	// Agreement is the part of the predictions that are those of the original.
	Agreement float64 `json:"agreement"`
	// Error is the root of the mean squared difference of the outputs from those of
	// the original, before a final softmax, divided by the root of their mean square.
	Error float64 `json:"error"`
}

// MarshalJSON leaves out an accuracy that is not known, as JSON has no NaN.
func (s TuneStage) MarshalJSON() ([]byte, error) {
	type stage TuneStage
	known := struct {
		stage
		Accuracy *float64 `json:"accuracy,omitempty"`
	}{stage: stage(s)}
	if !math.IsNaN(s.Accuracy) {
		known.Accuracy = &s.Accuracy
	}
	return json.Marshal(known)
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
	// calibration samples, or on 500 where there are none: in the original; with the
	// function Swapped, on what the layer reads when the layers before it are
	// calibrated; and with Calibrated.
	Original Moments `json:"original_moments"`
	After    Moments `json:"swapped_moments"`
	Matched  Moments `json:"calibrated_moments"`
}

// A TuneReport is what Tune did.
type TuneReport struct {
	// Stages are original, swapped, calibrated (unless alpha was left as it was), each
	// epoch, and stored, where the model's element type holds the weights less exactly
	// than they were trained.
	Stages []TuneStage `json:"stages"`
	// Layers are the activation layers, from the first to the last. Functions inside
	// recurrent nodes, which keep the alpha of Swap.To, are in Swap alone.
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
// The model must be one that [Load] takes, before the swap and after it. Functions
// inside recurrent nodes are swapped too; alpha is neither chosen nor learned there.
// Of several outputs the first is compared and trained. The samples must have the size
// of its input.
//
// Layers that share a constant get their own where there are epochs, with a warning
// in the report.
//
// Equal models, options and samples give equal results, with any number of threads.
// Tune ends with ctx.Err() soon after ctx ends.
func Tune(ctx context.Context, m *Model, o TuneOptions) (*Model, *TuneReport, error) {
	if o.Batch == 0 {
		o.Batch = 100
	}
	if o.Rate == 0 {
		o.Rate = 3e-4
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	t := &tuning{ctx: ctx, options: o, original: m, report: &TuneReport{Layers: []TunedLayer{}}}
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
