package data_test

import (
	"context"
	"fmt"
	"log"

	"github.com/isrlu/isrlu/data"
)

func ExampleLoad() {
	set, err := data.Load(context.Background(), "digits", data.Options{Train: 1000, Test: 200})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Name, set.Classes)
	train, test := set.Images()
	fmt.Println(train.Len(), test.Len(), train.Height, train.Width, train.Channels)

	// A batch of the first epoch.
	indices := data.Permutation(train.Len(), 1, 0)[:32]
	pixels := make([]float32, len(indices)*train.Size())
	labels := make([]int, len(indices))
	train.Fill(pixels, labels, indices)
	fmt.Println(len(pixels))
	// Output:
	// digits [0 1 2 3 4 5 6 7 8 9]
	// 1000 200 28 28 1
	// 25088
}
