package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/nn"
)

func newPredictCmd() *cobra.Command {
	var (
		top     int
		labels  string
		threads int
		batch   int
		unit    string
	)
	cmd := &cobra.Command{
		Use:   "predict checkpoint file...",
		Short: "Tell the classes of images with a trained network",
		Long: `predict runs the network of a checkpoint of "isrlu train" on images: IDX files,
plain or compressed by gzip, and PNG files, one image each. PNGs become gray or
RGB as the network wants it, what is transparent becomes black; an image of
another size is an error. Pixels are normalized as in the training.

It prints a line of JSON for each image: file, index (in its file, from 0),
class, label (the name of the class) and the probabilities of all classes, or
with --top the most probable ones. With --labels it counts right answers and
reports them on stderr. All files are read before the first line is printed.

--unit runs the activations bit by bit as hardware units in a number format would: it
tells what the hardware costs a trained network.`,
		Example: `  isrlu predict digits.safetensors seven.png
  isrlu predict mnist.safetensors t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz --top 1
  isrlu predict fashion.safetensors *.png --top 3
  isrlu predict digits.safetensors seven.png --unit q4.11`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 0 {
				return usagef("--top must not be negative, got %d", top)
			}
			if threads < 0 || threads > 1<<12 || batch < 1 || batch > 1e5 {
				return usagef("--threads must be from 0 to %d and --batch from 1 to 100000, got %d and %d", 1<<12, threads, batch)
			}
			if unit != "" {
				if _, err := hdl.ParseSpec("isrlu@" + unit); err != nil {
					return usagef("--unit: %s", strings.TrimPrefix(err.Error(), "hdl: "))
				}
			}
			p, err := loadPredictor(args[0], nn.Options{
				Batch: batch, Threads: threads, Inference: true, Unit: unit, Units: unitLibrary(cmd.ErrOrStderr()),
			})
			if err != nil {
				return err
			}
			defer p.model.Close()
			for _, name := range args[1:] {
				if err := p.read(cmd.Context(), name); err != nil {
					return err
				}
			}
			if labels != "" {
				if err := p.readLabels(cmd.Context(), labels); err != nil {
					return err
				}
			}
			w := bufio.NewWriter(cmd.OutOrStdout())
			correct, err := p.run(cmd.Context(), w, top)
			if flushErr := w.Flush(); err == nil {
				err = flushErr
			}
			if err == nil && labels != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "accuracy %.2f%%: %d of %d\n", 100*float64(correct)/float64(p.images.Len()), correct, p.images.Len())
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&top, "top", 0, "print the most probable classes only, so many (default the probabilities of all)")
	f.StringVar(&labels, "labels", "", "IDX file with the labels of all images, to report the accuracy")
	f.StringVar(&unit, "unit", "", "run the activations by hardware units in this format, such as q4.11 or q3.4:2ulp")
	f.IntVar(&batch, "batch", 100, "images that run at once")
	f.IntVar(&threads, "threads", 0, "cores (default all)")
	return cmd
}

// A predictor is a trained network with the images that it is to see.
type predictor struct {
	imageReader
	model   *nn.Model[float32]
	classes []string
}

func loadPredictor(path string, o nn.Options) (*predictor, error) {
	model, metadata, err := nn.Load[float32](path, o)
	if err != nil {
		return nil, err
	}
	if metadata[metaTask] == experiment.CharsTask {
		model.Close()
		return nil, fmt.Errorf("the checkpoint %s is of a network that predicts characters, not the classes of images; \"isrlu generate\" writes text with it", path)
	}
	p := &predictor{model: model}
	if err := p.describe(metadata); err != nil {
		model.Close()
		return nil, fmt.Errorf("the checkpoint %s: %w; predict takes what isrlu train writes", path, err)
	}
	return p, nil
}

// describe takes what train wrote about the images.
func (p *predictor) describe(metadata map[string]string) (err error) {
	if p.images.Mean, p.images.Std, err = readNormalization(metadata); err != nil {
		return err
	}
	var image []int
	if err := json.Unmarshal([]byte(metadata[metaImage]), &image); err != nil || len(image) != 3 {
		return fmt.Errorf("its metadata has %s %q, expected height, width and channels", metaImage, metadata[metaImage])
	}
	p.images.Height, p.images.Width, p.images.Channels = image[0], image[1], image[2]
	if slices.Min(image) < 1 || image[2] > 4 {
		return fmt.Errorf("its metadata has %s %q, expected positive numbers", metaImage, metadata[metaImage])
	}
	if err := experiment.Fits(p.model.Network().Input, &p.images); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(metadata[metaClasses]), &p.classes); err != nil {
		return fmt.Errorf("its metadata has %s %q, expected a list of names", metaClasses, metadata[metaClasses])
	}
	if got, want := len(p.classes), p.model.Output().Size(); got != want {
		return fmt.Errorf("its metadata names %d classes, but the network has %d outputs", got, want)
	}
	return nil
}

// readNormalization reads how train has normalized pixels from 0 to 1.
func readNormalization(metadata map[string]string) (mean, std float32, err error) {
	for key, to := range map[string]*float32{metaMean: &mean, metaStd: &std} {
		v, err := strconv.ParseFloat(metadata[key], 32)
		if err != nil || !finite(v) || key == metaStd && v <= 0 {
			return 0, 0, fmt.Errorf("its metadata has %s %q, expected a number", key, metadata[key])
		}
		*to = float32(v)
	}
	return mean, std, nil
}

// A prediction is a line of output.
type prediction struct {
	File          string        `json:"file"`
	Index         int           `json:"index"`
	Class         int           `json:"class"`
	Label         string        `json:"label"`
	Probabilities []float32     `json:"probabilities,omitempty"`
	Top           []probability `json:"top,omitempty"`
}

type probability struct {
	Class       int     `json:"class"`
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
}

// run predicts all images and returns how many answers are those of the labels.
func (p *predictor) run(ctx context.Context, w io.Writer, top int) (correct int, err error) {
	size, classes, batch := p.images.Size(), len(p.classes), p.model.Batch()
	x, labels, indices := make([]float32, batch*size), make([]int, batch), make([]int, batch)
	all := make([]float64, classes)
	out := json.NewEncoder(w)
	for from := 0; from < p.images.Len(); from += batch {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := min(batch, p.images.Len()-from)
		for i := range n {
			indices[i] = from + i
		}
		p.images.Fill(x[:n*size], labels[:n], indices[:n])
		y := p.model.Predict(x[:n*size])
		for i := range n {
			s := p.from[from+i]
			nn.Softmax(all, y[i*classes:][:classes])
			if slices.ContainsFunc(all, math.IsNaN) {
				return 0, fmt.Errorf("predict: the network's output for image %d of %s is not finite: its training diverged", s.index, s.file)
			}
			line := prediction{File: s.file, Index: s.index}
			order := ranking(all)
			line.Class, line.Label = order[0], p.classes[order[0]]
			if line.Class == labels[i] {
				correct++
			}
			if top == 0 {
				for _, v := range all {
					line.Probabilities = append(line.Probabilities, float32(v))
				}
			} else {
				for _, c := range order[:min(top, classes)] {
					line.Top = append(line.Top, probability{c, p.classes[c], float32(all[c])})
				}
			}
			if err := out.Encode(line); err != nil {
				return 0, err
			}
		}
	}
	return correct, nil
}

// ranking returns the classes by falling probability; of equal ones the first
// comes first.
func ranking(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	return order
}
