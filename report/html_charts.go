package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/experiment"
)

// A measure of an epoch, as the charts show it.
type measure struct {
	of     func(*experiment.Epoch) float64
	mean   func(*experiment.Summary) experiment.MeanStd
	unit   string
	most   float64 // that it can be
	falls  bool    // as training goes on
	id     string
	title  string // of what it is on test samples
	titled string // the same, with its unit
}

// decisive returns the measures of a comparison: the first one decides.
func decisive(r *experiment.Result) (first, second measure) {
	accuracy := measure{
		of:   func(e *experiment.Epoch) float64 { return 100 * e.TestAccuracy },
		mean: func(s *experiment.Summary) experiment.MeanStd { return times(s.Accuracy, 100) },
		unit: "percent", most: 100, id: "accuracy", title: "Test accuracy", titled: "Test accuracy, percent",
	}
	if r.Settings.OnText() {
		accuracy.title, accuracy.titled = "Next characters right in the test text", "Next characters right in the test text, percent"
		return measure{
			of:   func(e *experiment.Epoch) float64 { return experiment.BitsPerChar(e.TestLoss) },
			mean: func(s *experiment.Summary) experiment.MeanStd { return s.BitsPerChar },
			unit: "bits per character", most: math.Inf(1), falls: true, id: "bits", title: "Bits per character of the test text", titled: "Bits per character of the test text",
		}, accuracy
	}
	return accuracy, measure{
		of:   func(e *experiment.Epoch) float64 { return e.TestLoss },
		mean: func(s *experiment.Summary) experiment.MeanStd { return s.Loss },
		unit: "nats", most: math.Inf(1), falls: true, id: "loss", title: "Test cross-entropy", titled: "Test cross-entropy, nats, logarithmic",
	}
}

// finalCharts show the measures after the last epoch.
func finalCharts(r *experiment.Result, summaries []experiment.Summary) []*chart {
	const desc = "A dot for each seed, a line at the mean, a band of one standard deviation to either side. The numbers are in the table above."
	first, second := decisive(r)
	var charts []*chart
	for _, m := range []measure{first, second} {
		var rows []dotRow
		for i, s := range summaries {
			row := dotRow{name: s.Activation, mean: m.mean(&s), style: i}
			for j := range r.Runs {
				if run := &r.Runs[j]; run.Activation == s.Activation && run.Complete() {
					row.values = append(row.values, m.of(&run.Epochs[len(run.Epochs)-1]))
				}
			}
			rows = append(rows, row)
		}
		charts = append(charts, plotDots("final-"+m.id, m.title+" after the last epoch", desc, m.unit, rows, m.most))
	}
	return present(charts...)
}

// present leaves out the charts that had nothing to show.
func present(cs ...*chart) []*chart {
	return slices.DeleteFunc(cs, func(c *chart) bool { return c == nil })
}

func learningCharts(r *experiment.Result) []*chart {
	first, second := decisive(r)
	main, other := learningCurves(r, first.of), learningCurves(r, second.of)
	const lines = "Strong lines are means over seeds, thin lines single seeds."
	spec := plotSpec{xlabel: "epoch", wholeX: true}

	whole := spec
	whole.id, whole.title, whole.desc, whole.curves = "learning-"+first.id, first.titled, lines, main
	zoomed := spec
	zoomed.id, zoomed.title, zoomed.curves = "learning-"+first.id+"-zoomed", first.titled+", the later epochs", main
	far := "below"
	if first.falls {
		far = "above"
	}
	zoomed.desc = lines + " The first epochs, and what lies far " + far + " the others, are outside."
	zoomed.xlo, zoomed.xhi, zoomed.ylo, zoomed.yhi = zoom(main, first)
	test, train := spec, spec
	if r.Settings.OnText() {
		test.id, test.title, test.desc, test.curves = "learning-accuracy", second.titled, lines, other
		train.id, train.title, train.desc = "learning-train-bits", "Bits per character of the training text", lines
		train.curves = learningCurves(r, func(e *experiment.Epoch) float64 { return experiment.BitsPerChar(e.TrainLoss) })
	} else {
		test.id, test.title, test.desc, test.curves, test.logY = "learning-test-loss", second.titled, lines, other, true
		train.id, train.title, train.desc, train.logY = "learning-train-loss", "Training cross-entropy, nats, logarithmic", lines, true
		train.curves = learningCurves(r, func(e *experiment.Epoch) float64 { return e.TrainLoss })
	}
	charts := []*chart{plotLines(whole)}
	if zoomed.xlo < zoomed.xhi {
		charts = append(charts, plotLines(zoomed))
	}
	return present(append(charts, plotLines(test), plotLines(train))...)
}

// learningCurves returns, for each activation, the mean over the complete runs,
// or over all if none is complete, and the runs themselves if there are several.
func learningCurves(r *experiment.Result, measure func(*experiment.Epoch) float64) []curve {
	var curves []curve
	for style, name := range r.Settings.Activations {
		var all, complete []*experiment.Run
		most := 0
		for i := range r.Runs {
			run := &r.Runs[i]
			if run.Activation != name {
				continue
			}
			all = append(all, run)
			if run.Complete() {
				complete = append(complete, run)
			}
			for _, e := range run.Epochs {
				most = max(most, e.Epoch)
			}
		}
		if len(all) > 1 {
			for _, run := range all {
				c := curve{name: fmt.Sprintf("%s, seed %d", name, run.Seed), style: style, thin: true}
				for i := range run.Epochs {
					c.x = append(c.x, float64(run.Epochs[i].Epoch))
					c.y = append(c.y, measure(&run.Epochs[i]))
				}
				curves = append(curves, c)
			}
		}
		if len(complete) > 0 {
			all = complete
		}
		curves = append(curves, meanCurve(name, style, all, measure, most <= 12))
	}
	return curves
}

// meanCurve averages the runs at the epochs that all of them have.
func meanCurve(name string, style int, runs []*experiment.Run, measure func(*experiment.Epoch) float64, dots bool) curve {
	c := curve{name: name, style: style, dots: dots}
	if len(runs) == 0 {
		return c
	}
	least := len(runs[0].Epochs)
	for _, run := range runs {
		least = min(least, len(run.Epochs))
	}
	for i := range least {
		sum := 0.0
		for _, run := range runs {
			sum += measure(&run.Epochs[i])
		}
		c.x = append(c.x, float64(runs[0].Epochs[i].Epoch))
		c.y = append(c.y, sum/float64(len(runs)))
	}
	return c
}

// zoom returns the later two thirds of the epochs and the range that holds the
// curves there; those which end far worse than the others do not stretch it. It
// returns zeros if there are too few epochs.
func zoom(curves []curve, m measure) (xlo, xhi, ylo, yhi float64) {
	least, most := extent(curves, scale{}, scale{}, true)
	if !(most-least >= 3) {
		return 0, 0, 0, 0
	}
	xlo, xhi = math.Ceil(least+(most-least)/3), most
	sign, room := 1.0, 1.0 // a percent
	if m.falls {
		sign, room = -1, .05
	}
	var ends []float64
	for _, c := range curves {
		if n := len(c.y); n > 0 && !c.thin && finite(c.y[n-1]) {
			ends = append(ends, sign*c.y[n-1])
		}
	}
	if len(ends) == 0 {
		return 0, 0, 0, 0
	}
	slices.Sort(ends)
	best, median := ends[len(ends)-1], ends[(len(ends)-1)/2]
	floor := best - max(4*(best-median), room)
	kept := map[int]bool{}
	for _, c := range curves {
		if n := len(c.y); n > 0 && !c.thin && sign*c.y[n-1] >= floor {
			kept[c.style] = true
		}
	}
	var near []curve
	for _, c := range curves {
		if kept[c.style] {
			near = append(near, c)
		}
	}
	ylo, yhi = extent(near, scale{lo: xlo, hi: xhi}, scale{}, false)
	return xlo, xhi, ylo, min(yhi, m.most+.2)
}

func learningNote(r *experiment.Result) string {
	note := ""
	if r.Entropy > 0 {
		note = fmt.Sprintf(" The test text itself has %s bits per character, which no model can save.", number(r.Entropy, 3))
	}
	if len(r.Settings.Seeds) == 1 {
		return "One seed: differences as small as those between seeds mean nothing." + note
	}
	return "Strong lines are means over the seeds whose run is complete, or over all where none is; thin lines are single seeds." + note
}

func timingCharts(summaries []experiment.Summary) []*chart {
	var step, inference []bar
	for i, s := range summaries {
		c := s.Cost
		if c == nil {
			continue
		}
		of := func(v experiment.Spread, share float64) bar {
			label := milliseconds(v.Median)
			if experiment.Simulated(s.Activation) {
				label += ", simulated"
			}
			if finite(share) {
				label += " (" + percent(share, 1) + ")"
			}
			return bar{name: s.Activation, value: v.Median, part: v.Median * share, low: v.Low, high: v.High, label: label, style: i}
		}
		step, inference = append(step, of(c.Step, c.StepShare)), append(inference, of(c.Inference, c.InferenceShare))
	}
	const desc = "Bars are medians, whiskers quartiles. The strong part of a bar, and the share in brackets, is the activation's."
	return present(
		plotBars("timing-step", "Training step of one batch", desc, "milliseconds", step),
		plotBars("timing-inference", "Inference of one batch", desc, "milliseconds", inference),
	)
}

func memoryChart(summaries []experiment.Summary) *chart {
	var most int64
	for _, s := range summaries {
		if s.Cost != nil {
			most = max(most, s.Cost.BytesKept)
		}
	}
	unit, name := byteUnit(most)
	var bars []bar
	for i, s := range summaries {
		if c := s.Cost; c != nil {
			label := number(float64(c.BytesKept)/unit, 2)
			if c.BytesForActivation > 0 {
				label += " (" + number(float64(c.BytesForActivation)/unit, 2) + ")"
			}
			bars = append(bars, bar{name: s.Activation, value: float64(c.BytesKept) / unit, part: float64(c.BytesForActivation) / unit,
				low: math.NaN(), high: math.NaN(), label: label, style: i})
		}
	}
	return plotBars("memory-kept", "Kept from the forward for the backward pass of one batch",
		"The strong part of a bar, and the number in brackets, is kept for the activation's backward pass alone.", name, bars)
}

// inPlace names the activations whose backward pass needs the output alone.
func inPlace(summaries []experiment.Summary) string {
	var names []string
	for _, s := range summaries {
		if s.Cost != nil && s.Cost.FromOutput {
			names = append(names, s.Activation)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "Backward pass in place, from the output alone: " + strings.Join(names, ", ") + "."
}

// functionCharts draw the activations and their derivatives.
func functionCharts(r *experiment.Result) (charts []*chart, key []keyEntry, note string) {
	const span = 4.0
	x := make([]float64, 201)
	for i := range x {
		x[i] = span * (float64(i)/100 - 1)
	}
	var values, slopes []curve
	var unknown, learned, units []string
	for style, spec := range r.Settings.Activations {
		if i := slices.IndexFunc(r.Units, func(u experiment.Unit) bool { return u.Activation == spec }); i >= 0 {
			u := &r.Units[i]
			units = append(units, fmt.Sprintf("%s, built by %s, with an error of at most %s ulp", spec, u.Built, number(u.ErrorULP, 2)))
			key = append(key, keyEntry{spec, styleClass(style)})
			values = append(values, curve{name: spec, x: u.Points(), y: u.Values, style: style})
			slopes = append(slopes, curve{name: spec, x: u.Points(), y: u.Slopes, style: style})
			continue
		}
		name, learns := withoutLearn(spec)
		f, err := isrlu.Parse(name)
		if err != nil {
			unknown = append(unknown, spec)
			continue
		}
		label := spec
		if learns {
			learned = append(learned, spec)
			label += " (initial value)"
		}
		key = append(key, keyEntry{label, styleClass(style)})
		values = append(values, curve{name: label, x: x, y: sample(f, isrlu.Forward, x), style: style})
		slopes = append(slopes, curve{name: label, x: x, y: sample(f, isrlu.Backward, x), style: style})
	}
	if len(learned) > 0 {
		note = "Drawn with the parameter’s initial value, from which training moved it: " + strings.Join(learned, ", ") + "."
	}
	if len(units) > 0 {
		note += " Units of hardware, drawn as they compute it, and with the slope that training takes: " + strings.Join(units, "; ") + "."
	}
	if len(unknown) > 0 {
		note += " Not drawn, because their definition is not known here: " + strings.Join(unknown, ", ") + "."
	}
	spec := plotSpec{xlabel: "x", xlo: -span, xhi: span, axes: true}
	f, slope := spec, spec
	f.id, f.title, f.desc, f.curves = "function-values", "f(x)", "The activation functions.", values
	slope.id, slope.title, slope.desc, slope.curves = "function-slopes", "f′(x)", "Their derivatives.", slopes
	return present(plotLines(f), plotLines(slope)), key, strings.TrimSpace(note)
}

// A histogramTable has a row for each layer and a column for each activation.
type histogramTable struct {
	Activations []keyEntry
	Rows        []histogramRow
	Cut         bool // some bin is cut off
}

type histogramRow struct {
	Layer string
	Cells []histogramCell
}

type histogramCell struct {
	Chart           *chart
	Mean, Std, Zero string
	Outside         string // share of the outputs beyond the histogram
}

// newHistogramTable returns nil if no run has histograms.
func newHistogramTable(r *experiment.Result) *histogramTable {
	t := &histogramTable{}
	var columns [][]experiment.Histogram
	var styles []int
	var layers []string
	for style, name := range r.Settings.Activations {
		i := slices.IndexFunc(r.Runs, func(run experiment.Run) bool { return run.Activation == name && len(run.Activations) > 0 })
		if i < 0 {
			continue
		}
		t.Activations = append(t.Activations, keyEntry{name, styleClass(style)})
		columns, styles = append(columns, r.Runs[i].Activations), append(styles, style)
		for _, h := range r.Runs[i].Activations {
			if !slices.Contains(layers, h.Layer) {
				layers = append(layers, h.Layer)
			}
		}
	}
	if len(layers) == 0 {
		return nil
	}
	for n, layer := range layers {
		row := histogramRow{Layer: layer, Cells: make([]histogramCell, len(columns))}
		hs := make([]*experiment.Histogram, len(columns))
		var there []*experiment.Histogram
		for i, column := range columns {
			if j := slices.IndexFunc(column, func(h experiment.Histogram) bool { return h.Layer == layer }); j >= 0 {
				hs[i] = &column[j]
				there = append(there, hs[i])
			}
		}
		lo, hi, top := histogramRange(there)
		for i, h := range hs {
			if h == nil {
				continue
			}
			row.Cells[i] = newHistogramCell(fmt.Sprintf("histogram-%d-%d", n, i), t.Activations[i].Name, h, lo, hi, top, styles[i])
			t.Cut = t.Cut || h.Zero > crowded
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func newHistogramCell(id, name string, h *experiment.Histogram, lo, hi, top float64, style int) histogramCell {
	cell := histogramCell{Mean: number(h.Mean, 3), Std: number(h.Std, 3), Zero: percent(h.Zero, 1)}
	if _, total := binning(h); total > 0 && h.Below+h.Above > 0 {
		cell.Outside = percent(float64(h.Below+h.Above)/total, 2)
	}
	desc := fmt.Sprintf("Mean %s, standard deviation %s, %s exactly zero.", cell.Mean, cell.Std, cell.Zero)
	cell.Chart = plotHistogram(id, "Outputs of "+name+" in "+h.Layer, desc, h, lo, hi, top, style)
	return cell
}
