package onnx

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// notLoaded are parts of names of exported cases that Load does not read back, and
// what the error says.
var notLoaded = map[string]string{
	"attention":           "(Split)",
	"transformer":         "(Split)",
	"dyisru":              "(Sqrt)",
	"/norm/":              `"5.norm.sqrt" (Sqrt)`, // a DyISRU
	"elu:0.7:learn-chan":  "(Min)",
	"isru_sigmoid:0.7,1.": "has no isru_sigmoid",
	"flatten_residual":    "same shape and order",
	"nothing":             "nothing to run",
}

// What Export writes, Load reads.
func TestExportedModelsAreLoaded(t *testing.T) {
	loaded := 0
	for name, n := range exportCases {
		for _, layout := range []string{"nchw", "nhwc"} {
			t.Run(name+"/"+layout, func(t *testing.T) {
				m, err := nn.New[float32](n, nn.Options{Batch: 2, Seed: 3})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				r := rand.New(rand.NewPCG(1, 2))
				for _, p := range m.Parameters() {
					for i := range p.Value {
						p.Value[i] += .1 + .1*r.Float32()
					}
				}
				exported, err := Export(m, ExportOptions{InputLayout: layout})
				if err != nil {
					t.Fatal(err)
				}
				l, err := Load[float32](exported, LoadOptions{Options: nn.Options{Batch: 2}})
				if err != nil {
					for part, want := range notLoaded {
						if strings.Contains("/"+name+"/", part) && strings.Contains(err.Error(), want) {
							return
						}
					}
					t.Fatal(err)
				}
				defer l.Close()
				loaded++
				// The samples in the engine's order, and in ONNX's.
				size := n.Input.Size()
				x := make([]float32, 2*size)
				for i := range x {
					if x[i] = float32(r.NormFloat64()); l.Input().Tokens {
						x[i] = float32(r.IntN(3))
					}
				}
				given := slices.Clone(x)
				if layout == "nchw" && len(n.Input) == 3 {
					channels, pixels := n.Input[2], n.Input[0]*n.Input[1]
					for i := range x {
						s, p, c := i/size, i%size/channels, i%channels
						given[s*size+c*pixels+p] = x[i]
					}
				}
				in := make([]float32, len(x))
				l.FromONNX(in, given)
				out := slices.Clone(l.Model().Predict(in))
				got := make([]float32, len(out))
				l.ToONNX(got, out)
				var want []float64
				for _, v := range m.Predict(x) {
					want = append(want, float64(v))
				}
				if d := distance(got, want); d > 1e-5 {
					t.Errorf("outputs differ by %.2g", d)
				}
			})
		}
	}
	if loaded < len(exportCases) {
		t.Errorf("%d of %d exported models are loaded", loaded, 2*len(exportCases))
	}
}
