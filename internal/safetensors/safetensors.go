// Package safetensors reads and writes tensors of floats in the safetensors
// format, as https://github.com/huggingface/safetensors describes it: the length
// of the header in 8 bytes, the header in JSON, and the data of all tensors, one
// after the other. All numbers are little-endian.
//
// It is for checkpoints, whose tensors are known beforehand: a file's header is
// read first and checked against the file's size, and each tensor then goes
// straight into the memory that waits for it, so that no file, however wrong,
// takes more memory than its header. The Go package
// github.com/nlpodyssey/safetensors has no released version and wants the whole
// file, and a second copy of it when writing, in one slice.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unsafe"
)

// Float is the element type of tensors that are read and written.
type Float interface{ float32 | float64 }

// MaxHeader is the most bytes that a header may have.
const MaxHeader = 16 << 20

// maxDims is the most dimensions that a tensor may have.
const maxDims = 8

// metadataKey is the member of the header that is not a tensor.
const metadataKey = "__metadata__"

// A Tensor is a name, a shape and the elements, the last dimension the fastest.
type Tensor[T Float] struct {
	Name  string
	Shape []int
	Data  []T
}

// TypeOf returns the format's name of an element type: F32 or F64.
func TypeOf[T Float]() string {
	if sizeOf[T]() == 4 {
		return "F32"
	}
	return "F64"
}

func sizeOf[T Float]() int {
	var z T
	return int(unsafe.Sizeof(z))
}

// An entry is a tensor in the header.
type entry struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes a file. Equal arguments give equal bytes.
func Write[T Float](w io.Writer, metadata map[string]string, tensors []Tensor[T]) error {
	header, err := header(metadata, tensors)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	buffer := make([]byte, 0, 1<<16)
	for _, t := range tensors {
		for part := range slices.Chunk(t.Data, cap(buffer)/sizeOf[T]()) {
			if _, err := w.Write(encode(buffer, part)); err != nil {
				return err
			}
		}
	}
	return nil
}

// header returns the JSON header, with spaces up to a multiple of 8 bytes, so
// that the data is aligned.
func header[T Float](metadata map[string]string, tensors []Tensor[T]) ([]byte, error) {
	text, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	h := append([]byte(`{"`+metadataKey+`":`), text...)
	seen := map[string]bool{metadataKey: true}
	var at int64
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		seen[t.Name] = true
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		bytes := int64(len(t.Data)) * int64(sizeOf[T]())
		if size, ok := count(t.Shape); !ok || size != int64(len(t.Data)) {
			return nil, fmt.Errorf("tensor %q of shape %v has %d elements", t.Name, t.Shape, len(t.Data))
		}
		text, err := json.Marshal(entry{TypeOf[T](), slices.Concat([]int{}, t.Shape), [2]int64{at, at + bytes}})
		if err != nil {
			return nil, err
		}
		h = append(append(append(append(h, ','), name...), ':'), text...)
		at += bytes
	}
	h = append(h, '}')
	for len(h)%8 != 0 {
		h = append(h, ' ')
	}
	if len(h) > MaxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than %d", len(h), MaxHeader)
	}
	return h, nil
}

// count returns the number of elements of a shape, if it is one.
func count(shape []int) (n int64, ok bool) {
	if len(shape) > maxDims {
		return 0, false
	}
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt64/16/int64(d) {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}

func encode[T Float](buffer []byte, values []T) []byte {
	for _, v := range values {
		switch v := any(v).(type) {
		case float32:
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		case float64:
			buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(v))
		}
	}
	return buffer
}

func decode[T Float](values []T, from []byte) {
	for i := range values {
		switch to := any(&values[i]).(type) {
		case *float32:
			*to = math.Float32frombits(binary.LittleEndian.Uint32(from[4*i:]))
		case *float64:
			*to = math.Float64frombits(binary.LittleEndian.Uint64(from[8*i:]))
		}
	}
}

var errNotJSON = errors.New("the header is not a JSON object of tensors")

// jsonError says what package json found, with the place.
func jsonError(at int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	return fmt.Errorf("%w: byte %d: %s", errNotJSON, at, strings.TrimPrefix(err.Error(), "json: "))
}

// blank tells whether what follows a JSON value is only padding.
func blank(rest []byte) bool { return len(bytes.TrimLeft(rest, " \t\r\n")) == 0 }
