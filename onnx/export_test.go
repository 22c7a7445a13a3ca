package onnx

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

func TestExportedLayersComputeWhatTheNetworkDoes(t *testing.T) {
	r := maybeRuntime(t)
	for name, n := range exportCases {
		for _, opset := range []int{oldestExport, usualExport, newestExport} {
			t.Run(fmt.Sprintf("%s/%d", name, opset), func(t *testing.T) {
				exportAndCompare[float32](t, r, n, ExportOptions{Opset: opset})
			})
		}
	}
}

func TestExportedOptionsComputeWhatTheNetworkDoes(t *testing.T) {
	r := maybeRuntime(t)
	for name, o := range map[string]ExportOptions{
		"nhwc":      {InputLayout: "nhwc"},
		"batch":     {Batch: 2},
		"softmax":   {Softmax: true},
		"normalize": {Mean: .3, Std: .4},
		"all":       {InputLayout: "nhwc", Batch: 2, Softmax: true, Mean: -1, Std: 2, Opset: 15},
	} {
		for _, c := range []string{"conv2d", "flatten_first", "flatten", "dense", "lstm", "lstm_last_scan", "attention", "nothing"} {
			n, ok := exportCases[c]
			if !ok {
				t.Fatalf("there is no case %q", c)
			}
			t.Run(name+"/"+c, func(t *testing.T) { exportAndCompare[float32](t, r, n, o) })
		}
	}
}

func TestExportsOfFloat64(t *testing.T) {
	r := maybeRuntime(t)
	n := exportCases["conv2d"]
	t.Run("rounded", func(t *testing.T) { exportAndCompare[float64](t, r, n, ExportOptions{}) })
	n = exportCases["dense"]
	t.Run("whole", func(t *testing.T) {
		m := exportAndCompare[float64](t, r, n, ExportOptions{Float64: true})
		for _, p := range m.proto.Graph.Initializer {
			if typeBits(dataType(p)) != 64 {
				t.Errorf("%s holds %s", p.Name, dataType(p))
			}
		}
	})
}

// TestEveryKindOfLayerIsExported fails if package nn has a kind of layer that no
// case above has.
func TestEveryKindOfLayerIsExported(t *testing.T) {
	_, err := nn.ReadNetwork(strings.NewReader(`{"input": [1], "layers": [{"type": "none"}]}`))
	if err == nil {
		t.Fatal("a layer of an unknown type was read")
	}
	_, list, ok := strings.Cut(err.Error(), "known: ")
	if !ok {
		t.Fatalf("the error lists no types: %v", err)
	}
	tested := map[string]bool{}
	for _, n := range exportCases {
		for _, l := range newExported[float32](t, n).Layers() {
			tested[l.Kind] = true
		}
	}
	for _, kind := range strings.Split(list, ", ") {
		if !tested[kind] {
			t.Errorf("no test exports a layer of the type %s", kind)
		}
	}
}

func TestExportKeepsNames(t *testing.T) {
	n := exportCases["residual"]
	n.Name, n.Activation = "small", "isrlu:2:learn-channel"
	m := newExported[float32](t, n)
	model, err := Export(m, ExportOptions{Metadata: map[string]string{"b": "2", "a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	g := model.proto.Graph
	have, nodes := map[string]bool{}, map[string]bool{}
	for _, p := range g.Initializer {
		have[p.Name] = true
	}
	for _, n := range g.Node {
		nodes[n.Name] = true
	}
	for _, p := range m.Parameters() {
		if !have[p.Name] {
			t.Errorf("no initializer has the name of the parameter %s", p.Name)
		}
	}
	for _, l := range m.Layers() {
		if !nodes[l.Name] {
			t.Errorf("no node has the name of the layer %s", l.Name)
		}
	}
	if g.Name != "small" || model.Opset() != usualExport {
		t.Errorf("graph %q, opset %d", g.Name, model.Opset())
	}
	var keys []string
	for _, p := range model.proto.MetadataProps {
		keys = append(keys, p.Key+p.Value)
	}
	if !reflect.DeepEqual(keys, []string{"a1", "b2"}) {
		t.Errorf("metadata %v", keys)
	}
}

func TestExportIsDeterministic(t *testing.T) {
	m := newExported[float32](t, exportCases["transformer_block"])
	var all [][]byte
	for range 2 {
		model, err := Export(m, ExportOptions{Metadata: map[string]string{"b": "2", "a": "1", "c": "3"}})
		if err != nil {
			t.Fatal(err)
		}
		data, err := model.Encode()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("two exports of a network differ")
	}
}

// TestExportedStyles: both styles that runtimes run compute the same, and the third
// has a node of its own with the function's parameters.
func TestExportedStyles(t *testing.T) {
	r := maybeRuntime(t)
	for _, spec := range functionSpecs() {
		for _, opset := range []int{oldestExport, usualExport, newestExport} {
			n := nn.Network{Input: nn.Shape{6}, Layers: nn.Sequential{nn.Dense{Units: 4}, nn.Activation{Function: spec}, nn.Dense{Units: 4}, nn.Activation{Function: spec}}}
			t.Run(fmt.Sprintf("%s/%d", spec, opset), func(t *testing.T) {
				exportAndCompare[float32](t, r, n, ExportOptions{Style: LocalFunction, Opset: opset})
			})
		}
	}
	n := nn.Network{Input: nn.Shape{6}, Layers: nn.Sequential{nn.Activation{Function: "isru_sigmoid:3,0.5"}}}
	for _, style := range []Style{LocalFunction, Custom} {
		m := exportAndCompare[float32](t, nil, n, ExportOptions{Style: style})
		node := m.proto.Graph.Node[0]
		if len(m.proto.Graph.Node) != 1 || node.Domain != ownDomain || floatAttribute(node, "alpha", 0) != 3 || floatAttribute(node, "scale", 0) != .5 {
			t.Errorf("%s: nodes %v", style, m.proto.Graph.Node)
		}
		if want := map[Style]int{LocalFunction: 1}[style]; len(m.proto.Functions) != want {
			t.Errorf("%s: %d functions", style, len(m.proto.Functions))
		}
	}
}

// TestActivationsOfExportsAreRecognized: what Export writes can be swapped and read
// again, with the same function and the same alphas of channels.
func TestActivationsOfExportsAreRecognized(t *testing.T) {
	for _, spec := range functionSpecs() {
		name, learn := nn.SplitLearn(spec)
		f := isrlu.Must(isrlu.Parse(name))
		if f.Name() == "identity" {
			continue // no node
		}
		for _, style := range []Style{Primitive, LocalFunction, Custom} {
			n := nn.Network{Input: nn.Shape{3, 3, 4}, Layers: nn.Sequential{nn.Activation{Function: spec}, nn.GlobalAvgPool{}}}
			m := newExported[float32](t, n)
			model, err := Export(m, ExportOptions{Style: style})
			if err != nil {
				t.Fatal(err)
			}
			list := model.activations(newGraph(model.proto.Graph))
			if learn == nn.PerChannel && !slices.Contains([]string{"isrlu", "isru", "leaky_relu"}, f.Name()) {
				continue // nothing of this module has these parameters by channel
			}
			if len(list) != 1 {
				t.Errorf("%s, %s: %d activations", spec, style, len(list))
				continue
			}
			if learn == nn.Fixed {
				if list[0].function != f.String() {
					t.Errorf("%s, %s: recognized as %q", spec, style, list[0].function)
				}
				continue
			}
			p := m.Parameters()[0]
			if learn == nn.PerLayer {
				params := f.Params()
				params[0] = float64(p.Value[0])
				got, err := isrlu.Parse(list[0].function)
				if err != nil || got.Name() != f.Name() || float32(got.Params()[0]) != p.Value[0] {
					t.Errorf("%s, %s: recognized as %q, want the parameters %v", spec, style, list[0].function, params)
				}
				continue
			}
			if f.Name() == "leaky_relu" {
				if list[0].kind != "prelu" {
					t.Errorf("%s: recognized as %q", spec, list[0].kind)
				}
				continue
			}
			alpha, err := model.floats(list[0].alpha)
			if err != nil || !slices.Equal(alpha, p.Value) {
				t.Errorf("%s, %s: alphas %v, want %v", spec, style, alpha, p.Value)
			}
		}
	}
}

// TestFlattenPermutesTheWeights: the order of features costs no node where a dense
// layer follows.
func TestFlattenPermutesTheWeights(t *testing.T) {
	for name, want := range map[string]int{"flatten_dense": 0, "conv2d": 0, "flatten_first": 0, "flatten_pixel": 0, "flatten": 1, "batch_norm_flat": 1, "flatten_channel": 1} {
		model, err := Export(newExported[float32](t, exportCases[name]), ExportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, n := range model.proto.Graph.Node {
			if n.OpType == "Transpose" {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d transpositions, want %d", name, got, want)
		}
	}
}

func TestExportRefusesOptions(t *testing.T) {
	m := newExported[float32](t, exportCases["embedding"])
	for want, o := range map[string]ExportOptions{
		"opset must be from 13":       {Opset: 12},
		"opset must be from 13 to 26": {Opset: 99},
		"batch must not be negative":  {Batch: -1},
		"nchw or nhwc":                {InputLayout: "chw"},
		"standard deviation":          {Std: -1},
		"the input is tokens":         {Std: 1},
		"unknown style":               {Style: 7},
	} {
		if _, err := Export(m, o); err == nil || !strings.HasPrefix(err.Error(), "onnx: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
}

func TestExportNamesTheLayerThatFails(t *testing.T) {
	n := nn.Network{Input: nn.Shape{4}, Layers: nn.Sequential{nn.Residual{Body: nn.Sequential{nn.Dense{Units: 4}}}}}
	m := newExported[float64](t, n)
	m.Parameters()[0].Value[0] = 1e300
	_, err := Export(m, ExportOptions{})
	if want := "onnx: layer 1.residual.body.1.dense: 1.residual.body.1.dense.weight holds 1e+300, which is beyond float32"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	if _, err := Export(m, ExportOptions{Float64: true}); err != nil {
		t.Error(err)
	}

	n.Layers = nn.Sequential{nn.Activation{Function: "isrlu:1:learn-channel"}}
	diverged := newExported[float32](t, n)
	diverged.Parameters()[0].Value[2] = float32(math.NaN())
	_, err = Export(diverged, ExportOptions{})
	if want := "onnx: layer 1.activation: alpha must be positive and finite, got NaN"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
