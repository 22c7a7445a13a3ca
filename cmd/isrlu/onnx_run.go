package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// onnxRunFlags are the flags of onnx run.
type onnxRunFlags struct {
	onnxInput
	output, labels string
	name           string
	random         int
	batch, threads int
}

func newONNXRunCmd() *cobra.Command {
	var o onnxRunFlags
	cmd := &cobra.Command{
		Use:   "run model [file...]",
		Short: "Run an ONNX model in this engine",
		Long: `run loads an ONNX model into this engine and runs it on the samples of files:
NumPy arrays (.npy), one sample or several as the first dimension, each in the order
that the model has; IDX files and PNGs, whose pixels are divided by 255 and normalized
by --mean and --std. --random runs it on so many random samples.

It prints a line of JSON for each sample: file, index (in its file, from 0), class
(the index of the largest output, where the output is a list), label (the name of
that class, where the model's metadata have names) and the output, all its numbers in
a list; with -o it writes all outputs as one NumPy array instead, the samples as the
first dimension. With --labels it tells the accuracy on stderr.

With --onnxruntime, or ISRLU_ONNXRUNTIME in the environment, it runs the samples in
ONNX Runtime too, and tells on stderr how far apart the outputs are; more than 1e-3
of the largest output is an error.`,
		Example: `  isrlu onnx run model.onnx digit.png
  isrlu onnx run model.onnx x.npy -o y.npy
  isrlu onnx run model.onnx t10k-images-idx3-ubyte.gz --mean 0.1307 --std 0.3081 --labels t10k-labels-idx1-ubyte.gz
  isrlu onnx run resnet.onnx photo.png --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  isrlu onnx run model.onnx --random 16 --onnxruntime .`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1:]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.output, "output", "o", "", "file to write the outputs to as a NumPy array")
	f.StringVar(&o.labels, "labels", "", "NumPy or IDX file with the labels of all samples, to report the accuracy")
	f.IntVar(&o.random, "random", 0, "run on so many samples of normally distributed numbers, or of random tokens")
	f.StringVar(&o.name, "output-name", "", "output of the model to compute (default the first)")
	o.registerPixels(f)
	o.registerShape(f)
	f.IntVar(&o.batch, "batch", 100, "samples that run at once")
	f.IntVar(&o.threads, "threads", 0, "cores (default all)")
	o.registerRuntime(f, "to compare the outputs with ONNX Runtime's")
	return cmd
}

func (o *onnxRunFlags) run(cmd *cobra.Command, model string, files []string) error {
	switch {
	case o.random < 0 || o.random > 1e6:
		return usagef("--random must be from 0 to 1000000, got %d", o.random)
	case (o.random == 0) == (len(files) == 0):
		return usagef("either name files with samples or give --random")
	case o.random > 0 && o.labels != "":
		return usagef("--labels are those of files, --random makes samples without")
	case o.threads < 0 || o.threads > 1<<12 || o.batch < 1 || o.batch > 1e5:
		return usagef("--threads must be from 0 to %d and --batch from 1 to 100000, got %d and %d", 1<<12, o.threads, o.batch)
	}
	if err := o.checkRuntime(); err != nil {
		return err
	}
	if o.output != "" {
		if err := checkWritable(o.output); err != nil {
			return err
		}
	}
	m, err := onnx.Read(model)
	if err != nil {
		return err
	}
	metadata := m.Metadata()
	if err := o.takeMetadata(metadata); err != nil {
		return err
	}
	l, err := onnx.Load[float32](m, onnx.LoadOptions{
		Options: nn.Options{Batch: o.batch, Threads: o.threads, Inference: true}, Shape: o.shape, Output: o.name,
	})
	if err != nil {
		return fmt.Errorf("%s: %s", model, withoutPackage(err.Error()))
	}
	defer l.Close()
	r := newModelReader(l, metadata, &o.onnxInput)
	for _, name := range files {
		if err := r.readFile(cmd.Context(), name); err != nil {
			return err
		}
	}
	if o.random > 0 {
		r.random(o.random)
	}
	var labels []int
	if o.labels != "" {
		if labels, err = o.readLabels(cmd.Context(), l, len(r.from)); err != nil {
			return err
		}
	}
	y, err := predictAll(cmd.Context(), l, r.values)
	if err != nil {
		return err
	}
	if o.output != "" {
		dims := append([]int{len(r.from)}, l.Output().Shape...)
		err = atomicfile.Replace(o.output, func(w io.Writer) error { return data.WriteNPY(w, dims, y) })
	} else {
		err = writeOutputs(cmd.OutOrStdout(), l, r.from, y, classNames(metadata, l.Output().Shape))
	}
	if err != nil {
		return err
	}
	if labels != nil {
		correct, n := 0, l.Output().Shape[0]
		for i, label := range labels {
			if largest(y[i*n:][:n]) == label {
				correct++
			}
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "accuracy %.2f%%: %d of %d\n", 100*float64(correct)/float64(len(labels)), correct, len(labels))
	}
	if o.runtime == "" {
		return nil
	}
	difference, err := experiment.CompareWithONNXRuntime(cmd.Context(), experiment.NamedModel{Name: model, Path: model, Model: m}, l, r.values, o.runtime)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "largest difference from ONNX Runtime: %.2g of the largest output\n", difference)
	if !(difference <= 1e-3) {
		return fmt.Errorf("the outputs for %s are not those of ONNX Runtime", model)
	}
	return nil
}

// random appends random samples.
func (r *modelReader) random(n int) {
	r.values = append(r.values, experiment.RandomSamples(r.loaded, n)...)
	for i := range n {
		r.from = append(r.from, source{"random", i})
	}
}

// predictAll returns the outputs of samples in ONNX's order.
func predictAll(ctx context.Context, l *onnx.Loaded[float32], x []float32) ([]float32, error) {
	size, batch := l.Model().Network().Input.Size(), l.Model().Batch()
	var all []float32
	for part := range slices.Chunk(x, batch*size) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		y := l.Model().Predict(part)
		out := make([]float32, len(y))
		l.ToONNX(out, y)
		all = append(all, out...)
	}
	return all, nil
}

// readLabels reads the labels of so many samples.
func (o *onnxRunFlags) readLabels(ctx context.Context, l *onnx.Loaded[float32], samples int) ([]int, error) {
	if shape := l.Output().Shape; len(shape) != 1 || shape[0] < 2 {
		return nil, fmt.Errorf("--labels: the output %q is %v for a sample, not a list of classes", l.Output().Name, shape)
	}
	labels, err := readLabelFile(ctx, o.labels)
	if err != nil {
		return nil, err
	}
	if len(labels) != samples {
		return nil, fmt.Errorf("%s has %d labels for %d samples", o.labels, len(labels), samples)
	}
	return labels, checkLabels(labels, o.labels, l)
}

// classNames returns the names of a model's classes, nil if it has none.
func classNames(metadata map[string]string, shape []int) []string {
	var names []string
	if json.Unmarshal([]byte(metadata[metaClasses]), &names) != nil || len(shape) != 1 || len(names) != shape[0] {
		return nil
	}
	return names
}

// largest returns the index of the largest number, the first of equal ones.
func largest(y []float32) int {
	best := 0
	for c, v := range y {
		if cmp.Compare(v, y[best]) > 0 {
			best = c
		}
	}
	return best
}

// writeOutputs writes a line of JSON for each sample.
func writeOutputs(w io.Writer, l *onnx.Loaded[float32], from []source, y []float32, classes []string) error {
	type line struct {
		File   string    `json:"file"`
		Index  int       `json:"index"`
		Class  *int      `json:"class,omitempty"`
		Label  string    `json:"label,omitempty"`
		Output []float32 `json:"output"`
	}
	shape := l.Output().Shape
	size := len(y) / len(from)
	b := bufio.NewWriter(w)
	encoder := json.NewEncoder(b)
	for i, s := range from {
		out := y[i*size:][:size]
		if slices.ContainsFunc(out, func(v float32) bool { return !finite(float64(v)) }) {
			b.Flush()
			return fmt.Errorf("the output for sample %d of %s is not finite; with -o it is written as it is", s.index, s.file)
		}
		row := line{File: s.file, Index: s.index, Output: out}
		if len(shape) == 1 && size > 1 {
			best := largest(out)
			row.Class = &best
			if classes != nil {
				row.Label = classes[best]
			}
		}
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return b.Flush()
}
