package onnx

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// Each error names what is wrong by all of these texts.
func TestDamagedModelsAreNamed(t *testing.T) {
	relu := func() *onnxpb.NodeProto { return protoNode("Relu", values("x"), values("y")) }
	change := func(f func(p *onnxpb.ModelProto)) *onnxpb.ModelProto {
		p := protoModel(relu())
		f(p)
		return p
	}
	function := func(name string, nodes ...*onnxpb.NodeProto) *onnxpb.FunctionProto {
		return &onnxpb.FunctionProto{Name: name, Domain: "local", Input: values("X"), Output: values("Y"), Node: nodes}
	}
	local := func(op string) *onnxpb.NodeProto {
		n := protoNode(op, values("X"), values("Y"))
		n.Domain = "local"
		return n
	}
	branch := func(g *onnxpb.GraphProto) *onnxpb.ModelProto {
		return protoModel(protoNode("Custom", nil, values("y"), graphAttribute("body", g)))
	}
	with := func(attributes ...*onnxpb.AttributeProto) *onnxpb.ModelProto {
		return protoModel(protoNode("Custom", values("x"), values("y"), attributes...))
	}
	for name, c := range map[string]struct {
		p    *onnxpb.ModelProto
		want []string
	}{
		"no graph":  {change(func(p *onnxpb.ModelProto) { p.Graph = nil }), values("no graph")},
		"no opset":  {change(func(p *onnxpb.ModelProto) { p.OpsetImport = nil }), values("opset")},
		"old opset": {change(func(p *onnxpb.ModelProto) { p.OpsetImport[0].Version = 6 }), values("version 6", "7 or later")},
		"opset < 0": {change(func(p *onnxpb.ModelProto) { p.OpsetImport[0].Version = -1 }), values("version -1")},
		"two opsets": {change(func(p *onnxpb.ModelProto) {
			p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: "ai.onnx", Version: 13})
		}), values("versions 17 and 13")},
		"other domain": {change(func(p *onnxpb.ModelProto) { p.OpsetImport[0].Domain = "other" }),
			values("does not say which version")},
		"no outputs":         {change(func(p *onnxpb.ModelProto) { p.Graph.Output = nil }), values("no outputs")},
		"nameless output":    {change(func(p *onnxpb.ModelProto) { p.Graph.Output[0].Name = "" }), values("output", "no name")},
		"unknown output":     {change(func(p *onnxpb.ModelProto) { p.Graph.Output[0].Name = "z" }), values(`output "z"`)},
		"nameless input":     {change(func(p *onnxpb.ModelProto) { p.Graph.Input[0].Name = "" }), values("input", "no name")},
		"two inputs":         {change(func(p *onnxpb.ModelProto) { p.Graph.Input = append(p.Graph.Input, protoValue("x")) }), values(`"x"`)},
		"negative dimension": {change(func(p *onnxpb.ModelProto) { p.Graph.Input[0] = protoValue("x", 1, -1) }), values(`input "x"`, "-1")},
		"negative output":    {change(func(p *onnxpb.ModelProto) { p.Graph.Output[0] = protoValue("y", -5) }), values(`output "y"`, "-5")},

		"nameless initializer": {change(func(p *onnxpb.ModelProto) { p.Graph.Initializer = append(p.Graph.Initializer, floatTensor("", nil, 1)) }), values("initializer", "no name")},
		"two initializers": {change(func(p *onnxpb.ModelProto) {
			p.Graph.Initializer = append(p.Graph.Initializer, floatTensor("w", nil, 1), floatTensor("w", nil, 1))
		}), values(`"w"`)},
		"initializer and sparse one": {change(func(p *onnxpb.ModelProto) {
			p.Graph.Initializer = append(p.Graph.Initializer, floatTensor("w", nil, 1))
			p.Graph.SparseInitializer = append(p.Graph.SparseInitializer, sparseTensor("w"))
		}), values(`"w"`)},
		"initializer that a node writes": {change(func(p *onnxpb.ModelProto) {
			p.Graph.Initializer = append(p.Graph.Initializer, floatTensor("y", nil, 1))
		}), values("Relu of y", `"y"`)},
		"input that a node writes": {protoModel(relu(), protoNode("Abs", values("y"), values("x"))), values("Abs of x", `"x"`)},

		"cycle": {protoModel(protoNode("Add", values("x", "b"), values("a")), protoNode("Neg", values("a"), values("b")), protoNode("Abs", values("b"), values("y"))),
			values("cycle", "Add of a", "Neg of b")},
		"self loop": {protoModel(protoNode("Add", values("x", "y"), values("y"))), values("cycle", "Add of y")},
		"self loop through a graph": {protoModel(protoNode("If", values("x"), values("y"), graphAttribute("then_branch", protoGraph("s", protoNode("Neg", values("y"), values("s")))))),
			values("cycle", "If of y")},
		"two writers":           {protoModel(relu(), protoNode("Abs", values("x"), values("y"))), values("Relu of y", "Abs of y", `"y"`)},
		"one node writes twice": {protoModel(protoNode("Split", values("x"), values("y", "y"))), values("Split of y", `"y"`)},
		"unknown value":         {protoModel(protoNode("Add", values("x", "who"), values("y"))), values("Add of y", `"who"`)},
		"no operator":           {protoModel(protoNode("", values("x"), values("y"))), values(" of y", "no operator")},
		"no outputs of a node": {change(func(p *onnxpb.ModelProto) {
			p.Graph.Node = append(p.Graph.Node, &onnxpb.NodeProto{OpType: "Relu", Name: "idle", Input: values("x")})
		}), values(`"idle"`, "no outputs")},
		"unnamed node": {protoModel(&onnxpb.NodeProto{OpType: "Relu", Domain: "dom", Input: values("who"), Output: values("y")}), values("dom.Relu", `writes "y"`, `"who"`)},

		"nameless attribute": {with(&onnxpb.AttributeProto{Type: onnxpb.AttributeProto_INT, I: proto.Int64(1)}), values("Custom of y", "no name")},
		"two attributes":     {with(refAttribute("a", ""), refAttribute("a", "")), values("Custom of y", `"a"`)},
		"wrong type":         {with(&onnxpb.AttributeProto{Name: "a", Type: onnxpb.AttributeProto_INT, F: proto.Float32(1)}), values("Custom of y", `"a"`, "INT", "FLOAT")},
		"two values":         {with(&onnxpb.AttributeProto{Name: "a", I: proto.Int64(1), F: proto.Float32(1)}), values(`"a"`, "INT", "FLOAT")},
		"no tensor":          {with(&onnxpb.AttributeProto{Name: "a", Type: onnxpb.AttributeProto_TENSOR}), values(`"a"`, "TENSOR", "no value")},
		"no graph in it":     {with(&onnxpb.AttributeProto{Name: "a", Type: onnxpb.AttributeProto_GRAPH}), values(`"a"`, "GRAPH", "no value")},
		"bad tensor":         {with(tensorAttribute("a", floatTensor("", []int64{2}, 1))), values("Custom of y", `"a"`, "4 bytes")},
		"bad tensors": {with(&onnxpb.AttributeProto{Name: "a", Tensors: []*onnxpb.TensorProto{floatTensor("", nil, 1), floatTensor("", []int64{2}, 1)}}),
			values("Custom of y", `"a"`, "4 bytes")},
		"reference outside of a function": {with(refAttribute("a", "b")), values(`"a"`, `"b"`)},

		"graph reads an unknown value": {branch(protoGraph("s", protoNode("Neg", values("who"), values("s")))), values("Custom of y", `"sub"`, "Neg of s", `"who"`)},
		"graph without its output":     {branch(protoGraph("s")), values("Custom of y", `"sub"`, `"s"`)},
		"names of a graph outside": {protoModel(
			protoNode("Custom", nil, values("c"), graphAttribute("body", protoGraph("s", protoNode("Neg", values("x"), values("s"))))),
			protoNode("Add", values("c", "s"), values("y"))), values("Add of y", `"s"`)},
		"bad tensor in a graph": {branch(func() *onnxpb.GraphProto {
			g := protoGraph("s")
			g.Initializer = []*onnxpb.TensorProto{floatTensor("s", []int64{3}, 1)}
			return g
		}()), values("Custom of y", `"sub"`, `"s"`)},

		"sparse without indices": {change(func(p *onnxpb.ModelProto) {
			p.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{Values: floatTensor("s", []int64{1}, 1)}}
		}), values(`"s"`, "indices")},
		"sparse without values": {with(&onnxpb.AttributeProto{Name: "a", SparseTensor: &onnxpb.SparseTensorProto{}}), values(`"a"`, "values")},
		"nameless sparse":       {change(func(p *onnxpb.ModelProto) { p.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}} }), values("initializer", "no name")},
		"sparse of other shapes": {change(func(p *onnxpb.ModelProto) {
			s := sparseTensor("s")
			s.Indices = intTensor("", []int64{2, 2}, 1, 2, 3, 4)
			p.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{s}
		}), values(`"s"`, "[2 2]", "[10]")},
		"sparse with float indices": {change(func(p *onnxpb.ModelProto) {
			s := sparseTensor("s")
			s.Indices = floatTensor("", []int64{2}, 1, 2)
			p.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{s}
		}), values(`"s"`, "FLOAT", "INT64")},

		"nameless function":   {change(func(p *onnxpb.ModelProto) { p.Functions = []*onnxpb.FunctionProto{{}} }), values("function", "no name")},
		"function in ai.onnx": {change(func(p *onnxpb.ModelProto) { p.Functions = []*onnxpb.FunctionProto{{Name: "Relu", Domain: "ai.onnx"}} }), values(`"Relu"`, "domain")},
		"two functions": {change(func(p *onnxpb.ModelProto) {
			p.Functions = []*onnxpb.FunctionProto{function("F", relu2()), function("F", relu2())}
		}), values(`"F"`)},
		"function that calls itself": {change(func(p *onnxpb.ModelProto) { p.Functions = []*onnxpb.FunctionProto{function("F", local("F"))} }),
			values(`"F"`, "calls itself")},
		"functions that call each other": {change(func(p *onnxpb.ModelProto) {
			p.Functions = []*onnxpb.FunctionProto{function("F", local("G")), function("G", local("F"))}
		}), values(`"F"`, "calls itself")},
		"function that calls itself in a graph": {change(func(p *onnxpb.ModelProto) {
			p.Functions = []*onnxpb.FunctionProto{function("F", protoNode("If", values("X"), values("Y"), graphAttribute("then_branch", protoGraph("Y", local("F")))))}
		}), values(`"F"`)},
		"function reads an outer value": {change(func(p *onnxpb.ModelProto) {
			p.Functions = []*onnxpb.FunctionProto{function("F", protoNode("Neg", values("x"), values("Y")))}
		}), values(`"F"`, "Neg of Y", `"x"`)},
		"function without its output": {change(func(p *onnxpb.ModelProto) { p.Functions = []*onnxpb.FunctionProto{function("F")} }), values(`"F"`, `"Y"`)},
		"function of an old opset": {change(func(p *onnxpb.ModelProto) {
			f := function("F", relu2())
			f.OpsetImport = []*onnxpb.OperatorSetIdProto{{Version: 1}}
			p.Functions = []*onnxpb.FunctionProto{f}
		}), values(`"F"`, "version 1 ")},
		"function with an unknown attribute": {change(func(p *onnxpb.ModelProto) {
			p.Functions = []*onnxpb.FunctionProto{function("F", protoNode("Elu", values("X"), values("Y"), refAttribute("alpha", "slope")))}
		}), values(`"F"`, "Elu of Y", `"alpha"`, `"slope"`)},
		"function with two attributes": {change(func(p *onnxpb.ModelProto) {
			f := function("F", relu2())
			f.Attribute = values("a", "a")
			p.Functions = []*onnxpb.FunctionProto{f}
		}), values(`"F"`, `"a"`)},
		"function with a bad default": {change(func(p *onnxpb.ModelProto) {
			f := function("F", relu2())
			f.AttributeProto = []*onnxpb.AttributeProto{tensorAttribute("a", floatTensor("", []int64{2}, 1))}
			p.Functions = []*onnxpb.FunctionProto{f}
		}), values(`"F"`, `"a"`, "4 bytes")},
		"bad training": {change(func(p *onnxpb.ModelProto) {
			g := protoGraph("s")
			g.Initializer = []*onnxpb.TensorProto{floatTensor("s", []int64{3}, 1)}
			p.TrainingInfo = []*onnxpb.TrainingInfoProto{{Algorithm: g}}
		}), values(`"sub"`, "training", `"s"`)},
	} {
		_, err := Decode(protoBytes(t, c.p))
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, text := range append(c.want, "onnx: ") {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
	}
}

func relu2() *onnxpb.NodeProto { return protoNode("Relu", values("X"), values("Y")) }

func TestUnusualModelsAreValid(t *testing.T) {
	initialized := protoModel(protoNode("Add", values("x", "b"), values("y")))
	initialized.Graph.Input = append(initialized.Graph.Input, protoValue("b", 1))
	initialized.Graph.Initializer = []*onnxpb.TensorProto{floatTensor("b", []int64{1}, 1)}
	shadow := protoModel(
		protoNode("Abs", values("x"), values("a")),
		protoNode("Custom", nil, values("y"), graphAttribute("body", protoGraph("x", protoNode("Neg", values("a"), values("x"))))),
	)
	passing := protoModel()
	passing.Graph.Output[0].Name = "x"
	pruned := protoModel(protoNode("LSTM", values("x", "", "x"), values("", "y")))
	untyped := protoModel(protoNode("Elu", values("x"), values("y"), &onnxpb.AttributeProto{Name: "alpha", F: proto.Float32(1)}))
	for name, p := range map[string]*onnxpb.ModelProto{
		"an input with a default": initialized, "a graph that shadows a value": shadow, "no nodes": passing,
		"inputs and outputs left out": pruned, "an attribute without a type": untyped,
	} {
		if _, err := Decode(protoBytes(t, p)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each change makes a valid tensor of 3 elements invalid.
func TestTensorsOfOtherSizesAreNamed(t *testing.T) {
	for kind := range onnxpb.TensorProto_DataType_name {
		for _, typed := range []bool{false, true} {
			good := tensorOf(onnxpb.TensorProto_DataType(kind), typed)
			if good == nil {
				continue
			}
			for name, damage := range map[string]func(x *onnxpb.TensorProto){
				"too short": func(x *onnxpb.TensorProto) { x.Dims = []int64{100} },
				"too long": func(x *onnxpb.TensorProto) {
					x.Dims = nil
					if typeBits(dataType(x)) == 2 { // a byte holds one element too
						x.Dims = []int64{0}
					}
				},
				"empty":         func(x *onnxpb.TensorProto) { x.Dims = []int64{0, 3} },
				"negative":      func(x *onnxpb.TensorProto) { x.Dims = []int64{-3} },
				"both negative": func(x *onnxpb.TensorProto) { x.Dims = []int64{-3, -1} },
				"overflow":      func(x *onnxpb.TensorProto) { x.Dims = []int64{1 << 32, 1 << 32} },
				"wraps to 3":    func(x *onnxpb.TensorProto) { x.Dims = []int64{3, math.MaxInt64/3 + 1, 2, 2} },
				"unknown type":  func(x *onnxpb.TensorProto) { x.DataType = 99 },
				"no type":       func(x *onnxpb.TensorProto) { x.DataType = 0 },
				"type below 0":  func(x *onnxpb.TensorProto) { x.DataType = -1 },
				"segment":       func(x *onnxpb.TensorProto) { x.Segment = &onnxpb.TensorProto_Segment{End: 3} },
				"location":      func(x *onnxpb.TensorProto) { x.DataLocation = 2 },
				"two fields": func(x *onnxpb.TensorProto) {
					x.RawData = []byte{1, 2, 3}
					x.FloatData = append(x.FloatData, 1)
				},
				"second field": func(x *onnxpb.TensorProto) {
					x.FloatData = append(x.FloatData, 1)
					x.Int32Data = append(x.Int32Data, 1)
				},
				"no data": func(x *onnxpb.TensorProto) { *x = onnxpb.TensorProto{Name: x.Name, Dims: x.Dims, DataType: x.DataType} },
			} {
				p := protoModel(protoNode("Relu", values("x"), values("y")))
				bad := proto.CloneOf(good)
				damage(bad)
				p.Graph.Initializer = []*onnxpb.TensorProto{bad}
				if _, err := Decode(protoBytes(t, p)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", good.Name)) {
					t.Errorf("%s, %s: %v", good.Name, name, err)
				}
			}
		}
	}
}

// A file decides on the lengths of chains, lists and names, and must not make a
// small one take long.
func TestLongModelsTakeLinearTime(t *testing.T) {
	const n = 20000
	chain := make([]*onnxpb.NodeProto, n)
	for i := range chain {
		chain[n-1-i] = protoNode("Identity", values(fmt.Sprint("v", i)), values(fmt.Sprint("v", i+1)))
	}
	chain[n-1].Input[0] = "c"
	backwards := protoModel(append(chain, protoNode("Add", values("x", fmt.Sprint("v", n)), values("y")))...)
	backwards.Graph.Initializer = []*onnxpb.TensorProto{floatTensor("c", nil, 1)}

	many := protoNode("Custom", values("x"), values("y"))
	for i := range n {
		many.Attribute = append(many.Attribute, &onnxpb.AttributeProto{Name: fmt.Sprint("a", i), Type: onnxpb.AttributeProto_INT})
	}

	nested := protoGraph("x")
	for range 25 {
		for i := range 200 {
			nested.Node = append(nested.Node, protoNode("Neg", values("x"), values(fmt.Sprint("w", i))))
		}
		nested = protoGraph("s", protoNode("Custom", nil, values("s"), graphAttribute("body", nested)))
	}
	start := time.Now()
	m := decodeProto(t, backwards)
	g := newGraph(m.proto.Graph)
	for i := range n {
		if c := g.constant(fmt.Sprint("v", i+1)); c == nil || c.Name != "c" {
			t.Fatalf("v%d is the constant %v", i+1, c)
		}
	}
	names := newNamer(m.proto)
	for range n {
		names.name("c")
	}
	if got, want := names.name("c"), fmt.Sprint("c_", n+2); got != want {
		t.Errorf("the name after %d others is %s, want %s", n, got, want)
	}
	decodeProto(t, protoModel(many))
	decodeProto(t, protoModel(protoNode("Custom", values("x"), values("y"), graphAttribute("body", nested))))
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNodesOutOfOrderAreSortedStably(t *testing.T) {
	order := func(p *onnxpb.ModelProto) string {
		var list []string
		for _, n := range decodeProto(t, p).proto.Graph.Node {
			list = append(list, n.Output[0])
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct{ nodes, want string }{
		{"a:x b:x c:b y:a,c", "a b c y"},
		{"b:x a:x c:b y:a,c", "b a c y"},
		{"y:a,c c:b b:x a:x", "a b c y"},
		{"a:x y:c c:b b:x d:x e:d", "a b c y d e"},
	} {
		var nodes []*onnxpb.NodeProto
		for node := range strings.FieldsSeq(c.nodes) {
			out, in, _ := strings.Cut(node, ":")
			nodes = append(nodes, protoNode("Sum", strings.Split(in, ","), values(out)))
		}
		if got := order(protoModel(nodes...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.nodes, got, c.want)
		}
	}
	inner := protoModel(
		protoNode("Custom", nil, values("y"), graphAttribute("body", protoGraph("s", protoNode("Neg", values("t"), values("s")), protoNode("Neg", values("late"), values("t"))))),
		protoNode("Abs", values("x"), values("late")),
	)
	if got := order(inner); got != "late y" {
		t.Errorf("what a graph reads: %s", got)
	}
}

// chainOfFunctions returns a model of n functions, each calling the next.
func chainOfFunctions(n int, backwards bool) *onnxpb.ModelProto {
	p := protoModel(protoNode("Relu", values("x"), values("y")))
	for i := range n {
		call := relu2()
		if i+1 < n {
			call = protoNode(fmt.Sprint("F", i+1), values("X"), values("Y"))
			call.Domain = "local"
		}
		f := &onnxpb.FunctionProto{Name: fmt.Sprint("F", i), Domain: "local", Input: values("X"), Output: values("Y"), Node: []*onnxpb.NodeProto{call}}
		if backwards {
			p.Functions = append([]*onnxpb.FunctionProto{f}, p.Functions...)
		} else {
			p.Functions = append(p.Functions, f)
		}
	}
	return p
}

func TestLongChainsOfCallsAreRefusedInAnyOrder(t *testing.T) {
	for _, backwards := range []bool{false, true} {
		if _, err := Decode(protoBytes(t, chainOfFunctions(maxCalls, backwards))); err != nil {
			t.Errorf("%d functions: %v", maxCalls, err)
		}
		for _, n := range []int{maxCalls + 1, 3000} {
			if _, err := Decode(protoBytes(t, chainOfFunctions(n, backwards))); err == nil || !strings.Contains(err.Error(), "deep") {
				t.Errorf("%d functions, backwards %v: %v", n, backwards, err)
			}
		}
	}
}
