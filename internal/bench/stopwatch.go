package bench

import "time"

// A stopwatch times calls of a function.
type stopwatch struct {
	clock time.Duration // the cost of reading the clock twice
	run   func()
	// refill restores the operand that run overwrites; nil if it overwrites
	// none of its inputs.
	refill func()

	calls   int // in one timed burst
	bursts  int // in one sample
	samples int // in all rounds
}

func newStopwatch(clock time.Duration) stopwatch {
	return stopwatch{clock: clock, calls: 1, bursts: 1}
}

// calibrate finds how many calls make a sample and how many samples fill the
// time.
func (t *stopwatch) calibrate(budget time.Duration) {
	const most = 1 << 20
	for t.burst() < sampleTime && t.calls < most {
		if t.refill != nil && t.calls == burst {
			break
		}
		t.calls *= 2
	}
	took := max(min(t.burst(), t.burst(), t.burst()), 1)
	t.bursts = int((sampleTime + took - 1) / took)
	t.samples = max(minSamples, int(budget/(took*time.Duration(t.bursts))))
}

// samplesIn spreads the samples evenly over the rounds.
func (t *stopwatch) samplesIn(round int) int {
	return t.samples*(round+1)/rounds - t.samples*round/rounds
}

// burst returns the time of t.calls calls.
func (t *stopwatch) burst() time.Duration {
	if t.refill != nil {
		t.refill()
		if t.calls > 1 {
			// Only short calls are repeated; their operand should be where the
			// call leaves it, not where the refill does.
			t.run()
		}
	}
	start := time.Now()
	for range t.calls {
		t.run()
	}
	return max(0, time.Since(start)-t.clock)
}

// sample returns the nanoseconds of a call in one sample.
func (t *stopwatch) sample() float64 {
	var total time.Duration
	for range t.bursts {
		total += t.burst()
	}
	return float64(total) / float64(t.bursts*t.calls)
}
