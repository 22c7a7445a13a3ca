package check

import (
	"fmt"
	"math"
	"math/big"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
	"github.com/isrlu/isrlu/internal/reference"
)

// truthOf returns the reference for f in a direction, precise enough for
// elements of type t.
func truthOf(f *isrlu.Function, d isrlu.Direction, t call.Type) (Truth, error) {
	ref, ok := reference.Lookup(f.Name())
	if !ok {
		return nil, fmt.Errorf("check: no reference for %s", f.Name())
	}
	p := f.Params()
	if t != call.Float64 {
		// What is not float64 is computed in float32, with parameters that are
		// rounded to it.
		for i := range p {
			p[i] = float64(float32(p[i]))
		}
	}
	value, bigValue := formOf(ref, d)
	if value == nil || t == call.Float64 && bigValue == nil {
		return nil, fmt.Errorf("check: no reference for %s of %s in %v", d, f.Name(), t)
	}
	least, most := math.Inf(-1), math.Inf(1)
	if d == isrlu.BackwardFromOutput {
		// All functions with this direction are monotonic.
		a, b := ref.Value(least, p), ref.Value(most, p)
		least, most = min(a, b), max(a, b)
	}
	return func(in, dy float64) (hi, lo float64, ok bool) {
		if in < least || in > most {
			return 0, 0, false
		}
		if t == call.Float64 && !math.IsNaN(in) && !math.IsInf(in, 0) {
			// Where the result is infinite or undefined, there is no big.Float.
			if v := bigValue(new(big.Float).SetFloat64(in), p); v != nil {
				hi, lo = split(new(big.Float).SetPrec(v.Prec()).Mul(v, big.NewFloat(dy)))
				return hi, lo, true
			}
		}
		v := value(in, p)
		hi = dy * v
		return hi, residue(math.FMA(dy, v, -hi)), true
	}, nil
}

// formOf returns what the reference has for a direction.
func formOf(ref *reference.Func, d isrlu.Direction) (func(float64, []float64) float64, func(*big.Float, []float64) *big.Float) {
	switch d {
	case isrlu.Forward:
		return ref.Value, ref.Big.Value
	case isrlu.Backward:
		return ref.Derivative, ref.Big.Derivative
	case isrlu.BackwardFromOutput:
		return ref.DerivativeFromOutput, ref.Big.DerivativeFromOutput
	case isrlu.SecondDerivative:
		return ref.Second, ref.Big.Second
	case isrlu.Inverse:
		return ref.Inverse, ref.Big.Inverse
	}
	i, ok := call.Parameter(d)
	if !ok || ref.ParamDerivative == nil {
		return nil, nil
	}
	value := func(x float64, p []float64) float64 { return ref.ParamDerivative(i, x, p) }
	if ref.Big.ParamDerivative == nil {
		return value, nil
	}
	return value, func(x *big.Float, p []float64) *big.Float { return ref.Big.ParamDerivative(i, x, p) }
}

// split returns v as hi + lo. Where hi is subnormal, lo is 0: what is left of
// v is less than half the distance of neighbours.
func split(v *big.Float) (hi, lo float64) {
	hi, _ = v.Float64()
	if math.IsInf(hi, 0) {
		return hi, 0
	}
	rest := new(big.Float).SetPrec(v.Prec()).SetFloat64(hi)
	lo, _ = rest.Sub(v, rest).Float64()
	return hi, lo
}

// residue returns the low part of a product, or 0 where the product is not
// finite.
func residue(lo float64) float64 {
	if math.IsNaN(lo) || math.IsInf(lo, 0) {
		return 0
	}
	return lo
}

// boundOf returns the documented bound of f for elements of type t. The 16-bit
// types round the float32 result once more: half an ulp of their own, and the
// error in float32 counted in it.
func boundOf(f *isrlu.Function, d isrlu.Direction, t call.Type) isrlu.Bound {
	if t == call.Float64 {
		return f.Bound64(d)
	}
	b := f.Bound(d)
	if b == (isrlu.Bound{}) || t == call.Float32 {
		return b
	}
	shrink := formats[t].precision - formats[call.Float32].precision
	b.ULP = 0.5 + math.Ldexp(b.ULP, shrink)
	if b.Rel > 0 { // at most 2^precision ulp for a relative error of 1
		b.ULP += math.Ldexp(b.Rel, formats[t].precision)
	}
	if b.Abs > 0 {
		b.Abs += math.Ldexp(1, 1-formats[t].precision) // half an ulp below 4
	}
	return b
}
