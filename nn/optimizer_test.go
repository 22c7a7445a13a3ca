package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The steps of each optimizer are those of its paper, written down once more in
// the papers' order of operations.
func TestOptimizersTakeTheStepsOfTheirPapers(t *testing.T) {
	const decay, scale = .1, .5
	for name, test := range map[string]struct {
		o    Optimizer
		want func(w, g float64, m, v *float64, step int, rate float64) float64
	}{
		"sgd": {SGD(0), func(w, g float64, _, _ *float64, _ int, rate float64) float64 {
			return w - rate*(g+decay*w)
		}},
		"sgd with momentum": {SGD(.9), func(w, g float64, m, _ *float64, _ int, rate float64) float64 {
			*m = .9**m + g + decay*w
			return w - rate**m
		}},
		"sgd with Nesterov's momentum": {Optimizer{Name: "sgd", Momentum: .9, Nesterov: true}, func(w, g float64, m, _ *float64, _ int, rate float64) float64 {
			g += decay * w
			*m = .9**m + g
			return w - rate*(g+.9**m)
		}},
		"adam": {Adam(), func(w, g float64, m, v *float64, step int, rate float64) float64 {
			return adamByEquation(w, g+decay*w, m, v, step, rate)
		}},
		"adamw": {AdamW(0), func(w, g float64, m, v *float64, step int, rate float64) float64 {
			return adamByEquation(w, g, m, v, step, rate) - rate*decay*w
		}},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		w, state := []float64{.3, -2, 0}, [][]float64{make([]float64, 3), make([]float64, 3)}
		want, m, v := slices.Clone(w), make([]float64, 3), make([]float64, 3)
		for step := 1; step <= 20; step++ {
			g := []float64{r.NormFloat64(), 1e-6 * r.NormFloat64(), 100 * r.NormFloat64()}
			rate := .1 / float64(step)
			update(&test.o, w, g, state[:test.o.slots()], step, rate, scale, decay)
			for i := range want {
				want[i] = test.want(want[i], scale*g[i], &m[i], &v[i], step, rate)
				if math.Abs(w[i]-want[i]) > 1e-12*(1+math.Abs(want[i])) {
					t.Fatalf("%s: weight %d is %v after step %d, want %v", name, i, w[i], step, want[i])
				}
			}
		}
	}
}

// adam is algorithm 1 of Kingma and Ba (2015).
func adamByEquation(w, g float64, m, v *float64, step int, rate float64) float64 {
	*m = .9**m + .1*g
	*v = .999**v + .001*g*g
	mHat := *m / (1 - math.Pow(.9, float64(step)))
	vHat := *v / (1 - math.Pow(.999, float64(step)))
	return w - rate*mHat/(math.Sqrt(vHat)+1e-8)
}

// smallTrainer returns a trainer of a small classifier with its batch.
func smallTrainer(t *testing.T, o TrainerOptions) (*Trainer[float64], Batch[float64]) {
	t.Helper()
	m, err := New[float64](Network{Input: Shape{4}, Layers: Sequential{
		Dense{Units: 3}, Activation{Function: "isrlu"}, Dense{Units: 2},
	}}, Options{Batch: 2, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	trainer, err := NewTrainer(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer, Batch[float64]{X: []float64{1, -2, .5, 3, 0, 1, -1, 2}, Labels: []int{0, 1}}
}

func TestClippingScalesAllGradientsAlike(t *testing.T) {
	for _, clip := range []float64{0, .01, 1e6} {
		trainer, b := smallTrainer(t, TrainerOptions{Optimizer: SGD(0), Schedule: Constant(.1), ClipNorm: clip})
		m := trainer.Model()
		m.Gradients(b, SoftmaxCrossEntropy)
		var grads, before [][]float64
		square := 0.0
		for _, p := range m.Parameters() {
			grads, before = append(grads, slices.Clone(p.Grad)), append(before, slices.Clone(p.Value))
			for _, g := range p.Grad {
				square += g * g
			}
		}
		norm, scale := math.Sqrt(square), 1.0
		if clip > 0 && norm > clip {
			scale = clip / norm
		}
		if r := trainer.Step(b); math.Abs(r.Norm-norm) > 1e-12 {
			t.Errorf("the norm is %v, want %v", r.Norm, norm)
		}
		for k, p := range m.Parameters() {
			for i, w := range p.Value {
				if want := before[k][i] - .1*scale*grads[k][i]; math.Abs(w-want) > 1e-14 {
					t.Errorf("clip %v: %s[%d] is %v, want %v", clip, p.Name, i, w, want)
				}
			}
		}
	}
}

// Weights decay; tables of tokens and positions, biases, scales and parameters of
// activations do not.
func TestDecayIsForWeights(t *testing.T) {
	for _, n := range networks {
		m := newModelOf[float32](t, n, Options{})
		for _, p := range m.Parameters() {
			want := strings.HasSuffix(p.Name, "weight") && !strings.Contains(p.Name, "embedding")
			if p.Decay != want {
				t.Errorf("%s decays: %v", p.Name, p.Decay)
			}
		}
	}
}

func TestDivergedStepLeavesTheWeights(t *testing.T) {
	trainer, b := smallTrainer(t, TrainerOptions{Optimizer: Adam(), Schedule: Constant(.1)})
	before := slices.Clone(trainer.Model().Parameters()[0].Value)
	b.X[3] = math.NaN()
	r := trainer.Step(b)
	if !math.IsNaN(r.Loss) || trainer.Steps() != 0 || !slices.Equal(before, trainer.Model().Parameters()[0].Value) {
		t.Errorf("loss %v, step %d", r.Loss, trainer.Steps())
	}
}

func TestSchedules(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-15+1e-12*math.Abs(b) }
	for _, test := range []struct {
		s    Schedule
		at   []int
		want []float64
	}{
		{Constant(.1), []int{0, 5, 1e6}, []float64{.1, .1, .1}},
		{Exponential(.1, .001, 11), []int{0, 5, 10, 99}, []float64{.1, .01, .001, .001}},
		{Cosine(.1, 0, 11), []int{0, 5, 10, 99}, []float64{.1, .05, 0, 0}},
		{Cosine(.1, .02, 1), []int{0, 1}, []float64{.1, .1}},
		{Schedule{Name: "constant", Rate: .1, Warmup: 4}, []int{0, 1, 3, 4}, []float64{.025, .05, .1, .1}},
	} {
		for i, step := range test.at {
			if got := test.s.At(step); !near(got, test.want[i]) {
				t.Errorf("%+v at step %d is %v, want %v", test.s, step, got, test.want[i])
			}
		}
	}
}

func TestBadTrainerOptionsNameTheValue(t *testing.T) {
	good := TrainerOptions{Optimizer: Adam(), Schedule: Constant(.1)}
	for want, change := range map[string]func(*TrainerOptions){
		"momentum must be at least 0 and less than 1, got 1": func(o *TrainerOptions) { o.Optimizer = SGD(1) },
		"weight decay":        func(o *TrainerOptions) { o.Optimizer.WeightDecay = -1 },
		"beta1":               func(o *TrainerOptions) { o.Optimizer.Beta1 = 1 },
		"beta2":               func(o *TrainerOptions) { o.Optimizer.Beta2 = math.NaN() },
		"epsilon":             func(o *TrainerOptions) { o.Optimizer.Epsilon = 0 },
		`"adagrad"`:           func(o *TrainerOptions) { o.Optimizer.Name = "adagrad" },
		"learning rate":       func(o *TrainerOptions) { o.Schedule.Rate = 0 },
		"final learning rate": func(o *TrainerOptions) { o.Schedule = Exponential(.1, 0, 5) },
		"number of steps":     func(o *TrainerOptions) { o.Schedule = Cosine(.1, 0, 0) },
		"warm-up":             func(o *TrainerOptions) { o.Schedule.Warmup = -1 },
		`"linear"`:            func(o *TrainerOptions) { o.Schedule.Name = "linear" },
		"norm to clip at":     func(o *TrainerOptions) { o.ClipNorm = -1 },
		"unknown loss":        func(o *TrainerOptions) { o.Loss = 9 },
	} {
		trainer, _ := smallTrainer(t, good)
		o := good
		change(&o)
		if _, err := NewTrainer(trainer.Model(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	m, err := New[float32](everyLayer, Options{Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := NewTrainer(m, good); err == nil || !strings.Contains(err.Error(), "inference") {
		t.Errorf("a model for inference: %v", err)
	}
}
