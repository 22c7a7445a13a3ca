package onnx

import (
	"math"

	"github.com/isrlu/isrlu"
)

// Alpha is looked for in this range, beyond which ISRLU is as good as linear or
// as ReLU on numbers near 1.
const (
	lowAlpha  = 1e-3
	highAlpha = 1e4
)

// Moments are the mean and the standard deviation of a layer's outputs.
type Moments struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

func momentsOf(y []float32) Moments {
	sum := 0.0
	for _, v := range y {
		sum += float64(v)
	}
	mean := sum / float64(len(y))
	sum = 0
	for _, v := range y {
		sum += (float64(v) - mean) * (float64(v) - mean)
	}
	return Moments{mean, math.Sqrt(sum / float64(len(y)))}
}

// distance is how far apart two moments are.
func (m Moments) distance(n Moments) float64 { return math.Hypot(m.Mean-n.Mean, m.Std-n.Std) }

// matchMoments returns f with the first parameter that brings the moments of its
// outputs for x nearest to those wanted: the best of a grid in its logarithm, then
// a golden-section search around that.
func matchMoments(f *isrlu.Function, x []float32, want Moments) (*isrlu.Function, error) {
	y := make([]float32, len(x))
	var failed error
	with := func(logAlpha float64) *isrlu.Function {
		params := f.Params()
		params[0] = fourDigits(math.Exp(logAlpha))
		g, err := isrlu.New(f.Name(), params...)
		if err != nil {
			failed = err
			return f
		}
		return g
	}
	cost := func(logAlpha float64) float64 {
		with(logAlpha).Forward(y, x)
		return momentsOf(y).distance(want)
	}
	low, high := math.Log(lowAlpha), math.Log(highAlpha)
	const grid = 32
	step := (high - low) / grid
	best, bestCost := low, math.Inf(1)
	for i := range grid + 1 {
		at := low + float64(i)*step
		if c := cost(at); c < bestCost {
			best, bestCost = at, c
		}
	}
	a, b := max(low, best-step), min(high, best+step)
	const ratio = 0.6180339887498949 // the golden section
	p, q := b-ratio*(b-a), a+ratio*(b-a)
	costP, costQ := cost(p), cost(q)
	for b-a > 1e-4 {
		if costP <= costQ {
			b, q, costQ = q, p, costP
			p = b - ratio*(b-a)
			costP = cost(p)
		} else {
			a, p, costP = p, q, costQ
			q = a + ratio*(b-a)
			costQ = cost(q)
		}
	}
	if c := cost((a + b) / 2); c < bestCost {
		best = (a + b) / 2
	}
	g := with(best)
	return g, failed
}

// fourDigits leaves four digits, which is more than the choice is worth.
func fourDigits(x float64) float64 {
	scale := math.Pow(10, 3-math.Floor(math.Log10(x)))
	return math.Round(x*scale) / scale
}
