package nn_test

import (
	"os"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// A small network learns handwritten digits. ISRLU_DATA_DIR names the folder with
// MNIST's files.
func TestMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if os.Getenv("ISRLU_DATA_DIR") == "" {
		t.Skip("ISRLU_DATA_DIR does not say where MNIST is")
	}
	set, err := data.Load(t.Context(), "mnist", data.Options{Train: 6000, Test: 2000, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"isrlu", "isrlu:3:learn-channel", "gelu"} {
		m, err := nn.New[float32](nn.Network{Input: nn.Shape{28, 28, 1}, Activation: function, Layers: nn.Sequential{
			nn.Conv2D{Filters: 16, Kernel: nn.Square(5), Stride: nn.Square(2), Padding: nn.Same}, nn.Activation{},
			nn.Conv2D{Filters: 32, Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Same}, nn.Activation{},
			nn.Flatten{}, nn.Dense{Units: 10},
		}}, nn.Options{Batch: 50, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		const epochs, batch = 3, 50
		trainer, err := nn.NewTrainer(m, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: nn.Exponential(.003, .0003, epochs*6000/batch)})
		if err != nil {
			t.Fatal(err)
		}
		x, labels, at := make([]float32, batch*set.Train.Size()), make([]int, batch), make([]int, batch)
		for epoch := range epochs {
			for order := data.Permutation(set.Train.Len(), 1, epoch); len(order) > 0; order = order[batch:] {
				set.Train.Fill(x, labels, order[:batch])
				trainer.Step(nn.Batch[float32]{X: x, Labels: labels})
			}
		}
		right := 0
		for from := 0; from < set.Test.Len(); from += batch {
			for i := range at {
				at[i] = from + i
			}
			set.Test.Fill(x, labels, at)
			right += m.Evaluate(nn.Batch[float32]{X: x, Labels: labels}, nn.SoftmaxCrossEntropy).Correct
		}
		accuracy := float64(right) / float64(set.Test.Len())
		t.Logf("%s: %.2f %%", function, 100*accuracy)
		if accuracy < .91 {
			t.Errorf("%s: the accuracy is %.2f %%, want 91 %%", function, 100*accuracy)
		}
	}
}
