package onnx

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/atomicfile"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// Write writes the model into a file, which appears whole or not at all.
//
// Tensors that are in other files, and the large ones of a model that does not fit
// in one file, go to one file beside it, whose name is that of the model, a digest
// of its content, and ".data": a model that is there already keeps its own data.
func (m *Model) Write(path string) error {
	out := m.proto
	if m.hasExternal() || proto.Size(m.proto) > maxFile {
		var err error
		if out, err = m.writeData(path); err != nil {
			return fmt.Errorf("onnx: cannot write %s: %w", path, err)
		}
	}
	data, err := marshal(out)
	if err == nil {
		err = atomicfile.Replace(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	}
	if err != nil {
		return fmt.Errorf("onnx: cannot write %s: %w", path, err)
	}
	return nil
}

func (m *Model) hasExternal() bool {
	for _, t := range m.tensors() {
		if external(t) {
			return true
		}
	}
	return false
}

// tensors returns all tensors of the model with data, those in nodes and subgraphs
// too.
func (m *Model) tensors() []*onnxpb.TensorProto {
	var list []*onnxpb.TensorProto
	var nodes func([]*onnxpb.NodeProto)
	graph := func(g *onnxpb.GraphProto) {
		list = append(list, g.Initializer...)
		for _, t := range g.SparseInitializer {
			list = append(list, t.Values, t.Indices)
		}
		nodes(g.Node)
	}
	nodes = func(all []*onnxpb.NodeProto) {
		for _, n := range all {
			for _, a := range n.Attribute {
				if a.T != nil {
					list = append(list, a.T)
				}
				list = append(list, a.Tensors...)
			}
			for _, sub := range subgraphs(n) {
				graph(sub)
			}
		}
	}
	graph(m.proto.Graph)
	for _, f := range m.proto.Functions {
		nodes(f.Node)
	}
	return list
}

// Tensors in the data file begin at multiples of dataAlign, so that runtimes can
// map them; those of less than dataLeast bytes stay in the model.
const (
	dataAlign = 4096
	dataLeast = 1024
)

// writeData writes the data file of a model at path, and returns a copy of the
// model that refers to it.
func (m *Model) writeData(path string) (*onnxpb.ModelProto, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".isrlu-*.data")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()

	type span struct{ offset, length int64 }
	spans := map[*onnxpb.TensorProto]span{}
	hash := sha256.New()
	buffer := bufio.NewWriterSize(io.MultiWriter(tmp, hash), 1<<20)
	at := int64(0)
	all := m.tensors()
	for _, t := range all {
		if !external(t) && len(t.RawData) < dataLeast {
			continue
		}
		pad := (dataAlign - at%dataAlign) % dataAlign
		if _, err := buffer.Write(make([]byte, pad)); err != nil {
			return nil, err
		}
		at += pad
		n, err := m.copyData(buffer, t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		spans[t] = span{at, n}
		at += n
	}
	if err := buffer.Flush(); err != nil {
		return nil, err
	}
	if err := tmp.Chmod(0o644); err != nil { // CreateTemp keeps it to its owner
		return nil, err
	}
	if err := tmp.Sync(); err != nil {
		return nil, err
	}
	if err := tmp.Close(); err != nil {
		return nil, err
	}
	name := filepath.Base(path) + "." + hex.EncodeToString(hash.Sum(nil)[:6]) + ".data"
	if err := os.Rename(tmp.Name(), filepath.Join(filepath.Dir(path), name)); err != nil {
		return nil, err
	}

	// The copy is made without the data that are in the file now: they may be all
	// the memory that there is.
	held := make([][]byte, len(all))
	for i, t := range all {
		if _, ok := spans[t]; ok {
			held[i], t.RawData = t.RawData, nil
		}
	}
	out := proto.CloneOf(m.proto)
	for i, t := range all {
		if held[i] != nil {
			t.RawData = held[i]
		}
	}
	copied := (&Model{proto: out}).tensors()
	for i, t := range all {
		s, ok := spans[t]
		if !ok {
			continue
		}
		c := copied[i]
		c.DataLocation = onnxpb.TensorProto_EXTERNAL
		c.ExternalData = []*onnxpb.StringStringEntryProto{
			{Key: "location", Value: name},
			{Key: "offset", Value: strconv.FormatInt(s.offset, 10)},
			{Key: "length", Value: strconv.FormatInt(s.length, 10)},
		}
	}
	return out, nil
}

// copyData writes a tensor's data and returns how many bytes they are.
func (m *Model) copyData(w io.Writer, t *onnxpb.TensorProto) (int64, error) {
	if !external(t) {
		n, err := w.Write(t.RawData)
		return int64(n), err
	}
	l, err := m.locate(t)
	if err != nil {
		return 0, err
	}
	f, err := openBelow(m.dir, l.file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(w, io.NewSectionReader(f, l.offset, l.length))
}
