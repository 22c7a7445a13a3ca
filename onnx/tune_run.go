package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// A tuning is one that is under way.
type tuning struct {
	ctx      context.Context
	options  TuneOptions
	original *Model
	teacher  *nn.Model[float32]
	report   *TuneReport
	closers  []func()
}

func (t *tuning) close() {
	for _, c := range t.closers {
		c()
	}
}

func (t *tuning) progress(stage string, done, total int) {
	if t.options.Progress != nil {
		t.options.Progress(stage, done, total)
	}
}

// load loads a model for inference.
func (t *tuning) load(m *Model) (*Loaded[float32], error) {
	l, err := Load[float32](m, LoadOptions{Options: t.engine(nn.Options{Inference: true}), Shape: t.options.Shape})
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, l.Close)
	return l, nil
}

func (t *tuning) engine(o nn.Options) nn.Options {
	o.Batch, o.Threads, o.Seed = t.options.Batch, t.options.Threads, t.options.Seed
	return o
}

func (t *tuning) run() (*Model, error) {
	original, err := t.load(t.original)
	if err != nil {
		return nil, err
	}
	t.teacher = original.Model()
	if err := t.checkSamples(); err != nil {
		return nil, err
	}
	tuned := t.original.Clone()
	swapped, layers, err := t.swap(original, tuned)
	if err != nil {
		return nil, err
	}
	if err := t.separate(tuned); err != nil {
		return nil, err
	}
	if err := t.evaluate("original", t.teacher); err != nil {
		return nil, err
	}
	if err := t.evaluate("swapped", swapped); err != nil {
		return nil, err
	}
	if err := t.calibrate(swapped, layers); err != nil {
		return nil, err
	}
	student, err := t.train(swapped, layers)
	if err != nil {
		return nil, err
	}
	return tuned, t.store(tuned, student, layers)
}

// swap swaps in a model, and returns it in the engine with the layers that have
// other functions now.
func (t *tuning) swap(original *Loaded[float32], m *Model) (*nn.Model[float32], []*tunedLayer, error) {
	var err error
	if t.report.Swap, err = m.Swap(t.options.Swap); err != nil {
		return nil, nil, err
	}
	if r := &t.report.Swap; len(r.Swapped) == 0 {
		return nil, nil, fmt.Errorf("onnx: nothing was swapped, so that there is nothing to tune: %s is left alone, as %s", r.Left[0].Node, r.Left[0].Reason)
	}
	l, err := t.load(m)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: when %s is there: %w", t.options.Swap.To, withoutPrefix(err))
	}
	layers, err := layersOf(original, l)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	if to, err := isrlu.Parse(t.options.Swap.To); err == nil && len(to.Params()) > 0 {
		for _, n := range recurrentSwapped(original, l) {
			t.report.Swap.Warnings = append(t.report.Swap.Warnings, fmt.Sprintf("%s: alpha is neither chosen nor learned inside recurrent layers; its functions stay %s", label(n), to))
		}
	}
	for _, v := range m.proto.Graph.Output[1:] {
		t.report.Swap.Warnings = append(t.report.Swap.Warnings, fmt.Sprintf("output %q is not compared and trained, only %q is", v.Name, l.Output().Name))
	}
	return l.Model(), layers, nil
}

func withoutPrefix(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// separate makes sure that the weights can be stored when each layer has others.
func (t *tuning) separate(m *Model) error {
	if t.options.Epochs == 0 {
		return nil
	}
	l, err := t.probe(m)
	if err != nil {
		return err
	}
	defer l.Close()
	if l.Store() == nil {
		return nil
	}
	for _, name := range unshare(m, l) {
		t.report.Swap.Warnings = append(t.report.Swap.Warnings, fmt.Sprintf("the constant %q was that of several layers, each of which has its own now", name))
	}
	again, err := t.probe(m)
	if err != nil {
		return err
	}
	defer again.Close()
	if err := again.Store(); err != nil {
		return fmt.Errorf("onnx: the model cannot be trained: %w; give each layer constants of its own, or take no epochs", withoutPrefix(err))
	}
	return nil
}

// probe loads a copy of a model and gives all weights other values.
func (t *tuning) probe(m *Model) (*Loaded[float32], error) {
	l, err := Load[float32](m.Clone(), LoadOptions{Options: nn.Options{Batch: 1, Threads: 1, Inference: true}, Shape: t.options.Shape})
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range l.Model().Parameters() {
		for i := range p.Value {
			p.Value[i] = 1 + r.Float32()
		}
	}
	return l, nil
}

func (t *tuning) checkSamples() error {
	network, out := t.teacher.Network(), t.teacher.Output()
	for i, s := range []data.Samples{t.options.Train, t.options.Test} {
		name := []string{"training", "test"}[i]
		if s.Size() != network.Input.Size() {
			return fmt.Errorf("onnx: the %s samples have %d values each, but the model's input has %v = %d", name, s.Size(), network.Input, network.Input.Size())
		}
		if predictions := out.Size() / out[len(out)-1]; !t.options.Unlabeled && s.Predictions() != predictions {
			return fmt.Errorf("onnx: the %s samples have %d labels each, but the model makes %d predictions; without labels set Unlabeled", name, s.Predictions(), predictions)
		}
	}
	return nil
}

// batches calls f with the samples of the order given, batch by batch: their inputs
// and labels are valid until it returns.
func (t *tuning) batches(s data.Samples, order []int, stage string, f func(x []float32, labels []int) error) error {
	x, labels := make([]float32, t.options.Batch*s.Size()), make([]int, t.options.Batch*s.Predictions())
	for from := 0; from < len(order); from += t.options.Batch {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		part := order[from:min(from+t.options.Batch, len(order))]
		x, labels := x[:len(part)*s.Size()], labels[:len(part)*s.Predictions()]
		s.Fill(x, labels, part)
		if err := t.checkValues(x, part); err != nil {
			return err
		}
		if err := f(x, labels); err != nil {
			return err
		}
		t.progress(stage, from+len(part), len(order))
	}
	return nil
}

// checkValues makes sure that the samples of the given indices are ones that the
// model can read.
func (t *tuning) checkValues(x []float32, indices []int) error {
	size := len(x) / len(indices)
	embedding, tokens := t.teacher.Network().Layers[0].(nn.Embedding)
	for i, v := range x {
		if tokens && !(v >= 0 && v < float32(embedding.Tokens) && v == float32(int(v))) {
			return fmt.Errorf("onnx: sample %d has the token %v, but the model's are whole numbers below %d", indices[i/size], v, embedding.Tokens)
		}
		if !isFinite(v) {
			return fmt.Errorf("onnx: sample %d has the value %v; values must be finite", indices[i/size], v)
		}
	}
	return nil
}

func isFinite(v float32) bool { return v-v == 0 }

// first returns the numbers below n.
func first(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// train trains the swapped network with the calibrated functions.
func (t *tuning) train(swapped *nn.Model[float32], layers []*tunedLayer) (*nn.Model[float32], error) {
	o := &t.options
	learn := nn.Fixed
	if o.Learn && o.Epochs > 0 {
		learn = nn.PerLayer
	}
	student, err := t.model(withFunctions(swapped.Network(), layers, learn), swapped, nn.Options{Inference: o.Epochs == 0})
	if err != nil {
		return nil, err
	}
	t.closers = append(t.closers, student.Close)
	if o.Calibration >= 0 {
		if err := t.evaluate("calibrated", student); err != nil {
			return nil, err
		}
	}
	if o.Epochs == 0 {
		return student, nil
	}
	steps := o.Epochs * ((o.Train.Len() + o.Batch - 1) / o.Batch)
	trainer, err := nn.NewTrainer(student, nn.TrainerOptions{
		Optimizer: nn.Adam(), Schedule: nn.Cosine(o.Rate, o.Rate/100, steps), Loss: nn.MeanSquaredError,
	})
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	for epoch := range o.Epochs {
		name := fmt.Sprintf("epoch %d", epoch+1)
		diverged := fmt.Errorf("onnx: training diverged in epoch %d; take a lower rate than %v", epoch+1, o.Rate)
		err := t.batches(o.Train, data.Permutation(o.Train.Len(), o.Seed, epoch), name, func(x []float32, _ []int) error {
			r := trainer.Step(nn.Batch[float32]{X: x, Targets: t.teacher.Predict(x)})
			// A norm that is not finite leaves the weights as they are, too.
			if d := r.Loss + r.Norm; math.IsNaN(d) || math.IsInf(d, 0) {
				return diverged
			}
			return nil
		})
		if err == nil {
			err = t.evaluate(name, student)
		}
		if errors.As(err, new(notFiniteError)) {
			err = diverged
		}
		if err != nil {
			return nil, err
		}
	}
	return student, nil
}

// store gives the swapped model the student's functions and weights.
func (t *tuning) store(m *Model, student *nn.Model[float32], layers []*tunedLayer) error {
	activations := student.Activations()
	for _, l := range layers {
		l.Calibrated, l.Tuned = l.to.String(), l.to.String()
		if learned := activations[l.index].Learned; learned != nil {
			params := l.to.Params()
			params[0] = decimal(learned.Value[0])
			f, err := isrlu.New(l.to.Name(), params...)
			if err != nil {
				return fmt.Errorf("onnx: %w", plainError(err))
			}
			l.Tuned = f.String()
		}
		if l.Tuned != l.Swapped {
			o := SwapOptions{Nodes: []string{"*"}, To: l.Tuned, Style: t.options.Swap.Style, output: l.output}
			if r, err := m.Swap(o); err != nil {
				return err
			} else if len(r.Swapped) != 1 {
				return fmt.Errorf("onnx: node %q: %s cannot become %s", l.Node, l.Swapped, l.Tuned)
			}
		}
	}
	l, err := t.load(m)
	if err != nil {
		return err
	}
	rounded := false
	for _, layer := range layers {
		// The model's element type may hold alpha less exactly.
		stored := l.Model().Activations()[layer.index].Function
		rounded = rounded || stored != layer.Tuned
		layer.Tuned = stored
		t.report.Layers = append(t.report.Layers, layer.TunedLayer)
	}
	if err := copyWeights(l.Model(), student); err != nil {
		return err
	}
	if err := l.Store(); err != nil {
		return err
	}
	if l, err = t.load(m); err != nil {
		return err
	}
	if !rounded && !differ(l.Model(), student) {
		return nil
	}
	return t.evaluate("stored", l.Model())
}

// differ tells whether weights were rounded when they were stored.
func differ(stored, student *nn.Model[float32]) bool {
	trained := map[string][]float32{}
	for _, p := range student.Parameters() {
		trained[p.Name] = p.Value
	}
	return slices.ContainsFunc(stored.Parameters(), func(p *nn.Parameter[float32]) bool {
		for i, v := range p.Value {
			// More than what a reciprocal or a factor in the graph costs.
			if d := float64(v) - float64(trained[p.Name][i]); math.Abs(d) > 1e-5*math.Abs(float64(v)) {
				return true
			}
		}
		return false
	})
}
