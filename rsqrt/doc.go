// Package rsqrt computes inverse square roots, 1/sqrt(x): by a square root and
// a division, from the processor's own estimate, and from the bit pattern of
// x, refined by steps of Newton's method.
//
// For single values, [Of] takes the square root and divides. For slices,
// [Slice] has three precisions:
//
//	rsqrt.Slice(y, x, rsqrt.Default) // y[i] = 1/sqrt(x[i])
//
// The bit-pattern estimates have names, after those who published them:
//
//	y := rsqrt.Lomont.At(x, 2) // two steps
//	e := rsqrt.Lomont.Bound(2) // the largest relative error
//
// They need no square root and no division, which made them fast when those
// were slow, and makes them small in hardware. On a processor with a square
// root instruction [Of] takes less time at the same error, and [Slice] far
// less; the estimates are here to be compared with and as models.
//
// # The ends of the range
//
// But for the Raw methods and Newton, everything here is right for every
// argument:
//
//	x                     1/sqrt(x)
//	+0                    +Inf
//	-0                    -Inf
//	subnormal, positive   like any other number
//	+Inf                  +0
//	below 0, -Inf         NaN
//	NaN                   NaN
//
// A result is never subnormal, zero for a finite argument, or infinite for
// one other than zero. The sign and the payload of a NaN are unspecified.
//
// # Slices
//
// Both slices of a call must have the same length; a call panics otherwise,
// and the panic names both lengths. The destination may be the source itself.
// Slices that overlap without being the same make a call panic. No call
// allocates.
package rsqrt
