package bench

import (
	"time"

	"github.com/isrlu/isrlu/internal/gemm"
)

// peakTime is how long the peak is measured for: long enough for the processor to
// reach its clock.
const peakTime = 50 * time.Millisecond

// PeakGFLOPS returns the most that one core can do on the running SIMD level: 1e9
// floating-point operations per second of float32, two in each fused
// multiply-add. It is the best of many samples, as whatever else the machine does
// only lowers them.
func PeakGFLOPS() float64 {
	best := 0.0
	onOneCore(func() {
		clock := clockCost()
		const most = 1 << 24 // some milliseconds in portable Go
		n := 1 << 12
		for begun := time.Now(); time.Since(begun) < peakTime; {
			start := time.Now()
			done := gemm.MultiplyAdds(n)
			took := time.Since(start)
			if took < sampleTime && n < most {
				n *= 2
				continue
			}
			best = max(best, 2*float64(done)/float64(max(1, took-clock)))
		}
	})
	return best
}
