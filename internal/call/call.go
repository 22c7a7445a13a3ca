// Package call gives the methods of a function one shape for every element
// type and direction, so that code which measures or checks them is written
// once. It computes nothing itself.
package call

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu"
)

// Float is an element of the slices that functions work on.
type Float interface {
	float32 | float64 | isrlu.BFloat16 | isrlu.Float16
}

// A Type names an element type.
type Type uint8

// The element types.
const (
	Float32 Type = iota
	Float64
	BFloat16
	Float16
)

// Types holds the names of the element types, in the order of the constants.
var Types = []string{"float32", "float64", "bfloat16", "float16"}

func (t Type) String() string { return Types[t] }

// Size returns the bytes of one element.
func (t Type) Size() int { return [...]int{4, 8, 2, 2}[t] }

// ParseType returns the type of that name.
func ParseType(name string) (Type, error) {
	if i := slices.Index(Types, name); i >= 0 {
		return Type(i), nil
	}
	return 0, fmt.Errorf("unknown element type %q; available: %s", name, strings.Join(Types, ", "))
}

// A Func works on slices of one length. Directions that take one input read
// it from in and ignore dy; backward directions multiply dy by the derivative
// at in (the input x, or the output y for the direction from the output), and
// parameter gradients by the derivative with respect to the parameter.
type Func[T Float] func(dst, dy, in []T)

// Has reports whether f has the direction for slices of type t.
func Has(f *isrlu.Function, d isrlu.Direction, t Type) bool {
	switch d {
	case isrlu.Forward, isrlu.Backward:
		return true
	case isrlu.BackwardFromOutput:
		return f.HasBackwardFromOutput()
	case isrlu.SecondDerivative:
		return f.HasSecondDerivative() && t <= Float64
	case isrlu.Inverse:
		return f.HasInverse() && t <= Float64
	}
	i, ok := Parameter(d)
	return ok && i < len(f.Params()) && t <= Float64
}

// Parameter returns the index of the parameter that d is the gradient of, and
// whether it is one.
func Parameter(d isrlu.Direction) (i int, ok bool) {
	switch d {
	case isrlu.ParameterGradient:
		return 0, true
	case isrlu.ParameterGradient2:
		return 1, true
	}
	return 0, false
}

// TakesGradient reports whether the direction reads dy.
func TakesGradient(d isrlu.Direction) bool {
	_, parameter := Parameter(d)
	return d == isrlu.Backward || d == isrlu.BackwardFromOutput || parameter
}

// Of returns the method of f for the direction and the element type T, or nil
// where f has none. The terms of a parameter gradient come one by one: each is
// the sum over a channel of one element.
func Of[T Float](f *isrlu.Function, d isrlu.Direction) Func[T] {
	var fn any
	switch any(*new(T)).(type) {
	case float32:
		fn = of32(f, d)
	case float64:
		fn = of64(f, d)
	case isrlu.BFloat16:
		fn = ofBFloat16(f, d)
	case isrlu.Float16:
		fn = ofFloat16(f, d)
	}
	return fn.(Func[T])
}

func unary[T Float](f func(dst, src []T)) Func[T] {
	return func(dst, _, in []T) { f(dst, in) }
}

// terms returns the terms of the gradient of the parameter that d names.
func terms[T float32 | float64](grad func(i int, grad []float64, dy, x []T, inner int), d isrlu.Direction) Func[T] {
	i, _ := Parameter(d)
	return func(dst, dy, in []T) {
		var sums [256]float64
		for len(in) > 0 {
			n := min(len(in), len(sums))
			grad(i, sums[:n], dy[:n], in[:n], 1)
			for j, s := range sums[:n] {
				dst[j] = T(s)
			}
			dst, dy, in = dst[n:], dy[n:], in[n:]
		}
	}
}

func of32(f *isrlu.Function, d isrlu.Direction) Func[float32] {
	if !Has(f, d, Float32) {
		return nil
	}
	switch d {
	case isrlu.Forward:
		return unary(f.Forward)
	case isrlu.Backward:
		return f.Backward
	case isrlu.BackwardFromOutput:
		return f.BackwardFromOutput
	case isrlu.SecondDerivative:
		return unary(f.SecondDerivative)
	case isrlu.Inverse:
		return unary(f.Inverse)
	default:
		return terms(f.ParamGradChannels, d)
	}
}

func of64(f *isrlu.Function, d isrlu.Direction) Func[float64] {
	if !Has(f, d, Float64) {
		return nil
	}
	switch d {
	case isrlu.Forward:
		return unary(f.Forward64)
	case isrlu.Backward:
		return f.Backward64
	case isrlu.BackwardFromOutput:
		return f.BackwardFromOutput64
	case isrlu.SecondDerivative:
		return unary(f.SecondDerivative64)
	case isrlu.Inverse:
		return unary(f.Inverse64)
	default:
		return terms(f.ParamGradChannels64, d)
	}
}

func ofBFloat16(f *isrlu.Function, d isrlu.Direction) Func[isrlu.BFloat16] {
	if !Has(f, d, BFloat16) {
		return nil
	}
	switch d {
	case isrlu.Forward:
		return unary(f.ForwardBFloat16)
	case isrlu.Backward:
		return f.BackwardBFloat16
	default:
		return f.BackwardFromOutputBFloat16
	}
}

func ofFloat16(f *isrlu.Function, d isrlu.Direction) Func[isrlu.Float16] {
	if !Has(f, d, Float16) {
		return nil
	}
	switch d {
	case isrlu.Forward:
		return unary(f.ForwardFloat16)
	case isrlu.Backward:
		return f.BackwardFloat16
	default:
		return f.BackwardFromOutputFloat16
	}
}
