package onnx

import (
	"math"
	"strconv"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// A form is one way to compute an activation function by several operators.
type form struct {
	kind    string
	pattern *pattern
	read    reader
}

// forms are the composed forms, by exporters and by this package. A form is added
// here: its kind, the function of this module, and its pattern. The first that
// matches counts.
var forms = func() []form {
	var list []form
	add := func(kind, function string, patterns ...string) {
		for _, p := range patterns {
			list = append(list, form{kind, parsePattern(p), func(match) (string, *onnxpb.TensorProto, bool) {
				return function, nil, true
			}})
		}
	}

	const cube = "Mul(x, x, x, 0.044715)"
	add("gelu", "gelu",
		"Mul(x, 0.5, Add(Erf(Mul(x, 0.7071067811865476)), 1))",
		"Mul(x, Add(Mul(Erf(Mul(x, 0.7071067811865476)), 0.5), 0.5))")
	add("gelu_tanh", "gelu_tanh",
		"Mul(x, 0.5, Add(Tanh(Mul(Add(x, "+cube+"), 0.7978845608028654)), 1))",
		"Mul(x, 0.5, Add(Tanh(Mul(x, Add(Mul(x, x, 0.044715), 1), 0.7978845608028654)), 1))",
		"Mul(x, Add(Mul(Tanh(Mul(Add(x, "+cube+"), 0.7978845608028654)), 0.5), 0.5))",
		"Mul(x, Sigmoid(Mul(Add(x, "+cube+"), 1.5957691216057308)))")
	add("silu", "silu", "Mul(x, Sigmoid(x))", "Div(x, Add(Exp(Neg(x)), 1))")
	add("quick_gelu", "", "Mul(x, Sigmoid(Mul(x, 1.702)))")
	add("swish", "", "Mul(x, Sigmoid(Mul(x, beta)))")
	add("mish", "", "Mul(x, Tanh(Softplus(x)))", "Mul(x, Tanh(Log(Add(Exp(x), 1))))")
	for _, relu6 := range []string{"Clip(Add(x, 3), 0, 6)", "Min(Relu(Add(x, 3)), 6)", "Min(Max(Add(x, 3), 0), 6)", "Clip(Relu(Add(x, 3)), _, 6)", "Clip(Relu(Add(x, 3)), 0, 6)"} {
		add("hard_swish", "", "Mul(x, "+relu6+", 0.16666666666666666)")
		add("hard_sigmoid", "", "Mul("+relu6+", 0.16666666666666666)")
	}
	add("hard_swish", "",
		"Mul(x, HardSigmoid[alpha=0.16666666666666666,beta=0.5](x))",
		"Mul(x, Clip(Add(Mul(x, 0.16666666666666666), 0.5), 0, 1))")
	add("hard_sigmoid", "",
		"Clip(Add(Mul(x, 0.16666666666666666), 0.5), 0, 1)",
		"Clip(Add(Mul(x, 0.2), 0.5), 0, 1)")
	add("sigmoid", "sigmoid", "Div(1, Add(Exp(Neg(x)), 1))", "Reciprocal(Add(Exp(Neg(x)), 1))")
	add("softplus", "softplus", "Log(Add(Exp(x), 1))")
	add("softsign", "", "Div(x, Add(Abs(x), 1))")
	add("relu6", "", "Min(Relu(x), 6)", "Min(Max(x, 0), 6)", "Clip(Relu(x), _, 6)", "Clip(Relu(x), 0, 6)", "Clip(x, 0, 6)")
	add("hard_tanh", "", "Clip(x, -1, 1)")

	list = append(list, form{"leaky_relu", parsePattern("Max(x, Mul(x, slope))"), leakyConstants})
	inverseRoot := func(kind string, read reader, patterns ...string) {
		for _, p := range patterns {
			list = append(list, form{kind, parsePattern(p), read})
		}
	}
	// This package's own forms: the argument is bounded where the curve is flat, so
	// that its square does not overflow. ISRLU's root is that of the negative part.
	for _, m := range []string{"Max(x, low)", "Clip(x, low, _)", "Clip(x, low, inf)"} {
		for _, n := range []string{"Min(" + m + ", 0)", "Clip(" + m + ", _, 0)", "Clip(" + m + ", low, 0)"} {
			inverseRoot("isrlu", isrConstants("isrlu"), "Div("+m+", Sqrt(Add(Mul("+n+", "+n+", alpha), 1)))")
		}
	}
	for _, m := range []string{"Clip(x, low, high)", "Min(Max(x, low), high)"} {
		square := "Mul(" + m + ", " + m + ", alpha)"
		inverseRoot("isru", isrConstants("isru"), "Div("+m+", Sqrt(Add("+square+", 1)))")
		inverseRoot("isru_sigmoid", isruSigmoidConstants, "Add(Div("+m+", Sqrt(Add("+square+", four))), 0.5)")
		inverseRoot("dyisru", dyisruConstants, "Mul(Div("+m+", Sqrt(Add(Mul("+m+", "+m+"), beta))), scale)", "Div("+m+", Sqrt(Add(Mul("+m+", "+m+"), beta)))")
	}
	// As people write them in a framework.
	plain := "Div(x, Sqrt(Add(Mul(x, x, alpha), 1)))"
	inverse := "Mul(x, Reciprocal(Sqrt(Add(Mul(x, x, alpha), 1))))"
	quotient := "Mul(x, Div(1, Sqrt(Add(Mul(x, x, alpha), 1))))"
	power := "Mul(x, Pow(Add(Mul(x, x, alpha), 1), -0.5))"
	for _, p := range []string{plain, inverse, quotient, power} {
		inverseRoot("isrlu", isrConstants("isrlu"),
			"Where(Less(x, 0), "+p+", x)", "Where(LessOrEqual(x, 0), "+p+", x)",
			"Where(GreaterOrEqual(x, 0), x, "+p+")", "Where(Greater(x, 0), x, "+p+")")
		inverseRoot("isru", isrConstants("isru"), p)
	}
	return list
}()

// boundIsFlat tells whether the bounds that a match found do not bend the curve.
func boundIsFlat(m match, alpha []float64) bool {
	for _, name := range []string{"low", "high"} {
		b := m.constant(name)
		if b.values == nil {
			continue
		}
		if len(b.values) != 1 && len(b.values) != len(alpha) {
			return false
		}
		for i, a := range alpha {
			v := b.values[min(i, len(b.values)-1)]
			// Rounding may have moved the bound by a little.
			if (v < 0) != (name == "low") || math.Abs(v)*math.Sqrt(a) < 0.99*flat(typeOf(b.tensor)) {
				return false
			}
		}
	}
	return true
}

// A reader tells which function the constants of a match belong to, and the alphas
// of the channels where they differ; not ok where they are none of this kind.
type reader func(m match) (spec string, alpha *onnxpb.TensorProto, ok bool)

// isrConstants reads alpha.
func isrConstants(name string) reader {
	return func(m match) (string, *onnxpb.TensorProto, bool) {
		alpha := m.constant("alpha")
		if !positive(alpha.values) || !boundIsFlat(m, alpha.values) {
			return "", nil, false
		}
		if a, ok := alpha.scalar(); ok {
			spec := specOf(name, shortest(a, alpha.tensor))
			return spec, nil, spec != ""
		}
		return name, alpha.tensor, true
	}
}

// leakyConstants reads the slope of max(x, slope x).
func leakyConstants(m match) (string, *onnxpb.TensorProto, bool) {
	c := m.constant("slope")
	slope, ok := c.scalar()
	if !ok || !(slope > 0 && slope < 1) {
		return "", nil, false
	}
	return specOf("leaky_relu", shortest(slope, c.tensor)), nil, true
}

// isruSigmoidConstants reads alpha and scale from the form x/sqrt(4 alpha x^2 +
// 4/scale^2) + 1/2.
func isruSigmoidConstants(m match) (string, *onnxpb.TensorProto, bool) {
	alpha, root := m.constant("alpha"), m.constant("four")
	four, ok := root.scalar()
	if !ok || !(four > 0) || !positive(alpha.values) {
		return "", nil, false
	}
	scale := shortestOf(2/math.Sqrt(four), func(s float64) bool { return round(4/(s*s), root.tensor) == four })
	var square []float64 // alpha scale^2
	for _, a := range alpha.values {
		square = append(square, a/4*scale*scale)
	}
	if !boundIsFlat(m, square) {
		return "", nil, false
	}
	if a, ok := alpha.scalar(); ok {
		a = shortestOf(a/4, func(v float64) bool { return round(4*v, alpha.tensor) == a })
		spec := specOf("isru_sigmoid", a, scale)
		return spec, nil, spec != ""
	}
	if scale != 1 {
		return "", nil, true // no specification has both alphas of channels and a scale
	}
	var quarters []float32
	for _, a := range alpha.values {
		quarters = append(quarters, float32(a/4))
	}
	t := &onnxpb.TensorProto{Name: alpha.tensor.Name, Dims: alpha.tensor.Dims, DataType: alpha.tensor.DataType}
	if err := setFloats(t, quarters); err != nil {
		return "", nil, false
	}
	return "isru_sigmoid", t, true
}

// dyisruConstants reads scale and beta from the form scale x/sqrt(x^2 + beta).
func dyisruConstants(m match) (string, *onnxpb.TensorProto, bool) {
	b := m.constant("beta")
	beta, ok := b.scalar()
	if !ok || !(beta > 0) || !boundIsFlat(m, []float64{1 / beta}) {
		return "", nil, false
	}
	scale := 1.0
	if c := m.constant("scale"); c.values != nil {
		if scale, ok = c.scalar(); !ok {
			return "", nil, false
		}
		scale = shortest(scale, c.tensor)
	}
	spec := specOf("dyisru", scale, shortest(beta, b.tensor))
	return spec, nil, spec != ""
}

func positive(list []float64) bool {
	for _, v := range list {
		if !(v > 0) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// specOf returns the specification of a function, empty if this module does not
// have it or its parameters are out of range.
func specOf(name string, params ...float64) string {
	f, err := isrlu.New(name, params...)
	if err != nil {
		return ""
	}
	return f.String()
}

func functionInfo(name string) (isrlu.Info, error) {
	f, err := isrlu.New(name)
	if err != nil {
		return isrlu.Info{}, err
	}
	return f.Info(), nil
}

// round returns a number as it stands in a tensor of that one's element type; those
// of float64 are read as float32.
func round(v float64, t *onnxpb.TensorProto) float64 {
	switch typeOf(t) {
	case onnxpb.TensorProto_FLOAT16:
		return float64(isrlu.ToFloat16(float32(v)).Float32())
	case onnxpb.TensorProto_BFLOAT16:
		return float64(isrlu.ToBFloat16(float32(v)).Float32())
	}
	return float64(float32(v))
}

// shortest returns the number with the fewest digits that is v in a tensor: people
// write 0.1 and not 0.10000000149011612.
func shortest(v float64, t *onnxpb.TensorProto) float64 {
	return shortestOf(v, func(w float64) bool { return round(w, t) == round(v, t) })
}

func shortestOf(v float64, same func(float64) bool) float64 {
	for digits := 1; digits < 17; digits++ {
		w, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
		if err == nil && same(w) {
			return w
		}
	}
	return v
}
