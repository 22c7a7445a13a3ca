package isrlu_test

import (
	"fmt"

	"github.com/isrlu/isrlu"
)

// Training in place: the output takes the place of the input, and the gradient of the
// input that of the output.
func ExampleFunction_BackwardFromOutput_inPlace() {
	f := isrlu.Must(isrlu.ISRLU(1))
	x := []float32{-2, -0.5, 1}
	dx := []float32{1, 1, 1} // the gradient of the output
	f.Forward(x, x)
	f.BackwardFromOutput(dx, dx, x)
	fmt.Printf("%.4f\n%.4f\n", x, dx)
	// Output:
	// [-0.8944 -0.4472 1.0000]
	// [0.0894 0.7155 1.0000]
}

func ExampleFunction_ParamGradFromOutput() {
	f := isrlu.Must(isrlu.ISRLU(1))
	x, dy := []float32{-1, -2, 3}, []float32{1, 1, 1}
	y := make([]float32, len(x))
	f.Forward(y, x)
	fmt.Printf("dL/dalpha = %.4f\n", f.ParamGradFromOutput(0, dy, y))
	// Output: dL/dalpha = 0.5345
}

func ExampleFunction_Monotone() {
	for _, name := range []string{"isrlu", "gelu"} {
		fmt.Println(name, isrlu.Must(isrlu.New(name)).Monotone())
	}
	// Output:
	// isrlu true
	// gelu false
}

func ExampleToBFloat16() {
	b := isrlu.ToBFloat16(3.14159)
	fmt.Printf("%#x %v\n", uint16(b), b.Float32())
	// Output: 0x4049 3.140625
}
