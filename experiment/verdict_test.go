package experiment

import (
	"math"
	"strings"
	"testing"
)

// result returns one whose runs end with these accuracies, one for each seed.
func result(accuracies map[string][]float64, order ...string) *Result {
	r := &Result{Settings: Settings{Network: "net", Data: "set", Activations: order, Test: 2000, Batch: 100, Target: .98}}
	for i := range accuracies[order[0]] {
		r.Settings.Seeds = append(r.Settings.Seeds, uint64(i)+1)
	}
	for i, seed := range r.Settings.Seeds {
		for _, name := range order {
			run := Run{Activation: name, Seed: seed}
			if a := accuracies[name][i]; math.IsNaN(a) {
				run.Diverged = true
			} else {
				run.Epochs = []Epoch{{Epoch: 1, TestAccuracy: a, TestLoss: 1 - a, Seconds: 1}}
			}
			r.Runs = append(r.Runs, run)
		}
	}
	return r
}

func cost(name string, step, inference, half float64, bytes int64) Cost {
	at := func(v float64) Spread { return Spread{v, v - half, v + half} }
	return Cost{Activation: name, Step: at(step), Inference: at(inference), BytesKept: bytes}
}

func TestVerdictSaysNoMoreThanTheNumbers(t *testing.T) {
	nan := math.NaN()
	interrupted := result(map[string][]float64{"a": {.9}, "b": {.9}}, "a", "b")
	interrupted.Runs, interrupted.Interrupted = nil, true
	for name, test := range map[string]struct {
		result    *Result
		says, not []string
	}{
		"one seed, a difference of chance": {
			result(map[string][]float64{"a": {.981}, "b": {.985}}, "a", "b"),
			[]string{"With one seed", "98.10 %", "98.50 %", "rank nothing"}, []string{"more accurate", "trains fastest"},
		},
		"one seed, a large difference": {
			result(map[string][]float64{"a": {.90}, "b": {.98}}, "a", "b"),
			[]string{"With one seed", "b is more accurate than a (by 8.00 points)", "whether other seeds agree is not known"}, []string{"a is more"},
		},
		"equal accuracies": {
			result(map[string][]float64{"a": {.98}, "b": {.98}}, "a", "b"),
			[]string{"all at 98.00 %", "rank nothing"}, []string{"more accurate"},
		},
		"five seeds, within the spread": {
			result(map[string][]float64{"a": {.980, .985, .979, .988, .981}, "b": {.984, .979, .983, .984, .982}}, "a", "b"),
			[]string{"Over 5 seeds", "no difference between two functions stands out"}, []string{"more accurate"},
		},
		"five seeds, beyond the spread": {
			result(map[string][]float64{"a": {.980, .981, .982, .983, .981}, "b": {.970, .971, .973, .972, .971}, "c": {.9801, .9812, .9818, .9829, .9813}}, "a", "b", "c"),
			[]string{"a is more accurate than b (by 1.00 points)", "c is more accurate than b", "the other difference does not"}, []string{"b is more", "a is more accurate than c", "c is more accurate than a"},
		},
		// With two seeds of equal difference the spread is zero, by chance: it is
		// taken as one image at least, and t with one degree of freedom is wide.
		"two seeds without spread": {
			result(map[string][]float64{"a": {.980, .981}, "b": {.979, .980}}, "a", "b"),
			[]string{"no difference between two functions stands out"}, []string{"more accurate"},
		},
		"all right": {
			result(map[string][]float64{"a": {1, 1}, "b": {1, 1}}, "a", "b"),
			[]string{"all at 100.00 %"}, []string{"NaN", "more accurate"},
		},
		"one function": {
			result(map[string][]float64{"a": {.98, .97}}, "a"),
			[]string{"Only a was trained", "97.50 %"}, []string{"more accurate", "Over"},
		},
		"a function that diverged": {
			result(map[string][]float64{"a": {.98, .98, .97}, "b": {nan, .97, .98}}, "a", "b"),
			[]string{"b diverged in 1 of 3 runs"}, []string{"NaN"},
		},
		"all diverged": {
			result(map[string][]float64{"a": {nan}, "b": {nan}}, "a", "b"),
			[]string{"No training ran to its end", "a diverged in 1 of 1"}, []string{"NaN"},
		},
		"interrupted": {interrupted, []string{"No training ran to its end", "interrupted: 0 of 2 runs"}, []string{"NaN"}},
	} {
		verdict := test.result.Verdict()
		for _, want := range test.says {
			if !strings.Contains(verdict, want) {
				t.Errorf("%s: %q does not say %q", name, verdict, want)
			}
		}
		for _, not := range test.not {
			if strings.Contains(verdict, not) {
				t.Errorf("%s: %q says %q", name, verdict, not)
			}
		}
	}
}

func TestVerdictOnCosts(t *testing.T) {
	r := result(map[string][]float64{"a": {.98, .981, .979}, "b": {.981, .979, .98}, "c": {.979, .98, .982}}, "a", "b", "c")
	r.Costs = []Cost{cost("a", 10, 2, .1, 1<<20), cost("b", 10.1, 2.5, .1, 1<<20), cost("c", 15, 4, .1, 3<<20)}
	verdict := r.Verdict()
	for _, want := range []string{
		"10 ms with a and b alike", "1.50 times that with c",
		"inference takes 2 ms with a, and 1.25 times that with b and 2.00 times that with c",
		"1.0 MiB with a and b and 3.0 MiB with c",
		"Of those that no other is shown to beat in accuracy, a and b train fastest",
	} {
		if !strings.Contains(verdict, want) {
			t.Errorf("%q does not say %q", verdict, want)
		}
	}
	r.Costs = []Cost{cost("a", 10, 2, 3, 1<<20), cost("b", 10.1, 2, 3, 1<<20), cost("c", 11, 2, 3, 1<<20)}
	verdict = r.Verdict()
	if strings.Contains(verdict, "times") || strings.Contains(verdict, "MiB") || !strings.Contains(verdict, "neither accuracy nor time decides") {
		t.Errorf("%q ranks what the timing does not", verdict)
	}
}

// One of the p values is checked with a table: t = 4.303 with 2 degrees of
// freedom has 5 % in its two tails.
func TestChanceIsStudents(t *testing.T) {
	r := &Result{Settings: Settings{Test: 1e9}}
	const mean = 4.302653 / 1.7320508
	d := []float64{mean - 1, mean, mean + 1}
	if p := r.chance(d, []float64{0, 0, 0}, d); math.Abs(p-.05) > 1e-6 {
		t.Errorf("p = %v, want .05", p)
	}
}

// Holm's own rule: the k-th smallest of m must be at most 5 %/(m-k+1), and one
// that fails ends it.
func TestHolmStopsAtTheFirstFailure(t *testing.T) {
	list := []difference{{p: .03}, {p: .001}, {p: .024}, {p: .02}}
	holm(list)
	for i, want := range []bool{false, true, false, false} {
		if list[i].significant != want {
			t.Errorf("p = %v: significant is %v", list[i].p, list[i].significant)
		}
	}
	list = []difference{{p: .04}, {p: .001}, {p: .02}}
	holm(list)
	for _, d := range list {
		if !d.significant {
			t.Errorf("p = %v is not significant", d.p)
		}
	}
	holm(nil)
}

// textResult returns one on a text, whose runs end with these bits per character,
// each batch a little off.
func textResult(bits map[string][]float64, batches int, order ...string) *Result {
	r := result(bits, order...)
	r.Settings.Task, r.Settings.Window, r.Settings.Target = CharsTask, 64, 0
	for i := range r.Runs {
		run := &r.Runs[i]
		for j := range run.Epochs {
			e := &run.Epochs[j]
			b := bits[run.Activation][run.Seed-1]
			e.TestLoss, e.TestAccuracy = b*math.Ln2, .5
			for k := range batches {
				wave := .1*float64(k%5-2) + .01*float64((k*k+len(run.Activation)*k)%7-3)
				run.TestLosses = append(run.TestLosses, (b+wave)*math.Ln2)
			}
		}
	}
	return r
}

func TestVerdictOnTexts(t *testing.T) {
	known := textResult(map[string][]float64{"a": {1.5, 1.51}, "bb": {1.6, 1.61}}, 20, "a", "bb")
	known.Entropy = .489
	for name, test := range map[string]struct {
		result    *Result
		says, not []string
	}{
		"one seed, beyond the choice of text": {
			textResult(map[string][]float64{"a": {1.5}, "bb": {1.6}}, 20, "a", "bb"),
			[]string{"With one seed, a predicts better than bb (by 0.100 bits per character)", "the choice of the test text", "whether other seeds agree"}, []string{"accura", "bb predicts", "images", "no model can save"},
		},
		"one seed, within": {
			textResult(map[string][]float64{"a": {1.5}, "bb": {1.503}}, 20, "a", "bb"),
			[]string{"test losses, from 1.500 bits per character (a) to 1.503 bits per character (bb)", "rank nothing"}, []string{"predicts better"},
		},
		"one seed, a short text": {
			textResult(map[string][]float64{"a": {1.5}, "bb": {1.6}}, 7, "a", "bb"),
			[]string{"so short a test text", "rank nothing"}, []string{"predicts better"},
		},
		"five seeds, beyond the spread": {
			textResult(map[string][]float64{"a": {1.50, 1.51, 1.52, 1.50, 1.51}, "bb": {1.60, 1.62, 1.61, 1.61, 1.62}}, 0, "a", "bb"),
			[]string{"Over 5 seeds a predicts better than bb (by 0.104 bits per character)"}, []string{"bb predicts"},
		},
		"five seeds, within": {
			textResult(map[string][]float64{"a": {1.50, 1.55, 1.45, 1.6, 1.51}, "bb": {1.53, 1.5, 1.51, 1.55, 1.52}}, 0, "a", "bb"),
			[]string{"no difference between two functions stands out"}, []string{"predicts better"},
		},
		"equal": {
			textResult(map[string][]float64{"a": {1.5, 1.5}, "b": {1.5, 1.5}}, 20, "a", "b"),
			[]string{"all at 1.500 bits per character"}, []string{"NaN", "predicts better"},
		},
		"one function": {textResult(map[string][]float64{"a": {1.5}}, 20, "a"), []string{"its test loss is 1.500 bits per character"}, []string{"accuracy"}},
		"known":        {known, []string{"The test text itself has 0.489 bits per character"}, nil},
		"none":         {textResult(map[string][]float64{"a": {math.NaN()}}, 0, "a"), []string{"there is no loss to compare"}, []string{"accuracy"}},
	} {
		verdict := test.result.Verdict()
		for _, want := range test.says {
			if !strings.Contains(verdict, want) {
				t.Errorf("%s: %q does not say %q", name, verdict, want)
			}
		}
		for _, not := range test.not {
			if strings.Contains(verdict, not) {
				t.Errorf("%s: %q says %q", name, verdict, not)
			}
		}
	}
}

func TestSummaryOnTexts(t *testing.T) {
	r := textResult(map[string][]float64{"a": {1, 3}}, 0, "a")
	r.Settings.Target = 2
	s := r.Summaries()[0]
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	if !near(s.BitsPerChar.Mean, 2) || !near(s.BitsPerChar.Std, math.Sqrt2) || !near(s.Perplexity.Mean, 5) || !near(s.Loss.Mean, 2*math.Ln2) || s.Reached != 1 {
		t.Errorf("%+v", s)
	}
	r.Settings.Target = 0
	if s := r.Summaries()[0]; s.Reached != 0 {
		t.Errorf("%d runs reached no target", s.Reached)
	}
	if s := result(map[string][]float64{"a": {.9}}, "a").Summaries()[0]; !math.IsNaN(s.BitsPerChar.Mean) || !math.IsNaN(s.Perplexity.Mean) {
		t.Errorf("on images: %+v", s)
	}
}
