package check

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// A Truth returns the exact result for an input (and a gradient, which is 1 in
// directions that take none) as an unevaluated sum. It reports false where the
// result is not defined, such as outside the range of a function whose output
// is the input.
type Truth func(in, dy float64) (hi, lo float64, ok bool)

// A Subject is one computation to check.
type Subject[T call.Float] struct {
	Function, Direction, Precision, SIMD string

	Bound isrlu.Bound
	Call  call.Func[T]
}

// A Group holds computations of the same numbers: their truth is found once.
type Group[T call.Float] struct {
	Truth    Truth
	Gradient bool      // Call takes dy
	Near     []float64 // a sample takes in the neighbours of these inputs
	Subjects []Subject[T]
}

// chunk is the number of elements that a worker takes at a time: the slices
// of one chunk stay in the second-level cache.
const chunk = 1 << 13

// Sweep checks the subjects of each group over the inputs that the options
// choose; only Exhaustive, Step, Workers and Progress of them matter. Results
// come in the order of the subjects and do not depend on the number of
// workers.
func Sweep[T call.Float](ctx context.Context, groups []Group[T], o Options) ([]Result, error) {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	walks := make([]walk[T], len(groups))
	var total uint64
	for i, g := range groups {
		walks[i] = newWalk[T](o, g.Near)
		total += walks[i].n
	}
	progress := newCounter(total, o.Progress)
	var results []Result
	for i := range groups {
		rs, err := sweepGroup(ctx, &groups[i], walks[i], workers, progress)
		if err != nil {
			return nil, err
		}
		results = append(results, rs...)
	}
	return results, nil
}

func sweepGroup[T call.Float](ctx context.Context, g *Group[T], w walk[T], workers int, progress *counter) ([]Result, error) {
	perWorker := make([][]Result, workers)
	var next atomic.Uint64
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			b := newBlock(g)
			perWorker[i] = b.results
			for ctx.Err() == nil {
				start := (next.Add(1) - 1) * chunk
				if start >= w.n {
					return
				}
				n := min(chunk, w.n-start)
				b.check(w, start, int(n))
				progress.add(n)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	results := perWorker[0]
	for _, more := range perWorker[1:] {
		for i := range results {
			results[i].merge(&more[i])
		}
	}
	return results, nil
}

func (r *Result) merge(o *Result) {
	r.Checked += o.Checked
	r.ULP.update(o.ULP)
	r.Abs.update(o.Abs)
	r.Rel.update(o.Rel)
	if o.Broken > 0 && (r.Broken == 0 || o.First.index < r.First.index) {
		r.First = o.First
	}
	r.Broken += o.Broken
}

// A block is one worker's slices and its share of the results.
type block[T call.Float] struct {
	group       *Group[T]
	in, dy, got []T
	hi, lo      []float64
	defined     []bool
	results     []Result
}

func newBlock[T call.Float](g *Group[T]) *block[T] {
	b := &block[T]{
		group: g, in: make([]T, chunk), dy: make([]T, chunk), got: make([]T, chunk),
		hi: make([]float64, chunk), lo: make([]float64, chunk), defined: make([]bool, chunk),
		results: make([]Result, len(g.Subjects)),
	}
	for i, s := range g.Subjects {
		b.results[i] = Result{
			Function: s.Function, Direction: s.Direction, Precision: s.Precision, SIMD: s.SIMD,
			Type: formatOf[T]().typ, Bound: s.Bound,
		}
	}
	return b
}

func (b *block[T]) check(w walk[T], start uint64, n int) {
	for i := range n {
		b.in[i] = w.at(start + uint64(i))
		dy := 1.0
		if b.group.Gradient {
			dy = gradient(start + uint64(i))
		}
		b.dy[i] = call.Round[T](dy)
		b.hi[i], b.lo[i], b.defined[i] = b.group.Truth(call.Value(b.in[i]), dy)
	}
	for s, subject := range b.group.Subjects {
		subject.Call(b.got[:n], b.dy[:n], b.in[:n])
		b.compare(&b.results[s], start, n)
	}
}

func (b *block[T]) compare(r *Result, start uint64, n int) {
	format := formatOf[T]()
	for i := range n {
		if !b.defined[i] {
			continue
		}
		r.Checked++
		got := call.Value(b.got[i])
		if got == b.hi[i] && b.lo[i] == 0 {
			continue
		}
		e := format.deviation(got, b.hi[i], b.lo[i])
		w := Worst{Input: call.Value(b.in[i]), Got: got, Want: b.hi[i], index: start + uint64(i)}
		if b.group.Gradient {
			w.Gradient = call.Value(b.dy[i])
		}
		w.Error = e.abs
		r.Abs.update(w)
		w.Error = e.rel
		r.Rel.update(w)
		w.Error = e.ulp
		r.ULP.update(w)
		if !within(e, r.Bound) {
			if r.Broken == 0 || w.index < r.First.index {
				r.First = w
			}
			r.Broken++
		}
	}
}

// gradient returns dy for the element of that index: 1 for a quarter of them,
// for the others a number of 7 bits in size from 1 to 2, of either sign, which
// all types hold exactly.
func gradient(index uint64) float64 {
	h := index * 0x9e3779b97f4a7c15 >> 48 // the golden ratio's bits mix the index
	if h&3 == 0 {
		return 1
	}
	dy := 1 + float64(h>>3&63)/64
	if h&4 != 0 {
		return -dy
	}
	return dy
}

// A counter adds up the workers' progress.
type counter struct {
	mu          sync.Mutex
	done, total uint64
	report      func(done, total uint64)
}

func newCounter(total uint64, report func(done, total uint64)) *counter {
	return &counter{total: total, report: report}
}

func (c *counter) add(n uint64) {
	if c.report == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += n
	c.report(c.done, c.total)
}
