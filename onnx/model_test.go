package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

func TestWhatIsNoModelIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty": "",
		"text":  "This is not a model.\n",
		"html":  "<!DOCTYPE html>\n<html></html>\n",
		"zeros": strings.Repeat("\x00", 100),
		"npy":   "\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.HasPrefix(err.Error(), "onnx: "+path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Decode([]byte(content)); err == nil || !strings.HasPrefix(err.Error(), "onnx: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	huge, err := os.Create(filepath.Join(dir, "huge"))
	if err != nil {
		t.Fatal(err)
	}
	defer huge.Close()
	if err := huge.Truncate(maxFile + 1); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if _, err := Read(huge.Name()); err == nil || !strings.Contains(err.Error(), "more than an ONNX file can have") {
		t.Errorf("a file over 2 GiB: %v", err)
	}
}

// A model that is cut short may be a valid one of fewer parts.
func TestTruncatedModelsAreErrorsOrValid(t *testing.T) {
	for name, p := range sampleModels() {
		data := protoBytes(t, p)
		refused := 0
		for n := range len(data) {
			m, err := Decode(data[:n])
			if err != nil {
				refused++
				continue
			}
			if _, err := m.Encode(); err != nil {
				t.Errorf("%s: %d bytes of %d decode, but %v", name, n, len(data), err)
			}
		}
		if refused < len(data)*3/4 {
			t.Errorf("%s: of %d truncations only %d are refused", name, len(data), refused)
		}
	}
}

func TestDamagedBytesDoNotPanic(t *testing.T) {
	for name, p := range sampleModels() {
		data := protoBytes(t, p)
		for i := range data {
			for _, flip := range []byte{0x01, 0x08, 0x80, 0xff} {
				b := bytes.Clone(data)
				b[i] ^= flip
				if m, err := Decode(b); err == nil {
					if _, err := m.Encode(); err != nil {
						t.Errorf("%s: byte %d: it decodes, but %v", name, i, err)
					}
				}
			}
		}
	}
}

func TestRoundTripKeepsEverything(t *testing.T) {
	for name, p := range sampleModels() {
		data := withUnknown(protoBytes(t, p))
		want := new(onnxpb.ModelProto)
		if err := proto.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		// Fields of a later version of the format, in parts of all kinds.
		want.Graph.ProtoReflect().SetUnknown(withUnknown(nil))
		want.Graph.Node[0].ProtoReflect().SetUnknown(withUnknown(nil))
		for _, tensor := range want.Graph.Initializer {
			tensor.ProtoReflect().SetUnknown(withUnknown(nil))
		}
		m := decodeProto(t, want)
		first, err := m.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := new(onnxpb.ModelProto)
		if err := proto.Unmarshal(first, got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "unordered" {
			want.Graph.Node[0], want.Graph.Node[2] = want.Graph.Node[2], want.Graph.Node[0]
		}
		if !proto.Equal(got, want) {
			t.Errorf("%s: a round trip changed the model", name)
		}
		if again, err := m.Clone().Encode(); err != nil || !bytes.Equal(again, first) {
			t.Errorf("%s: the bytes of a copy differ (%v)", name, err)
		}
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := m.Write(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if written, _ := os.ReadFile(path); !bytes.Equal(written, first) {
			t.Errorf("%s: Write and Encode give other bytes", name)
		}
		if back, err := Read(path); err != nil || !proto.Equal(back.proto, want) {
			t.Errorf("%s: reading it back: %v", name, err)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	m := decodeProto(t, sampleModels()["weights"])
	before, _ := m.Encode()
	c := m.Clone()
	c.proto.Graph.Node[0].Name = "other"
	if err := setFloats(c.proto.Graph.Initializer[0], []float32{9, 9, 9, 9}); err != nil {
		t.Fatal(err)
	}
	c.proto.Graph.Initializer[1].FloatData[0] = 9
	if after, _ := m.Encode(); !bytes.Equal(before, after) {
		t.Error("a change of the copy changed the model")
	}
}

func TestOpsetIsThatOfTheDefaultDomain(t *testing.T) {
	for _, domain := range []string{"", "ai.onnx"} {
		p := protoModel(protoNode("Relu", values("x"), values("y")))
		p.OpsetImport = []*onnxpb.OperatorSetIdProto{{Domain: "other", Version: 3}, {Domain: domain, Version: 18}}
		if v := decodeProto(t, p).Opset(); v != 18 {
			t.Errorf("domain %q: %d", domain, v)
		}
	}
}

func TestReadTakesAPipe(t *testing.T) {
	if _, err := os.Stat("/dev/fd"); err != nil {
		t.Skip("this system has no /dev/fd")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data := protoBytes(t, sampleModels()["weights"])
	go func() {
		w.Write(data)
		w.Close()
	}()
	if _, err := Read(fmt.Sprintf("/dev/fd/%d", r.Fd())); err != nil {
		t.Error(err)
	}
}
