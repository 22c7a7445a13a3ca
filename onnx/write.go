package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/atomicfile"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// Write writes the model into a file, which appears whole or not at all.
//
// Where tensors of the model are in other files, or it is too large for one
// (2 GiB), its tensors of 1 KiB and more go to one file beside it. That file's name
// is the model's, a digest of its content, and ".data", and it appears before the
// model does. A model that is replaced keeps its data to the last moment, and they
// stay: other models, and m if it was read from there, may have their data in
// that file. Remove it when none of them is wanted any more.
func (m *Model) Write(path string) error {
	if err := m.write(path, maxFile); err != nil {
		return fmt.Errorf("onnx: cannot write %s: %w", path, err)
	}
	return nil
}

// write writes the model into a file of at most limit bytes.
func (m *Model) write(path string, limit int) error {
	undo := func() {}
	if m.hasExternal() || proto.Size(m.proto) > limit {
		data, err := m.writeData(path)
		if err != nil {
			return err
		}
		if !data.existed {
			undo = func() { os.Remove(data.path) }
		}
		// The model refers to the data file while its bytes are made: a copy of it
		// may not fit into memory.
		defer data.refer()()
	}
	b, err := marshal(m.proto, limit)
	if err == nil {
		err = atomicfile.Replace(path, func(w io.Writer) error { _, err := w.Write(b); return err })
	}
	if err != nil {
		undo()
	}
	return err
}

func (m *Model) hasExternal() bool {
	for _, t := range m.tensors() {
		if external(t) {
			return true
		}
	}
	return false
}

// Tensors of a page and more begin at one, so that runtimes can map them, others at
// a line of the cache. Those of less than smallTensor bytes stay in the model, where
// a reference to the data file would hardly take less.
const (
	pageSize    = 4096
	lineSize    = 64
	smallTensor = 1024
)

// A dataFile is a file of tensors beside a model.
type dataFile struct {
	path    string
	existed bool
	spans   map[*onnxpb.TensorProto]span
	inside  map[*onnxpb.TensorProto][]byte // small ones that were in another file
}

type span struct{ offset, length int64 }

// writeData writes the data file of a model at path.
func (m *Model) writeData(path string) (*dataFile, error) {
	d := &dataFile{spans: map[*onnxpb.TensorProto]span{}, inside: map[*onnxpb.TensorProto][]byte{}}
	err := atomicfile.ReplaceAs(path+".data.tmp", func(w io.Writer) (string, error) {
		hash := sha256.New()
		if err := m.putTensors(d, io.MultiWriter(w, hash)); err != nil {
			return "", err
		}
		name := filepath.Base(path) + "." + hex.EncodeToString(hash.Sum(nil)[:16]) + ".data"
		if !utf8.ValidString(name) {
			return "", fmt.Errorf("the model refers to its data by the name %q, which must be UTF-8", name)
		}
		d.path = filepath.Join(filepath.Dir(path), name)
		_, err := os.Lstat(d.path)
		d.existed = err == nil
		return d.path, nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// putTensors writes the tensors that belong into the file.
func (m *Model) putTensors(d *dataFile, w io.Writer) error {
	at := int64(0)
	placed := map[location]span{} // several tensors may have the same external data
	put := func(t *onnxpb.TensorProto) error {
		n, err := elements(t.Dims)
		if err != nil {
			return err
		}
		length := bytesOf(dataType(t), n)
		var from location
		if external(t) {
			if from, err = locate(t); err != nil {
				return err
			}
			if length < smallTensor {
				d.inside[t], err = m.readExternal(t)
				return err
			}
			if s, ok := placed[from]; ok {
				d.spans[t] = s
				return nil
			}
		}
		align := int64(lineSize)
		if length >= pageSize {
			align = pageSize
		}
		pad := (align - at%align) % align
		if _, err := w.Write(make([]byte, pad)); err != nil {
			return err
		}
		at += pad
		s := span{at, length}
		if external(t) {
			err = m.copyExternal(w, t)
			placed[from] = s
		} else {
			var b []byte
			if b, err = m.raw(t); err == nil {
				_, err = w.Write(b)
			}
		}
		at += length
		d.spans[t] = s
		return err
	}
	var failed error
	m.eachTensor(func(t *onnxpb.TensorProto, initializer bool) {
		// Runtimes want the data of attributes in the model, where they were not
		// elsewhere before.
		n, _ := elements(t.Dims)
		large := initializer && bytesOf(dataType(t), n) >= smallTensor
		if failed == nil && (large || external(t)) {
			if err := put(t); err != nil {
				failed = fmt.Errorf("tensor %q: %w", t.Name, err)
			}
		}
	})
	return failed
}

// refer makes the tensors refer to the file, and returns what makes them as they
// were.
func (d *dataFile) refer() (restore func()) {
	var undo []func()
	take := func(t *onnxpb.TensorProto) {
		raw, location, entries := t.RawData, t.DataLocation, t.ExternalData
		floats, doubles, ints, longs, unsigned := t.FloatData, t.DoubleData, t.Int32Data, t.Int64Data, t.Uint64Data
		undo = append(undo, func() {
			t.RawData, t.DataLocation, t.ExternalData = raw, location, entries
			t.FloatData, t.DoubleData, t.Int32Data, t.Int64Data, t.Uint64Data = floats, doubles, ints, longs, unsigned
		})
		t.RawData, t.DataLocation, t.ExternalData = nil, onnxpb.TensorProto_DEFAULT, nil
		t.FloatData, t.DoubleData, t.Int32Data, t.Int64Data, t.Uint64Data = nil, nil, nil, nil, nil
	}
	for t, b := range d.inside {
		take(t)
		t.RawData = b
	}
	for t, s := range d.spans {
		take(t)
		t.DataLocation = onnxpb.TensorProto_EXTERNAL
		t.ExternalData = []*onnxpb.StringStringEntryProto{
			{Key: "location", Value: filepath.Base(d.path)},
			{Key: "offset", Value: strconv.FormatInt(s.offset, 10)},
			{Key: "length", Value: strconv.FormatInt(s.length, 10)},
		}
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}
