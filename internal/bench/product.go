package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isrlu/isrlu/internal/gemm"
)

// A ProductShape is that of a product of an M x K with a K x N matrix.
type ProductShape struct{ M, N, K int }

// maxMatrix is the most elements of a matrix. The bytes of three of them, packed
// too, fit an int everywhere.
const maxMatrix = 1 << 26

func (s ProductShape) String() string {
	if s.M == s.N && s.N == s.K {
		return strconv.Itoa(s.M)
	}
	return fmt.Sprintf("%dx%dx%d", s.M, s.N, s.K)
}

// elements returns those of the three matrices.
func (s ProductShape) elements() int { return s.M*s.K + s.K*s.N + s.M*s.N }

// ParseProductShape reads M, N and K with x between them, or one number that
// stands for all three.
func ParseProductShape(text string) (ProductShape, error) {
	parts := strings.Split(text, "x")
	sides := make([]uint64, len(parts))
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || n == 0 || len(parts) != 1 && len(parts) != 3 {
			return ProductShape{}, fmt.Errorf("shape %q is not three positive numbers such as 100x256x3136, or one such as 512", text)
		}
		sides[i] = n
	}
	if len(sides) == 1 {
		sides = []uint64{sides[0], sides[0], sides[0]}
	}
	m, n, k := sides[0], sides[1], sides[2]
	if max(m*k, k*n, m*n) > maxMatrix {
		return ProductShape{}, fmt.Errorf("shape %q is too large; a matrix may have at most %d elements", text, maxMatrix)
	}
	return ProductShape{int(m), int(n), int(k)}, nil
}

// Transposes holds the ways to store the two factors: n as it is multiplied, t as
// its transpose.
var Transposes = []string{"nn", "nt", "tn", "tt"}

// ParseTransposes returns the names, each once; no name means nn, and "all" all of
// them.
func ParseTransposes(names []string) ([]string, error) {
	if len(names) == 0 {
		names = Transposes[:1]
	}
	if slices.Equal(names, []string{"all"}) {
		return Transposes, nil
	}
	var ts []string
	for _, name := range names {
		if !slices.Contains(Transposes, name) {
			return nil, fmt.Errorf("unknown transpose %q; available: %s, all", name, strings.Join(Transposes, ", "))
		}
		if !slices.Contains(ts, name) {
			ts = append(ts, name)
		}
	}
	return ts, nil
}

// ProductOptions choose the products to measure and how long. No option has a
// zero value that works but Time and Progress.
type ProductOptions struct {
	Shapes     []ProductShape
	Transposes []string
	// Time is the least time to measure each product for, DefaultProductTime if 0.
	Time time.Duration
	// Progress, if not nil, is called with the share of the work that is done.
	Progress func(done, total int)
}

// DefaultProductTime is the time for each product.
const DefaultProductTime = 200 * time.Millisecond

// ProductResults are what Products measured.
type ProductResults struct {
	PeakGFLOPS float64
	// Products holds shapes and transposes, the last changing fastest.
	Products []ProductResult
}

// A ProductResult is what was measured of one product.
type ProductResult struct {
	ProductShape
	Transpose   string
	MS          float64 // milliseconds of a call, median over samples
	Q1, Q3      float64
	Samples     int
	GFLOPS      float64 // 1e9 operations per second, two in each multiply-add
	PeakPercent float64 // of PeakGFLOPS
}

// Products measures products of float32 matrices on one core, all in interleaved
// rounds. It stops early, with the context's error, when the context ends.
func Products(ctx context.Context, o ProductOptions) (*ProductResults, error) {
	if o.Time == 0 {
		o.Time = DefaultProductTime
	}
	longest := 0
	for _, s := range o.Shapes {
		// Packing may take as much again.
		longest = max(longest, 2*s.elements())
	}
	if err := enoughMemory(4 * longest); err != nil {
		return nil, err
	}
	var results []ProductResult
	for _, s := range o.Shapes {
		for _, t := range o.Transposes {
			results = append(results, ProductResult{ProductShape: s, Transpose: t})
		}
	}
	peak, samples := PeakGFLOPS(), make([][]float64, len(results))
	var err error
	onOneCore(func() { err = timeProducts(ctx, o, results, samples) })
	if err != nil {
		return nil, err
	}
	for i := range results {
		r := &results[i]
		r.Samples = len(samples[i])
		r.Q1, r.MS, r.Q3 = Quartiles(samples[i])
		r.GFLOPS = 2 * float64(r.M) * float64(r.N) * float64(r.K) / (1e6 * r.MS)
		r.PeakPercent = 100 * r.GFLOPS / peak
	}
	return &ProductResults{PeakGFLOPS: peak, Products: results}, nil
}

// timeProducts appends to samples the milliseconds of each product's calls.
func timeProducts(ctx context.Context, o ProductOptions, products []ProductResult, samples [][]float64) error {
	// Products share their operands: a product's come back into the caches with
	// the first call of its turn.
	var ops factors
	for _, p := range products {
		ops.grow(p.ProductShape, p.Transpose)
	}
	ops.fill()
	watches := make([]stopwatch, len(products))
	clock := clockCost()
	for round := range rounds {
		for i, p := range products {
			if err := ctx.Err(); err != nil {
				return err
			}
			w := &watches[i]
			if round == 0 {
				*w = newStopwatch(clock)
				w.run = ops.product(p.ProductShape, p.Transpose)
			}
			w.run()
			if round == 0 {
				w.calibrate(o.Time)
			}
			for range w.samplesIn(round) {
				samples[i] = append(samples[i], w.sample()/1e6)
			}
			if o.Progress != nil {
				o.Progress(round*len(products)+i+1, rounds*len(products))
			}
		}
	}
	return nil
}

// factors are the operands of products, as long as the longest needs them.
type factors struct{ a, b, c, scratch []float32 }

func matmul(s ProductShape, transpose string) gemm.Matmul[float32] {
	p := gemm.Matmul[float32]{
		Rows: s.M, Cols: s.N, Depth: s.K,
		TransA: transpose[0] == 't', TransB: transpose[1] == 't',
		ARow: s.K, BRow: s.N, CRow: s.N,
	}
	if p.TransA {
		p.ARow = s.M
	}
	if p.TransB {
		p.BRow = s.K
	}
	return p
}

func (f *factors) grow(s ProductShape, transpose string) {
	p := matmul(s, transpose)
	longer := func(v *[]float32, n int) {
		if n > len(*v) {
			*v = make([]float32, n)
		}
	}
	longer(&f.a, s.M*s.K)
	longer(&f.b, s.K*s.N)
	longer(&f.c, s.M*s.N)
	longer(&f.scratch, p.Scratch())
}

// fill draws the elements, and touches all pages.
func (f *factors) fill() {
	r := rand.New(rand.NewPCG(1, 2))
	for _, v := range [][]float32{f.a, f.b, f.c, f.scratch} {
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
	}
}

// product returns what computes the product.
func (f *factors) product(s ProductShape, transpose string) func() {
	p := matmul(s, transpose)
	a, b, c := f.a[:s.M*s.K], f.b[:s.K*s.N], f.c[:s.M*s.N]
	return func() { p.Run(c, a, b, nil, f.scratch, nil) }
}
