package isrlu

import (
	"fmt"
	"testing"
)

// benchmarkSizes are elements in the first-level cache, the third-level cache
// and memory, as float32.
var benchmarkSizes = []int{4 << 10, 512 << 10, 16 << 20}

func benchmark(b *testing.B, call func(f *Function) func(dst, dy, x []float32)) {
	for _, n := range benchmarkSizes {
		x, dy, dst := normal32(n, 2), normal32(n, 1), make([]float32, n)
		b.Run(fmt.Sprintf("copy/%d", n), func(b *testing.B) {
			for b.Loop() {
				copy(dst, x)
			}
			perElement(b, n)
		})
		for _, info := range Functions() {
			for _, p := range info.Precisions {
				f := Must(New(info.Name)).WithPrecision(p)
				run := call(f)
				if run == nil {
					continue
				}
				b.Run(fmt.Sprintf("%s/%s/%d", info.Name, p, n), func(b *testing.B) {
					for b.Loop() {
						run(dst, dy, x)
					}
					perElement(b, n)
				})
			}
		}
	}
}

func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

func BenchmarkForward(b *testing.B) {
	benchmark(b, func(f *Function) func(dst, dy, x []float32) {
		return func(dst, _, x []float32) { f.Forward(dst, x) }
	})
}

func BenchmarkBackward(b *testing.B) {
	benchmark(b, func(f *Function) func(dst, dy, x []float32) { return f.Backward })
}

func BenchmarkBackwardFromOutput(b *testing.B) {
	benchmark(b, func(f *Function) func(dst, dy, x []float32) {
		if !f.HasBackwardFromOutput() {
			return nil
		}
		return f.BackwardFromOutput
	})
}

// BenchmarkCall is the cost of a call that has little to do.
func BenchmarkCall(b *testing.B) {
	f := Must(ISRLU(1))
	for _, n := range []int{1, 7, 64, 100} {
		x, y := normal32(n, 1), make([]float32, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				f.Forward(y, x)
			}
		})
	}
}

func BenchmarkParamGrad(b *testing.B) {
	f := Must(ISRLU(1))
	n := 64 << 10
	x, dy := normal32(n, 1), normal32(n, 1)
	for b.Loop() {
		f.ParamGrad(0, dy, x)
	}
	perElement(b, n)
}

func BenchmarkTable8(b *testing.B) {
	t, err := NewTable8[int8](Must(ISRLU(1)), Quantization{Scale: 0.05}, Quantization{Scale: 0.05})
	if err != nil {
		b.Fatal(err)
	}
	q := make([]int8, 64<<10)
	for b.Loop() {
		t.Forward(q, q)
	}
	perElement(b, len(q))
}
