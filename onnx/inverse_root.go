package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
)

// The functions with an inverse square root in ONNX's operators.
//
// Squares overflow and infinity over infinity is no number, so that the argument
// is bounded first, far out where the curve is flat to the last bit. ISRLU leaves
// positive arguments as they are: its root is that of the negative part alone, 1
// for the others. Infinities, zeros of both signs and NaN come out as they should
// in runtimes whose Max and Min keep NaN, as those of ONNX Runtime do.

// reach is how far out the bound is, times sqrt(alpha): x/sqrt(1 + x^2) differs
// from 1 by 1/(2 x^2), a quarter of the last bit or less, and x^2 does not overflow.
func reach(t onnxpb.TensorProto_DataType) float64 {
	switch t {
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
		return 0x1p6
	case onnxpb.TensorProto_DOUBLE:
		return 0x1p30
	}
	return 0x1p13
}

// sigmoidReach is the same for (1 + x/sqrt(1 + x^2))/2, where the curve counts
// half: float16 has room for its constants then, such as 16 (1 + x^2) of the
// sigmoid that is matched with the logistic one.
func sigmoidReach(t onnxpb.TensorProto_DataType) float64 {
	if t == onnxpb.TensorProto_FLOAT16 {
		return 45 // 1/(4 x^2) is 2^-13, a quarter of the last bit
	}
	return reach(t)
}

// flat is from where on a bound that is found in a model does not bend the curve.
func flat(t onnxpb.TensorProto_DataType) float64 { return min(reach(t)/2, 0x1p12) }

// alphaRange is where alpha and its bound are normal numbers of a type.
func alphaRange(t onnxpb.TensorProto_DataType) (low, high float64) {
	if t == onnxpb.TensorProto_FLOAT16 {
		return 0x1p-14, 0x1p14
	}
	return 0x1p-120, 0x1p120
}

// checkAlpha returns an error for the factor of x^2, and a constant that is added
// to it, out of the range of the builder's type.
func (b *builder) checkAlpha(what string, v float64) error {
	low, high := alphaRange(b.elem)
	if v < low || v > high {
		return fmt.Errorf("%s = %v is out of the range of %s, %.3g to %.3g", what, v, typeName(b.elem), low, high)
	}
	return nil
}

// bounds returns how far out each of some curves of sqrt(v x^2 + c) is bounded.
func bounds(reach float64, v []float64, c float64) []float64 {
	list := make([]float64, len(v))
	for i := range v {
		list[i] = reach * math.Sqrt(c/v[i])
	}
	return list
}

// clamp returns x within -high to high.
func (b *builder) clamp(x string, high []float64, dims []int64) string {
	low := make([]float64, len(high))
	for i := range high {
		low[i] = -high[i]
	}
	// Before version 12 ONNX Runtime has Clip for float32 alone.
	noClip := b.elem == onnxpb.TensorProto_DOUBLE && b.opset >= 8 && b.opset < 12
	if len(high) > 1 || noClip {
		return b.node("Min", b.node("Max", x, b.numbers("low", dims, low...)), b.numbers("high", dims, high...))
	}
	if b.opset < 11 {
		m := b.node("Clip", x)
		setFloat(b.last(), "min", low[0])
		setFloat(b.last(), "max", high[0])
		return m
	}
	return b.node("Clip", x, b.number("low", low[0]), b.number("high", high[0]))
}

// root returns sqrt(alpha m^2 + c), for |m| in its bounds without overflow on the
// way. An alpha without name is 1.
func (b *builder) root(m, alpha, c string) string {
	am := m
	if alpha != "" {
		am = b.node("Mul", m, alpha)
	}
	return b.node("Sqrt", b.node("Add", b.node("Mul", am, m), c))
}

// factor returns a constant, without name if it is 1.
func (b *builder) factor(what string, dims []int64, v ...float64) string {
	if len(v) == 1 && v[0] == 1 {
		return ""
	}
	return b.numbers(what, dims, v...)
}

// isr adds isrlu or isru with an alpha, or one to each channel in a tensor of
// dims.
func (b *builder) isr(name, x string, dims []int64, alpha ...float64) (string, error) {
	for _, a := range alpha {
		if err := b.checkAlpha("alpha", a); err != nil {
			return "", err
		}
	}
	high := bounds(reach(b.elem), alpha, 1)
	if name == "isru" {
		m := b.clamp(x, high, dims)
		return b.node("Div", m, b.root(m, b.factor("alpha", dims, alpha...), b.number("one", 1))), nil
	}
	m, n, err := b.negativePart(x, high, dims)
	if err != nil {
		return "", err
	}
	return b.node("Div", m, b.root(n, b.factor("alpha", dims, alpha...), b.number("one", 1))), nil
}

// negativePart returns max(x, -high), and the lesser of that and 0. Clip would
// make the largest finite number of infinity where it has no upper bound.
func (b *builder) negativePart(x string, high []float64, dims []int64) (m, n string, err error) {
	if b.opset < 8 { // Max and Min do not broadcast
		if len(high) > 1 {
			return "", "", fmt.Errorf("an alpha to each channel needs version 8 of ONNX's operators (opset) or later, the model has %d", b.opset)
		}
		m = b.node("Clip", x)
		setFloat(b.last(), "min", -high[0])
		setFloat(b.last(), "max", math.Inf(1))
		n = b.node("Clip", m)
		setFloat(b.last(), "min", -high[0])
		setFloat(b.last(), "max", 0)
		return m, n, nil
	}
	low := make([]float64, len(high))
	for i := range high {
		low[i] = -high[i]
	}
	m = b.node("Max", x, b.numbers("low", dims, low...))
	return m, b.node("Min", m, b.number("zero", 0)), nil
}

// isruSigmoid adds (1 + u/sqrt(1 + alpha u^2))/2, u = scale x, as
// x/sqrt(4 alpha x^2 + 4/scale^2) + 1/2, which takes no product more.
func (b *builder) isruSigmoid(x string, scale float64, dims []int64, alpha ...float64) (string, error) {
	c := 4 / (scale * scale)
	four := make([]float64, len(alpha))
	for i, a := range alpha {
		four[i] = 4 * a
		if err := b.checkAlpha("4 alpha", four[i]); err != nil {
			return "", err
		}
		if err := b.checkAlpha("4/scale^2", c); err != nil {
			return "", err
		}
	}
	far := sigmoidReach(b.elem)
	high := bounds(far, four, c)
	if err := b.checkRoot(far, slices.Max(high), c); err != nil {
		return "", err
	}
	m := b.clamp(x, high, dims)
	root := b.root(m, b.factor("four_alpha", dims, four...), b.number("four", c))
	return b.node("Add", b.node("Div", m, root), b.number("half", 0.5)), nil
}

// dyisru adds scale x/sqrt(beta + x^2).
func (b *builder) dyisru(x string, scale, beta float64) (string, error) {
	if err := b.checkAlpha("beta", beta); err != nil {
		return "", err
	}
	far := reach(b.elem)
	high := bounds(far, []float64{1}, beta)
	if err := b.checkRoot(far, high[0], beta); err != nil {
		return "", err
	}
	m := b.clamp(x, high, nil)
	y := b.node("Div", m, b.root(m, "", b.number("beta", beta)))
	if scale == 1 {
		return y, nil
	}
	return b.node("Mul", y, b.number("scale", scale)), nil
}

// checkRoot returns an error where the bound or what stands under the root
// overflows the builder's type.
func (b *builder) checkRoot(reach, high, c float64) error {
	most := 0x1p125
	if b.elem == onnxpb.TensorProto_FLOAT16 {
		most = 60000
	}
	under := c * (1 + reach*reach)
	if high > most || under > most {
		return fmt.Errorf("%s does not hold what stands under the root, up to %.3g, for arguments up to %.3g; take other parameters", typeName(b.elem), under, high)
	}
	return nil
}
