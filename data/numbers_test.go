package data

import (
	"slices"
	"strings"
	"testing"
)

func TestNumbersFill(t *testing.T) {
	var s Samples
	m, err := NewNumbers([]float32{1, 2, 3, 4, 5, 6}, 2, []int{7, 8, 9})
	if err != nil {
		t.Fatal(err)
	}
	s = m
	if s.Len() != 3 || s.Size() != 2 || s.Predictions() != 1 {
		t.Errorf("%d samples of %d with %d labels", s.Len(), s.Size(), s.Predictions())
	}
	x, labels := make([]float32, 4), make([]int, 2)
	s.Fill(x, labels, []int{2, 0})
	if !slices.Equal(x, []float32{5, 6, 1, 2}) || !slices.Equal(labels, []int{9, 7}) {
		t.Errorf("got %v, %v", x, labels)
	}
	part := m.Slice(1, 3)
	part.Fill(x, labels, []int{0, 1})
	if !slices.Equal(x, []float32{3, 4, 5, 6}) || !slices.Equal(labels, []int{8, 9}) {
		t.Errorf("got %v, %v", x, labels)
	}
	if m.Digest() == part.Digest() || m.Digest() != m.Slice(0, 3).Digest() {
		t.Error("the digest does not tell samples apart")
	}
}

func TestNewNumbersErrors(t *testing.T) {
	for want, f := range map[string]func() (*Numbers, error){
		"5 values": func() (*Numbers, error) { return NewNumbers(make([]float32, 5), 2, nil) },
		"3 labels": func() (*Numbers, error) { return NewNumbers(make([]float32, 4), 2, make([]int, 3)) },
		"1 labels": func() (*Numbers, error) { return NewNumbers(nil, 2, make([]int, 1)) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if m, err := NewNumbers(make([]float32, 4), 2, nil); err != nil || m.Predictions() != 0 {
		t.Errorf("without labels: %v", err)
	}
}
