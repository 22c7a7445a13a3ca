// Package parallel shares tasks among the cores. A caller splits its work into
// tasks by the shape of the work, never by the number of workers, and gives each
// task a result of its own: then the results do not depend on who runs what.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Pool runs tasks on a fixed number of workers, the caller among them. A call
// of Run must not overlap another one.
type Pool struct {
	threads int
	wake    []chan struct{}
	stop    chan struct{}
	once    sync.Once

	// The running call.
	f     func(task, worker int)
	tasks int64
	next  atomic.Int64
	done  sync.WaitGroup
	fault atomic.Pointer[fault]
}

// A fault is what a task panicked with.
type fault struct{ value any }

// New returns a pool of that many workers; 0 means one for each core that Go
// may use. The workers sleep between calls, and end when the pool is closed.
func New(threads int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads, stop: make(chan struct{})}
	for range threads - 1 {
		p.wake = append(p.wake, make(chan struct{}, 1))
	}
	return p
}

// Threads returns the number of workers.
func (p *Pool) Threads() int { return p.threads }

// Run calls f for every task in [0, tasks) and returns when all are done. worker
// is in [0, Threads) and names scratch memory: no two tasks run at once with the
// same worker. If a task panics, Run panics with its value after the others
// ended.
func (p *Pool) Run(tasks int, f func(task, worker int)) {
	n := min(p.threads, tasks)
	if n <= 1 {
		for i := range tasks {
			f(i, 0)
		}
		return
	}
	p.once.Do(p.start)
	p.f, p.tasks = f, int64(tasks)
	p.next.Store(0)
	p.done.Add(n - 1)
	for _, w := range p.wake[:n-1] {
		w <- struct{}{}
	}
	p.work(0)
	p.done.Wait()
	p.f = nil
	if bad := p.fault.Swap(nil); bad != nil {
		panic(bad.value)
	}
}

func (p *Pool) start() {
	for i, w := range p.wake {
		go func() {
			for {
				select {
				case <-w:
					p.work(i + 1)
					p.done.Done()
				case <-p.stop:
					return
				}
			}
		}()
	}
}

func (p *Pool) work(worker int) {
	defer func() {
		if v := recover(); v != nil {
			p.fault.CompareAndSwap(nil, &fault{v})
			p.next.Store(p.tasks) // the rest is of no use
		}
	}()
	for {
		i := p.next.Add(1) - 1
		if i >= p.tasks {
			return
		}
		p.f(int(i), worker)
	}
}

// Close ends the workers. The pool must not be used afterwards.
func (p *Pool) Close() {
	p.once.Do(func() {})
	close(p.stop)
}

// Split returns the bounds of part i of n elements, in parts whose sizes differ
// by one at most.
func Split(n, parts, i int) (from, to int) {
	return n * i / parts, n * (i + 1) / parts
}
