package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/isrlu/isrlu/internal/cpu"
	"github.com/isrlu/isrlu/internal/gemm"
)

// halfULP returns half an ulp of 1.
func halfULP[T gemm.Float]() float64 {
	if isDouble[T]() {
		return 0x1p-53
	}
	return 0x1p-24
}

// softmaxShapes calls f for what is tried: every number of columns, square and
// causal, with and without room between the rows.
func softmaxShapes(f func(rows, cols, stride, valid int)) {
	for _, cols := range lengths() {
		f(1+cols%3, cols, cols+cols%4, cols)
		f(cols, cols, cols+cols%5, 1)
		f(4, cols, cols, cols/2-2)
	}
	f(batchRows+3, 9, 9, 1)
}

func TestSoftmax(t *testing.T) { onLevels(t, testSoftmax[float32], testSoftmax[float64]) }

func testSoftmax[T gemm.Float](t *testing.T, l cpu.Level) {
	r := rand.New(rand.NewPCG(10, 11))
	worst := 0.0
	softmaxShapes(func(rows, cols, stride, valid int) {
		what := fmt.Sprintf("%d rows of %d, stride %d, %d valid", rows, cols, stride, valid)
		x, dp := guarded[T](t, r, (rows-1)*stride+cols, false), guarded[T](t, r, (rows-1)*stride+cols, false)
		const scale = -.75
		before, dpBefore := clone(x), clone(dp)
		want, dWant := clone(x), clone(dp)
		tableOf[T](l).softmax(x, rows, cols, stride, scale, valid)
		tableOf[T](l).softmaxBackward(dp, x, rows, cols, stride, scale, valid)
		for i := range rows {
			n := max(0, min(cols, valid+i))
			clear(want[i*stride:][n:cols])
			clear(dWant[i*stride:][n:cols])
			sum, dot := 0.0, 0.0
			for j := range n {
				sum += math.Exp(scale * float64(before[i*stride+j]))
			}
			for j := range n {
				want[i*stride+j] = T(math.Exp(scale*float64(before[i*stride+j])) / sum)
				dot += float64(x[i*stride+j]) * float64(dpBefore[i*stride+j])
			}
			for j := range n {
				p := x[i*stride+j]
				dWant[i*stride+j] = T(scale * float64(p) * (float64(dpBefore[i*stride+j]) - dot))
			}
		}
		for j := range x {
			e := math.Abs(float64(x[j])-float64(want[j])) / halfULP[T]()
			if e != 0 {
				e /= float64(want[j])
			}
			worst = max(worst, e)
			if e > 20 {
				t.Fatalf("%s: element %d is %v, want %v", what, j, x[j], want[j])
			}
			if d := math.Abs(float64(dp[j]) - float64(dWant[j])); d > 40*halfULP[T]() {
				t.Fatalf("%s: gradient %d is %v, want %v", what, j, dp[j], dWant[j])
			}
		}
	})
	t.Logf("worst error %.1f half ulps", worst)
}

// TestSoftmaxRowsDoNotDependOnEachOther: a row has the same bits whatever stands
// beside it, and NaN stays in its own.
func TestSoftmaxRowsDoNotDependOnEachOther(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 13))
	for _, l := range cpu.Available() {
		const cols = 37
		x := fill(r, make([]float32, 5*cols), false)
		x[cols+3] = float32(math.NaN())
		x[4*cols] = float32(math.Inf(1))
		want := clone(x)
		for i := range 5 {
			tableOf[float32](l).softmax(want[i*cols:][:cols], 1, cols, cols, 1, 10+i)
		}
		tableOf[float32](l).softmax(x, 5, cols, cols, 1, 10)
		check(t, l.String(), x, want)
		for i := range 5 {
			if v := x[i*cols+1]; (v != v) != (i == 1 || i == 4) {
				t.Errorf("%v: row %d has %v", l, i, v)
			}
		}
	}
}

func TestSoftmaxOfLargeNumbers(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, l := range cpu.Available() {
		x := []float32{3e38, -3e38, 3e38, -inf}
		tableOf[float32](l).softmax(x, 1, 4, 4, 1, 4)
		check(t, l.String(), x, []float32{.5, 0, .5, 0})
	}
}

func TestExpSum(t *testing.T) { onLevels(t, testExpSum[float32], testExpSum[float64]) }

func testExpSum[T gemm.Float](t *testing.T, l cpu.Level) {
	r := rand.New(rand.NewPCG(14, 15))
	table := tableOf[T](l)
	for _, n := range append(lengths(), blockSize+7) {
		src := guarded[T](t, r, n, false)
		for i := range src {
			src[i] = src[i]*20 - 300
		}
		dst := guarded[T](t, r, n, false)
		largest, sum := table.expSum(dst, src)
		want, wantSum := T(math.Inf(-1)), 0.0
		for _, v := range src {
			want = max(want, v)
		}
		for _, v := range src {
			wantSum += math.Exp(float64(v - want))
		}
		if largest != want || math.Abs(float64(sum)-wantSum) > 8*math.Sqrt(float64(n))*halfULP[T]()*wantSum {
			t.Fatalf("%d elements: %v and %v, want %v and %v", n, largest, sum, want, wantSum)
		}
		again, _ := table.expSum(src, src)
		check(t, "in place", src, dst)
		if again != largest {
			t.Errorf("in place: %v, want %v", again, largest)
		}
	}
	nan, inf := T(math.NaN()), T(math.Inf(1))
	for _, test := range []struct {
		src    []T
		max    T
		hasSum bool
	}{
		{[]T{}, -inf, true}, {[]T{1, nan, 2}, 2, false}, {[]T{nan}, -inf, false}, {[]T{1, inf}, inf, false},
		{[]T{-inf, -inf}, -inf, false}, {[]T{-inf, 3, -inf}, 3, true},
	} {
		dst := make([]T, len(test.src))
		largest, sum := table.expSum(dst, test.src)
		if largest != test.max || (sum == sum) != test.hasSum {
			t.Errorf("%v: %v and %v", test.src, largest, sum)
		}
		for i, v := range test.src {
			if v == v && !math.IsInf(float64(largest), 0) && dst[i] != T(math.Exp(float64(v-largest))) {
				if d := math.Abs(float64(dst[i]) - math.Exp(float64(v-largest))); d > 4*halfULP[T]() {
					t.Errorf("%v: element %d is %v", test.src, i, dst[i])
				}
			}
		}
	}
}

// TestExpIsAccurate: e^-u is within 2 ulp, of subnormal results 2 of their steps.
func TestExpIsAccurate(t *testing.T) { onLevels(t, testExp[float32], testExp[float64]) }

func testExp[T gemm.Float](t *testing.T, l cpu.Level) {
	end, least := 104.0, math.SmallestNonzeroFloat32
	if isDouble[T]() {
		end, least = 746, math.SmallestNonzeroFloat64
	}
	const n = 1 << 16
	src, dst := make([]T, n), make([]T, n)
	for i := range src {
		src[i] = -T(float64(i) * end / n)
	}
	tableOf[T](l).expSum(dst, src)
	worst := 0.0
	for i, v := range src {
		want := math.Exp(float64(v))
		e := math.Abs(float64(dst[i])-want) / max(2*halfULP[T]()*want, least)
		worst = max(worst, e)
	}
	if dst[0] != 1 || worst > 2 {
		t.Errorf("e^0 = %v, worst error %.2f ulp", dst[0], worst)
	}
	t.Logf("worst error %.2f ulp", worst)
}

func TestSoftmaxChecksLengths(t *testing.T) {
	x := make([]float32, 20)
	mustPanic(t, "short", func() { Softmax(x[:19], 4, 5, 5, 1, 5) })
	mustPanic(t, "stride", func() { Softmax(x, 4, 5, 4, 1, 5) })
	mustPanic(t, "p", func() { SoftmaxBackward(x, x[:18], 4, 5, 5, 1, 5) })
	mustPanic(t, "dst", func() { ExpSum(x, x[:18]) })
	Softmax(x[:19], 3, 5, 7, 1, 5) // the last row needs no stride
	Softmax(x[:0], 0, 5, 5, 1, 5)
	Softmax(x[:0], 3, 0, 0, 1, 5)
}

func BenchmarkSoftmax(b *testing.B) {
	for _, n := range []int{64, 256, 1024} {
		const rows = 64
		x := fill(rand.New(rand.NewPCG(1, 1)), make([]float32, rows*n), false)
		y, dp := clone(x), clone(x)
		bench(b, fmt.Sprintf("forward/%d", n), rows*n, func() { copy(y, x) }, func() { Softmax(y, rows, n, n, .125, n) })
		bench(b, fmt.Sprintf("backward/%d", n), rows*n, func() { copy(dp, x) }, func() { SoftmaxBackward(dp, y, rows, n, n, .125, n) })
		bench(b, fmt.Sprintf("expsum/%d", n), n, nil, func() { ExpSum(y[:n], x[:n]) })
	}
	const n = 256
	x := fill(rand.New(rand.NewPCG(1, 1)), make([]float32, n*n), false)
	y := clone(x)
	bench(b, "causal/256", n*n, func() { copy(y, x) }, func() { Softmax(y, n, n, n, .125, 1) })
}
