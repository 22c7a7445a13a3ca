package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

func smallSet(t *testing.T) *data.Set {
	t.Helper()
	set, err := data.Load(t.Context(), "digits", data.Options{Train: 250, Test: 90})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func smallNetwork() nn.Network {
	return nn.Network{Input: nn.Shape{28, 28, 1}, Layers: nn.Sequential{
		nn.Conv2D{Filters: 4, Kernel: nn.Square(5), Stride: nn.Square(3)}, nn.Activation{},
		nn.Dropout{Rate: .1}, nn.Flatten{},
		nn.Dense{Units: 20}, nn.Activation{},
		nn.Dense{Units: 10},
	}}
}

func smallSettings(activations ...string) Settings {
	return Settings{
		Network: "small", Activations: activations, Epochs: 2, Batch: 40, Seeds: []uint64{1, 2},
		Optimizer: "adam", Schedule: "exponential", LearningRate: .003, FinalLearningRate: .0003, Target: .5,
	}
}

// withoutTimes takes out what differs from one comparison to the next.
func withoutTimes(r *Result) *Result {
	c := *r
	c.Environment, c.Seconds, c.Settings.Threads = Environment{}, 0, 0
	c.Runs = slices.Clone(r.Runs)
	for i := range c.Runs {
		c.Runs[i].Epochs = slices.Clone(c.Runs[i].Epochs)
		for j := range c.Runs[i].Epochs {
			e := &c.Runs[i].Epochs[j]
			e.Seconds, e.ImagesPerSecond, e.CharactersPerSecond = 0, 0, 0
		}
	}
	return &c
}

func TestComparisonIsTheSameTwiceAndOnAnyThreads(t *testing.T) {
	set, s := smallSet(t), smallSettings("isrlu", "isrlu:3:learn", "gelu", "isru:learn-channel")
	sameOnThreads(t, []int{1, 1, 2, 5}, func(threads int) *Result {
		s.Threads = threads
		r, err := Compare(t.Context(), smallNetwork(), set, s, Options{NoCosts: true})
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

// sameOnThreads compares on each number of threads and returns the result, which is
// the same but for times and has other weights for each training.
func sameOnThreads(t *testing.T, threads []int, compare func(threads int) *Result) *Result {
	t.Helper()
	var first *Result
	for _, n := range threads {
		r := withoutTimes(compare(n))
		if first == nil {
			first = r
		} else if !reflect.DeepEqual(first, r) {
			t.Errorf("%d threads: the result differs", n)
		}
	}
	digests := map[string]bool{}
	for _, run := range first.Runs {
		digests[run.Digest] = true
	}
	if len(digests) != len(first.Runs) || digests[""] {
		t.Errorf("%d different weights of %d trainings", len(digests), len(first.Runs))
	}
	return first
}

func TestComparisonIsWhole(t *testing.T) {
	set, s := smallSet(t), smallSettings("isrlu", "isru:3:learn", "gelu", "relu")
	var last Progress
	lines := 0
	r, err := Compare(t.Context(), smallNetwork(), set, s, Options{
		Version: "v1", Progress: func(p Progress) { last = p },
		Finished: func(*Result, *Run) error { lines++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 8 || lines != 16 || !last.Timing {
		t.Errorf("%d runs, %d epochs, last progress %+v", len(r.Runs), lines, last)
	}
	for i, run := range r.Runs {
		if !run.Complete() || len(run.Epochs) != 2 || run.Seed != s.Seeds[i/4] || run.Activation != s.Activations[i%4] {
			t.Errorf("run %d is %+v", i, run)
		}
		first, end := run.Epochs[0], run.Epochs[1]
		if end.TrainLoss >= first.TrainLoss || end.TestLoss >= first.TestLoss || first.LearningRate <= end.LearningRate {
			t.Errorf("%s: nothing was learned: %+v, %+v", run.Activation, first, end)
		}
		if want := i < 4; (run.Activations != nil) != want {
			t.Errorf("run %d: histograms are there: %v", i, run.Activations != nil)
		}
		if learns := run.Activation == "isru:3:learn"; learns != (len(run.Alphas) == 2) {
			t.Errorf("%s: learned %v", run.Activation, run.Alphas)
		} else if learns && (run.Alphas[0].Name != "alpha" || run.Alphas[0].Values[0] == 3) {
			t.Errorf("alpha did not move: %+v", run.Alphas)
		}
		for _, h := range run.Activations {
			n := h.Below + h.Above
			for _, c := range h.Counts {
				n += c
			}
			wanted := map[string]int{"2.activation": 90 * 8 * 8 * 4, "6.activation": 90 * 20}[h.Layer]
			if n != wanted || h.From >= h.To || h.Std <= 0 {
				t.Errorf("%s: %s has %d outputs, want %d: %+v", run.Activation, h.Layer, n, wanted, h)
			}
			if run.Activation == "relu" && (h.From < 0 || h.Zero < .01) {
				t.Errorf("relu: %+v", h)
			}
		}
	}
	if len(r.Costs) != 4 || len(r.Layers) != 7 || r.Parameters != 4*26+(256*20+20)+(200+10) {
		t.Errorf("%d costs, %d layers, %d parameters", len(r.Costs), len(r.Layers), r.Parameters)
	}
	for i, c := range r.Costs {
		if c.Activation != s.Activations[i] || c.Step.Median <= 0 || c.Step.Low > c.Step.Median || c.Step.High < c.Step.Median || c.StepShare >= 1 {
			t.Errorf("cost %+v", c)
		}
		// GELU's gradient needs its inputs, of 8x8x4 and 20 elements a sample; the
		// others' need outputs, which but for the one before the dropout are there
		// for the next layer anyway.
		extra := int64(40 * 256 * 4)
		if c.Activation == "gelu" {
			extra = 40 * (256 + 20) * 4
		}
		if c.FromOutput != (c.Activation != "gelu") || c.BytesForActivation != extra || c.BytesKept <= 0 {
			t.Errorf("%s: %d bytes for the activation, want %d, from output %v", c.Activation, c.BytesForActivation, extra, c.FromOutput)
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(r, &back) {
		t.Errorf("%v: JSON loses something", err)
	}
}

func TestInterruptedComparisonReportsWhatIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := 0
	r, err := Compare(ctx, smallNetwork(), smallSet(t), smallSettings("isrlu", "relu"), Options{
		Finished: func(*Result, *Run) error {
			if lines++; lines == 3 {
				cancel()
			}
			return nil
		},
	})
	if !errors.Is(err, context.Canceled) || r == nil || !r.Interrupted {
		t.Fatalf("%v, %+v", err, r)
	}
	if len(r.Runs) != 2 || !r.Runs[0].Complete() || r.Runs[1].Complete() || len(r.Runs[1].Epochs) != 1 {
		t.Errorf("%+v", r.Runs)
	}
	if v := r.Verdict(); !strings.Contains(v, "interrupted: 1 of 4 runs") {
		t.Error(v)
	}
}

func TestDivergedTrainingEndsAlone(t *testing.T) {
	s := smallSettings("relu", "isrlu")
	s.Optimizer, s.LearningRate, s.Schedule = "sgd", 1e30, "constant"
	r, err := Compare(t.Context(), smallNetwork(), smallSet(t), s, Options{NoCosts: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 4 || !r.Runs[0].Diverged || r.Interrupted {
		t.Errorf("%+v", r.Runs)
	}
}

// The only step of this training has a finite loss, and leads to infinite weights.
func TestInfiniteTestLossIsDivergence(t *testing.T) {
	s := smallSettings("relu", "isrlu:learn")
	s.Optimizer, s.LearningRate, s.Schedule, s.Epochs, s.Batch = "sgd", 1e38, "constant", 1, 250
	r, err := Compare(t.Context(), smallNetwork(), smallSet(t), s, Options{NoCosts: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range r.Runs {
		if !run.Diverged || len(run.Epochs) != 0 {
			t.Errorf("%+v", run)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestErrorOfFinishedEndsComparison(t *testing.T) {
	full := errors.New("disk full")
	r, err := Compare(t.Context(), smallNetwork(), smallSet(t), smallSettings("relu"), Options{Finished: func(*Result, *Run) error { return full }})
	if r != nil || !errors.Is(err, full) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestBadSettingsNameTheValue(t *testing.T) {
	set := smallSet(t)
	for want, change := range map[string]func(*Settings, *nn.Network){
		"no activation function": func(s *Settings, _ *nn.Network) { s.Activations = nil },
		`"foo"`:                  func(s *Settings, _ *nn.Network) { s.Activations = []string{"foo"} },
		"no parameter to learn":  func(s *Settings, _ *nn.Network) { s.Activations = []string{"relu:learn"} },
		"twice":                  func(s *Settings, _ *nn.Network) { s.Activations = []string{"relu", "relu"} },
		"seeds must":             func(s *Settings, _ *nn.Network) { s.Seeds = nil },
		"seed 7":                 func(s *Settings, _ *nn.Network) { s.Seeds = []uint64{7, 7} },
		"got 1.5":                func(s *Settings, _ *nn.Network) { s.Target = 1.5 },
		"epochs must":            func(s *Settings, _ *nn.Network) { s.Epochs = 0 },
		"batch must":             func(s *Settings, _ *nn.Network) { s.Batch = -1 },
		"threads must":           func(s *Settings, _ *nn.Network) { s.Threads = -1 },
		`"adamm"`:                func(s *Settings, _ *nn.Network) { s.Optimizer = "adamm" },
		`"linear"`:               func(s *Settings, _ *nn.Network) { s.Schedule = "linear" },
		"weight decay":           func(s *Settings, _ *nn.Network) { s.WeightDecay = -1 },
		"clip norm":              func(s *Settings, _ *nn.Network) { s.ClipNorm = -1 },
		"leave \"function\" or \"activation\" out": func(_ *Settings, n *nn.Network) {
			n.Layers = nn.Sequential{nn.Flatten{}, nn.Dense{Units: 10}, nn.Activation{Function: "relu"}}
		},
		"7 outputs": func(_ *Settings, n *nn.Network) {
			n.Layers = nn.Sequential{nn.Flatten{}, nn.Activation{}, nn.Dense{Units: 7}}
		},
		"[32 32 3]": func(_ *Settings, n *nn.Network) { n.Input = nn.Shape{32, 32, 3} },
		"layer 2": func(_ *Settings, n *nn.Network) {
			n.Layers[1] = nn.Dense{Units: 0}
			n.Layers = append(n.Layers, nn.Activation{})
		},
	} {
		s, n := smallSettings("relu"), smallNetwork()
		change(&s, &n)
		r, err := Compare(t.Context(), n, set, s, Options{NoCosts: true})
		if err == nil || r != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// Every built-in network trains with the default function of a placeholder.
func TestBuiltinNetworks(t *testing.T) {
	for _, name := range Tasks[0].Builtins() {
		n, err := Builtin(Tasks[0], name)
		if err != nil || n.Name != name {
			t.Fatalf("%s: %v", name, err)
		}
		if !openIn(n.Layers).activation {
			t.Errorf("%s has no activation to choose", name)
		}
		n.Activation = "isrlu"
		m, err := nn.New[float32](n, nn.Options{Batch: 2})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(m.Output(), nn.Shape{10}) {
			t.Errorf("%s: output %v", name, m.Output())
		}
		weights, _ := m.CountParameters()
		if want := map[string]int{
			"mlp":     784*256 + 256 + 256*128 + 128 + 1290,
			"conv3":   36*24 + 24 + 25*24*48 + 48 + 16*48*64 + 64 + 3136*200 + 200 + 2010,
			"conv4":   9*32 + 32 + 9*32*32 + 32 + 9*32*64 + 64 + 9*64*64 + 64 + 3136*256 + 256 + 2570,
			"resnet8": 9*16 + 2*9*16*16 + 9*16*32 + 9*32*32 + 16*32 + 9*32*64 + 9*64*64 + 32*64 + 2*(3*16+3*32+3*64) + 650,
		}[name]; weights != want {
			t.Errorf("%s: %d weights, want %d", name, weights, want)
		}
		m.Close()
	}
	if _, err := Builtin(Tasks[0], "vgg"); err == nil || !strings.Contains(err.Error(), `"vgg"`) || !strings.Contains(err.Error(), "resnet8") {
		t.Error(err)
	}
}

func TestSpreadInterpolates(t *testing.T) {
	if got, want := spread([]float64{4, 1, 3, 2, 5}), (Spread{3, 2, 4}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := spread([]float64{1, 2}), (Spread{1.5, 1.25, 1.75}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := spread([]float64{7}), (Spread{7, 7, 7}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
