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
	const most = 1 << 24 // some milliseconds in portable Go
	return 2 * highestRate(func(n int) int { return gemm.MultiplyAdds(n) }, 1<<12, most)
}
