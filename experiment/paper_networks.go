package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// A paperNetwork is a comparison that Paper makes: Adam, batches of 100 and a learning
// rate that falls exponentially from 0.003 to 0.0001, as in the paper, but for texts,
// which have those of isrlu compare.
type paperNetwork struct {
	name        string
	part        string
	task        string
	network     string
	activations []string
	// epochs of a quick run and of a full one.
	quick, full int
}

// The names of the comparisons.
const (
	networkA   = "network A"
	networkB   = "network B"
	alphas     = "alpha"
	rowsLSTM   = "LSTM on rows"
	charsLSTM  = "LSTM on characters"
	mnistName  = "mnist"
	digitsName = "digits"
)

var (
	paperFunctions   = []string{"isrlu", "isrlu:3", "elu", "relu"}
	paperComparisons = []paperNetwork{
		{networkA, NetworksPart, ImagesTask, "conv3", paperFunctions, 2, 5},
		{networkB, NetworksPart, ImagesTask, "conv4", paperFunctions, 2, 5},
		{alphas, AlphaPart, ImagesTask, "conv3", []string{"isrlu", "isrlu:3", "isrlu:0.3", "isrlu:learn", "isrlu:learn-channel"}, 2, 5},
		{rowsLSTM, RecurrentPart, SeqDigitsTask, "lstm", []string{"isru", "isru/sigmoid", "tanh"}, 2, 4},
		{charsLSTM, RecurrentPart, CharsTask, "lstm", []string{"isru", "isru/sigmoid", "tanh"}, 1, 4},
	}
)

// needs tells whether a part that was asked for has such a task.
func (s *PaperSettings) needs(text bool) bool {
	return slices.ContainsFunc(paperComparisons, func(c paperNetwork) bool {
		return (c.task == CharsTask) == text && slices.Contains(s.Parts, c.part)
	})
}

// LoadPaper loads what the parts need, after Complete, and names it in the settings.
// The images are those of MNIST. A quick run takes what is drawn here where MNIST is
// not on this machine and o names no folder, and says so.
func LoadPaper(ctx context.Context, s *PaperSettings, o data.Options) (d PaperData, notes []string, err error) {
	if s.needs(false) {
		o.Train, o.Test = s.Train, s.Test
		o.Offline = s.Quick
		s.Data = mnistName
		d.Images, err = data.Load(ctx, mnistName, o)
		if err != nil && s.Quick && o.Dir == "" && ctx.Err() == nil {
			s.Data = digitsName
			d.Images, err = data.Load(ctx, digitsName, o)
			notes = append(notes, "MNIST is not on this machine: the images are digits drawn from fonts. Their accuracies say nothing about the paper's.")
		}
		if err != nil {
			return d, nil, err
		}
	}
	if s.needs(true) {
		text, err := data.LoadText(ctx, "prose", data.TextOptions{Train: s.TrainChars, Test: s.TestChars})
		if err == nil {
			d.Text, err = text.Windows(charWindow)
		}
		if err != nil {
			return d, nil, err
		}
	}
	if s.Quick {
		notes = append(notes, "This is a quick run: fewer images, epochs and seeds than the full one.")
	}
	return d, notes, nil
}

// epochs returns how many a training has.
func (s *PaperSettings) epochs(c paperNetwork) int {
	if s.Epochs > 0 {
		return s.Epochs
	}
	return s.pick(c.quick, c.full)
}

// settings returns those of a comparison.
func (s *PaperSettings) settings(c paperNetwork) Settings {
	t := Settings{
		Task: c.task, Network: c.network, Activations: c.activations, Epochs: s.epochs(c), Batch: 100, Threads: s.Threads,
		Optimizer: "adam", Schedule: "exponential", LearningRate: .003, FinalLearningRate: .0001, Target: .98,
	}
	if c.task == CharsTask {
		t.Batch, t.FinalLearningRate, t.Target = 32, .0003, 0
	}
	for i := range s.Seeds {
		t.Seeds = append(t.Seeds, uint64(i+1))
	}
	return t
}

func (p *paper) set(c paperNetwork) *data.Set {
	if c.task == CharsTask {
		return p.data.Text
	}
	return p.data.Images
}

// build returns a comparison's network, open, for the set.
func (c *paperNetwork) build(set *data.Set) (nn.Network, error) {
	task, err := ParseTask(c.task)
	if err != nil {
		return nn.Network{}, err
	}
	n, err := Builtin(task, c.network)
	return ForClasses(n, len(set.Classes)), err
}

// earlierRuns returns the whole runs of the same network on the same task: those of
// this comparison, and of others with which it shares functions.
func (p *paper) earlierRuns(c paperNetwork, n nn.Network) ([]Run, error) {
	want, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, d := range paperComparisons {
		r := p.result.comparison(d.name)
		if r == nil || d.task != c.task || d.network != c.network || r.Settings.Epochs != p.result.Settings.epochs(c) {
			continue
		}
		// JSON in JSON is indented anew.
		var have bytes.Buffer
		if err := json.Compact(&have, r.Settings.Description); err != nil || !bytes.Equal(have.Bytes(), want) {
			continue
		}
		runs = append(runs, r.Runs...)
	}
	return runs, nil
}

// planComparison returns the work that a comparison still is, or nil, and how many
// trainings that is.
func (p *paper) planComparison(ctx context.Context, c paperNetwork) (w *paperWork, missing int, err error) {
	n, err := c.build(p.set(c))
	if err != nil {
		return nil, 0, err
	}
	runs, err := p.earlierRuns(c, n)
	if err != nil {
		return nil, 0, err
	}
	s := p.result.Settings.settings(c)
	for _, seed := range s.Seeds {
		for _, a := range s.Activations {
			run := fmt.Sprint(c.task, c.network, a, seed)
			if findRun(runs, a, seed) < 0 && !p.planned[run] {
				missing++
				p.planned[run] = true // for the comparisons that share it
			}
		}
	}
	if r := p.result.comparison(c.name); r != nil && missing == 0 && p.whole(r, &s) {
		return nil, 0, nil
	}
	each := 0.0
	if missing > 0 {
		if each, err = p.trainingSeconds(ctx, c, n); err != nil {
			return nil, 0, err
		}
	}
	w = &paperWork{name: c.name, seconds: float64(missing) * each}
	if !p.options.NoCosts {
		w.seconds += costTime.Seconds()
	}
	w.run = func(ctx context.Context) error { return p.compare(ctx, c, n, each) }
	return w, missing, nil
}

// whole tells whether a comparison that has all its trainings lacks nothing else.
func (p *paper) whole(r *Result, s *Settings) bool {
	return !r.Interrupted && len(r.Settings.Seeds) == len(s.Seeds) &&
		(p.options.NoCosts || len(r.Costs) > 0 && (s.Threads == 0 || r.Settings.Threads == s.Threads) && r.Environment.sameMachine(p.result.Environment))
}

// compare makes a comparison, each of whose trainings takes about so many seconds.
func (p *paper) compare(ctx context.Context, c paperNetwork, n nn.Network, each float64) error {
	earlier, err := p.earlierRuns(c, n) // with those of comparisons that were made meanwhile
	if err != nil {
		return err
	}
	s := p.result.Settings.settings(c)
	begun := 0.0 // expected seconds of the trainings that are over
	o := Options{Version: p.options.Version, Earlier: earlier, NoCosts: p.options.NoCosts}
	kept := p.result.comparison(c.name)
	o.Progress = func(q Progress) {
		if q.Timing {
			p.within(begun+costTime.Seconds()*float64(q.Done)/float64(q.Total), c.name+"  timing")
			return
		}
		share := float64(q.Done) / float64(q.Total) * float64(len(s.Seeds)*len(s.Activations))
		p.within(begun+each*(share-float64(int(share))), fmt.Sprintf("%s  %s  seed %d  epoch %d/%d", c.name, q.Activation, q.Seed, q.Epoch.Epoch, s.Epochs))
	}
	o.Trained = func(r *Result) error {
		sofar := *r
		sofar.Interrupted, sofar.Runs = true, slices.Clone(r.Runs)
		// What was kept and is still to come in its turn stays.
		if kept != nil {
			for _, run := range kept.Runs {
				if findRun(sofar.Runs, run.Activation, run.Seed) < 0 && !run.Interrupted && run.Digest != "" {
					sofar.Runs = append(sofar.Runs, run)
				}
			}
		}
		p.keep(c.name, &sofar)
		begun += each
		p.current = begun
		return p.finished(c.name + "  " + trainedText(r))
	}
	r, err := Compare(ctx, n, p.set(c), s, o)
	if err != nil {
		return err // what is whole has been kept
	}
	p.keep(c.name, r)
	return p.finished(c.name)
}

// keep puts a comparison's result into its place.
func (p *paper) keep(name string, r *Result) {
	list := &p.result.Comparisons
	i := slices.IndexFunc(*list, func(c PaperComparison) bool { return c.Name == name })
	if i < 0 {
		i = len(*list)
		*list = append(*list, PaperComparison{Name: name})
	}
	c := &(*list)[i]
	c.Result = r
	c.Environments = slices.DeleteFunc(slices.Clone(c.Environments), func(e Environment) bool { return e.sameMachine(r.Environment) })
	c.Environments = append(c.Environments, r.Environment)
}

// trainedText says what the last training came to.
func trainedText(r *Result) string {
	run := &r.Runs[len(r.Runs)-1]
	text := fmt.Sprintf("%s  seed %d  ", run.Activation, run.Seed)
	if run.Diverged {
		return text + "diverged"
	}
	q := r.quality()
	return text + q.one + " " + q.value(q.of(run.last()))
}
