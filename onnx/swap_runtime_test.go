package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/internal/ort"
)

func TestSwappedGraphsRunInONNXRuntime(t *testing.T) {
	r := startRuntime(t)
	x := specialArguments()
	in := ort.Tensor{Name: "x", Type: "float32", Dims: []int64{int64(len(x))}, Floats: x}
	for _, opset := range []int64{7, 11, 13, 17, 20} {
		for _, style := range []Style{Primitive, LocalFunction} {
			for _, c := range swappable {
				if opset < 9 && c.spec == "gelu" || style == LocalFunction && opset < 12 {
					continue
				}
				m := textModel(t, opset, "y = ThresholdedRelu(x)")
				if opset < 10 {
					m = textModel(t, opset, "y = Relu(x)")
				}
				if c.spec == "relu" && opset < 10 {
					continue
				}
				mustSwap(t, m, SwapOptions{Nodes: []string{"*"}, To: c.spec, Style: style})
				data, err := m.Encode()
				if err != nil {
					t.Fatal(err)
				}
				y := evaluate(t, r, data, in).Floats
				checkValues(t, fmt.Sprintf("opset %d, %v", opset, style), c.spec, x, y, c.near, c.limit)
			}
		}
	}
}

// NaN goes through in ONNX Runtime.
func TestSwappedGraphsKeepNaNInONNXRuntime(t *testing.T) {
	r := startRuntime(t)
	nan := float32(math.NaN())
	for _, spec := range []string{"isrlu", "isrlu:3", "isru:3", "isru_sigmoid", "dyisru"} {
		m := textModel(t, 17, "y = Relu(x)")
		mustSwap(t, m, SwapOptions{From: []string{"relu"}, To: spec})
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		// Enough of them for the vectors of a kernel and its rest.
		x := slices.Repeat([]float32{nan}, 37)
		for i, y := range evaluate(t, r, data, ort.Tensor{Name: "x", Type: "float32", Dims: []int64{37}, Floats: x}).Floats {
			if y == y {
				t.Errorf("%s of NaN is %v at %d", spec, y, i)
			}
		}
	}
}

// The constants have the type of the values; squares do not overflow it.
func TestSwapsInOtherElementTypes(t *testing.T) {
	r := startRuntime(t)
	x := []float32{0, -1e-3, 0.5, -0.5, 1, -1, 3, -3, -100, 100, 1000, -1000, -60000, 60000, -64, 64, -65504}
	for elem, near := range map[onnxpb.TensorProto_DataType]float64{onnxpb.TensorProto_FLOAT16: 2e-3, onnxpb.TensorProto_DOUBLE: 4e-7} {
		for _, style := range []Style{Primitive, LocalFunction} {
			for _, spec := range []string{"isrlu", "isrlu:0.1", "isrlu:100", "isru:3", "isru_sigmoid", "isru_sigmoid:0.5,0.7", "isru_sigmoid:1,0.5", "dyisru:2,0.5"} {
				g := textGraph(t, onnxpb.TensorProto_FLOAT, "h = Cast(x)", "a = Relu(h)", "y = Cast(a)")
				setInt(g.Node[0], "to", int64(elem))
				setInt(g.Node[2], "to", int64(onnxpb.TensorProto_FLOAT))
				m := graphModel(t, 17, g)
				mustSwap(t, m, SwapOptions{From: []string{"Relu"}, To: spec, Style: style})
				for _, c := range m.proto.Graph.Initializer {
					if dataType(c) != elem {
						t.Errorf("%v: constant %s is %v", elem, c.Name, dataType(c))
					}
				}
				data, err := m.Encode()
				if err != nil {
					t.Fatal(err)
				}
				y := evaluate(t, r, data, ort.Tensor{Name: "x", Type: "float32", Dims: []int64{int64(len(x))}, Floats: x}).Floats
				checkValues(t, fmt.Sprintf("%v, %v", elem, style), spec, x, y, near, math.Inf(1))
			}
		}
	}
}

// Old versions of Clip run in float32 alone.
func TestOldModelsInFloat64Run(t *testing.T) {
	r := startRuntime(t)
	x := []float32{0, -1, 3, -1e9, 1e30}
	for _, opset := range []int64{8, 9, 11, 12} {
		for _, spec := range []string{"isrlu:3", "isru:3", "isru_sigmoid", "dyisru:2,0.5"} {
			g := textGraph(t, onnxpb.TensorProto_FLOAT, "h = Cast(x)", "a = Tanh(h)", "y = Cast(a)")
			setInt(g.Node[0], "to", int64(onnxpb.TensorProto_DOUBLE))
			setInt(g.Node[2], "to", int64(onnxpb.TensorProto_FLOAT))
			m := graphModel(t, opset, g)
			mustSwap(t, m, SwapOptions{From: []string{"Tanh"}, To: spec})
			y := evaluate(t, r, mustEncode(t, m), ort.Tensor{Name: "x", Type: "float32", Dims: []int64{int64(len(x))}, Floats: x}).Floats
			checkValues(t, fmt.Sprintf("opset %d", opset), spec, x, y, 4e-7, math.Inf(1))
		}
	}
}

func TestModelsOfPyTorchRunAfterSwaps(t *testing.T) {
	r := startRuntime(t)
	for _, tm := range torchModels(t) {
		t.Run(tm.Name, func(t *testing.T) {
			for _, o := range []SwapOptions{
				{To: "isrlu:3"}, {To: "isrlu:3", Style: LocalFunction}, {To: "isru"}, {To: "isru_sigmoid"}, {To: "relu"},
			} {
				m := tm.Model.Clone()
				if o.Style == LocalFunction && m.Opset() < 12 {
					continue
				}
				o.Nodes = []string{"*"}
				report, err := m.Swap(o)
				if err != nil {
					if strings.Contains(err.Error(), "no activation") || strings.Contains(err.Error(), `"*" matches no`) {
						t.Skip("no activations")
					}
					t.Fatal(err)
				}
				if err := m.validate(); err != nil {
					t.Fatal(err)
				}
				y := evaluate(t, r, mustEncode(t, m), tm.Input.tensor()).Floats
				if len(y) != len(tm.Output.Values) {
					t.Fatalf("%d outputs, were %d", len(y), len(tm.Output.Values))
				}
				// Gates without bounds let states grow beyond all numbers.
				if len(report.Swapped) > 0 && strings.Contains(report.Swapped[0].From, "(") && (o.To == "relu" || o.To == "isrlu:3") {
					continue
				}
				for _, v := range y {
					if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
						t.Fatalf("swapped to %s it computes %v (%+v)", o.To, v, report)
					}
				}
			}
		})
	}
}

// Before IR version 4 an initializer has to be an input: the constants are nodes.
func TestSwapsOfOldModelsAddNoInitializers(t *testing.T) {
	m := textModel(t, 8, "h = Relu(x)", "y = Relu(h)")
	m.proto.IrVersion = 3
	mustSwap(t, m, SwapOptions{From: []string{"relu"}, To: "isrlu:3"})
	if n := len(m.proto.Graph.Initializer); n != 0 || m.proto.IrVersion != 3 {
		t.Errorf("%d initializers, IR version %d", n, m.proto.IrVersion)
	}
	if got := describe(m.activations(newGraph(m.proto.Graph))); got != "isrlu=isrlu:3/7 isrlu=isrlu:3/7" {
		t.Error(got)
	}
	x := []float32{-2, 1, 5, -7}
	runtime := maybeRuntime(t)
	if runtime == nil {
		return
	}
	y := evaluate(t, runtime, mustEncode(t, m), ort.Tensor{Name: "x", Type: "float32", Dims: []int64{4}, Floats: x}).Floats
	f := isrlu.Must(isrlu.ISRLU(3))
	want := make([]float32, len(x))
	f.Forward(want, x)
	f.Forward(want, want)
	if d := distance(y, wide(want)); d > 1e-6 {
		t.Errorf("differs by %.2g", d)
	}
}
