package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

// The sample report can be looked at:
//
//	go test ./report -run TestHTMLHasAllSections -args -sample /tmp/report.html
var sampleFile = flag.String("sample", "", "write the sample report to this file")

// sampleResult has numbers like those of a comparison, from a seed.
func sampleResult() *experiment.Result {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &experiment.Result{
		Settings: experiment.Settings{
			Network: "cnn", Description: json.RawMessage(`{"input":[28,28,1],"layers":[{"conv2d":{"channels":16}},"activation"]}`),
			Activations: []string{"isrlu:1", "isrlu:3", "isrlu:learn", "isrlu:learn-channel", "relu", "elu:1", "gelu"},
			Data:        "digits", Train: 20000, Test: 4000, Epochs: 12, Batch: 64, Seeds: []uint64{1, 2, 3}, Threads: 8,
			Optimizer: "adam", Schedule: "exponential", LearningRate: 0.002, FinalLearningRate: 0.0001, Target: 0.97,
		},
		Environment: experiment.Environment{
			Processor: "AMD EPYC 9R14", SIMD: "avx512", GoVersion: "go1.26", System: "linux/amd64", Cores: 8, Version: "v1.0.0",
			Started: "2026-01-02T03:04:05Z",
		},
		Parameters: 29514, Seconds: 731.4,
	}
	for i, kind := range []string{"conv2d", "activation", "maxpool", "conv2d", "activation", "maxpool", "flatten", "dense", "activation", "dense"} {
		r.Layers = append(r.Layers, experiment.Layer{Name: fmt.Sprintf("%d %s", i+1, kind), Kind: kind, Output: []int{28 / (1 + i/3), 28 / (1 + i/3), 16}, Parameters: 160 * (i % 3), MACs: int64(112896 * (i % 3))})
	}
	for _, seed := range r.Settings.Seeds {
		for i, name := range r.Settings.Activations {
			run := experiment.Run{Activation: name, Seed: seed, Digest: fmt.Sprintf("%016x", rng.Uint64())}
			for e := range r.Settings.Epochs {
				left := math.Exp(-float64(e)/(3+0.2*float64(i))) * (1 + 0.1*rng.NormFloat64())
				loss := 0.05 + 0.004*float64(i) + 0.4*left + 0.002*rng.NormFloat64()
				run.Epochs = append(run.Epochs, experiment.Epoch{
					Epoch: e + 1, LearningRate: 0.002, TrainLoss: 0.01 + loss*math.Exp(-float64(e)/6), TrainAccuracy: 1 - loss/3,
					TestLoss: loss, TestAccuracy: 1 - loss/4, Seconds: 3 + rng.Float64(), ImagesPerSecond: 6000,
				})
			}
			if seed == 1 {
				for _, layer := range []string{"2 activation", "5 activation", "9 activation"} {
					run.Activations = append(run.Activations, sampleHistogram(rng, layer, name == "relu"))
				}
			}
			switch name {
			case "isrlu:learn":
				for _, layer := range []string{"2 activation", "5 activation"} {
					run.Alphas = append(run.Alphas, experiment.Learned{Layer: layer, Name: "alpha", Values: []float64{1 + rng.NormFloat64()/3}})
				}
			case "isrlu:learn-channel":
				l := experiment.Learned{Layer: "2 activation", Name: "alpha"}
				for range 16 {
					l.Values = append(l.Values, math.Abs(1.5+rng.NormFloat64()))
				}
				run.Alphas = append(run.Alphas, l)
			}
			r.Runs = append(r.Runs, run)
		}
	}
	for i, name := range r.Settings.Activations {
		ms := 9 + float64(i)/3
		r.Costs = append(r.Costs, experiment.Cost{
			Activation: name, Step: experiment.Spread{Median: ms, Low: ms * 0.97, High: ms * 1.05}, Inference: experiment.Spread{Median: ms / 3, Low: ms / 3.1, High: ms / 2.8},
			StepShare: 0.02 + 0.015*float64(i), InferenceShare: 0.03 + 0.02*float64(i),
			BytesKept: 12 << 20, BytesForActivation: int64(i/6) * 3 << 20, FromOutput: i < 6,
		})
	}
	return r
}

func sampleHistogram(rng *rand.Rand, layer string, relu bool) experiment.Histogram {
	h := experiment.Histogram{Layer: layer, From: -4, To: 8, Counts: make([]int, 96), Mean: 0.3, Std: 0.9}
	const n = 20000
	zeros := 0
	for range n {
		x := rng.NormFloat64() * 1.4
		if x < 0 && relu {
			x = 0
			zeros++
		} else if x < 0 {
			x /= math.Sqrt(1 + x*x)
		}
		h.Counts[min(int((x+4)*8), 95)]++
	}
	h.Zero = float64(zeros) / n
	return h
}

func writeHTML(t *testing.T, r *experiment.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var htmlSections = []string{"summary", "learning", "timings", "memory", "functions", "histograms", "alphas", "layers", "settings", "rerun"}

func TestHTMLHasAllSections(t *testing.T) {
	text := writeHTML(t, sampleResult())
	for _, id := range htmlSections {
		if !strings.Contains(text, `<section id="`+id+`">`) || !strings.Contains(text, `href="#`+id+`"`) {
			t.Errorf("section %s is missing, or no link leads to it", id)
		}
	}
	if strings.Contains(text, `class="missing"`) {
		t.Error("a section of a full result says that something is missing")
	}
	for _, want := range []string{
		"7 activation functions in cnn on digits", "AMD EPYC 9R14", "isrlu compare --network cnn --activations isrlu:1,isrlu:3,",
		"--data digits --epochs 12 --seeds 3 --batch 64 --lr 0.002", "isrlu:learn (initial value)", "Epochs to 97.0 %",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if *sampleFile != "" {
		if err := WriteHTMLFile(*sampleFile, sampleResult()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHTMLRefersToNothingOutside(t *testing.T) {
	text := writeHTML(t, sampleResult())
	for _, bad := range []string{"http://", "https://", "src=", "<script", "<link", "@import", "@font-face", "<iframe", "<img"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href="|url\()([^")]*)`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page refers to %q", m[1])
		}
	}
	// What is referred to is there, once.
	for _, m := range regexp.MustCompile(`(?:href="#|url\(#)([^")]*)`).FindAllStringSubmatch(text, -1) {
		if n := strings.Count(text, `id="`+m[1]+`"`); n != 1 {
			t.Errorf("%q is the id of %d elements", m[1], n)
		}
	}
}

func TestHTMLIsDeterministic(t *testing.T) {
	first, second := writeHTML(t, sampleResult()), writeHTML(t, sampleResult())
	if first != second {
		t.Error("equal results give different pages")
	}
}

// hostile is a name that would do harm if it were not escaped.
const hostile = `</style></title></svg><script>alert("x")</script>'"` + "`&{{.}}"

func TestHTMLEscapesNames(t *testing.T) {
	r := sampleResult()
	s := &r.Settings
	s.Network, s.Data, s.Optimizer, s.Schedule = hostile, hostile, hostile, hostile
	s.Description = json.RawMessage(`"</pre><script>alert(1)</script>"`)
	s.Activations[0] = hostile
	e := &r.Environment
	e.Processor, e.SIMD, e.GoVersion, e.System, e.Version, e.Started = hostile, hostile, hostile, hostile, hostile, hostile
	for i := range r.Layers {
		r.Layers[i].Name, r.Layers[i].Kind = hostile, hostile
	}
	for i := range r.Runs {
		run := &r.Runs[i]
		if run.Activation == "isrlu:1" || i == 2 {
			run.Activation = hostile
			run.Alphas = []experiment.Learned{{Layer: hostile, Name: hostile, Values: []float64{1}}}
		}
		for j := range run.Activations {
			run.Activations[j].Layer = hostile
		}
	}
	r.Costs[0].Activation = hostile
	text := writeHTML(t, r)
	if strings.Contains(text, "<script") || strings.Contains(text, `alert("x")`) {
		t.Error("a script came through")
	}
	if n := strings.Count(text, "</style>"); n != 1 {
		t.Errorf("the page ends its style %d times", n)
	}
	if !strings.Contains(text, "&lt;script&gt;") {
		t.Error("the name is not in the page")
	}
	checkSVG(t, text)
}

// checkSVG parses the drawings as XML, and wants a title and a description in
// each that is not hidden.
func checkSVG(t *testing.T, text string) (drawings int) {
	t.Helper()
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1) {
		var drawing struct {
			Hidden string `xml:"aria-hidden,attr"`
			Title  string `xml:"title"`
			Desc   string `xml:"desc"`
		}
		if err := xml.Unmarshal([]byte(svg), &drawing); err != nil {
			t.Fatalf("%v in %.300s", err, svg)
		}
		if drawing.Hidden == "" {
			drawings++
			if drawing.Title == "" || drawing.Desc == "" {
				t.Errorf("no title or description in %.300s", svg)
			}
		}
		if regexp.MustCompile(`\b(NaN|Inf)\b`).MatchString(svg) {
			t.Errorf("a position is no number in %.300s", svg)
		}
	}
	return drawings
}

func TestHTMLDrawingsAreXML(t *testing.T) {
	// Two of final measures, four of learning, two of times, one of memory, two
	// of functions, 7x3 histograms, 3x2 and 3 strips of learned values.
	if n := checkSVG(t, writeHTML(t, sampleResult())); n != 2+4+2+1+2+21+9 {
		t.Errorf("%d drawings", n)
	}
}

func TestHTMLOfDegenerateResults(t *testing.T) {
	for name, change := range map[string]func(*experiment.Result){
		"empty":          func(r *experiment.Result) { *r = experiment.Result{} },
		"one activation": func(r *experiment.Result) { r.Settings.Activations = r.Settings.Activations[:1] },
		"one epoch": func(r *experiment.Result) {
			for i := range r.Runs {
				r.Runs[i].Epochs = r.Runs[i].Epochs[:1]
			}
		},
		"no runs":  func(r *experiment.Result) { r.Runs, r.Interrupted = nil, true },
		"no costs": func(r *experiment.Result) { r.Costs = nil },
		"some costs": func(r *experiment.Result) {
			r.Costs = r.Costs[:2]
			r.Costs[0] = experiment.Cost{Activation: "isrlu:1", StepShare: -0.01}
			r.Costs[1].Step = experiment.Spread{Median: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}
			r.Costs[1].InferenceShare = math.NaN()
		},
		"diverged": func(r *experiment.Result) {
			for i := range r.Runs {
				r.Runs[i].Diverged, r.Runs[i].Epochs = true, r.Runs[i].Epochs[:i%3]
			}
		},
		"interrupted": func(r *experiment.Result) {
			r.Interrupted = true
			r.Runs = r.Runs[:4]
			r.Runs[3].Interrupted, r.Runs[3].Epochs = true, r.Runs[3].Epochs[:2]
		},
		"not numbers": func(r *experiment.Result) {
			for i := range r.Runs {
				for j := range r.Runs[i].Epochs {
					e := &r.Runs[i].Epochs[j]
					e.TestLoss, e.TrainLoss, e.TestAccuracy = math.NaN(), math.Inf(1), math.NaN()
				}
				for j := range r.Runs[i].Alphas {
					r.Runs[i].Alphas[j].Values = []float64{math.NaN(), math.Inf(1)}
				}
				for j := range r.Runs[i].Activations {
					h := &r.Runs[i].Activations[j]
					h.From, h.To, h.Mean, h.Std, h.Zero = math.NaN(), math.Inf(1), math.NaN(), math.NaN(), math.NaN()
				}
			}
		},
		"zeros": func(r *experiment.Result) {
			for i := range r.Runs {
				for j := range r.Runs[i].Epochs {
					r.Runs[i].Epochs[j] = experiment.Epoch{Epoch: j + 1}
				}
				for j := range r.Runs[i].Activations {
					r.Runs[i].Activations[j] = experiment.Histogram{Layer: "2 activation", Counts: []int{0, 0}}
				}
			}
			for i := range r.Costs {
				r.Costs[i] = experiment.Cost{}
			}
		},
		"huge": func(r *experiment.Result) {
			for i := range r.Runs {
				for j := range r.Runs[i].Epochs {
					r.Runs[i].Epochs[j].TestLoss = math.Pow(10, 300*float64(j%3-1))
				}
			}
		},
		"unknown function": func(r *experiment.Result) { r.Settings.Activations = []string{"swoosh", "", "isrlu:x"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := sampleResult()
			change(r)
			text := writeHTML(t, r)
			checkSVG(t, text)
			for _, id := range htmlSections {
				if !strings.Contains(text, `<section id="`+id+`">`) {
					t.Errorf("section %s is missing", id)
				}
			}
			if strings.Contains(text, "NaN") {
				t.Error("the page says NaN")
			}
		})
	}
	if err := WriteHTML(io.Discard, nil); err == nil {
		t.Error("no result gave a page")
	}
}

func TestHTMLFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.html")
	if err := WriteHTMLFile(path, sampleResult()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != writeHTML(t, sampleResult()) {
		t.Errorf("the file holds something else (%v)", err)
	}
	if err := WriteHTMLFile(path, nil); err == nil {
		t.Error("no result gave a file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v (%v)", entries, err)
	}
	if err := WriteHTMLFile(filepath.Join(dir, "none", "a.html"), sampleResult()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"cnn": "cnn", "isrlu:3,relu": "isrlu:3,relu", "": "''", "my net.json": "'my net.json'", "it's": `'it'\''s'`, "$HOME": "'$HOME'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
