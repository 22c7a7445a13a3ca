// Package parallel splits work over goroutines so that the split, and with it
// the result, does not depend on their number.
package parallel

import (
	"context"
	"sync"
	"sync/atomic"
)

// For calls f(i) for i from 0 to n-1 on at most workers goroutines, and
// returns when all calls have. It starts no call after one has failed or ctx
// has ended, and returns the error of the lowest i that failed, or ctx's.
func For(ctx context.Context, n, workers int, f func(i int) error) error {
	workers = max(1, min(workers, n))
	var (
		next   atomic.Int64
		failed atomic.Bool
		wg     sync.WaitGroup
		errs   = make([]error, n)
	)
	for range workers {
		wg.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
