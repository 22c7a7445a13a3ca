package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// entries returns keys and values of external data.
func entries(list ...string) []*onnxpb.StringStringEntryProto {
	var e []*onnxpb.StringStringEntryProto
	for i := 0; i < len(list); i += 2 {
		e = append(e, &onnxpb.StringStringEntryProto{Key: list[i], Value: list[i+1]})
	}
	return e
}

func externalTensor(name string, kind onnxpb.TensorProto_DataType, dims []int64, list ...string) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: name, DataType: int32(kind), Dims: dims, DataLocation: onnxpb.TensorProto_EXTERNAL, ExternalData: entries(list...)}
}

const float = onnxpb.TensorProto_FLOAT

// writeFiles makes a folder with a file of data, numbers of float32 from 0 on, and
// a model of the tensors.
func writeFiles(t *testing.T, numbers int, tensors ...*onnxpb.TensorProto) (path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var data []byte
	for i := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
	}
	p := protoModel(protoNode("Relu", values("x"), values("y")))
	p.Graph.Initializer = tensors
	path = filepath.Join(dir, "m.onnx")
	for name, b := range map[string][]byte{path: protoBytes(t, p), filepath.Join(dir, "w.bin"): data} {
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestExternalDataAreRead(t *testing.T) {
	path := writeFiles(t, 100,
		externalTensor("all", float, []int64{100}, "location", "w.bin"),
		externalTensor("part", float, []int64{2, 3}, "location", "w.bin", "offset", "40", "length", "24", "checksum", "abc"),
		externalTensor("last", float, nil, "location", "./w.bin", "offset", "396"),
		externalTensor("none", float, []int64{0}, "location", "w.bin", "offset", "400", "length", "0"),
		externalTensor("bits", onnxpb.TensorProto_INT32, []int64{2}, "location", "w.bin", "offset", "0"),
	)
	m, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	// A model that is read by a relative path keeps its data if the process goes
	// elsewhere.
	t.Chdir(filepath.Dir(path))
	relative, err := Read("m.onnx")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("..")
	for _, m := range []*Model{m, relative, m.Clone()} {
		g := newGraph(m.proto.Graph)
		for name, want := range map[string][]float32{"part": {10, 11, 12, 13, 14, 15}, "last": {99}, "none": {}} {
			if got, err := m.floats(g.tensor[name]); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		if got, err := m.floats(g.tensor["all"]); err != nil || len(got) != 100 || got[57] != 57 {
			t.Errorf("all: %v, %v", got, err)
		}
		if got, err := m.ints(g.tensor["bits"]); err != nil || !slices.Equal(got, []int64{0, 0x3f800000}) {
			t.Errorf("bits: %v, %v", got, err)
		}
	}
	if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), `"all"`) {
		t.Errorf("Encode: %v", err)
	}
	data, _ := os.ReadFile(path)
	if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), `"all"`) || !strings.Contains(err.Error(), "w.bin") {
		t.Errorf("Decode: %v", err)
	}
}

func TestDamagedExternalDataAreNamed(t *testing.T) {
	dims := []int64{10}
	outside, err := filepath.Abs(filepath.Join(t.TempDir(), "other.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outside, make([]byte, 40), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tensor *onnxpb.TensorProto
		want   string
	}{
		"above":              {externalTensor("w", float, dims, "location", "../x"), "outside"},
		"above by a detour":  {externalTensor("w", float, dims, "location", "sub/../../x"), "outside"},
		"absolute":           {externalTensor("w", float, dims, "location", outside), "outside"},
		"root":               {externalTensor("w", float, dims, "location", "/"), "outside"},
		"link out":           {externalTensor("w", float, dims, "location", "link"), "copy the file"},
		"folder link out":    {externalTensor("w", float, dims, "location", "linkdir/other.bin"), "copy the file"},
		"drive":              {externalTensor("w", float, dims, "location", `C:\w.bin`), "w.bin"},
		"above on Windows":   {externalTensor("w", float, dims, "location", `..\w.bin`), "w.bin"},
		"share":              {externalTensor("w", float, dims, "location", `\\host\share\w.bin`), "w.bin"},
		"device":             {externalTensor("w", float, dims, "location", "NUL"), "NUL"},
		"missing":            {externalTensor("w", float, dims, "location", "no.bin"), "no.bin"},
		"folder":             {externalTensor("w", float, dims, "location", "sub"), "not a regular file"},
		"the folder itself":  {externalTensor("w", float, dims, "location", "."), "not a regular file"},
		"zero byte":          {externalTensor("w", float, dims, "location", "w\x00.bin"), "external data"},
		"no location":        {externalTensor("w", float, dims, "offset", "0"), "no location"},
		"empty location":     {externalTensor("w", float, dims, "location", ""), "no location"},
		"two locations":      {externalTensor("w", float, dims, "location", "w.bin", "location", "w.bin"), "two entries"},
		"beyond the end":     {externalTensor("w", float, dims, "location", "w.bin", "offset", "364"), "which has 400"},
		"far beyond":         {externalTensor("w", float, dims, "location", "w.bin", "offset", fmt.Sprint(int64(math.MaxInt64))), "which has 400"},
		"too large":          {externalTensor("w", float, []int64{1 << 39}, "location", "w.bin"), "which has 400"},
		"overflow":           {externalTensor("w", float, dims, "location", "w.bin", "offset", "18446744073709551616"), "not a number of bytes"},
		"negative offset":    {externalTensor("w", float, dims, "location", "w.bin", "offset", "-4"), "not a number of bytes"},
		"negative length":    {externalTensor("w", float, dims, "location", "w.bin", "length", "-40"), "not a number of bytes"},
		"no number":          {externalTensor("w", float, dims, "location", "w.bin", "offset", "0x10"), "not a number of bytes"},
		"other length":       {externalTensor("w", float, dims, "location", "w.bin", "length", "44"), "takes 40"},
		"strings":            {externalTensor("w", onnxpb.TensorProto_STRING, dims, "location", "w.bin"), "strings"},
		"data in the model":  {&onnxpb.TensorProto{Name: "w", Dims: []int64{1}, DataType: 1, FloatData: []float32{1}, DataLocation: 1, ExternalData: entries("location", "w.bin")}, "both"},
		"bytes in the model": {&onnxpb.TensorProto{Name: "w", Dims: []int64{1}, DataType: 1, RawData: make([]byte, 4), DataLocation: 1, ExternalData: entries("location", "w.bin")}, "both"},
	} {
		path := writeFiles(t, 100, c.tensor)
		dir := filepath.Dir(path)
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, "link") {
			to := map[string]string{"link": outside, "linkdir": filepath.Dir(outside)}
			link, _, _ := strings.Cut(c.tensor.ExternalData[0].Value, "/")
			if err := os.Symlink(to[link], filepath.Join(dir, link)); err != nil {
				t.Logf("%s: no links here: %v", name, err)
				continue
			}
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"w"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLinksInTheFolderAreFollowed(t *testing.T) {
	path := writeFiles(t, 100, externalTensor("w", float, []int64{100}, "location", "link"))
	if err := os.Symlink("w.bin", filepath.Join(filepath.Dir(path), "link")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if _, err := Read(path); err != nil {
		t.Error(err)
	}
}

// externalModel returns a model with tensors of several sizes in another file, in all
// the places where a model can have them.
func externalModel(t *testing.T) (*Model, string) {
	t.Helper()
	at := func(name string, n, offset int) *onnxpb.TensorProto {
		return externalTensor(name, float, []int64{int64(n)}, "location", "w.bin", "offset", fmt.Sprint(offset))
	}
	path := writeFiles(t, 5000, at("large", 2000, 0), at("middle", 500, 8004), at("small", 10, 12), at("again", 2000, 0),
		floatTensor("inside", []int64{300}, make([]float32, 300)...), floatTensor("tiny", nil, 7),
		&onnxpb.TensorProto{Name: "typed", Dims: []int64{400}, DataType: 7, Int64Data: slices.Repeat([]int64{-1}, 400)})
	m, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	g := protoGraph("s")
	g.Initializer = []*onnxpb.TensorProto{at("s", 1024, 400)}
	f := &onnxpb.FunctionProto{Name: "F", Domain: "local", Output: values("Y"), Node: []*onnxpb.NodeProto{
		protoNode("Constant", nil, values("Y"), tensorAttribute("value", at("", 1025, 16))),
	}, AttributeProto: []*onnxpb.AttributeProto{tensorAttribute("a", at("", 1026, 20))}}
	m.proto.Functions = []*onnxpb.FunctionProto{f}
	m.proto.TrainingInfo = []*onnxpb.TrainingInfoProto{{Initialization: proto.CloneOf(g)}}
	sparse := &onnxpb.SparseTensorProto{Values: at("", 300, 24), Indices: intTensor("", []int64{300}, make([]int64, 300)...), Dims: []int64{1000}}
	m.proto.Graph.Node = append(m.proto.Graph.Node,
		protoNode("Custom", nil, values("z"), graphAttribute("body", g)),
		protoNode("Constant", nil, values("q"), &onnxpb.AttributeProto{Name: "sparse_value", Type: onnxpb.AttributeProto_SPARSE_TENSOR, SparseTensor: sparse}))
	if err := m.validate(); err != nil {
		t.Fatal(err)
	}
	return m, path
}

// contents are the bytes of all tensors of a model.
func contents(t *testing.T, m *Model) [][]byte {
	t.Helper()
	var list [][]byte
	for _, x := range m.tensors() {
		b, err := m.raw(x)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, bytes.Clone(b))
	}
	return list
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, e := range list {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name())) // folders have none
		m[e.Name()] = string(b)
	}
	return m
}

// checkWritten reads a model back, compares it with m, and checks how its data lie.
func checkWritten(t *testing.T, m *Model, path string) {
	t.Helper()
	back, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, m), contents(t, back)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Error("the tensors differ")
	}
	outside := 0
	for _, x := range back.tensors() {
		if !external(x) {
			continue
		}
		outside++
		l, err := locate(x)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(l.file, filepath.Base(path)+".") || filepath.Ext(l.file) != ".data" {
			t.Errorf("tensor %q is in %q", x.Name, l.file)
		}
		if l.length < smallTensor || l.offset%lineSize != 0 || l.length >= pageSize && l.offset%pageSize != 0 {
			t.Errorf("tensor %q has %d bytes from %d on", x.Name, l.length, l.offset)
		}
	}
	if outside == 0 {
		t.Error("no tensor is in the data file")
	}
}

func TestWriteGivesAModelItsOwnDataFile(t *testing.T) {
	m, source := externalModel(t)
	before := proto.CloneOf(m.proto)
	old := files(t, filepath.Dir(source))
	other := filepath.Join(t.TempDir(), "other.onnx")
	beside := filepath.Join(filepath.Dir(source), "beside.onnx")
	for _, path := range []string{other, other, beside, source, source} {
		if err := m.Write(path); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(m.proto, before) {
			t.Fatal("Write changed the model")
		}
		checkWritten(t, m, path)
	}
	if list := files(t, filepath.Dir(other)); len(list) != 2 {
		t.Errorf("the folder of the model has %d files", len(list))
	}
	list := files(t, filepath.Dir(source))
	if len(list) != 5 { // two models, two data files and the old one
		t.Errorf("the old folder has %d files", len(list))
	}
	if list["w.bin"] != old["w.bin"] {
		t.Error("the old data changed")
	}
	back, err := Read(other)
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(back.proto.Graph)
	if large, again := g.tensor["large"].ExternalData, g.tensor["again"].ExternalData; fmt.Sprint(large) != fmt.Sprint(again) {
		t.Errorf("the same data are written twice: %v and %v", large, again)
	}
}

func TestModelsThatDoNotFitAreSplit(t *testing.T) {
	m := decodeProto(t, sampleModels()["types"])
	m.proto.Graph.Initializer = append(m.proto.Graph.Initializer,
		floatTensor("w", []int64{50, 50}, slices.Repeat([]float32{1, 2}, 1250)...),
		&onnxpb.TensorProto{Name: "v", Dims: []int64{1000}, DataType: int32(onnxpb.TensorProto_INT4), Int32Data: slices.Repeat([]int32{-8, 7}, 500)},
		&onnxpb.TensorProto{Name: "u", Dims: []int64{3000}, DataType: int32(onnxpb.TensorProto_INT4), Int32Data: slices.Repeat([]int32{-8, 7}, 1500)},
		&onnxpb.TensorProto{Name: "text", Dims: []int64{1}, DataType: int32(onnxpb.TensorProto_STRING), StringData: [][]byte{make([]byte, 2000)}},
	)
	text := m.proto.Graph.Initializer[len(m.proto.Graph.Initializer)-1]
	size := proto.Size(m.proto)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := m.write(path, size); err != nil {
		t.Fatal(err)
	}
	if len(files(t, filepath.Dir(path))) != 1 {
		t.Error("a model that fits is split")
	}
	if err := m.write(path, size-1); err != nil {
		t.Fatal(err)
	}
	back, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(back.proto.Graph)
	if got := g.tensor["text"]; !proto.Equal(got, text) {
		t.Error("strings changed")
	}
	if got, err := back.floats(g.tensor["w"]); err != nil || !slices.Equal(got, slices.Repeat([]float32{1, 2}, 1250)) {
		t.Errorf("w differs, %v", err)
	}
	if !external(g.tensor["w"]) || external(g.tensor["v"]) || !external(g.tensor["u"]) {
		t.Error("the large tensors are not those in the data file")
	}
	for _, name := range []string{"u", "v"} {
		if got, err := back.ints(g.tensor[name]); err != nil || len(got) < 1000 || got[0] != -8 || got[1] != 7 || got[999] != 7 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if err := m.write(path, 1000); err == nil || !strings.Contains(err.Error(), "more than an ONNX file can have") {
		t.Errorf("a model that does not fit without its tensors: %v", err)
	}
	if list := files(t, filepath.Dir(path)); len(list) != 2 {
		t.Errorf("the folder has %d files", len(list))
	}
}

func TestFailedWritesLeaveTheOldModel(t *testing.T) {
	block := func(t *testing.T, path string) { // a folder that is not empty is not replaced
		if err := os.MkdirAll(filepath.Join(path, "x"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, fault := range map[string]func(t *testing.T, m *Model, source, path string){
		"the data file":  func(t *testing.T, _ *Model, _, path string) { block(t, path+".data.tmp") },
		"the model file": func(t *testing.T, _ *Model, _, path string) { block(t, path+".tmp") },
		"data cut short": func(t *testing.T, _ *Model, source, _ string) {
			if err := os.Truncate(filepath.Join(filepath.Dir(source), "w.bin"), 9000); err != nil {
				t.Fatal(err)
			}
		},
		"data that are gone": func(t *testing.T, _ *Model, source, _ string) {
			if err := os.Remove(filepath.Join(filepath.Dir(source), "w.bin")); err != nil {
				t.Fatal(err)
			}
		},
		"text that is not UTF-8": func(_ *testing.T, m *Model, _, _ string) { m.proto.DocString = "\xff" },
	} {
		t.Run(name, func(t *testing.T) {
			m, source := externalModel(t)
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := m.Write(path); err != nil {
				t.Fatal(err)
			}
			m.proto.Graph.Initializer[4].RawData[0]++ // other data
			old := files(t, filepath.Dir(path))
			fault(t, m, source, path)
			if err := m.Write(path); err == nil || !strings.HasPrefix(err.Error(), "onnx: cannot write "+path) {
				t.Errorf("error %v", err)
			}
			now := files(t, filepath.Dir(path))
			for name, content := range old {
				if now[name] != content {
					t.Errorf("%s changed", name)
				}
				delete(now, name)
			}
			for name := range now {
				if !strings.HasSuffix(name, ".tmp") {
					t.Errorf("%s is left", name)
				}
			}
			if _, err := Read(path); err != nil {
				t.Error(err)
			}
		})
	}
	m := decodeProto(t, sampleModels()["weights"])
	if err := m.Write(filepath.Join(t.TempDir(), "no", "m.onnx")); err == nil {
		t.Error("a model is written into a folder that is not there")
	}
	if err := m.Write(t.TempDir()); err == nil {
		t.Error("a model is written over a folder")
	}
}

func TestSplitModelsRunInONNXRuntime(t *testing.T) {
	r := startRuntime(t)
	split := 0
	for _, m := range torchModels(t) {
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := m.Model.write(path, proto.Size(m.Model.proto)-1); err != nil {
			continue // its tensors are all small
		}
		split++
		s, err := r.OpenFile(path, 1)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		out, err := s.Run(m.Input.tensor())
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
		} else if d := distance(out[0].Floats, m.Output.Values); d > m.tolerance() {
			t.Errorf("%s: outputs differ by %.2g", m.Name, d)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if split < 10 {
		t.Errorf("only %d models have tensors of 1 KiB", split)
	}
}
