package isrlu

import (
	"slices"
	"testing"

	"github.com/isrlu/isrlu/internal/reference"
)

// has reports whether f has the direction, by what the kernels say.
func has(f *Function, d Direction) bool {
	switch d {
	case BackwardFromOutput:
		return f.HasBackwardFromOutput()
	case SecondDerivative:
		return f.HasSecondDerivative()
	case Inverse:
		return f.HasInverse()
	case ParameterGradient:
		return len(f.Params()) > 0
	case ParameterGradient2:
		return len(f.Params()) > 1
	}
	return true
}

// TestEveryRowIsWhole: a registered function has its text, its truth, kernels
// of both types at every level, and a documented bound for every direction.
func TestEveryRowIsWhole(t *testing.T) {
	for _, r := range rows {
		f := Must(New(r.Name))
		if r.Title == "" || r.Formula == "" || r.Derivative == "" {
			t.Errorf("%s: incomplete text", r.Name)
		}
		if (r.DerivativeFromOutput != "") != f.HasBackwardFromOutput() {
			t.Errorf("%s: formula %q for the derivative from the output, kernel %v", r.Name, r.DerivativeFromOutput, f.HasBackwardFromOutput())
		}
		if len(f.Info().Precisions) == 0 {
			t.Errorf("%s: no precision has kernels", r.Name)
		}
		truth, ok := reference.Lookup(r.Name)
		if !ok {
			t.Errorf("%s: no truth", r.Name)
			continue
		}
		for d, there := range map[Direction]bool{
			Forward: truth.Value != nil, Backward: truth.Derivative != nil,
			BackwardFromOutput: truth.DerivativeFromOutput != nil, SecondDerivative: truth.Second != nil,
			Inverse: truth.Inverse != nil, ParameterGradient: truth.ParamDerivative != nil,
		} {
			if there != has(f, d) {
				t.Errorf("%s: %v has a truth: %v, a kernel: %v", r.Name, d, there, has(f, d))
			}
		}
		for _, d := range Directions() {
			for p := range precisionNames {
				g := f.WithPrecision(Precision(p))
				stated := g.Bound(d) != Bound{} && g.Bound64(d) != Bound{}
				if stated != has(f, d) {
					t.Errorf("%s %v %v: bound stated: %v, kernel there: %v", r.Name, d, Precision(p), stated, has(f, d))
				}
			}
		}
	}
	if len(bounds32) != len(rows) || len(bounds64) != len(rows) {
		t.Errorf("%d functions, %d and %d entries in the bounds", len(rows), len(bounds32), len(bounds64))
	}
}

func TestEveryLevelHasEveryKernel(t *testing.T) {
	forEachFunction(t, func(t *testing.T, f *Function) {
		base := Must(New(f.Name()))
		for i, there := range []bool{
			f.k32.Forward != nil, f.k32.Backward != nil, f.k64.Forward != nil, f.k64.Backward != nil,
			(f.k32.BackwardOutput != nil) == base.HasBackwardFromOutput(),
			(f.k64.BackwardOutput != nil) == base.HasBackwardFromOutput(),
			(f.k32.ParamGrad0 != nil) == (len(base.Params()) > 0), (f.k64.ParamGrad0 != nil) == (len(base.Params()) > 0),
			(f.k32.ParamGrad1 != nil) == (len(base.Params()) > 1), (f.k64.ParamGrad1 != nil) == (len(base.Params()) > 1),
		} {
			if !there {
				t.Errorf("kernel %d is missing", i)
			}
		}
	})
}

// TestExactIsTheSameEverywhere compares all levels bit for bit.
func TestExactIsTheSameEverywhere(t *testing.T) {
	x, dy := normal32(5000, 4), normal32(5000, 1)
	for _, info := range Functions() {
		want, want64 := make([]float32, len(x)), make([]float64, len(x))
		for i, level := range SIMDLevels() {
			f, err := Must(New(info.Name)).WithPrecision(Exact).WithSIMD(level)
			if err != nil {
				t.Fatal(err)
			}
			y, y64 := make([]float32, len(x)), make([]float64, len(x))
			f.Forward(y, x)
			f.Backward(y, dy, y)
			f.Forward64(y64, widen(x))
			if i == 0 {
				copy(want, y)
				copy(want64, y64)
				continue
			}
			for j := range y {
				if y[j] != want[j] || y64[j] != want64[j] {
					t.Fatalf("%s on %s: element %d is %v and %v, portable %v and %v", info.Name, level, j, y[j], y64[j], want[j], want64[j])
				}
			}
		}
	}
}

// TestExtremeParametersStayFinite: every alpha that is accepted gives a curve,
// never NaN.
func TestExtremeParametersStayFinite(t *testing.T) {
	x := []float32{-3e38, -1e30, -1, -1e-30, 0, 1e-30, 1, 1e30, 3e38}
	for _, name := range []string{"isrlu", "isru", "isru_sigmoid"} {
		var params [][]float64
		for _, alpha := range []float64{1e-45, 1e-38, 1e-30, 1e-10, 1, 1e10, 1e30, 3e38} {
			params = append(params, []float64{alpha})
		}
		if name == "isru_sigmoid" {
			params = append(params, [][]float64{{1, 1.1e-19}, {1, 9e18}, {1e36, 1.2e-37}, {1e-37, 2e37}, {3e38, 1e-30}, {1e-30, 1e30}}...)
		}
		for _, p := range params {
			f, err := New(name, p...)
			if err != nil {
				t.Fatal(err)
			}
			scale := float32(1)
			if len(f.Params()) > 1 {
				scale = float32(f.Params()[1])
			}
			p32 := f.Params() // as the float32 kernels have them
			for i, v := range p32 {
				p32[i] = float64(float32(v))
			}
			for p := range precisionNames {
				y := make([]float32, len(x))
				g := f.WithPrecision(Precision(p))
				g.Forward(y, x)
				truth, _ := reference.Lookup(name)
				for i, v := range y {
					want := truth.Value(float64(x[i]), p32)
					if !(abs(float64(v)-want) <= 1e-3*abs(want)+1e-3) && !(want > 1e38) {
						t.Errorf("%s %v: f(%v) = %v, want %v", g, Precision(p), x[i], v, want)
					}
				}
				dy := slices.Clone(x)
				for i := range dy {
					dy[i] /= max(1, scale) // dy scale/2 may overflow
				}
				g.Backward(y, dy, x)
				for i, v := range y {
					if v != v {
						t.Errorf("%s %v: the derivative at %v is NaN", g, Precision(p), x[i])
					}
				}
			}
		}
	}
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
