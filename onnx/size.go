package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A message takes some hundred times as much memory as the two bytes that an empty
// one takes in a file, so that they are counted before any is made, strings of
// lists too. Real models have ten bytes and more to each, without their weights.
const (
	bytesPerPart = 4
	freeParts    = 1 << 16 // in a file of any size
	maxParts     = 1 << 22 // large real models have some 100,000
	maxDepth     = 100     // of messages in messages; a graph in a node's attribute is three deeper
)

var (
	errTruncated    = errors.New("not an ONNX model, or one that is cut short")
	errTooDeep      = fmt.Errorf("the model's parts lie more than %d deep in one another", maxDepth)
	errTooManyParts = errors.New("the model has more parts than its size allows")
)

// checkSize returns an error if the model would take memory beyond proportion to
// its bytes, or is cut short.
func checkSize(data []byte) error {
	left := min(freeParts+len(data)/bytesPerPart, maxParts)
	return countParts(data, (*onnxpb.ModelProto)(nil).ProtoReflect().Descriptor(), maxDepth, &left)
}

func countParts(data []byte, d protoreflect.MessageDescriptor, depth int, left *int) error {
	if depth == 0 {
		return errTooDeep
	}
	fields := d.Fields()
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errTruncated
		}
		data = data[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
				return errTruncated
			}
			data = data[n:]
			continue
		}
		part, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return errTruncated
		}
		data = data[n:]
		f := fields.ByNumber(number)
		if f == nil {
			continue
		}
		message := f.Kind() == protoreflect.MessageKind
		if !message && !(f.IsList() && (f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind)) {
			continue
		}
		if *left--; *left < 0 {
			return errTooManyParts
		}
		if message {
			if err := countParts(part, f.Message(), depth-1, left); err != nil {
				return err
			}
		}
	}
	return nil
}
