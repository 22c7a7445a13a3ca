package serve

import (
	"errors"
	"sync"
	"time"
)

var (
	errQueueFull = errors.New("the queue of the model is full; try again later")
	errStopped   = errors.New("the server has been stopped")
	errEngine    = errors.New("the engine failed on this batch; the log has the reason")
)

// A job is the samples of a request.
type job struct {
	x, y   []float32 // in the engine's order
	rows   int
	next   int // samples that batches have taken
	left   int // samples whose outputs are missing
	queued time.Time
	err    error
	done   chan struct{} // closed when all outputs are there, or err
}

// A piece is consecutive samples of a job in a batch.
type piece struct {
	job        *job
	from, rows int
}

// A batcher is the queue of a model, and its workers. A batch starts when it is full, or
// when its oldest sample has waited long enough and an engine is free.
type batcher struct {
	batch, capacity int
	delay           time.Duration
	in, out         int // elements of a sample
	metrics         *modelMetrics
	failed          func(any) // told what an engine panicked with

	mu      sync.Mutex
	changed sync.Cond // broadcast when a worker should look again
	alarm   *time.Timer
	queue   []*job // that have samples no batch has taken
	rows    int    // such samples
	stopped bool
	workers sync.WaitGroup
}

func newBatcher(m *Model, o Options, metrics *modelMetrics, failed func(any)) *batcher {
	b := &batcher{
		batch: m.Engines[0].Batch(), capacity: o.QueueRows, delay: o.MaxDelay,
		in: m.Input.size(), out: m.Output.size(), metrics: metrics, failed: failed,
	}
	b.changed.L = &b.mu
	for _, e := range m.Engines {
		b.workers.Go(func() { b.work(e) })
	}
	return b
}

// submit puts samples into the queue. Neither slice may be used before the job is done.
func (b *batcher) submit(x []float32) (*job, error) {
	rows := len(x) / b.in
	j := &job{x: x, y: make([]float32, rows*b.out), rows: rows, left: rows, queued: time.Now(), done: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.stopped:
		return nil, errStopped
	case b.rows+rows > b.capacity:
		return nil, errQueueFull
	}
	b.queue = append(b.queue, j)
	b.count(rows)
	b.changed.Signal()
	return j, nil
}

// count keeps the number of samples that wait.
func (b *batcher) count(change int) {
	b.rows += change
	b.metrics.queue.Set(float64(b.rows))
}

// drop takes the samples of a job off the queue that no batch has taken yet. Its slices
// may still be used by a batch that runs.
func (b *batcher) drop(j *job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.queue {
		if other == j {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.count(j.next - j.rows)
			return
		}
	}
}

// stop lets no more jobs in, and returns when the workers have done those that there are.
func (b *batcher) stop() {
	b.mu.Lock()
	b.stopped = true
	b.changed.Broadcast()
	b.mu.Unlock()
	b.workers.Wait()
}

// next waits until a batch should start, and takes its samples off the queue. It returns
// nil when there will be no more.
func (b *batcher) next(pieces []piece) []piece {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.rows < b.batch && !b.stopped {
		if len(b.queue) > 0 {
			wait := b.delay - time.Since(b.queue[0].queued)
			if wait <= 0 {
				break
			}
			b.wakeAfter(wait)
		}
		b.changed.Wait()
	}
	pieces = pieces[:0]
	for room := b.batch; room > 0 && len(b.queue) > 0; {
		j := b.queue[0]
		if j.next == 0 {
			b.metrics.wait.Observe(time.Since(j.queued).Seconds())
		}
		n := min(room, j.rows-j.next)
		pieces = append(pieces, piece{j, j.next, n})
		j.next += n
		room -= n
		b.count(-n)
		if j.next == j.rows {
			b.queue[0] = nil
			b.queue = b.queue[1:]
		}
	}
	if len(b.queue) > 0 {
		b.changed.Signal() // there may be another batch for another worker
	}
	if len(pieces) == 0 {
		return nil
	}
	return pieces
}

// wakeAfter wakes the workers after a time.
func (b *batcher) wakeAfter(wait time.Duration) {
	if b.alarm == nil {
		b.alarm = time.AfterFunc(wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.changed.Broadcast()
		})
		return
	}
	b.alarm.Reset(wait)
}

// work runs batches on an engine until the batcher is stopped and the queue empty.
func (b *batcher) work(e Engine) {
	x := make([]float32, b.batch*b.in)
	var pieces []piece
	for {
		if pieces = b.next(pieces); pieces == nil {
			return
		}
		rows := 0
		for _, p := range pieces {
			copy(x[rows*b.in:], p.job.x[p.from*b.in:][:p.rows*b.in])
			rows += p.rows
		}
		begun := time.Now()
		y, err := b.predict(e, x[:rows*b.in])
		b.metrics.batch(rows, time.Since(begun))
		b.finish(pieces, y, err)
		clear(pieces) // a job must not live as long as the next batch takes to come
	}
}

// predict runs the engine; a panic in it is an error of this batch alone.
func (b *batcher) predict(e Engine, x []float32) (y []float32, err error) {
	defer func() {
		if v := recover(); v != nil {
			b.failed(v)
			err = errEngine
		}
	}()
	return e.Predict(x), nil
}

// finish gives the jobs their outputs.
func (b *batcher) finish(pieces []piece, y []float32, err error) {
	if err == nil {
		at := 0
		for _, p := range pieces {
			n := p.rows * b.out
			copy(p.job.y[p.from*b.out:][:n], y[at:][:n])
			at += n
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range pieces {
		if err != nil {
			p.job.err = err
		}
		if p.job.left -= p.rows; p.job.left == 0 {
			close(p.job.done)
		}
	}
}
