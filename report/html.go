package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

//go:embed html.tmpl
var htmlText string

//go:embed html.css
var htmlStyle string

var htmlTemplate = template.Must(template.New("report").Parse(htmlText))

// A page is what html.tmpl shows. A chart that is nil, or a list that is empty,
// has nothing to show: a sentence stands in its place.
type page struct {
	Style    template.CSS
	Title    string
	Subtitle string
	Verdict  string
	Notices  []string // what is missing or went wrong
	Key      []keyEntry

	Measures     []measureHead
	MeasuresNote string
	Quality      string // what decides
	Target       string // empty where there is none
	Samples      string // such as "images"
	Sample       string
	Summary      []summaryRow
	Final        []*chart
	Learning     []*chart
	LearningNote string
	Timings      []*chart
	Memory       *chart
	InPlace      string
	Curves       []*chart
	CurvesKey    []keyEntry
	CurvesNote   string
	Histograms   *histogramTable
	Alphas       []alphaRow
	AlphaNote    string
	Layers       []layerRow
	Totals       layerRow
	Settings     []pair
	Environment  []pair
	Description  string
	Command      string
	CommandNote  string
}

// A keyEntry shows the colour and the dashes of an activation.
type keyEntry struct{ Name, Class string }

// A pair is a line of a list of settings.
type pair struct{ Name, Value string }

// WriteHTML writes the result as one page of HTML that needs nothing else: no
// network, no scripts, no fonts but the reader's. Equal results give equal
// bytes.
func WriteHTML(w io.Writer, r *experiment.Result) error {
	if r == nil {
		return errors.New("report: no result to write")
	}
	// In memory first, so that an error leaves no half of a page.
	var b bytes.Buffer
	if err := htmlTemplate.Execute(&b, newPage(r)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteHTMLFile writes the page of WriteHTML into a file, which appears whole or
// not at all.
func WriteHTMLFile(path string, r *experiment.Result) error {
	return atomicfile.Replace(path, func(w io.Writer) error { return WriteHTML(w, r) })
}

func newPage(r *experiment.Result) *page {
	summaries := r.Summaries()
	p := &page{
		Style:    template.CSS(htmlStyle),
		Title:    headline(r),
		Subtitle: subtitle(r),
		Verdict:  r.Verdict(),
		Notices:  notices(r, summaries),

		Measures:    measureHeads(&r.Settings),
		Target:      targetText(&r.Settings, 1),
		Summary:     summaryRows(&r.Settings, summaries),
		Final:       finalCharts(r, summaries),
		Learning:    learningCharts(r),
		Timings:     timingCharts(summaries),
		Memory:      memoryChart(summaries),
		InPlace:     inPlace(summaries),
		Histograms:  newHistogramTable(r),
		Settings:    settings(r),
		Environment: environment(r),
		Description: description(r.Settings.Description),
		Command:     command(&r.Settings),
		CommandNote: commandNote(&r.Settings),
	}
	p.MeasuresNote, p.Quality, p.Samples, p.Sample = "Accuracy, cross-entropy and epochs", "accuracy", "images", "image"
	if r.Settings.OnText() {
		p.MeasuresNote, p.Quality, p.Samples, p.Sample = "Loss, perplexity, bits per character and accuracy", "loss", "windows", "window"
		if p.Target != "" {
			p.MeasuresNote = "Loss, perplexity, bits per character, accuracy and epochs"
		}
	}
	p.LearningNote = learningNote(r)
	p.Curves, p.CurvesKey, p.CurvesNote = functionCharts(r)
	p.Alphas, p.AlphaNote = alphaRows(r)
	p.Layers, p.Totals = layerRows(r)
	for i, name := range r.Settings.Activations {
		p.Key = append(p.Key, keyEntry{name, styleClass(i)})
	}
	return p
}
