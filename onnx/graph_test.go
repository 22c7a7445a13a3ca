package onnx

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

func TestConstantsAreFound(t *testing.T) {
	p := protoModel(
		protoNode("Constant", nil, values("value"), tensorAttribute("value", floatTensor("", nil, 1))),
		protoNode("Constant", nil, values("float"), &onnxpb.AttributeProto{Name: "value_float", F: proto.Float32(2)}),
		protoNode("Constant", nil, values("floats"), &onnxpb.AttributeProto{Name: "value_floats", Floats: []float32{3, 3}}),
		protoNode("Constant", nil, values("int"), &onnxpb.AttributeProto{Name: "value_int", I: proto.Int64(4)}),
		protoNode("Constant", nil, values("ints"), &onnxpb.AttributeProto{Name: "value_ints", Ints: []int64{5}}),
		protoNode("Constant", nil, values("string"), &onnxpb.AttributeProto{Name: "value_string", S: []byte("6")}),
		protoNode("Identity", values("w"), values("w2")),
		protoNode("Identity", values("w2"), values("w3")),
		protoNode("Identity", values("float"), values("float2")),
		protoNode("Identity", values("w"), values("")),
		protoNode("Relu", values("x"), values("y")),
		protoNode("Identity", values("y"), values("y2")),
	)
	p.Graph.Initializer = []*onnxpb.TensorProto{floatTensor("w", nil, 7)}
	g := newGraph(decodeProto(t, p).proto.Graph)
	var m Model
	for value, want := range map[string]float32{"value": 1, "float": 2, "float2": 2, "floats": 3, "int": 4, "ints": 5, "w": 7, "w2": 7, "w3": 7} {
		c := g.constant(value)
		if c == nil {
			t.Errorf("%s is no constant", value)
			continue
		}
		if err := m.checkTensor(c); err != nil {
			t.Errorf("%s: %v", value, err)
		}
		got, err := m.floats(c)
		if err != nil {
			var whole []int64
			whole, err = m.ints(c)
			got = []float32{float32(whole[0])}
		}
		if err != nil || got[0] != want {
			t.Errorf("%s is %v, %v", value, got, err)
		}
	}
	for _, value := range values("x", "y", "y2", "string", "", "nothing") {
		if c := g.constant(value); c != nil {
			t.Errorf("%q is the constant %v", value, c)
		}
	}
	// What the caller of a function gives is no constant.
	f := sampleModels()["functions"].Functions[1]
	if c := newGraph(&onnxpb.GraphProto{Node: f.Node}).constant("k"); c != nil {
		t.Errorf("k is the constant %v", c)
	}
}

func TestUsersAreCounted(t *testing.T) {
	shadow := protoGraph("s", protoNode("Neg", values("a"), values("b")), protoNode("Neg", values("b"), values("s")))
	p := protoModel(
		protoNode("Abs", values("x"), values("a")),
		protoNode("Neg", values("a"), values("b")),
		protoNode("Neg", values("b"), values("c")),
		protoNode("Mul", values("c", "c"), values("d")),
		protoNode("Custom", values("d"), values("y"), graphAttribute("body", shadow)),
		protoNode("Neg", values("y"), values("z")),
	)
	g := newGraph(decodeProto(t, p).proto.Graph)
	for value, want := range map[string]string{
		"x": "Abs of a",
		"a": "",         // read by b and inside of the graph
		"b": "Neg of c", // the graph has a b of its own
		"c": "",         // read twice
		"d": "Custom of y",
		"y": "", // an output of the graph
		"z": "",
	} {
		if got := g.onlyUser(value).GetName(); got != want {
			t.Errorf("the only user of %s is %q, want %q", value, got, want)
		}
	}
}

func TestNewNamesAreNew(t *testing.T) {
	p := sampleModels()["branches"]
	p.TrainingInfo = sampleModels()["training"].TrainingInfo
	p.Graph.Initializer = []*onnxpb.TensorProto{floatTensor("w", nil, 1), floatTensor("w_2", nil, 1)}
	p.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{sparseTensor("sparse")}
	p.Graph.ValueInfo = []*onnxpb.ValueInfoProto{protoValue("info")}
	names := newNamer(decodeProto(t, p).proto)
	for _, c := range [][2]string{
		{"new", "new"}, {"new", "new_2"}, {"new", "new_3"}, {"w", "w_3"}, {"w_3", "w_3_2"}, {"w", "w_4"},
		{"x", "x_2"}, {"y", "y_2"}, {"a", "a_2"}, {"u", "u_2"}, {"sparse", "sparse_2"}, {"info", "info_2"},
		{"loss", "loss_2"}, {"w0", "w0_2"}, {"If of y", "If of y_2"}, {"Sigmoid of u", "Sigmoid of u_2"},
	} {
		if got := names.name(c[0]); got != c[1] {
			t.Errorf("a name for %s is %s, want %s", c[0], got, c[1])
		}
	}
}
