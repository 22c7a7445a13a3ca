package experiment_test

import (
	"context"
	"fmt"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
)

// Train a network with two functions, twice each, as isrlu compare does.
func ExampleCompare() {
	set, err := data.Load(context.Background(), "digits", data.Options{Train: 500, Test: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := experiment.ParseTask(experiment.ImagesTask)
	if err != nil {
		fmt.Println(err)
		return
	}
	network, err := experiment.Builtin(task, "mlp")
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := experiment.Compare(context.Background(), network, set, experiment.Settings{
		Task: experiment.ImagesTask, Network: "mlp", Activations: []string{"isrlu", "relu"},
		Epochs: 2, Batch: 50, Seeds: []uint64{1, 2},
		Optimizer: "adam", Schedule: "constant", LearningRate: .001,
	}, experiment.Options{NoCosts: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Summaries() {
		fmt.Println(s.Activation, s.Accuracy.Mean > .3)
	}
	// Output:
	// isrlu true
	// relu true
}
