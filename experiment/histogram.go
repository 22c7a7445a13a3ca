package experiment

import (
	"context"
	"math"

	"github.com/isrlu/isrlu/nn"
)

const (
	histogramBins    = 60
	histogramSamples = 500 // of the test set
)

// histograms returns what the activation layers put out on test samples. Bins
// reach from the least output to the largest, but no further than four standard
// deviations from the mean.
func histograms(ctx context.Context, t *Training) ([]Histogram, error) {
	model := t.Trainer.Model()
	var all []moments
	samples := min(histogramSamples, t.Set.Test.Len())
	err := t.eachTestBatch(ctx, samples, func(b nn.Batch[float32]) {
		model.Predict(b.X)
		layers := model.Activations()
		if all == nil {
			all = make([]moments, len(layers))
		}
		for i, a := range layers {
			all[i].add(a.Output)
		}
	})
	if err != nil {
		return nil, err
	}
	list := make([]Histogram, len(all))
	for i := range all {
		list[i] = all[i].histogram()
	}
	err = t.eachTestBatch(ctx, samples, func(b nn.Batch[float32]) {
		model.Predict(b.X)
		for i, a := range model.Activations() {
			list[i].Layer = a.Layer
			list[i].count(a.Output)
		}
	})
	return list, err
}

// moments sums up the outputs of a layer.
type moments struct {
	n, zeros    int
	sum, square float64
	least, most float64
}

func (m *moments) add(ys []float32) {
	if m.n == 0 {
		m.least, m.most = math.Inf(1), math.Inf(-1)
	}
	for _, y32 := range ys {
		y := float64(y32)
		m.sum += y
		m.square += y * y
		m.least, m.most = min(m.least, y), max(m.most, y)
		if y == 0 {
			m.zeros++
		}
	}
	m.n += len(ys)
}

// histogram returns an empty histogram with its bins.
func (m *moments) histogram() Histogram {
	n := float64(m.n)
	mean := m.sum / n
	std := math.Sqrt(max(0, m.square/n-mean*mean))
	h := Histogram{
		From: max(m.least, mean-4*std), To: min(m.most, mean+4*std),
		Mean: mean, Std: std, Zero: float64(m.zeros) / n, Counts: make([]int, histogramBins),
	}
	if !(h.From < h.To) { // all outputs are equal
		h.From, h.To = mean-.5, mean+.5
	}
	return h
}

func (h *Histogram) count(ys []float32) {
	scale := float64(len(h.Counts)) / (h.To - h.From)
	for _, y32 := range ys {
		switch y := float64(y32); {
		case y < h.From:
			h.Below++
		case y > h.To:
			h.Above++
		default:
			h.Counts[min(int((y-h.From)*scale), len(h.Counts)-1)]++
		}
	}
}
