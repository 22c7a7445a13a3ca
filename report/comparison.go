package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/isrlu/isrlu/experiment"
)

// Comparison returns the table of a comparison: a row for each activation. In
// text, what was measured over several seeds stands as mean ± standard deviation,
// and times as medians; CSV and JSON have a column for each number.
func Comparison(r *experiment.Result) *Table {
	s := &r.Settings
	t := &Table{
		Title: fmt.Sprintf("%s on %s, %d + %d images, %s of batches of %d, %s",
			s.Network, s.Data, s.Train, s.Test, plural(s.Epochs, "epoch"), s.Batch, plural(len(s.Seeds), "seed")),
		Fields: []Field{
			{"network", s.Network}, {"data", s.Data}, {"epochs", s.Epochs}, {"batch", s.Batch},
			{"threads", s.Threads}, {"seeds", s.Seeds}, {"processor", r.Environment.Processor}, {"simd", r.Environment.SIMD},
		},
		Columns: []Column{
			{Name: "activation", Left: true},
			{Name: "runs", DataOnly: true},
			{Name: "diverged", DataOnly: true},
			{Title: "test accuracy %", TextOnly: true},
			{Name: "test_accuracy", DataOnly: true}, {Name: "test_accuracy_std", DataOnly: true},
			{Title: "cross-entropy", TextOnly: true},
			{Name: "test_loss", DataOnly: true}, {Name: "test_loss_std", DataOnly: true},
			{Title: "epochs to " + percent(s.Target, -1), TextOnly: true},
			{Name: "target", DataOnly: true}, {Name: "reached_target", DataOnly: true},
			{Name: "epochs_to_target", DataOnly: true}, {Name: "epochs_to_target_std", DataOnly: true},
			{Title: "training s", TextOnly: true},
			{Name: "training_s", DataOnly: true}, {Name: "training_s_std", DataOnly: true},
			{Name: "step_ms", Title: "step ms", Verb: "%.3g"},
			{Name: "step_ms_low", DataOnly: true}, {Name: "step_ms_high", DataOnly: true},
			{Title: "activation", TextOnly: true}, {Name: "step_share", DataOnly: true},
			{Name: "inference_ms", Title: "inference ms", Verb: "%.3g"},
			{Name: "inference_ms_low", DataOnly: true}, {Name: "inference_ms_high", DataOnly: true},
			{Title: "activation", TextOnly: true}, {Name: "inference_share", DataOnly: true},
			{Title: "kept MiB", TextOnly: true}, {Name: "bytes_kept", DataOnly: true},
		},
	}
	for _, v := range r.Summaries() {
		row := []any{
			v.Activation, v.Runs, v.Diverged,
			meanStd(times(v.Accuracy, 100), 2), known(v.Accuracy.Mean), known(v.Accuracy.Std),
			meanStd(v.Loss, 4), known(v.Loss.Mean), known(v.Loss.Std),
			epochsToTarget(v), s.Target, v.Reached, known(v.EpochsToTarget.Mean), known(v.EpochsToTarget.Std),
			meanStd(v.Seconds, 1), known(v.Seconds.Mean), known(v.Seconds.Std),
		}
		if c := v.Cost; c != nil {
			row = append(row, c.Step.Median, c.Step.Low, c.Step.High, shareText(c.StepShare), c.StepShare,
				c.Inference.Median, c.Inference.Low, c.Inference.High, shareText(c.InferenceShare), c.InferenceShare,
				number(float64(c.BytesKept)/(1<<20), 1), c.BytesKept)
		} else {
			row = append(row, nil, nil, nil, dash, nil, nil, nil, nil, dash, nil, dash, nil)
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

// shareText writes a part of a time; there is none where it was not measured.
func shareText(v float64) string {
	if v == 0 {
		return dash
	}
	return percent(v, 1)
}

// known returns v, or nil if it is not a number.
func known(v float64) any {
	if math.IsNaN(v) {
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

// WriteResult writes a result as JSON, with its verdict.
func WriteResult(w io.Writer, r *experiment.Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*experiment.Result
		Verdict string `json:"verdict"`
	}{r, r.Verdict()})
}

// WriteResultFile writes what WriteResult does into a file, which appears whole
// or not at all.
func WriteResultFile(path string, r *experiment.Result) error {
	return writeFile(path, func(w io.Writer) error { return WriteResult(w, r) })
}
