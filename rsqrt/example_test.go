package rsqrt_test

import (
	"fmt"
	"math"

	"github.com/isrlu/isrlu/rsqrt"
)

func ExampleOf() {
	fmt.Println(rsqrt.Of(16), rsqrt.Of(0), rsqrt.Of(float32(math.Inf(1))), rsqrt.Of(-1))
	// Output: 0.25 +Inf 0 NaN
}

func ExampleOf64() {
	fmt.Println(rsqrt.Of64(2))
	// Output: 0.7071067811865475
}

func ExampleSlice() {
	x := []float32{1, 4, 16, 64}
	y := make([]float32, len(x))
	rsqrt.Slice(y, x, rsqrt.Exact)
	fmt.Println(y)
	// Output: [1 0.5 0.25 0.125]
}

// The precision decides how many digits are right.
func ExampleSlice_precision() {
	x := []float32{2, 3, 5}
	for _, p := range []rsqrt.Precision{rsqrt.Fast, rsqrt.Default, rsqrt.Exact} {
		y := make([]float32, len(x))
		rsqrt.Slice(y, x, p)
		worst := 0.0
		for i := range y {
			worst = max(worst, math.Abs(float64(y[i])*math.Sqrt(float64(x[i]))-1))
		}
		fmt.Printf("%v: %t\n", p, worst <= map[rsqrt.Precision]float64{
			rsqrt.Fast:    0x1p-11,
			rsqrt.Default: 4 * 0x1p-23,
			rsqrt.Exact:   1.5 * 0x1p-23,
		}[p])
	}
	// Output:
	// fast: true
	// default: true
	// exact: true
}

// In place: the destination may be the source.
func ExampleSlice64() {
	x := []float64{1, 4, 16, 64}
	rsqrt.Slice64(x, x, rsqrt.Exact)
	fmt.Println(x)
	// Output: [1 0.5 0.25 0.125]
}

func ExamplePrecision_String() {
	fmt.Println(rsqrt.Default, rsqrt.Exact, rsqrt.Fast)
	// Output: default exact fast
}

func ExampleNewton() {
	y := float32(0.7) // about 1/sqrt(2)
	for range 3 {
		y = rsqrt.Newton(2, y)
		fmt.Println(y)
	}
	// Output:
	// 0.70699996
	// 0.70710677
	// 0.70710677
}

func ExampleNewton64() {
	fmt.Println(rsqrt.Newton64(4, 0.5))
	// Output: 0.5
}

func ExampleEstimate() {
	for _, e := range rsqrt.Estimates() {
		fmt.Printf("%-8v %#x", e, e.Magic())
		for steps := range rsqrt.MaxSteps + 1 {
			fmt.Printf("  %.3e", e.Bound(steps))
		}
		fmt.Println()
	}
	// Output:
	// Quake    0x5f3759df  3.438e-02  1.753e-03  4.733e-06  1.475e-07  1.068e-07
	// Lomont   0x5f375a86  3.437e-02  1.752e-03  4.735e-06  1.476e-07  1.068e-07
	// Kadlec   0x5f1ffff9  1.340e-01  6.502e-04  7.664e-07  1.392e-07  1.042e-07
	// Walczyk  0x5f376908  3.434e-02  8.793e-04  7.368e-07  1.434e-07  1.068e-07
}

func ExampleEstimate_At() {
	for steps := range rsqrt.MaxSteps {
		fmt.Println(rsqrt.Quake.At(0.15625, steps))
	}
	fmt.Println(rsqrt.Quake.At(0, 1))
	// Output:
	// 2.6148603
	// 2.5254862
	// 2.529811
	// 2.529822
	// +Inf
}

// Raw takes zero for a number like any other.
func ExampleEstimate_Raw() {
	fmt.Println(rsqrt.Quake.Raw(0.15625, 1), rsqrt.Quake.Raw(0, 1))
	// Output: 2.5254862 1.9817754e+19
}

func ExampleEstimate_Slice() {
	x := []float32{1, 4, 0}
	y := make([]float32, len(x))
	rsqrt.Walczyk.Slice(y, x, 2)
	fmt.Printf("%.5f\n", y)
	// Output: [1.00000 0.50000 +Inf]
}

func ExampleEstimate_RawSlice() {
	x := []float32{1, 4, 16}
	rsqrt.Walczyk.RawSlice(x, x, 2)
	fmt.Printf("%.5f\n", x)
	// Output: [1.00000 0.50000 0.25000]
}

func ExampleEstimate_Bound() {
	fmt.Println(rsqrt.Walczyk.Bound(1) < rsqrt.Lomont.Bound(1))
	// Output: true
}

func ExampleEstimate_Magic() {
	fmt.Printf("%#x\n", rsqrt.Quake.Magic())
	// Output: 0x5f3759df
}

func ExampleEstimates() {
	fmt.Println(rsqrt.Estimates())
	// Output: [Quake Lomont Kadlec Walczyk]
}

func ExampleEstimate_String() {
	fmt.Println(rsqrt.Kadlec.String())
	// Output: Kadlec
}

func ExampleEstimate64() {
	for _, e := range rsqrt.Estimates64() {
		fmt.Printf("%-11v %#x", e, e.Magic())
		for steps := range rsqrt.MaxSteps + 1 {
			fmt.Printf("  %.3e", e.Bound(steps))
		}
		fmt.Println()
	}
	// Output:
	// Lomont64    0x5fe6ec85e7de30da  3.422e-02  1.776e-03  4.728e-06  3.353e-11  2.776e-16
	// Robertson64 0x5fe6eb50c7b537a9  3.437e-02  1.752e-03  4.598e-06  3.171e-11  2.776e-16
	// Walczyk64   0x5fe6ed2102dcbfda  3.434e-02  8.791e-04  5.797e-07  2.523e-13  2.776e-16
}

func ExampleEstimate64_At() {
	fmt.Println(rsqrt.Robertson64.At(0.25, 4))
	fmt.Println(rsqrt.Robertson64.At(math.Inf(1), 4))
	// Output:
	// 2
	// 0
}

func ExampleEstimate64_Raw() {
	fmt.Printf("%.12f\n", rsqrt.Walczyk64.Raw(0.25, 3))
	// Output: 2.000000000000
}

func ExampleEstimate64_Slice() {
	x := []float64{1, 4, 0}
	rsqrt.Robertson64.Slice(x, x, 4)
	fmt.Printf("%.5f\n", x)
	// Output: [1.00000 0.50000 +Inf]
}

func ExampleEstimate64_RawSlice() {
	x := []float64{1, 4, 16}
	rsqrt.Robertson64.RawSlice(x, x, 4)
	fmt.Printf("%.5f\n", x)
	// Output: [1.00000 0.50000 0.25000]
}

func ExampleEstimate64_Bound() {
	fmt.Println(rsqrt.Robertson64.Bound(3))
	// Output: 3.171e-11
}

func ExampleEstimate64_Magic() {
	fmt.Printf("%#x\n", rsqrt.Robertson64.Magic())
	// Output: 0x5fe6eb50c7b537a9
}

func ExampleEstimates64() {
	fmt.Println(rsqrt.Estimates64())
	// Output: [Lomont64 Robertson64 Walczyk64]
}

func ExampleEstimate64_String() {
	fmt.Println(rsqrt.Walczyk64.String())
	// Output: Walczyk64
}
