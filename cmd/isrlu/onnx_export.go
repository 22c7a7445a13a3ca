package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

func newONNXExportCmd() *cobra.Command {
	var (
		o         onnx.ExportOptions
		output    string
		style     string
		normalize bool
	)
	cmd := &cobra.Command{
		Use:   "export checkpoint",
		Short: "Write a trained network as an ONNX model",
		Long: `export writes the network of a checkpoint of "isrlu train" as an ONNX model.

Its input is called "input": images as batch x channels x height x width (with
--layout nhwc batch x height x width x channels), sequences as batch x time steps x
features, characters as the numbers of their tokens in int64, batch x characters. Its
output is called "output": a logit for each class, or with --softmax its probability.

The model's metadata are those of the checkpoint, by the same names: of images the
names of the classes, and the mean and std by which pixels from 0 to 1 are
normalized, (x - mean)/std; of texts the vocabulary, whose characters are in the order
of their tokens. With --normalize the model normalizes its input itself, and its
metadata have the mean 0 and the std 1.`,
		Example: `  isrlu onnx export digits.safetensors -o digits.onnx
  isrlu onnx export digits.safetensors -o digits.onnx --normalize --softmax --layout nhwc
  isrlu onnx export prose.safetensors -o prose.onnx --opset 15 --batch 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usagef("--output is missing; name the file to write, such as -o %s", strings.TrimSuffix(args[0], ".safetensors")+".onnx")
			}
			var err error
			if o.Style, err = onnx.ParseStyle(style); err != nil {
				return usagef("--style: %s", withoutPackage(err.Error()))
			}
			if err := o.Check(); err != nil {
				return usagef("%s", withoutPackage(err.Error()))
			}
			network, metadata, err := nn.Load[float32](args[0], nn.Options{Threads: 1, Inference: true})
			if err != nil {
				return err
			}
			defer network.Close()
			if normalize {
				mean, std, err := readNormalization(metadata)
				if err != nil {
					return fmt.Errorf("--normalize: the checkpoint %s: %w", args[0], err)
				}
				o.Mean, o.Std = float64(mean), float64(std)
				metadata[metaMean], metadata[metaStd] = "0", "1"
			}
			o.Metadata = exportedMetadata(metadata)
			model, err := onnx.Export(network, o)
			if err != nil {
				return fmt.Errorf("the checkpoint %s: %s", args[0], withoutPackage(err.Error()))
			}
			return model.Write(output)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&output, "output", "o", "", "file to write")
	f.IntVar(&o.Opset, "opset", 17, "version of ONNX's operators, from 13 to 26")
	f.IntVar(&o.Batch, "batch", 0, "samples of a run (default any number)")
	f.StringVar(&o.InputLayout, "layout", "nchw", "layout of images: nchw, nhwc")
	f.BoolVar(&o.Softmax, "softmax", false, "put out probabilities")
	f.BoolVar(&normalize, "normalize", false, "take pixels from 0 to 1 and normalize them in the model")
	f.StringVar(&style, "style", "primitive", "how functions are written that ONNX lacks, such as ISRLU: primitive (in ONNX's operators), function (a node with its definition in the model), custom (a node alone)")
	completeOne(cmd, "style", []string{"primitive", "function", "custom"})
	completeOne(cmd, "layout", []string{"nchw", "nhwc"})
	return cmd
}

// exportedMetadata are those of a checkpoint that say what the model's input and
// output mean.
func exportedMetadata(checkpoint map[string]string) map[string]string {
	metadata := map[string]string{}
	for _, key := range []string{metaImage, metaClasses, metaMean, metaStd, metaTask, metaVocabulary, metaWindow} {
		if v, ok := checkpoint[key]; ok {
			metadata[key] = v
		}
	}
	return metadata
}
