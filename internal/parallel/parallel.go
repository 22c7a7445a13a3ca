// Package parallel shares tasks among the cores. A caller splits its work into
// tasks by the shape of the work, never by the number of workers, and gives each
// task a result of its own: then the results do not depend on who runs what.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Pool runs tasks on a fixed number of workers, the caller among them. A call
// of Run must not overlap another one.
type Pool struct {
	threads int
	spin    time.Duration
	workers []sleeper // but the caller
	once    sync.Once
	calls   uint32 // so far

	// state is the number of the last call times callUnit, plus open while it has
	// tasks to give away, plus the workers that have joined it; or closed. What
	// else is below is written before the call is open.
	state atomic.Uint64
	f     func(task, worker int)
	tasks int64
	next  atomic.Int64
	idle  sleeper // the caller, while the others work
	fault atomic.Pointer[fault]
}

const (
	callUnit = 1 << 32
	open     = 1 << 31
	joined   = open - 1 // a mask
	closed   = callUnit - 1
)

// A fault is what a task panicked with.
type fault struct{ value any }

// spinTime is how long a worker looks for the next call before it sleeps, and the
// caller for the others' end: waking takes tens of microseconds, as long as many
// a call, and a step has dozens of them.
const spinTime = 200 * time.Microsecond

// New returns a pool of that many workers; 0 means one for each core that Go
// may use. The workers sleep when there is nothing to do, and end when the pool is
// closed.
func New(threads int) *Pool {
	cores := runtime.GOMAXPROCS(0)
	if threads < 1 {
		threads = cores
	}
	p := &Pool{threads: threads, idle: newSleeper()}
	if threads <= cores {
		p.spin = spinTime // else who waits takes the core from who works
	}
	for range threads - 1 {
		p.workers = append(p.workers, newSleeper())
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
	p.calls++
	p.state.Store(uint64(p.calls)*callUnit + open)
	for i := range p.workers[:n-1] {
		p.workers[i].wake()
	}
	p.work(0)
	// All tasks have someone who runs them. Who has not joined is not waited for: it
	// may have no core.
	p.state.And(^uint64(open))
	p.idle.wait(p.spin, func() bool { return p.state.Load()&joined == 0 })
	p.f = nil
	if bad := p.fault.Swap(nil); bad != nil {
		panic(bad.value)
	}
}

func (p *Pool) start() {
	for i := range p.workers {
		go p.serve(i + 1)
	}
}

// serve runs the tasks of one worker until the pool is closed.
func (p *Pool) serve(worker int) {
	var last uint64 // the call that the worker joined last
	isNew := func(state uint64) bool { return state == closed || state&open != 0 && state/callUnit != last }
	for {
		p.workers[worker-1].wait(p.spin, func() bool { return isNew(p.state.Load()) })
		state := p.state.Load()
		if state == closed {
			return
		}
		if !isNew(state) || !p.state.CompareAndSwap(state, state+1) {
			continue
		}
		last = state / callUnit
		p.work(worker)
		if p.state.Add(^uint64(0))&(open|joined) == 0 {
			p.idle.wake()
		}
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
	p.state.Store(closed)
	for i := range p.workers {
		p.workers[i].wake()
	}
}

// A sleeper waits for a condition: at first awake, then asleep until it is woken.
type sleeper struct {
	asleep *atomic.Bool
	woken  chan struct{}
}

func newSleeper() sleeper { return sleeper{new(atomic.Bool), make(chan struct{}, 1)} }

// wait returns when the condition is true. Whoever makes it true calls wake
// afterwards.
func (s *sleeper) wait(spin time.Duration, condition func() bool) {
	if spin > 0 {
		begun := time.Now()
		for time.Since(begun) < spin {
			for range 100 {
				if condition() {
					return
				}
			}
		}
	}
	for !condition() {
		s.asleep.Store(true)
		// The condition may have become true before anyone saw the sleeper.
		if condition() && s.asleep.CompareAndSwap(true, false) {
			return
		}
		<-s.woken
	}
}

// wake ends the sleep, if there is one.
func (s *sleeper) wake() {
	if s.asleep.CompareAndSwap(true, false) {
		s.woken <- struct{}{}
	}
}

// Split returns the bounds of part i of n elements, in parts whose sizes differ
// by one at most.
func Split(n, parts, i int) (from, to int) {
	return n * i / parts, n * (i + 1) / parts
}
