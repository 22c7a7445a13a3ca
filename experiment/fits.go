package experiment

import (
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// Fits makes sure that a network whose input has this shape takes the samples:
// images as they are, flat, or row by row as a sequence; windows of a text as
// their characters' numbers.
func Fits(input nn.Shape, s data.Samples) error {
	switch s := s.(type) {
	case *data.Images:
		shapes := [][]int{{s.Height, s.Width, s.Channels}, {s.Size()}, {s.Height, s.Width * s.Channels}}
		if slices.ContainsFunc(shapes, func(shape []int) bool { return slices.Equal(input, shape) }) {
			return nil
		}
		return fmt.Errorf("the network takes %v, but the images are %dx%dx%d", []int(input), s.Height, s.Width, s.Channels)
	case *data.Windows:
		if slices.Equal(input, []int{s.Size()}) {
			return nil
		}
		return fmt.Errorf("the network takes %v, but the windows are [%d] characters", []int(input), s.Size())
	}
	if input.Size() != s.Size() {
		return fmt.Errorf("the network takes %v, but the samples have %d elements", []int(input), s.Size())
	}
	return nil
}

// FitsOutput makes sure that a network whose output has this shape predicts the
// labels of the set: a number for each class, and as many such predictions as a
// sample has labels.
func FitsOutput(output nn.Shape, set *data.Set) error {
	classes, predictions := len(set.Classes), set.Train.Predictions()
	if predictions == 1 && output.Size() != classes {
		return fmt.Errorf("the network has %d outputs, but %s has %d classes", output.Size(), set.Name, classes)
	}
	if want := []int{predictions, classes}; predictions > 1 && !slices.Equal(output, want) {
		return fmt.Errorf("the network's output is %v, but %s with %d characters needs %v: one number for each character at each place",
			[]int(output), set.Name, classes, want)
	}
	return nil
}
