package rsqrt

import (
	"fmt"
	"testing"
)

// benchmarkElements fits in the first-level cache, source and destination.
const benchmarkElements = 2048

func benchmark[T float32 | float64](b *testing.B, name string, f func(dst, src []T)) {
	x, y := make([]T, benchmarkElements), make([]T, benchmarkElements)
	for i := range x {
		x[i] = T(i)*0.37 + 0.5
	}
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			f(y, x)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchmarkElements, "ns/element")
	})
}

func BenchmarkSlice(b *testing.B) {
	for _, p := range precisions {
		benchmark(b, p.String(), func(dst, src []float32) { Slice(dst, src, p) })
	}
}

func BenchmarkSlice64(b *testing.B) {
	for _, p := range precisions {
		benchmark(b, p.String(), func(dst, src []float64) { Slice64(dst, src, p) })
	}
}

func BenchmarkOf(b *testing.B) {
	benchmark(b, "float32", func(dst, src []float32) {
		for i, x := range src {
			dst[i] = Of(x)
		}
	})
	benchmark(b, "float64", func(dst, src []float64) {
		for i, x := range src {
			dst[i] = Of64(x)
		}
	})
}

func BenchmarkEstimate(b *testing.B) {
	for _, e := range Estimates() {
		for steps := range MaxSteps + 1 {
			benchmark(b, fmt.Sprintf("%v/steps=%d/At", e, steps), func(dst, src []float32) { e.Slice(dst, src, steps) })
			benchmark(b, fmt.Sprintf("%v/steps=%d/Raw", e, steps), func(dst, src []float32) { e.RawSlice(dst, src, steps) })
		}
	}
}

func BenchmarkEstimate64(b *testing.B) {
	for _, e := range Estimates64() {
		for steps := range MaxSteps + 1 {
			benchmark(b, fmt.Sprintf("%v/steps=%d/At", e, steps), func(dst, src []float64) { e.Slice(dst, src, steps) })
			benchmark(b, fmt.Sprintf("%v/steps=%d/Raw", e, steps), func(dst, src []float64) { e.RawSlice(dst, src, steps) })
		}
	}
}
