package experiment

import (
	"context"
	"fmt"
	"time"
)

// A Call is something to time beside others.
type Call struct {
	Name string
	// Run runs it so often and returns what all runs took together.
	Run func(runs int) (time.Duration, error)
}

// TimeCalls times calls in interleaved rounds, each call for about the time given,
// DefaultNetworkTime if it is 0. It returns the milliseconds of one run of each:
// medians over the rounds with their quartiles. An error names the call. progress,
// if not nil, is called with the share of the work that is done.
func TimeCalls(ctx context.Context, calls []Call, each time.Duration, progress func(done, total int)) ([]Spread, error) {
	ms, err := timeRoundsOf(ctx, calls, each, progress)
	if err != nil {
		return nil, err
	}
	spreads := make([]Spread, len(calls))
	for i := range spreads {
		spreads[i] = spread(ms[i])
	}
	return spreads, nil
}

// timeRoundsOf is TimeCalls that returns the milliseconds of each call round by round.
func timeRoundsOf(ctx context.Context, calls []Call, each time.Duration, progress func(done, total int)) ([][]float64, error) {
	if each < 0 {
		return nil, fmt.Errorf("experiment: the time must not be less than 0, got %v", each)
	}
	if each == 0 {
		each = DefaultNetworkTime
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	run := func(c Call, runs int) time.Duration {
		took, err := c.Run(runs)
		if err != nil {
			stop(fmt.Errorf("experiment: %s: %w", c.Name, err))
		}
		return took
	}
	runs := make([]int, len(calls))
	ms := make([][]float64, len(calls))
	more, spent := untilSpent(each * time.Duration(len(calls)))
	turns := 0
	_ = takeTurns(ctx, len(calls), more, func(i, round int) {
		if round < 0 {
			// A first run pays for what is made once. Short runs are repeated until they
			// fill their part of the round.
			run(calls[i], 1)
			runs[i] = max(1, int(each/timeRounds/max(run(calls[i], 1), 1)))
			return
		}
		ms[i] = append(ms[i], run(calls[i], runs[i]).Seconds()*1e3/float64(runs[i]))
		if turns++; progress != nil {
			const total = 1000
			done := partDone(turns, len(calls), spent())
			progress(min(total, int(total*done)), total)
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return ms, nil
}
