package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

//go:embed paper.tmpl
var paperText string

// paperTemplate draws charts with the definitions of html.tmpl.
var paperTemplate = template.Must(template.Must(htmlTemplate.Clone()).New("paper").Parse(paperText))

// A htmlTable is a table as paper.tmpl shows it.
type htmlTable struct {
	Head  []htmlCell
	Rows  [][]htmlCell
	Notes []string
}

type htmlCell struct {
	Text string
	Left bool
}

// html returns the table's cells as text has them.
func (t *Table) html() htmlTable {
	h := htmlTable{Notes: t.Notes}
	cols := t.columns(func(c Column) bool { return !c.DataOnly })
	for _, i := range cols {
		h.Head = append(h.Head, htmlCell{t.Columns[i].title(), t.Columns[i].Left})
	}
	for _, row := range t.Rows {
		var cells []htmlCell
		for _, i := range cols {
			cells = append(cells, htmlCell{textCell(row[i], t.Columns[i].Verb), t.Columns[i].Left})
		}
		h.Rows = append(h.Rows, cells)
	}
	return h
}

// HTML returns the tables as paper.tmpl shows them.
func (s paperSection) HTML() []htmlTable {
	var list []htmlTable
	for _, t := range s.Tables {
		list = append(list, t.html())
	}
	return list
}

// WritePaperHTML writes a report as one page of HTML that needs nothing else.
func WritePaperHTML(w io.Writer, r *experiment.PaperResult) error {
	var b bytes.Buffer
	err := paperTemplate.Execute(&b, struct {
		Style    template.CSS
		Title    string
		Head     []string
		Sections []paperSection
	}{template.CSS(htmlStyle), paperTitle, paperHead(r), append([]paperSection{claimSection(r)}, paperSections(r)...)})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// WritePaperHTMLFile writes the page into a file, which appears whole or not at all.
func WritePaperHTMLFile(path string, r *experiment.PaperResult) error {
	return atomicfile.Replace(path, func(w io.Writer) error { return WritePaperHTML(w, r) })
}

// PaperFigure draws the times of the kernels, the test errors or bits per character of
// the trainings epoch by epoch, and the areas of units: what the result has of these.
func PaperFigure(r *experiment.PaperResult) *Figure {
	fig := &Figure{Title: paperTitle}
	if s := r.Speed; s != nil {
		b := &Bars{Title: "forward pass, one core", YLabel: "ns per element"}
		for _, k := range s.Kernels {
			if k.Direction == "forward" && k.Elements == s.Kernels[0].Elements {
				b.Set(k.Function, k.Precision, k.NS.Median)
			}
		}
		fig.Rows = append(fig.Rows, []Panel{b})
	}
	var row []Panel
	for _, c := range r.Comparisons {
		first, _ := decisive(c.Result)
		l := &Lines{Title: c.Name, XLabel: "epoch", YLabel: "test error %"}
		of := func(e *experiment.Epoch) float64 { return first.most - first.of(e) }
		if first.falls {
			l.YLabel, of = "bits per character", first.of
		}
		for _, k := range learningCurves(c.Result, of) {
			if !k.thin && len(k.x) > 1 { // one epoch is no line
				l.Series = append(l.Series, Series{Name: k.name, X: k.x, Y: k.y, Style: k.style})
			}
		}
		if len(l.Series) == 0 {
			continue
		}
		if row = append(row, l); len(row) == 2 {
			fig.Rows, row = append(fig.Rows, row), nil
		}
	}
	if len(row) > 0 {
		fig.Rows = append(fig.Rows, row)
	}
	if r.Hardware != nil {
		fig.Rows = append(fig.Rows, HardwareFigure(r.Hardware.Units).Rows...)
	}
	return fig
}
