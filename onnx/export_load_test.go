package onnx

import (
	"slices"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// notLoaded are patterns of the cases that Load need not take: they compute with
// operators that the engine reads as none of its layers, or not in this place.
var notLoaded = []string{
	"attention*", "transformer*", "norm", "rms_norm*", "layer_norm_image", "dyisru*", "*_scan", "nothing", "flatten_residual",
	"*_elu:0.7:learn-channel", "*_isru_sigmoid:0.7,1.6:learn-channel",
}

// TestExportsLoadAgain: a network that is exported and loaded computes what it did.
func TestExportsLoadAgain(t *testing.T) {
	for name, n := range exportCases {
		t.Run(name, func(t *testing.T) {
			must := !slices.ContainsFunc(notLoaded, func(pattern string) bool { return glob(pattern, name) })
			m := newExported[float32](t, n)
			model, err := Export(m, ExportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l, err := Load[float32](model, LoadOptions{Options: nn.Options{Batch: 2, Threads: 1, Inference: true}})
			if err != nil {
				if must {
					t.Fatal(err)
				}
				return
			}
			defer l.Close()
			x, in := randomInput[float32](n, ExportOptions{})
			given := in.Floats
			for _, v := range in.Ints {
				given = append(given, float32(v))
			}
			loaded := make([]float32, len(given))
			l.FromONNX(loaded, given)
			y := l.Model().Predict(loaded)
			got := make([]float32, len(y))
			l.ToONNX(got, y)
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
