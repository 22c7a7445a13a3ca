package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A Model is an ONNX model. Goroutines may read one at the same time, but must not
// write it to a file or change it while others use it.
type Model struct {
	proto *onnxpb.ModelProto
	// dir is the absolute folder of external data, empty if the model was not read
	// from a file.
	dir string
}

// maxFile is what protocol buffers can hold: larger models have external data.
const maxFile = 1<<31 - 1

// Read reads the model at path and validates it. External data stay in their
// files until they are wanted.
func Read(path string) (*Model, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	// The folder stays the same if the process goes to another.
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m, err := decode(data, dir)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	return m, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, not a model", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than an ONNX file can have (%d); larger models keep their weights in other files", path, info.Size(), maxFile)
	}
	// A pipe has no size of its own.
	var data bytes.Buffer
	if size := info.Size(); size < math.MaxInt-bytes.MinRead {
		data.Grow(int(size) + bytes.MinRead)
	}
	n, err := data.ReadFrom(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if n > maxFile {
		return nil, fmt.Errorf("%s has more bytes than an ONNX file can have (%d)", path, maxFile)
	}
	return data.Bytes(), nil
}

// Decode reads a model from memory and validates it. It must have no external
// data.
func Decode(data []byte) (*Model, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("onnx: the model has %d bytes, more than an ONNX file can have (%d)", len(data), maxFile)
	}
	m, err := decode(data, "")
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

func decode(data []byte, dir string) (*Model, error) {
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	if err := checkSize(data); err != nil {
		return nil, err
	}
	p := new(onnxpb.ModelProto)
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("not an ONNX model, or one that is damaged: %w", err)
	}
	m := &Model{proto: p, dir: dir}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// Encode returns the model as the bytes of a file, the same ones for the same model.
// It fails where they do not fit in one, and for external data: see [Model.Write].
func (m *Model) Encode() ([]byte, error) {
	for _, t := range m.tensors() {
		if external(t) {
			return nil, fmt.Errorf("onnx: tensor %q is in another file; write the model to a file", t.Name)
		}
	}
	data, err := marshal(m.proto, maxFile)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return data, nil
}

// marshal returns the same bytes for the same model, limit of them at most.
func marshal(p *onnxpb.ModelProto, limit int) ([]byte, error) {
	if n := proto.Size(p); n > limit {
		return nil, fmt.Errorf("the model takes %d bytes, more than an ONNX file can have (%d)", n, limit)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(p)
}

// Clone returns a copy that shares nothing with m.
func (m *Model) Clone() *Model {
	return &Model{proto: proto.CloneOf(m.proto), dir: m.dir}
}

// Opset returns the version of ONNX's own operators that the model uses.
func (m *Model) Opset() int64 { return opset(m.proto.OpsetImport) }

// opset returns the version of the default domain, 0 if there is none.
func opset(list []*onnxpb.OperatorSetIdProto) int64 {
	for _, o := range list {
		if o.Domain == "" || o.Domain == defaultDomain {
			return o.Version
		}
	}
	return 0
}

// defaultDomain is the other name of the domain of ONNX's own operators.
const defaultDomain = "ai.onnx"

// isDefault tells whether a domain is that of ONNX's own operators.
func isDefault(domain string) bool { return domain == "" || domain == defaultDomain }

// Metadata returns the properties that the model's author gave it.
func (m *Model) Metadata() map[string]string {
	all := map[string]string{}
	for _, e := range m.proto.MetadataProps {
		all[e.GetKey()] = e.GetValue()
	}
	return all
}
