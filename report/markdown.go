package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown is a format of tables for pages of documentation. No command but paper
// offers it.
const Markdown Format = "markdown"

func (t *Table) writeMarkdown(w io.Writer) error {
	cols := t.columns(func(c Column) bool { return !c.DataOnly })
	var b strings.Builder
	row := func(cell func(i int) string) {
		for _, i := range cols {
			fmt.Fprintf(&b, "| %s ", strings.ReplaceAll(cell(i), "|", `\|`))
		}
		b.WriteString("|\n")
	}
	if t.Title != "" {
		b.WriteString(t.Title + "\n\n")
	}
	row(func(i int) string { return t.Columns[i].title() })
	row(func(i int) string {
		if t.Columns[i].Left {
			return "---"
		}
		return "--:"
	})
	for _, cells := range t.Rows {
		row(func(i int) string { return textCell(cells[i], t.Columns[i].Verb) })
	}
	for _, note := range t.Notes {
		b.WriteString("\n" + note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
