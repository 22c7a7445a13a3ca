package gomlx

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/isrlu/isrlu"
)

// A testCase is a function of this package beside that of package isrlu.
type testCase struct {
	spec  string
	param float64 // that has a gradient
	index int     // of it among those of the spec
	with  func(x, param *Node, from Backward) *Node
}

var cases = func() []testCase {
	var list []testCase
	for _, a := range []float64{1, 3, .37, 1e-3, 1e6} {
		list = append(list,
			testCase{fmt.Sprintf("isrlu:%v", a), a, 0, ISRLUWith},
			testCase{fmt.Sprintf("isru:%v", a), a, 0, ISRUWith})
	}
	for _, scale := range []float64{1, .5, 20} {
		list = append(list, testCase{fmt.Sprintf("isru_sigmoid:1,%v", scale), 1, 0, func(x, p *Node, from Backward) *Node { return ISRUSigmoidWith(x, p, scale, from) }})
	}
	for _, scale := range []float64{1, -5.5} {
		for _, beta := range []float64{1, 30.25, 1e-3} {
			list = append(list, testCase{fmt.Sprintf("dyisru:%v,%v", scale, beta), beta, 1, func(x, p *Node, from Backward) *Node { return DyISRUWith(x, scale, p, from) }})
		}
	}
	return list
}()

// forwardBackward runs a function and its gradients for dy: y, dx and that of the
// parameter.
func forwardBackward[T float](t *testing.T, c testCase, from Backward, x, dy []T) (y, dx []T, dparam T) {
	t.Helper()
	out := run(t, func(in []*Node) []*Node {
		y := c.with(in[0], in[2], from)
		loss := ReduceAllSum(Mul(y, in[1]))
		return append([]*Node{y}, Gradient(loss, in[0], in[2])...)
	}, x, dy, T(c.param))
	return flat[T](t, out[0]), flat[T](t, out[1]), flat[T](t, out[2])[0]
}

func tolerance[T float]() float64 {
	if _, ok := any(T(0)).(float64); ok {
		return 1e-14
	}
	return 1e-6
}

func TestFunctionsAreThoseOfPackageIsrlu(t *testing.T) {
	t.Run("float32", testFunctions[float32])
	t.Run("float64", testFunctions[float64])
}

// Over the whole range of numbers: values, gradients from the input to the same relative
// error, and those from the output to the same error of the largest.
func testFunctions[T float](t *testing.T) {
	x := wholeRange[T]()
	dy := make([]T, len(x))
	for i := range dy {
		dy[i] = 1 + T(i%7)/4
	}
	for _, c := range cases {
		f := isrlu.Must(isrlu.Parse(c.spec)).WithPrecision(isrlu.Exact)
		wantY, wantDX := make([]T, len(x)), make([]T, len(x))
		forward(f, wantY, x)
		backward(f, wantDX, dy, x)
		most := 0.
		for _, v := range wantDX {
			if !math.IsNaN(float64(v)) {
				most = max(most, math.Abs(float64(v)))
			}
		}
		tol := tolerance[T]()
		for _, from := range []Backward{FromInput, FromOutput} {
			y, dx, _ := forwardBackward(t, c, from, x, dy)
			for i, v := range x {
				absolute := 0.
				if f.Name() == "isru_sigmoid" {
					absolute = tol / 10
				}
				if !near(float64(y[i]), float64(wantY[i]), tol, absolute) {
					t.Errorf("%s %v: f(%v) = %v, want %v", c.spec, from, v, y[i], wantY[i])
				}
				absolute = 0
				if from == FromOutput {
					absolute = most * tol
				}
				if tiny := float64(smallestNormal[T]()); math.Abs(float64(wantDX[i])) < tiny {
					absolute = max(absolute, tiny)
				}
				if !near(float64(dx[i]), float64(wantDX[i]), 3*tol, absolute) {
					t.Errorf("%s %v: gradient at %v = %v, want %v", c.spec, from, v, dx[i], wantDX[i])
				}
			}
		}
	}
}

func smallestNormal[T float]() T {
	if _, ok := any(T(0)).(float64); ok {
		return T(math.Float64frombits(1 << 52))
	}
	return T(0x1p-126)
}

func forward[T float](f *isrlu.Function, y, x []T) {
	switch x := any(x).(type) {
	case []float32:
		f.Forward(any(y).([]float32), x)
	case []float64:
		f.Forward64(any(y).([]float64), x)
	}
}

func backward[T float](f *isrlu.Function, dx, dy, x []T) {
	switch x := any(x).(type) {
	case []float32:
		f.Backward(any(dx).([]float32), any(dy).([]float32), x)
	case []float64:
		f.Backward64(any(dx).([]float64), any(dy).([]float64), x)
	}
}

// The gradient of a parameter is the sum over the finite inputs of dy df/dp.
func TestParameterGradients(t *testing.T) {
	t.Run("float32", testParameterGradients[float32])
	t.Run("float64", testParameterGradients[float64])
}

func testParameterGradients[T float](t *testing.T) {
	var x, dy []T
	for i := range 400 {
		x = append(x, T(math.Sinh(float64(i-200)/25)))
		dy = append(dy, T(i%5)-1.5)
	}
	for _, c := range cases {
		f := isrlu.Must(isrlu.Parse(c.spec)).WithPrecision(isrlu.Exact)
		var want float64
		switch x := any(x).(type) {
		case []float32:
			want = f.ParamGrad(c.index, any(dy).([]float32), x)
		case []float64:
			want = f.ParamGrad64(c.index, any(dy).([]float64), x)
		}
		// The sum's terms may cancel: what counts is the error beside the largest.
		most := 0.
		for i := range x {
			a, b := []float64{float64(dy[i])}, []float64{float64(x[i])}
			most = max(most, math.Abs(f.ParamGrad64(c.index, a, b)))
		}
		for _, from := range []Backward{FromInput, FromOutput} {
			_, _, got := forwardBackward(t, c, from, x, dy)
			if !near(float64(got), want, 0, 20*tolerance[T]()*most) {
				t.Errorf("%s %v: gradient of the parameter = %v, want %v", c.spec, from, got, want)
			}
		}
	}
}

// Finite differences, independent of package isrlu.
func TestGradientsAreFiniteDifferences(t *testing.T) {
	x := []float64{-30, -4, -1.3, -.6, -.01, .02, .7, 1.9, 5, 44}
	ones := make([]float64, len(x))
	for i := range ones {
		ones[i] = 1
	}
	for _, c := range cases {
		value := func(shift, grow float64) []float64 {
			moved := make([]float64, len(x))
			for i, v := range x {
				moved[i] = v + shift
			}
			d := c
			d.param *= grow
			y, _, _ := forwardBackward(t, d, FromInput, moved, ones)
			return y
		}
		for _, from := range []Backward{FromInput, FromOutput} {
			_, dx, dp := forwardBackward(t, c, from, x, ones)
			const h = 1e-5
			up, down := value(h, 1), value(-h, 1)
			for i, v := range x {
				want := (up[i] - down[i]) / (2 * h)
				// The differences see the function's bend at alpha = 1e6.
				if !near(dx[i], want, 1e-5, 1e-8) && c.param < 1e5 && c.param > 1e-2 {
					t.Errorf("%s %v: gradient at %v = %v, finite differences give %v", c.spec, from, v, dx[i], want)
				}
			}
			up, down = value(0, 1+h), value(0, 1-h)
			want := 0.
			for i := range up {
				want += (up[i] - down[i]) / (2 * h * c.param)
			}
			if !near(dp, want, 1e-6, 1e-8/c.param) {
				t.Errorf("%s %v: gradient of the parameter = %v, finite differences give %v", c.spec, from, dp, want)
			}
		}
	}
}

// One parameter for each channel: the gradients are those of the columns by themselves.
func TestParametersOfChannels(t *testing.T) {
	alphas := []float64{1, .3, 2.5}
	x := [][]float64{{-1, -2, .5}, {3, -.4, -7}}
	for _, with := range []func(x, alpha *Node, from Backward) *Node{ISRLUWith, ISRUWith} {
		graph := func(in []*Node) []*Node {
			y := with(in[0], in[1], Auto)
			return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, y)), in[0], in[1])...)
		}
		all := run(t, graph, x, alphas)
		y, dx, da := flat[float64](t, all[0]), flat[float64](t, all[1]), flat[float64](t, all[2])
		for c, a := range alphas {
			one := run(t, graph, []float64{x[0][c], x[1][c]}, a)
			oneY, oneDX, oneDA := flat[float64](t, one[0]), flat[float64](t, one[1]), flat[float64](t, one[2])
			for i := range 2 {
				if y[3*i+c] != oneY[i] || dx[3*i+c] != oneDX[i] {
					t.Errorf("channel %d, row %d: %v and %v, by itself %v and %v", c, i, y[3*i+c], dx[3*i+c], oneY[i], oneDX[i])
				}
			}
			if !near(da[c], oneDA[0], 1e-14, 0) {
				t.Errorf("channel %d: gradient of alpha %v, by itself %v", c, da[c], oneDA[0])
			}
		}
	}
}

// Elements of 16 bits are computed in float32 and rounded once, which GoMLX's backend in
// Go does towards 0.
func TestBFloat16(t *testing.T) {
	var x []bfloat16.BFloat16
	for bits := range 1 << 16 {
		x = append(x, bfloat16.FromBits(uint16(bits)))
	}
	in := tensors.FromFlatDataAndDimensions(x, len(x))
	for _, spec := range []string{"isrlu:1", "isru:3"} {
		f := isrlu.Must(isrlu.Parse(spec))
		out := run(t, func(in []*Node) []*Node {
			y := Apply(in[0], spec)
			return append([]*Node{y}, Gradient(ReduceAllSum(ConvertDType(y, dtypes.Float32)), in[0])...)
		}, in)
		y, err := tensors.CopyFlatData[bfloat16.BFloat16](out[0])
		if err != nil {
			t.Fatal(err)
		}
		dx, err := tensors.CopyFlatData[bfloat16.BFloat16](out[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			v64, want, one := []float64{float64(v.Float32())}, []float64{0}, []float64{1}
			f.Forward64(want, v64)
			if !near(float64(y[i].Float32()), want[0], 0x1p-7, 1e-40) {
				t.Errorf("%s(%v) = %v, want %v", spec, v64, y[i], want)
			}
			f.Backward64(want, one, v64)
			if !near(float64(dx[i].Float32()), want[0], 0x1p-7, 1e-37) {
				t.Errorf("%s: gradient at %v = %v, want %v", spec, v64, dx[i], want)
			}
		}
	}
}
