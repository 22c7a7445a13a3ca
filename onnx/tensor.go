package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// maxElements of one tensor.
const maxElements = 1 << 40

// typeBits are the bits of an element, 0 for types that have no fixed size.
var typeBits = map[onnxpb.TensorProto_DataType]int64{
	onnxpb.TensorProto_FLOAT: 32, onnxpb.TensorProto_DOUBLE: 64, onnxpb.TensorProto_FLOAT16: 16, onnxpb.TensorProto_BFLOAT16: 16,
	onnxpb.TensorProto_INT8: 8, onnxpb.TensorProto_INT16: 16, onnxpb.TensorProto_INT32: 32, onnxpb.TensorProto_INT64: 64,
	onnxpb.TensorProto_UINT8: 8, onnxpb.TensorProto_UINT16: 16, onnxpb.TensorProto_UINT32: 32, onnxpb.TensorProto_UINT64: 64,
	onnxpb.TensorProto_BOOL: 8, onnxpb.TensorProto_COMPLEX64: 64, onnxpb.TensorProto_COMPLEX128: 128,
	onnxpb.TensorProto_FLOAT8E4M3FN: 8, onnxpb.TensorProto_FLOAT8E4M3FNUZ: 8, onnxpb.TensorProto_FLOAT8E5M2: 8,
	onnxpb.TensorProto_FLOAT8E5M2FNUZ: 8, onnxpb.TensorProto_FLOAT8E8M0: 8,
	onnxpb.TensorProto_UINT4: 4, onnxpb.TensorProto_INT4: 4, onnxpb.TensorProto_FLOAT4E2M1: 4,
	onnxpb.TensorProto_UINT2: 2, onnxpb.TensorProto_INT2: 2,
}

func dataType(t *onnxpb.TensorProto) onnxpb.TensorProto_DataType {
	return onnxpb.TensorProto_DataType(t.DataType)
}

// elements returns the number of elements of a shape.
func elements(dims []int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("the shape %v has a negative dimension", dims)
		}
		if d > maxElements || d > 0 && n > maxElements/d {
			return 0, fmt.Errorf("the shape %v has more than %d elements", dims, int64(maxElements))
		}
		n *= d
	}
	return n, nil
}

func external(t *onnxpb.TensorProto) bool {
	return t.DataLocation == onnxpb.TensorProto_EXTERNAL
}

// bytesOf returns the bytes of so many elements.
func bytesOf(t onnxpb.TensorProto_DataType, n int64) int64 { return (n*typeBits[t] + 7) / 8 }

// checkTensor returns an error if a tensor's data do not have its shape.
func (m *Model) checkTensor(t *onnxpb.TensorProto) error {
	n, err := elements(t.Dims)
	if err != nil {
		return err
	}
	if t.Segment != nil {
		return fmt.Errorf("it is a segment of a tensor, which is not supported")
	}
	kind := dataType(t)
	if kind == onnxpb.TensorProto_STRING {
		if external(t) || t.RawData != nil || int64(len(t.StringData)) != n {
			return fmt.Errorf("%d strings for the shape %v", len(t.StringData), t.Dims)
		}
		return nil
	}
	if typeBits[kind] == 0 {
		return fmt.Errorf("unknown element type %d", t.DataType)
	}
	if external(t) {
		_, err := m.locate(t)
		return err
	}
	if t.RawData != nil {
		if want := bytesOf(kind, n); int64(len(t.RawData)) != want {
			return fmt.Errorf("%d bytes of data for %d elements of %s, which take %d", len(t.RawData), n, kind, want)
		}
		return nil
	}
	have, want := int64(0), n
	switch kind {
	case onnxpb.TensorProto_FLOAT:
		have = int64(len(t.FloatData))
	case onnxpb.TensorProto_DOUBLE:
		have = int64(len(t.DoubleData))
	case onnxpb.TensorProto_INT64:
		have = int64(len(t.Int64Data))
	case onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64:
		have = int64(len(t.Uint64Data))
	case onnxpb.TensorProto_COMPLEX64:
		have, want = int64(len(t.FloatData)), 2*n
	case onnxpb.TensorProto_COMPLEX128:
		have, want = int64(len(t.DoubleData)), 2*n
	default:
		have = int64(len(t.Int32Data))
		if bits := typeBits[kind]; bits < 8 {
			want = bytesOf(kind, n)
			if have == n { // one to each number, as some writers have it
				want = n
			}
		}
	}
	if have != want {
		return fmt.Errorf("%d elements of data for the shape %v of %s", have, t.Dims, kind)
	}
	return nil
}

// A location is where a tensor's external data are.
type location struct {
	file           string // in the model's folder
	offset, length int64
}

// locate finds a tensor's external data and checks that they are there.
func (m *Model) locate(t *onnxpb.TensorProto) (location, error) {
	n, err := elements(t.Dims)
	if err != nil {
		return location{}, err
	}
	l := location{length: bytesOf(dataType(t), n)}
	for _, e := range t.ExternalData {
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
				return location{}, fmt.Errorf("%d bytes of external data for the shape %v of %s, which takes %d", v, t.Dims, dataType(t), l.length)
			}
		}
	}
	if l.file == "" {
		return location{}, fmt.Errorf("its external data have no location")
	}
	if !filepath.IsLocal(l.file) {
		return location{}, fmt.Errorf("its external data are at %q, outside the model's folder", l.file)
	}
	if m.dir == "" {
		return location{}, fmt.Errorf("it is in the file %q, but the model was not read from a file", l.file)
	}
	f, err := openBelow(m.dir, l.file)
	if err != nil {
		return location{}, fmt.Errorf("its external data: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return location{}, fmt.Errorf("its external data: %w", err)
	}
	if !info.Mode().IsRegular() {
		return location{}, fmt.Errorf("its external data are at %q, which is not a regular file", l.file)
	}
	if l.offset > info.Size() || l.length > info.Size()-l.offset {
		return location{}, fmt.Errorf("its external data are at bytes %d to %d of %q, which has %d", l.offset, l.offset+l.length, l.file, info.Size())
	}
	return l, nil
}

// openBelow opens a file in a folder, by a path that no link leads out of it.
func openBelow(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(name)
}

// raw returns a tensor's data as little-endian bytes, or nil if they are in one of
// the typed fields.
func (m *Model) raw(t *onnxpb.TensorProto) ([]byte, error) {
	if !external(t) {
		return t.RawData, nil
	}
	l, err := m.locate(t)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	f, err := openBelow(m.dir, l.file)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	defer f.Close()
	data := make([]byte, l.length)
	if _, err := f.ReadAt(data, l.offset); err != nil && err != io.EOF {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return data, nil
}

// floats returns the elements of a tensor of floating-point numbers.
func (m *Model) floats(t *onnxpb.TensorProto) ([]float32, error) {
	raw, err := m.raw(t)
	if err != nil {
		return nil, err
	}
	n, _ := elements(t.Dims)
	x := make([]float32, n)
	half := func(i int) uint16 {
		if raw != nil {
			return binary.LittleEndian.Uint16(raw[2*i:])
		}
		return uint16(t.Int32Data[i])
	}
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT:
		if raw == nil {
			copy(x, t.FloatData)
			break
		}
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case onnxpb.TensorProto_DOUBLE:
		for i := range x {
			if raw == nil {
				x[i] = float32(t.DoubleData[i])
			} else {
				x[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
			}
		}
	case onnxpb.TensorProto_FLOAT16:
		for i := range x {
			x[i] = isrlu.Float16(half(i)).Float32()
		}
	case onnxpb.TensorProto_BFLOAT16:
		for i := range x {
			x[i] = isrlu.BFloat16(half(i)).Float32()
		}
	default:
		return nil, fmt.Errorf("tensor %q holds %s, not floating-point numbers", t.Name, dataType(t))
	}
	return x, nil
}

// ints returns the elements of a tensor of integers or truth values.
func (m *Model) ints(t *onnxpb.TensorProto) ([]int64, error) {
	raw, err := m.raw(t)
	if err != nil {
		return nil, err
	}
	n, _ := elements(t.Dims)
	x := make([]int64, n)
	for i := range x {
		switch dataType(t) {
		case onnxpb.TensorProto_INT64:
			if raw == nil {
				x[i] = t.Int64Data[i]
			} else {
				x[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
			}
		case onnxpb.TensorProto_INT32:
			if raw == nil {
				x[i] = int64(t.Int32Data[i])
			} else {
				x[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
			}
		case onnxpb.TensorProto_INT8:
			if raw == nil {
				x[i] = int64(t.Int32Data[i])
			} else {
				x[i] = int64(int8(raw[i]))
			}
		case onnxpb.TensorProto_UINT8, onnxpb.TensorProto_BOOL:
			if raw == nil {
				x[i] = int64(t.Int32Data[i])
			} else {
				x[i] = int64(raw[i])
			}
		default:
			return nil, fmt.Errorf("tensor %q holds %s, not integers", t.Name, dataType(t))
		}
	}
	return x, nil
}

// floatTensor returns a tensor of float32.
func floatTensor(name string, dims []int64, x ...float32) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: name, Dims: dims, DataType: int32(onnxpb.TensorProto_FLOAT)}
	t.RawData = make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(t.RawData[4*i:], math.Float32bits(v))
	}
	return t
}

// intTensor returns a tensor of int64.
func intTensor(name string, dims []int64, x ...int64) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: name, Dims: dims, DataType: int32(onnxpb.TensorProto_INT64)}
	t.RawData = make([]byte, 8*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint64(t.RawData[8*i:], uint64(v))
	}
	return t
}

// setFloats gives a tensor other elements, in the element type that it has. It
// becomes one of the model's own file.
func setFloats(t *onnxpb.TensorProto, x []float32) error {
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT:
		t.RawData = floatTensor("", nil, x...).RawData
	case onnxpb.TensorProto_DOUBLE:
		t.RawData = make([]byte, 8*len(x))
		for i, v := range x {
			binary.LittleEndian.PutUint64(t.RawData[8*i:], math.Float64bits(float64(v)))
		}
	case onnxpb.TensorProto_FLOAT16:
		t.RawData = make([]byte, 2*len(x))
		for i, v := range x {
			binary.LittleEndian.PutUint16(t.RawData[2*i:], uint16(isrlu.ToFloat16(v)))
		}
	case onnxpb.TensorProto_BFLOAT16:
		t.RawData = make([]byte, 2*len(x))
		for i, v := range x {
			binary.LittleEndian.PutUint16(t.RawData[2*i:], uint16(isrlu.ToBFloat16(v)))
		}
	default:
		return fmt.Errorf("tensor %q holds %s, not floating-point numbers", t.Name, dataType(t))
	}
	t.FloatData, t.DoubleData, t.Int32Data = nil, nil, nil
	t.ExternalData, t.DataLocation = nil, onnxpb.TensorProto_DEFAULT
	return nil
}
