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
	fmt.Println(set.Train.Len(), set.Test.Len(), set.Train.Height, set.Train.Width, set.Train.Channels)

	// A batch of the first epoch.
	indices := data.Permutation(set.Train.Len(), 1, 0)[:32]
	pixels := make([]float32, len(indices)*set.Train.Size())
	labels := make([]int, len(indices))
	set.Train.Fill(pixels, labels, indices, set.Mean, set.Std)
	fmt.Println(len(pixels))
	// Output:
	// digits [0 1 2 3 4 5 6 7 8 9]
	// 1000 200 28 28 1
	// 25088
}
