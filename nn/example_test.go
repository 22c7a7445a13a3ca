package nn_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// Train a small network on digits and count its right answers.
func Example() {
	set, err := data.Load(context.Background(), "digits", data.Options{Train: 1000, Test: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := nn.New[float32](nn.Network{
		Input: nn.Shape{28, 28, 1},
		Layers: nn.Sequential{
			nn.Conv2D{Filters: 8, Kernel: nn.Square(5), Stride: nn.Square(2), Padding: nn.Same},
			nn.Activation{Function: "isrlu:learn"}, // alpha is a weight
			nn.Flatten{},
			nn.Dense{Units: 10},
		},
	}, nn.Options{Batch: 50, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	const epochs = 5
	steps := epochs * set.Train.Len() / model.Batch()
	trainer, err := nn.NewTrainer(model, nn.TrainerOptions{
		Optimizer: nn.Adam(), Schedule: nn.Cosine(.003, .0001, steps),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	x, labels := make([]float32, 50*set.Train.Size()), make([]int, 50)
	for epoch := range epochs {
		order := data.Permutation(set.Train.Len(), 1, epoch)
		for ; len(order) > 0; order = order[50:] {
			set.Train.Fill(x, labels, order[:50])
			trainer.Step(nn.Batch[float32]{X: x, Labels: labels})
		}
	}

	right := 0
	for from := 0; from < set.Test.Len(); from += 50 {
		indices := data.Permutation(set.Test.Len(), 0, 0)[from : from+50]
		set.Test.Fill(x, labels, indices)
		right += model.Evaluate(nn.Batch[float32]{X: x, Labels: labels}, nn.SoftmaxCrossEntropy).Correct
	}
	fmt.Println("more than two thirds are right:", right > 66)
	// Output: more than two thirds are right: true
}

// A network's description may be a file.
func ExampleReadNetwork() {
	network, err := nn.ReadNetwork(strings.NewReader(`{
		"input": [28, 28, 1],
		"activation": "isrlu:3",
		"layers": [
			{"type": "flatten"},
			{"type": "dense", "units": 100},
			{"type": "activation"},
			{"type": "dense", "units": 10}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := nn.New[float32](network, nn.Options{Batch: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	for _, layer := range model.Layers() {
		fmt.Println(layer.Name, layer.Output, layer.Parameters)
	}
	// Output:
	// 1.flatten [784] 0
	// 2.dense [100] 78500
	// 3.activation [100] 0
	// 4.dense [10] 1010
}

// The error for a description that cannot be is about the layer.
func ExampleNew_error() {
	_, err := nn.New[float32](nn.Network{
		Input: nn.Shape{8, 8, 3},
		Layers: nn.Sequential{
			nn.Conv2D{Filters: 4, Kernel: nn.Square(3)},
			nn.MaxPool{Size: nn.Square(7)},
		},
	}, nn.Options{})
	fmt.Println(err)
	// Output: nn: layer 2 (max_pool): the window of 7x7 is larger than the input of 6x6
}
