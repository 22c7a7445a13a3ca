package parallel

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestEveryTaskRunsOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for _, tasks := range []int{0, 1, 2, 7, 1000} {
			counts := make([]atomic.Int32, tasks)
			busy := make([]atomic.Int32, threads)
			p.Run(tasks, func(task, worker int) {
				if busy[worker].Add(1) != 1 {
					t.Error("two tasks at once with one worker")
				}
				counts[task].Add(1)
				busy[worker].Add(-1)
			})
			for i := range counts {
				if n := counts[i].Load(); n != 1 {
					t.Errorf("%d threads: task %d of %d ran %d times", threads, i, tasks, n)
				}
			}
		}
		p.Close()
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	for _, threads := range []int{1, 4} {
		p := New(threads)
		for range 20 {
			func() {
				defer func() {
					if v := recover(); v != "task 5" {
						t.Errorf("%d threads: recovered %v", threads, v)
					}
				}()
				p.Run(10, func(task, _ int) {
					if task == 5 {
						panic("task 5")
					}
				})
				t.Error("no panic")
			}()
		}
		ran := atomic.Int32{}
		p.Run(10, func(int, int) { ran.Add(1) })
		if ran.Load() != 10 {
			t.Errorf("after a panic: %d of 10 tasks ran", ran.Load())
		}
		p.Close()
	}
}

func TestPartsCoverAll(t *testing.T) {
	for n := range 20 {
		for parts := 1; parts < 9; parts++ {
			at := 0
			for i := range parts {
				from, to := Split(n, parts, i)
				if from != at || to < from || to-from > (n+parts-1)/parts {
					t.Fatalf("Split(%d, %d, %d) = %d, %d", n, parts, i, from, to)
				}
				at = to
			}
			if at != n {
				t.Fatalf("Split(%d, %d) ends at %d", n, parts, at)
			}
		}
	}
}

// TestManyCalls has workers that spin, that sleep, and that a call does not need.
func TestManyCalls(t *testing.T) {
	for _, threads := range []int{2, 3, 2 * runtime.GOMAXPROCS(0)} {
		p := New(threads)
		for i := range 3000 {
			if i%500 == 499 {
				time.Sleep(2 * spinTime)
			}
			tasks, ran := i%6, atomic.Int32{}
			p.Run(tasks, func(int, int) { ran.Add(1) })
			if ran.Load() != int32(tasks) {
				t.Fatalf("%d threads, call %d: %d of %d tasks ran", threads, i, ran.Load(), tasks)
			}
		}
		p.Close()
	}
}

// TestWorkersEnd: no goroutine is left of a closed pool, whether it waited awake or
// asleep.
func TestWorkersEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 20 {
		p := New(4)
		p.Run(8, func(int, int) {})
		if i%2 == 0 {
			time.Sleep(2 * spinTime)
		}
		p.Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
