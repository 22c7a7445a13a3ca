package onnx

import (
	"fmt"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
)

// parseFunction returns the function that somebody names. ONNX has no operators for
// units of hardware.
func parseFunction(spec string) (*isrlu.Function, error) {
	if hdl.IsSpec(spec) {
		function, _, _ := strings.Cut(spec, "@")
		return nil, fmt.Errorf("%s is a unit of hardware, which ONNX models cannot hold; take the function %s", spec, function)
	}
	f, err := isrlu.Parse(spec)
	if err != nil {
		return nil, plainError(err)
	}
	return f, nil
}
