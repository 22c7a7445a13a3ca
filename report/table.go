// Package report turns results into what people and programs read: tables as
// aligned text, CSV or JSON, plots as SVG or PNG, and comparisons as pages of
// HTML. It measures nothing.
package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Format is a way to write a table.
type Format string

// The formats of tables.
const (
	Text Format = "table"
	CSV  Format = "csv"
	JSON Format = "json"
)

// Formats lists the names that ParseFormat takes.
var Formats = []string{string(Text), string(CSV), string(JSON)}

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	if slices.Contains(Formats, name) {
		return Format(name), nil
	}
	return "", fmt.Errorf("unknown format %q; available: %s", name, strings.Join(Formats, ", "))
}

// A Column of a table. Name heads it in CSV and JSON, Title in text.
type Column struct {
	Name, Title string
	// Verb formats numbers in text, such as "%.3f"; CSV and JSON carry every
	// digit.
	Verb string
	// Left aligns the text to the left; numbers stand to the right.
	Left bool
	// TextOnly columns are for eyes: CSV and JSON leave them out.
	TextOnly bool
	// DataOnly columns are for programs: text leaves them out.
	DataOnly bool
}

// title returns what heads the column in text.
func (c Column) title() string {
	if c.Title == "" {
		return c.Name
	}
	return c.Title
}

// A Field is a property of the whole table, such as the processor.
type Field struct {
	Name  string
	Value any
}

// A Table holds rows of strings, booleans, integers and floats. A nil cell is
// empty (null in JSON).
type Table struct {
	Title   string  // above the text; CSV and JSON have Fields instead
	Fields  []Field // members of the JSON object beside "results"
	Columns []Column
	Rows    [][]any
	Notes   []string // below the text
}

// Write writes the table in the format.
func (t *Table) Write(w io.Writer, f Format) error {
	switch f {
	case Text:
		return t.writeText(w)
	case CSV:
		return t.writeCSV(w)
	case JSON:
		return t.writeJSON(w)
	case Markdown:
		return t.writeMarkdown(w)
	}
	return fmt.Errorf("report: unknown format %q", string(f))
}

func (t *Table) writeText(w io.Writer) error {
	cols := t.columns(func(c Column) bool { return !c.DataOnly })
	lines := make([][]string, 0, len(t.Rows)+1)
	head := make([]string, len(cols))
	for j, i := range cols {
		head[j] = t.Columns[i].title()
	}
	lines = append(lines, head)
	for _, row := range t.Rows {
		line := make([]string, len(cols))
		for j, i := range cols {
			line[j] = textCell(row[i], t.Columns[i].Verb)
		}
		lines = append(lines, line)
	}
	width := make([]int, len(cols))
	for _, line := range lines {
		for j, s := range line {
			width[j] = max(width[j], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n\n")
	}
	for _, line := range lines {
		for j, s := range line {
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(s))
			if t.Columns[cols[j]].Left {
				line[j] = s + pad
			} else {
				line[j] = pad + s
			}
		}
		b.WriteString(strings.TrimRight(strings.Join(line, "  "), " ") + "\n")
	}
	if len(t.Notes) > 0 {
		b.WriteString("\n" + strings.Join(t.Notes, "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) writeCSV(w io.Writer) error {
	cols := t.columns(func(c Column) bool { return !c.TextOnly })
	cw := csv.NewWriter(w)
	line := make([]string, len(cols))
	for j, i := range cols {
		line[j] = t.Columns[i].Name
	}
	cw.Write(line)
	for _, row := range t.Rows {
		for j, i := range cols {
			line[j] = dataCell(row[i])
		}
		cw.Write(line)
	}
	cw.Flush()
	return cw.Error()
}

func (t *Table) writeJSON(w io.Writer) error {
	cols := t.columns(func(c Column) bool { return !c.TextOnly })
	var b strings.Builder
	b.WriteString("{\n")
	for _, f := range t.Fields {
		v, err := jsonCell(f.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "  %q: %s,\n", f.Name, v)
	}
	b.WriteString("  \"results\": [")
	for n, row := range t.Rows {
		if n > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n    {")
		for j, i := range cols {
			v, err := jsonCell(row[i])
			if err != nil {
				return err
			}
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q: %s", t.Columns[i].Name, v)
		}
		b.WriteString("}")
	}
	if len(t.Rows) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// columns returns the indices of the columns that ok accepts.
func (t *Table) columns(ok func(Column) bool) []int {
	var idx []int
	for i, c := range t.Columns {
		if ok(c) {
			idx = append(idx, i)
		}
	}
	return idx
}

func textCell(v any, verb string) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		if verb != "" && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return fmt.Sprintf(verb, v)
		}
	}
	return dataCell(v)
}

func dataCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return formatFloat(v)
	}
	return fmt.Sprint(v)
}

func formatFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// jsonCell writes what JSON has no numbers for, NaN and the infinities, as
// strings.
func jsonCell(v any) (string, error) {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		v = formatFloat(f)
	}
	if s, ok := v.(fmt.Stringer); ok {
		v = s.String()
	}
	b, err := json.Marshal(v)
	return string(b), err
}
