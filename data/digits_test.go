package data

import (
	"context"
	"math"
	"testing"
)

// A linear model must find digits hard, or a network would have nothing to
// show; and not hopeless, or nobody could read them.
func TestDigitsAreHardForALinearModel(t *testing.T) {
	set, err := Load(context.Background(), "digits", Options{Seed: 1, Train: 5000, Test: 1000})
	if err != nil {
		t.Fatal(err)
	}
	accuracy := softmaxRegression(set, 8)
	t.Logf("accuracy on the test set: %.3f", accuracy)
	if accuracy > 0.9 || accuracy < 0.5 {
		t.Errorf("accuracy of a linear model is %.3f, expected 0.5 to 0.9", accuracy)
	}
}

// softmaxRegression trains a linear model by stochastic gradient descent and
// returns its accuracy on the test set.
func softmaxRegression(set *Set, epochs int) float64 {
	const classes = 10
	size := set.Train.Size()
	w := make([]float32, classes*(size+1)) // a row for each class, bias last
	score := func(s *[classes]float32, x []float32) {
		for c := range s {
			row := w[c*(size+1) : (c+1)*(size+1)]
			sum := row[size]
			for j, v := range x {
				sum += v * row[j]
			}
			s[c] = sum
		}
	}
	x := make([]float32, size)
	label := make([]int, 1)
	var s [classes]float32
	for epoch := range epochs {
		rate := 0.01 / float32(size) * 28 / float32(1+epoch)
		for _, i := range Permutation(set.Train.Len(), 1, epoch) {
			set.Train.Fill(x, label, []int{i}, set.Mean, set.Std)
			score(&s, x)
			top := s[0]
			for _, v := range s {
				top = max(top, v)
			}
			var total float32
			for c := range s {
				s[c] = float32(math.Exp(float64(s[c] - top)))
				total += s[c]
			}
			for c := range s {
				g := s[c] / total
				if c == label[0] {
					g--
				}
				row := w[c*(size+1) : (c+1)*(size+1)]
				for j, v := range x {
					row[j] -= rate * g * v
				}
				row[size] -= rate * g
			}
		}
	}
	right := 0
	for i := range set.Test.Len() {
		set.Test.Fill(x, label, []int{i}, set.Mean, set.Std)
		score(&s, x)
		best := 0
		for c := range s {
			if s[c] > s[best] {
				best = c
			}
		}
		if best == label[0] {
			right++
		}
	}
	return float64(right) / float64(set.Test.Len())
}
