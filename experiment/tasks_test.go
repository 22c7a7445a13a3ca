package experiment

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

func smallText(t *testing.T, window int) *data.Set {
	t.Helper()
	text, err := data.LoadText(t.Context(), "prose", data.TextOptions{Train: 6000, Test: 3000})
	if err != nil {
		t.Fatal(err)
	}
	set, err := text.Windows(window)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// bigrams is a network that predicts from the last character alone.
func bigrams(window, classes int) nn.Network {
	return nn.Network{Input: nn.Shape{window}, Layers: nn.Sequential{
		nn.Embedding{Tokens: classes, Units: 12},
		nn.Dense{Units: 16}, nn.Activation{},
		nn.Dense{Units: classes},
	}}
}

func textSettings(activations ...string) Settings {
	s := smallSettings(activations...)
	s.Task, s.Target, s.Batch, s.LearningRate, s.FinalLearningRate = CharsTask, 5, 16, .02, .01
	return s
}

func TestComparisonOnText(t *testing.T) {
	const window = 20
	set := smallText(t, window)
	var first *Result
	for _, threads := range []int{1, 3} {
		s := textSettings("isrlu", "gelu")
		s.Threads = threads
		r, err := Compare(t.Context(), bigrams(window, len(set.Classes)), set, s, Options{NoCosts: threads > 1})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
		} else if !reflect.DeepEqual(withoutTimes(first).Runs, withoutTimes(r).Runs) {
			t.Errorf("%d threads: the runs differ", threads)
		}
	}
	s := first.Settings
	if s.Data != "prose" || s.Train != 299 || s.Test != 149 || s.Window != window || s.TrainChars != 6000 || s.TestChars != 3000 || !(first.Entropy > 0) {
		t.Errorf("settings %+v, entropy %v", s, first.Entropy)
	}
	if got := s.Samples(); got != "windows of 20 characters" {
		t.Errorf("the samples are %s", got)
	}
	for _, run := range first.Runs {
		begin, end := run.Epochs[0], run.Epochs[1]
		// Characters all alike have log2(76) = 6.2 bits, their frequencies alone 4.3.
		if bits := BitsPerChar(end.TestLoss); bits > 4 || bits < first.Entropy || end.TestLoss >= begin.TestLoss {
			t.Errorf("%s ends with %.2f bits per character", run.Activation, bits)
		}
		if end.TestAccuracy < .2 || end.TestAccuracy > .6 || end.CharactersPerSecond <= 0 || end.ImagesPerSecond != 0 {
			t.Errorf("%+v", end)
		}
		if len(run.TestLosses) != 149/16 {
			t.Errorf("%d losses of batches", len(run.TestLosses))
		}
		sum := 0.0
		for _, v := range run.TestLosses {
			sum += v
		}
		if mean := sum / 9; math.Abs(mean-end.TestLoss) > .05 {
			t.Errorf("the batches' mean loss is %v, all windows' %v", mean, end.TestLoss)
		}
	}
	if h := first.Runs[0].Activations; len(h) != 1 {
		t.Errorf("%d histograms", len(h))
	}
	if v := first.Verdict(); !strings.Contains(v, "bits per character") || !strings.Contains(v, "A training step of 16 windows of 20 characters") {
		t.Error(v)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(first, &back) {
		t.Errorf("%v: JSON loses something", err)
	}
}

// A set of windows counts every prediction alike, also in a batch that is not full.
func TestEvaluateWeighsPredictions(t *testing.T) {
	set := smallText(t, 20)
	var losses []float64
	for _, batch := range []int{149, 40, 7} {
		m, err := nn.New[float32](nn.Network{Input: nn.Shape{20}, Activation: "relu", Layers: bigrams(20, 76).Layers}, nn.Options{Batch: batch, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := nn.NewTrainer(m, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: nn.Constant(.01)})
		if err != nil {
			t.Fatal(err)
		}
		loss, _, err := (&Training{Trainer: trainer, Set: set}).Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
		m.Close()
	}
	for _, loss := range losses {
		if math.Abs(loss-losses[0]) > 1e-6 {
			t.Errorf("losses in batches of 149, 40 and 7 are %v", losses)
		}
	}
}

func TestImagesRowByRow(t *testing.T) {
	s := smallSettings("isrlu")
	s.Task = SeqDigitsTask
	n := nn.Network{Input: nn.Shape{28, 28}, Layers: nn.Sequential{nn.Dense{Units: 8}, nn.Activation{}, nn.Flatten{}, nn.Dense{Units: 10}}}
	r, err := Compare(t.Context(), n, smallSet(t), s, Options{NoCosts: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Settings.Task != SeqDigitsTask || r.Settings.Samples() != "images" || r.Runs[0].Epochs[1].TestAccuracy < .2 {
		t.Errorf("%+v", r.Runs[0])
	}
}

func TestTasksNameWhatDoesNotSuit(t *testing.T) {
	images, text := smallSet(t), smallText(t, 20)
	dense := nn.Sequential{nn.Flatten{}, nn.Dense{Units: 8}, nn.Activation{}, nn.Dense{Units: 10}}
	for want, c := range map[string]struct {
		task    string
		network nn.Network
		set     *data.Set
	}{
		`unknown task "text"; known: images, seq-digits, chars`: {"text", smallNetwork(), images},
		"takes [28 28 1], but the task seq-digits":              {SeqDigitsTask, smallNetwork(), images},
		"takes [28 28], a sequence, but the task images":        {"", nn.Network{Input: nn.Shape{28, 28}, Layers: dense}, images},
		"takes [28 28 1], but the task chars gives it windows":  {CharsTask, smallNetwork(), images},
		"no text, which does not suit the task chars":           {CharsTask, nn.Network{Input: nn.Shape{784}, Layers: dense}, images},
		"a text, which does not suit the task images":           {ImagesTask, bigrams(20, 76), text},
		"takes [30], but the windows are [20] characters":       {CharsTask, bigrams(30, 76), text},
		"output is [20 70], but prose with 76 characters needs [20 76]": {CharsTask, func() nn.Network {
			n := bigrams(20, 76)
			n.Layers[3] = nn.Dense{Units: 70}
			return n
		}(), text},
		"takes [14 56], but the images are 28x28x1": {SeqDigitsTask, nn.Network{Input: nn.Shape{14, 56}, Layers: dense}, images},
	} {
		s := smallSettings("relu")
		s.Task = c.task
		r, err := Compare(t.Context(), c.network, c.set, s, Options{NoCosts: true})
		if err == nil || r != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	s := textSettings("relu")
	for target, want := range map[float64]string{-1: "got -1", 17: "from 0 to 16 bits", math.NaN(): "NaN"} {
		s.Target = target
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("target %v: error %v does not say %q", target, err, want)
		}
	}
	s.Target, s.TestChars = 0, -5
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "-5") {
		t.Errorf("error is %v", err)
	}
}

// Every built-in network of sequences is a model that fits its task, and learns.
func TestBuiltinNetworksOfSequences(t *testing.T) {
	for _, task := range Tasks[1:] {
		for _, name := range task.Builtins() {
			n, err := Builtin(task, name)
			if err != nil {
				t.Fatal(err)
			}
			const characters = 7
			n = Choose(ForClasses(n, characters), "isru+dyisru")
			if err := task.CheckInput(n.Input); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			m, err := nn.New[float32](n, nn.Options{Batch: 2})
			if err != nil {
				t.Errorf("%s %s: %v", task.Name, name, err)
				continue
			}
			want := 10
			if task.Text() {
				want = n.Input[0] * characters
			}
			if m.Output().Size() != want {
				t.Errorf("%s %s puts out %v", task.Name, name, m.Output())
			}
			m.Close()
		}
		if _, err := Builtin(task, "vgg"); err == nil || !strings.Contains(err.Error(), `"vgg"`) || !strings.Contains(err.Error(), "gru") {
			t.Errorf("error %v", err)
		}
	}
}

// On a text, a comparison learns more than how often each character is there.
func TestCompareOnText(t *testing.T) {
	text, err := data.LoadText(t.Context(), "prose", data.TextOptions{Train: 8000, Test: 2000})
	if err != nil {
		t.Fatal(err)
	}
	set, err := text.Windows(20)
	if err != nil {
		t.Fatal(err)
	}
	n := nn.Network{Input: nn.Shape{20}, Init: nn.LeCun(), Layers: nn.Sequential{
		nn.Embedding{Units: 16, Init: nn.LeCun()}, nn.GRU{Units: 24}, nn.Residual{Body: nn.Sequential{nn.Norm{}, nn.Attention{Heads: 2}}}, nn.Dense{},
	}}
	s := Settings{
		Task: CharsTask, Network: "small", Activations: []string{"isru+rms_norm", "tanh/isru_sigmoid+dyisru"}, Seeds: []uint64{1, 2}, Epochs: 3, Batch: 20,
		Optimizer: "adam", Schedule: "constant", LearningRate: .01,
	}
	r, err := Compare(t.Context(), n, set, s, Options{NoCosts: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range r.Runs {
		if bits := BitsPerChar(run.Epochs[2].TestLoss); !(bits > r.Entropy && bits < 4) || run.Diverged {
			t.Errorf("%s, seed %d: %v bits per character", run.Activation, run.Seed, bits)
		}
	}
	if r.Settings.Window != 20 || !strings.Contains(r.Verdict(), "bits per character") {
		t.Errorf("settings %+v, verdict %s", r.Settings, r.Verdict())
	}
}

// What a network of characters says itself stays, and others stay as they are.
func TestForClassesFillsWhatIsLeftOut(t *testing.T) {
	for _, test := range []struct{ given, want nn.Sequential }{
		{nn.Sequential{nn.Embedding{Units: 2}, nn.Dense{}}, nn.Sequential{nn.Embedding{Tokens: 7, Units: 2}, nn.Dense{Units: 7}}},
		{nn.Sequential{nn.Embedding{Tokens: 3, Units: 2}, nn.Dense{Units: 4}}, nn.Sequential{nn.Embedding{Tokens: 3, Units: 2}, nn.Dense{Units: 4}}},
		{nn.Sequential{nn.Embedding{Units: 2}, nn.Dense{}, nn.Dense{}}, nn.Sequential{nn.Embedding{Tokens: 7, Units: 2}, nn.Dense{}, nn.Dense{Units: 7}}},
		{nn.Sequential{nn.Flatten{}, nn.Dense{}}, nn.Sequential{nn.Flatten{}, nn.Dense{}}},
		{nil, nil},
	} {
		before := slices.Clone(test.given)
		if got := ForClasses(nn.Network{Layers: test.given}, 7).Layers; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v becomes %v, want %v", test.given, got, test.want)
		}
		if !reflect.DeepEqual(test.given, before) {
			t.Errorf("the layers that were given changed from %v to %v", before, test.given)
		}
	}
}

func TestChoicesNeedAnOpenPlace(t *testing.T) {
	recurrent := nn.Sequential{nn.LSTM{Units: 2}}
	block := nn.Sequential{nn.Residual{Body: nn.Sequential{nn.TransformerBlock{Heads: 1}}}}
	for _, test := range []struct {
		layers nn.Sequential
		spec   string
		want   string // of the error; none if empty
	}{
		{recurrent, "isru/sigmoid", ""},
		{recurrent, "isru+dyt", "normalization"},
		{nn.Sequential{nn.LSTM{Units: 2, Gate: "sigmoid"}}, "isru/sigmoid", "gate"},
		{nn.Sequential{nn.LSTM{Units: 2, Activation: "tanh", Gate: "sigmoid"}}, "isru", "names no function"},
		{nn.Sequential{nn.GRU{Units: 2, Activation: "tanh"}}, "tanh/isru_sigmoid", ""},
		{nn.Sequential{nn.RNN{Units: 2}}, "isru/sigmoid", "gate"},
		{block, "gelu+dyt", ""},
		{block, "gelu/sigmoid", "gate"},
		{nn.Sequential{nn.TransformerBlock{Heads: 1, Norm: "dyt"}}, "gelu+dyt", "normalization"},
		{nn.Sequential{nn.Norm{}}, "gelu+dyt", ""},
		{nn.Sequential{nn.Norm{Method: "dyt"}}, "gelu", "names no function"},
	} {
		err := checkOpen("net", test.layers, []string{test.spec})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s for %v: error %v, want %q", test.spec, test.layers, err, test.want)
		}
	}
}
