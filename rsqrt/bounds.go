package rsqrt

// bounds32 has the largest relative errors after 0 to MaxSteps steps, found
// by computing all arguments and rounded up in the fourth digit. A test
// repeats that and fails if a digit differs.
var bounds32 = [numEstimates][MaxSteps + 1]float64{
	Quake:   {3.438e-2, 1.753e-3, 4.733e-6, 1.475e-7, 1.068e-7},
	Lomont:  {3.437e-2, 1.752e-3, 4.735e-6, 1.476e-7, 1.068e-7},
	Kadlec:  {1.340e-1, 6.502e-4, 7.664e-7, 1.392e-7, 1.042e-7},
	Walczyk: {3.434e-2, 8.793e-4, 7.368e-7, 1.434e-7, 1.068e-7},
}

// bounds64 has the same for float64, derived: the extrema of the error in
// real arithmetic, and 2.5 * 2^-53 for the roundings of the last step. A test
// repeats the derivation in 256 bits and fails if a digit differs.
var bounds64 = [numEstimates64][MaxSteps + 1]float64{
	Lomont64:    {3.422e-2, 1.776e-3, 4.728e-6, 3.353e-11, 2.776e-16},
	Robertson64: {3.437e-2, 1.752e-3, 4.598e-6, 3.171e-11, 2.776e-16},
	Walczyk64:   {3.434e-2, 8.791e-4, 5.797e-7, 2.523e-13, 2.776e-16},
}
