package data_test

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/isrlu/isrlu/data"
)

// The real MNIST, where ISRLU_DATA_DIR names its folder: its sizes, the numbers of
// its digits and its moments are known.
func TestRealMNIST(t *testing.T) {
	if os.Getenv("ISRLU_DATA_DIR") == "" {
		t.Skip("ISRLU_DATA_DIR does not say where MNIST is")
	}
	set, err := data.Load(t.Context(), "mnist", data.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	train, test := set.Images()
	if train.Len() != 60000 || test.Len() != 10000 || train.Height != 28 || train.Width != 28 || train.Channels != 1 {
		t.Errorf("%d + %d images of %dx%dx%d", train.Len(), test.Len(), train.Height, train.Width, train.Channels)
	}
	if math.Abs(float64(train.Mean)-.1307) > 1e-4 || math.Abs(float64(train.Std)-.3081) > 1e-4 {
		t.Errorf("mean %v and standard deviation %v, want .1307 and .3081", train.Mean, train.Std)
	}
	counts := make([]int, 10)
	for _, l := range test.Labels {
		counts[l]++
	}
	if want := []int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}; !slices.Equal(counts, want) {
		t.Errorf("the test set has %v of each digit, want %v", counts, want)
	}
}
