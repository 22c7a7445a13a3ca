// Package experiment trains the same network once for each activation function,
// from the same weights on the same batches, and says what the numbers carry.
// It runs what `isrlu compare` asks for: settings in, results out. Drawing and
// printing them is the work of package report and of the command.
package experiment

import "encoding/json"

// A Result is everything that a comparison found. It is written as JSON and read
// back without loss.
type Result struct {
	Settings    Settings    `json:"settings"`
	Environment Environment `json:"environment"`
	// Layers of the network, in order.
	Layers []Layer `json:"layers"`
	// Parameters is the number of weights, without those of activations.
	Parameters int `json:"parameters"`
	// Runs holds one run for each activation and seed, seed by seed.
	Runs []Run `json:"runs"`
	// Units describes the units of hardware among the activations, in their order.
	Units []Unit `json:"units,omitempty"`
	// Costs holds one entry for each activation, in the order of
	// Settings.Activations; empty if the timing was left out.
	Costs []Cost `json:"costs"`
	// Entropy is the number of bits per character of the test text that no model can
	// save, where that is known, or 0.
	Entropy float64 `json:"entropy_bits_per_char,omitempty"`
	// Interrupted tells that some runs are missing or not finished.
	Interrupted bool `json:"interrupted,omitempty"`
	// Seconds is the time of the whole comparison.
	Seconds float64 `json:"seconds"`
}

// Settings are what a comparison was asked for.
type Settings struct {
	Task              string          `json:"task,omitempty"`        // one of Tasks; images if empty
	Network           string          `json:"network"`               // built-in name or file
	Description       json.RawMessage `json:"description,omitempty"` // the network as a JSON file holds it
	Activations       []string        `json:"activations"`           // as given, such as "isrlu:3" and "isrlu:learn"
	Data              string          `json:"data"`
	Train             int             `json:"train"` // samples: images, or windows of a text
	Test              int             `json:"test"`
	Window            int             `json:"window,omitempty"`      // characters of a window
	TrainChars        int             `json:"train_chars,omitempty"` // of the text that windows are cut from
	TestChars         int             `json:"test_chars,omitempty"`
	Epochs            int             `json:"epochs"`
	Batch             int             `json:"batch"`
	Seeds             []uint64        `json:"seeds"`
	Threads           int             `json:"threads"`
	Optimizer         string          `json:"optimizer"` // such as "adam"
	Schedule          string          `json:"schedule"`  // such as "exponential"
	LearningRate      float64         `json:"learning_rate"`
	FinalLearningRate float64         `json:"final_learning_rate"`
	WeightDecay       float64         `json:"weight_decay,omitempty"`
	ClipNorm          float64         `json:"clip_norm,omitempty"`
	Direct            bool            `json:"direct,omitempty"` // no convolution by Winograd's algorithms
	// Target of EpochsToTarget: the test accuracy, in [0, 1], or on a text the bits
	// per character, where 0 means none.
	Target float64 `json:"target"`
}

// Environment is where a comparison ran.
type Environment struct {
	Processor string `json:"processor"`
	SIMD      string `json:"simd"`
	GoVersion string `json:"go"`
	System    string `json:"system"` // "linux/amd64"
	Cores     int    `json:"cores"`
	Version   string `json:"version"` // of this module
	Started   string `json:"started"` // RFC 3339
}

// A Layer describes one layer of the network as it runs.
type Layer struct {
	Name       string `json:"name"`  // such as "2 conv2d"
	Kind       string `json:"kind"`  // such as "conv2d"
	Output     []int  `json:"shape"` // of one sample: height, width, channels; or features
	Parameters int    `json:"parameters"`
	MACs       int64  `json:"macs"` // multiply-adds of one sample's forward pass
}

// A Run is one network's training.
type Run struct {
	Activation string  `json:"activation"` // one of Settings.Activations
	Seed       uint64  `json:"seed"`
	Epochs     []Epoch `json:"epochs"`
	// TestLosses holds the mean loss of each full batch of a test text at the end:
	// the same pieces of text for all runs.
	TestLosses []float64 `json:"test_losses,omitempty"`
	// Diverged tells that the loss became NaN or infinite, in the epoch after
	// the last of Epochs.
	Diverged bool `json:"diverged,omitempty"`
	// Interrupted tells that the run was stopped before its last epoch.
	Interrupted bool `json:"interrupted,omitempty"`
	// Activations holds what each activation layer put out on test samples at
	// the end, for the first seed alone.
	Activations []Histogram `json:"histograms,omitempty"`
	// Alphas holds the learned parameters of activation layers, if any.
	Alphas []Learned `json:"alphas,omitempty"`
	// Digest is that of the final weights: equal digests are equal bits.
	Digest string `json:"digest,omitempty"`
}

// An Epoch holds the measures after one pass over the training set.
type Epoch struct {
	Epoch         int     `json:"epoch"` // from 1
	LearningRate  float64 `json:"learning_rate"`
	TrainLoss     float64 `json:"train_loss"`     // mean cross-entropy, nats
	TrainAccuracy float64 `json:"train_accuracy"` // in [0, 1], while training
	TestLoss      float64 `json:"test_loss"`
	TestAccuracy  float64 `json:"test_accuracy"`
	Seconds       float64 `json:"seconds"` // training alone
	// ImagesPerSecond is of images, CharactersPerSecond of texts.
	ImagesPerSecond     float64 `json:"images_per_s,omitempty"`
	CharactersPerSecond float64 `json:"chars_per_s,omitempty"`
}

// A Histogram counts the outputs of one activation layer in equal bins over
// [From, To].
type Histogram struct {
	Layer  string  `json:"layer"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Counts []int   `json:"counts"`
	Below  int     `json:"below"` // outputs less than From
	Above  int     `json:"above"` // outputs greater than To
	Mean   float64 `json:"mean"`
	Std    float64 `json:"std"`
	Zero   float64 `json:"zero"` // share of outputs that are exactly 0
}

// Learned holds the parameters that one activation layer learned: one value, or
// one for each channel.
type Learned struct {
	Layer  string    `json:"layer"`
	Name   string    `json:"name"` // such as "alpha"
	Values []float64 `json:"values"`
}

// A Cost is what one activation costs, measured after the training with all
// activations taking turns, so that a slow minute hits all of them alike.
type Cost struct {
	Activation string `json:"activation"`
	// Step and Inference are milliseconds for one batch: median and quartiles.
	Step      Spread `json:"step_ms"`
	Inference Spread `json:"inference_ms"`
	// StepShare and InferenceShare are the parts of the time, in [0, 1], that go
	// away when the activation layers do nothing: medians of paired differences. They
	// are 0 where recurrent layers have gates, which no layer stands for.
	StepShare      float64 `json:"step_share"`
	InferenceShare float64 `json:"inference_share"`
	// BytesKept is what the forward pass of a training step of one batch keeps
	// for the backward pass; BytesForActivation the part that only the
	// activation's backward pass needs, such as a pre-activation.
	BytesKept          int64 `json:"bytes_kept"`
	BytesForActivation int64 `json:"bytes_for_activation"`
	// FromOutput tells that the backward pass works in place, from the output.
	FromOutput bool `json:"from_output"`
}

// A Spread is a median with its quartiles.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}
