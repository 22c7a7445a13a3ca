package gemm

import (
	"sync/atomic"

	"github.com/isrlu/isrlu/internal/cpu"
)

// A peakLoop does n rounds of independent multiply-adds in registers: so many of
// float32 in each. n must be at least 1.
type peakLoop struct {
	run          func(n int, factors *[2]float32)
	multiplyAdds int
}

// MultiplyAdds runs n multiply-adds of float32 on the running SIMD level, rounded
// to a whole number of rounds of its loop, and returns how many it ran. They
// depend on nothing but registers and leave the processor free to run as many at
// once as it can: no product is faster. A call must be short, as nothing can
// interrupt it.
func MultiplyAdds(n int) int {
	l := peakOf(cpu.Active())
	rounds := max(1, n/l.multiplyAdds)
	l.run(rounds, &peakFactors)
	return rounds * l.multiplyAdds
}

// peakFactors are small, so that sums of their product stay finite, and their
// product is not subnormal.
var peakFactors = [2]float32{1e-3, 1e-3}

var peakPortable = peakLoop{run: portablePeak, multiplyAdds: 12}

// portablePeak has as many accumulators as the registers of amd64 hold beside the
// factors.
func portablePeak(n int, factors *[2]float32) {
	x, y := factors[0], factors[1]
	c0, c1, c2, c3, c4, c5 := y, y, y, y, y, y
	c6, c7, c8, c9, c10, c11 := y, y, y, y, y, y
	for range n {
		c0 = c0*x + y
		c1 = c1*x + y
		c2 = c2*x + y
		c3 = c3*x + y
		c4 = c4*x + y
		c5 = c5*x + y
		c6 = c6*x + y
		c7 = c7*x + y
		c8 = c8*x + y
		c9 = c9*x + y
		c10 = c10*x + y
		c11 = c11*x + y
	}
	// The compiler must not find that the sums are of no use.
	peakSink.Store(int64(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11))
}

var peakSink atomic.Int64
