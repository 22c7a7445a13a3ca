package onnx_test

import (
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

func TestExportedBuiltinNetworksComputeWhatTheyDo(t *testing.T) {
	r := onnx.MaybeRuntime(t)
	for _, task := range experiment.Tasks {
		for _, name := range task.Builtins() {
			for _, f := range isrlu.Functions() {
				built, err := experiment.Builtin(task, name)
				if err != nil {
					t.Fatal(err)
				}
				n := experiment.ForClasses(experiment.Choose(built, f.Name), 30)
				if _, err := nn.New[float32](n, nn.Options{Threads: 1, Inference: true}); err != nil {
					continue // recurrent layers take the functions whose gradient follows from the output
				}
				t.Run(task.Name+"/"+name+"/"+f.Name, func(t *testing.T) {
					onnx.ExportAndCompare(t, r, n, onnx.ExportOptions{})
				})
			}
		}
	}
}
