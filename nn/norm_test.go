package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestNormsComputeTheirDefinitions with scales and shifts that differ from channel
// to channel.
func TestNormsComputeTheirDefinitions(t *testing.T) {
	const steps, channels = 5, 6
	scale, shift := make([]float64, channels), make([]float64, channels)
	for j := range scale {
		scale[j], shift[j] = 1+float64(j)/4, float64(j)-2
	}
	x := make([]float64, steps*channels)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = 1 + 2*r.NormFloat64()
	}
	moments := func(row []float64) (mean, variance, square float64) {
		for _, v := range row {
			mean += v / channels
			square += v * v / channels
		}
		for _, v := range row {
			variance += (v - mean) * (v - mean) / channels
		}
		return mean, variance, square
	}
	for _, test := range []struct {
		layer Layer
		want  func(row []float64, j int) float64
	}{
		{LayerNorm{Epsilon: .25}, func(row []float64, j int) float64 {
			mean, variance, _ := moments(row)
			return scale[j]*(row[j]-mean)/math.Sqrt(variance+.25) + shift[j]
		}},
		{LayerNorm{}, func(row []float64, j int) float64 {
			mean, variance, _ := moments(row)
			return scale[j]*(row[j]-mean)/math.Sqrt(variance+1e-5) + shift[j]
		}},
		{RMSNorm{Epsilon: .25}, func(row []float64, j int) float64 {
			_, _, square := moments(row)
			return scale[j] * row[j] / math.Sqrt(square+.25)
		}},
		{Norm{}, func(row []float64, j int) float64 {
			_, _, square := moments(row)
			return scale[j] * row[j] / math.Sqrt(square+1e-6)
		}},
		{DyT{Alpha: .3}, func(row []float64, j int) float64 { return scale[j]*math.Tanh(.3*row[j]) + shift[j] }},
		{DyT{}, func(row []float64, j int) float64 { return scale[j]*math.Tanh(.5*row[j]) + shift[j] }},
		{DyISRU{}, func(row []float64, j int) float64 {
			return scale[j]*math.Sqrt(channels)*row[j]/math.Sqrt(channels+row[j]*row[j]) + shift[j]
		}},
		{Norm{Method: "dyisru"}, func(row []float64, j int) float64 {
			return scale[j]*math.Sqrt(channels)*row[j]/math.Sqrt(channels+row[j]*row[j]) + shift[j]
		}},
	} {
		m := newModelOf[float64](t, Network{Input: Shape{steps, channels}, Layers: Sequential{test.layer}}, Options{})
		for _, p := range m.Parameters() {
			if p.Decay {
				t.Errorf("%s decays", p.Name)
			}
			switch {
			case strings.HasSuffix(p.Name, ".scale"):
				copy(p.Value, scale)
			case strings.HasSuffix(p.Name, ".shift"):
				copy(p.Value, shift)
			}
		}
		for i, got := range m.Predict(x) {
			if want := test.want(x[i/channels*channels:][:channels], i%channels); math.Abs(got-want) > 1e-9 {
				t.Errorf("%#v: element %d is %v, want %v", test.layer, i, got, want)
				break
			}
		}
	}
}

// On inputs of mean square 1, DyISRU begins where RMSNorm is, but for a part of
// x^2/2C.
func TestDyISRUBeginsAtRMSNorm(t *testing.T) {
	const channels = 256
	x := make([]float64, channels)
	r := rand.New(rand.NewPCG(2, 1))
	for i := range x {
		x[i] = r.NormFloat64()
	}
	want := run(t, Shape{channels}, x, RMSNorm{})
	for i, got := range run(t, Shape{channels}, want, DyISRU{}) {
		if v := math.Abs(want[i]); math.Abs(got-want[i]) > v*v*v/(2*channels)+1e-6 {
			t.Errorf("%v where RMSNorm is %v", got, want[i])
		}
	}
}

// Rows that are huge, tiny or zero have finite outputs and gradients; NaN spreads
// over its own row and no further.
func TestNormsOfExtremeRows(t *testing.T) {
	const channels = 19
	for _, method := range normMethods {
		for _, size := range []float32{0, 1e-30, 1, 1e18, 1e30} {
			n := Network{Input: Shape{4, channels}, Layers: Sequential{Residual{Body: Sequential{Norm{Method: method}}}, Norm{Method: method}}}
			m := newModelOf[float32](t, n, Options{Batch: 2})
			b := Batch[float32]{X: make([]float32, 8*channels), Targets: make([]float32, 8*channels)}
			for i := range b.X {
				b.X[i] = size * float32(i%7-3)
			}
			y := slices.Clone(m.Predict(b.X))
			for i, v := range y {
				if math.IsNaN(float64(v)) || math.Abs(float64(v)) > 2*channels {
					t.Fatalf("%s of %v: output %d is %v", method, size, i, v)
				}
				if size == 0 && v != 0 {
					t.Fatalf("%s of 0 is %v", method, v)
				}
			}
			m.Gradients(b, MeanSquaredError)
			for _, p := range m.Parameters() {
				for i, g := range p.Grad {
					if math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) {
						t.Fatalf("%s of %v: gradient %d of %s is %v", method, size, i, p.Name, g)
					}
				}
			}
			b.X[channels+3] = float32(math.NaN())
			for i, v := range m.Predict(b.X) {
				row := i / channels
				if nan := v != v; nan && row != 1 || row == 1 && i%channels == 3 && !nan {
					t.Fatalf("%s with NaN in row 1: %v in row %d", method, v, row)
				} else if !nan && row != 1 && v != y[i] {
					t.Fatalf("%s: NaN in row 1 changes row %d", method, row)
				}
			}
		}
	}
}

func TestBadNormsNameTheValue(t *testing.T) {
	for want, n := range map[string]Network{
		`layer 1 (norm): unknown norm method "group"; known: layer_norm, rms_norm, dyt, dyisru`: {Layers: Sequential{Norm{Method: "group"}}},
		`unknown norm method "batch"`:                                       {Norm: "batch", Layers: Sequential{Norm{}}},
		`layer 1 (layer_norm): epsilon must be positive and finite, got -1`: {Layers: Sequential{LayerNorm{Epsilon: -1}}},
		`epsilon must be positive and finite, got NaN`:                      {Layers: Sequential{RMSNorm{Epsilon: math.NaN()}}},
		`layer 1 (dyt): alpha must be positive and finite, got +Inf`:        {Layers: Sequential{DyT{Alpha: math.Inf(1)}}},
		`layer 1 (dyisru): beta must be positive and finite, got -2`:        {Layers: Sequential{DyISRU{Beta: -2}}},
	} {
		n.Input = Shape{4}
		if m, err := New[float32](n, Options{}); err == nil {
			m.Close()
			t.Errorf("%+v is taken", n)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// A step that would make beta of DyISRU negative leaves it at its least value.
func TestBetaOfDyISRUStaysPositive(t *testing.T) {
	for _, beta := range []float64{1e-9, 1e-3, .5} {
		m := newModelOf[float32](t, Network{Input: Shape{4}, Layers: Sequential{DyISRU{Beta: beta}}}, Options{Batch: 1})
		p := m.Parameters()[0]
		if got, want := p.Value[0], float32(max(beta, least)); got != want {
			t.Errorf("beta %v begins at %v, want %v", beta, got, want)
		}
		trainer, err := NewTrainer(m, TrainerOptions{Optimizer: SGD(0), Schedule: Constant(1e6), Loss: MeanSquaredError})
		if err != nil {
			t.Fatal(err)
		}
		// Outputs that should be larger ask for a smaller beta.
		trainer.Step(Batch[float32]{X: []float32{.1, .2, .3, .4}, Targets: []float32{9, 9, 9, 9}})
		if got := p.Value[0]; got != float32(least) {
			t.Errorf("%s is %v after a step far below 0, want %v", p.Name, got, least)
		}
	}
}
