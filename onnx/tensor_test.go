package onnx

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// withBytes returns a copy of a tensor whose data are in the field of bytes.
func withBytes(t *onnxpb.TensorProto) *onnxpb.TensorProto {
	c := &onnxpb.TensorProto{Name: t.Name + " as bytes", Dims: t.Dims, DataType: t.DataType, RawData: typedBytes(t)}
	return c
}

func TestIntegersOfAllTypesAreRead(t *testing.T) {
	of := func(kind onnxpb.TensorProto_DataType, list ...int32) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: kind.String(), Dims: []int64{4}, DataType: int32(kind), Int32Data: list}
	}
	for _, c := range []struct {
		tensor *onnxpb.TensorProto
		want   []int64
	}{
		{&onnxpb.TensorProto{Dims: []int64{4}, DataType: int32(onnxpb.TensorProto_INT64), Int64Data: []int64{0, -1, math.MinInt64, math.MaxInt64}}, []int64{0, -1, math.MinInt64, math.MaxInt64}},
		{&onnxpb.TensorProto{Dims: []int64{4}, DataType: int32(onnxpb.TensorProto_UINT64), Uint64Data: []uint64{0, 1, 2, math.MaxInt64}}, []int64{0, 1, 2, math.MaxInt64}},
		{&onnxpb.TensorProto{Dims: []int64{4}, DataType: int32(onnxpb.TensorProto_UINT32), Uint64Data: []uint64{0, 1, 1 << 31, 1<<32 - 1}}, []int64{0, 1, 1 << 31, 1<<32 - 1}},
		{of(onnxpb.TensorProto_INT32, 0, -1, math.MinInt32, math.MaxInt32), []int64{0, -1, math.MinInt32, math.MaxInt32}},
		{of(onnxpb.TensorProto_INT16, 0, -1, -32768, 32767), []int64{0, -1, -32768, 32767}},
		{of(onnxpb.TensorProto_UINT16, 0, 1, 32768, 65535), []int64{0, 1, 32768, 65535}},
		{of(onnxpb.TensorProto_INT8, 0, -1, -128, 127), []int64{0, -1, -128, 127}},
		{of(onnxpb.TensorProto_UINT8, 0, 1, 128, 255), []int64{0, 1, 128, 255}},
		{of(onnxpb.TensorProto_BOOL, 0, 1, 2, 255), []int64{0, 1, 1, 1}},
		{of(onnxpb.TensorProto_INT4, 0xf7, 0x08), []int64{7, -1, -8, 0}},
		{of(onnxpb.TensorProto_INT4, 7, -1, -8, 0), []int64{7, -1, -8, 0}},
		{of(onnxpb.TensorProto_UINT4, 0xf7, 0x08), []int64{7, 15, 8, 0}},
		{of(onnxpb.TensorProto_UINT4, 7, 15, 8, 0), []int64{7, 15, 8, 0}},
		{of(onnxpb.TensorProto_INT2, 0b00_10_11_01), []int64{1, -1, -2, 0}},
		{of(onnxpb.TensorProto_INT2, 1, -1, -2, 0), []int64{1, -1, -2, 0}},
		{of(onnxpb.TensorProto_UINT2, 0b00_10_11_01), []int64{1, 3, 2, 0}},
	} {
		var m Model
		for _, x := range []*onnxpb.TensorProto{c.tensor, withBytes(c.tensor)} {
			if err := m.checkTensor(x); err != nil {
				t.Errorf("%s: %v", x.Name, err)
				continue
			}
			if got, err := m.ints(x); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, %v, want %v", x.Name, got, err, c.want)
			}
			if _, err := m.floats(x); err == nil || !strings.Contains(err.Error(), "not floating-point") {
				t.Errorf("%s as floats: %v", x.Name, err)
			}
		}
	}
	var m Model
	large := &onnxpb.TensorProto{Name: "l", Dims: []int64{1}, DataType: int32(onnxpb.TensorProto_UINT64), Uint64Data: []uint64{1 << 63}}
	if _, err := m.ints(large); err == nil || !strings.Contains(err.Error(), "9223372036854775808") {
		t.Errorf("a number beyond int64: %v", err)
	}
}

func TestFloatsOfAllTypesAreReadAndSet(t *testing.T) {
	want := []float32{0, 1, -1.5, float32(math.Inf(1))}
	bits := func(b ...int32) []int32 { return b }
	var m Model
	for _, c := range []*onnxpb.TensorProto{
		{DataType: int32(onnxpb.TensorProto_FLOAT), FloatData: want},
		{DataType: int32(onnxpb.TensorProto_DOUBLE), DoubleData: []float64{0, 1, -1.5, math.Inf(1)}},
		{DataType: int32(onnxpb.TensorProto_FLOAT16), Int32Data: bits(0, 0x3c00, 0xbe00, 0x7c00)},
		{DataType: int32(onnxpb.TensorProto_BFLOAT16), Int32Data: bits(0, 0x3f80, 0xbfc0, 0x7f80)},
	} {
		c.Name, c.Dims = dataType(c).String(), []int64{2, 2}
		for _, x := range []*onnxpb.TensorProto{c, withBytes(c)} {
			if err := m.checkTensor(x); err != nil {
				t.Errorf("%s: %v", x.Name, err)
			}
			if got, err := m.floats(x); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v", x.Name, got, err)
			}
			if _, err := m.ints(x); err == nil || !strings.Contains(err.Error(), "not integers") {
				t.Errorf("%s as integers: %v", x.Name, err)
			}
			other := []float32{5, -0.25, 2, 4096}
			if err := setFloats(x, other); err != nil {
				t.Fatal(err)
			}
			if err := m.checkTensor(x); err != nil {
				t.Errorf("%s: %v", x.Name, err)
			}
			if got, err := m.floats(x); err != nil || !slices.Equal(got, other) {
				t.Errorf("%s: %v, %v", x.Name, got, err)
			}
		}
	}
}

func TestSetFloatsRefusesWhatDoesNotFit(t *testing.T) {
	half := &onnxpb.TensorProto{Name: "w", Dims: []int64{2}, DataType: int32(onnxpb.TensorProto_FLOAT16), RawData: []byte{0, 0x3c, 0, 0x3c}}
	whole := intTensor("w", []int64{2}, 1, 2)
	for _, c := range []struct {
		tensor *onnxpb.TensorProto
		x      []float32
		want   string
	}{
		{half, []float32{1, 70000}, "70000"},
		{half, []float32{1}, "2 elements"},
		{half, []float32{1, 2, 3}, "2 elements"},
		{whole, []float32{1, 2}, "INT64"},
	} {
		before := proto.CloneOf(c.tensor)
		if err := setFloats(c.tensor, c.x); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"w"`) {
			t.Errorf("%v: %v", c.x, err)
		}
		if !proto.Equal(before, c.tensor) {
			t.Errorf("%v: the tensor changed", c.x)
		}
	}
	if err := setFloats(half, []float32{float32(math.Inf(-1)), 65504}); err != nil {
		t.Error(err)
	}
}

func TestTensorsOfNoElements(t *testing.T) {
	var m Model
	for _, x := range []*onnxpb.TensorProto{
		{DataType: 1, Dims: []int64{0}},
		{DataType: 1, Dims: []int64{0}, RawData: []byte{}},
		{DataType: 1, Dims: []int64{1 << 30, 0, 1 << 30}},
		floatTensor("", []int64{0}),
	} {
		if err := m.checkTensor(x); err != nil {
			t.Error(err)
		}
		if got, err := m.floats(x); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := m.ints(x); err == nil {
			t.Error("no floats are integers")
		}
	}
}

func TestTensorsAreLittleEndian(t *testing.T) {
	if b := floatTensor("", nil, 1).RawData; binary.LittleEndian.Uint32(b) != math.Float32bits(1) || len(b) != 4 {
		t.Errorf("1 is %v", b)
	}
	if b := intTensor("", nil, 258).RawData; !slices.Equal(b, []byte{2, 1, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("258 is %v", b)
	}
}
