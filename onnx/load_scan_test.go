package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// isRecurrentModel tells whether a model of PyTorch has recurrent nodes.
func isRecurrentModel(name string) bool {
	return slices.ContainsFunc([]string{"lstm_", "gru_", "rnn_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// recurrentFunctionsOf returns those of the recurrent layers of a network.
func recurrentFunctionsOf(n nn.Network) (list []string) {
	for _, l := range n.Layers {
		switch l := l.(type) {
		case nn.LSTM:
			list = append(list, l.Gate, l.Activation)
		case nn.GRU:
			list = append(list, l.Gate, l.Activation)
		case nn.RNN:
			list = append(list, l.Activation)
		}
	}
	return list
}

// A model whose recurrent nodes have become Scans is loaded as the network of these
// nodes, with the functions and weights that they have.
func TestSwappedRecurrentModelsAreLoaded(t *testing.T) {
	r := maybeRuntime(t)
	for _, to := range []string{"isru", "isru_sigmoid:1,0.5"} {
		for _, style := range []Style{Primitive, LocalFunction} {
			loaded := 0
			for _, tm := range torchModels(t) {
				if !isRecurrentModel(tm.Name) {
					continue
				}
				m := tm.Model.Clone()
				if style == LocalFunction && m.Opset() < 12 {
					continue
				}
				loaded++
				t.Run(to+"/"+style.String()+"/"+tm.Name, func(t *testing.T) {
					mustSwap(t, m, SwapOptions{Nodes: []string{"*"}, To: to, Style: style})
					l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
					functions := recurrentFunctionsOf(l.Model().Network())
					if len(functions) == 0 || slices.ContainsFunc(functions, func(f string) bool { return f != canonical(t, to) }) {
						t.Errorf("the functions are %v", functions)
					}
					if r != nil {
						for seed := range uint64(3) {
							compareWithRuntime(t, r, l, mustEncode(t, m), tm.Input.random(seed), 1e-4)
						}
					}
				})
			}
			if loaded == 0 {
				t.Error("no models")
			}
		}
	}
}

func canonical(t *testing.T, spec string) string {
	t.Helper()
	f, err := isrlu.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return f.String()
}

// Without a runtime, the swapped model is compared with the original's network in
// which the functions are changed.
func TestSwappedRecurrentModelsAreTheNetworksWithOtherFunctions(t *testing.T) {
	const state, gate = "isru:0.25", "isru_sigmoid:1,0.5"
	for _, tm := range torchModels(t) {
		if !isRecurrentModel(tm.Name) {
			continue
		}
		t.Run(tm.Name, func(t *testing.T) {
			original := loadModel(t, tm.Model, LoadOptions{Options: nn.Options{Batch: 2}})
			network := original.Model().Network()
			network.Layers = slices.Clone(network.Layers)
			for i, l := range network.Layers {
				switch l := l.(type) {
				case nn.LSTM:
					l.Gate, l.Activation = gate, state
					network.Layers[i] = l
				case nn.GRU:
					l.Gate, l.Activation = gate, state
					network.Layers[i] = l
				case nn.RNN:
					l.Activation = state
					network.Layers[i] = l
				}
			}
			want, err := nn.New[float32](network, nn.Options{Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			copyWeights(want, original.Model())
			m := tm.Model.Clone()
			from := []string{"tanh"}
			if tm.Name == "rnn_relu" {
				from = []string{"relu"}
			}
			mustSwap(t, m, SwapOptions{From: from, To: state})
			if !strings.HasPrefix(tm.Name, "rnn") {
				mustSwap(t, m, SwapOptions{From: []string{"sigmoid"}, To: gate})
			}
			l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
			x := make([]float32, 2*network.Input.Size())
			for i, v := range tm.Input.random(5).Values {
				x[i] = float32(v)
			}
			if a, b := l.Model().Predict(x), want.Predict(x); !slices.Equal(a, b) {
				t.Errorf("outputs %v, want %v", a, b)
			}
		})
	}
}

// scanModel is a model with one recurrent node as Scans and one of its outputs.
func scanModel(t testing.TB, c recurrentCase, output string) *Model {
	t.Helper()
	m := c.model(t)
	g := m.proto.Graph
	g.Input = []*onnxpb.ValueInfoProto{valueInfo("x", onnxpb.TensorProto_FLOAT, testSteps, 0, testInputs)}
	g.Output = []*onnxpb.ValueInfoProto{untyped(output)}
	mustSwap(t, m, SwapOptions{From: []string{"tanh"}, To: "isru:0.25"})
	if c.op != "RNN" {
		mustSwap(t, m, SwapOptions{From: []string{"sigmoid"}, To: "isru_sigmoid"})
	}
	return m
}

// What the engine's layers lack is named, and what they have gives the equations.
func TestScansOfAllCasesAreLoadedOrNamed(t *testing.T) {
	isru := func(x float64) float64 { return x / math.Sqrt(1+0.25*x*x) }
	sigmoid := func(x float64) float64 { return (1 + x/math.Sqrt(1+x*x)) / 2 }
	loaded := 0
	for _, c := range recurrentCases() {
		for i, output := range []string{"Y", "Y_h", "Y_c"} {
			want := ""
			switch {
			case output == "Y_c" && c.op != "LSTM":
				continue
			case c.direction == "reverse":
				want = "direction reverse"
			case c.op == "GRU" && !c.linear:
				want = "linear_before_reset 0"
			case c.initial:
				want = "initial state"
			case output == "Y_c":
				want = "last state of the cells"
			}
			m := scanModel(t, c, output)
			l, err := Load[float32](m, LoadOptions{Options: nn.Options{Batch: testBatch}})
			if want != "" {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "(Scan)") {
					t.Errorf("%v: %s: error %v does not say %q", c, output, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%v: %s: %v", c, output, err)
				continue
			}
			loaded++
			f := sigmoid
			if c.op == "RNN" {
				f = isru
			}
			in := recurrentInput().Floats
			y, yh, _ := recurrentReference(t, m, c, in, f, isru, isru)
			shape := []int{testSteps, c.directions(), testBatch, testHidden}
			got := predict(l, torchTensor{Shape: []int{testSteps, testBatch, testInputs}, Values: wide(in)}, shape[i:])
			if d := distance(got, [][]float64{y, yh}[i]); d > 1e-5 {
				t.Errorf("%v: %s differs by %.2g", c, output, d)
			}
			l.Close()
		}
	}
	if loaded < 10 {
		t.Errorf("%d cases are loaded", loaded)
	}
}

// bodyNode returns the n-th node of that operator in the first Scan's graph.
func bodyNode(m *Model, op string, n int) *onnxpb.NodeProto {
	for _, k := range m.proto.Graph.Node {
		if k.OpType != "Scan" {
			continue
		}
		for _, b := range attribute(k, "body").GetG().Node {
			if b.OpType == op {
				if n == 0 {
					return b
				}
				n--
			}
		}
		return nil
	}
	return nil
}

func TestOtherScansAreRefused(t *testing.T) {
	outer := func(m *Model, op string, n int) *onnxpb.NodeProto {
		for _, k := range m.proto.Graph.Node {
			if k.OpType == op {
				if n == 0 {
					return k
				}
				n--
			}
		}
		return nil
	}
	for name, c := range map[string]struct {
		op     string
		change func(t *testing.T, m *Model)
		want   string
	}{
		"product of the state": {"LSTM", func(t *testing.T, m *Model) { bodyNode(m, "MatMul", 0).OpType = "Add" }, "not the products"},
		"operator of the cell": {"LSTM", func(t *testing.T, m *Model) {
			body := attribute(outer(m, "Scan", 0), "body").G
			newGraph(body).producer[body.Output[0].Name].OpType = "Add"
		}, "has Mul"},
		"last operators":           {"GRU", func(t *testing.T, m *Model) { bodyNode(m, "Sub", 0).OpType = "Add" }, "\"layer/step/Sub\" (Add) is where a swapped GRU has Sub"},
		"operator of the products": {"LSTM", func(t *testing.T, m *Model) { outer(m, "Transpose", 0).OpType = "Identity" }, "(Scan)"},
		"order of operands":        {"GRU", func(t *testing.T, m *Model) { slices.Reverse(bodyNode(m, "Sub", 0).Input) }, "it reads"},
		"order of gates":           {"LSTM", func(t *testing.T, m *Model) { slices.Reverse(bodyNode(m, "Split", 0).Output) }, "other inputs or outputs"},
		"index":                    {"LSTM", func(t *testing.T, m *Model) { outer(m, "Gather", 0).Input[1] = outer(m, "Gather", 4).Input[1] }, "the constant"},
		"direction":                {"LSTM", func(t *testing.T, m *Model) { setInts(outer(m, "Scan", 0), "scan_input_directions", 0) }, "scan_input_directions"},
		"axis":                     {"LSTM", func(t *testing.T, m *Model) { setInts(outer(m, "Scan", 0), "scan_input_axes", 1) }, "attributes"},
		"functions of gates": {"LSTM", func(t *testing.T, m *Model) {
			mustSwap(t, m, SwapOptions{Nodes: []string{bodyNode(m, "Div", 0).Name, bodyNode(m, "Add", 3).Name}, To: "relu"})
		}, "different functions"},
		"alphas of units": {"RNN", func(t *testing.T, m *Model) {
			body := attribute(outer(m, "Scan", 0), "body").G
			for _, c := range body.Initializer {
				if x, err := m.floats(c); err == nil && x[0] == 0.25 {
					c.Dims, c.FloatData = []int64{testHidden}, nil
					if err := setFloats(c, []float32{1, 2, 3, 4}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}, "several alphas"},
		"weights in the step": {"RNN", func(t *testing.T, m *Model) {
			body := attribute(outer(m, "Scan", 0), "body").G
			body.Initializer = append(body.Initializer, floatTensor(bodyNode(m, "MatMul", 0).Input[1], []int64{testHidden, testHidden}, make([]float32, testHidden*testHidden)...))
		}, "the step computes"},
		"no function": {"RNN", func(t *testing.T, m *Model) { bodyNode(m, "Clip", 0).OpType = "Relu" }, ""},
		"state declared": {"RNN", func(t *testing.T, m *Model) {
			attribute(outer(m, "Scan", 0), "body").G.Input[0].Type = nil
		}, "not declared"},
		"read outside": {"LSTM", func(t *testing.T, m *Model) {
			g := m.proto.Graph
			g.Output = append(g.Output, untyped(outer(m, "MatMul", 0).Output[0]))
		}, "read outside"},
	} {
		t.Run(name, func(t *testing.T) {
			m := scanModel(t, recurrentCase{c.op, "forward", c.op == "GRU", true, false, 17}, "Y")
			l := loadModel(t, m, LoadOptions{})
			if l.Output().Name != "Y" {
				t.Fatal(l.Output())
			}
			c.change(t, m)
			_, err := Load[float32](m, LoadOptions{})
			if err == nil || !strings.Contains(err.Error(), `"layer" (Scan)`) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
}

func TestDirectionsOfOtherInputsAreRefused(t *testing.T) {
	m := scanModel(t, recurrentCase{"RNN", "bidirectional", false, true, false, 17}, "Y")
	g := m.proto.Graph
	other := proto.CloneOf(g.Initializer[0])
	other.Name = "other"
	g.Initializer = append(g.Initializer, other)
	readers := 0
	for _, n := range g.Node {
		if n.OpType == "Gather" && n.Input[0] == "W" {
			if readers++; readers == 2 {
				n.Input[0] = "other"
			}
		}
	}
	if _, err := Load[float32](m, LoadOptions{}); err == nil || !strings.Contains(err.Error(), `"layer" (Scan)`) {
		t.Errorf("error %v", err)
	}
}

// Store writes what Scans are trained to; where they have no biases it adds some.
func TestScansAreStored(t *testing.T) {
	r := maybeRuntime(t)
	stored := func(t *testing.T, m *Model, in torchTensor, out []int) {
		before := mustEncode(t, m)
		l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
		if err := l.Store(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(mustEncode(t, m), before) {
			t.Error("storing what was loaded changes the model")
		}
		was := predict(l, in, out)
		for range 2 { // once more, with what the first Store added
			trainSteps(t, l, in, 2)
			trained := predict(l, in, out)
			if d := distance(trained, wide(was)); d < 1e-4 {
				t.Fatalf("training changes the output by %.2g", d)
			}
			was = trained
			if err := l.Store(); err != nil {
				t.Fatal(err)
			}
			data := mustEncode(t, m)
			again, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			loaded := loadModel(t, again, LoadOptions{Options: nn.Options{Batch: 2, Inference: true}})
			if d := distance(predict(loaded, in, out), wide(trained)); d > 1e-6 {
				t.Errorf("loaded again, outputs differ by %.2g", d)
			}
			if r != nil {
				compareWithRuntime(t, r, loaded, data, in, 1e-5)
			}
		}
	}
	for _, tm := range torchModels(t) {
		if !isRecurrentModel(tm.Name) {
			continue
		}
		t.Run(tm.Name, func(t *testing.T) {
			m := tm.Model.Clone()
			mustSwap(t, m, SwapOptions{Nodes: []string{"*"}, To: "isru_sigmoid:1,0.5"})
			stored(t, m, tm.Input, tm.Output.Shape)
		})
	}
	for _, c := range recurrentCases() {
		if c.bias || c.direction == "reverse" || c.op == "GRU" && !c.linear {
			continue
		}
		for _, ir := range []int64{8, 3} {
			t.Run(fmt.Sprintf("%v/IR %d", c, ir), func(t *testing.T) {
				m := c.model(t)
				g := m.proto.Graph
				g.Input = []*onnxpb.ValueInfoProto{valueInfo("x", onnxpb.TensorProto_FLOAT, testSteps, 0, testInputs)}
				g.Output = []*onnxpb.ValueInfoProto{untyped("Y_h")}
				if m.proto.IrVersion = ir; ir < 4 {
					for _, t := range g.Initializer {
						g.Input = append(g.Input, valueInfo(t.Name, onnxpb.TensorProto_FLOAT, t.Dims...))
					}
				}
				mustSwap(t, m, SwapOptions{Nodes: []string{"*"}, To: "isru"})
				stored(t, m, torchTensor{Name: "x", Type: "float32", Shape: []int{testSteps, testBatch, testInputs}, Values: wide(recurrentInput().Floats)},
					[]int{c.directions(), testBatch, testHidden})
			})
		}
	}
}

func TestScansOfAllFunctionsAreLoaded(t *testing.T) {
	for _, spec := range []string{
		"isrlu:3", "isru:0.1", "isru_sigmoid", "isru_sigmoid:2,0.5", "silu", "gelu", "gelu_tanh", "softplus", "selu", "dyisru", "dyisru:2,0.5",
		"identity", "relu", "leaky_relu:0.3", "elu:0.5", "tanh", "sigmoid",
	} {
		for _, c := range []recurrentCase{
			{"LSTM", "bidirectional", false, true, false, 17}, {"GRU", "forward", true, false, false, 21}, {"RNN", "forward", false, true, false, 13},
		} {
			m := scanModel(t, c, "Y")
			mustSwap(t, m, SwapOptions{From: []string{"isru"}, To: spec})
			l, err := Load[float32](m, LoadOptions{Options: nn.Options{Batch: testBatch}})
			if slices.Contains([]string{"silu", "gelu", "gelu_tanh"}, spec) {
				if err == nil || !strings.Contains(err.Error(), "that of "+spec+" does not") {
					t.Errorf("%s in %v: error %v", spec, c, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s in %v: %v", spec, c, err)
				continue
			}
			want := canonical(t, spec)
			if spec == "dyisru" {
				want = "isru:1" // the same
			}
			functions := recurrentFunctionsOf(l.Model().Network())
			if got := functions[len(functions)-1]; got != want {
				t.Errorf("%s in %v is loaded as %s", spec, c, got)
			}
			l.Close()
		}
	}
}
