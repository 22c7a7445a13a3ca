package data

import (
	"math"
	"slices"
	"testing"
)

// small returns three images of 1x2x2.
func small() *Images {
	return &Images{
		Height: 1, Width: 2, Channels: 2,
		Pixels: []uint8{0, 1, 2, 3, 10, 11, 12, 13, 255, 254, 253, 252},
		Labels: []uint8{7, 8, 9},
	}
}

func TestImagesShareTheirMemory(t *testing.T) {
	m := small()
	if m.Len() != 3 || m.Size() != 4 {
		t.Fatalf("Len %d, Size %d, expected 3, 4", m.Len(), m.Size())
	}
	if got := m.At(1); !slices.Equal(got, []uint8{10, 11, 12, 13}) || cap(got) != 4 {
		t.Errorf("At(1) is %v with capacity %d", got, cap(got))
	}
	s := m.Slice(1, 3)
	if s.Len() != 2 || !slices.Equal(s.Labels, []uint8{8, 9}) || &s.At(0)[0] != &m.At(1)[0] {
		t.Errorf("Slice(1, 3) is %v", s)
	}
	if s.Height != 1 || s.Width != 2 || s.Channels != 2 {
		t.Errorf("Slice has images of %dx%dx%d", s.Height, s.Width, s.Channels)
	}
	if empty := m.Slice(3, 3); empty.Len() != 0 || len(empty.Pixels) != 0 {
		t.Errorf("Slice(3, 3) is %v", empty)
	}
}

func TestFillNormalizesAndOrders(t *testing.T) {
	m := small()
	m.Mean, m.Std = 0.5, 2
	dst := make([]float32, 8)
	labels := make([]int, 2)
	m.Fill(dst, labels, []int{2, 0})
	if !slices.Equal(labels, []int{9, 7}) {
		t.Errorf("labels %v", labels)
	}
	for i, v := range []float32{255, 254, 253, 252, 0, 1, 2, 3} {
		if want := (v/255 - 0.5) / 2; dst[i] != want {
			t.Errorf("value %d is %v, expected %v", i, dst[i], want)
		}
	}
	for name, call := range map[string]func(){
		"values": func() { m.Fill(dst[:7], labels, []int{0, 1}) },
		"labels": func() { m.Fill(dst, labels[:1], []int{0, 1}) },
		"index":  func() { m.Fill(dst, labels, []int{0, 3}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Fill with wrong %s did not panic", name)
				}
			}()
			call()
		}()
	}
}

func TestMomentsNormalize(t *testing.T) {
	m := small()
	m.Mean, m.Std = m.moments()
	dst := make([]float32, 12)
	m.Fill(dst, make([]int, 3), []int{0, 1, 2})
	var sum, squares float64
	for _, v := range dst {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if math.Abs(sum/12) > 1e-6 || math.Abs(squares/12-1) > 1e-6 {
		t.Errorf("mean %v, variance %v, expected 0, 1", sum/12, squares/12)
	}
	flat := &Images{Height: 1, Width: 1, Channels: 1, Pixels: []uint8{51, 51}, Labels: []uint8{0, 0}}
	if mean, std := flat.moments(); mean != 0.2 || std != 1 {
		t.Errorf("equal pixels have mean %v, std %v, expected 0.2, 1", mean, std)
	}
}

func TestPermutationIsFixed(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		p := Permutation(n, 1, 0)
		if slices.Sort(p); len(p) != n || n > 0 && (p[0] != 0 || p[n-1] != n-1 || len(slices.Compact(p)) != n) {
			t.Errorf("Permutation(%d) is none", n)
		}
	}
	// Other versions and machines must give these too.
	if got, want := Permutation(10, 1, 0), []int{7, 3, 5, 1, 2, 4, 6, 9, 8, 0}; !slices.Equal(got, want) {
		t.Errorf("Permutation(10, 1, 0) is %v, expected %v", got, want)
	}
	if slices.Equal(Permutation(10, 1, 0), Permutation(10, 1, 1)) || slices.Equal(Permutation(10, 1, 0), Permutation(10, 2, 0)) {
		t.Error("the order does not depend on seed and epoch")
	}
}

// Each number comes to each place equally often.
func TestPermutationIsUniform(t *testing.T) {
	const n, rounds = 6, 6000
	var count [n][n]int
	for epoch := range rounds {
		for place, i := range Permutation(n, 3, epoch) {
			count[place][i]++
		}
	}
	chi2 := 0.0
	for place := range count {
		for _, c := range count[place] {
			d := float64(c) - rounds/n
			chi2 += d * d / (rounds / n)
		}
	}
	// (n-1)^2 = 25 degrees of freedom: above 60 by chance in 1 of 10000.
	if chi2 > 60 {
		t.Errorf("chi-squared of the places is %.1f, expected about 25", chi2)
	}
}
