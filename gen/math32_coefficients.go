package main

// Coefficients, highest power first, already float32. They start from minimax
// fits and were then moved, in steps of an ulp, to where the largest error of
// the whole function in float32 is least.
var (
	expC   = [...]float64{0.008297636173665524, 0.04191538318991661, 0.16667574644088745, 0.49998894333839417, 0.9999997019767761, 1.0000001192092896}
	expm1C = [...]float64{0.001370696, 0.00837089587, 0.0416710116, 0.166664913, 0.499999762, 1}
	log1pC = [...]float64{0.00523228897, -0.0295039564, 0.0782262012, -0.136634111, 0.191060364, -0.248429403, 0.333190322, -0.499994338, 0.999999702}
	geluP  = [...]float64{-0.000101347192, 0.000213298583, 0.000594475656, -0.0017614261, -0.00464992179, 0.0109471045, 0.0712080598, 0.170792699, 0.252757043}

	// erfcx(a/sqrt 2)/2 as a quotient, for the derivative.
	geluBackP = [...]float64{0.00407841662, 0.0403950252, 0.18255505, 0.437418252, 0.5}
	geluBackQ = [...]float64{0.010222951, 0.101261944, 0.46766755, 1.19974482, 1.67272151, 1}

	expNegC   = [...]float64{-0.00829804782, 0.0418998599, -0.16667597, 0.499991298, -0.999999702, 1}
	expSoftC  = [...]float64{4.94586649e-10, 2.49847965e-09, 9.93480143e-09, 2.98016634e-08, 5.96046199e-08, 5.9604659e-08}
	expSmallC = [...]float64{4.94569719e-10, 2.49785637e-09, 9.93472327e-09, 2.98017255e-08, 5.96046128e-08, 5.96046412e-08}
	seluC     = [...]float64{0.00137060205, 0.008368521, 0.0416710563, 0.166665033, 0.499999672, 1}
	// (e^(-r/2) - 1)/r
	expm1HalfC = [...]float64{2.15933524e-05, -0.000261657406, 0.00260423869, -0.0208334085, 0.124999933, -0.499999881}
	expTanhC   = [...]float64{-1.53475543e-08, 1.08665631e-06, -6.05532332e-05, 0.00254569366, -0.0713548064, 1.00000012}

	expm1TwiceC   = scaled(expm1C[:], 2, 2)
	expSeluC      = scaled(expC[:], 0x1p-24*seluLambda*seluAlpha, 1)
	expTwiceC     = scaled(expC[:], 0x1p-30, 2)
	expHalfSmallC = scaled(expC[:], 0x1p-32, -0.5)
	expm1NegC     = scaled(expm1C[:], 1, -1)
)

// seluAtMinusInf is -scale alpha, moved with seluC.
const seluAtMinusInf = -1.75809932

// geluDen makes u a variable in which geluP has the least degree; geluShift
// spreads the rounding errors of its steps over the range.
const (
	geluDen   = 0.345833451
	geluShift = 0.7
)

// scaled turns the coefficients of p(t) into those of c p(s t).
func scaled(p []float64, c, s float64) []float64 {
	q := make([]float64, len(p))
	f := c
	for i := len(p) - 1; i >= 0; i-- {
		q[i] = p[i] * f
		f *= s
	}
	return q
}
