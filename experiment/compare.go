package experiment

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/internal/bench"
	"github.com/isrlu/isrlu/nn"
)

// Options are how a comparison runs, beside its settings. They have no part in
// what it learns.
type Options struct {
	// NoCosts leaves out the timing after the training.
	NoCosts bool
	// Units finds units of hardware; if nil, the comparison searches by itself, once for
	// each.
	Units *hdl.Library
	// Version of the program, for the result.
	Version string
	// Progress, if not nil, is called after each step.
	Progress func(Progress)
	// Finished, if not nil, is called when an epoch of a run is over, with what is
	// done so far; an error ends the comparison.
	Finished func(r *Result, run *Run) error
	// Trained, if not nil, is called when a run is over as a whole, with what is done
	// so far; an error ends the comparison.
	Trained func(r *Result) error
	// Earlier are whole runs of a comparison with the same network, data and settings,
	// whatever its activations and seeds. They are taken as they are.
	Earlier []Run
}

// Progress is where a comparison is.
type Progress struct {
	Activation string
	Seed       uint64
	Epoch      Epoch // so far
	// Done and Total count the steps of all trainings, and then the rounds of
	// timing, for which Timing is set.
	Done, Total int
	Timing      bool
}

// Compare trains the network with each activation function and seed, one after
// the other: from the same weights, on the same batches in the same order, with
// the same dropout. The function of an activation stands for the layers that name
// none.
//
// Settings.Network is a name for the reader; Data, Train, Test, Description,
// Threads and what describes a text are filled in. If ctx ends, the result holds what is done, and the
// error is that of ctx; on any other error there is no result.
func Compare(ctx context.Context, network nn.Network, set *data.Set, s Settings, o Options) (*Result, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := checkOpen(s.Network, network.Layers, s.Activations); err != nil {
		return nil, err
	}
	begun := time.Now()
	network = ForClasses(network, len(set.Classes))
	network.Activation = ""
	if s.Task == ImagesTask {
		s.Task = "" // so that what images give is as it was before there were tasks
	}
	description, err := json.Marshal(network)
	if err != nil {
		return nil, err
	}
	if s.Threads < 1 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	s.Data, s.Train, s.Test, s.Description = set.Name, set.Train.Len(), set.Test.Len(), description
	entropy := s.describeText(set)
	if o.Units == nil {
		o.Units = &hdl.Library{}
	}
	c := &comparison{network: network, set: set, options: o, result: &Result{
		Settings: s, Environment: environment(o.Version, begun), Entropy: entropy,
	}}
	if c.steps, err = s.Steps(s.Train); err != nil {
		return nil, err
	}
	if err := c.findUnits(ctx); err != nil {
		return nil, err
	}
	if err := c.describe(); err != nil {
		return nil, err
	}
	err = c.run(ctx)
	c.result.Seconds = time.Since(begun).Seconds()
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	c.result.Interrupted = err != nil
	return c.result, err
}

// describeText fills in what a set of windows is, and returns its entropy.
func (s *Settings) describeText(set *data.Set) (entropy float64) {
	train, text := set.Train.(*data.Windows)
	if !text {
		return 0
	}
	test := set.Test.(*data.Windows)
	s.Window, s.TrainChars, s.TestChars = train.Size(), train.Characters(), test.Characters()
	return test.Entropy
}

func environment(version string, begun time.Time) Environment {
	return Environment{
		Processor: bench.Processor(), SIMD: isrlu.SIMDLevel(), GoVersion: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
		Version: version, Started: begun.UTC().Format(time.RFC3339),
	}
}

// errNothingToChoose tells that the functions have no layer to stand for.
func errNothingToChoose(network string) error {
	return fmt.Errorf("%s has no layer that names no function; leave \"function\" or \"activation\" out of those that shall be compared", network)
}

// checkOpen makes sure that the network leaves open what each specification chooses.
func checkOpen(network string, layers nn.Sequential, specs []string) error {
	open := openIn(layers)
	for _, spec := range specs {
		c := parseChoice(spec)
		switch {
		case c.gate != "" && !open.gate:
			return fmt.Errorf("%s names a gate, but %s has no recurrent layer that leaves its gate open", spec, network)
		case c.norm != "" && !open.norm:
			return fmt.Errorf("%s names a normalization, but %s has no layer that leaves it open", spec, network)
		}
	}
	if !open.activation && !open.gate && !open.norm {
		return errNothingToChoose(network)
	}
	return nil
}

// open tells what layers leave to the network.
type open struct{ activation, gate, norm bool }

func (o open) or(p open) open {
	return open{o.activation || p.activation, o.gate || p.gate, o.norm || p.norm}
}

func openIn(layers nn.Sequential) open {
	var o open
	for _, l := range layers {
		switch l := l.(type) {
		case nn.Activation:
			o.activation = o.activation || l.Function == ""
		case nn.LSTM:
			o = o.or(open{activation: l.Activation == "", gate: l.Gate == ""})
		case nn.GRU:
			o = o.or(open{activation: l.Activation == "", gate: l.Gate == ""})
		case nn.RNN:
			o.activation = o.activation || l.Activation == ""
		case nn.Norm:
			o.norm = o.norm || l.Method == ""
		case nn.TransformerBlock:
			o = o.or(open{activation: l.Activation == "", norm: l.Norm == ""})
		case nn.Sequential:
			o = o.or(openIn(l))
		case nn.Residual:
			o = o.or(openIn(l.Body)).or(openIn(l.Shortcut))
		case nn.Product:
			o = o.or(openIn(l.Body)).or(openIn(l.Gate))
		case nn.Concat:
			for _, s := range l.Branches {
				o = o.or(openIn(s))
			}
		}
	}
	return o
}

// A comparison is one that is under way.
type comparison struct {
	network nn.Network
	set     *data.Set
	options Options
	result  *Result
	steps   int // of one training
	done    int // steps of all trainings so far
}

func (c *comparison) settings() *Settings { return &c.result.Settings }

// model returns the network's model with an activation.
func (c *comparison) model(activation string, seed uint64) (*nn.Model[float32], error) {
	n, s := Choose(c.network, activation), c.settings()
	m, err := nn.New[float32](n, c.modelOptions(seed))
	if err != nil {
		return nil, fmt.Errorf("network %s with %s: %w", s.Network, activation, err)
	}
	return m, nil
}

func (c *comparison) modelOptions(seed uint64) nn.Options {
	s := c.settings()
	return nn.Options{Batch: s.Batch, Threads: s.Threads, Seed: seed, Direct: s.Direct, Units: c.options.Units}
}

// describe makes sure that the network and the set fit with every activation,
// before any work is done, and describes the layers.
func (c *comparison) describe() error {
	s := c.settings()
	task, err := ParseTask(s.Task)
	if err != nil {
		return err
	}
	if err := task.Fits(c.network.Input, c.set.Train); err != nil {
		return fmt.Errorf("%s: %w", s.Network, err)
	}
	for i, activation := range s.Activations {
		m, err := c.model(activation, s.Seeds[0])
		if err != nil {
			return err
		}
		m.Close()
		if err := FitsOutput(m.Output(), c.set); err != nil {
			return fmt.Errorf("%s: %w", s.Network, err)
		}
		if i > 0 {
			continue
		}
		c.result.Parameters, _ = m.CountParameters()
		for _, l := range m.Layers() {
			parameters := l.Parameters
			if l.Kind == "activation" {
				parameters = 0 // those of the first activation alone
			}
			c.result.Layers = append(c.result.Layers, Layer{l.Name, l.Kind, l.Output, parameters, l.MACs})
		}
	}
	return nil
}

func (c *comparison) run(ctx context.Context) error {
	s := c.settings()
	for _, seed := range s.Seeds {
		for _, activation := range s.Activations {
			if i := findRun(c.options.Earlier, activation, seed); i >= 0 {
				c.result.Runs = append(c.result.Runs, c.options.Earlier[i])
				c.done += c.steps
				continue
			}
			c.result.Runs = append(c.result.Runs, Run{Activation: activation, Seed: seed})
			run := &c.result.Runs[len(c.result.Runs)-1]
			if err := c.train(ctx, run); err != nil {
				run.Interrupted = true
				return err
			}
			c.done += c.steps
			if c.options.Trained != nil {
				if err := c.options.Trained(c.result); err != nil {
					return err
				}
			}
		}
	}
	if c.options.NoCosts {
		return nil
	}
	return c.measureCosts(ctx)
}

// findRun returns the index of a whole run, or -1. Its digest is what it gets last.
func findRun(runs []Run, activation string, seed uint64) int {
	return slices.IndexFunc(runs, func(r Run) bool {
		return r.Activation == activation && r.Seed == seed && !r.Interrupted && r.Digest != ""
	})
}

// train does one run.
func (c *comparison) train(ctx context.Context, run *Run) error {
	s := c.settings()
	m, err := c.model(run.Activation, run.Seed)
	if err != nil {
		return err
	}
	defer m.Close()
	options, err := s.TrainerOptions(c.steps)
	if err != nil {
		return err
	}
	trainer, err := nn.NewTrainer(m, options)
	if err != nil {
		return err
	}
	t := &Training{Trainer: trainer, Set: c.set, Seed: run.Seed}
	if c.options.Progress != nil {
		t.AfterStep = func(e Epoch) error {
			c.options.Progress(Progress{
				Activation: run.Activation, Seed: run.Seed, Epoch: e,
				Done: c.done + trainer.Steps(), Total: c.steps * len(s.Seeds) * len(s.Activations),
			})
			return nil
		}
	}
	for range s.Epochs {
		e, err := t.Epoch(ctx)
		if err == nil {
			e.TestLoss, e.TestAccuracy, err = t.Evaluate(ctx)
		}
		switch {
		// The last step may lead where no loss is finite without saying so.
		case errors.As(err, new(*DivergedError)), err == nil && (math.IsNaN(e.TestLoss) || math.IsInf(e.TestLoss, 0)):
			run.Diverged = true
		case err != nil:
			return err
		default:
			run.Epochs = append(run.Epochs, e)
		}
		if c.options.Finished != nil {
			if err := c.options.Finished(c.result, run); err != nil {
				return err
			}
		}
		if run.Diverged {
			break
		}
	}
	run.Digest = weightsDigest(m)
	if run.Diverged {
		return nil
	}
	if s.OnText() {
		run.TestLosses = slices.Clone(t.TestLosses)
	}
	run.Alphas = learned(m)
	if run.Seed == s.Seeds[0] {
		run.Activations, err = histograms(ctx, t)
	}
	return err
}

// weightsDigest returns the SHA-256 of all parameters.
func weightsDigest(m *nn.Model[float32]) string {
	h := sha256.New()
	var b []byte
	for _, p := range m.Parameters() {
		fmt.Fprintln(h, p.Name, p.Shape)
		b = b[:0]
		for _, v := range p.Value {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// learned returns what activation layers learned.
func learned(m *nn.Model[float32]) []Learned {
	var all []Learned
	for _, a := range m.Activations() {
		if a.Learned == nil {
			continue
		}
		l := Learned{Layer: a.Layer, Name: parameterName(a.Function)}
		for _, v := range a.Learned.Value {
			l.Values = append(l.Values, float64(v))
		}
		all = append(all, l)
	}
	return all
}

// parameterName returns the name of a function's first parameter.
func parameterName(spec string) string {
	spec, _ = nn.SplitLearn(spec)
	return isrlu.Must(isrlu.Parse(spec)).Info().Params[0].Name
}
