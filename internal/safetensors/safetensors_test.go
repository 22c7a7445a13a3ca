package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// golden is a file as the format's description has it, byte by byte.
const golden = "\x90\x00\x00\x00\x00\x00\x00\x00" +
	`{"__metadata__":{"a":"<b>"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"one":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}` +
	"      " +
	"\x00\x00\x80\x3f\x00\x00\x00\xc0" + "\x00\x00\xc0\x7f"

func goldenTensors() []Tensor[float32] {
	return []Tensor[float32]{
		{"x", []int{1, 2}, []float32{1, -2}},
		{"one", nil, []float32{math.Float32frombits(0x7fc00000)}},
	}
}

func TestFileIsAsTheFormatSays(t *testing.T) {
	f, err := Open(strings.NewReader(golden), int64(len(golden)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Metadata["a"] != "<b>" || !slices.Equal(f.Names(), []string{"x", "one"}) || f.Elements() != 3 {
		t.Errorf("metadata %v, names %v, %d elements", f.Metadata, f.Names(), f.Elements())
	}
	for _, want := range goldenTensors() {
		got := Tensor[float32]{want.Name, want.Shape, make([]float32, len(want.Data))}
		if err := Read(f, got); err != nil {
			t.Fatal(err)
		}
		for i, v := range want.Data {
			if math.Float32bits(got.Data[i]) != math.Float32bits(v) {
				t.Errorf("%s[%d] is %v, expected %v", want.Name, i, got.Data[i], v)
			}
		}
	}
	var b bytes.Buffer
	if err := Write(&b, map[string]string{"a": "<b>"}, goldenTensors()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if n := binary.LittleEndian.Uint64(b.Bytes()); n%8 != 0 || again.Metadata["a"] != "<b>" || !bytes.HasSuffix(b.Bytes(), []byte(golden[len(golden)-12:])) {
		t.Errorf("wrote %q", b.Bytes())
	}
}

func TestLargeTensorsSurvive(t *testing.T) {
	data := make([]float64, 100_003) // more than a buffer, and not a multiple of one
	for i := range data {
		data[i] = math.Sqrt(float64(i))
	}
	var b bytes.Buffer
	if err := Write(&b, nil, []Tensor[float64]{{"a", []int{3}, data[:3]}, {"b", []int{100_003}, data}, {"empty", []int{2, 0}, nil}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(data))
	if err := Read(f, Tensor[float64]{"b", []int{100_003}, got}); err != nil || !slices.Equal(got, data) {
		t.Errorf("the data differs, %v", err)
	}
	if err := Read(f, Tensor[float64]{"empty", []int{2, 0}, nil}); err != nil {
		t.Error(err)
	}
}

func TestWrongTensorsAreNotWritten(t *testing.T) {
	for what, tensors := range map[string][]Tensor[float32]{
		"two tensors":  {{"a", []int{1}, []float32{1}}, {"a", []int{1}, []float32{1}}},
		"__metadata__": {{"__metadata__", []int{1}, []float32{1}}},
		"has 1 elem":   {{"a", []int{2}, []float32{1}}},
		"[-1 -1]":      {{"a", []int{-1, -1}, []float32{1}}},
	} {
		if err := Write(io.Discard, nil, tensors); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := Write(&full{room: 20}, nil, goldenTensors()); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("full")

// full is a writer with little room.
type full struct{ room int }

func (w *full) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// A header of many small tensors, or with a wrong length, takes no memory beyond
// its own size.
func TestHeaderIsBounded(t *testing.T) {
	for _, n := range []uint64{MaxHeader + 1, 1 << 40, math.MaxInt64, math.MaxUint64} {
		file := binary.LittleEndian.AppendUint64(nil, n)
		if _, err := Open(bytes.NewReader(file), math.MaxInt64); err == nil || !strings.Contains(err.Error(), "more than 16777216") {
			t.Errorf("length %d: %v", n, err)
		}
	}
}
