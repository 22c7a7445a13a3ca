package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/onnx"
	"github.com/isrlu/isrlu/report"
)

// writeTune prints what tune did: everything as text or JSON, the steps as CSV.
func writeTune(w io.Writer, r *onnx.TuneReport, times []experiment.ModelTime, format report.Format) error {
	switch format {
	case report.JSON:
		return writeTuneJSON(w, r, times)
	case report.CSV:
		return stageTable(r, format).Write(w, format)
	}
	tables := []*report.Table{stageTable(r, format)}
	if len(r.Layers) > 0 {
		tables = append(tables, layerMomentsTable(r))
	}
	if len(times) > 0 {
		t := modelTable(times)
		t.Notes = []string{timeVerdict(times)}
		tables = append(tables, t)
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.Write(w, format); err != nil {
			return err
		}
	}
	return nil
}

// stageTable has a row for each step.
func stageTable(r *onnx.TuneReport, format report.Format) *report.Table {
	t := &report.Table{
		Title: fmt.Sprintf("%d activations swapped", len(r.Swap.Swapped)),
		Columns: []report.Column{
			{Name: "stage", Left: true},
			{Name: "accuracy"},
			{Name: "agreement"},
			{Name: "error"},
		},
	}
	part := func(v float64) any {
		switch {
		case math.IsNaN(v):
			return nil
		case format == report.Text:
			return fmt.Sprintf("%.2f%%", 100*v)
		}
		return digits(v)
	}
	for _, s := range r.Stages {
		t.Rows = append(t.Rows, []any{s.Name, part(s.Accuracy), part(s.Agreement), part(s.Error)})
	}
	return t
}

// layerMomentsTable has a row for each swapped layer.
func layerMomentsTable(r *onnx.TuneReport) *report.Table {
	t := &report.Table{
		Title: "Mean and standard deviation of each layer's output, on the calibration samples",
		Columns: []report.Column{
			{Name: "node", Left: true},
			{Name: "from", Left: true},
			{Name: "mean", Verb: "%.4f"},
			{Name: "std", Verb: "%.4f"},
			{Name: "swapped", Left: true},
			{Name: "swapped_mean", Title: "mean", Verb: "%.4f"},
			{Name: "swapped_std", Title: "std", Verb: "%.4f"},
			{Name: "calibrated", Left: true},
			{Name: "calibrated_mean", Title: "mean", Verb: "%.4f"},
			{Name: "calibrated_std", Title: "std", Verb: "%.4f"},
			{Name: "tuned", Left: true},
		},
	}
	for _, l := range r.Layers {
		t.Rows = append(t.Rows, []any{
			printable(l.Node), l.From, digits(l.Original.Mean), digits(l.Original.Std),
			l.Swapped, digits(l.After.Mean), digits(l.After.Std),
			l.Calibrated, digits(l.Matched.Mean), digits(l.Matched.Std), l.Tuned,
		})
	}
	return t
}

// writeTuneJSON writes everything as one object.
func writeTuneJSON(w io.Writer, r *onnx.TuneReport, times []experiment.ModelTime) error {
	type timeEntry struct {
		Model   string             `json:"model"`
		Runtime string             `json:"runtime"`
		Batch   int                `json:"batch"`
		Threads int                `json:"threads"`
		MS      *experiment.Spread `json:"ms,omitempty"`
		Problem string             `json:"problem,omitempty"`
	}
	out := struct {
		*onnx.TuneReport
		Times []timeEntry `json:"times,omitempty"`
	}{TuneReport: r}
	for _, t := range times {
		e := timeEntry{Model: t.Model, Runtime: t.Runtime, Batch: t.Batch, Threads: t.Threads, Problem: t.Problem}
		if t.Problem == "" {
			e.MS = &t.MS
		}
		out.Times = append(out.Times, e)
	}
	return writeJSON(w, out)
}

// timeVerdict says in which runtime the swap gains time.
func timeVerdict(times []experiment.ModelTime) string {
	first := firstModel(times)
	// The time of the original and of the tuned model, 0 if there is none.
	before, after := map[string]float64{}, map[string]float64{}
	for i, t := range times {
		if t.Problem != "" {
			continue
		}
		if i < len(first) {
			before[t.Runtime] = t.MS.Median
		} else {
			after[t.Runtime] = t.MS.Median
		}
	}
	var parts []string
	for _, runtime := range []string{experiment.OwnRuntime, experiment.ONNXRuntime} {
		if a, b := before[runtime], after[runtime]; a > 0 && b > 0 {
			parts = append(parts, fmt.Sprintf("%.2f of the original's time in %s", b/a, runtime))
		}
	}
	if len(parts) == 0 {
		return "No runtime runs both models."
	}
	text := "The tuned model takes " + strings.Join(parts, ", ") + "."
	if a, b := before[experiment.ONNXRuntime], after[experiment.OwnRuntime]; a > 0 && b > 0 {
		text += fmt.Sprintf(" In %s it takes %.2f of the original's time in %s.", experiment.OwnRuntime, b/a, experiment.ONNXRuntime)
	}
	return text
}
