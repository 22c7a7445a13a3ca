package data

import "fmt"

// Samples are those of one part of a set, as a network reads them: [Images], or
// [Windows] of a text.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Size returns the number of elements of a sample's input.
	Size() int
	// Predictions returns how many labels a sample has: 1 for an image, one for
	// each character of a window.
	Predictions() int
	// Fill writes the samples of the given indices into x, one after another, and
	// their labels into labels. It panics unless x has len(indices)*Size() elements
	// and labels len(indices)*Predictions().
	Fill(x []float32, labels []int, indices []int)
	// Digest returns the SHA-256 of all samples and labels, in hexadecimal.
	Digest() string
}

// checkFill panics where the arguments of Fill do not fit together.
func checkFill(s Samples, what string, x []float32, labels []int, indices []int) {
	if size := s.Size(); len(x) != len(indices)*size {
		panic(fmt.Sprintf("data: Fill of %d %s of %d values needs %d values, got %d",
			len(indices), what, size, len(indices)*size, len(x)))
	}
	if n := len(indices) * s.Predictions(); len(labels) != n {
		panic(fmt.Sprintf("data: Fill of %d %s needs %d labels, got %d", len(indices), what, n, len(labels)))
	}
}

// A Set is a training and a test set, of one type of samples.
type Set struct {
	Name        string   // as in Names or TextNames, or a file's
	Classes     []string // the names of the labels; label l is Classes[l]
	Train, Test Samples
}

// Images returns the parts of a set of images. It panics if it is a set of
// another kind.
func (s *Set) Images() (train, test *Images) { return s.Train.(*Images), s.Test.(*Images) }
