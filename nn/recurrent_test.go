package nn

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// With Truncate, a step's gradient reaches back to the last multiple of it, and is
// otherwise that of the whole sequence. Values are not affected.
func TestTruncationEndsTheWayBackThroughTime(t *testing.T) {
	const steps, samples = 10, 2
	for _, layer := range []func(truncate int) Layer{
		func(k int) Layer { return LSTM{Units: 3, Truncate: k, Last: true} },
		func(k int) Layer { return GRU{Units: 3, Truncate: k, Last: true} },
		func(k int) Layer { return RNN{Units: 3, Truncate: k, Last: true} },
	} {
		// gates returns the gradients of the projections, and the loss.
		gates := func(truncate int) ([]float64, float64) {
			n := Network{Input: Shape{steps, 2}, Activation: "tanh", Layers: Sequential{layer(truncate), Dense{Units: 3}}}
			m := newModelOf[float64](t, n, Options{Batch: samples, Seed: 3})
			r := m.Gradients(randomBatch(m, samples, 1), SoftmaxCrossEntropy)
			return m.ops[0].(*recurrent[float64]).directions[0].gates, r.Loss
		}
		whole, loss := gates(0)
		width := len(whole) / steps
		for _, truncate := range []int{1, 4, 10, 11} {
			cut, cutLoss := gates(truncate)
			if cutLoss != loss {
				t.Errorf("truncation at %d changes the loss from %v to %v", truncate, loss, cutLoss)
			}
			first := (steps - 1) / truncate * truncate // of the last part
			for step := range steps {
				got, want := cut[step*width:][:width], whole[step*width:][:width]
				if step < first {
					want = make([]float64, width)
				}
				if !slices.Equal(got, want) {
					t.Errorf("truncation at %d: step %d has the gradient %v, want %v", truncate, step, got, want)
				}
			}
		}
	}
}

// The reverse direction does to a reversed sequence what the other one does.
func TestBidirectionalReadsBackwards(t *testing.T) {
	for _, layer := range []func(both bool) Layer{
		func(both bool) Layer { return LSTM{Units: 3, Bidirectional: both} },
		func(both bool) Layer { return GRU{Units: 3, Bidirectional: both} },
		func(both bool) Layer { return RNN{Units: 3, Bidirectional: both} },
	} {
		n := Network{Input: Shape{5, 2}, Activation: "tanh", Layers: Sequential{layer(true)}}
		both := newModelOf[float64](t, n, Options{Batch: 2, Inference: true})
		n.Layers = Sequential{layer(false)}
		one := newModelOf[float64](t, n, Options{Batch: 2, Inference: true})
		half := len(both.params) / 2
		x, reversed := make([]float64, 20), make([]float64, 20)
		r := rand.New(rand.NewPCG(1, 1))
		for s := range 2 {
			for step := range 5 {
				for c := range 2 {
					v := r.NormFloat64()
					x[(s*5+step)*2+c], reversed[(s*5+4-step)*2+c] = v, v
				}
			}
		}
		y := both.Predict(x)
		for i, p := range one.params {
			if both.params[half+i].Name != strings.Replace(p.Name, "1."+n.Layers[0].kind()+".", "1."+n.Layers[0].kind()+".reverse_", 1) {
				t.Fatalf("%s is beside %s", both.params[half+i].Name, p.Name)
			}
			copy(p.Value, both.params[half+i].Value)
		}
		one.Changed()
		want := one.Predict(reversed)
		for s := range 2 {
			for step := range 5 {
				got, want := y[(s*5+step)*6+3:][:3], want[(s*5+4-step)*3:][:3]
				if !slices.Equal(got, want) {
					t.Errorf("%s, sample %d, step %d: %v, want %v", n.Layers[0].kind(), s, step, got, want)
				}
			}
		}
	}
}

// An LSTM of one unit, by hand.
func TestLSTMByHand(t *testing.T) {
	n := Network{Input: Shape{2, 1}, Activation: "tanh", Layers: Sequential{LSTM{Units: 1}}}
	m := newModelOf[float64](t, n, Options{Inference: true})
	w, u, b := m.params[0].Value, m.params[1].Value, m.params[2].Value
	if b[1] != 1 {
		t.Errorf("the forget gate begins with the bias %v, want 1", b[1])
	}
	copy(w, []float64{.5, -.3, .8, .2})
	copy(u, []float64{.1, .4, -.6, .7})
	copy(b, []float64{.05, 1, -.1, .3})
	m.Changed()
	x := []float64{.9, -1.2}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	h, c := 0.0, 0.0
	y := m.Predict(x)
	for step, v := range x {
		i, f := sigmoid(.5*v+.1*h+.05), sigmoid(-.3*v+.4*h+1)
		g, o := math.Tanh(.8*v-.6*h-.1), sigmoid(.2*v+.7*h+.3)
		c = f*c + i*g
		h = o * math.Tanh(c)
		if math.Abs(y[step]-h) > 1e-14 {
			t.Errorf("step %d: %v, want %v", step, y[step], h)
		}
	}
}

// Forget gates begin equally far open, whatever their function is.
func TestForgetGatesBeginOpen(t *testing.T) {
	for _, gate := range []string{"sigmoid", "isru_sigmoid", "isru_sigmoid:1,0.5", "isru_sigmoid:3,0.25"} {
		n := Network{Input: Shape{2, 1}, Activation: "tanh", Gate: gate, Layers: Sequential{LSTM{Units: 2}}}
		m := newModelOf[float64](t, n, Options{})
		_, f, err := (&builder[float64]{m: m}).functions(optionsOf(n.Layers[0]))
		if err != nil {
			t.Fatal(err)
		}
		open := slices.Clone(m.params[2].Value[2:4])
		f.Forward64(open, open)
		if want := 1 / (1 + math.Exp(-1)); math.Abs(open[0]-want) > 1e-12 || open[0] != open[1] {
			t.Errorf("%s begins open to %v, want %v", gate, open, want)
		}
	}
}

// A state has the gate that suits it, unless the layer or the network names another.
func TestGatesThatSuitTheState(t *testing.T) {
	for _, test := range []struct {
		network, gate string
		layer         Layer
		want          string
	}{
		{"isru", "", LSTM{Units: 2}, "isru:1, gates isru_sigmoid:1,0.5"},
		{"isru:3", "", GRU{Units: 2}, "isru:3, gates isru_sigmoid:3,0.5"},
		{"tanh", "", LSTM{Units: 2}, "tanh, gates sigmoid"},
		{"elu", "", GRU{Units: 2}, "elu:1, gates sigmoid"},
		{"isru", "sigmoid", LSTM{Units: 2}, "isru:1, gates sigmoid"},
		{"tanh", "sigmoid", LSTM{Units: 2, Activation: "isru", Gate: "isru_sigmoid"}, "isru:1, gates isru_sigmoid:1"},
		{"isru", "sigmoid", RNN{Units: 2}, "isru:1"},
	} {
		n := Network{Input: Shape{5, 3}, Activation: test.network, Gate: test.gate, Layers: Sequential{test.layer}}
		info := newModelOf[float32](t, n, Options{}).Layers()[0]
		if info.Function != test.want {
			t.Errorf("%+v has %q, want %q", test, info.Function, test.want)
		}
		// 5 steps, each with products of 3 inputs and 2 states for all projections.
		if want := int64(5*(3+2)*2) * map[string]int64{"lstm": 4, "gru": 3, "rnn": 1}[info.Kind]; info.MACs != want {
			t.Errorf("%s has %d multiply-adds, want %d", info.Kind, info.MACs, want)
		}
	}
}

// W begins with Init, or the network's, or LeCun's; U with RecurrentInit, or LeCun's.
func TestFirstWeightsOfRecurrentLayers(t *testing.T) {
	const inputs, units = 50, 80
	std := func(w []float32) float64 {
		sum := 0.0
		for _, v := range w {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum / float64(len(w)))
	}
	lecunW, lecunU := 1/math.Sqrt(inputs), 1/math.Sqrt(units)
	for _, test := range []struct {
		network      Init
		layer        LSTM
		wantW, wantU float64
	}{
		{Init{}, LSTM{Units: units}, lecunW, lecunU},
		{He(), LSTM{Units: units}, math.Sqrt2 * lecunW, lecunU},
		{He(), LSTM{Units: units, Init: LeCun(), RecurrentInit: He()}, lecunW, math.Sqrt2 * lecunU},
	} {
		n := Network{Input: Shape{2, inputs}, Init: test.network, Activation: "tanh", Layers: Sequential{test.layer}}
		m := newModelOf[float32](t, n, Options{})
		w, u := std(m.params[0].Value), std(m.params[1].Value)
		if math.Abs(w/test.wantW-1) > .03 || math.Abs(u/test.wantU-1) > .03 {
			t.Errorf("%+v: deviations %v and %v, want %v and %v", test.layer, w, u, test.wantW, test.wantU)
		}
	}
}

func TestRecurrentErrors(t *testing.T) {
	for _, test := range []struct {
		network Network
		wants   []string
	}{
		{Network{Input: Shape{28, 28, 1}, Layers: Sequential{LSTM{Units: 3, Activation: "tanh"}}}, []string{"layer 1 (lstm)", "sequence", "[28 28 1]"}},
		{Network{Input: Shape{0, 3}, Layers: Sequential{LSTM{Units: 3, Activation: "tanh"}}}, []string{"input", "at least 1", "[0 3]"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{GRU{Activation: "tanh"}}}, []string{"layer 1 (gru)", "units", "0"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{RNN{Units: 2}}}, []string{"layer 1 (rnn)", "names its activation"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{RNN{Units: 2, Activation: "gelu"}}}, []string{"gelu", "tanh and isru"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{LSTM{Units: 2, Activation: "isru:learn"}}}, []string{"isru:learn", "write isru"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{LSTM{Units: 2, Activation: "tanh", Gate: "sigmod"}}}, []string{"gate", "sigmod"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{LSTM{Units: 2, Activation: "tanh", Truncate: -1}}}, []string{"truncate", "-1"}},
		{Network{Input: Shape{4}, Layers: Sequential{Embedding{Units: 2}}}, []string{"tokens", "0 and 2"}},
		{Network{Input: Shape{4, 3}, Layers: Sequential{Embedding{Tokens: 2, Units: 2}}}, []string{"first layer", "[4 3]"}},
		{Network{Input: Shape{1 << 14, 1 << 13}, Layers: Sequential{LSTM{Units: 1 << 14, Activation: "tanh"}}}, []string{"more than"}},
	} {
		_, err := New[float32](test.network, Options{})
		if err == nil {
			t.Errorf("%+v is taken", test.network)
			continue
		}
		for _, want := range test.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not name %q", err, want)
			}
		}
	}
}

// The fused cells compute what the separate passes do, but for roundings.
func TestFusedCellsMatchSeparatePasses(t *testing.T) {
	for _, layer := range []Layer{LSTM{Units: 37}, GRU{Units: 37}} {
		for _, functions := range [][2]string{{"tanh", "sigmoid"}, {"isru:2", "sigmoid"}, {"tanh", "isru_sigmoid"}, {"isru", "isru_sigmoid:1,0.5"}} {
			n := Network{Input: Shape{5, 6}, Activation: functions[0], Gate: functions[1], Layers: Sequential{layer, Dense{Units: 3}}}
			fused := newModelOf[float32](t, n, Options{Batch: 9, Seed: 4})
			plain := newModelOf[float32](t, n, Options{Batch: 9, Seed: 4})
			d := plain.ops[0].(*recurrent[float32]).directions[0]
			state, gate, err := (&builder[float32]{m: plain}).functions(optionsOf(layer))
			if err != nil {
				t.Fatal(err)
			}
			before := d.cell
			d.cell = &lstmCell[float32]{gate, state}
			if d.hidden != nil {
				d.cell = &gruCell[float32]{gate, state}
			}
			if reflect.TypeOf(before) == reflect.TypeOf(d.cell) {
				t.Fatalf("%s with %v has no fused kernel", layer.kind(), functions)
			}
			b := randomBatch(fused, 9, 1)
			got, want := fused.Gradients(b, SoftmaxCrossEntropy), plain.Gradients(b, SoftmaxCrossEntropy)
			if math.Abs(got.Loss-want.Loss) > 1e-6 {
				t.Errorf("%s with %v: loss %v, want %v", layer.kind(), functions, got.Loss, want.Loss)
			}
			for k, p := range fused.params {
				for i, g := range p.Grad {
					if math.Abs(float64(g-plain.params[k].Grad[i])) > 2e-6 {
						t.Fatalf("%s with %v: %s[%d] is %v, want %v", layer.kind(), functions, p.Name, i, g, plain.params[k].Grad[i])
					}
				}
			}
		}
	}
}

// A token outside of the table is the caller's mistake.
func TestTokensOutsideTheTablePanic(t *testing.T) {
	m := newModelOf[float32](t, Network{Input: Shape{2}, Layers: Sequential{Embedding{Tokens: 3, Units: 2}}}, Options{Batch: 2})
	for _, token := range []float32{3, -1, .5, float32(math.NaN()), float32(math.Inf(1))} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), "[0, 3)") {
					t.Errorf("token %v: %v", token, r)
				}
			}()
			m.Predict([]float32{0, token, 1, 2})
		}()
	}
}

// Step by step, a network gives what it gives for the whole sequence.
func TestStepperGivesWhatPredictGives(t *testing.T) {
	for _, n := range []Network{
		{Input: Shape{6, 3}, Activation: "isru", Layers: Sequential{LSTM{Units: 20}, Dense{Units: 4}}},
		{Input: Shape{6, 3}, Activation: "tanh", Layers: Sequential{GRU{Units: 5}, Dropout{Rate: .3}, LSTM{Units: 4}, RNN{Units: 3}, Activation{Function: "elu"}}},
		{Input: Shape{6}, Activation: "isru", Layers: Sequential{Embedding{Tokens: 5, Units: 4}, Residual{Body: Sequential{GRU{Units: 4}}}, Dense{Units: 5}}},
	} {
		m := newModelOf[float32](t, n, Options{Batch: 3, Inference: true, Seed: 2})
		b := randomBatch(m, 3, 1)
		want := slices.Clone(m.Predict(b.X))
		s, err := NewStepper(m, 3)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		width, features := m.input.size/6, m.Output().channels()
		for range 2 {
			for step := range 6 {
				var x []float32
				for i := range 3 {
					x = append(x, b.X[(i*6+step)*width:][:width]...)
				}
				y := s.Step(x)
				for i := range 3 {
					if got, want := y[i*features:][:features], want[(i*6+step)*features:][:features]; !slices.Equal(got, want) {
						t.Fatalf("%v: sequence %d, step %d: %v, want %v", n.Layers, i, step, got, want)
					}
				}
			}
			if s.Position() != 6 || s.Limit() != 0 {
				t.Errorf("position %d, limit %d after 6 steps", s.Position(), s.Limit())
			}
			s.Reset()
		}
		x := b.X[:3*width]
		if n := testing.AllocsPerRun(5, func() { s.Step(x) }); n > 0 {
			t.Errorf("a step makes %v allocations", n)
		}
	}
}

// The stepper follows the weights of its model.
func TestStepperSharesWeights(t *testing.T) {
	n := Network{Input: Shape{4, 3}, Activation: "isru", Layers: Sequential{LSTM{Units: 5}}}
	m := newModelOf[float32](t, n, Options{Batch: 1, Inference: true})
	s, err := NewStepper(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := []float32{1, 2, 3}
	before := slices.Clone(s.Step(x))
	m.params[0].Value[0]++
	s.Changed()
	s.Reset()
	if slices.Equal(before, s.Step(x)) {
		t.Error("a changed weight changes nothing")
	}
}

func TestNetworksThatCannotStep(t *testing.T) {
	for _, test := range []struct {
		network Network
		wants   []string
	}{
		{Network{Input: Shape{6, 3}, Activation: "tanh", Layers: Sequential{LSTM{Units: 2, Bidirectional: true}}}, []string{"layer 1 (lstm)", "step by step"}},
		{Network{Input: Shape{6, 3}, Layers: Sequential{Flatten{}, Dense{Units: 2}}}, []string{"layer 1 (flatten)", "step by step"}},
		{Network{Input: Shape{6, 3}, Layers: Sequential{GlobalAvgPool{}}}, []string{"layer 1 (global_avg_pool)", "step by step"}},
		{Network{Input: Shape{6}, Layers: Sequential{Dense{Units: 2}}}, []string{"[6]", "no sequence"}},
		{Network{Input: Shape{4, 4, 1}, Layers: Sequential{GlobalAvgPool{}}}, []string{"[4 4 1]", "no sequence"}},
	} {
		m := newModelOf[float32](t, test.network, Options{})
		_, err := NewStepper(m, 1)
		if err == nil {
			t.Errorf("%+v steps", test.network)
			continue
		}
		for _, want := range test.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not name %q", err, want)
			}
		}
	}
}
