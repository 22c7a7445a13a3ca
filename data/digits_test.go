package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"runtime"
	"testing"
)

func draw(t testing.TB, seed uint64, split, n int) *Images {
	t.Helper()
	m, err := drawDigits(context.Background(), seed, split, n)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The same seed gives the same bytes everywhere. A change of this digest makes
// results on digits incomparable with older ones: it belongs in the changelog.
func TestDigitsAreTheSameOnEveryMachine(t *testing.T) {
	const want = "cb9710b7a259431395e7339762af8d4371f9df0c9ed4125d3577c323f60ce806"
	h := sha256.New()
	for split := range 2 {
		m := draw(t, 1, split, 1000)
		h.Write(m.Pixels)
		h.Write(m.Labels)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the digits is %s, expected %s", got, want)
	}
}

func TestDigitDependsOnItsIndexAlone(t *testing.T) {
	many := draw(t, 1, splitTrain, 300)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, n := range []int{1, 65, 130} {
		few := draw(t, 1, splitTrain, n)
		if first := many.Slice(0, n); !bytes.Equal(few.Pixels, first.Pixels) || !bytes.Equal(few.Labels, first.Labels) {
			t.Errorf("%d digits are not the first of 300", n)
		}
	}
}

func TestDigitsDifferBySeedSplitAndIndex(t *testing.T) {
	seen := make(map[string]bool)
	total := 0
	for seed := range uint64(3) {
		for split := range 2 {
			m := draw(t, seed, split, 500)
			for i := range m.Len() {
				seen[string(m.At(i))] = true
				total++
			}
		}
	}
	if len(seen) != total {
		t.Errorf("%d of %d images are different", len(seen), total)
	}
}

func TestDigitsAreBalanced(t *testing.T) {
	var count [10]int
	for _, l := range draw(t, 5, splitTest, 200).Labels {
		count[l]++
	}
	for d, n := range count {
		if n != 20 {
			t.Errorf("%d of 200 images are of %d, expected 20", n, d)
		}
	}
}

// Every digit stands out from its background and lies within the image.
func TestDigitsAreVisible(t *testing.T) {
	m := draw(t, 2, splitTrain, 4000)
	cut := 0
	for i := range m.Len() {
		p := m.At(i)
		var histogram [256]int
		for _, v := range p {
			histogram[v]++
		}
		// The ink is the gray of the 20 brightest pixels.
		ink, n := 255, 0
		for ; n < 20; ink-- {
			n += histogram[ink]
		}
		if ink < 75 {
			t.Errorf("image %d: its 20 brightest pixels go down to %d, expected 75 or more", i, ink)
		}
		border := 0
		for j := range digitSide {
			for _, v := range []uint8{p[j], p[(digitSide-1)*digitSide+j], p[j*digitSide], p[j*digitSide+digitSide-1]} {
				if int(v) > ink*3/4 {
					border++
				}
			}
		}
		if border > 3 {
			cut++
		}
	}
	if cut > m.Len()/20 {
		t.Errorf("%d of %d digits reach the border, expected at most 1 of 20", cut, m.Len())
	}
}

// The fields know inside from outside, and the digits fill their height.
func TestGlyphFields(t *testing.T) {
	digits, err := glyphs()
	if err != nil {
		t.Fatal(err)
	}
	for d, fields := range digits {
		for k, f := range fields {
			inside, top, bottom := 0, fieldCells, 0
			for i, v := range f {
				if v > 0 {
					inside++
					top = min(top, i/fieldCells)
					bottom = max(bottom, i/fieldCells)
				}
				if x, y := i%fieldCells, i/fieldCells; v > 0 && (x == 0 || y == 0 || x == fieldCells-1 || y == fieldCells-1) {
					t.Errorf("digit %d of font %d reaches the edge of its field", d, k)
				}
				// Neighbours are one cell apart, so their distances differ
				// by at most one cell, and the rounding.
				if i%fieldCells > 0 {
					if step := int(v) - int(f[i-1]); step > fieldOne+1 || step < -fieldOne-1 {
						t.Fatalf("digit %d of font %d: distance changes by %d at cell %d", d, k, step, i)
					}
				}
			}
			if top < fieldBand-1 || top > fieldBand+1 || bottom < fieldBand+digitCells-1 || bottom > fieldBand+digitCells+1 {
				t.Errorf("digit %d of font %d stands on rows %d to %d, expected %d to %d",
					d, k, top, bottom, fieldBand, fieldBand+digitCells)
			}
			if inside < 150 || inside > 900 {
				t.Errorf("digit %d of font %d has %d cells inside", d, k, inside)
			}
		}
	}
}

func TestDrawingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, "digits", Options{Train: 1 << 16}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, expected %v", err, context.Canceled)
	}
}

func BenchmarkDrawDigit(b *testing.B) {
	fields, err := glyphs()
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]uint8, digitSide*digitSide)
	for i := 0; b.Loop(); i++ {
		drawDigit(dst, fields[i%10], newRandom(streamDrawing, 1, uint64(i)))
	}
}

// A linear model must find digits hard, or a network would have nothing to
// show; and not hopeless, or nobody could read them.
func TestDigitsAreHardForALinearModel(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second; run without -short")
	}
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
	train, test := set.Images()
	size := train.Size()
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
		for _, i := range Permutation(train.Len(), 1, epoch) {
			train.Fill(x, label, []int{i})
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
	for i := range test.Len() {
		test.Fill(x, label, []int{i})
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
	return float64(right) / float64(test.Len())
}
