package bench

import "time"

// clockChain is the number of rounds of addAndXor that are tried first.
const clockChain = 1 << 12

// ClockGHz estimates the clock of one core, in 1e9 cycles per second, from a chain of
// additions and exclusive ors that each wait for the one before: each takes one cycle
// on the processors that we know of. It is the highest rate of many samples. A clock
// that falls under vector instructions is then lower than this.
func ClockGHz() float64 {
	const cyclesEach = 16
	return cyclesEach * highestRate(addAndXor, clockChain, 1<<24)
}

// addAndXor runs n rounds of 16 operations, each of which needs the result of the one
// before, and returns n.
func addAndXor(n int) int {
	x, a, b := uint64(n), uint64(0x9e3779b97f4a7c15), uint64(0xd1b54a32d192ed03)
	for range n {
		x = (x + a) ^ b
		x = (x + b) ^ a
		x = (x + a) ^ b
		x = (x + b) ^ a
		x = (x + a) ^ b
		x = (x + b) ^ a
		x = (x + a) ^ b
		x = (x + b) ^ a
	}
	if x == 0 {
		return 0 // never, but x has to be computed
	}
	return n
}

// highestRate returns the highest rate at which work does what it counts, in 1e9 per
// second, over peakTime on one core. work is given first, then up to most, until a
// sample takes long enough.
func highestRate(work func(n int) (done int), first, most int) float64 {
	best := 0.0
	onOneCore(func() {
		clock := clockCost()
		n := first
		for begun := time.Now(); time.Since(begun) < peakTime; {
			start := time.Now()
			done := work(n)
			took := time.Since(start)
			if took < sampleTime && n < most {
				n *= 2
				continue
			}
			best = max(best, float64(done)/float64(max(1, took-clock)))
		}
	})
	return best
}
