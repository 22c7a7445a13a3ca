package experiment

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// significance is the probability of naming any difference in accuracy, or on a
// text in bits per character, where there is none, over all pairs together.
const significance = .05

// A difference is that of the mean accuracies of two activations, or of their mean
// bits per character.
type difference struct {
	better, worse int     // indices of summaries
	mean          float64 // by which one is better, at least 0
	p             float64 // probability of one as large by chance
	significant   bool
}

// differences returns one difference for each pair of activations that have
// complete runs with the same seeds.
func (r *Result) differences() []difference {
	q := r.quality()
	runs := make([]map[uint64]*Run, len(r.Settings.Activations))
	for i, name := range r.Settings.Activations {
		runs[i] = map[uint64]*Run{}
		for j := range r.Runs {
			if run := &r.Runs[j]; run.Activation == name && run.Complete() {
				runs[i][run.Seed] = run
			}
		}
	}
	var list []difference
	for i := range runs {
		for j := range i {
			var a, b, d []float64
			var first [2]*Run
			for _, seed := range r.Settings.Seeds {
				x, y := runs[j][seed], runs[i][seed]
				if x == nil || y == nil {
					continue
				}
				u, v := q.of(x.last()), q.of(y.last())
				a, b, d = append(a, u), append(b, v), append(d, u-v)
				if first[0] == nil {
					first = [2]*Run{x, y}
				}
			}
			if len(d) == 0 {
				continue
			}
			diff := difference{better: j, worse: i, mean: meanStd(d).Mean}
			switch {
			case !r.Settings.OnText():
				diff.p = r.chance(a, b, d)
			case len(d) > 1:
				diff.p = students(d, leastLoss)
			default:
				diff.p = textChance(first[0].TestLosses, first[1].TestLosses)
			}
			if q.less {
				diff.mean = -diff.mean
			}
			if diff.mean < 0 {
				diff.better, diff.worse, diff.mean = i, j, -diff.mean
			}
			list = append(list, diff)
		}
	}
	holm(list)
	return list
}

// chance returns the probability of differences d = a - b at least as large where
// two functions are equally good.
func (r *Result) chance(a, b, d []float64) float64 {
	// Accuracies are counts of images: a spread below one image is luck.
	image := 1 / float64(max(1, r.Settings.Test))
	m := meanStd(d)
	if len(d) == 1 {
		sampling := math.Sqrt((a[0]*(1-a[0]) + b[0]*(1-b[0])) * image)
		return 2 * distuv.UnitNormal.Survival(math.Abs(m.Mean)/max(sampling, image))
	}
	return students(d, image)
}

// students returns the probability of a mean at least as far from 0 by chance, in
// a t-test with a spread of least or more.
func students(d []float64, least float64) float64 {
	m, n := meanStd(d), float64(len(d))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}
	return 2 * t.Survival(math.Abs(m.Mean)/(max(m.Std, least)/math.Sqrt(n)))
}

const (
	// leastLoss is the least spread of losses, in bits: below, it is rounding.
	leastLoss = 1e-6
	// leastBatches is how many batches of a test text have a spread to speak of.
	leastBatches = 8
)

// textChance returns the probability of a difference of two trainings at least as
// large through the choice of the test text, from their losses on its batches; 1
// where these are too few.
func textChance(a, b []float64) float64 {
	if len(a) != len(b) || len(a) < leastBatches {
		return 1
	}
	d := make([]float64, len(a))
	for i := range d {
		d[i] = BitsPerChar(a[i] - b[i])
	}
	return students(d, leastLoss)
}

// holm marks the significant differences (Holm 1979).
func holm(list []difference) {
	order := make([]*difference, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortStableFunc(order, func(a, b *difference) int { return cmp.Compare(a.p, b.p) })
	for i, d := range order {
		if !(d.p <= significance/float64(len(order)-i)) {
			return
		}
		d.significant = true
	}
}
