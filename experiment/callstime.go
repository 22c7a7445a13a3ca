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
	if each < 0 {
		return nil, fmt.Errorf("experiment: the time must not be less than 0, got %v", each)
	}
	if each == 0 {
		each = DefaultNetworkTime
	}
	runs := make([]int, len(calls))
	ms := make([][]float64, len(calls))
	budget := each * time.Duration(len(calls))
	var begun time.Time
	var failed error
	done := 0
	err := takeTurns(ctx, len(calls), func(round int) bool {
		if round <= 0 {
			begun = time.Now()
		}
		return failed == nil && round < timeRounds && (round < timeLeast || time.Since(begun) < budget)
	}, func(i, round int) {
		if failed != nil {
			return
		}
		n := max(runs[i], 1)
		took, err := calls[i].Run(n)
		if err != nil {
			failed = fmt.Errorf("experiment: %s: %w", calls[i].Name, err)
			return
		}
		if round < 0 {
			// A first run pays for what is made once.
			if took, err = calls[i].Run(n); err != nil {
				failed = fmt.Errorf("experiment: %s: %w", calls[i].Name, err)
				return
			}
			// Short runs are repeated until they fill their part of the round.
			runs[i] = max(1, int(each/timeRounds/max(took, 1)))
			return
		}
		ms[i] = append(ms[i], took.Seconds()*1e3/float64(n))
		if progress != nil {
			done++
			progress(min(done, len(calls)*timeRounds), len(calls)*timeRounds)
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	spreads := make([]Spread, len(calls))
	for i := range spreads {
		spreads[i] = spread(ms[i])
	}
	return spreads, nil
}
