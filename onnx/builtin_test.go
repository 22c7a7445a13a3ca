package onnx_test

import (
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/experiment"
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
				recurrent := name == "lstm" || name == "gru"
				if recurrent && !isrlu.Must(isrlu.New(f.Name)).HasBackwardFromOutput() {
					continue // no function for recurrent layers
				}
				t.Run(task.Name+"/"+name+"/"+f.Name, func(t *testing.T) {
					onnx.ExportAndCompare(t, r, n, onnx.ExportOptions{})
				})
			}
		}
	}
}
