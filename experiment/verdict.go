package experiment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verdict says in one paragraph what the result carries, and no more:
//
// Accuracies of two functions, on a text their bits per character, differ where a
// paired t-test over the seeds says so, with Holm's correction for the number of
// pairs. One seed has no spread: the yardstick is the standard error that the
// choice of test images or test text makes, for a text from a paired t-test over
// its batches, and the text says that it knows nothing of other seeds. Times
// differ where the quartiles do not overlap.
func (r *Result) Verdict() string {
	summaries := r.Summaries()
	var parts []string
	for _, part := range []string{
		r.qualityVerdict(summaries),
		r.entropyVerdict(),
		r.stepVerdict(summaries),
		r.simulationVerdict(),
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

// A quality is what decides which of two trainings is better, and how to write
// of it.
type quality struct {
	of     func(*Epoch) float64
	mean   func(*Summary) float64
	less   bool // whether less is better
	one    string
	many   string
	value  func(float64) string
	better string // between the names of two functions
	by     string // how much
	choice string // what a single training's yardstick is
	short  string
}

func (r *Result) quality() quality {
	if r.Settings.OnText() {
		return quality{
			of:   func(e *Epoch) float64 { return BitsPerChar(e.TestLoss) },
			mean: func(s *Summary) float64 { return s.BitsPerChar.Mean },
			less: true, one: "test loss", many: "test losses",
			value:  func(v float64) string { return fmt.Sprintf("%.3f bits per character", v) },
			better: "predicts better than", by: "%.3f bits per character",
			choice: "the choice of the test text", short: "bits per character",
		}
	}
	return quality{
		of:   func(e *Epoch) float64 { return e.TestAccuracy },
		mean: func(s *Summary) float64 { return s.Accuracy.Mean },
		one:  "test accuracy", many: "test accuracies",
		value:  percent,
		better: "is more accurate than", by: "%.2f points",
		choice: fmt.Sprintf("the choice of %d test images", r.Settings.Test), short: "accuracy",
	}
}

func (r *Run) last() *Epoch { return &r.Epochs[len(r.Epochs)-1] }

func (r *Result) qualityVerdict(summaries []Summary) string {
	q := r.quality()
	var done []Summary
	seeds := 0
	for _, s := range summaries {
		if s.Runs > 0 && !math.IsNaN(q.mean(&s)) {
			done = append(done, s)
			seeds = max(seeds, s.Runs)
		}
	}
	switch len(done) {
	case 0:
		return fmt.Sprintf("No training ran to its end, so there is no %s to compare.", strings.TrimPrefix(q.one, "test "))
	case 1:
		return fmt.Sprintf("Only %s was trained to the end; its %s is %s.", done[0].Activation, q.one, q.value(q.mean(&done[0])))
	}
	byMean := func(a, b Summary) int { return cmp.Compare(q.mean(&a), q.mean(&b)) }
	least, most := slices.MinFunc(done, byMean), slices.MaxFunc(done, byMean)
	low, high := q.value(q.mean(&least)), q.value(q.mean(&most))
	reach := fmt.Sprintf("from %s (%s) to %s (%s)", low, least.Activation, high, most.Activation)
	if q.mean(&least) == q.mean(&most) {
		reach = "all at " + high
	}
	differences := r.differences()
	found, others := beaten(differences, summaries, q)
	if seeds == 1 {
		if found == "" && r.shortOfBatches() {
			return fmt.Sprintf("With one seed and so short a test text, the %s, %s, rank nothing. More seeds would measure the spread between runs.", q.many, reach)
		}
		if found == "" {
			return fmt.Sprintf("With one seed, the %s, %s, differ by no more than %s explains: they rank nothing. More seeds would measure the spread between runs.", q.many, reach, q.choice)
		}
		return fmt.Sprintf("With one seed, %s; that is more than %s explains, but whether other seeds agree is not known.", found, q.choice)
	}
	if found == "" {
		return fmt.Sprintf("Over %d seeds the mean %s go %s, and no difference between two functions stands out from the spread over the seeds (paired t-tests, 5 %% over all pairs).", seeds, q.many, reach)
	}
	text := fmt.Sprintf("Over %d seeds %s (paired t-tests, 5 %% over all pairs)", seeds, found)
	if others == 1 {
		text += "; the other difference does not stand out from the spread"
	} else if others > 1 {
		text += fmt.Sprintf("; the other %d differences do not stand out from the spread", others)
	}
	return text + "."
}

// shortOfBatches tells that a test text is too short to say what its choice does.
func (r *Result) shortOfBatches() bool {
	return r.Settings.OnText() && slices.ContainsFunc(r.Runs, func(run Run) bool {
		return run.Complete() && len(run.TestLosses) < leastBatches
	})
}

// entropyVerdict says what no model can save, where that is known.
func (r *Result) entropyVerdict() string {
	if !(r.Entropy > 0) {
		return ""
	}
	return fmt.Sprintf("The test text itself has %.3f bits per character, which no model can save.", r.Entropy)
}

// beaten lists the significant differences, winner by winner, and counts the
// others.
func beaten(list []difference, summaries []Summary, q quality) (text string, others int) {
	scale := 1.0
	if !q.less {
		scale = 100
	}
	var clauses []string
	for i := range summaries {
		var names []string
		for _, d := range list {
			if d.significant && d.better == i {
				names = append(names, fmt.Sprintf("%s (by "+q.by+")", summaries[d.worse].Activation, scale*d.mean))
			}
		}
		if len(names) > 0 {
			clauses = append(clauses, summaries[i].Activation+" "+q.better+" "+enumerate(names))
		}
	}
	for _, d := range list {
		if !d.significant {
			others++
		}
	}
	return strings.Join(clauses, ", "), others
}

func (r *Result) stepVerdict(summaries []Summary) string {
	step := timeVerdict(summaries, func(c *Cost) Spread { return c.Step })
	if step == "" {
		return ""
	}
	inference := timeVerdict(summaries, func(c *Cost) Spread { return c.Inference })
	return fmt.Sprintf("A training step of %d %s takes %s; inference takes %s.", r.Settings.Batch, r.Settings.Samples(), step, inference)
}

// simulationVerdict says what the times of simulated units are, where they were taken.
func (r *Result) simulationVerdict() string {
	if len(r.Costs) == 0 {
		return ""
	}
	return SimulationNote(r.Settings.Activations)
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

// timed returns the summaries whose cost was measured, the fastest first. Those of
// simulated units are left out.
func timed(summaries []Summary, of func(*Cost) Spread) []Summary {
	var list []Summary
	for _, s := range summaries {
		if s.Cost != nil && of(s.Cost).Median > 0 && !Simulated(s.Activation) {
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
		return fmt.Sprintf("Among %s neither %s nor time decides.", enumerate(fastest), r.quality().short)
	}
	return fmt.Sprintf("Of those that no other is shown to beat in %s, %s %s.", r.quality().short, enumerate(fastest), plural(len(fastest), "trains fastest", "train fastest"))
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
