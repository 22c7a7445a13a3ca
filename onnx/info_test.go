package onnx

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

func TestInfoDescribesTheModel(t *testing.T) {
	g := textGraph(t, onnxpb.TensorProto_FLOAT, "s = Sigmoid(x)", "a = Mul(x, s)", "b = Elu[alpha=0.1](a)", "c = Elu[alpha=0.1](b)",
		"m = Max(c, -16384)", "n = Min(m, 0)", "an = Mul(n, c0.5)", "q = Mul(an, n)", "d = Add(q, 1)", "r = Sqrt(d)", "i = Div(m, r)",
		"u = QuantizeLinear(i, 0.1)", "y = DequantizeLinear(u, 0.1)")
	lstm := &onnxpb.NodeProto{Name: "lstm", OpType: "LSTM", Input: []string{"x", "x", "x"}, Output: []string{"z"}}
	branch := &onnxpb.GraphProto{Name: "then", Node: []*onnxpb.NodeProto{{Name: "inner", OpType: "Tanh", Input: []string{"x"}, Output: []string{"w"}}},
		Output: []*onnxpb.ValueInfoProto{textValue("w", onnxpb.TensorProto_FLOAT)}}
	g.Node = append(g.Node, lstm, &onnxpb.NodeProto{OpType: "If", Input: []string{"x"}, Output: []string{"v"},
		Attribute: []*onnxpb.AttributeProto{{Name: "then_branch", G: branch, Type: onnxpb.AttributeProto_GRAPH}}})
	g.Initializer = append(g.Initializer, intTensor("ints", []int64{2, 3}, 1, 2, 3, 4, 5, 6))
	g.Input = append(g.Input, textValue("ints", onnxpb.TensorProto_INT64))
	m := graphModel(t, 17, g)
	m.proto.ProducerName, m.proto.ProducerVersion = "tool", "1.2"
	m.proto.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: "license", Value: "none"}}
	info := m.Info()
	if info.Producer != "tool 1.2" || info.IRVersion != 8 || info.Nodes != 16 || info.Subgraphs != 1 {
		t.Errorf("%+v", info)
	}
	if want := []ValueInfo{{"x", "float32", []string{"n"}}}; !reflect.DeepEqual(info.Inputs, want) {
		t.Errorf("inputs %v, want %v", info.Inputs, want)
	}
	want := []ActivationInfo{
		{Kind: "silu", Function: "silu", Count: 1, Nodes: []string{"n1"}},
		{Kind: "elu", Function: "elu:0.1", Count: 2, Nodes: []string{"n2", "n3"}},
		{Kind: "isrlu", Function: "isrlu", Channels: 2, Count: 1, Nodes: []string{"n10"}},
		{Kind: "sigmoid", Function: "sigmoid", In: "LSTM", Count: 1, Nodes: []string{"lstm"}},
		{Kind: "tanh", Function: "tanh", In: "LSTM", Count: 2, Nodes: []string{"lstm"}},
		{Kind: "tanh", Function: "tanh", Count: 1, Nodes: []string{"inner"}},
	}
	if !reflect.DeepEqual(info.Activations, want) {
		t.Errorf("activations\n%+v, want\n%+v", info.Activations, want)
	}
	if want := (Count{"Mul", 3}); info.Operators[0] != want {
		t.Errorf("operators %v", info.Operators)
	}
	if want := []Count{{"DequantizeLinear", 1}, {"QuantizeLinear", 1}}; !slices.Equal(info.Quantization, want) {
		t.Errorf("quantization %v", info.Quantization)
	}
	// -16384, 0, two alphas, 1 and twice 0.1; six integers.
	if want := []ParameterInfo{{"int64", 1, 6, 48}, {"float32", 6, 7, 28}}; !slices.Equal(info.Parameters, want) {
		t.Errorf("parameters %v, want %v", info.Parameters, want)
	}
	if fmt.Sprint(info.Metadata) != "[{license none}]" || fmt.Sprint(info.Opsets) != "[{ai.onnx 17}]" {
		t.Errorf("%v %v", info.Metadata, info.Opsets)
	}
}

func TestActivationsOfPyTorchsModelsAreFound(t *testing.T) {
	want := map[string]string{
		"mlp_gelu": "gelu=gelu", "mlp_gelu_unfolded": "gelu=gelu", "mlp_gelu_tanh": "gelu_tanh=gelu_tanh", "mlp_elu": "elu=elu:1", "mlp_elu_alpha": "elu=elu:0.5",
		"mlp_half": "elu=elu:1", "mlp_hardsigmoid": "hard_sigmoid=", "mlp_hardswish": "hard_swish=", "mlp_hardswish_old": "hard_swish=", "mlp_silu": "silu=silu",
		"mlp_mish": "mish=", "mlp_relu": "relu=relu", "mlp_relu6": "relu6=", "mlp_selu": "selu=selu", "mlp_sigmoid": "sigmoid=sigmoid", "mlp_softplus": "softplus=softplus",
		"mlp_softsign": "softsign=", "mlp_tanh": "tanh=tanh", "mlp_prelu": "prelu=", "gru_all": "sigmoid=sigmoid in GRU",
	}
	for _, tm := range torchModels(t) {
		info := tm.Model.Info()
		if w, ok := want[tm.Name]; ok {
			if len(info.Activations) == 0 {
				t.Errorf("%s: none", tm.Name)
				continue
			}
			a := info.Activations[0]
			got := a.Kind + "=" + a.Function
			if a.In != "" {
				got += " in " + a.In
			}
			if got != w {
				t.Errorf("%s: %s, want %s", tm.Name, got, w)
			}
		}
		if len(info.Parameters) == 0 || len(info.Inputs) != 1 || len(info.Outputs) == 0 {
			t.Errorf("%s: %+v", tm.Name, info)
		}
	}
}
