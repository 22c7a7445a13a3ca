package isrlu

// A Bound is a documented error bound. A result keeps it if it keeps any of
// its parts that is not zero: ULP is in units in the last place of the exact
// result, Abs the absolute error, and Rel the relative error, which a subnormal
// result keeps as if it were the smallest normal number.
//
// Bounds of backward directions are for dx, the derivative times dy, with the
// rounding of that product; those of parameter gradients are for one term of the
// sum. Bounds are measured with the default parameters: other parameters round
// in float32 as well, which may add half an ulp, and 2 ulp for a scale of the
// ISRU sigmoid that is not a power of two.
type Bound struct{ ULP, Abs, Rel float64 }

// Bound returns the documented bound of the float32 direction d. Those of
// [Forward] hold for all 2^32 arguments; the others come from samples of about
// a million.
func (f *Function) Bound(d Direction) Bound {
	return f.bound(bounds32, d)
}

// Bound64 returns the documented bound of the float64 direction d, which comes
// from samples of some hundred thousand arguments.
func (f *Function) Bound64(d Direction) Bound {
	return f.bound(bounds64, d)
}

// levelBounds are the bounds of Exact, Default and Fast kernels; a zero one is
// that of the precision before it.
type levelBounds struct{ exact, normal, fast Bound }

func all(ulp float64) levelBounds { return levelBounds{exact: Bound{ULP: ulp}} }

func absolute(err float64) levelBounds { return levelBounds{exact: Bound{Abs: err}} }

// clamped are those of results that fall so slowly that they are still normal
// numbers where the kernel clamps its argument.
func clamped(ulp, err float64) levelBounds { return levelBounds{exact: Bound{ULP: ulp, Abs: err}} }

// estimated are the bounds of kernels that use the processor's estimates.
func estimated(exact, normal float64) levelBounds {
	return levelBounds{Bound{ULP: exact}, Bound{ULP: normal}, fastBound}
}

// refined are those of kernels that have no unrefined form.
func refined(exact, normal float64) levelBounds {
	return levelBounds{exact: Bound{ULP: exact}, normal: Bound{ULP: normal}}
}

// withFast are the bounds of one kernel and of a shorter one.
func withFast(ulp float64) levelBounds {
	return levelBounds{exact: Bound{ULP: ulp}, fast: fastBound}
}

// fastBound is that of the Fast precision.
var fastBound = Bound{Rel: 0x1p-11}

type functionBounds [numDirections]levelBounds

var bounds32 = map[string]functionBounds{
	"identity":   {all(0.5), all(0.5), all(0.5)},
	"relu":       {all(0.5), all(0.5), all(0.5)},
	"leaky_relu": {all(0.51), all(0.51), all(0.51), ParameterGradient: all(0.51)},
	"isrlu":      {estimated(2, 4), refined(4, 4), estimated(3.5, 4), all(12), all(2), all(9)},
	"isru":       {estimated(2, 4), refined(4, 4), estimated(3.5, 4), all(12), all(2), all(9)},
	// (1 + curve)/2 cancels in the lower tail.
	"isru_sigmoid": {{Bound{Abs: 1e-7}, Bound{Abs: 2e-7}, Bound{Abs: 0x1p-12}},
		refined(4, 4), estimated(3.5, 4), all(12), all(2.5), all(9), clamped(7, 1e-35)},
	"dyisru":    {estimated(2, 4), refined(4, 4), estimated(4, 4.5), all(12), all(2), all(3), absolute(2.5e-7)},
	"elu":       {withFast(1.25), all(5.25), all(1.5), ParameterGradient: all(2.25)},
	"selu":      {all(2.2), all(8.5), absolute(3.5e-7)}, // y + 1.758 cancels
	"tanh":      {withFast(3.75), all(8), all(1.5)},
	"sigmoid":   {withFast(3.5), all(10), all(1.5)},
	"softplus":  {all(3.6), all(5), all(2)},
	"silu":      {withFast(3.75), absolute(5e-7)}, // the derivative has a zero
	"gelu":      {withFast(3.75), absolute(5e-7)},
	"gelu_tanh": {all(3.75), absolute(5e-7)},
}

var bounds64 = map[string]functionBounds{
	"identity":   {all(0.5), all(0.5), all(0.5)},
	"relu":       {all(0.5), all(0.5), all(0.5)},
	"leaky_relu": {all(0.51), all(0.51), all(0.51), ParameterGradient: all(1)},
	"isrlu":      {estimated(2, 2.5), all(4), estimated(4, 4), all(12), all(2), all(8.5)},
	"isru":       {estimated(2, 2.5), all(4), estimated(4, 4), all(12), all(2), all(8.5)},
	"isru_sigmoid": {{Bound{Abs: 2e-16}, Bound{Abs: 2e-16}, Bound{Abs: 0x1p-12}},
		all(4), all(4), all(12), all(2.5), all(8.5), clamped(7, 1e-240)},
	"dyisru":    {estimated(2, 2.5), all(4), estimated(4.5, 4.5), all(12), all(2), all(3), absolute(4e-16)},
	"elu":       {all(1.5), all(2), all(1.5), ParameterGradient: all(2)},
	"selu":      {all(2), all(2.5), absolute(6e-16)},
	"tanh":      {all(3), all(4.75), all(1.5)},
	"sigmoid":   {all(2.5), all(5), all(1.5)},
	"softplus":  {all(2.5), all(3.25), all(2.25)},
	"silu":      {all(3.5), absolute(1e-15)},
	"gelu":      {all(5), absolute(1e-15)},
	"gelu_tanh": {all(3.2), absolute(6e-15)},
}

func (f *Function) bound(table map[string]functionBounds, d Direction) Bound {
	if d >= numDirections {
		return Bound{}
	}
	b := table[f.row.Name][d]
	switch {
	case f.precision == Fast && b.fast != (Bound{}):
		return b.fast
	case f.precision != Exact && b.normal != (Bound{}):
		return b.normal
	}
	return b.exact
}
