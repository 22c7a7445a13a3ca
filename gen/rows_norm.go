package main

import "math"

// Normalization over the columns, and the functions that take its place. xhat is
// the normalized x, g the gradient dy*gamma of it.

func normKernels() []*rowKernel {
	ks := []*rowKernel{
		{name: "sum", unroll: 4, build: func(r *rowB) { r.SumUp(0, r.In(0)) }},
		{name: "squares", unroll: 4, build: func(r *rowB) { x := r.In(0); r.SumUp(0, r.Mul(x, x)) }},
		// The value of the row is the mean.
		{name: "deviations", unroll: 4, build: func(r *rowB) {
			d := r.Sub(r.In(0), r.Row(0))
			r.SumUp(0, r.Mul(d, d))
		}},
		// Of the sums of rows, which stand in a row themselves: the parameters are 1
		// over their number and epsilon.
		{name: "inverseRoots", unroll: 1, build: func(r *rowB) {
			r.Store(0, r.Div(r.Const(1), r.Sqrt(r.FMA(r.In(0), r.Param(0), r.Param(1)))))
		}},
		{name: "layerNorm", unroll: 2, build: layerNorm},
		{name: "layerNormSums", unroll: 1, build: layerNormSums},
		{name: "layerNormBackward", unroll: 2, build: layerNormBackward},
		{name: "rmsNorm", unroll: 2, build: rmsNorm},
		{name: "rmsNormSums", unroll: 2, build: rmsNormSums},
		{name: "rmsNormBackward", unroll: 2, build: rmsNormBackward},
		{name: "dyT", unroll: 1, build: dyT},
		{name: "dyISRU", unroll: 2, build: dyISRU},
	}
	for _, dx := range []bool{true, false} {
		suffix := "Backward"
		if !dx {
			suffix = "Sums" // without the gradient of x
		}
		ks = append(ks,
			&rowKernel{name: "dyT" + suffix, unroll: 1, build: func(r *rowB) { dyTBackward(r, dx) }},
			&rowKernel{name: "dyISRU" + suffix, unroll: 1, build: func(r *rowB) { dyISRUBackward(r, dx) }})
	}
	return ks
}

// normalized is xhat of the values of the row, mean and 1/deviation.
func (r *rowB) normalized(x V) V { return r.Mul(r.Sub(x, r.Row(0)), r.Row(1)).As("xhat") }

// Streams: y, x, gamma, beta.
func layerNorm(r *rowB) { r.Store(0, r.FMA(r.normalized(r.In(1)), r.In(2), r.In(3))) }

// Streams: dy, x, gamma, dgamma, dbeta. The results are the sums of g and g*xhat.
func layerNormSums(r *rowB) {
	dy := r.In(0).As("dy")
	xhat := r.normalized(r.In(1))
	r.Store(3, r.FMA(dy, xhat, r.In(3)))
	r.Store(4, r.Add(r.In(4), dy))
	g := r.Mul(dy, r.In(2)).As("g")
	r.SumUp(0, g)
	r.SumUp(1, r.Mul(g, xhat))
}

// Streams: dx, dy, x, gamma. Two more values of the row are the means of g and
// g*xhat.
func layerNormBackward(r *rowB) {
	g := r.Mul(r.In(1), r.In(3)).As("g")
	xhat := r.normalized(r.In(2))
	r.Store(0, r.Mul(r.FNMA(xhat, r.Row(3), r.Sub(g, r.Row(2))), r.Row(1)))
}

// Streams: y, x, gamma. The value of the row is 1/root mean square.
func rmsNorm(r *rowB) { r.Store(0, r.Mul(r.Mul(r.In(1), r.Row(0)), r.In(2))) }

// Streams: dy, x, gamma, dgamma. The result is the sum of g*xhat.
func rmsNormSums(r *rowB) {
	dy := r.In(0).As("dy")
	xhat := r.Mul(r.In(1), r.Row(0)).As("xhat")
	r.Store(3, r.FMA(dy, xhat, r.In(3)))
	r.SumUp(0, r.Mul(r.Mul(dy, r.In(2)), xhat))
}

// Streams: dx, dy, x, gamma. The second value of the row is the mean of g*xhat.
func rmsNormBackward(r *rowB) {
	g := r.Mul(r.In(1), r.In(3)).As("g")
	xhat := r.Mul(r.In(2), r.Row(0)).As("xhat")
	r.Store(0, r.Mul(r.FNMA(xhat, r.Row(1), g), r.Row(0)))
}

// dyTAlpha is the parameter of DyT.
const dyTAlpha = 0

// Streams: y, x, gamma, beta.
func dyT(r *rowB) {
	t := r.apply("Tanh", "Forward", stateParams, r.Mul(r.In(1), r.Param(dyTAlpha)))
	r.Store(0, r.FMA(t, r.In(2), r.In(3)))
}

// Streams: dx, dy, x, gamma, dgamma, dbeta. The result is the gradient of alpha.
func dyTBackward(r *rowB, dx bool) {
	x, alpha := r.In(2), r.Param(dyTAlpha)
	t := r.apply("Tanh", "Forward", stateParams, r.Mul(x, alpha)).As("t")
	dy := r.In(1).As("dy")
	r.Store(4, r.FMA(dy, t, r.In(4)))
	r.Store(5, r.Add(r.In(5), dy))
	u := r.apply("Tanh", "BackwardOutput", stateParams, r.Mul(dy, r.In(3)), t).As("u")
	if dx {
		r.Store(0, r.Mul(u, alpha))
	}
	// u is 0 for large x: infinity must not meet it.
	most := math.MaxFloat32
	if r.Is64() {
		most = math.MaxFloat64
	}
	r.SumUp(0, r.Mul(u, r.Max(r.Const(-most), r.Min(r.Const(most), x))))
}

// Streams: y, x, gamma, shift. The parameters are those of internal/kernel's DyISRU.
func dyISRU(r *rowB) {
	r.Store(0, r.FMA(r.apply("DyISRU", "Forward", 0, r.In(1)), r.In(2), r.In(3)))
}

// Streams: dx, dy, x, gamma, dgamma, dshift. With f = scale x/sqrt(beta + x^2) and
// r = 1/sqrt(1 + x^2/beta), df/dx = scale/sqrt(beta) r^3 and df/dbeta =
// -x/(2 beta) df/dx: the result is the sum of g df/dx x. One inverse square root
// serves all.
func dyISRUBackward(r *rowB, dx bool) {
	f := isr{name: "DyISRU", scaled: true}
	n := f.clamp(r.B, r.In(2))
	root := inverseRoot(r.B, f.q(r.B, n)).As("r")
	scale := r.Param(dyScale)
	dy := r.In(1).As("dy")
	y := r.Mul(r.Mul(n, scale), root).As("y")
	r.Store(4, r.FMA(dy, y, r.In(4)))
	r.Store(5, r.Add(r.In(5), dy))
	r3 := r.Mul(r.Mul(root, root), root).As("r3")
	u := r.Mul(r.Mul(r.Mul(dy, r.In(3)), scale), r3).As("u")
	if dx {
		r.Store(0, u)
	}
	r.SumUp(0, r.Mul(u, n))
}

// inverseRoot is 1/sqrt(q) for a q of f.q, from the estimate where there is one.
func inverseRoot(b *B, q V) V {
	if b.level == Portable {
		return b.Div(b.Const(1), b.Sqrt(q))
	}
	e := b.RsqrtEst(q).As("e")
	h := b.FNMA(b.Mul(q, e), e, b.Const(1)).As("h")
	return b.FMA(b.Mul(e, h), rsqrtSeries(b, h), e)
}
