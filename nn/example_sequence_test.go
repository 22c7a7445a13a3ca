package nn_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// Train a recurrent network to go on with a text, and let it write one character at a
// time.
func ExampleStepper() {
	const window = 24
	text := strings.Repeat("to be or not to be, ", 20)
	characters, err := data.NewVocabulary(text)
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := characters.Encode(text)
	if err != nil {
		log.Fatal(err)
	}
	model, err := nn.New[float32](nn.Network{
		Input:      nn.Shape{window}, // tokens
		Activation: "isru",           // of the state; its gates are ISRU sigmoids
		Layers: nn.Sequential{
			nn.Embedding{Tokens: characters.Len(), Units: 16, Init: nn.LeCun()},
			nn.GRU{Units: 32},
			nn.Dense{Units: characters.Len()}, // at each step, the next character
		},
	}, nn.Options{Batch: 8, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	trainer, err := nn.NewTrainer(model, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: nn.Constant(.01)})
	if err != nil {
		log.Fatal(err)
	}
	for step := range 150 {
		var b nn.Batch[float32]
		for i := range model.Batch() {
			from := (step + 37*i) % (len(tokens) - window)
			for j := range window {
				b.X = append(b.X, float32(tokens[from+j]))
				b.Labels = append(b.Labels, tokens[from+j+1])
			}
		}
		trainer.Step(b)
	}

	stepper, err := nn.NewStepper(model, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer stepper.Close()
	prompt, err := characters.Encode("or not")
	if err != nil {
		log.Fatal(err)
	}
	written := prompt
	for i := range 32 {
		logits := stepper.Step([]float32{float32(written[i])})
		if i+1 < len(written) {
			continue // it reads the prompt
		}
		next := 0
		for token, v := range logits {
			if v > logits[next] {
				next = token
			}
		}
		written = append(written, next)
	}
	fmt.Println(characters.Decode(written))
	// Output: or not to be, to be or not to be,
}
