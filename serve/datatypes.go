package serve

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
)

// A datatype is one of the protocol's.
type datatype struct {
	name  string
	size  int                    // bytes
	read  func(b []byte) float64 // one element, little-endian
	whole bool                   // whole numbers
	least float64                // of whole numbers
	most  float64
	json  bool // may stand in JSON
}

var little = binary.LittleEndian

// numberTypes are those of inputs that are numbers. UINT8 is for pixels.
var numberTypes = []datatype{
	{name: "FP32", size: 4, json: true, read: func(b []byte) float64 { return float64(math.Float32frombits(little.Uint32(b))) }},
	{name: "FP64", size: 8, json: true, read: func(b []byte) float64 { return math.Float64frombits(little.Uint64(b)) }},
	{name: "FP16", size: 2, read: func(b []byte) float64 { return float64(isrlu.Float16(little.Uint16(b)).Float32()) }},
	{name: "BF16", size: 2, read: func(b []byte) float64 { return float64(isrlu.BFloat16(little.Uint16(b)).Float32()) }},
}

var pixelType = datatype{name: "UINT8", size: 1, json: true, whole: true, most: 255, read: func(b []byte) float64 { return float64(b[0]) }}

// tokenTypes are those of inputs that are tokens.
var tokenTypes = []datatype{
	{name: "INT64", size: 8, json: true, whole: true, read: func(b []byte) float64 { return float64(int64(little.Uint64(b))) }},
	{name: "INT32", size: 4, json: true, whole: true, read: func(b []byte) float64 { return float64(int32(little.Uint32(b))) }},
	{name: "UINT32", size: 4, json: true, whole: true, read: func(b []byte) float64 { return float64(little.Uint32(b)) }},
	{name: "UINT8", size: 1, json: true, whole: true, read: pixelType.read},
}

// datatype finds the type of an input by its name.
func (m *Model) inputType(name string) (datatype, error) {
	types := numberTypes
	if m.Tokens > 0 {
		types = tokenTypes
	} else if m.Pixels != nil {
		types = append(slices.Clip(numberTypes), pixelType)
	}
	var names []string
	for _, t := range types {
		if t.name == name {
			if m.Tokens > 0 {
				t.most = float64(m.Tokens - 1)
			}
			return t, nil
		}
		names = append(names, t.name)
	}
	return datatype{}, badRequestf("the datatype of input %q must be one of %s, got %q", m.Input.Name, strings.Join(names, ", "), shorten(name))
}

// check makes sure that whole numbers are some that the type holds.
func (t datatype) check(x []float32) error {
	if !t.whole {
		return nil
	}
	for i, v := range x {
		if f := float64(v); !(f >= t.least && f <= t.most && f == math.Trunc(f)) {
			return badRequestf("element %d is %v; expected whole numbers from %v to %v", i, v, t.least, t.most)
		}
	}
	return nil
}

// decode sets dst to the elements in src, which must be as many.
func (t datatype) decode(dst []float32, src []byte) error {
	if t.name == "FP32" {
		for i := range dst {
			dst[i] = math.Float32frombits(little.Uint32(src[4*i:]))
		}
		return nil
	}
	for i := range dst {
		v := t.read(src[t.size*i:])
		if t.whole && !(v >= t.least && v <= t.most) {
			return badRequestf("element %d is %v; expected whole numbers from %v to %v", i, v, t.least, t.most)
		}
		dst[i] = float32(v)
	}
	return nil
}

// appendBinary appends numbers as FP32.
func appendBinary(b []byte, x []float32) []byte {
	for _, v := range x {
		b = little.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
