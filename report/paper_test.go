package report

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

// samplePaper has every part.
func samplePaper() *experiment.PaperResult {
	r := &experiment.PaperResult{
		Settings:    experiment.PaperSettings{Parts: experiment.PaperPartNames(), Seeds: 3, Data: "mnist"},
		Environment: sampleResult().Environment, Notes: []string{"This is a sample."},
		Speed:  &experiment.PaperSpeed{ClockGHz: 3.2},
		Memory: []experiment.PaperMemory{{Network: "network A", Activation: "isrlu", Batch: 100, Bytes: 3 << 20}, {Network: "network A", Activation: "relu", Batch: 100, Bytes: 3 << 20}},
		Hardware: &experiment.PaperHardware{MultiplyAdds: []experiment.MultiplyAdd{{Format: "q3.4", Gates: 800}}, Units: &experiment.HardwareResult{
			Settings: experiment.HardwareSettings{Functions: []string{"isrlu", "elu", "rsqrt"}, Formats: []string{"q3.4"}, Bounds: []float64{1}, Families: []string{experiment.LeastFamily}},
			Units: []experiment.HardwareUnit{
				{Function: "isrlu", Format: "q3.4", Bound: 1, Asked: experiment.LeastFamily, Family: "table", Gates: 30},
				{Function: "elu", Format: "q3.4", Bound: 1, Asked: experiment.LeastFamily, Family: "table", Gates: 36},
				{Function: "rsqrt", Format: "q3.4", Bound: 1, Asked: experiment.LeastFamily, Family: "rsqrt", Gates: 60, LogicGates: 60},
			},
		}},
	}
	for _, f := range []string{"rsqrt", "elu", "tanh", "isrlu", "relu"} {
		r.Speed.Kernels = append(r.Speed.Kernels, experiment.PaperKernel{Function: f, Precision: "exact", Direction: "forward", Elements: 4096,
			NS: experiment.Spread{Median: .25, Low: .2, High: .3}, Rounds: []float64{.2, .25, .3}})
	}
	a := sampleResult()
	a.Settings.Activations = []string{"isrlu", "isrlu:3", "isrlu:learn", "isrlu:learn-channel", "relu", "elu", "gelu"}
	for i := range a.Runs {
		a.Runs[i].Activation = a.Settings.Activations[i%7]
	}
	r.Comparisons = []experiment.PaperComparison{
		{Name: "network A", Result: a, Environments: []experiment.Environment{r.Environment}},
		{Name: "LSTM on characters", Result: sampleTextResult(), Environments: []experiment.Environment{{Version: "v0", Processor: "other"}}},
	}
	return r
}

func writePaper(t *testing.T, r *experiment.PaperResult, f Format) string {
	t.Helper()
	var b strings.Builder
	if err := WritePaper(&b, r, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPaperAsTextAndMarkdown(t *testing.T) {
	r := samplePaper()
	for f, wants := range map[Format][]string{
		Text:     {"Verdict\n=======", "\nHolds:\n  ", "paper: 2.6; here: 1.00 times", "Network A\n=====", "99.30"},
		Markdown: {"# Carlile", "](paper.svg)", "\n## Verdict\n", "| claim | paper | here | outcome | by |\n| --- | --- | --- | --- | --- |\n", "## LSTM on characters", "| elu | 3 |"},
	} {
		text := writePaper(t, r, f)
		for _, want := range append(wants, "This is a sample.", "does not hold", "95 % interval", "ns/element", "0.800", "isrlu:learn-channel", "bits/char",
			"To run it again: isrlu paper --seeds 3\n", "Trainings of LSTM on characters are kept from isrlu v0 on other") {
			if !strings.Contains(strings.ReplaceAll(text, "Does not", "does not"), want) {
				t.Errorf("%s lacks %q:\n%s", f, want, text)
			}
		}
	}
	if text := writePaper(t, &experiment.PaperResult{Interrupted: true}, Text); !strings.Contains(text, "nothing to judge") || !strings.Contains(text, "not complete") {
		t.Error(text)
	}
}

// The page of the documentation is the report on the result that lies beside it.
func TestPageOnThePaperFollowsFromItsNumbers(t *testing.T) {
	const folder = "../docs/experiments/"
	r, err := ReadPaperFile(folder + "paper.json")
	if err != nil || r == nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(folder + "paper.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := writePaper(t, r, Markdown); string(page) != want {
		t.Error("docs/experiments/paper.md is not what paper.json gives; isrlu paper -o docs/experiments writes both")
	}
}

func TestPaperCommand(t *testing.T) {
	s := experiment.PaperSettings{Quick: true, Parts: []string{"speed", "alpha"}, Seeds: 2, Train: 600, TestChars: 9, Threads: 1}
	if got, want := paperCommand(&s), "isrlu paper --quick --parts speed,alpha --seeds 2 --train-images 600 --test-chars 9 --threads 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// All numbers of a row stand in the columns of the head.
func TestMarkdownTablesAreWhole(t *testing.T) {
	columns := 0
	for line := range strings.Lines(writePaper(t, samplePaper(), Markdown)) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if columns != 0 && n != columns {
			t.Errorf("%d columns, the head has %d: %s", n-1, columns-1, line)
		}
		columns = n
	}
}

func TestPaperFileComesBack(t *testing.T) {
	r, path := samplePaper(), filepath.Join(t.TempDir(), "paper.json")
	if err := WritePaperFile(path, r, JSON); err != nil {
		t.Fatal(err)
	}
	back, err := ReadPaperFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(back); err != nil || string(got) != string(want) {
		t.Errorf("%v: the result differs", err)
	}
	if r, err := ReadPaperFile(path + "x"); r != nil || err != nil {
		t.Errorf("no file gives %v, %v", r, err)
	}
	for text, want := range map[string]string{"{": "unexpected end", "{}": "name another folder"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPaperFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestPaperPage(t *testing.T) {
	var b strings.Builder
	if err := WritePaperHTML(&b, samplePaper()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"http://", "https://", "src=", "<script", "<link"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if seen[m[1]] || strings.Contains(m[1], " ") {
			t.Errorf("the id %q is there twice, or has a space", m[1])
		}
		seen[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?:href="#|url\(#)([^")]*)`).FindAllStringSubmatch(page, -1) {
		if !seen[m[1]] {
			t.Errorf("nothing has the id %q", m[1])
		}
	}
	for _, id := range []string{"verdict", "speed", "memory", "hardware", "network-A", "LSTM-on-characters"} {
		if !strings.Contains(page, `<section id="`+id+`">`) {
			t.Errorf("section %s is missing", id)
		}
	}
}

func TestPaperFigure(t *testing.T) {
	fig := PaperFigure(samplePaper())
	if len(fig.Rows) != 3 {
		t.Errorf("%d rows", len(fig.Rows))
	}
	var b strings.Builder
	if err := fig.Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range fig.Rows {
		for _, p := range row {
			if l, ok := p.(*Lines); ok && l.Title == "network A" {
				if v := l.Series[0].Y; math.IsNaN(v[0]) || v[0] < v[len(v)-1] {
					t.Errorf("errors do not fall: %v", v)
				}
			}
		}
	}
}
