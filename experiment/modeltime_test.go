package experiment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/internal/ort"
	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/onnx"
)

// torchModel reads one of the models that PyTorch exported.
func torchModel(t *testing.T, name string) NamedModel {
	t.Helper()
	path := filepath.Join("..", "onnx", "testdata", name+".onnx")
	m, err := onnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return NamedModel{Name: name, Path: path, Model: m}
}

// peer is the folder of ONNX Runtime; the test is skipped where there is none.
func peer(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(ort.Variable)
	if dir == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", ort.Variable)
	}
	return dir
}

func timeModels(t *testing.T, runtime string, batch int, shape []int, names ...string) []ModelTime {
	t.Helper()
	o := ModelTimeOptions{Batch: batch, Threads: 1, Shape: shape, ONNXRuntime: runtime, Time: time.Microsecond}
	for _, name := range names {
		o.Models = append(o.Models, torchModel(t, name))
	}
	last := 0
	o.Progress = func(done, total int) {
		if done < last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}
	times, err := TimeModels(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

func TestModelsAreTimedInTheEngine(t *testing.T) {
	times := timeModels(t, "", 3, nil, "mlp_relu", "transformer", "lstm_tokens", "gru_all", "mlp_double", "mlp_half")
	for i, m := range times {
		if m.Runtime != OwnRuntime || m.Batch != 3 || m.Threads != 1 {
			t.Errorf("row %+v", m)
		}
		if i == 1 {
			if !strings.Contains(m.Problem, "Slice") || m.MS != (Spread{}) {
				t.Errorf("row %+v", m)
			}
			continue
		}
		if m.Problem != "" || !(m.MS.Median > 0) || m.MS.Low > m.MS.High {
			t.Errorf("row %+v", m)
		}
	}
	if len(times) != 6 {
		t.Errorf("%d rows", len(times))
	}
}

func TestModelsAreTimedInONNXRuntime(t *testing.T) {
	dir := peer(t)
	// mobilenet3 and the transformer are not the engine's, but say what they take.
	names := []string{"mlp_relu", "lstm_tokens", "gru_all", "mlp_double", "mlp_half", "mobilenet3", "transformer", "resnet_silu_fixed"}
	times := timeModels(t, dir, 2, nil, names...)
	if len(times) != 2*len(names) {
		t.Fatalf("%d rows", len(times))
	}
	for i, m := range times {
		if m.Model != names[i/2] || m.Runtime != []string{OwnRuntime, ONNXRuntime}[i%2] {
			t.Errorf("row %d is %+v", i, m)
		}
		problem := ""
		switch {
		case i%2 == 0 && (m.Model == "mobilenet3" || m.Model == "transformer"):
			problem = "engine cannot hold"
		case i%2 == 1 && m.Model == "resnet_silu_fixed":
			problem = "fixed batch of 1"
		}
		if problem == "" && (m.Problem != "" || !(m.MS.Median > 0)) || problem != "" && !strings.Contains(m.Problem, problem) {
			t.Errorf("row %+v; want the problem %q", m, problem)
		}
	}
	if m := timeModels(t, dir, 1, nil, "resnet_silu_fixed"); m[1].Problem != "" {
		t.Errorf("with its batch: %+v", m[1])
	}
}

func TestShapesOfModelsThatTheEngineDoesNotTake(t *testing.T) {
	o := ModelTimeOptions{Batch: 4}
	m := torchModel(t, "transformer").Model
	in, err := describedInputs(m, &o)
	if err != nil || len(in) != 1 || !slices.Equal(in[0].Dims, []int64{4, 7, 6}) || len(in[0].Floats) != 4*7*6 || in[0].Name != "input" {
		t.Errorf("%v, %v", in, err)
	}
	for want, shape := range map[string][]int{"does not fit the input": {6}, "no dimension": {-1, 6}, "too large": {1 << 30, 6}} {
		o.Shape = shape
		if _, err := describedInputs(m, &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", shape, err)
		}
	}
	o.Shape = []int{0, 6}
	if in, err := describedInputs(m, &o); err != nil || !slices.Equal(in[0].Dims, []int64{4, 7, 6}) {
		t.Errorf("%v, %v", in, err)
	}
	o.Shape = nil
	if in, err := describedInputs(torchModel(t, "lstm_tokens").Model, &o); err != nil || in[0].Type != "int64" || len(in[0].Ints) != 28 {
		t.Errorf("%v, %v", in, err)
	}
	if _, err := describedInputs(torchModel(t, "resnet_silu_fixed").Model, &o); err == nil || !strings.Contains(err.Error(), "fixed batch of 1") {
		t.Errorf("error %v", err)
	}
}

func TestTimeModelsErrors(t *testing.T) {
	for want, o := range map[string]ModelTimeOptions{
		"batch must be from 1":   {Threads: 1},
		"threads must be from 1": {Batch: 1},
		"npm install":            {Batch: 1, Threads: 1, ONNXRuntime: t.TempDir()},
	} {
		o.Models = []NamedModel{torchModel(t, "mlp_relu")}
		if _, err := TimeModels(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TimeModels(ctx, ModelTimeOptions{Batch: 1, Threads: 1, Models: []NamedModel{torchModel(t, "mlp_relu")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// All models that the engine takes give what ONNX Runtime does, with time steps or
// samples first, tokens, other types and a batch of their own.
func TestCompareWithONNXRuntime(t *testing.T) {
	dir := peer(t)
	paths, err := filepath.Glob("../onnx/testdata/*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	compared, timeMajor := 0, 0
	for _, path := range paths {
		m := torchModel(t, strings.TrimSuffix(filepath.Base(path), ".onnx"))
		l, err := onnx.Load[float32](m.Model, onnx.LoadOptions{Options: nn.Options{Batch: 2, Inference: true}})
		if err != nil {
			continue
		}
		defer l.Close()
		compared++
		if l.Input().BatchAxis == 1 {
			timeMajor++
		}
		d, err := CompareWithONNXRuntime(t.Context(), m, l, RandomSamples(l, 5), dir)
		if limit := map[bool]float64{false: 1e-5, true: 1e-2}[m.Name == "mlp_half"]; err != nil || !(d <= limit) {
			t.Errorf("%s: %v, %v", m.Name, d, err)
		}
		if m.Name != "gru_all" && m.Name != "mlp_relu" {
			continue
		}
		// Other weights give other outputs.
		for _, p := range l.Model().Parameters() {
			p.Value[0] += .5
		}
		l.Model().Changed()
		if d, err := CompareWithONNXRuntime(t.Context(), m, l, RandomSamples(l, 5), dir); err != nil || !(d > 1e-3) {
			t.Errorf("%s with other weights: %v, %v", m.Name, d, err)
		}
	}
	if compared < 30 || timeMajor < 3 {
		t.Errorf("%d models are compared, %d of them with the time steps first", compared, timeMajor)
	}
}

func TestMovedBatchesComeBack(t *testing.T) {
	// Two samples of three steps of two features.
	x := []float32{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}
	y := moveBatch(x, 2, []int{3})
	if want := []float32{0, 1, 10, 11, 2, 3, 12, 13, 4, 5, 14, 15}; !slices.Equal(y, want) {
		t.Errorf("got %v", y)
	}
	v := onnx.LoadedValue{Name: "y", Shape: []int{3, 2}, BatchAxis: 1}
	back, err := samplesFirst(ort.Tensor{Dims: []int64{3, 2, 2}, Floats: y}, v, 2)
	if err != nil || !slices.Equal(back, x) {
		t.Errorf("back %v, %v", back, err)
	}
	for _, bad := range []ort.Tensor{{Dims: []int64{2, 3, 2}, Floats: y}, {Dims: []int64{3, 2, 2}, Ints: make([]int64, 12)}, {}} {
		if _, err := samplesFirst(bad, v, 2); err == nil {
			t.Errorf("%v is taken", bad.Dims)
		}
	}
}

// Inputs of half precision are the engine's alone: the peer's problem says so.
func TestHalfPrecisionInputsAreAProblemOfThePeer(t *testing.T) {
	half := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: int32(onnxpb.TensorProto_FLOAT16),
		Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
			{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
			{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 2}},
		}},
	}}}
	b, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: 8, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}}, Graph: &onnxpb.GraphProto{
		Name: "g", Input: []*onnxpb.ValueInfoProto{{Name: "x", Type: half}}, Output: []*onnxpb.ValueInfoProto{{Name: "y", Type: half}},
		Node: []*onnxpb.NodeProto{{OpType: "MatMul", Input: []string{"x", "w"}, Output: []string{"y"}}},
		Initializer: []*onnxpb.TensorProto{{
			Name: "w", DataType: int32(onnxpb.TensorProto_FLOAT16), Dims: []int64{2, 2}, Int32Data: []int32{0x3c00, 0, 0, 0x3c00},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	m := NamedModel{Name: "half", Path: filepath.Join(t.TempDir(), "half.onnx")}
	if err := os.WriteFile(m.Path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if m.Model, err = onnx.Read(m.Path); err != nil {
		t.Fatal(err)
	}
	times, err := TimeModels(t.Context(), ModelTimeOptions{Models: []NamedModel{m}, Batch: 2, Threads: 1, ONNXRuntime: peer(t), Time: time.Microsecond})
	if err != nil || times[0].Problem != "" || !strings.Contains(times[1].Problem, `input "x" has the type "float16", which is not supported`) {
		t.Errorf("%+v, %v", times, err)
	}
}
