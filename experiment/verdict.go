package experiment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"
)

// significance is the probability of naming any difference in accuracy where
// there is none, over all pairs together.
const significance = .05

// Verdict says in one paragraph what the result carries, and no more:
//
// Accuracies of two functions differ where a paired t-test over the seeds says
// so, with Holm's correction for the number of pairs. One seed has no spread: the
// yardstick is the standard error that the choice of test images makes, and the
// text says that it knows nothing of other seeds. Times differ where the
// quartiles do not overlap.
func (r *Result) Verdict() string {
	summaries := r.Summaries()
	var parts []string
	for _, part := range []string{
		r.accuracyVerdict(summaries),
		stepVerdict(summaries, r.Settings.Batch),
		memoryVerdict(summaries),
		r.choice(summaries),
		r.missingVerdict(summaries),
	} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// A difference is that of the mean accuracies of two activations.
type difference struct {
	better, worse int     // indices of summaries
	mean          float64 // of better - worse, at least 0
	p             float64 // probability of one as large by chance
	significant   bool
}

// differences returns one difference for each pair of activations that have
// complete runs with the same seeds.
func (r *Result) differences() []difference {
	accuracy := make([]map[uint64]float64, len(r.Settings.Activations))
	for i, name := range r.Settings.Activations {
		accuracy[i] = map[uint64]float64{}
		for _, run := range r.Runs {
			if run.Activation == name && run.Complete() {
				accuracy[i][run.Seed] = run.Epochs[len(run.Epochs)-1].TestAccuracy
			}
		}
	}
	var list []difference
	for i := range accuracy {
		for j := range i {
			var a, b, d []float64
			for _, seed := range r.Settings.Seeds {
				x, okX := accuracy[j][seed]
				y, okY := accuracy[i][seed]
				if okX && okY {
					a, b, d = append(a, x), append(b, y), append(d, x-y)
				}
			}
			if len(d) == 0 {
				continue
			}
			diff := difference{better: j, worse: i, mean: meanStd(d).Mean, p: r.chance(a, b, d)}
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
	n := float64(len(d))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}
	return 2 * t.Survival(math.Abs(m.Mean)/(max(m.Std, image)/math.Sqrt(n)))
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

func (r *Result) accuracyVerdict(summaries []Summary) string {
	var done []Summary
	seeds := 0
	for _, s := range summaries {
		if s.Runs > 0 && !math.IsNaN(s.Accuracy.Mean) {
			done = append(done, s)
			seeds = max(seeds, s.Runs)
		}
	}
	switch len(done) {
	case 0:
		return "No training ran to its end, so there is no accuracy to compare."
	case 1:
		return fmt.Sprintf("Only %s was trained to the end; its test accuracy is %s.", done[0].Activation, percent(done[0].Accuracy.Mean))
	}
	byMean := func(a, b Summary) int { return cmp.Compare(a.Accuracy.Mean, b.Accuracy.Mean) }
	least, most := slices.MinFunc(done, byMean), slices.MaxFunc(done, byMean)
	reach := fmt.Sprintf("from %s (%s) to %s (%s)", percent(least.Accuracy.Mean), least.Activation, percent(most.Accuracy.Mean), most.Activation)
	if least.Accuracy.Mean == most.Accuracy.Mean {
		reach = "all at " + percent(most.Accuracy.Mean)
	}
	differences := r.differences()
	found, others := beaten(differences, summaries)
	if seeds == 1 {
		if found == "" {
			return fmt.Sprintf("With one seed, the test accuracies, %s, differ by no more than the choice of %d test images explains: they rank nothing. More seeds would measure the spread between runs.", reach, r.Settings.Test)
		}
		return fmt.Sprintf("With one seed, %s; that is more than the choice of %d test images explains, but whether other seeds agree is not known.", found, r.Settings.Test)
	}
	if found == "" {
		return fmt.Sprintf("Over %d seeds the mean test accuracies go %s, and no difference between two functions stands out from the spread over the seeds (paired t-tests, 5 %% over all pairs).", seeds, reach)
	}
	text := fmt.Sprintf("Over %d seeds %s (paired t-tests, 5 %% over all pairs)", seeds, found)
	if others == 1 {
		text += "; the other difference does not stand out from the spread"
	} else if others > 1 {
		text += fmt.Sprintf("; the other %d differences do not stand out from the spread", others)
	}
	return text + "."
}

// beaten lists the significant differences, winner by winner, and counts the
// others.
func beaten(list []difference, summaries []Summary) (text string, others int) {
	var clauses []string
	for i := range summaries {
		var names []string
		for _, d := range list {
			if d.significant && d.better == i {
				names = append(names, fmt.Sprintf("%s (by %.2f points)", summaries[d.worse].Activation, 100*d.mean))
			}
		}
		if len(names) > 0 {
			clauses = append(clauses, summaries[i].Activation+" is more accurate than "+enumerate(names))
		}
	}
	for _, d := range list {
		if !d.significant {
			others++
		}
	}
	return strings.Join(clauses, ", "), others
}

func stepVerdict(summaries []Summary, batch int) string {
	step := timeVerdict(summaries, func(c *Cost) Spread { return c.Step })
	if step == "" {
		return ""
	}
	inference := timeVerdict(summaries, func(c *Cost) Spread { return c.Inference })
	return fmt.Sprintf("A training step of %d images takes %s; inference takes %s.", batch, step, inference)
}

// timeVerdict says how long the fastest takes and how much longer the others do.
func timeVerdict(summaries []Summary, of func(*Cost) Spread) string {
	timed := timed(summaries, of)
	if len(timed) == 0 {
		return ""
	}
	fastest := of(timed[0].Cost)
	equal, slower := []string{}, []string{}
	for _, s := range timed {
		t := of(s.Cost)
		if t.Low <= fastest.High {
			equal = append(equal, s.Activation)
			continue
		}
		slower = append(slower, fmt.Sprintf("%.2f times that with %s", t.Median/fastest.Median, s.Activation))
	}
	text := fmt.Sprintf("%.3g ms with %s", fastest.Median, enumerate(equal))
	if len(equal) > 1 {
		text += " alike, as far as the timing tells"
	}
	if len(slower) > 0 {
		text += ", and " + enumerate(slower)
	}
	return text
}

// timed returns the summaries whose cost was measured, the fastest first.
func timed(summaries []Summary, of func(*Cost) Spread) []Summary {
	var list []Summary
	for _, s := range summaries {
		if s.Cost != nil && of(s.Cost).Median > 0 {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Summary) int { return cmp.Compare(of(a.Cost).Median, of(b.Cost).Median) })
	return list
}

func memoryVerdict(summaries []Summary) string {
	names, order := map[int64][]string{}, []int64{}
	for _, s := range summaries {
		if s.Cost == nil {
			continue
		}
		if names[s.Cost.BytesKept] == nil {
			order = append(order, s.Cost.BytesKept)
		}
		names[s.Cost.BytesKept] = append(names[s.Cost.BytesKept], s.Activation)
	}
	if len(order) < 2 {
		return ""
	}
	slices.Sort(order)
	var kept []string
	for _, bytes := range order {
		kept = append(kept, fmt.Sprintf("%.1f MiB with %s", float64(bytes)/(1<<20), enumerate(names[bytes])))
	}
	return "For its backward pass a step keeps " + enumerate(kept) + "."
}

// choice names the fastest of the functions that no other beats, where the seeds
// can tell.
func (r *Result) choice(summaries []Summary) string {
	step := func(c *Cost) Spread { return c.Step }
	beatenBy := make([]bool, len(summaries))
	for _, d := range r.differences() {
		if d.significant {
			beatenBy[d.worse] = true
		}
	}
	var left []Summary
	for i, s := range summaries {
		if s.Runs < 2 || s.Diverged > 0 {
			beatenBy[i] = true
		}
		if !beatenBy[i] {
			left = append(left, s)
		}
	}
	left = timed(left, step)
	if len(left) < 2 {
		return ""
	}
	var fastest []string
	for _, s := range left {
		if step(s.Cost).Low <= step(left[0].Cost).High {
			fastest = append(fastest, s.Activation)
		}
	}
	if len(fastest) == len(left) {
		return fmt.Sprintf("Among %s neither accuracy nor time decides.", enumerate(fastest))
	}
	return fmt.Sprintf("Of those that no other is shown to beat in accuracy, %s %s.", enumerate(fastest), plural(len(fastest), "trains fastest", "train fastest"))
}

func (r *Result) missingVerdict(summaries []Summary) string {
	var parts []string
	complete := 0
	for _, s := range summaries {
		complete += s.Runs
		if s.Diverged > 0 {
			parts = append(parts, fmt.Sprintf("%s diverged in %d of %d runs, which no mean counts.", s.Activation, s.Diverged, s.Diverged+s.Runs))
		}
	}
	if r.Interrupted {
		parts = append(parts, fmt.Sprintf("The comparison was interrupted: %d of %d runs are complete.", complete, len(r.Settings.Seeds)*len(r.Settings.Activations)))
	}
	return strings.Join(parts, " ")
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// enumerate joins names as a sentence does.
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
