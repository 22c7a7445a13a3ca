package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/internal/atomicfile"
)

// PaperFormats lists what ParsePaperFormat takes.
var PaperFormats = []string{string(Text), string(Markdown), string(JSON)}

// ParsePaperFormat returns the format of a report on the paper.
func ParsePaperFormat(name string) (Format, error) {
	if slices.Contains(PaperFormats, name) {
		return Format(name), nil
	}
	return "", fmt.Errorf("unknown format %q; available: %s", name, strings.Join(PaperFormats, ", "))
}

// A paperSection is a part of a report on the paper.
type paperSection struct {
	ID, Title string
	Text      []string
	Tables    []*Table
	// Key and Charts are for pages.
	Key    []keyEntry
	Charts []*chart
}

const paperTitle = "Carlile et al. (2017), run again"

// WritePaper writes a report as text, Markdown or JSON, which has the verdict of each
// claim beside the result. Markdown shows the file paper.svg, which is PaperFigure.
func WritePaper(w io.Writer, r *experiment.PaperResult, f Format) error {
	var b strings.Builder
	switch f {
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			*experiment.PaperResult
			Claims []experiment.Claim `json:"claims"`
		}{r, r.Claims()})
	case Markdown:
		b.WriteString("# " + paperTitle + "\n")
		for _, line := range paperHead(r) {
			b.WriteString("\n" + line + "\n")
		}
		if len(PaperFigure(r).Rows) > 0 {
			b.WriteString("\n![Times of kernels, learning curves and areas of units](paper.svg)\n")
		}
	case Text:
		b.WriteString(paperTitle + "\n\n" + strings.Join(paperHead(r), "\n") + "\n")
	default:
		return fmt.Errorf("report: unknown format %q", string(f))
	}
	sections := paperSections(r)
	if f == Text {
		b.WriteString("\nVerdict\n=======\n")
		writeClaims(&b, r)
	} else {
		sections = slices.Insert(sections, 0, claimSection(r))
	}
	for _, s := range sections {
		if f == Markdown {
			b.WriteString("\n## " + s.Title + "\n")
		} else {
			b.WriteString("\n" + s.Title + "\n" + strings.Repeat("=", len([]rune(s.Title))) + "\n")
		}
		for _, text := range s.Text {
			b.WriteString("\n" + text + "\n")
		}
		for _, t := range s.Tables {
			b.WriteString("\n")
			if err := t.Write(&b, f); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// paperHead returns what the reader must know first.
func paperHead(r *experiment.PaperResult) []string {
	e, s := &r.Environment, &r.Settings
	lines := []string{fmt.Sprintf("%s, SIMD %s, %s, %s, isrlu %s.", e.Processor, e.SIMD, plural(e.Cores, "core"), e.GoVersion, e.Version)}
	if len(r.Comparisons) > 0 {
		lines[0] += fmt.Sprintf(" %s of each function.", plural(s.Seeds, "training"))
	}
	lines[0] += " To run it again: " + paperCommand(s)
	lines = append(lines, r.Notes...)
	if r.Interrupted {
		lines = append(lines, "The run is not complete: run the command again, with the same settings and folder, to go on.")
	}
	for _, v := range r.Elsewhere() {
		lines = append(lines, fmt.Sprintf("Trainings of %s are kept from isrlu %s on %s, SIMD %s.", strings.Join(v.Comparisons, ", "), v.Environment.Version, v.Environment.Processor, v.Environment.SIMD))
	}
	return lines
}

// writeClaims writes the verdicts as lists, since sentences are too long for a table
// in text.
func writeClaims(b *strings.Builder, r *experiment.PaperResult) {
	claims := r.Claims()
	for _, outcome := range []experiment.Outcome{experiment.Holds, experiment.DoesNotHold, experiment.CannotBeTold} {
		first := true
		for _, c := range claims {
			if c.Outcome != outcome {
				continue
			}
			if first {
				b.WriteString("\n" + experiment.Capital(string(outcome)) + ":\n")
				first = false
			}
			paper := ""
			if c.Paper != "" {
				paper = "paper: " + c.Paper + "; "
			}
			fmt.Fprintf(b, "  %s\n      %shere: %s; %s\n", c.Claim, paper, c.Here, c.Why)
		}
	}
	if len(claims) == 0 {
		b.WriteString("\nThere is nothing to judge yet.\n")
	}
}

// claimSection returns the verdicts as a table.
func claimSection(r *experiment.PaperResult) paperSection {
	t := &Table{Columns: []Column{
		{Name: "claim", Left: true}, {Name: "paper", Left: true}, {Name: "here", Left: true}, {Name: "outcome", Left: true}, {Name: "by", Left: true},
	}}
	for _, c := range r.Claims() {
		t.Rows = append(t.Rows, []any{c.Claim, c.Paper, c.Here, string(c.Outcome), c.Why})
	}
	return paperSection{ID: "verdict", Title: "Verdict", Text: []string{"What the paper does not say is a question that it left open."}, Tables: []*Table{t}}
}

// paperSections returns the parts that the result has.
func paperSections(r *experiment.PaperResult) []paperSection {
	var list []paperSection
	if r.Speed != nil {
		list = append(list, speedSection(r.Speed))
	}
	if len(r.Memory) > 0 {
		list = append(list, memorySection(r.Memory))
	}
	if r.Hardware != nil {
		list = append(list, hardwareSection(r.Hardware))
	}
	for _, c := range r.Comparisons {
		list = append(list, comparisonSection(c))
	}
	return list
}

func speedSection(s *experiment.PaperSpeed) paperSection {
	kernels := &Table{Columns: []Column{
		{Name: "function", Left: true}, {Name: "precision", Left: true}, {Name: "direction", Left: true}, {Name: "elements"},
		{Name: "ns", Title: "ns/element", Verb: "%.4f"}, {Name: "quartiles", Left: true}, {Name: "cycles", Title: "cycles/element", Verb: "%.3f"},
	}}
	var bars []bar
	for _, k := range s.Kernels {
		kernels.Rows = append(kernels.Rows, []any{k.Function, k.Precision, k.Direction, k.Elements, k.NS.Median,
			fmt.Sprintf("%.4f to %.4f", k.NS.Low, k.NS.High), k.NS.Median * s.ClockGHz})
		if k.Direction == "forward" && k.Elements == s.Kernels[0].Elements {
			bars = append(bars, bar{name: k.Function + " " + k.Precision, value: k.NS.Median, low: k.NS.Low, high: k.NS.High,
				label: number(k.NS.Median, 3), style: len(bars)})
		}
	}
	ratios := &Table{Columns: []Column{
		{Name: "times", Left: true}, {Name: "elements"}, {Name: "paper", Left: true}, {Name: "exact", Verb: "%.2f"}, {Name: "default", Verb: "%.2f"}, {Name: "fast", Verb: "%.2f"},
	}}
	for _, q := range s.Ratios() {
		ratios.Rows = append(ratios.Rows, []any{q.Name, q.Elements, q.Paper, q.Exact.Median, q.Default.Median, q.Fast.Median})
	}
	return paperSection{
		ID: "speed", Title: "Time of one element",
		Text: []string{
			fmt.Sprintf("Kernels of this module for float32 on one core, all taking turns; medians. Cycles are times by a clock of %.2f GHz, which is estimated from a chain of dependent additions; under vector instructions the clock may be lower.", s.ClockGHz),
			"The exp is that within ELU's kernel, e^x - 1 and the choice of a branch with it: a bare exp would take a little less. Where a function has no kernel of a precision, its exact one stands in.",
		},
		Tables: []*Table{kernels, ratios},
		Charts: present(plotBars("paper-speed", "Forward pass", "Bars are medians, whiskers quartiles.", "nanoseconds per element", bars)),
	}
}

func memorySection(list []experiment.PaperMemory) paperSection {
	t := &Table{Columns: []Column{
		{Name: "network", Left: true}, {Name: "activation", Left: true}, {Name: "kept", Title: "kept MiB", Verb: "%.2f"},
		{Name: "for_activations", Title: "for activations alone", Verb: "%.2f"},
	}}
	for _, m := range list {
		t.Rows = append(t.Rows, []any{m.Network, m.Activation, float64(m.Bytes) / (1 << 20), float64(m.ForActivations) / (1 << 20)})
	}
	return paperSection{ID: "memory", Title: "Memory",
		Text:   []string{fmt.Sprintf("What the forward pass of one training batch of %d keeps for the backward pass. Gradients of ISRLU follow from its output, in place.", list[0].Batch)},
		Tables: []*Table{t}}
}

func hardwareSection(h *experiment.PaperHardware) paperSection {
	units := Hardware(h.Units)
	units.Title = ""
	adds := &Table{Columns: []Column{{Name: "format", Left: true}, {Name: "gates", Title: "gates est.", Verb: "%.0f"}}}
	for _, a := range h.MultiplyAdds {
		adds.Rows = append(adds.Rows, []any{a.Format, a.Gates})
	}
	var charts []*chart
	if measures := h.Units.HardwareMeasures(); len(measures) > 0 {
		for _, format := range h.Units.Settings.Formats {
			var bars []bar
			for i, f := range h.Units.Settings.Functions {
				if u := h.Units.Least(measures[0], f, format, h.Units.Settings.Bounds[0], nil); u != nil {
					v := measures[0].Of(u)
					bars = append(bars, bar{name: f, value: v, label: number(v, 0), style: i})
				}
			}
			charts = append(charts, plotBars("paper-hardware-"+format, "Area in "+format, "A bar for each function.", measures[0].Name, bars))
		}
	}
	return paperSection{ID: "hardware", Title: "Hardware",
		Text:   []string{"Units of least area, and below them a fused multiply-add of numbers of the same width: a b + c, unsigned, rounded once."},
		Tables: []*Table{units, adds}, Charts: present(charts...)}
}

// comparisonSection shows the trainings of one comparison.
func comparisonSection(c experiment.PaperComparison) paperSection {
	r := c.Result
	summaries := r.Summaries()
	s := paperSection{ID: strings.ReplaceAll(c.Name, " ", "-"), Title: experiment.Capital(c.Name)}
	s.Text = []string{
		fmt.Sprintf("%s on %s, %d + %d %s, %s of batches of %d, Adam, learning rate %v to %v, seeds %s.", r.Settings.Network, r.Settings.Data, r.Settings.Train, r.Settings.Test,
			r.Settings.Samples(), plural(r.Settings.Epochs, "epoch"), r.Settings.Batch, r.Settings.LearningRate, r.Settings.FinalLearningRate, enumerateSeeds(r.Settings.Seeds)),
		r.Verdict(),
	}
	if !r.Settings.OnText() && len(r.Settings.Description) > 0 && strings.HasPrefix(r.Settings.Network, "conv") {
		s.Text[0] += " The paper does not give the widths of its layers: those are ours. Weights begin with a truncated normal distribution of standard deviation 0.1."
	}
	s.Tables = []*Table{paperTable(c, summaries)}
	if t := alphaTable(r); len(t.Rows) > 0 {
		s.Tables = append(s.Tables, t)
	}
	for i, name := range r.Settings.Activations {
		s.Key = append(s.Key, keyEntry{name, styleClass(i)})
	}
	s.Charts = slices.Concat(finalCharts(r, summaries), learningCharts(r), timingCharts(summaries))
	for _, k := range s.Charts {
		k.rename(s.ID + "-" + k.ID)
	}
	return s
}

func enumerateSeeds(seeds []uint64) string {
	if len(seeds) == 1 {
		return fmt.Sprint(seeds[0])
	}
	return fmt.Sprintf("%d to %d", seeds[0], seeds[len(seeds)-1])
}

// paperTable has a row for each function.
func paperTable(c experiment.PaperComparison, summaries []experiment.Summary) *Table {
	first, _ := decisive(c.Result)
	decimals, unit := 2, "accuracy %"
	if first.falls {
		decimals, unit = 4, "bits/char"
	}
	t := &Table{Columns: []Column{
		{Name: "activation", Left: true}, {Name: "runs"}, {Name: "mean", Title: unit}, {Name: "interval", Title: "95 % interval of the mean"},
		{Name: "best"}, {Name: "paper", Verb: "%.2f"}, {Name: "loss", Title: "100 cross-entropy"}, {Name: "step", Title: "step ms"},
	}}
	reported := false
	for i := range summaries {
		v := &summaries[i]
		mean := first.mean(v)
		low, high := mean.Interval(v.Runs)
		interval := dash
		if finite(low) {
			interval = number(low, decimals) + " to " + number(high, decimals)
		}
		best := 0.0
		for j := range c.Result.Runs {
			if run := &c.Result.Runs[j]; run.Activation == v.Activation && run.Complete() {
				x := first.of(&run.Epochs[len(run.Epochs)-1])
				if best == 0 || x > best != first.falls {
					best = x
				}
			}
		}
		var paper, step, reached any
		if p := experiment.PaperAccuracy(c.Name, v.Activation); p > 0 {
			paper, reported = p, true
		}
		if v.Cost != nil {
			step = milliseconds(v.Cost.Step.Median)
		}
		if v.Runs > 0 {
			reached = number(best, decimals)
		}
		t.Rows = append(t.Rows, []any{v.Activation, v.Runs, meanStd(mean, decimals), interval, reached, paper, meanStd(times(v.Loss, 100), 3), step})
	}
	t.Columns[5].DataOnly = !reported
	t.Notes = []string{"± is the standard deviation over the seeds, after the last epoch; times are medians for one batch."}
	return t
}

// alphaTable has a row for each layer and seed that learned an alpha.
func alphaTable(r *experiment.Result) *Table {
	t := &Table{Columns: []Column{
		{Name: "learned", Left: true}, {Name: "seed", Left: true}, {Name: "layer", Left: true}, {Name: "values"}, {Name: "initial"}, {Name: "mean"}, {Name: "range", Left: true},
	}}
	rows, _ := alphaRows(r)
	for _, a := range rows {
		t.Rows = append(t.Rows, []any{a.Activation, a.Seed, a.Layer, a.Count, a.Begin, a.Mean, a.Range})
	}
	return t
}

// WritePaperFile writes a report into a file, which appears whole or not at all.
func WritePaperFile(path string, r *experiment.PaperResult, f Format) error {
	return atomicfile.Replace(path, func(w io.Writer) error { return WritePaper(w, r, f) })
}

// ReadPaperFile returns the result of a JSON file that WritePaperFile wrote, or nil if
// there is no file.
func ReadPaperFile(path string) (*experiment.PaperResult, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r experiment.PaperResult
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(r.Settings.Parts) == 0 {
		return nil, fmt.Errorf("%s is not what isrlu paper wrote; name another folder", path)
	}
	return &r, nil
}
