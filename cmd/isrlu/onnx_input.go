package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// onnxInput are the flags of what a model reads.
type onnxInput struct {
	shape     []int
	mean, std []float64 // one for all channels, or one for each
	runtime   string
}

func (o *onnxInput) registerShape(f *pflag.FlagSet) {
	f.IntSliceVar(&o.shape, "shape", nil, "shape of one sample without the batch, in ONNX's order, for models that leave it open; 0 is what the model says")
}

func (o *onnxInput) registerPixels(f *pflag.FlagSet) {
	f.Float64SliceVar(&o.mean, "mean", nil, "mean of pixels/255 that is subtracted, one or one for each channel (default that in the model's metadata, or 0)")
	f.Float64SliceVar(&o.std, "std", nil, "standard deviation of pixels/255 to divide by, likewise (default that in the model's metadata, or 1)")
	for _, name := range []string{"mean", "std"} {
		f.Lookup(name).DefValue = "" // the help says what it is
	}
}

func (o *onnxInput) registerRuntime(f *pflag.FlagSet, what string) {
	f.StringVar(&o.runtime, "onnxruntime", os.Getenv(ort.Variable), "folder with node_modules/onnxruntime-node, "+what)
	f.Lookup("onnxruntime").DefValue = "$" + ort.Variable
}

// checkRuntime makes sure, before long work, that ONNX Runtime is there if it is
// asked for.
func (o *onnxInput) checkRuntime() error {
	if o.runtime == "" {
		return nil
	}
	r, err := ort.Start(o.runtime)
	if err != nil {
		return fmt.Errorf("--onnxruntime: %s", withoutPackage(err.Error()))
	}
	r.Close()
	return nil
}

// checkWritable makes sure, before long work, that a file can be written.
func checkWritable(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("cannot write %s: it is not a regular file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".isrlu-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// takeMetadata gives mean and std, where they were not given, the values in the
// metadata.
func (o *onnxInput) takeMetadata(metadata map[string]string) error {
	for _, f := range []struct {
		key       string
		values    *[]float64
		otherwise float64
	}{{metaMean, &o.mean, 0}, {metaStd, &o.std, 1}} {
		wrong := func(v float64) bool { return !finite(v) || f.key == metaStd && v <= 0 }
		if len(*f.values) > 0 {
			if i := slices.IndexFunc(*f.values, wrong); i >= 0 {
				return usagef("--%s must be finite, and std more than 0, got %v", f.key, (*f.values)[i])
			}
			continue
		}
		*f.values = []float64{f.otherwise}
		text, ok := metadata[f.key]
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || wrong(v) {
			return fmt.Errorf("the model's metadata have the %s %q, expected a number; give it by --%s", f.key, text, f.key)
		}
		*f.values = []float64{v}
	}
	return nil
}

// channels returns the i-th of mean and std for so many channels.
func (o *onnxInput) channels(n int) (mean, std []float32, err error) {
	mean, std = make([]float32, n), make([]float32, n)
	for name, f := range map[string]struct {
		from []float64
		to   []float32
	}{"mean": {o.mean, mean}, "std": {o.std, std}} {
		if len(f.from) != 1 && len(f.from) != n {
			return nil, nil, fmt.Errorf("--%s has %d numbers, but images here have channels: %d; give one number, or one for each", name, len(f.from), n)
		}
		for c := range f.to {
			f.to[c] = float32(f.from[c%len(f.from)])
		}
	}
	return mean, std, nil
}

// A modelReader reads the samples of files for a model: NumPy arrays in ONNX's
// order, and images.
type modelReader struct {
	loaded *onnx.Loaded[float32]
	input  *onnxInput
	image  nn.Shape  // height, width and channels, nil if the model takes no images
	values []float32 // in the engine's order
	from   []source  // of each sample
}

// newModelReader makes a reader; the image size is that of the model's input or, if
// that is a list of features, what the metadata say, or a gray square.
func newModelReader(l *onnx.Loaded[float32], metadata map[string]string, o *onnxInput) *modelReader {
	r := &modelReader{loaded: l, input: o}
	if l.Input().Tokens {
		return r
	}
	switch in := l.Model().Network().Input; len(in) {
	case 3:
		r.image = in
	case 2:
		r.image = nn.Shape{in[0], in[1], 1}
	case 1:
		side := int(math.Sqrt(float64(in[0])))
		image := nn.Shape{side, side, 1}
		var told nn.Shape
		if json.Unmarshal([]byte(metadata[metaImage]), &told) == nil && len(told) == 3 {
			image = told
		}
		if image[0] > 0 && image[1] > 0 && image.Size() == in[0] {
			r.image = image
		}
	}
	return r
}

// readFile appends the samples of a file. Its content says what it is.
func (r *modelReader) readFile(ctx context.Context, name string) error {
	return withFile(ctx, name, func(b *bufio.Reader) error {
		if isNPY(b) {
			return r.readArray(b, name)
		}
		if r.image == nil {
			return errors.New("the model takes no images; give it NumPy arrays (.npy)")
		}
		return r.readImages(b, name)
	})
}

func isNPY(b *bufio.Reader) bool {
	magic, _ := b.Peek(6)
	return string(magic) == "\x93NUMPY"
}

func (r *modelReader) readImages(b *bufio.Reader, name string) error {
	mean, std, err := r.input.channels(r.image[2])
	if err != nil {
		return usage(err)
	}
	var file imageReader
	file.images.Height, file.images.Width, file.images.Channels = r.image[0], r.image[1], r.image[2]
	if err := file.readFrom(b, name); err != nil {
		return err
	}
	for i, v := range file.images.Pixels {
		c := i % len(mean)
		r.values = append(r.values, (float32(v)/255-mean[c])/std[c])
	}
	r.from = append(r.from, file.from...)
	return nil
}

func (r *modelReader) readArray(b io.Reader, name string) error {
	a, err := data.ReadNPY(b, maxValues)
	if err != nil {
		return err
	}
	shape := r.loaded.Input().Shape
	dims := a.Dims
	if len(dims) == len(shape) {
		dims = append([]int{1}, dims...)
	}
	if len(dims) != len(shape)+1 || dims[0] == 0 || !slices.Equal(dims[1:], shape) {
		return fmt.Errorf("the array is %v, but the model takes samples of %v, of which an array holds one, or several as its first dimension", a.Dims, shape)
	}
	if e, ok := r.loaded.Model().Network().Layers[0].(nn.Embedding); ok {
		for i, v := range a.Values {
			if !(v >= 0 && v < float32(e.Tokens) && v == float32(int(v))) {
				return fmt.Errorf("value %d is %v, but the model takes tokens, whole numbers below %d", i, v, e.Tokens)
			}
		}
	}
	x := make([]float32, len(a.Values))
	r.loaded.FromONNX(x, a.Values)
	r.values = append(r.values, x...)
	for i := range dims[0] {
		r.from = append(r.from, source{name, i})
	}
	return nil
}

// readLabelFile reads labels: integers in IDX or NumPy's format.
func readLabelFile(ctx context.Context, name string) (labels []int, err error) {
	err = withFile(ctx, name, func(b *bufio.Reader) error {
		if !isNPY(b) {
			_, values, err := unpackIDX(b)
			if err != nil {
				return errors.New(strings.Replace(err.Error(), "nor PNG", "nor a NumPy array", 1))
			}
			for _, v := range values {
				labels = append(labels, int(v))
			}
			return nil
		}
		a, err := data.ReadNPY(b, maxValues)
		if err != nil {
			return err
		}
		for i, v := range a.Values {
			if !(v >= 0 && v <= 1<<24 && v == float32(int(v))) {
				return fmt.Errorf("label %d is %v, expected a class from 0 on", i, v)
			}
			labels = append(labels, int(v))
		}
		return nil
	})
	return labels, err
}

// checkLabels makes sure that all labels are classes of a model.
func checkLabels(labels []int, file string, l *onnx.Loaded[float32]) error {
	out := l.Model().Output()
	classes := max(2, out[len(out)-1]) // one output tells two classes apart
	for i, label := range labels {
		if label >= classes {
			return fmt.Errorf("%s: label %d is %d, but the model has %d classes", file, i, label, classes)
		}
	}
	return nil
}
