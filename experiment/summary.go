package experiment

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Summary is what the runs of one activation have in common: means over the
// seeds whose run is complete.
type Summary struct {
	Activation string
	Runs       int // complete
	Diverged   int
	Accuracy   MeanStd // test accuracy after the last epoch
	Loss       MeanStd // test cross-entropy, nats
	// BitsPerChar and Perplexity are what the loss is on a text; NaN elsewhere.
	BitsPerChar, Perplexity MeanStd
	// EpochsToTarget is the mean number of epochs until the target was first
	// reached, over the Reached runs that did.
	EpochsToTarget MeanStd
	Reached        int
	Seconds        MeanStd // training time of a run
	Cost           *Cost   // nil if it was not measured
}

// MeanStd is a mean and the standard deviation of a sample (n-1), which is NaN
// for one value; both are NaN for none.
type MeanStd struct{ Mean, Std float64 }

// Interval returns the bounds within which the mean of all values lies with a
// probability of 95 %, by Student's t, for a mean of n; NaN where the deviation is.
func (m MeanStd) Interval(n int) (low, high float64) {
	if n < 2 {
		return math.NaN(), math.NaN()
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}
	reach := t.Quantile(1-significance/2) * m.Std / math.Sqrt(float64(n))
	return m.Mean - reach, m.Mean + reach
}

func meanStd(xs []float64) MeanStd {
	if len(xs) == 0 {
		return MeanStd{math.NaN(), math.NaN()}
	}
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	mean := sum / float64(len(xs))
	if len(xs) == 1 {
		return MeanStd{mean, math.NaN()}
	}
	square := 0.0
	for _, x := range xs {
		square += (x - mean) * (x - mean)
	}
	return MeanStd{mean, math.Sqrt(square / float64(len(xs)-1))}
}

// Complete reports whether the run went through all epochs.
func (r *Run) Complete() bool { return !r.Diverged && !r.Interrupted && len(r.Epochs) > 0 }

// Summaries returns one summary for each activation, in the order of the
// settings.
func (r *Result) Summaries() []Summary {
	summaries := make([]Summary, 0, len(r.Settings.Activations))
	for i, name := range r.Settings.Activations {
		s := Summary{Activation: name}
		var accuracy, loss, bits, perplexity, reached, seconds []float64
		for _, run := range r.Runs {
			if run.Activation != name {
				continue
			}
			if run.Diverged {
				s.Diverged++
			}
			if !run.Complete() {
				continue
			}
			s.Runs++
			last := run.Epochs[len(run.Epochs)-1]
			accuracy = append(accuracy, last.TestAccuracy)
			loss = append(loss, last.TestLoss)
			if r.Settings.OnText() {
				bits = append(bits, BitsPerChar(last.TestLoss))
				perplexity = append(perplexity, Perplexity(last.TestLoss))
			}
			time := 0.0
			for _, e := range run.Epochs {
				time += e.Seconds
			}
			seconds = append(seconds, time)
			for _, e := range run.Epochs {
				if r.Settings.reached(&e) {
					reached = append(reached, float64(e.Epoch))
					break
				}
			}
		}
		s.Accuracy, s.Loss, s.Seconds = meanStd(accuracy), meanStd(loss), meanStd(seconds)
		s.BitsPerChar, s.Perplexity = meanStd(bits), meanStd(perplexity)
		s.EpochsToTarget, s.Reached = meanStd(reached), len(reached)
		if i < len(r.Costs) {
			s.Cost = &r.Costs[i]
		}
		summaries = append(summaries, s)
	}
	return summaries
}

// reached tells whether an epoch came to the target.
func (s *Settings) reached(e *Epoch) bool {
	if s.OnText() {
		return s.Target > 0 && BitsPerChar(e.TestLoss) <= s.Target
	}
	return e.TestAccuracy >= s.Target
}
