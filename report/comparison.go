package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

// A cell is one column of a table with its value.
type cell struct {
	column Column
	value  any
}

// Comparison returns the table of a comparison: a row for each activation. In
// text, what was measured over several seeds stands as mean ± standard deviation,
// and times as medians; CSV and JSON have a column for each number.
func Comparison(r *experiment.Result) *Table {
	s := &r.Settings
	t := &Table{
		Title: fmt.Sprintf("%s on %s, %d + %d %s, %s of batches of %d, %s",
			s.Network, s.Data, s.Train, s.Test, s.Samples(), plural(s.Epochs, "epoch"), s.Batch, plural(len(s.Seeds), "seed")),
		Fields: []Field{
			{"network", s.Network}, {"data", s.Data}, {"epochs", s.Epochs}, {"batch", s.Batch},
			{"threads", s.Threads}, {"seeds", s.Seeds}, {"processor", r.Environment.Processor}, {"simd", r.Environment.SIMD},
		},
	}
	if s.OnText() {
		t.Fields = append(t.Fields, Field{"task", s.Task}, Field{"window", s.Window})
	}
	if r.Entropy > 0 {
		t.Fields = append(t.Fields, Field{"entropy_bits_per_char", r.Entropy})
	}
	// The columns are those of an empty row, too.
	for _, c := range comparisonRow(s, experiment.Summary{}) {
		t.Columns = append(t.Columns, c.column)
	}
	for _, v := range r.Summaries() {
		var row []any
		for _, c := range comparisonRow(s, v) {
			row = append(row, c.value)
		}
		t.Rows = append(t.Rows, row)
	}
	if len(s.Seeds) > 1 {
		t.Notes = append(t.Notes, "± is the standard deviation over the seeds.")
	}
	if len(r.Costs) > 0 {
		t.Notes = append(t.Notes, `"activation" is the share of the time before it that goes away when activations do nothing.`)
	}
	return t
}

// comparisonRow returns a row with its columns.
func comparisonRow(s *experiment.Settings, v experiment.Summary) []cell {
	data := func(name string, value any) cell { return cell{Column{Name: name, DataOnly: true}, value} }
	// spread is a mean and a deviation in text, and two numbers in data.
	spread := func(title, name string, shown, m experiment.MeanStd, decimals int) []cell {
		return []cell{
			{Column{Title: title, TextOnly: true}, meanStd(shown, decimals)},
			data(name, known(m.Mean)), data(name+"_std", known(m.Std)),
		}
	}
	row := []cell{{Column{Name: "activation", Left: true}, v.Activation}, data("runs", v.Runs), data("diverged", v.Diverged)}
	if s.OnText() {
		row = append(row, spread("test loss", "test_loss", v.Loss, v.Loss, 4)...)
		row = append(row, spread("perplexity", "perplexity", v.Perplexity, v.Perplexity, 3)...)
		row = append(row, spread("bits/char", "bits_per_char", v.BitsPerChar, v.BitsPerChar, 4)...)
		row = append(row, spread("next char %", "test_accuracy", times(v.Accuracy, 100), v.Accuracy, 2)...)
	} else {
		row = append(row, spread("test accuracy %", "test_accuracy", times(v.Accuracy, 100), v.Accuracy, 2)...)
		row = append(row, spread("cross-entropy", "test_loss", v.Loss, v.Loss, 4)...)
	}
	if title := targetText(s, -1); title != "" {
		row = append(row, cell{Column{Title: "epochs to " + title, TextOnly: true}, epochsToTarget(v)},
			data("target", s.Target), data("reached_target", v.Reached),
			data("epochs_to_target", known(v.EpochsToTarget.Mean)), data("epochs_to_target_std", known(v.EpochsToTarget.Std)))
	}
	row = append(row, spread("training s", "training_s", v.Seconds, v.Seconds, 1)...)
	step, inference := pass{share: dash}, pass{share: dash}
	kept, bytes := dash, any(nil)
	if c := v.Cost; c != nil {
		step, inference = newPass(c.Step, c.StepShare), newPass(c.Inference, c.InferenceShare)
		kept, bytes = number(float64(c.BytesKept)/(1<<20), 1), c.BytesKept
	}
	return append(row,
		cell{Column{Name: "step_ms", Title: "step ms", Verb: "%.3g"}, step.median}, data("step_ms_low", step.low), data("step_ms_high", step.high),
		cell{Column{Title: "activation", TextOnly: true}, step.share}, data("step_share", step.part),
		cell{Column{Name: "inference_ms", Title: "inference ms", Verb: "%.3g"}, inference.median}, data("inference_ms_low", inference.low), data("inference_ms_high", inference.high),
		cell{Column{Title: "activation", TextOnly: true}, inference.share}, data("inference_share", inference.part),
		cell{Column{Title: "kept MiB", TextOnly: true}, kept}, data("bytes_kept", bytes))
}

// A pass holds the cells of its time; nil where it was not measured.
type pass struct {
	median, low, high, part any
	share                   string
}

func newPass(s experiment.Spread, share float64) pass {
	return pass{s.Median, s.Low, s.High, share, shareText(share)}
}

// targetText writes the target, or nothing where there is none.
func targetText(s *experiment.Settings, decimals int) string {
	switch {
	case !s.OnText():
		return percent(s.Target, decimals)
	case s.Target > 0:
		return formatFloat(s.Target) + " bits"
	}
	return ""
}

// shareText writes a part of a time; there is none where it was not measured.
func shareText(v float64) string {
	if v == 0 {
		return dash
	}
	return percent(v, 1)
}

// known returns v, or nil if it is not a finite number.
func known(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

func epochsToTarget(s experiment.Summary) string {
	if s.Reached == 0 {
		return dash
	}
	text := meanStd(s.EpochsToTarget, 1)
	if s.Reached < s.Runs {
		text += fmt.Sprintf(" (%d of %d)", s.Reached, s.Runs)
	}
	return text
}

// A textSummary is what the losses of an activation are on a text; what is not
// known is null.
type textSummary struct {
	Activation     string `json:"activation"`
	BitsPerChar    any    `json:"bits_per_char"`
	BitsPerCharStd any    `json:"bits_per_char_std"`
	Perplexity     any    `json:"perplexity"`
	PerplexityStd  any    `json:"perplexity_std"`
}

// WriteResult writes a result as JSON, with its verdict, and for a text with the
// bits per character and the perplexity of each activation.
func WriteResult(w io.Writer, r *experiment.Result) error {
	var summary []textSummary
	if r.Settings.OnText() {
		for _, v := range r.Summaries() {
			summary = append(summary, textSummary{v.Activation,
				known(v.BitsPerChar.Mean), known(v.BitsPerChar.Std), known(v.Perplexity.Mean), known(v.Perplexity.Std)})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*experiment.Result
		Summary []textSummary `json:"summary,omitempty"`
		Verdict string        `json:"verdict"`
	}{r, summary, r.Verdict()})
}

// WriteResultFile writes what WriteResult does into a file, which appears whole
// or not at all.
func WriteResultFile(path string, r *experiment.Result) error {
	return atomicfile.Replace(path, func(w io.Writer) error { return WriteResult(w, r) })
}
