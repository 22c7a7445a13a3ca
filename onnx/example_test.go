package onnx_test

import (
	"fmt"

	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// model exports a small network with one ELU.
func model() (*onnx.Model, error) {
	m, err := nn.New[float32](nn.Network{
		Input:  nn.Shape{4},
		Layers: nn.Sequential{nn.Dense{Units: 3}, nn.Activation{Function: "elu"}, nn.Dense{Units: 2}},
	}, nn.Options{Seed: 1})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return onnx.Export(m, onnx.ExportOptions{})
}

// Swap puts a function in the place of another one; the file stays one that every
// ONNX runtime runs.
func ExampleModel_Swap() {
	m, err := model()
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := m.Swap(onnx.SwapOptions{From: []string{"elu"}, To: "isrlu"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("swapped:", len(done.Swapped))
	for _, a := range m.Info().Activations {
		fmt.Println("now:", a.Kind)
	}
	// Output:
	// swapped: 1
	// now: isrlu
}

// Load runs a model in package nn.
func ExampleLoad() {
	m, err := model()
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := onnx.Load[float32](m, onnx.LoadOptions{Options: nn.Options{Batch: 2, Inference: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	outputs := l.Model().Predict([]float32{0, 0, 0, 0, 1, 1, 1, 1}) // two samples
	fmt.Println(len(outputs), outputs[:2])
	// Output: 4 [0 0]
}
