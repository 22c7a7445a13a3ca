package report

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

// sampleTextResult is the sample result as of a text.
func sampleTextResult() *experiment.Result {
	r := sampleResult()
	s := &r.Settings
	s.Task, s.Network, s.Data, s.Target = experiment.CharsTask, "gru", "prose", 0
	s.Train, s.Test, s.Window, s.TrainChars, s.TestChars = 15624, 1562, 64, 1_000_000, 100_000
	r.Entropy = .489
	for i := range r.Runs {
		for j := range r.Runs[i].Epochs {
			e := &r.Runs[i].Epochs[j]
			e.TestLoss, e.TrainLoss, e.TestAccuracy = 10*e.TestLoss, 10*e.TrainLoss, e.TestAccuracy-.3
			e.CharactersPerSecond, e.ImagesPerSecond = 6000, 0
		}
	}
	return r
}

func TestComparisonOnTextInEachFormat(t *testing.T) {
	r := sampleTextResult()
	var text, data, object strings.Builder
	for format, b := range map[Format]*strings.Builder{Text: &text, CSV: &data, JSON: &object} {
		if err := Comparison(r).Write(b, format); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"gru on prose, 15624 + 1562 windows of 64 characters, 12 epochs", "test loss", "perplexity", "bits/char", "next char %"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	for _, not := range []string{"epochs to", "images", "cross-entropy"} {
		if strings.Contains(text.String(), not) {
			t.Errorf("the text says %q:\n%s", not, text.String())
		}
	}
	rows, err := csv.NewReader(strings.NewReader(data.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) float64 {
		i := slices.Index(rows[0], name)
		if i < 0 {
			t.Fatalf("CSV has no column %s: %v", name, rows[0])
		}
		v, err := strconv.ParseFloat(rows[1][i], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	loss, bits := value("test_loss"), value("bits_per_char")
	if math.Abs(bits-loss/math.Ln2) > 1e-12 || math.Abs(value("bits_per_char_std")-value("test_loss_std")/math.Ln2) > 1e-12 {
		t.Errorf("%v bits per character for a loss of %v", bits, loss)
	}
	// The mean of the seeds' perplexities is a little more than that of their mean loss.
	if p := value("perplexity"); p < math.Exp(loss) || p > 1.1*math.Exp(loss) || value("perplexity_std") <= 0 {
		t.Errorf("perplexity %v for a loss of %v", p, loss)
	}
	var v struct {
		Task    string
		Window  int
		Entropy float64 `json:"entropy_bits_per_char"`
		Results []struct {
			Bits float64 `json:"bits_per_char"`
		}
	}
	if err := json.Unmarshal([]byte(object.String()), &v); err != nil || v.Task != "chars" || v.Window != 64 || v.Entropy != .489 || len(v.Results) != 7 || v.Results[0].Bits != bits {
		t.Errorf("%v: %+v", err, v)
	}
	r.Settings.Target = 1.5
	text.Reset()
	if err := Comparison(r).Write(&text, Text); err != nil || !strings.Contains(text.String(), "epochs to 1.5 bits") {
		t.Errorf("%v: no target in\n%s", err, text.String())
	}
}

func TestResultOnTextHasBits(t *testing.T) {
	r := sampleTextResult()
	r.Runs[0].Diverged = true
	var b strings.Builder
	if err := WriteResult(&b, r); err != nil {
		t.Fatal(err)
	}
	var v struct {
		Entropy float64 `json:"entropy_bits_per_char"`
		Summary []struct {
			Activation string
			Bits       float64 `json:"bits_per_char"`
			Perplexity float64 `json:"perplexity"`
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &v); err != nil || v.Entropy != .489 || len(v.Summary) != 7 || v.Summary[1].Activation != "isrlu:3" || !(v.Summary[1].Bits > 0 && v.Summary[1].Perplexity > 1) {
		t.Errorf("%v: %+v", err, v)
	}
	r.Runs = nil
	b.Reset()
	if err := WriteResult(&b, r); err != nil || !strings.Contains(b.String(), `"bits_per_char": null`) {
		t.Errorf("%v: no runs give %s", err, b.String())
	}
	b.Reset()
	if err := WriteResult(&b, sampleResult()); err != nil || strings.Contains(b.String(), "bits_per_char") {
		t.Errorf("%v: a result on images speaks of bits", err)
	}
}

func TestHTMLOfATextSpeaksOfIt(t *testing.T) {
	r := sampleTextResult()
	text := writeHTML(t, r)
	for _, want := range []string{
		"Bits per character of the test text after the last epoch", "Bits per character of the training text", "Perplexity<br><small>characters</small>",
		"Next character right<br><small>%</small>", "put out on test windows", "one window’s forward pass", "0.489 bits per character",
		"<th scope=\"row\">Task</th><td>chars</td>", "Characters of a window", "Loss, perplexity, bits per character and accuracy are means",
		"isrlu compare --task chars --network gru --activations", "--train-chars 1000000 --test-chars 100000</code>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"image", "Target accuracy", "Epochs to", "--target", "cross-entropy"} {
		if strings.Contains(text, not) {
			t.Errorf("the page says %q", not)
		}
	}
	if n := checkSVG(t, text); n != 2+4+2+1+2+21+9 {
		t.Errorf("%d drawings", n)
	}
	r.Settings.Target = 1.5
	text = writeHTML(t, r)
	for _, want := range []string{"Epochs to 1.5 bits", "--target 1.5", "1.5 bits per character", "accuracy and epochs are means"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page with a target lacks %q", want)
		}
	}
	r.Runs = nil
	if text := writeHTML(t, r); !strings.Contains(text, "No run is complete: there is no loss to show.") {
		t.Error("the page does not say that no run is complete")
	}
}

// The zoom keeps what ends well: of what falls, the low curves.
func TestZoomFollowsTheBestCurves(t *testing.T) {
	line := func(style int, ys ...float64) curve {
		c := curve{style: style, y: ys}
		for i := range ys {
			c.x = append(c.x, float64(i+1))
		}
		return c
	}
	curves := []curve{line(0, 5, 3, 2, 1.5, 1.4), line(1, 5, 3, 2, 1.52, 1.42), line(2, 5, 5, 5, 5, 5)}
	first, _ := decisive(sampleTextResult())
	xlo, xhi, ylo, yhi := zoom(curves, first)
	if xlo != 3 || xhi != 5 || !(ylo < 1.4 && ylo > 1.3) || !(yhi > 2 && yhi < 2.1) {
		t.Errorf("zoom to %v..%v, %v..%v", xlo, xhi, ylo, yhi)
	}
}
