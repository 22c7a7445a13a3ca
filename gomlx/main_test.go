package gomlx

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/gomlx/internal/devices"
)

// testBackend is GoMLX's in Go. Its operations run one after the other: in parallel it
// may wait for itself for ever on few cores.
var testBackend = func() backends.Backend {
	b, err := simplego.New("ops_sequential")
	if err != nil {
		panic(err)
	}
	return b
}()

type float interface{ float32 | float64 }

// A richBackend has the operations for which layers are made in another way where they
// are missing.
var richBackend = func() backends.Backend {
	b, err := devices.New(1)
	if err != nil {
		panic(err)
	}
	return b
}()

// run returns the outputs of a graph.
func run(t *testing.T, f func(in []*Node) []*Node, inputs ...any) []*tensors.Tensor {
	t.Helper()
	return runContext(t, testBackend, context.New(), func(_ *Graph, in []*Node) []*Node { return f(in) }, inputs...)
}

// flat returns the elements of a tensor.
func flat[T float](t *testing.T, x *tensors.Tensor) []T {
	t.Helper()
	v, err := tensors.CopyFlatData[T](x)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wholeRange returns numbers from the whole range of T with both signs, dense where the
// functions bend, and special values.
func wholeRange[T float]() []T {
	var list []T
	least, most := 1e-45, 3.4e38
	if _, ok := any(T(0)).(float64); ok {
		least, most = 5e-324, 1.7e308
	}
	for v := least; v < most && v > 0; v *= 9.7 {
		list = append(list, T(v), T(-v))
	}
	for v := 1. / 64; v < 64; v *= 1.07 {
		list = append(list, T(v), T(-v))
	}
	inf, nan := math.Inf(1), math.NaN()
	for _, v := range []float64{0, math.Copysign(0, -1), inf, -inf, nan, most, -most, least, -least, 1, -1, 1.8e19, -1.9e19} {
		list = append(list, T(v))
	}
	return list
}

// near tells whether got is want within a relative or an absolute error. Zeros must have
// the same sign, and infinities and NaN are what they are.
func near(got, want, relative, absolute float64) bool {
	switch {
	case math.IsNaN(want) || math.IsNaN(got):
		return math.IsNaN(want) && math.IsNaN(got)
	case math.IsInf(want, 0) || want == 0 && absolute == 0:
		return got == want && math.Signbit(got) == math.Signbit(want)
	}
	return math.Abs(got-want) <= max(relative*math.Abs(want), absolute)
}

// runContext returns the outputs of a graph with variables.
func runContext(t *testing.T, b backends.Backend, ctx *context.Context, f func(g *Graph, in []*Node) []*Node, inputs ...any) []*tensors.Tensor {
	t.Helper()
	exec, err := context.NewExec(b, ctx, func(ctx *context.Context, in []*Node) []*Node { return f(in[0].Graph(), in) })
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
