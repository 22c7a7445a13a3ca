package serve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A recorder is an engine that keeps what batches it ran, and takes some time for each.
type recorder struct {
	took time.Duration
	mu   sync.Mutex
	rows []int
	at   []time.Duration // since begun
	from time.Time
}

func (r *recorder) engine(batch int) Engine {
	r.from = time.Now()
	return engineFunc{batch, func(x []float32) []float32 {
		r.mu.Lock()
		r.rows, r.at = append(r.rows, len(x)/2), append(r.at, time.Since(r.from))
		r.mu.Unlock()
		time.Sleep(r.took)
		return sums(x)
	}}
}

func (r *recorder) want(t *testing.T, rows []int, at ...time.Duration) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.rows, rows) || !slices.Equal(r.at, at) {
		t.Errorf("batches of %v ran at %v, expected %v at %v", r.rows, r.at, rows, at)
	}
}

func testBatcher(t *testing.T, o Options, engines ...Engine) *batcher {
	t.Helper()
	s := newServer(t, o, model("m", engines...))
	return s.models["m"].batcher
}

// samples returns so many samples, which begin with first.
func samples(first, rows int) []float32 {
	var x []float32
	for i := range rows {
		x = append(x, float32(first+i), 1)
	}
	return x
}

func mustSubmit(t *testing.T, b *batcher, x []float32) *job {
	t.Helper()
	j, err := b.submit(x)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestBatchStartsWhenItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := testBatcher(t, Options{MaxDelay: time.Second}, r.engine(4))
		first := mustSubmit(t, b, samples(0, 2))
		time.Sleep(300 * time.Millisecond)
		second := mustSubmit(t, b, samples(2, 2))
		<-first.done
		<-second.done
		r.want(t, []int{4}, 300*time.Millisecond)
	})
}

func TestBatchStartsWhenTheOldestHasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := testBatcher(t, Options{MaxDelay: time.Second}, r.engine(4))
		first := mustSubmit(t, b, samples(0, 1))
		time.Sleep(600 * time.Millisecond)
		second := mustSubmit(t, b, samples(1, 2))
		<-first.done
		<-second.done
		r.want(t, []int{3}, time.Second)
		third := mustSubmit(t, b, samples(3, 1))
		<-third.done
		r.want(t, []int{3, 1}, time.Second, 2*time.Second)
	})
}

func TestWithoutDelayBatchesAreWhatCameMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{}, r.engine(4))
		var jobs []*job
		for i := range 6 {
			jobs = append(jobs, mustSubmit(t, b, samples(i, 1)))
			time.Sleep(100 * time.Millisecond)
		}
		for _, j := range jobs {
			<-j.done
		}
		r.want(t, []int{1, 4, 1}, 0, time.Second, 2*time.Second)
	})
}

func TestLargeJobsAreSplitAndSmallOnesJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{MaxDelay: 20 * time.Second}, r.engine(4))
		large, small := mustSubmit(t, b, samples(0, 9)), mustSubmit(t, b, samples(9, 1))
		<-large.done
		<-small.done
		for i, y := range append(large.y, small.y...) {
			if want := float32(100 + i); y != want {
				t.Errorf("output %d is %v, expected %v", i, y, want)
			}
		}
		r.want(t, []int{4, 4, 2}, 0, time.Second, 20*time.Second)
	})
}

func TestInstancesRunAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{}, r.engine(2), r.engine(2))
		begun := time.Now()
		j := mustSubmit(t, b, samples(0, 8))
		<-j.done
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("4 batches on 2 instances took %s", took)
		}
	})
}

func TestDroppedJobsAreNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{}, r.engine(2))
		first := mustSubmit(t, b, samples(0, 1))
		synctest.Wait() // it runs
		gone, half, last := mustSubmit(t, b, samples(1, 2)), mustSubmit(t, b, samples(3, 4)), mustSubmit(t, b, samples(7, 1))
		b.drop(gone)
		<-first.done
		synctest.Wait() // two samples of half run
		b.drop(half)
		b.drop(half)
		<-last.done
		r.want(t, []int{1, 2, 1}, 0, time.Second, 2*time.Second)
		if b.rows != 0 {
			t.Errorf("%d samples still wait", b.rows)
		}
	})
}

func TestFullQueueTakesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{QueueRows: 4}, r.engine(2))
		running := mustSubmit(t, b, samples(0, 2))
		synctest.Wait()
		waiting := mustSubmit(t, b, samples(2, 3))
		if _, err := b.submit(samples(5, 2)); !errors.Is(err, errQueueFull) {
			t.Errorf("a queue of 4 with 3 took 2 more: %v", err)
		}
		fits := mustSubmit(t, b, samples(5, 1))
		<-running.done
		<-waiting.done
		<-fits.done
	})
}

func TestStopRunsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{took: time.Second}
		b := testBatcher(t, Options{MaxDelay: 10 * time.Second}, r.engine(4))
		j := mustSubmit(t, b, samples(0, 3))
		b.stop()
		select {
		case <-j.done:
		default:
			t.Error("a queued job was not run")
		}
		r.want(t, []int{3}, 0)
		if _, err := b.submit(samples(0, 1)); !errors.Is(err, errStopped) {
			t.Errorf("got %v after stop", err)
		}
	})
}

func TestPanicOfAnEngineFailsItsBatchAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBatcher(t, Options{}, engineFunc{2, func(x []float32) []float32 {
			if x[0] < 0 {
				panic("negative")
			}
			return sums(x)
		}})
		bad := mustSubmit(t, b, samples(-4, 2))
		<-bad.done
		good := mustSubmit(t, b, samples(1, 2))
		<-good.done
		if !errors.Is(bad.err, errEngine) || good.err != nil {
			t.Errorf("got %v and %v", bad.err, good.err)
		}
	})
}

// Whatever comes when, and whoever leaves: all others get their own outputs, no batch is
// too large, and none starts later than it may.
func TestBatchesOfRandomJobs(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				batch, delay, took := 1+r.IntN(8), time.Duration(r.IntN(20))*time.Millisecond, time.Duration(r.IntN(5))*time.Millisecond
				var engines []Engine
				most := 0
				var mu sync.Mutex
				for range 1 + r.IntN(3) {
					engines = append(engines, engineFunc{batch, func(x []float32) []float32 {
						mu.Lock()
						most = max(most, len(x)/2)
						mu.Unlock()
						time.Sleep(took)
						return sums(x)
					}})
				}
				b := testBatcher(t, Options{MaxDelay: delay, QueueRows: 1 << 20}, engines...)
				var wait sync.WaitGroup
				total := 0
				for first := 0; first < 500; {
					rows := 1 + r.IntN(12)
					x, leaves, pause := samples(first, rows), r.IntN(5) == 0, time.Duration(r.IntN(10))*time.Millisecond
					first += rows
					total += rows
					ahead := total
					wait.Go(func() {
						begun := time.Now()
						j := mustSubmit(t, b, x)
						if leaves {
							time.Sleep(pause)
							b.drop(j)
							return
						}
						<-j.done
						if !slices.Equal(j.y, sums(x)) {
							t.Errorf("got %v, expected %v", j.y, sums(x))
						}
						// All that was there before, one sample a batch at worst, and itself.
						if bound := delay + time.Duration(ahead+rows)*took; time.Since(begun) > bound {
							t.Errorf("it took %s, more than %s", time.Since(begun), bound)
						}
					})
					if r.IntN(2) == 0 {
						time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
					}
				}
				wait.Wait()
				if most > batch || most == 0 {
					t.Errorf("the largest batch had %d samples, of %d", most, batch)
				}
				if b.rows != 0 || len(b.queue) != 0 {
					t.Errorf("%d samples still wait", b.rows)
				}
			})
		})
	}
}
