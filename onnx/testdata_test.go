package onnx

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/internal/ort"
)

// A torchTensor is an input or output as PyTorch had it. Its batch is the first
// dimension, or the second of a sequence whose steps come first.
type torchTensor struct {
	Name   string
	Type   string // float32, float64 or int64
	Shape  []int
	Values []float64
}

// tensor returns the values as ONNX Runtime takes them.
func (t torchTensor) tensor() ort.Tensor {
	out := ort.Tensor{Name: t.Name, Type: t.Type}
	for _, d := range t.Shape {
		out.Dims = append(out.Dims, int64(d))
	}
	for _, v := range t.Values {
		if t.Type == "int64" {
			out.Ints = append(out.Ints, int64(v))
		} else {
			out.Floats = append(out.Floats, float32(v))
		}
	}
	return out
}

// A torchModel is a model that PyTorch exported, by testdata/models.py.
type torchModel struct {
	Name   string
	Model  *Model
	Input  torchTensor
	Output torchTensor // what PyTorch computes from Input
}

// tolerance is how far a result may be from Output, relative to its largest
// element.
func (m torchModel) tolerance() float64 {
	if strings.HasSuffix(m.Name, "_half") {
		return 1e-2
	}
	return 1e-5
}

// torchModels returns all models of testdata, read anew.
func torchModels(t testing.TB) []torchModel {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models in testdata: %v", err)
	}
	var list []torchModel
	for _, path := range paths {
		base := strings.TrimSuffix(path, ".onnx")
		m := torchModel{Name: filepath.Base(base)}
		if m.Model, err = Read(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(base + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var values struct{ Input, Output torchTensor }
		if err := json.Unmarshal(data, &values); err != nil {
			t.Fatalf("%s.json: %v", base, err)
		}
		m.Input, m.Output = values.Input, values.Output
		list = append(list, m)
	}
	return list
}

// startRuntime returns a running ONNX Runtime, or skips the test where there is none.
func startRuntime(t testing.TB) *ort.Runtime {
	t.Helper()
	if os.Getenv(ort.Variable) == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", ort.Variable)
	}
	r, err := ort.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// evaluate runs a model in ONNX Runtime and returns its first output.
func evaluate(t testing.TB, r *ort.Runtime, model []byte, input ort.Tensor) ort.Tensor {
	t.Helper()
	s, err := r.Open(model, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(input)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// distance returns the largest difference between two results, relative to the
// largest element of want: infinite if one has another length or a NaN.
func distance(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, scale := 0., 0.
	for i, w := range want {
		d := math.Abs(float64(got[i]) - w)
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(w))
	}
	if worst == 0 {
		return 0
	}
	return worst / scale
}

func TestModelsOfPyTorchAreWrittenAsRead(t *testing.T) {
	for _, m := range torchModels(t) {
		data, err := m.Model.Encode()
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		original, err := os.ReadFile("testdata/" + m.Name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		var got, want onnxpb.ModelProto
		if err := proto.Unmarshal(data, &got); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if err := proto.Unmarshal(original, &want); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(&got, &want) {
			t.Errorf("%s is not written as it was read", m.Name)
		}
		if len(want.Graph.Node) == 0 || len(want.Graph.Initializer) == 0 {
			t.Errorf("%s has %d nodes and %d initializers", m.Name, len(want.Graph.Node), len(want.Graph.Initializer))
		}
	}
}

func TestRewrittenModelsGiveTheOutputsOfPyTorch(t *testing.T) {
	r := startRuntime(t)
	for _, m := range torchModels(t) {
		t.Run(m.Name, func(t *testing.T) {
			data, err := m.Model.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got := evaluate(t, r, data, m.Input.tensor())
			if d := distance(got.Floats, m.Output.Values); d > m.tolerance() {
				t.Errorf("outputs differ by %.2g", d)
			}
		})
	}
}
