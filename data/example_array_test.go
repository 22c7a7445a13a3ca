package data_test

import (
	"bytes"
	"fmt"

	"github.com/isrlu/isrlu/data"
)

// Any numbers, with labels or without, are samples to train and test on.
func ExampleNewNumbers() {
	samples, err := data.NewNumbers([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 2, []int{0, 1, 1, 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, labels := make([]float32, 2*samples.Size()), make([]int, 2)
	samples.Fill(x, labels, []int{3, 1})
	fmt.Println(samples.Len(), x, labels)
	// Output: 4 [1 1 0 1] [0 1]
}

// Arrays go to and from NumPy.
func ExampleReadNPY() {
	var file bytes.Buffer
	if err := data.WriteNPY(&file, []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}); err != nil {
		fmt.Println(err)
		return
	}
	a, err := data.ReadNPY(&file, 1<<20) // at most a million elements
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Dims, a.Values)
	// Output: [2 3] [1 2 3 4 5 6]
}

func ExampleVocabulary() {
	v, err := data.NewVocabulary("to be or not to be")
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, err := v.Encode("bot")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Len(), tokens, v.Decode(tokens))
	// Output: 7 [1 4 6] bot
}
