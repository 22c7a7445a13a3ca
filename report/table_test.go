package report

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

var sampleTable = Table{
	Title:  "title",
	Fields: []Field{{"processor", `a "b"`}},
	Columns: []Column{
		{Name: "name", Left: true},
		{Name: "value", Title: "v", Verb: "%.2f"},
		{Name: "eyes", TextOnly: true},
		{Name: "data", DataOnly: true},
	},
	Rows: [][]any{
		{"x, y", 1.23456789, "e", 7},
		{"longer", math.Inf(1), "e", nil},
	},
	Notes: []string{"note"},
}

func write(t *testing.T, f Format) string {
	t.Helper()
	var b strings.Builder
	if err := sampleTable.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextIsAligned(t *testing.T) {
	want := "title\n\nname       v  eyes\nx, y    1.23     e\nlonger   Inf     e\n\nnote\n"
	if got := write(t, Text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCSVHasEveryDigit(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(write(t, CSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := "name|value|data\nx, y|1.23456789|7\nlonger|Inf|"
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSONParses(t *testing.T) {
	var v struct {
		Processor string
		Results   []map[string]any
	}
	if err := json.Unmarshal([]byte(write(t, JSON)), &v); err != nil {
		t.Fatal(err)
	}
	if v.Processor != `a "b"` || len(v.Results) != 2 || v.Results[0]["value"] != 1.23456789 ||
		v.Results[1]["value"] != "Inf" || v.Results[1]["data"] != nil {
		t.Errorf("got %+v", v)
	}
	if _, ok := v.Results[0]["eyes"]; ok {
		t.Error("a text-only column is in the JSON")
	}
}

func TestParseFormatListsTheFormats(t *testing.T) {
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), `"xml"; available: table, csv, json`) {
		t.Errorf("got %v", err)
	}
}
