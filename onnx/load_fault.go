package onnx

import (
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A fault is a node that the engine does not have.
type fault struct {
	node   *onnxpb.NodeProto
	reason string
}

// maxFaults is how many an error names.
const maxFaults = 20

// An unsupportedError names all nodes that the engine does not have.
type unsupportedError struct{ faults []fault }

func (e *unsupportedError) Error() string {
	var b strings.Builder
	b.WriteString("the engine cannot hold this model:")
	for i, f := range e.faults {
		if i == maxFaults {
			fmt.Fprintf(&b, "\n  and %d more", len(e.faults)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", label(f.node), f.reason)
	}
	return b.String()
}
