// Package isrlu provides activation functions over slices at the speed of
// memory: the inverse square root units ISRLU and ISRU of Carlile et al.
// (2017), and the functions that they replace or are judged against.
//
// A [Function] is made once, with its parameters, and applied to slices:
//
//	f := isrlu.Must(isrlu.ISRLU(1))
//	f.Forward(y, x)              // y[i] = f(x[i])
//	f.BackwardFromOutput(dx, dy, y) // dx[i] = dy[i] f'(x[i]), from y alone
//
// # Slices
//
// All slices of a call must have the same length; a call panics otherwise,
// and the panic names both lengths. The destination may be one of the inputs
// itself. Slices that overlap without being the same make a call panic. Any
// alignment will do. No call allocates, and a Function may be used by any
// number of goroutines.
//
// # Precision
//
// Every function has three precisions, chosen with [Function.WithPrecision]:
// [Default] is within a few ulp, [Exact] gives the same bits on every machine
// and SIMD level, and [Fast] takes the processor's estimates as they are, with
// a relative error of at most 2^-11. [Function.Bound] tells the documented
// bound; `isrlu check` measures it. All of them are right on the whole range:
// signed zeros, subnormal and huge numbers, infinities; NaN gives NaN.
//
// An element's result depends on the element alone, never on its place in
// the slice.
//
// # SIMD
//
// The kernels are assembly for AVX2 with FMA, AVX-512 and NEON, and Go
// everywhere else. The level is chosen when the process starts; the
// environment variable ISRLU_SIMD (portable, neon, avx2, avx512) forces a
// lower one, and the build tag purego leaves the assembly out.
package isrlu
