package main

// Functions made of a comparison and at most a product. Every result is
// correctly rounded, so they exist in one precision.
func init() {
	unary("Identity", "Forward", "Exact", 4, func(b *B, x V) V { return x }).streams(streamsEverywhere)
	binary("Identity", "Backward", "Exact", 4, func(b *B, dy, x V) V { return passNaN(b, dy, x) })
	binary("Identity", "BackwardOutput", "Exact", 4, func(b *B, dy, y V) V { return passNaN(b, dy, y) })

	unary("ReLU", "Forward", "Exact", 4, func(b *B, x V) V { return b.Max(b.Const(0), x) }).streams(streamsEverywhere)
	binary("ReLU", "Backward", "Exact", 4, reluBackward)
	binary("ReLU", "BackwardOutput", "Exact", 4, reluBackward)

	// Param 0 is the slope.
	unary("LeakyReLU", "Forward", "Exact", 4, func(b *B, x V) V {
		return b.SelectNeg(x, b.Mul(x, b.Param(0)), x)
	}).streams(streamsEverywhere)
	// The slope is not negative, so y <= 0 wherever x <= 0: one kernel serves.
	binary("LeakyReLU", "Backward", "Exact", 4, leakyBackward)
	binary("LeakyReLU", "BackwardOutput", "Exact", 4, leakyBackward)
	binary("LeakyReLU", "ParamGrad0", "Exact", 4, func(b *B, dy, x V) V {
		return b.Select(b.GT(x, b.Const(0)), b.Const(0), b.Mul(dy, x))
	})
}

// passNaN returns dy, or NaN where x is NaN.
func passNaN(b *B, dy, x V) V { return b.Select(b.Unordered(x, x), x, dy) }

// reluBackward: dy for x > 0, 0 for x <= 0, NaN for NaN. max(0, x)
// is zero or NaN in the lanes that are left.
func reluBackward(b *B, dy, x V) V {
	return b.Select(b.GT(x, b.Const(0)), dy, b.Max(b.Const(0), x))
}

func leakyBackward(b *B, dy, x V) V {
	return b.Select(b.GT(x, b.Const(0)), dy, b.Select(b.Unordered(x, x), x, b.Mul(dy, b.Param(0))))
}
