package hdl

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Format is how a unit's input and output hold numbers: signed fixed point, or a
// 16-bit floating-point format. The zero value is not usable; see [Fixed],
// [BFloat16], [Float16] and [ParseFormat].
type Format struct {
	integer, fraction int // bits, without the sign
	exponent          int // bits of a floating-point format, else 0
}

// The least and the most bits of a fixed-point format.
const (
	MinBits = 8
	MaxBits = 32
)

// BFloat16 is the upper half of a float32: 8 bits of exponent, 7 of fraction.
func BFloat16() Format { return Format{exponent: 8, fraction: 7} }

// Float16 is IEEE 754's half precision: 5 bits of exponent, 10 of fraction.
func Float16() Format { return Format{exponent: 5, fraction: 10} }

// Fixed returns the signed fixed-point format with so many integer and fraction bits
// beside the sign, written Qm.n: values are multiples of 2^-n in [-2^m, 2^m). It has
// 1 + m + n bits, which must be from 8 to 32.
func Fixed(m, n int) (Format, error) {
	if m < 0 || n < 0 {
		return Format{}, fmt.Errorf("hdl: q%d.%d: neither part may be negative", m, n)
	}
	if w := 1 + m + n; w < MinBits || w > MaxBits {
		return Format{}, fmt.Errorf("hdl: q%d.%d has %d bits with its sign; formats have %d to %d", m, n, w, MinBits, MaxBits)
	}
	return Format{integer: m, fraction: n}, nil
}

// ParseFormat returns the format with that name: "q4.11", "bfloat16" or "float16".
func ParseFormat(s string) (Format, error) {
	switch name := strings.ToLower(s); {
	case name == "bfloat16":
		return BFloat16(), nil
	case name == "float16":
		return Float16(), nil
	case strings.HasPrefix(name, "q"):
		m, n, _ := strings.Cut(name[1:], ".")
		mi, err1 := strconv.ParseUint(m, 10, 8)
		ni, err2 := strconv.ParseUint(n, 10, 8)
		if err1 == nil && err2 == nil {
			return Fixed(int(mi), int(ni))
		}
	}
	return Format{}, fmt.Errorf("hdl: unknown format %q; write q4.11 (sign, 4 integer bits, 11 fraction bits), bfloat16 or float16", s)
}

// String returns what [ParseFormat] takes.
func (f Format) String() string {
	switch f {
	case BFloat16():
		return "bfloat16"
	case Float16():
		return "float16"
	}
	return fmt.Sprintf("q%d.%d", f.integer, f.fraction)
}

// IsFloat tells floating-point formats from fixed-point ones.
func (f Format) IsFloat() bool { return f.exponent > 0 }

// Bits returns the number of bits of a value.
func (f Format) Bits() int { return 1 + f.integer + f.exponent + f.fraction }

// bias is that of the exponent.
func (f Format) bias() int { return 1<<(f.exponent-1) - 1 }

// Max returns the greatest finite value.
func (f Format) Max() float64 {
	if f.IsFloat() {
		return math.Ldexp(2-math.Ldexp(1, -f.fraction), f.bias())
	}
	return math.Ldexp(math.Ldexp(1, f.integer+f.fraction)-1, -f.fraction)
}

// Min returns the least finite value.
func (f Format) Min() float64 {
	if f.IsFloat() {
		return -f.Max()
	}
	return -math.Ldexp(1, f.integer)
}

// Ulp returns the distance of neighbouring values of the format at y.
func (f Format) Ulp(y float64) float64 {
	if !f.IsFloat() {
		return math.Ldexp(1, -f.fraction)
	}
	e := 1 - f.bias()
	if y != 0 {
		e = max(e, math.Ilogb(y))
	}
	return math.Ldexp(1, e-f.fraction)
}

// Encode rounds x to the nearest value of the format, ties to even, and returns its
// bits. What is beyond a fixed-point format becomes its nearest end, and NaN becomes
// 0; in a floating-point format it becomes an infinity.
func (f Format) Encode(x float64) uint64 {
	if !f.IsFloat() {
		if math.IsNaN(x) {
			return 0
		}
		v := math.RoundToEven(math.Ldexp(x, f.fraction))
		v = min(max(v, math.Ldexp(f.Min(), f.fraction)), math.Ldexp(f.Max(), f.fraction))
		return uint64(int64(v)) & f.mask()
	}
	var sign uint64
	if math.Signbit(x) {
		sign = 1 << (f.Bits() - 1)
	}
	inf := uint64(1<<f.exponent-1) << f.fraction
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return sign | inf | 1<<(f.fraction-1)
	case math.IsInf(x, 0):
		return sign | inf
	default:
		ulp := f.Ulp(a)
		steps := uint64(math.RoundToEven(a / ulp))
		if a < math.Ldexp(1, 1-f.bias()) {
			return sign | steps
		}
		// A carry out of the fraction belongs to the exponent.
		return sign | min(inf, uint64(math.Ilogb(a)+f.bias()-1)<<f.fraction+steps)
	}
}

// Decode returns the value of the bits, which is exact. Bits above the format's are
// ignored.
func (f Format) Decode(b uint64) float64 {
	b &= f.mask()
	if !f.IsFloat() {
		return math.Ldexp(float64(f.signed(b)), -f.fraction)
	}
	sign := 1.0
	if b>>(f.Bits()-1) != 0 {
		sign = -1
	}
	e, m := int(b>>f.fraction)&(1<<f.exponent-1), float64(b&(1<<f.fraction-1))
	switch {
	case e == 1<<f.exponent-1 && m != 0:
		return math.NaN()
	case e == 1<<f.exponent-1:
		return math.Inf(int(sign))
	case e == 0:
		return sign * math.Ldexp(m, 1-f.bias()-f.fraction)
	}
	return sign * math.Ldexp(m+math.Ldexp(1, f.fraction), e-f.bias()-f.fraction)
}

func (f Format) mask() uint64 { return 1<<f.Bits() - 1 }

// signed returns the bits as a number in two's complement.
func (f Format) signed(b uint64) int64 {
	s := 64 - f.Bits()
	return int64(b<<s) >> s
}

// wire returns the bits as the circuit's input takes them: a signed integer in fixed
// point, the bits themselves in floating point.
func (f Format) wire(b uint64) int64 {
	if f.IsFloat() {
		return int64(b & f.mask())
	}
	return f.signed(b)
}
