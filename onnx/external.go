package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A location is where a tensor's external data are.
type location struct {
	file           string // in the model's folder
	offset, length int64
}

// locate returns where a tensor says that its external data are.
func locate(t *onnxpb.TensorProto) (location, error) {
	n, err := elements(t.Dims)
	if err != nil {
		return location{}, err
	}
	l := location{length: bytesOf(dataType(t), n)}
	seen := map[string]bool{}
	for _, e := range t.ExternalData {
		if seen[e.Key] {
			return location{}, fmt.Errorf("its external data have two entries %q", e.Key)
		}
		seen[e.Key] = true
		switch e.Key {
		case "location":
			l.file = filepath.FromSlash(e.Value)
		case "offset", "length":
			v, err := strconv.ParseInt(e.Value, 10, 64)
			if err != nil || v < 0 {
				return location{}, fmt.Errorf("the %s of its external data is %q, not a number of bytes", e.Key, e.Value)
			}
			if e.Key == "offset" {
				l.offset = v
			} else if v != l.length {
				return location{}, fmt.Errorf("%d bytes of external data for the shape %s of %s, which takes %d", v, shape(t.Dims), dataType(t), l.length)
			}
		}
	}
	if l.file == "" {
		return location{}, errors.New("its external data have no location")
	}
	if !filepath.IsLocal(l.file) {
		return location{}, fmt.Errorf("its external data are at %q, outside the model's folder", l.file)
	}
	return l, nil
}

// openExternal opens the file of a tensor's external data, which are there.
func (m *Model) openExternal(t *onnxpb.TensorProto) (*os.File, location, error) {
	l, err := locate(t)
	if err != nil {
		return nil, location{}, err
	}
	if m.dir == "" {
		return nil, location{}, fmt.Errorf("it is in the file %q, but the model was not read from a file", l.file)
	}
	f, size, err := openBelow(m.dir, l.file)
	if err != nil {
		return nil, location{}, fmt.Errorf("its external data: %w", err)
	}
	if l.offset > size || l.length > size-l.offset {
		f.Close()
		return nil, location{}, fmt.Errorf("its external data are %d bytes from byte %d on of %q, which has %d", l.length, l.offset, l.file, size)
	}
	return f, l, nil
}

// openBelow opens a regular file in a folder, by a path that no link leads out of
// it, and returns its size.
func openBelow(dir, name string) (*os.File, int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	// Looked at first, as to open a pipe waits for a writer.
	info, err := root.Stat(name)
	if err != nil {
		if _, outside := os.Stat(filepath.Join(dir, name)); outside == nil {
			return nil, 0, fmt.Errorf("a link leads from %q out of the model's folder; copy the file there", name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, fmt.Errorf("the file %q is not in the model's folder: %w", name, fs.ErrNotExist)
		}
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%q is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (m *Model) checkExternal(t *onnxpb.TensorProto) error {
	f, _, err := m.openExternal(t)
	if err != nil {
		return err
	}
	return f.Close()
}

func (m *Model) readExternal(t *onnxpb.TensorProto) ([]byte, error) {
	f, l, err := m.openExternal(t)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if l.length > math.MaxInt {
		return nil, fmt.Errorf("its %d bytes of external data do not fit into memory", l.length)
	}
	data := make([]byte, l.length)
	_, err = io.ReadFull(io.NewSectionReader(f, l.offset, l.length), data)
	if err != nil {
		return nil, fmt.Errorf("its external data: %w", err)
	}
	return data, nil
}

// copyExternal writes a tensor's external data to w.
func (m *Model) copyExternal(w io.Writer, t *onnxpb.TensorProto) error {
	f, l, err := m.openExternal(t)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, io.NewSectionReader(f, l.offset, l.length), l.length)
	if err != nil {
		return fmt.Errorf("its external data: %w", err)
	}
	return nil
}
