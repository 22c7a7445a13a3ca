package onnx

import (
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

// Alpha is looked for in this range, beyond which ISRLU is as good as linear or
// as ReLU on numbers near 1.
const (
	lowAlpha  = 1e-3
	highAlpha = 1e4
)

// defaultCalibration is the number of samples to take moments from.
const defaultCalibration = 500

// calibrate chooses alpha for each layer, from the first to the last, by the layer's
// inputs in the network that is calibrated so far.
func (t *tuning) calibrate(swapped *nn.Model[float32], layers []*tunedLayer) error {
	if err := t.originalMoments(layers); err != nil {
		return err
	}
	for k, l := range layers {
		stage := fmt.Sprintf("calibrating layer %d of %d", k+1, len(layers))
		x, err := t.inputs(swapped, layers, l, stage)
		if err != nil {
			return err
		}
		y := make([]float32, len(x))
		l.to.Forward(y, x)
		l.After = momentsOf(y)
		l.Matched = l.After
		if !l.After.finite() {
			return fmt.Errorf("onnx: node %q: %s puts out numbers that are not finite for the calibration samples; take another function", l.Node, l.to)
		}
		if len(l.to.Params()) == 0 || t.options.Calibration < 0 {
			continue
		}
		if l.to, err = matchMoments(l.to, x, l.Original); err != nil {
			return fmt.Errorf("onnx: node %q: %w", l.Node, err)
		}
		l.to.Forward(y, x)
		l.Matched = momentsOf(y)
	}
	return nil
}

// originalMoments sets the moments of the layers in the original.
func (t *tuning) originalMoments(layers []*tunedLayer) error {
	// Without fusion nothing is pooled before its activation.
	m, err := t.model(t.teacher.Network(), t.teacher, nn.Options{Inference: true, Unfused: true})
	if err != nil {
		return err
	}
	defer m.Close()
	sums := make([]momentSum, len(layers))
	takes := make([]sampler, len(layers))
	for k, l := range layers {
		takes[k] = t.sampler(m, l)
	}
	var y []float32
	err = t.batches(t.options.Train, first(t.calibration()), "calibrating", func(x []float32, _ []int) error {
		m.Predict(x)
		activations := m.Activations()
		for k, l := range layers {
			y = takes[k].take(y[:0], activations[l.index].Output)
			sums[k].add(y)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, l := range layers {
		if l.Original = sums[k].moments(); !l.Original.finite() {
			return fmt.Errorf("onnx: node %q: the original puts out numbers that are not finite for the calibration samples; are these normalized as those that it was trained on?", l.Node)
		}
	}
	return nil
}

// inputs returns some of what an activation layer reads for the calibration samples.
func (t *tuning) inputs(swapped *nn.Model[float32], layers []*tunedLayer, l *tunedLayer, stage string) ([]float32, error) {
	// The input of a function is the output of the identity in its place.
	network := changed(withFunctions(swapped.Network(), layers, nn.Fixed), func(i int, a nn.Activation) nn.Activation {
		if i == l.index {
			a.Function, a.Learn = "identity", nn.Fixed
		}
		return a
	})
	m, err := t.model(network, swapped, nn.Options{Inference: true, Unfused: true})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	s := t.sampler(m, l)
	var values []float32
	err = t.batches(t.options.Train, first(t.calibration()), stage, func(x []float32, _ []int) error {
		m.Predict(x)
		values = s.take(values, m.Activations()[l.index].Output)
		return nil
	})
	return values, err
}

// calibration is the number of samples to take moments from.
func (t *tuning) calibration() int {
	n := t.options.Calibration
	if n <= 0 {
		n = defaultCalibration
	}
	return min(n, t.options.Train.Len())
}

// A sampler takes some of the values of a layer, as many of each batch as make a
// sample of some size in all.
type sampler struct{ stride, at int }

func (t *tuning) sampler(m *nn.Model[float32], l *tunedLayer) sampler {
	const most = 1 << 18
	size := m.Activations()[l.index].Shape.Size()
	stride := max(1, t.calibration()*size/most)
	// All places of the layer are to come up, not those of some channels alone.
	for greatestDivisor(stride, size) > 1 {
		stride++
	}
	return sampler{stride: stride}
}

func greatestDivisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// take appends the next ones of the values.
func (s *sampler) take(to, values []float32) []float32 {
	for ; s.at < len(values); s.at += s.stride {
		to = append(to, values[s.at])
	}
	s.at -= len(values)
	return to
}

// Moments are the mean and the standard deviation of a layer's outputs.
type Moments struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

func momentsOf(y []float32) Moments {
	var s momentSum
	s.add(y)
	return s.moments()
}

// distance is how far apart two moments are.
func (m Moments) distance(n Moments) float64 { return math.Hypot(m.Mean-n.Mean, m.Std-n.Std) }

func (m Moments) finite() bool { return m.Mean-m.Mean == 0 && m.Std-m.Std == 0 }

// A momentSum is what moments of several parts add up to (Chan et al. 1979).
type momentSum struct {
	n, mean, squares float64 // squares of the differences from the mean
}

func (s *momentSum) add(y []float32) {
	n := float64(len(y))
	if n == 0 {
		return
	}
	mean, squares := 0.0, 0.0
	for _, v := range y {
		mean += float64(v)
	}
	mean /= n
	for _, v := range y {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	d := mean - s.mean
	s.squares += squares + d*d*s.n*n/(s.n+n)
	s.mean += d * n / (s.n + n)
	s.n += n
}

func (s *momentSum) moments() Moments { return Moments{s.mean, math.Sqrt(s.squares / s.n)} }

var errNotFinite = errors.New("what it reads, or the moments wanted, is not finite")

// matchMoments returns f with the first parameter that brings the moments of its
// outputs for x nearest to those wanted: the best of a grid in its logarithm, then
// a golden-section search around that. It is f itself where no other is nearer, such
// as for positive numbers alone.
func matchMoments(f *isrlu.Function, x []float32, want Moments) (*isrlu.Function, error) {
	y := make([]float32, len(x))
	cost := func(f *isrlu.Function) float64 {
		f.Forward(y, x)
		return momentsOf(y).distance(want)
	}
	best, bestCost := f, cost(f)
	if math.IsNaN(bestCost) || math.IsInf(bestCost, 0) {
		return nil, errNotFinite
	}
	// try returns the cost of a parameter, and keeps the best.
	try := func(logAlpha float64) float64 {
		params := f.Params()
		params[0] = fourDigits(math.Exp(logAlpha))
		g, err := isrlu.New(f.Name(), params...)
		if err != nil {
			return math.Inf(1)
		}
		c := cost(g)
		if c < bestCost {
			best, bestCost = g, c
		}
		return c
	}
	low, high := math.Log(lowAlpha), math.Log(highAlpha)
	const grid = 32
	step := (high - low) / grid
	at, least := low, math.Inf(1)
	for i := range grid + 1 {
		p := low + float64(i)*step
		if c := try(p); c < least {
			at, least = p, c
		}
	}
	a, b := max(low, at-step), min(high, at+step)
	const ratio = 0.6180339887498949 // the golden section
	p, q := b-ratio*(b-a), a+ratio*(b-a)
	costP, costQ := try(p), try(q)
	for b-a > 1e-4 {
		if costP <= costQ {
			b, q, costQ = q, p, costP
			p = b - ratio*(b-a)
			costP = try(p)
		} else {
			a, p, costP = p, q, costQ
			q = a + ratio*(b-a)
			costQ = try(q)
		}
	}
	return best, nil
}

// fourDigits leaves four digits, which is more than the choice is worth.
func fourDigits(x float64) float64 {
	scale := math.Pow(10, 3-math.Floor(math.Log10(x)))
	return math.Round(x*scale) / scale
}
