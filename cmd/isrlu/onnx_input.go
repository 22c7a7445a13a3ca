package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/onnx"
)

// onnxInput are the flags of what a model reads.
type onnxInput struct {
	shape     []int
	mean, std float64
	runtime   string
}

func (o *onnxInput) registerShape(f *pflag.FlagSet) {
	f.IntSliceVar(&o.shape, "shape", nil, "shape of one sample without the batch, in ONNX's order, for models that leave it open; 0 is what the model says")
}

func (o *onnxInput) registerPixels(f *pflag.FlagSet) {
	f.Float64Var(&o.mean, "mean", math.NaN(), "mean of pixels/255 that is subtracted (default that in the model's metadata, or 0)")
	f.Float64Var(&o.std, "std", math.NaN(), "standard deviation of pixels/255 to divide by (default that in the model's metadata, or 1)")
	for _, name := range []string{"mean", "std"} {
		f.Lookup(name).DefValue = ""
	}
}

func (o *onnxInput) registerRuntime(f *pflag.FlagSet, what string) {
	f.StringVar(&o.runtime, "onnxruntime", os.Getenv(ort.Variable), "folder with node_modules/onnxruntime-node, "+what)
	f.Lookup("onnxruntime").DefValue = "$" + ort.Variable
}

// takeMetadata gives mean and std, where they were not given, the values in the
// metadata.
func (o *onnxInput) takeMetadata(metadata map[string]string) error {
	for _, f := range []struct {
		key       string
		value     *float64
		otherwise float64
	}{{metaMean, &o.mean, 0}, {metaStd, &o.std, 1}} {
		if math.IsNaN(*f.value) {
			*f.value = f.otherwise
			if text, ok := metadata[f.key]; ok {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return fmt.Errorf("the model's metadata have the %s %q, expected a number; give it by --%s", f.key, text, f.key)
				}
				*f.value = v
			}
		}
		if !finite(*f.value) || f.key == metaStd && *f.value <= 0 {
			return usagef("--%s must be a finite number, and std more than 0, got %v", f.key, *f.value)
		}
	}
	return nil
}

// A modelReader reads the samples of files for a model: NumPy arrays in ONNX's
// order, and images.
type modelReader struct {
	imageReader // whose image size is 0 x 0 x 0 if the model takes none
	loaded      *onnx.Loaded[float32]
	values      []float32 // in the engine's order
}

// newModelReader makes a reader; the image size is that of the model's input or, if
// that is a list of features, what the metadata say, or a gray square.
func newModelReader(l *onnx.Loaded[float32], metadata map[string]string, o *onnxInput) *modelReader {
	r := &modelReader{loaded: l}
	r.images.Mean, r.images.Std = float32(o.mean), float32(o.std)
	if l.Input().Tokens {
		return r
	}
	switch in := l.Model().Network().Input; len(in) {
	case 3:
		r.images.Height, r.images.Width, r.images.Channels = in[0], in[1], in[2]
	case 2:
		r.images.Height, r.images.Width, r.images.Channels = in[0], in[1], 1
	case 1:
		side := int(math.Sqrt(float64(in[0])))
		image := []int{side, side, 1}
		var told []int
		if json.Unmarshal([]byte(metadata[metaImage]), &told) == nil && len(told) == 3 {
			image = told
		}
		if image[0]*image[1]*image[2] == in[0] {
			r.images.Height, r.images.Width, r.images.Channels = image[0], image[1], image[2]
		}
	}
	return r
}

// readFile appends the samples of a file. Its content says what it is.
func (r *modelReader) readFile(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewReaderSize(f, 1<<16)
	if magic, _ := b.Peek(6); string(magic) == "\x93NUMPY" {
		if err := r.readArray(b, name); err != nil {
			return fmt.Errorf("%s: %s", name, withoutPackage(err.Error()))
		}
		return nil
	}
	if r.images.Size() == 0 {
		return fmt.Errorf("%s: the model takes no images; give it NumPy arrays (.npy)", name)
	}
	before := r.images.Len()
	if err := r.read(ctx, name); err != nil {
		return err
	}
	n := r.images.Len() - before
	indices := make([]int, n)
	for i := range indices {
		indices[i] = before + i
	}
	x := make([]float32, n*r.images.Size())
	r.images.Fill(x, make([]int, n), indices)
	r.values = append(r.values, x...)
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
	fits := len(dims) == len(shape)+1 && dims[0] > 0
	for i := range shape {
		fits = fits && dims[i+1] == shape[i]
	}
	if !fits {
		return fmt.Errorf("the array is %v, but the model takes samples of %v, of which an array holds one, or several as its first dimension", a.Dims, shape)
	}
	x := make([]float32, len(a.Values))
	r.loaded.FromONNX(x, a.Values)
	r.values = append(r.values, x...)
	for i := range dims[0] {
		r.from = append(r.from, source{name, i})
	}
	// Images count themselves by their labels, and their pixels by where they are.
	r.images.Labels = make([]uint8, len(r.from))
	r.images.Pixels = append(r.images.Pixels, make([]uint8, dims[0]*r.images.Size())...)
	return nil
}

// readLabelFile reads labels: integers in IDX or NumPy's format.
func readLabelFile(name string) ([]int, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := bufio.NewReaderSize(f, 1<<16)
	var labels []int
	if magic, _ := b.Peek(6); string(magic) == "\x93NUMPY" {
		a, err := data.ReadNPY(b, maxValues)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", name, withoutPackage(err.Error()))
		}
		for i, v := range a.Values {
			if v != float32(int(v)) || v < 0 {
				return nil, fmt.Errorf("%s: label %d is %v, expected a class from 0 on", name, i, v)
			}
			labels = append(labels, int(v))
		}
		return labels, nil
	}
	_, values, err := unpackIDX(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "data: "))
	}
	for _, v := range values {
		labels = append(labels, int(v))
	}
	return labels, nil
}
