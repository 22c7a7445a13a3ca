package data_test

import (
	"context"
	"fmt"
	"log"

	"github.com/isrlu/isrlu/data"
)

func ExampleLoadText() {
	text, err := data.LoadText(context.Background(), "prose", data.TextOptions{Train: 50_000, Test: 10_000})
	if err != nil {
		log.Fatal(err)
	}
	set, err := text.Windows(100)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Train.Len(), set.Test.Len(), len(set.Classes))

	x, labels := make([]float32, set.Test.Size()), make([]int, set.Test.Predictions())
	set.Test.Fill(x, labels, []int{0})
	fmt.Printf("%q\n", text.Vocabulary.Decode(labels))
	// Output:
	// 499 99 76
	// "tto was a painter in Ravensdale. The painter said, \"The red picture is cold.\" \"We must lose a pictur"
}
