package ort

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

func TestStartTellsWhatIsMissing(t *testing.T) {
	t.Setenv(Variable, "")
	if _, err := Start(""); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("no folder: %v", err)
	}
	dir := t.TempDir()
	if _, err := Start(dir); err == nil || !strings.Contains(err.Error(), "npm install onnxruntime-node") {
		t.Errorf("empty folder: %v", err)
	}
	t.Setenv("PATH", dir)
	if _, err := Start(packageFolder(t)); err == nil || !strings.Contains(err.Error(), "node is not there; install Node.js") {
		t.Errorf("no node: %v", err)
	}
}

// packageFolder returns a folder that has a package by that name.
func packageFolder(t *testing.T) string {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "node_modules", "onnxruntime-node"), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDeadProcessesAreErrors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the false node is a shell script")
	}
	dir := packageFolder(t)
	for name, c := range map[string]struct{ node, want string }{
		"ends at once":            {"echo no such library >&2; exit 1", "no such library"},
		"says no JSON":            {"echo hello; exec sleep 60", "hello"},
		"closes its output":       {"exec >&-; exec sleep 60", "node ended"},
		"ends after a beginning":  {"echo '{}'", "node ended"},
		"stays, but says no more": {`echo '{}'; read line; exec >&-; exec sleep 60`, "node ended"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\n"+c.node+"\n"), 0o777); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			start := time.Now()
			r, err := Start(dir)
			if err == nil {
				for range 2 {
					if _, err = r.Open(make([]byte, 1000), 1); err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("Open: %v", err)
					}
				}
				r.Close()
				r.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(start); took > patience {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func start(t *testing.T) *Runtime {
	if os.Getenv(Variable) == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", Variable)
	}
	r, err := Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestErrorsOfTheRuntimeComeBack(t *testing.T) {
	r := start(t)
	for _, model := range []string{"no model", "", strings.Repeat("no model", 100_000)} {
		if _, err := r.Open([]byte(model), 1); err == nil || !strings.HasPrefix(err.Error(), "ONNX Runtime: ") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := r.OpenFile(filepath.Join(t.TempDir(), "no.onnx"), 1); err == nil || !strings.HasPrefix(err.Error(), "ONNX Runtime: ") {
		t.Errorf("error %v", err)
	}
}

// model returns one of a single node.
func model(t *testing.T, elem onnxpb.TensorProto_DataType, op string, inputs ...string) []byte {
	value := func(name string) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: int32(elem)}}}}
	}
	g := &onnxpb.GraphProto{
		Name:   "g",
		Node:   []*onnxpb.NodeProto{{OpType: op, Input: inputs, Output: []string{"y"}}},
		Output: []*onnxpb.ValueInfoProto{value("y")},
	}
	for _, name := range inputs {
		g.Input = append(g.Input, value(name))
	}
	if op == "Constant" {
		g.Node[0].Attribute = []*onnxpb.AttributeProto{{Name: "value_float", Type: onnxpb.AttributeProto_FLOAT, F: proto.Float32(3)}}
	}
	b, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: 8, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 17}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRunsGoOnAfterAnError(t *testing.T) {
	r := start(t)
	s, err := r.Open(model(t, onnxpb.TensorProto_FLOAT, "Add", "a", "b"), 1)
	if err != nil {
		t.Fatal(err)
	}
	good := func(name string) Tensor {
		return Tensor{Name: name, Type: "float32", Dims: []int64{2}, Floats: []float32{1, 2}}
	}
	for name, bad := range map[string]Tensor{
		"other shape":  {Name: "a", Type: "float32", Dims: []int64{3}, Floats: []float32{1, 2}},
		"other type":   {Name: "a", Type: "int64", Dims: []int64{1}, Ints: []int64{1}},
		"other name":   {Name: "c", Type: "float32", Dims: []int64{1}, Floats: []float32{1}},
		"unknown type": {Name: "a", Type: "float8"},
	} {
		if _, err := s.Run(bad, good("b")); err == nil {
			t.Errorf("%s: no error", name)
		}
		out, err := s.Run(good("a"), good("b"))
		if err != nil || !slices.Equal(out[0].Floats, []float32{2, 4}) {
			t.Fatalf("after %s: %v, %v", name, out, err)
		}
	}
	if _, _, err := s.Time(0, good("a"), good("b")); err == nil {
		t.Error("no runs are timed")
	}
	scalar := Tensor{Type: "float32", Floats: []float32{1}}
	a, b := scalar, scalar
	a.Name, b.Name = "a", "b"
	if out, err := s.Run(a, b); err != nil || len(out[0].Dims) != 0 || !slices.Equal(out[0].Floats, []float32{2}) {
		t.Errorf("scalars: %v, %v", out, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Close again: %v", err)
	}
	if _, err := s.Run(good("a"), good("b")); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Run after Close: %v", err)
	}
	s, err = r.Open(model(t, onnxpb.TensorProto_FLOAT, "Constant"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.Run(); err != nil || !slices.Equal(out[0].Floats, []float32{3}) {
		t.Errorf("no inputs: %v, %v", out, err)
	}
}

func TestTypesGoThereAndBack(t *testing.T) {
	r := start(t)
	for name, elem := range map[string]onnxpb.TensorProto_DataType{
		"float32": onnxpb.TensorProto_FLOAT, "float64": onnxpb.TensorProto_DOUBLE, "int64": onnxpb.TensorProto_INT64,
		"int32": onnxpb.TensorProto_INT32, "uint8": onnxpb.TensorProto_UINT8, "int8": onnxpb.TensorProto_INT8, "bool": onnxpb.TensorProto_BOOL,
	} {
		s, err := r.Open(model(t, elem, "Identity", "x"), 1)
		if err != nil {
			t.Fatal(err)
		}
		x := Tensor{Name: "x", Type: name, Dims: []int64{2, 2}}
		switch {
		case strings.HasPrefix(name, "float"):
			x.Floats = []float32{1.5, -2, 0, 1e10}
		case name == "bool" || name == "uint8":
			x.Ints = []int64{0, 1, 1, 0}
		default:
			x.Ints = []int64{1, -2, 0, 100}
		}
		out, err := s.Run(x)
		if err != nil || out[0].Type != name || !slices.Equal(out[0].Dims, x.Dims) || !slices.Equal(out[0].Floats, x.Floats) || !slices.Equal(out[0].Ints, x.Ints) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
}

func TestKilledRuntimesAreErrors(t *testing.T) {
	r := start(t)
	s, err := r.Open(model(t, onnxpb.TensorProto_FLOAT, "Relu", "x"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	x := Tensor{Name: "x", Type: "float32", Dims: []int64{1 << 20}, Floats: make([]float32, 1<<20)}
	for range 2 {
		if _, err := s.Run(x); err == nil || !strings.Contains(err.Error(), "node ended") {
			t.Errorf("Run: %v", err)
		}
	}
	r.Close()
	r.Close()
	if _, err := s.Run(x); err == nil {
		t.Error("it runs after Close")
	}
}

func TestClosedRuntimesAreErrors(t *testing.T) {
	r := start(t)
	r.Close()
	r.Close()
	if _, err := r.Open(nil, 1); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("error %v", err)
	}
}
