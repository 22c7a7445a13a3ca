package main

// Softmax and its parts. In causal attention every row is a column longer than the
// one before.

func softmaxKernels() []*rowKernel {
	return []*rowKernel{
		{name: "scaledMax", unroll: 4, growing: true, build: func(r *rowB) {
			r.Largest(0, r.Mul(r.In(0), r.Param(0)))
		}},
		{name: "expSum", unroll: 2, growing: true, build: expSum},
		{name: "multiply", unroll: 4, growing: true, build: func(r *rowB) {
			r.Store(0, r.Mul(r.In(0), r.Row(0)))
		}},
		{name: "dot", unroll: 4, growing: true, build: func(r *rowB) {
			r.SumUp(0, r.Mul(r.In(0), r.In(1)))
		}},
		// Streams: dp, p. The value of the row is the sum of their products.
		{name: "softmaxBackward", unroll: 4, growing: true, build: func(r *rowB) {
			r.Store(0, r.Mul(r.Mul(r.In(1), r.Param(0)), r.Sub(r.In(0), r.Row(0))))
		}},
	}
}

// expSum is e^(scale*x - max), and its sum. Streams: the result, x. The value of the
// row is max.
func expSum(r *rowB) {
	u := r.FNMA(r.In(1), r.Param(0), r.Row(0)).As("u")
	e := expOfNegative(r.B, u).As("e")
	r.Store(0, e)
	r.SumUp(0, e)
}

// expSoftmaxC is e^-t times 2^-24.
var expSoftmaxC = scaled(expNegC[:], 0x1p-24, 1)

// expOfNegative is e^-u for u >= 0, up to a rounding; 13 operations. It underflows
// gradually with one rounding, and is 1 at 0.
func expOfNegative(b *B, u V) V {
	if b.Is64() {
		return b.Mul(expNegScaled64(b, b.Neg(u)), b.Const(twoM64))
	}
	t, k := reduceNegAccurate(b, b.Min(b.Const(104), u), 24+127)
	return b.Mul(horner(b, t, expSoftmaxC...), k)
}
