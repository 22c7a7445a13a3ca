package hdl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/reference"
)

// shape is how a function on all numbers follows from one on a >= 0, its half.
type shape uint8

const (
	odd        shape = iota // f(-a) = -f(a);         half f(a)
	unitRight               // f(x) = x for x >= 0;   half -f(-a)
	aroundHalf              // f(-a) = 1 - f(a);      half f(a) - 1/2
	even                    // f(-a) = f(a);          half f(a)
	oneRight                // f(x) = 1 for x >= 0;   half f(-a)
	positive                // x > 0 only;            half f(a)
)

// A Function is what a unit computes.
type Function struct {
	spec       string // without the derivative's mark
	name       string
	params     []float64
	derivative bool
	shape      shape
	value      func(x float64) float64
}

// shapes are those of the functions that units exist for, and of the derivatives of
// some.
var shapes = map[string]shape{
	"isrlu": unitRight, "isru": odd, "isru_sigmoid": aroundHalf, "rsqrt": positive,
	"elu": unitRight, "tanh": odd, "sigmoid": aroundHalf,
	"isrlu'": oneRight, "isru'": even, "isru_sigmoid'": even,
}

// FunctionNames are those that [ParseFunction] takes; [HasDerivative] tells which of
// them have a unit for the derivative.
func FunctionNames() []string {
	return []string{"isrlu", "isru", "isru_sigmoid", "rsqrt", "elu", "tanh", "sigmoid"}
}

// HasDerivative tells whether there are units for the function's derivative.
func HasDerivative(name string) bool {
	_, ok := shapes[name+"'"]
	return ok
}

// ParseFunction returns the function of a specification as [isrlu.Parse] takes it,
// such as "isrlu", "isru:3" or "isru_sigmoid:1,0.5", or "rsqrt", the inverse square
// root of positive numbers. A prime at the end, as in "isrlu:3'", asks for the
// derivative.
func ParseFunction(spec string) (*Function, error) {
	f := &Function{}
	f.spec, f.derivative = strings.CutSuffix(spec, "'")
	name, _, parameters := strings.Cut(f.spec, ":")
	if !slices.Contains(FunctionNames(), name) {
		return nil, fmt.Errorf("hdl: there are no units for %q; there are for %s", name, strings.Join(FunctionNames(), ", "))
	}
	if name == "rsqrt" {
		if parameters {
			return nil, fmt.Errorf("hdl: rsqrt has no parameters, got %q", spec)
		}
		f.name, f.value = "rsqrt", reference.Rsqrt
	} else {
		g, err := isrlu.Parse(f.spec)
		if err != nil {
			return nil, fmt.Errorf("hdl: %s", strings.TrimPrefix(err.Error(), "isrlu: "))
		}
		f.spec, f.name, f.params = g.String(), g.Name(), g.Params()
		r, ok := reference.Lookup(f.name)
		if !ok {
			return nil, fmt.Errorf("hdl: %s has no reference", f.name)
		}
		of := r.Value
		if f.derivative {
			of = r.Derivative
		}
		f.value = func(x float64) float64 { return of(x, f.params) }
		if f.name == "isru_sigmoid" && !f.derivative {
			f.value = func(x float64) float64 { return isruSigmoid(x, f.params[0], f.params[1]) }
		}
	}
	f.shape = shapes[f.name]
	if f.derivative {
		if !HasDerivative(f.name) {
			return nil, fmt.Errorf("hdl: there are no units for the derivative of %s", f.name)
		}
		f.shape = shapes[f.name+"'"]
	}
	return f, nil
}

// Name returns the name without parameters.
func (f *Function) Name() string { return f.name }

// Derivative tells whether the function is the derivative of the one with its name.
func (f *Function) Derivative() bool { return f.derivative }

// String returns what [ParseFunction] takes.
func (f *Function) String() string {
	if f.derivative {
		return f.spec + "'"
	}
	return f.spec
}

// Value returns f(x), accurate to a small part of a unit's ulp: the truth that errors
// are measured against. The inverse square root of a negative number is NaN.
func (f *Function) Value(x float64) float64 { return f.value(x) }

// isruSigmoid returns (1 + w)/2 with w = s x/sqrt(1 + alpha (s x)^2), for negative x as
// (1 - w^2)/(2 (1 - w)), which does not cancel where it is small.
func isruSigmoid(x, alpha, s float64) float64 {
	z := s * x
	h := math.Hypot(1, math.Sqrt(alpha)*z)
	w := z / h
	if math.IsInf(z, 0) {
		w = math.Copysign(1/math.Sqrt(alpha), z)
	}
	if alpha < 1 || z >= 0 || math.IsInf(z, 0) {
		return (1 + w) / 2
	}
	return ((1/h)/h + (alpha-1)*w*w) / (2 * (1 - w))
}

// half returns what a unit computes for a >= 0, before it puts the halves together.
func (f *Function) half(a float64) float64 {
	switch f.shape {
	case unitRight:
		return -f.value(-a)
	case aroundHalf:
		return f.value(a) - 0.5
	case oneRight:
		return f.value(-a)
	}
	return f.value(a)
}

// identifier returns a name for Verilog, such as isrlu_alpha_0p5_derivative.
func (f *Function) identifier() string {
	s := strings.NewReplacer(":", "_", ",", "_", ".", "p", "-", "m", "+", "").Replace(f.spec)
	if f.derivative {
		s += "_derivative"
	}
	return s
}

// isr returns s and alpha of an inverse square root unit, whose half is s a r(a) or,
// for a derivative, s r(a)^3 with r(a) = (1 + alpha a^2)^(-1/2). It is false for other
// functions.
func (f *Function) isr() (s, alpha float64, ok bool) {
	switch f.name {
	case "isrlu", "isru":
		return 1, f.params[0], true
	case "isru_sigmoid":
		return f.params[1] / 2, f.params[0] * f.params[1] * f.params[1], true
	}
	return 0, math.NaN(), false
}
