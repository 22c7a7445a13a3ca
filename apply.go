package isrlu

// Forward sets dst[i] = f(src[i]).
func (f *Function) Forward(dst, src []float32) {
	unary(f.k32.Forward, f.k32.Stream, dst, src, &f.p32[0])
}

// Forward64 is [Function.Forward] in float64.
func (f *Function) Forward64(dst, src []float64) {
	unary(f.k64.Forward, f.k64.Stream, dst, src, &f.p64[0])
}

// Backward sets dx[i] = dy[i] f'(x[i]), where x is what Forward was given and
// dy the gradient with respect to its output.
func (f *Function) Backward(dx, dy, x []float32) {
	binary(f.k32.Backward, dx, dy, x, "x", &f.p32[0])
}

// Backward64 is [Function.Backward] in float64.
func (f *Function) Backward64(dx, dy, x []float64) {
	binary(f.k64.Backward, dx, dy, x, "x", &f.p64[0])
}

// HasBackwardFromOutput reports whether the derivative is a function of the
// output alone.
func (f *Function) HasBackwardFromOutput() bool { return f.k32.BackwardOutput != nil }

// BackwardFromOutput sets dx[i] = dy[i] f'(x[i]) given y = f(x), so that x need
// not be kept; for the ISR family f' = (1 - alpha y^2)^(3/2). Elements of y
// outside the range of f give a meaningless number. It panics if the function
// has no such form: see [Function.HasBackwardFromOutput].
func (f *Function) BackwardFromOutput(dx, dy, y []float32) {
	f.need(f.HasBackwardFromOutput(), "derivative from the output")
	binary(f.k32.BackwardOutput, dx, dy, y, "y", &f.p32[0])
}

// BackwardFromOutput64 is [Function.BackwardFromOutput] in float64.
func (f *Function) BackwardFromOutput64(dx, dy, y []float64) {
	f.need(f.HasBackwardFromOutput(), "derivative from the output")
	binary(f.k64.BackwardOutput, dx, dy, y, "y", &f.p64[0])
}

// HasSecondDerivative reports whether SecondDerivative may be called: it is
// there for the ISR family, whose second derivative is continuous.
func (f *Function) HasSecondDerivative() bool { return f.k32.Second != nil }

// SecondDerivative sets dst[i] to the second derivative of f at x[i]. It
// panics if the function has no such kernel.
func (f *Function) SecondDerivative(dst, x []float32) {
	f.need(f.HasSecondDerivative(), "second derivative")
	unary(f.k32.Second, nil, dst, x, &f.p32[0])
}

// SecondDerivative64 is [Function.SecondDerivative] in float64.
func (f *Function) SecondDerivative64(dst, x []float64) {
	f.need(f.HasSecondDerivative(), "second derivative")
	unary(f.k64.Second, nil, dst, x, &f.p64[0])
}

// HasInverse reports whether Inverse may be called: it is there for the ISR
// family.
func (f *Function) HasInverse() bool { return f.k32.Inverse != nil }

// Inverse sets dst[i] to the x with f(x) = y[i]: an infinity at the ends of the
// range of f, NaN beyond. It panics if the function has no such kernel.
func (f *Function) Inverse(dst, y []float32) {
	f.need(f.HasInverse(), "inverse")
	unary(f.k32.Inverse, nil, dst, y, &f.p32[0])
}

// Inverse64 is [Function.Inverse] in float64.
func (f *Function) Inverse64(dst, y []float64) {
	f.need(f.HasInverse(), "inverse")
	unary(f.k64.Inverse, nil, dst, y, &f.p64[0])
}

func (f *Function) need(ok bool, what string) {
	if !ok {
		panic("isrlu: " + f.row.Name + " has no " + what)
	}
}
