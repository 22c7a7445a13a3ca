package hdl

import "math"

// A rounder does what [Format.Encode] does, in a few nanoseconds.
type rounder struct {
	float bool

	// Of a fixed-point format: places, their value, and the ends in last places.
	scale, ulp  float64
	least, most float64

	// Of a floating-point format: the bits of float64 that are rounded off and half of
	// their last place, the difference of the exponents' biases in the format's last
	// places, the least normal number and infinity as bits, and a number whose last
	// place is that of subnormal numbers.
	drop           int
	half           uint64
	rebias         uint64
	normal         uint64
	infinity       uint64
	sign           int // its place
	subnormal      float64
	subnormalPlace uint64
}

// whole is a float64 whose last place is 1: its sum with an integer below 2^51 holds
// that in its low bits, in two's complement, and rounds others to nearest even.
const whole = 0x1.8p52

const infinity64 = 0x7ff << 52

func newRounder(f Format) rounder {
	if !f.IsFloat() {
		return rounder{
			scale: math.Ldexp(1, f.fraction), ulp: f.Ulp(0),
			least: math.Ldexp(f.Min(), f.fraction), most: math.Ldexp(f.Max(), f.fraction),
		}
	}
	least := math.Ldexp(1, 1-f.bias())
	r := rounder{
		float: true, drop: 52 - f.fraction, sign: f.Bits() - 1,
		rebias:    uint64(1023-f.bias()) << f.fraction,
		normal:    math.Float64bits(least),
		infinity:  uint64(1<<f.exponent-1) << f.fraction,
		subnormal: math.Ldexp(least, 52-f.fraction),
	}
	r.half = 1 << (r.drop - 1)
	r.subnormalPlace = math.Float64bits(r.subnormal)
	return r
}

// fixed returns the value of a fixed-point format in last places.
func (r *rounder) fixed(x float64) int64 {
	v := float64(x * r.scale) // exact, or an infinity
	switch {
	case v > r.most:
		v = r.most
	case v < r.least:
		v = r.least
	case math.IsNaN(v):
		v = 0
	}
	return int64(math.Float64bits(v+whole) - math.Float64bits(whole))
}

// bits returns the bits of a floating-point format.
func (r *rounder) bits(x float64) uint64 {
	a := math.Float64bits(x)
	sign := a >> 63 << r.sign
	a &= 1<<63 - 1
	switch {
	case a < r.normal:
		return sign | (math.Float64bits(math.Float64frombits(a)+r.subnormal) - r.subnormalPlace)
	case a > infinity64: // NaN
		return sign | r.infinity | (r.infinity&-r.infinity)>>1
	}
	a += r.half - 1 + a>>r.drop&1
	return sign | min(a>>r.drop-r.rebias, r.infinity)
}

// value returns the value of the format nearest to x, which is not beyond its ends, or
// NaN in a floating-point format.
func (r *rounder) value(x float64) float64 {
	if !r.float {
		return float64(r.fixed(x)) * r.ulp
	}
	a := math.Float64bits(x) & (1<<63 - 1)
	switch {
	case a < r.normal:
		return math.Copysign(math.Float64frombits(a)+r.subnormal-r.subnormal, x)
	case a > infinity64:
		return x
	}
	a += r.half - 1 + a>>r.drop&1
	return math.Copysign(math.Float64frombits(a>>r.drop<<r.drop), x)
}
