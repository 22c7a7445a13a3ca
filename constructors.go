package isrlu

// plain binds a row that has no parameters, which cannot fail.
func plain(name string) *Function { return bind(findRow(name)) }

// Identity returns f(x) = x.
func Identity() *Function { return plain("identity") }

// ReLU returns f(x) = max(x, 0). Its derivative at 0 is 0.
func ReLU() *Function { return plain("relu") }

// LeakyReLU returns f(x) = x for x >= 0 and slope x below. The slope must be
// positive and finite. The derivative at 0 is the slope.
func LeakyReLU(slope float64) (*Function, error) { return New("leaky_relu", slope) }

// ISRLU returns the inverse square root linear unit, f(x) = x for x >= 0 and
// x/sqrt(1 + alpha x^2) below, with range (-1/sqrt(alpha), +Inf) (Carlile et
// al. 2017, eq. 1). alpha must be positive and finite, in float32 too.
func ISRLU(alpha float64) (*Function, error) { return New("isrlu", alpha) }

// ISRU returns the inverse square root unit, f(x) = x/sqrt(1 + alpha x^2),
// with range (-1/sqrt(alpha), 1/sqrt(alpha)); it takes the place of tanh
// (Carlile et al. 2017, eq. 3). With alpha = 1 the range is that of tanh, with
// alpha = 2/3 the third derivative at 0; the slope there is always 1. alpha must
// be positive and finite.
func ISRU(alpha float64) (*Function, error) { return New("isru", alpha) }

// ISRUSigmoid returns f(x) = (1 + ISRU(x))/2, which takes the place of the
// logistic sigmoid; for alpha = 1 its range is (0, 1) (Carlile et al. 2017,
// section 4). Its slope at 0 is 1/2, twice that of the logistic function: see
// [ISRUSigmoidScaled]. alpha must be positive and finite.
func ISRUSigmoid(alpha float64) (*Function, error) { return New("isru_sigmoid", alpha) }

// ISRUSigmoidScaled returns f(x) = (1 + ISRU(scale x))/2, that is
// (1 + u/sqrt(1 + alpha u^2))/2 with u = scale x. Its range is
// (1/2 - 1/(2 sqrt(alpha)), 1/2 + 1/(2 sqrt(alpha))), which is (0, 1) for
// alpha = 1, and its slope at 0 is scale/2.
//
// With alpha = 1 and scale = 1/2 it matches the logistic function, which is
// (1 + tanh(x/2))/2, as ISRU matches tanh: the range and the slope 1/4 at 0 are
// the same, and no value differs by more than 0.037. alpha = 2/3 matches the
// third derivative too, but leaves [0, 1]. The tails are wider, 1 - f(x) ~ 1/x^2.
// docs/recurrent.md has more.
//
// alpha and scale must be positive and finite, and alpha scale^2 a normal
// float32. Gradients dy must be such that dy scale/2 does not overflow. It takes
// no longer than [ISRUSigmoid].
func ISRUSigmoidScaled(alpha, scale float64) (*Function, error) {
	return New("isru_sigmoid", alpha, scale)
}

// DyISRU returns f(x) = scale x/sqrt(beta + x^2), the element-wise counterpart
// of RMSNorm with scale = sqrt(C) for C channels (Stollenwerk 2026). scale must
// be finite and not zero, beta positive and finite.
func DyISRU(scale, beta float64) (*Function, error) { return New("dyisru", scale, beta) }

// ELU returns the exponential linear unit, f(x) = x for x >= 0 and
// alpha (e^x - 1) below (Clevert et al. 2016). alpha must be positive and
// finite.
func ELU(alpha float64) (*Function, error) { return New("elu", alpha) }

// SELU returns the scaled ELU that keeps activations normalized (Klambauer et
// al. 2017).
func SELU() *Function { return plain("selu") }

// Tanh returns the hyperbolic tangent.
func Tanh() *Function { return plain("tanh") }

// Sigmoid returns the logistic function, f(x) = 1/(1 + e^-x).
func Sigmoid() *Function { return plain("sigmoid") }

// Softplus returns f(x) = log(1 + e^x).
func Softplus() *Function { return plain("softplus") }

// SiLU returns f(x) = x/(1 + e^-x), also called swish. It is not monotonic, so
// that its derivative is not a function of the output.
func SiLU() *Function { return plain("silu") }

// GELU returns f(x) = x Phi(x) with the normal distribution function, that is
// x (1 + erf(x/sqrt(2)))/2.
func GELU() *Function { return plain("gelu") }

// GELUTanh returns the approximation of GELU by tanh,
// f(x) = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2.
func GELUTanh() *Function { return plain("gelu_tanh") }
