package onnx

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// wrap returns a message with one field, of bytes.
func wrap(field protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The numbers of fields are those of the format.
const (
	fieldGraph       = 7
	fieldNode        = 1
	fieldInput       = 1
	fieldAttribute   = 5
	fieldInitializer = 5
	fieldG           = 6
	fieldInt64Data   = 7
)

func TestMemoryStaysInProportion(t *testing.T) {
	empty := wrap(fieldNode, nil)
	inGraph := func(b []byte) []byte { return wrap(fieldGraph, b) }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"millions of empty nodes":        {inGraph(slices.Repeat(empty, 5_000_000)), "more parts"},
		"millions of empty initializers": {inGraph(slices.Repeat(wrap(fieldInitializer, nil), 1_000_000)), "more parts"},
		"millions of empty inputs":       {inGraph(wrap(fieldNode, slices.Repeat(wrap(fieldInput, nil), 1_000_000))), "more parts"},
		"millions of empty attributes":   {inGraph(wrap(fieldNode, slices.Repeat(wrap(fieldAttribute, nil), 1_000_000))), "more parts"},
		"millions of graphs":             {slices.Repeat(inGraph(nil), 1_000_000), "more parts"},
		"a few empty nodes":              {inGraph(slices.Repeat(empty, freeParts/2)), "opset"},
		"numbers":                        {inGraph(wrap(fieldInitializer, wrap(fieldInt64Data, make([]byte, 1_000_000)))), "opset"},
		"unpacked numbers":               {inGraph(wrap(fieldInitializer, slices.Repeat([]byte{fieldInt64Data << 3, 1}, 1_000_000))), "opset"},
		"unknown fields":                 {append(inGraph(nil), slices.Repeat([]byte{0xf8, 0x07, 1}, 1_000_000)...), "opset"},
	} {
		var err error
		got := allocated(func() { _, err = Decode(c.data) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if limit := uint64(128*len(c.data)) + 64<<20; got > limit {
			t.Errorf("%s: %d bytes of a file take %d of memory", name, len(c.data), got)
		}
	}
}

// The largest number of parts that a file may have must not take more than the
// package promises.
func TestFilesFullOfPartsTakeBoundedMemory(t *testing.T) {
	// A node with an input of two bytes and an operator: 9 bytes for two parts.
	node := append(wrap(fieldInput, []byte("ab")), wrap(4, []byte("A"))...)
	data := wrap(fieldGraph, slices.Repeat(wrap(fieldNode, node), 500_000))
	var err error
	got := allocated(func() { _, err = Decode(data) })
	if err == nil || !strings.Contains(err.Error(), "opset") {
		t.Error(err)
	}
	if got > uint64(128*len(data)) {
		t.Errorf("%d bytes of a file take %d of memory", len(data), got)
	}
}

func TestDeepModelsAreRefused(t *testing.T) {
	graph := func(depth int) []byte {
		var g []byte
		for range depth {
			g = wrap(fieldNode, wrap(fieldAttribute, wrap(fieldG, g)))
		}
		return wrap(fieldGraph, g)
	}
	for _, depth := range []int{10, 32, 33, 1000, 3000} {
		_, err := Decode(graph(depth))
		if deep := err != nil && strings.Contains(err.Error(), "deep in one another"); err == nil || deep != (depth >= 33) {
			t.Errorf("%d graphs in one another: %v", depth, err)
		}
	}
	// Groups, which the format has not, are skipped without an end to the stack.
	groups := slices.Repeat([]byte{0xfb, 0x07}, 1_000_000)
	if _, err := Decode(groups); err == nil {
		t.Error("a million open groups are a model")
	}
}

// checkSize and the decoder must agree on what is damaged.
func TestSizeCheckTakesEveryValidModel(t *testing.T) {
	for name, p := range sampleModels() {
		if err := checkSize(withUnknown(protoBytes(t, p))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, b := range [][]byte{{0x80}, {0x3a}, {0x3a, 5, 1}, {0x08}, {0x0d, 1}, {0x3c}, {0x07, 1}, {0x00}} {
		if err := checkSize(b); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("%s: %v", fmt.Sprint(i, b), err)
		}
	}
}
