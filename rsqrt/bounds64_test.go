package rsqrt

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// worst64 has the arguments with the largest errors that a search found.
var worst64 = [numEstimates64][MaxSteps + 1]uint64{
	Lomont64:    {0x40049dae9a64317f, 0x40049dae96c23c0f, 0x40049daeb366e909, 0x40049da887de5812, 0x400fffcba8f354e7},
	Robertson64: {0x400dd6a18f6a6f52, 0x40049ce0867252df, 0x40049ce0921f6ef3, 0x40049cda56c80439, 0x400ffdf4ed945df1},
	Walczyk64:   {0x40049e1601b566e9, 0x400b03bbeb5e1ee9, 0x400168871e242d2d, 0x4009978cc9588efa, 0x400eb50be88c0989},
}

// relErr64 is the relative error y sqrt(x) - 1, from the residual 1 - x y^2
// that fused operations give to about 106 bits. The conversions keep the
// compiler from fusing where the rounded product is meant.
func relErr64(x, y float64) float64 {
	s := float64(x * y)
	s1 := math.FMA(x, y, -s)
	p := float64(s * y)
	p1 := math.FMA(s, y, -p)
	r := (1 - p) - p1 - s1*y
	return -r / (1 + math.Sqrt(1-r))
}

const prec = 256

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }
func bigNew() *big.Float            { return new(big.Float).SetPrec(prec) }

// startRange returns the least and the largest relative error of the estimate
// before any step.
//
// Between the arguments where an exponent changes, of x or of y, the estimate
// is linear in x: y = a - b x. (Odd patterns lose half a unit when they are
// halved, which moves y by less than 2^-53.) Then y sqrt(x) has one extremum,
// at x = a/3b, and else is largest and least at the ends.
func startRange(e Estimate64) (lo, hi *big.Float) {
	change := 2 * (e.Magic() & (1<<52 - 1)) // where the exponent of y changes
	for change < one64 {
		change += 1 << 53
	}
	breaks := []uint64{one64, change, two64, four64}
	slices.Sort(breaks)
	add := func(bits uint64) {
		x := math.Float64frombits(bits)
		v := bigNew().Sqrt(bigFloat(x))
		v.Mul(v, bigFloat(e.Raw(x, 0))).Sub(v, bigFloat(1))
		if lo == nil || v.Cmp(lo) < 0 {
			lo = v
		}
		if hi == nil || v.Cmp(hi) > 0 {
			hi = v
		}
	}
	for i, from := range breaks[:len(breaks)-1] {
		to := breaks[i+1] - 2
		x0, x1 := math.Float64frombits(from+2), math.Float64frombits(to)
		y0, y1 := e.Raw(x0, 0), e.Raw(x1, 0)
		// a/3b = (x0 + y0/b)/3
		b := bigNew().Quo(bigNew().Sub(bigFloat(y0), bigFloat(y1)), bigNew().Sub(bigFloat(x1), bigFloat(x0)))
		c := bigNew().Quo(bigFloat(y0), b)
		c.Add(c, bigFloat(x0)).Quo(c, bigFloat(3))
		top, _ := c.Float64()
		bits := math.Float64bits(top)
		for d := range uint64(4) {
			add(from + d)
			add(to - 2 + d)
			if from < bits && bits < to {
				add(bits - 2 + d)
			}
		}
	}
	return lo, hi
}

// next returns the range of errors after a step, in real arithmetic, from
// that before it. The error 1+e becomes k (1+e) (c - (1+e)^2), whose extremum
// is at 1+e = sqrt(c/3).
func (s *step64) next(lo, hi *big.Float) (*big.Float, *big.Float) {
	apply := func(e *big.Float) *big.Float {
		z := bigNew().Add(bigFloat(1), e)
		v := bigNew().Mul(z, z)
		v.Sub(bigFloat(s.c), v).Mul(v, z).Mul(v, bigFloat(s.k))
		return v.Sub(v, bigFloat(1))
	}
	a, b := apply(lo), apply(hi)
	if a.Cmp(b) > 0 {
		a, b = b, a
	}
	top := bigNew().Sqrt(bigNew().Quo(bigFloat(s.c), bigFloat(3)))
	top.Sub(top, bigFloat(1))
	if lo.Cmp(top) < 0 && top.Cmp(hi) < 0 {
		b = apply(top) // the extremum is a maximum
	}
	return a, b
}

// rounding bounds what the roundings of the last step add. Those of earlier
// steps are multiplied by the slope of the last, about 3e, and vanish in the
// fourth digit. With u = 2^-53, y = (1+e)/sqrt(x), x in [1, 4)
// and the step y/2 (3 - t), t = x y y:
//
//   - x y has the relative error u/sqrt(x), times y at most u/2 more for
//     t < 1, which the step halves;
//   - 3 - t, just above 2, has 2u, or u relative to it;
//   - the last product is in [1/2, 1), where u/2 is u sqrt(x)/2 relative to it.
//
// Their sum u (1/(2 sqrt(x)) + 5/4 + sqrt(x)/2) is largest for x = 4. For
// t >= 1 the subtraction is exact, and the sum is at most 2u.
const rounding = 2.5 * 0x1p-53

func TestBounds64AreThoseDerived(t *testing.T) {
	for _, e := range Estimates64() {
		lo, hi := startRange(e)
		for steps := range MaxSteps + 1 {
			l, _ := lo.Float64()
			h, _ := hi.Float64()
			derived := math.Max(-l, h)
			if steps > 0 {
				derived += rounding
			}
			if bound := e.Bound(steps); bound != ceil4(derived) {
				t.Errorf("%v, %d steps: derived %.7g (from %.7g to %.7g), bound %g", e, steps, derived, l, h, bound)
			}
			if steps < MaxSteps {
				lo, hi = methods64[e].step[steps].next(lo, hi)
			}
		}
	}
}

func TestBounds64AreAttained(t *testing.T) {
	for _, e := range Estimates64() {
		for steps := range MaxSteps + 1 {
			x := math.Float64frombits(worst64[e][steps])
			got, bound := math.Abs(relErr64(x, e.At(x, steps))), e.Bound(steps)
			if got > bound || got < 0.99*bound {
				t.Errorf("%v, %d steps: error %.6g at %#x, bound %g", e, steps, got, worst64[e][steps], bound)
			}
		}
	}
}

func TestBounds64HoldInASearch(t *testing.T) {
	n := 2_000_000
	if testing.Short() {
		n = 20_000
	}
	r := rand.New(rand.NewPCG(2, 3))
	for _, e := range Estimates64() {
		for steps := range MaxSteps + 1 {
			max, at := 0.0, uint64(0)
			try := func(bits uint64) {
				x := math.Float64frombits(bits)
				if err := math.Abs(relErr64(x, e.At(x, steps))); err > max {
					max, at = err, bits
				}
			}
			for range n / 4 {
				try(one64 + r.Uint64N(four64-one64))
				try(four64 - 1 - r.Uint64N(1<<43)) // where rounding is worst
			}
			// Closer and closer to the best so far.
			for d := uint64(1 << 50); d > 2; d /= 2 {
				for range n / 100 {
					try(min(uint64(four64-1), at-d/2+r.Uint64N(d)))
				}
			}
			if bound := e.Bound(steps); max > bound {
				t.Errorf("%v, %d steps: error %.6g at %#x exceeds the bound %g", e, steps, max, at, bound)
			}
			t.Logf("%v, %d steps: %.6g at %#x, %.4f of the bound", e, steps, max, at, max/e.Bound(steps))
		}
	}
}

func TestErrorOfOf64(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	max := 0.0
	for range 1_000_000 {
		// Rounding is worst just above 1, where sqrt has the larger share.
		x := 1 + r.Float64()/64
		y := Of64(x)
		max = math.Max(max, math.Abs(relErr64(x, y)*y)/0x1p-53)
	}
	if max > 1.5 || max < 1.45 {
		t.Errorf("largest error %.4g ulp, documented 1.5", max)
	}
}
