package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/experiment"
)

// dash stands for a value that is not there.
const dash = "–"

// number writes a value with a fixed number of decimals.
func number(v float64, decimals int) string {
	if !finite(v) {
		return dash
	}
	if math.Abs(v) >= 1e6 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func percent(v float64, decimals int) string {
	if !finite(v) {
		return dash
	}
	return number(100*v, decimals) + " %"
}

// meanStd writes a mean and, where there is one, the spread over seeds.
func meanStd(m experiment.MeanStd, decimals int) string {
	if !finite(m.Mean) {
		return dash
	}
	if !finite(m.Std) {
		return number(m.Mean, decimals)
	}
	return number(m.Mean, decimals) + " ± " + number(m.Std, decimals)
}

func times(m experiment.MeanStd, f float64) experiment.MeanStd {
	return experiment.MeanStd{Mean: f * m.Mean, Std: f * m.Std}
}

// milliseconds writes a time with three figures or so.
func milliseconds(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return number(v, 0)
	case math.Abs(v) >= 10:
		return number(v, 1)
	case math.Abs(v) >= 1:
		return number(v, 2)
	}
	return number(v, 3)
}

// byteUnit returns the unit that suits the largest of the sizes.
func byteUnit(most int64) (unit float64, name string) {
	switch {
	case most >= 10<<30:
		return 1 << 30, "GiB"
	case most >= 1<<20:
		return 1 << 20, "MiB"
	case most >= 10<<10:
		return 1 << 10, "KiB"
	}
	return 1, "B"
}

func bytesText(n int64) string {
	unit, name := byteUnit(n)
	if unit == 1 {
		return fmt.Sprintf("%d B", n)
	}
	return number(float64(n)/unit, 2) + " " + name
}

// grouped writes an integer with thin spaces between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func headline(r *experiment.Result) string {
	s := &r.Settings
	n := plural(len(s.Activations), "activation function")
	if s.Network == "" || s.Data == "" {
		return n + " compared"
	}
	return fmt.Sprintf("%s in %s on %s", n, s.Network, s.Data)
}

func subtitle(r *experiment.Result) string {
	parts := []string{plural(len(r.Settings.Seeds), "seed"), plural(r.Settings.Epochs, "epoch")}
	started := r.Environment.Started
	if t, err := time.Parse(time.RFC3339, started); err == nil {
		started = t.Format("2 January 2006, 15:04 MST")
	}
	for _, s := range []string{r.Environment.Processor, r.Environment.SIMD, started} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// notices says what is missing from the result or went wrong.
func notices(r *experiment.Result, summaries []experiment.Summary) []string {
	var ns []string
	if r.Interrupted {
		ns = append(ns, "The comparison was interrupted: some runs are missing or not finished. Means are over those that finished.")
	}
	for _, s := range summaries {
		if s.Diverged > 0 {
			ns = append(ns, fmt.Sprintf("%s diverged in %s: the loss became infinite or not a number. Its means leave them out.", s.Activation, plural(s.Diverged, "run")))
		}
	}
	return ns
}

// A measureHead heads a column of what the trainings came to.
type measureHead struct{ Title, Unit string }

func measureHeads(s *experiment.Settings) []measureHead {
	if s.OnText() {
		return []measureHead{{"Test loss", "nats"}, {"Perplexity", "characters"}, {"Bits", "per character"}, {"Next character right", "%"}}
	}
	return []measureHead{{"Test accuracy", "%"}, {"Test cross-entropy", "nats"}}
}

type summaryRow struct {
	Class, Name                                    string
	Runs                                           string
	Measures                                       []string // as measureHeads
	Epochs                                         string   // empty without a target
	Step, StepRange, Inference, InferenceRange     string
	StepShare, InferenceShare, Kept, ForActivation string
}

func summaryRows(settings *experiment.Settings, summaries []experiment.Summary) []summaryRow {
	var rows []summaryRow
	for i, s := range summaries {
		row := summaryRow{
			Class: styleClass(i), Name: s.Activation, Runs: strconv.Itoa(s.Runs),
			Measures: []string{meanStd(times(s.Accuracy, 100), 2), meanStd(s.Loss, 4)}, Epochs: meanStd(s.EpochsToTarget, 1),
			Step: dash, Inference: dash, StepShare: dash, InferenceShare: dash, Kept: dash, ForActivation: dash,
		}
		if s.Diverged > 0 {
			row.Runs += fmt.Sprintf(" (%d diverged)", s.Diverged)
		}
		if s.Reached < s.Runs {
			row.Epochs += fmt.Sprintf(" (%d of %d)", s.Reached, s.Runs)
		}
		if settings.OnText() {
			row.Measures = []string{meanStd(s.Loss, 4), meanStd(s.Perplexity, 3), meanStd(s.BitsPerChar, 4), meanStd(times(s.Accuracy, 100), 2)}
			if settings.Target == 0 {
				row.Epochs = ""
			}
		}
		if c := s.Cost; c != nil {
			row.Step, row.StepRange = spread(c.Step)
			row.Inference, row.InferenceRange = spread(c.Inference)
			row.StepShare, row.InferenceShare = shareText(c.StepShare), shareText(c.InferenceShare)
			row.Kept, row.ForActivation = bytesText(c.BytesKept), bytesText(c.BytesForActivation)
		}
		rows = append(rows, row)
	}
	return rows
}

func spread(s experiment.Spread) (median, quartiles string) {
	if !finite(s.Low) || !finite(s.High) {
		return milliseconds(s.Median), ""
	}
	return milliseconds(s.Median), milliseconds(s.Low) + "–" + milliseconds(s.High)
}

type layerRow struct{ Name, Kind, Output, Parameters, MACs string }

func layerRows(r *experiment.Result) (rows []layerRow, totals layerRow) {
	var macs int64
	for _, l := range r.Layers {
		var shape []string
		for _, n := range l.Output {
			shape = append(shape, strconv.Itoa(n))
		}
		rows = append(rows, layerRow{l.Name, l.Kind, strings.Join(shape, " × "), grouped(int64(l.Parameters)), grouped(l.MACs)})
		macs += l.MACs
	}
	return rows, layerRow{Parameters: grouped(int64(r.Parameters)), MACs: grouped(macs)}
}

func settings(r *experiment.Result) []pair {
	s := &r.Settings
	var seeds []string
	for _, seed := range s.Seeds {
		seeds = append(seeds, strconv.FormatUint(seed, 10))
	}
	ps := []pair{{"Network", s.Network}, {"Activations", strings.Join(s.Activations, ", ")}, {"Data", s.Data}}
	if s.Task != "" {
		ps = append([]pair{{"Task", s.Task}}, ps...)
	}
	if s.OnText() {
		ps = append(ps, pair{"Training characters", grouped(int64(s.TrainChars))}, pair{"Test characters", grouped(int64(s.TestChars))},
			pair{"Characters of a window", strconv.Itoa(s.Window)},
			pair{"Training windows", grouped(int64(s.Train))}, pair{"Test windows", grouped(int64(s.Test))})
		if r.Entropy > 0 {
			ps = append(ps, pair{"Entropy of the test text", number(r.Entropy, 3) + " bits per character"})
		}
	} else {
		ps = append(ps, pair{"Training images", grouped(int64(s.Train))}, pair{"Test images", grouped(int64(s.Test))})
	}
	clip := "none"
	if s.ClipNorm != 0 {
		clip = formatFloat(s.ClipNorm)
	}
	ps = append(ps,
		pair{"Epochs", strconv.Itoa(s.Epochs)}, pair{"Batch", strconv.Itoa(s.Batch)}, pair{"Seeds", strings.Join(seeds, ", ")},
		pair{"Threads", strconv.Itoa(s.Threads)}, pair{"Optimizer", s.Optimizer}, pair{"Schedule", s.Schedule},
		pair{"Learning rate", formatFloat(s.LearningRate)}, pair{"Final learning rate", formatFloat(s.FinalLearningRate)},
		pair{"Weight decay", formatFloat(s.WeightDecay)}, pair{"Clipping of the gradient's norm", clip})
	switch {
	case !s.OnText():
		ps = append(ps, pair{"Target accuracy", percent(s.Target, 1)})
	case s.Target > 0:
		ps = append(ps, pair{"Target", formatFloat(s.Target) + " bits per character"})
	}
	if s.Direct {
		ps = append(ps, pair{"Convolutions", "by their definition"})
	}
	return filled(ps)
}

func environment(r *experiment.Result) []pair {
	e := &r.Environment
	return filled([]pair{
		{"Processor", e.Processor}, {"Cores", strconv.Itoa(e.Cores)}, {"SIMD level", e.SIMD}, {"System", e.System},
		{"Go", e.GoVersion}, {"Version of isrlu", e.Version}, {"Started", e.Started},
		{"Time of the whole comparison", number(r.Seconds, 1) + " s"},
	})
}

// filled puts a dash where a value is empty.
func filled(ps []pair) []pair {
	for i := range ps {
		if ps[i].Value == "" {
			ps[i].Value = dash
		}
	}
	return ps
}

// description indents the network's JSON.
func description(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

// An alphaRow is what one activation layer learned with one seed.
type alphaRow struct {
	Class, Activation, Seed, Layer, Name string
	Count, Begin, Mean, Range            string
	Strip                                *chart
}

func alphaRows(r *experiment.Result) (rows []alphaRow, note string) {
	lo, hi := math.Inf(1), math.Inf(-1)
	see := func(v float64) {
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	type found struct {
		run    *experiment.Run
		l      experiment.Learned
		style  int
		begins float64
	}
	var all []found
	// Activation by activation, where the result goes seed by seed.
	for style, name := range r.Settings.Activations {
		for i := range r.Runs {
			run := &r.Runs[i]
			if run.Activation != name {
				continue
			}
			for _, l := range run.Alphas {
				begins := initial(name, l.Name)
				see(begins)
				for _, v := range l.Values {
					see(v)
				}
				all = append(all, found{run, l, style, begins})
			}
		}
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	room := max(0.03*(hi-lo), 1e-3)
	for i, f := range all {
		rows = append(rows, newAlphaRow(fmt.Sprintf("alpha-%d", i), f.run, f.l, f.begins, lo-room, hi+room, f.style))
	}
	return rows, fmt.Sprintf("All lines reach from %.3g to %.3g.", lo, hi)
}

func newAlphaRow(id string, run *experiment.Run, l experiment.Learned, begins, lo, hi float64, style int) alphaRow {
	row := alphaRow{
		Class: styleClass(style), Activation: run.Activation, Seed: strconv.FormatUint(run.Seed, 10), Layer: l.Layer, Name: l.Name,
		Count: strconv.Itoa(len(l.Values)), Begin: number(begins, 3), Mean: dash, Range: dash,
	}
	if len(l.Values) > 0 {
		sum, least, most := 0.0, math.Inf(1), math.Inf(-1)
		for _, v := range l.Values {
			sum, least, most = sum+v, min(least, v), max(most, v)
		}
		row.Mean = number(sum/float64(len(l.Values)), 3)
		reach := number(least, 3) + " to " + number(most, 3)
		if len(l.Values) > 1 {
			row.Range = reach
		}
		row.Strip = plotStrip(id, "Learned "+l.Name+" of "+run.Activation+" in "+l.Layer,
			plural(len(l.Values), "value")+" from "+reach+"; the triangle is where training began.", l.Values, begins, lo, hi, style)
	}
	return row
}

// initial returns the value that a learned parameter begins with, or NaN.
func initial(spec, parameter string) float64 {
	spec, _ = withoutLearn(spec)
	f, err := isrlu.Parse(spec)
	if err != nil {
		return math.NaN()
	}
	params := f.Params()
	for i, p := range f.Info().Params {
		if p.Name == parameter {
			return params[i]
		}
	}
	return math.NaN()
}
