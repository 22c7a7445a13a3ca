package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// What decodes is walked over without a panic, and encodes to what decodes to the
// same.
func FuzzDecode(f *testing.F) {
	addModels(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		first, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m.Info()
		walk(m, newGraph(m.proto.Graph))
		for _, f := range m.proto.Functions {
			walk(m, newGraph(&onnxpb.GraphProto{Node: f.Node}))
		}
		names := newNamer(m.proto)
		if name := names.name("y"); name == names.name("y") {
			t.Errorf("the name %q is given twice", name)
		}
		for _, x := range m.tensors() {
			n, err := elements(x.Dims)
			if err != nil {
				t.Fatal(err)
			}
			if floats, err := m.floats(x); err == nil {
				if int64(len(floats)) != n {
					t.Fatalf("%d of %d elements", len(floats), n)
				}
				if err := setFloats(proto.CloneOf(x), floats); err != nil && dataType(x) != onnxpb.TensorProto_FLOAT16 {
					t.Fatal(err)
				}
			}
			if ints, err := m.ints(x); err == nil && int64(len(ints)) != n {
				t.Fatalf("%d of %d elements", len(ints), n)
			}
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if !proto.Equal(again.proto, m.proto) {
			t.Fatal("what was written is another model")
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("the bytes of the same model differ (%v)", err)
		}
	})
}

// walk calls what looks at a graph, and at those in it.
func walk(m *Model, g *graph) {
	m.activations(g)
	for _, n := range g.proto.Node {
		for _, value := range slices.Concat(n.Input, n.Output) {
			g.constant(value)
			g.onlyUser(value)
		}
		for _, sub := range subgraphs(n) {
			walk(m, newGraph(sub))
		}
	}
}

// A swap leaves a model that is read, and whose activations are those that it says.
func FuzzSwap(f *testing.F) {
	addModels(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []SwapOptions{{To: "isrlu:2"}, {To: "silu", Style: LocalFunction}} {
			m, err := Decode(data)
			if err != nil {
				return
			}
			before := m.Clone()
			if _, err := m.Swap(o); err != nil {
				if !proto.Equal(m.proto, before.proto) {
					t.Fatal("a swap that failed changed the model")
				}
				continue
			}
			swapped, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(swapped); err != nil {
				t.Fatalf("after a swap to %s: %v", o.To, err)
			}
		}
	})
}

// addModels adds small models of all kinds.
func addModels(f *testing.F) {
	for _, p := range sampleModels() {
		f.Add(protoBytes(f, p))
	}
	p := protoModel(protoNode("Relu", values("x"), values("y")))
	p.Graph.Initializer = []*onnxpb.TensorProto{externalTensor("w", float, []int64{2}, "location", "w.bin", "offset", "4", "length", "8")}
	f.Add(protoBytes(f, p))
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4096 { // large seeds make all that grows from them slow
			f.Add(data)
		}
	}
}
