package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/report"
)

// onnxTuneFlags are the flags of onnx tune.
type onnxTuneFlags struct {
	onnxInput
	onnx.TuneOptions
	style, output string
	data, dir     string
	train, test   int
	// Files, in place of data.
	inputs, labels, testInputs, testLabels string

	noBench bool
	perCell time.Duration
	format  string
}

func newONNXTuneCmd() *cobra.Command {
	var o onnxTuneFlags
	cmd := &cobra.Command{
		Use:   "tune model",
		Short: "Swap the activations of an ONNX model and bring its accuracy back",
		Long: `tune swaps activation functions of a trained model, as "isrlu onnx swap" does, and
repairs what that costs, in this engine. For each layer it chooses alpha so that
mean and standard deviation of the layer's output, on some training samples, come
nearest to those of the original. Then it trains all weights for some epochs to give
the original's outputs: the labels have no part in that, and samples without labels
will do. Functions inside LSTM, GRU and RNN nodes are swapped and trained with, but keep
the parameters that --to has.

The samples are a set of images (--data) or files: NumPy arrays in the order that the
model has, the samples as the first dimension, or IDX images; labels are in NumPy or
IDX files. Without --test-inputs the last tenth of --inputs is for testing.

It prints, after each step, the accuracy on the test samples, the part of the answers
that are the original's ("agreement"), and how far the outputs are from the
original's ("error": the root mean square of the differences relative to that of the
outputs); each layer's functions and moments; and the time of both models in this
engine and, with --onnxruntime or ISRLU_ONNXRUNTIME in the environment, in ONNX
Runtime. A sample's answer is the class of the largest output or, of a single output,
whether it is more than 0 before a final sigmoid. With --format csv it prints the steps
alone, with json everything as one object.

The output file appears whole or not at all, when the training is done.`,
		Example: `  isrlu onnx tune elu.onnx --from Elu --to isrlu -o isrlu.onnx
  isrlu onnx tune model.onnx --from Relu --to isrlu --data mnist --epochs 1 -o tuned.onnx --onnxruntime .
  isrlu onnx tune model.onnx --from Tanh --to isru --inputs x.npy --labels y.npy --epochs 3 -o tuned.onnx`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.output, "output", "o", "", "file to write the tuned model to")
	f.StringSliceVar(&o.Swap.From, "from", nil, "kinds of activations to swap, such as Elu,Relu; see isrlu onnx info")
	f.StringVar(&o.Swap.To, "to", "isrlu", "function that takes their place, such as isrlu:3")
	f.StringArrayVar(&o.Swap.Nodes, "node", nil, "swap the nodes of this name or pattern alone; may be repeated")
	f.StringVar(&o.style, "style", "primitive", "how the function is written: primitive, function or custom; see isrlu onnx swap")
	f.StringVar(&o.data, "data", "digits", "samples: "+strings.Join(data.Names(), ", "))
	f.StringVar(&o.dir, "data-dir", "", "folder of the set's IDX files (default ISRLU_DATA_DIR, then the user's cache)")
	f.IntVar(&o.train, "train-images", 0, "use the first so many training images of --data (default all)")
	f.IntVar(&o.test, "test-images", 0, "use the first so many test images of --data (default all)")
	f.StringVar(&o.inputs, "inputs", "", "file with training samples, in place of --data")
	f.StringVar(&o.labels, "labels", "", "file with their labels")
	f.StringVar(&o.testInputs, "test-inputs", "", "file with test samples")
	f.StringVar(&o.testLabels, "test-labels", "", "file with their labels")
	o.registerPixels(f)
	o.registerShape(f)
	f.IntVar(&o.Calibration, "calibration", 500, "training samples to choose alpha from; 0 leaves it as --to has it")
	f.BoolVar(&o.Learn, "learn", false, "train alpha too, one for each layer")
	f.IntVar(&o.Epochs, "epochs", 1, "epochs to train; 0 for none")
	f.IntVar(&o.Batch, "batch", 100, "samples of a step")
	f.Float64Var(&o.Rate, "lr", 0.0003, "first learning rate of Adam, which falls to a hundredth")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the order of the samples")
	f.IntVar(&o.Threads, "threads", 0, "cores to train on (default all)")
	o.registerRuntime(f, "to measure ONNX Runtime too")
	f.BoolVar(&o.noBench, "no-bench", false, "do not measure the time")
	f.DurationVar(&o.perCell, "time", experiment.DefaultNetworkTime, "time to measure each model for, in each runtime")
	registerFormat(f, &o.format)
	complete(cmd, "data", data.Names())
	complete(cmd, "from", onnx.Kinds())
	complete(cmd, "to", functionNames())
	completeOne(cmd, "style", []string{"primitive", "function", "custom"})
	completeOne(cmd, "format", report.Formats)
	return cmd
}

// check makes sure of the flags before any work is done.
func (o *onnxTuneFlags) check(cmd *cobra.Command) error {
	// Functions such as dyisru:2,0.5 have a comma of their own.
	o.Swap.From = call.SplitSpecs(strings.Join(o.Swap.From, ","))
	var err error
	if o.Swap.Style, err = onnx.ParseStyle(o.style); err != nil {
		return usagef("--style: %s", withoutPackage(err.Error()))
	}
	files := o.inputs != "" || o.labels != "" || o.testInputs != "" || o.testLabels != ""
	switch {
	case o.output == "":
		return usagef("--output is missing; name the file to write the tuned model to")
	case o.Calibration < 0 || o.Epochs < 0 || o.Epochs > 10000:
		return usagef("--calibration must not be negative and --epochs be from 0 to 10000, got %d and %d", o.Calibration, o.Epochs)
	case o.Batch < 1 || o.Batch > 1e5 || o.Threads < 0 || o.Threads > 1<<12:
		return usagef("--batch must be from 1 to 100000 and --threads from 0 to %d, got %d and %d", 1<<12, o.Batch, o.Threads)
	case o.Learn && o.Epochs == 0:
		return usagef("--learn trains alpha, for which there must be --epochs")
	case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
		return usagef("--lr must be positive and finite, got %v", o.Rate)
	case o.train < 0 || o.test < 0:
		return usagef("--train-images and --test-images must not be negative, got %d and %d", o.train, o.test)
	case files && o.inputs == "":
		return usagef("--inputs is missing, the file with the training samples")
	case files && slices.ContainsFunc([]string{"data", "data-dir", "train-images", "test-images"}, cmd.Flags().Changed):
		return usagef("give either --data, with --data-dir, --train-images and --test-images, or files of samples")
	case o.testLabels != "" && o.testInputs == "":
		return usagef("--test-inputs is missing, the file with the samples of --test-labels")
	case o.testInputs != "" && (o.labels == "") != (o.testLabels == ""):
		return usagef("give labels of both the training and the test samples, or of neither")
	}
	if o.Calibration == 0 {
		o.Calibration = -1
	}
	if err := o.Swap.Check(); err != nil {
		return usagef("%s", withoutPackage(err.Error()))
	}
	return checkCellTime(o.perCell)
}

// checkEnds makes sure, before the training, of what comes after it.
func (o *onnxTuneFlags) checkEnds(path string) error {
	if err := checkWritable(o.output); err != nil {
		return err
	}
	if o.noBench {
		return nil
	}
	in, err := os.Stat(path)
	if err != nil {
		return err
	}
	if out, err := os.Stat(o.output); err == nil && os.SameFile(in, out) {
		return usagef("--output is the model itself, whose time is measured when the other is written; name another file or give --no-bench")
	}
	return o.checkRuntime()
}

func (o *onnxTuneFlags) run(cmd *cobra.Command, path string) error {
	format, err := report.ParseFormat(o.format)
	if err != nil {
		return usage(err)
	}
	if err := o.check(cmd); err != nil {
		return err
	}
	m, err := onnx.Read(path)
	if err != nil {
		return err
	}
	if err := o.takeMetadata(m.Metadata()); err != nil {
		return err
	}
	if err := o.checkEnds(path); err != nil {
		return err
	}
	o.TuneOptions.Shape = o.shape
	if err := o.load(cmd, path, m); err != nil {
		return err
	}
	progress := newTrainingProgress(cmd.ErrOrStderr())
	o.Progress = func(stage string, done, total int) { progress.update(done, total, stage, "") }
	tuned, r, err := onnx.Tune(cmd.Context(), m, o.TuneOptions)
	progress.clear()
	if err != nil {
		return err
	}
	if err := tuned.Write(o.output); err != nil {
		return err
	}
	o.warn(cmd.ErrOrStderr(), r)
	var times []experiment.ModelTime
	if !o.noBench {
		names := modelNames([]string{path, o.output})
		update, clear := newProgress[int](cmd.ErrOrStderr(), "measuring")
		times, err = experiment.TimeModels(cmd.Context(), experiment.ModelTimeOptions{
			Models: []experiment.NamedModel{{Name: names[0], Path: path, Model: m}, {Name: names[1], Path: o.output, Model: tuned}},
			Batch:  o.Batch, Threads: 1, Shape: o.shape, ONNXRuntime: o.runtime, Time: o.perCell, Progress: update,
		})
		clear()
	}
	// What was tuned is told also where the time cannot be.
	if writeErr := writeTune(cmd.OutOrStdout(), r, times, format); err == nil {
		err = writeErr
	}
	if err != nil {
		return err
	}
	return modelProblems(cmd, times)
}

// warn tells what is not as it was asked for.
func (o *onnxTuneFlags) warn(w io.Writer, r *onnx.TuneReport) {
	for _, l := range r.Swap.Left {
		fmt.Fprintf(w, "isrlu: left alone: %s (%s), %s\n", printable(l.Node), l.Kind, printable(l.Reason))
	}
	for _, text := range r.Swap.Warnings {
		fmt.Fprintf(w, "isrlu: warning: %s\n", printable(text))
	}
	begin := slices.IndexFunc(r.Stages, func(s onnx.TuneStage) bool { return s.Name == "epoch 1" })
	if begin < 0 {
		return
	}
	if before, after := r.Stages[begin-1].Error, r.Stages[len(r.Stages)-1].Error; after > before {
		fmt.Fprintf(w, "isrlu: warning: training has made the error larger, from %.4f to %.4f; take more epochs, more samples or a lower --lr than %v\n", before, after, o.Rate)
	}
}

// load loads the samples.
func (o *onnxTuneFlags) load(cmd *cobra.Command, path string, m *onnx.Model) error {
	if o.inputs == "" {
		update, clear := newDownloadProgress(cmd.ErrOrStderr())
		set, err := data.Load(cmd.Context(), o.data, data.Options{Dir: o.dir, Train: o.train, Test: o.test, Progress: update})
		clear()
		if err != nil {
			return err
		}
		train, test := set.Images()
		mean, std, err := o.channels(1)
		if err != nil {
			return usage(err)
		}
		for _, part := range []*data.Images{train, test} {
			part.Mean, part.Std = mean[0], std[0]
		}
		o.Train, o.Test = train, test
		return o.checkSet(path, m, set)
	}
	l, err := onnx.Load[float32](m, onnx.LoadOptions{Options: nn.Options{Threads: 1, Inference: true}, Shape: o.shape})
	if err != nil {
		return fmt.Errorf("%s: %s", path, withoutPackage(err.Error()))
	}
	defer l.Close()
	o.Unlabeled = o.labels == ""
	train, err := o.read(cmd, l, m, o.inputs, o.labels)
	if err != nil {
		return err
	}
	if o.testInputs != "" {
		o.Train = train
		o.Test, err = o.read(cmd, l, m, o.testInputs, o.testLabels)
		return err
	}
	n := train.Len()
	if n < 2 {
		return fmt.Errorf("%s has %d samples; at least 2 are needed, to train on and to test with", o.inputs, n)
	}
	at := n - max(1, n/10)
	o.Train, o.Test = train.Slice(0, at), train.Slice(at, n)
	return nil
}

// checkSet makes sure that a model takes the images of a set, and tells apart as many
// classes as the set has.
func (o *onnxTuneFlags) checkSet(path string, m *onnx.Model, set *data.Set) error {
	l, err := onnx.Load[float32](m, onnx.LoadOptions{Options: nn.Options{Threads: 1, Inference: true}, Shape: o.shape})
	if err != nil {
		return fmt.Errorf("%s: %s", path, withoutPackage(err.Error()))
	}
	defer l.Close()
	if in, size := l.Model().Network().Input, set.Train.Size(); in.Size() != size {
		return fmt.Errorf("%s takes inputs of %d values, but the images of the set %s have %d; give samples of the model's own by --inputs", path, in.Size(), o.data, size)
	}
	if out := l.Model().Output(); out[len(out)-1] < len(set.Classes) {
		return fmt.Errorf("%s has %d outputs, but the set %s has %d classes; give samples of the model's own by --inputs", path, out[len(out)-1], o.data, len(set.Classes))
	}
	return nil
}

// read reads samples and, if there are any, their labels.
func (o *onnxTuneFlags) read(cmd *cobra.Command, l *onnx.Loaded[float32], m *onnx.Model, inputs, labels string) (*data.Numbers, error) {
	r := newModelReader(l, m.Metadata(), &o.onnxInput)
	if err := r.readFile(cmd.Context(), inputs); err != nil {
		return nil, err
	}
	var all []int
	if labels != "" {
		var err error
		if all, err = readLabelFile(cmd.Context(), labels); err != nil {
			return nil, err
		}
		if err := checkLabels(all, labels, l); err != nil {
			return nil, err
		}
	}
	samples, err := data.NewNumbers(r.values, l.Model().Network().Input.Size(), all)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %s", inputs, labels, withoutPackage(err.Error()))
	}
	return samples, nil
}
