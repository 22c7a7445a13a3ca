package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isrlu/isrlu/data"
)

// PaperPart names a part of what Paper does.
type PaperPart struct {
	Name  string
	Short string // for people
}

// The names of the parts.
const (
	SpeedPart     = "speed"
	MemoryPart    = "memory"
	HardwarePart  = "hardware"
	NetworksPart  = "networks"
	AlphaPart     = "alpha"
	RecurrentPart = "recurrent"
)

// PaperParts are the parts, in the order in which they run: the quick ones first.
var PaperParts = []PaperPart{
	{SpeedPart, "time of one element: inverse square root, exp and tanh; ISRLU, ELU and ReLU"},
	{MemoryPart, "bytes that a training step keeps for its backward pass"},
	{HardwarePart, "area of hardware units"},
	{NetworksPart, "networks A and B on MNIST"},
	{AlphaPart, "alpha below 1, and learned for each layer or channel, on network A"},
	{RecurrentPart, "ISRU in LSTM, on rows of images and on characters"},
}

// PaperPartNames returns the names of the parts.
func PaperPartNames() []string {
	var names []string
	for _, p := range PaperParts {
		names = append(names, p.Name)
	}
	return names
}

// PaperSettings say how much of the paper by Carlile et al. (2017) to run again.
type PaperSettings struct {
	// Quick asks for what takes about ten minutes on two cores.
	Quick bool     `json:"quick"`
	Parts []string `json:"parts"` // names of PaperParts
	Seeds int      `json:"seeds"` // trainings of each function; 0 for the default
	// Epochs of each training; 0 for the defaults of the networks.
	Epochs  int `json:"epochs,omitempty"`
	Threads int `json:"threads"` // 0 for all cores
	// Train and Test are images, TrainChars and TestChars characters of the text; 0 for
	// the defaults.
	Train      int `json:"train,omitempty"`
	Test       int `json:"test,omitempty"`
	TrainChars int `json:"train_chars,omitempty"`
	TestChars  int `json:"test_chars,omitempty"`
	// Data is the name of the images, which LoadPaper fills in.
	Data string `json:"data,omitempty"`
}

// Complete replaces what is 0 by its default and checks the rest.
func (s *PaperSettings) Complete() error {
	if len(s.Parts) == 0 {
		s.Parts = PaperPartNames()
	}
	if err := checkOnce(s.Parts); err != nil {
		return err
	}
	for _, p := range s.Parts {
		if !slices.Contains(PaperPartNames(), p) {
			return fmt.Errorf("experiment: unknown part %q; there are %s", p, strings.Join(PaperPartNames(), ", "))
		}
	}
	if s.Seeds == 0 {
		s.Seeds = s.pick(2, 5)
	}
	if s.Quick {
		for p, v := range map[*int]int{&s.Train: 6000, &s.Test: 2000, &s.TrainChars: 100_000, &s.TestChars: 20_000} {
			if *p == 0 {
				*p = v
			}
		}
	}
	if s.Seeds < 0 || s.Seeds > maxSeeds {
		return fmt.Errorf("experiment: seeds must be from 1 to %d, got %d", maxSeeds, s.Seeds)
	}
	if s.Epochs < 0 || s.Epochs > maxEpochs {
		return fmt.Errorf("experiment: epochs must be from 1 to %d, got %d", maxEpochs, s.Epochs)
	}
	t := Settings{Epochs: 1, Batch: 1, Threads: s.Threads, Train: s.Train, Test: s.Test, TrainChars: s.TrainChars, TestChars: s.TestChars,
		Optimizer: "adam", Schedule: "constant", LearningRate: 1}
	return t.CheckTraining()
}

// pick returns the first value for a quick run and the second one for a full one.
func (s *PaperSettings) pick(quick, full int) int {
	if s.Quick {
		return quick
	}
	return full
}

// same tells whether the trainings of two runs may stand together.
func (s PaperSettings) same(t PaperSettings) bool {
	s.Parts, s.Seeds, s.Threads = t.Parts, t.Seeds, t.Threads
	return fmt.Sprint(s) == fmt.Sprint(t)
}

// PaperResult is everything that Paper found. It is written as JSON and read back
// without loss.
type PaperResult struct {
	Settings    PaperSettings     `json:"settings"`
	Environment Environment       `json:"environment"`
	Notes       []string          `json:"notes,omitempty"` // what is not as in the paper
	Speed       *PaperSpeed       `json:"speed,omitempty"`
	Memory      []PaperMemory     `json:"memory,omitempty"`
	Hardware    *PaperHardware    `json:"hardware,omitempty"`
	Comparisons []PaperComparison `json:"comparisons,omitempty"`
	// Interrupted tells that something is missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// A PaperComparison is one of the trainings' comparisons.
type PaperComparison struct {
	Name   string  `json:"name"`
	Result *Result `json:"result"`
	// Environments are where its trainings ran, the latest last.
	Environments []Environment `json:"environments"`
}

// comparison returns the result of a name, or nil.
func (r *PaperResult) comparison(name string) *Result {
	for _, c := range r.Comparisons {
		if c.Name == name {
			return c.Result
		}
	}
	return nil
}

// PaperElsewhere names comparisons whose trainings are of another program or machine.
type PaperElsewhere struct {
	Comparisons []string
	Environment Environment
}

// Elsewhere lists what is kept from other programs or machines than this run's.
func (r *PaperResult) Elsewhere() []PaperElsewhere {
	var list []PaperElsewhere
	for _, c := range r.Comparisons {
		for _, e := range c.Environments {
			if e.sameMachine(r.Environment) {
				continue
			}
			i := slices.IndexFunc(list, func(v PaperElsewhere) bool { return v.Environment.sameMachine(e) })
			if i < 0 {
				i = len(list)
				list = append(list, PaperElsewhere{Environment: e})
			}
			list[i].Comparisons = append(list[i].Comparisons, c.Name)
		}
	}
	return list
}

// PaperData are the images and the text. What no part needs may be nil.
type PaperData struct{ Images, Text *data.Set }

// PaperOptions are how Paper runs, beside its settings.
type PaperOptions struct {
	Version string // of this module
	// Earlier is the result of a run that was cut short, or had fewer parts or seeds.
	// What it has is not made again.
	Earlier *PaperResult
	// Expected, if not nil, is told how long the work takes, by a short calibration.
	Expected func(trainings int, time time.Duration)
	// Progress, if not nil, is called as the work goes on.
	Progress func(PaperProgress)
	// Finished, if not nil, is called after each training and each other piece of work,
	// with what it was and the result so far. An error of it ends the work.
	Finished func(what string, left time.Duration, r *PaperResult) error
	// NoCosts leaves out the timing of training steps.
	NoCosts bool
	// Time is about the time for each kernel and each calibration; 0 for a second.
	Time time.Duration
}

// PaperProgress is where Paper is.
type PaperProgress struct {
	What string
	// Done and Total are expected seconds of work.
	Done, Total float64
}

// Paper runs again what the paper reports, and what it left open. If ctx ends, the
// result holds what is done, and the error is that of ctx.
func Paper(ctx context.Context, s PaperSettings, d PaperData, notes []string, o PaperOptions) (*PaperResult, error) {
	if err := s.Complete(); err != nil {
		return nil, err
	}
	p := &paper{options: o, data: d, planned: map[string]bool{}, result: &PaperResult{
		Settings: s, Notes: notes, Environment: environment(o.Version, time.Now()), Interrupted: true,
	}}
	if err := p.takeEarlier(); err != nil {
		return nil, err
	}
	if err := p.plan(ctx); err != nil {
		return p.result, err
	}
	for i := range p.work {
		w := &p.work[i]
		p.progress(w.name)
		if err := w.run(ctx); err != nil {
			return p.result, err
		}
		p.leave(w)
		if w.part == "" {
			continue // it told of each of its trainings
		}
		if err := p.finished(w.name); err != nil {
			return p.result, err
		}
	}
	p.result.Interrupted = false
	return p.result, nil
}

// A paper is a run that is under way.
type paper struct {
	options PaperOptions
	data    PaperData
	result  *PaperResult
	work    []paperWork
	planned map[string]bool // trainings that are in work
	begun   time.Time
	done    float64 // expected seconds of the work that is over
	current float64 // and of the one under way
	total   float64
}

// A paperWork is a piece of work.
type paperWork struct {
	part    string // empty for comparisons
	name    string
	seconds float64 // that it is expected to take
	run     func(ctx context.Context) error
}

// takeEarlier takes over what an earlier run found.
func (p *paper) takeEarlier() error {
	e, r := p.options.Earlier, p.result
	if e == nil {
		return nil
	}
	if !e.Settings.same(r.Settings) {
		return errors.New("experiment: the earlier results are those of other settings; name another folder, or give the settings of before")
	}
	r.Comparisons = slices.Clone(e.Comparisons)
	if e.Environment.sameMachine(r.Environment) {
		r.Speed = e.Speed
	}
	r.Hardware, r.Memory = e.Hardware, e.Memory
	return nil
}

// sameMachine tells whether times of both may stand side by side.
func (e Environment) sameMachine(f Environment) bool {
	return e.Processor == f.Processor && e.SIMD == f.SIMD && e.Cores == f.Cores && e.Version == f.Version && e.GoVersion == f.GoVersion
}

// plan lists the work that is left and estimates its time.
func (p *paper) plan(ctx context.Context) error {
	s := &p.result.Settings
	trainings := 0
	for _, part := range PaperParts {
		if !slices.Contains(s.Parts, part.Name) {
			continue
		}
		switch part.Name {
		case SpeedPart:
			if p.result.Speed == nil {
				p.work = append(p.work, paperWork{part.Name, "kernels", p.kernelSeconds(), p.speed})
			}
		case MemoryPart:
			p.work = append(p.work, paperWork{part.Name, "memory", 1, p.memory})
		case HardwarePart:
			p.work = append(p.work, paperWork{part.Name, "hardware units", p.hardwareSeconds(), p.hardware})
		}
		for _, c := range paperComparisons {
			if c.part != part.Name {
				continue
			}
			w, missing, err := p.planComparison(ctx, c)
			if err != nil {
				return err
			}
			if w != nil {
				p.work = append(p.work, *w)
			}
			trainings += missing
		}
	}
	for _, w := range p.work {
		p.total += w.seconds
	}
	if p.options.Expected != nil {
		p.options.Expected(trainings, seconds(p.total))
	}
	p.begun = time.Now()
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// leave counts a piece of work as done.
func (p *paper) leave(w *paperWork) { p.done, p.current = p.done+w.seconds, 0 }

// within tells which share of the work under way is done.
func (p *paper) within(w float64, what string) {
	p.current = w
	p.progress(what)
}

func (p *paper) progress(what string) {
	if p.options.Progress != nil {
		p.options.Progress(PaperProgress{what, p.done + p.current, p.total})
	}
}

// finished tells that a piece of work is over. What is left is corrected by how long
// the work so far took, against what was expected.
func (p *paper) finished(what string) error {
	if p.options.Finished == nil {
		return nil
	}
	left, done := p.total-p.done-p.current, p.done+p.current
	if done > 0 {
		left *= time.Since(p.begun).Seconds() / done
	}
	return p.options.Finished(what, seconds(max(0, left)), p.result)
}
