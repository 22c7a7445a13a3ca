package nn

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
)

// unitNetwork has units of hardware by themselves and in the epilogue of every layer
// that takes one, with both gradients.
var unitNetwork = Network{
	Name: "units", Input: Shape{9, 8, 2}, Activation: "isrlu@q3.4", Layers: Sequential{
		Conv2D{Filters: 5, Kernel: Square(3), Padding: Same}, Activation{}, MaxPool{Size: Square(2)},
		DepthwiseConv2D{Kernel: Square(2)}, Activation{Function: "isru:3@q0.7:2ulp:exact"},
		Conv2D{Filters: 6, Kernel: Square(1)}, MaxPool{Size: Square(2), Stride: Square(1)}, Activation{},
		Residual{Body: Sequential{BatchNorm{}, Activation{Function: "isrlu@q3.4:exact"}}}, Activation{},
		Product{Gate: Sequential{GlobalAvgPool{}, Dense{Units: 6}, Activation{Function: "isru_sigmoid@q1.6"}}}, Activation{},
		AvgPool{Size: Square(1)}, Activation{}, Dropout{Rate: .1}, Activation{},
		Flatten{}, Dense{Units: 40}, Activation{}, Dense{Units: 3},
	},
}

// A network of sequences may have units in its transformers.
var unitTransformer = Network{
	Name: "units of transformers", Input: Shape{5, 6}, Activation: "isrlu@q3.4", Norm: "dyisru",
	Layers: Sequential{TransformerBlock{Heads: 2, Dropout: .1}, Dense{Units: 3}},
}

func TestTrainingWithUnitsHasTheSameBits(t *testing.T) {
	var units hdl.Library
	for _, n := range []Network{unitNetwork, unitTransformer} {
		want := trainedBits(t, n, Options{Batch: 13, Seed: 5, Threads: 1, Units: &units}, 6)
		for _, o := range []Options{{Threads: 1}, {Threads: 2}, {Threads: 3, Unfused: true}, {Threads: 7}, {Unfused: true}} {
			o.Batch, o.Seed, o.Units = 13, 5, &units
			if !slices.Equal(want, trainedBits(t, n, o, 6)) {
				t.Errorf("%s: %d threads, unfused %v: other bits", n.Name, o.Threads, o.Unfused)
			}
		}
		float := n
		float.Activation = "isrlu"
		if slices.Equal(want, trainedBits(t, float, Options{Batch: 13, Seed: 5, Units: &units}, 6)) {
			t.Errorf("%s: the unit computes the bits of the function", n.Name)
		}
	}
}

func TestStepsWithUnitsDoNotAllocate(t *testing.T) {
	m := newModelOf[float32](t, unitNetwork, Options{Batch: 6, Threads: 1})
	trainer, err := NewTrainer(m, TrainerOptions{Optimizer: Adam(), Schedule: Constant(.001)})
	if err != nil {
		t.Fatal(err)
	}
	b := randomBatch(m, 6, 1)
	if n := testing.AllocsPerRun(5, func() { trainer.Step(b) }); n != 0 {
		t.Errorf("%v allocations in a step", n)
	}
}

// unitLayer returns the outputs of an activation at x, and the gradient of their sum
// times d there.
func unitLayer[T Float](t *testing.T, spec string, x, d []T) (y, dx []T) {
	t.Helper()
	n := len(x)
	m := newModelOf[T](t, Network{Input: Shape{1}, Layers: Sequential{
		Dense{Units: n}, Activation{Function: spec},
	}}, Options{})
	copy(m.Parameters()[1].Value, x) // the bias; the input is 0
	b := Batch[T]{X: []T{0}}
	y = slices.Clone(m.Predict(b.X))
	// The gradient of the mean square is 2 (y - target)/n.
	for i := range y {
		b.Targets = append(b.Targets, y[i]-d[i])
	}
	m.Gradients(b, MeanSquaredError)
	dx = slices.Clone(m.Parameters()[1].Grad)
	for i := range dx {
		dx[i] *= T(n) / 2
	}
	return y, dx
}

func TestUnitsInLayers(t *testing.T) {
	x := []float64{-20, -8.1, -7.97, -3.3, -1.03, -.41, -.06, .03, .5, 2.22, 7.9, 8.2, 30, -2.71, .91, 1}
	d := make([]float64, len(x))
	for i := range d {
		d[i] = math.Ldexp(float64(2*i-9), -4)
	}
	f := isrlu.Must(isrlu.Parse("isrlu:3"))
	straight := make([]float64, len(x))
	f.Backward64(straight, d, x)
	y, dx := unitLayer(t, "isrlu:3@q3.4", x, d)
	_, exact := unitLayer(t, "isrlu:3@q3.4:exact", x, d)
	value := func(x float64) float64 {
		v := []float64{x}
		f.Forward64(v, v)
		return v[0]
	}
	for i, x := range x {
		rounded := min(max(math.RoundToEven(16*x)/16, -8), 8-1./16)
		if want := value(rounded); math.Abs(y[i]-want) > 1./16 || y[i] != math.Trunc(16*y[i])/16 {
			t.Errorf("at %v: output %v, want a multiple of 1/16 about %v", x, y[i], want)
		}
		if math.Abs(dx[i]-straight[i]) > 1e-13 {
			t.Errorf("at %v: the gradient straight through is %v, that of the function %v", x, dx[i], straight[i])
		}
		const h = 1e-6
		want := d[i] * (value(rounded+h) - value(rounded-h)) / (2 * h)
		if x < -8 || x > 8-1./16 {
			want = 0
		}
		if math.Abs(exact[i]-want) > 1e-8 {
			t.Errorf("at %v: the exact gradient is %v, by differences %v", x, exact[i], want)
		}
		if rounded != x && x < 0 && exact[i] == dx[i] {
			t.Errorf("at %v both gradients are %v", x, dx[i])
		}
	}
	// In float32 too.
	x32, d32 := make([]float32, len(x)), make([]float32, len(x))
	for i := range x {
		x32[i], d32[i] = float32(x[i]), float32(d[i])
	}
	y32, dx32 := unitLayer(t, "isrlu:3@q3.4", x32, d32)
	for i := range y32 {
		if float64(y32[i]) != y[i] || math.Abs(float64(dx32[i])-dx[i]) > 1e-6 {
			t.Errorf("at %v float32 has %v and the gradient %v, float64 %v and %v", x[i], y32[i], dx32[i], y[i], dx[i])
		}
	}
}

// TestPoolingRunsFirstForMonotoneUnitsAlone: one that is right but for rounding never
// falls; of one in a wide format it is not known.
func TestPoolingRunsFirstForMonotoneUnitsAlone(t *testing.T) {
	for spec, first := range map[string]bool{"isrlu@q3.4:0.5ulp": true, "isrlu@q8.8:200ulp": false} {
		n := Network{Input: Shape{4, 4, 1}, Layers: Sequential{Activation{Function: spec}, MaxPool{Size: Square(2)}, Flatten{}}}
		m := newModelOf[float64](t, n, Options{})
		if got := m.activations[0].unit.Monotone(); got != first {
			t.Fatalf("%s: monotone is %v", spec, got)
		}
		b := randomBatch(m, 1, 3)
		out := m.Predict(b.X)
		a := m.Activations()[0]
		if (a.Shape.Size() == 4) != first || a.Function != strings.Replace(spec, "isrlu@", "isrlu:1@", 1) {
			t.Errorf("%s: %s ran on %v", spec, a.Function, a.Shape)
		}
		y := slices.Clone(b.X)
		m.activations[0].unit.Forward64(y, y)
		for i, v := range out {
			at := func(r, c int) float64 { return y[(2*(i/2)+r)*4+2*(i%2)+c] }
			if want := max(at(0, 0), at(0, 1), at(1, 0), at(1, 1)); v != want {
				t.Errorf("%s: element %d is %v, want %v", spec, i, v, want)
			}
		}
	}
}

// TestCheckpointsKeepUnits: loaded models and trainers have the unit's bits, and share
// its search.
func TestCheckpointsKeepUnits(t *testing.T) {
	searches := 0
	units := hdl.Library{Searching: func(hdl.Spec) { searches++ }}
	n := Network{Input: Shape{6}, Activation: "isrlu@q3.4:exact", Layers: Sequential{
		Dense{Units: 20}, Activation{}, Dense{Units: 20}, Activation{}, Dense{Units: 3},
	}}
	path := filepath.Join(t.TempDir(), "units.safetensors")
	m := newModelOf[float32](t, n, Options{Batch: 4, Units: &units})
	trainer, err := NewTrainer(m, TrainerOptions{Optimizer: Adam(), Schedule: Constant(.01)})
	if err != nil {
		t.Fatal(err)
	}
	b := randomBatch(m, 4, 1)
	trainer.Step(b)
	if err := trainer.Save(path, nil); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(m.Predict(b.X))
	loaded, _, err := Load[float32](path, Options{Batch: 4, Units: &units, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if got := loaded.Predict(b.X); !slices.Equal(got, want) {
		t.Errorf("loaded: %v, want %v", got, want)
	}
	again, _, err := Resume[float32](path, Options{Units: &units})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Model().Close()
	trainer.Step(b)
	again.Step(b)
	if got := again.Model().Predict(b.X); !slices.Equal(got, m.Predict(b.X)) {
		t.Error("a resumed training goes on with other bits")
	}
	if searches != 1 {
		t.Errorf("%d searches for one unit", searches)
	}
}

func TestStepperHasTheUnits(t *testing.T) {
	searches := 0
	units := hdl.Library{Searching: func(hdl.Spec) { searches++ }}
	m := newModelOf[float32](t, unitTransformer, Options{Units: &units})
	s, err := NewStepper(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := randomBatch(m, 1, 1).X
	want := m.Predict(x)
	for step := range 5 {
		got := s.Step(x[step*6:][:6])
		for i, v := range got {
			// Another order of additions may move a value over an edge between two steps.
			if math.Abs(float64(v-want[step*3+i])) > .1 {
				t.Errorf("step %d: %v, want %v", step, got, want[step*3:][:3])
			}
		}
	}
	if searches != 1 {
		t.Errorf("%d searches for one unit", searches)
	}
}

func TestBadUnitsAreErrors(t *testing.T) {
	for want, l := range map[string]Layer{
		"layer 1 (activation): isrlu:1@q3.4: the parameter of a unit is fixed": Activation{Function: "isrlu:1@q3.4", Learn: PerLayer},
		"isrlu@q3.4: the parameter of a unit is fixed; leave the learning out": Activation{Function: "isrlu@q3.4:learn"},
		`layer 1 (activation): unknown format "q3"`:                            Activation{Function: "isrlu@q3"},
		`no units for "gelu"`:       Activation{Function: "gelu@q3.4"},
		"ask for more, or for q3.7": Activation{Function: "isrlu@q3.4:0.1ulp"},
		"activation isru@q3.4: recurrent layers take no units of hardware, whose gradients follow from their inputs; write isru": LSTM{Units: 3, Activation: "isru@q3.4"},
		"gate isru_sigmoid@q3.4: recurrent layers": GRU{Units: 3, Activation: "isru", Gate: "isru_sigmoid@q3.4"},
	} {
		_, err := New[float32](Network{Input: Shape{4, 3}, Layers: Sequential{l}}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hdl:") {
			t.Errorf("%+v: error %v does not say %q", l, err, want)
		}
	}
}

// TestUnitOption: a network that was trained without units runs by them as one that
// names them does.
func TestUnitOption(t *testing.T) {
	var units hdl.Library
	named := Network{Input: Shape{9}, Activation: "isrlu@q3.4:2ulp", Layers: Sequential{
		Dense{Units: 30}, Activation{}, Dense{Units: 20}, Activation{Function: "isru:3@q0.7"}, Dense{Units: 4},
	}}
	plain := named
	plain.Activation = "isrlu"
	want := newModelOf[float32](t, named, Options{Seed: 3, Inference: true, Units: &units})
	got := newModelOf[float32](t, plain, Options{Seed: 3, Inference: true, Units: &units, Unit: "q3.4:2ulp"})
	x := randomBatch(want, 1, 1).X
	if a, b := want.Predict(x), got.Predict(x); !slices.Equal(a, b) {
		t.Errorf("outputs %v, want %v", b, a)
	}
	for activation, in := range map[string]string{"isrlu:learn": "q3.4", "gelu": "q3.4", "isrlu": "q3"} {
		plain.Activation = activation
		if m, err := New[float32](plain, Options{Unit: in}); err == nil {
			m.Close()
			t.Errorf("%s by units in %s: no error", activation, in)
		}
	}
}
