package report

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

func TestComparisonTableInEachFormat(t *testing.T) {
	r := sampleResult()
	table := Comparison(r)
	for _, row := range table.Rows {
		if len(row) != len(table.Columns) {
			t.Fatalf("a row has %d cells for %d columns", len(row), len(table.Columns))
		}
	}
	var text, data, object strings.Builder
	for format, b := range map[Format]*strings.Builder{Text: &text, CSV: &data, JSON: &object} {
		if err := table.Write(b, format); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"cnn on digits", "test accuracy %", "±", "kept MiB", "standard deviation"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	rows, err := csv.NewReader(strings.NewReader(data.String())).ReadAll()
	if err != nil || len(rows) != 1+len(r.Settings.Activations) || rows[0][0] != "activation" || rows[1][0] != r.Settings.Activations[0] {
		t.Errorf("%v: %v", err, rows)
	}
	if strings.Contains(data.String(), "NaN") || strings.Contains(data.String(), "±") {
		t.Errorf("CSV holds text:\n%s", data.String())
	}
	if !json.Valid([]byte(object.String())) {
		t.Error("JSON is not valid")
	}
}

// What is not known is an empty cell, not a number.
func TestComparisonOfNothing(t *testing.T) {
	r := sampleResult()
	r.Runs, r.Costs, r.Interrupted = nil, nil, true
	var b strings.Builder
	if err := Comparison(r).Write(&b, JSON); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"test_accuracy": null`) {
		t.Error(b.String())
	}
}

func TestResultFileHasTheVerdict(t *testing.T) {
	dir, r := t.TempDir(), sampleResult()
	path := filepath.Join(dir, "result.json")
	if err := WriteResultFile(path, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Verdict string }
	var back experiment.Result
	if err := json.Unmarshal(text, &v); err != nil || v.Verdict != r.Verdict() || v.Verdict == "" {
		t.Errorf("%v, verdict %q", err, v.Verdict)
	}
	if err := json.Unmarshal(text, &back); err != nil || back.Settings.Network != r.Settings.Network || len(back.Runs) != len(r.Runs) {
		t.Errorf("%v, %+v", err, back.Settings)
	}
	if err := WriteResultFile(filepath.Join(dir, "none", "result.json"), r); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("%v does not name the file", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 {
		t.Errorf("%v: the folder holds %v", err, list)
	}
}

// A share that was not measured is a dash.
func TestSharesThatAreNotKnown(t *testing.T) {
	for share, want := range map[float64]string{0: dash, .0123: "1.2 %"} {
		if got := shareText(share); got != want {
			t.Errorf("%v is %q, want %q", share, got, want)
		}
	}
}
