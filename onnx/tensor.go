package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// maxElements of one tensor.
const maxElements = 1 << 40

// typeBits returns the bits of an element, 0 for types that have no fixed size.
func typeBits(t onnxpb.TensorProto_DataType) int64 {
	switch t {
	case onnxpb.TensorProto_COMPLEX128:
		return 128
	case onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT64, onnxpb.TensorProto_COMPLEX64:
		return 64
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT32, onnxpb.TensorProto_UINT32:
		return 32
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_INT16, onnxpb.TensorProto_UINT16:
		return 16
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8, onnxpb.TensorProto_BOOL,
		onnxpb.TensorProto_FLOAT8E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ, onnxpb.TensorProto_FLOAT8E5M2,
		onnxpb.TensorProto_FLOAT8E5M2FNUZ, onnxpb.TensorProto_FLOAT8E8M0:
		return 8
	case onnxpb.TensorProto_INT4, onnxpb.TensorProto_UINT4, onnxpb.TensorProto_FLOAT4E2M1:
		return 4
	case onnxpb.TensorProto_INT2, onnxpb.TensorProto_UINT2:
		return 2
	}
	return 0
}

func dataType(t *onnxpb.TensorProto) onnxpb.TensorProto_DataType {
	return onnxpb.TensorProto_DataType(t.DataType)
}

// elements returns the number of elements of a shape.
func elements(dims []int64) (int64, error) {
	n, empty := int64(1), false
	for _, d := range dims {
		switch {
		case d < 0:
			return 0, fmt.Errorf("the shape %s has a negative dimension", shape(dims))
		case d == 0:
			empty = true
		case d > maxElements/n:
			n = maxElements + 1
		default:
			n *= d
		}
	}
	switch {
	case empty:
		return 0, nil
	case n > maxElements:
		return 0, fmt.Errorf("the shape %s has more than %d elements", shape(dims), int64(maxElements))
	}
	return n, nil
}

// shape returns dims for an error, cut if a file made them long.
func shape(dims []int64) string {
	const most = 16
	if len(dims) <= most {
		return fmt.Sprint(dims)
	}
	return fmt.Sprintf("%v and %d more", dims[:most], len(dims)-most)
}

func external(t *onnxpb.TensorProto) bool {
	return t.DataLocation == onnxpb.TensorProto_EXTERNAL
}

// bytesOf returns the bytes of so many elements.
func bytesOf(t onnxpb.TensorProto_DataType, n int64) int64 { return (n*typeBits(t) + 7) / 8 }

// checkTensor returns an error if a tensor's data do not have its shape.
func (m *Model) checkTensor(t *onnxpb.TensorProto) error {
	n, err := elements(t.Dims)
	if err != nil {
		return err
	}
	kind := dataType(t)
	typed := len(t.FloatData) + len(t.DoubleData) + len(t.Int32Data) + len(t.Int64Data) + len(t.Uint64Data) + len(t.StringData)
	switch {
	case t.Segment != nil:
		return errors.New("it is a segment of a tensor, which is not supported")
	case kind != onnxpb.TensorProto_STRING && typeBits(kind) == 0:
		return fmt.Errorf("unknown element type %d", t.DataType)
	case external(t):
		if kind == onnxpb.TensorProto_STRING {
			return errors.New("its strings are in another file, which ONNX does not allow")
		}
		if typed > 0 || len(t.RawData) > 0 {
			return errors.New("its data are both in another file and in the model")
		}
		return m.checkExternal(t)
	case t.DataLocation != onnxpb.TensorProto_DEFAULT:
		return fmt.Errorf("unknown location %d of its data", t.DataLocation)
	case len(t.RawData) > 0:
		if typed > 0 {
			return errors.New("its data are in two fields")
		}
		if want := bytesOf(kind, n); kind == onnxpb.TensorProto_STRING || int64(len(t.RawData)) != want {
			return fmt.Errorf("%d bytes of data for the shape %s of %s, which takes %d", len(t.RawData), shape(t.Dims), kind, want)
		}
		return nil
	}
	have, want := typedElements(t), n
	switch {
	case kind == onnxpb.TensorProto_COMPLEX64 || kind == onnxpb.TensorProto_COMPLEX128:
		want = 2 * n
	case typeBits(kind) < 8 && kind != onnxpb.TensorProto_STRING && int64(have) != n: // some writers do not pack them
		want = bytesOf(kind, n)
	}
	if have != typed {
		return fmt.Errorf("its data are in a field that is not that of %s", kind)
	}
	if int64(have) != want {
		return fmt.Errorf("%d elements of data for the shape %s of %s, which takes %d", have, shape(t.Dims), kind, want)
	}
	return nil
}

// typedElements returns the length of the field for elements of a tensor's type.
func typedElements(t *onnxpb.TensorProto) int {
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_COMPLEX64:
		return len(t.FloatData)
	case onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_COMPLEX128:
		return len(t.DoubleData)
	case onnxpb.TensorProto_INT64:
		return len(t.Int64Data)
	case onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64:
		return len(t.Uint64Data)
	case onnxpb.TensorProto_STRING:
		return len(t.StringData)
	}
	return len(t.Int32Data)
}

// raw returns the data of a tensor, not one of strings, as little-endian bytes.
func (m *Model) raw(t *onnxpb.TensorProto) ([]byte, error) {
	if external(t) {
		b, err := m.readExternal(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		return b, nil
	}
	if len(t.RawData) > 0 {
		return t.RawData, nil
	}
	return typedBytes(t), nil
}

// typedBytes returns the data in a tensor's typed field as little-endian bytes.
func typedBytes(t *onnxpb.TensorProto) []byte {
	kind := dataType(t)
	b := make([]byte, 0, int64(typedElements(t))*max(typeBits(kind), 8)/8)
	switch kind {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_COMPLEX64:
		for _, v := range t.FloatData {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_COMPLEX128:
		for _, v := range t.DoubleData {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	case onnxpb.TensorProto_INT64:
		for _, v := range t.Int64Data {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
	case onnxpb.TensorProto_UINT64:
		for _, v := range t.Uint64Data {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	case onnxpb.TensorProto_UINT32:
		for _, v := range t.Uint64Data {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	default:
		bits := int(typeBits(kind))
		n, _ := elements(t.Dims)
		packed := bytesOf(kind, n)
		if bits < 8 && int64(len(t.Int32Data)) != packed { // one element in each number
			b = b[:packed]
			for i, v := range t.Int32Data {
				b[i*bits/8] |= byte(v) & (1<<bits - 1) << (i * bits % 8)
			}
			break
		}
		for _, v := range t.Int32Data {
			switch bits {
			case 32:
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			case 16:
				b = binary.LittleEndian.AppendUint16(b, uint16(v))
			default:
				b = append(b, byte(v))
			}
		}
	}
	return b
}

// floats returns the elements of a tensor of floating-point numbers, as float32.
func (m *Model) floats(t *onnxpb.TensorProto) ([]float32, error) {
	var at func(b []byte, i int) float32
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT:
		at = func(b []byte, i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])) }
	case onnxpb.TensorProto_DOUBLE:
		at = func(b []byte, i int) float32 {
			return float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
	case onnxpb.TensorProto_FLOAT16:
		at = func(b []byte, i int) float32 { return isrlu.Float16(binary.LittleEndian.Uint16(b[2*i:])).Float32() }
	case onnxpb.TensorProto_BFLOAT16:
		at = func(b []byte, i int) float32 { return isrlu.BFloat16(binary.LittleEndian.Uint16(b[2*i:])).Float32() }
	default:
		return nil, fmt.Errorf("tensor %q holds %s, not floating-point numbers", t.Name, dataType(t))
	}
	b, err := m.raw(t)
	if err != nil {
		return nil, err
	}
	x := make([]float32, int64(len(b))*8/typeBits(dataType(t)))
	for i := range x {
		x[i] = at(b, i)
	}
	return x, nil
}

// ints returns the elements of a tensor of integers or truth values, which are 0
// and 1.
func (m *Model) ints(t *onnxpb.TensorProto) ([]int64, error) {
	var at func(b []byte, i int) int64
	switch dataType(t) {
	case onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT64:
		at = func(b []byte, i int) int64 { return int64(binary.LittleEndian.Uint64(b[8*i:])) }
	case onnxpb.TensorProto_INT32:
		at = func(b []byte, i int) int64 { return int64(int32(binary.LittleEndian.Uint32(b[4*i:]))) }
	case onnxpb.TensorProto_UINT32:
		at = func(b []byte, i int) int64 { return int64(binary.LittleEndian.Uint32(b[4*i:])) }
	case onnxpb.TensorProto_INT16:
		at = func(b []byte, i int) int64 { return int64(int16(binary.LittleEndian.Uint16(b[2*i:]))) }
	case onnxpb.TensorProto_UINT16:
		at = func(b []byte, i int) int64 { return int64(binary.LittleEndian.Uint16(b[2*i:])) }
	case onnxpb.TensorProto_INT8:
		at = func(b []byte, i int) int64 { return int64(int8(b[i])) }
	case onnxpb.TensorProto_UINT8:
		at = func(b []byte, i int) int64 { return int64(b[i]) }
	case onnxpb.TensorProto_BOOL:
		at = func(b []byte, i int) int64 { return int64(min(b[i], 1)) }
	case onnxpb.TensorProto_UINT4:
		at = func(b []byte, i int) int64 { return int64(b[i/2] >> (i % 2 * 4) & 15) }
	case onnxpb.TensorProto_INT4:
		at = func(b []byte, i int) int64 { return int64(int8(b[i/2]<<(4-i%2*4)) >> 4) }
	case onnxpb.TensorProto_UINT2:
		at = func(b []byte, i int) int64 { return int64(b[i/4] >> (i % 4 * 2) & 3) }
	case onnxpb.TensorProto_INT2:
		at = func(b []byte, i int) int64 { return int64(int8(b[i/4]<<(6-i%4*2)) >> 6) }
	default:
		return nil, fmt.Errorf("tensor %q holds %s, not integers", t.Name, dataType(t))
	}
	b, err := m.raw(t)
	if err != nil {
		return nil, err
	}
	n, err := elements(t.Dims)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if n > math.MaxInt {
		return nil, fmt.Errorf("tensor %q has more elements than fit into memory", t.Name)
	}
	x := make([]int64, n)
	for i := range x {
		x[i] = at(b, i)
		if x[i] < 0 && dataType(t) == onnxpb.TensorProto_UINT64 {
			return nil, fmt.Errorf("tensor %q has the element %d, beyond int64", t.Name, uint64(x[i]))
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

// setFloats gives a tensor other elements, in the shape and element type that it
// has. It becomes one of the model's own file.
func setFloats(t *onnxpb.TensorProto, x []float32) error {
	n, err := elements(t.Dims)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if int64(len(x)) != n {
		return fmt.Errorf("tensor %q has %d elements, got %d", t.Name, n, len(x))
	}
	var b []byte
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT:
		b = floatTensor("", nil, x...).RawData
	case onnxpb.TensorProto_DOUBLE:
		b = make([]byte, 0, 8*len(x))
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
		}
	case onnxpb.TensorProto_FLOAT16:
		b = make([]byte, 0, 2*len(x))
		for i, v := range x {
			h := isrlu.ToFloat16(v)
			if math.IsInf(float64(h.Float32()), 0) && !math.IsInf(float64(v), 0) {
				return fmt.Errorf("tensor %q: element %d is %g, beyond float16", t.Name, i, v)
			}
			b = binary.LittleEndian.AppendUint16(b, uint16(h))
		}
	case onnxpb.TensorProto_BFLOAT16:
		b = make([]byte, 0, 2*len(x))
		for _, v := range x {
			b = binary.LittleEndian.AppendUint16(b, uint16(isrlu.ToBFloat16(v)))
		}
	default:
		return fmt.Errorf("tensor %q holds %s, not floating-point numbers", t.Name, dataType(t))
	}
	t.RawData = b
	t.FloatData, t.DoubleData, t.Int32Data = nil, nil, nil
	t.ExternalData, t.DataLocation = nil, onnxpb.TensorProto_DEFAULT
	return nil
}
