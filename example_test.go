package isrlu_test

import (
	"fmt"

	"github.com/isrlu/isrlu"
)

func ExampleISRLU() {
	f, err := isrlu.ISRLU(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{-2, -1, 0, 1, 2}
	f.Forward(x, x)
	fmt.Printf("%.4f\n", x)
	// Output: [-0.8944 -0.7071 0.0000 1.0000 2.0000]
}

func ExampleISRLU_invalid() {
	_, err := isrlu.ISRLU(-1)
	fmt.Println(err)
	// Output: isrlu: alpha must be positive and finite, got -1
}

// show applies a function to a few numbers.
func show(f *isrlu.Function) {
	x := []float32{-2, -0.5, 0.5, 2}
	f.Forward(x, x)
	fmt.Printf("%s %.4f\n", f, x)
}

func ExampleISRU() {
	show(isrlu.Must(isrlu.ISRU(1)))
	// Output: isru:1 [-0.8944 -0.4472 0.4472 0.8944]
}

func ExampleISRUSigmoid() {
	show(isrlu.Must(isrlu.ISRUSigmoid(1)))
	// Output: isru_sigmoid:1 [0.0528 0.2764 0.7236 0.9472]
}

func ExampleISRUSigmoidScaled() {
	show(isrlu.Must(isrlu.ISRUSigmoidScaled(1, 0.5)))
	show(isrlu.Sigmoid())
	// Output:
	// isru_sigmoid:1,0.5 [0.1464 0.3787 0.6213 0.8536]
	// sigmoid [0.1192 0.3775 0.6225 0.8808]
}

func ExampleDyISRU() {
	show(isrlu.Must(isrlu.DyISRU(4, 1)))
	// Output: dyisru:4,1 [-3.5777 -1.7889 1.7889 3.5777]
}

func ExampleIdentity() {
	show(isrlu.Identity())
	// Output: identity [-2.0000 -0.5000 0.5000 2.0000]
}

func ExampleReLU() {
	show(isrlu.ReLU())
	// Output: relu [0.0000 0.0000 0.5000 2.0000]
}

func ExampleLeakyReLU() {
	show(isrlu.Must(isrlu.LeakyReLU(0.1)))
	// Output: leaky_relu:0.1 [-0.2000 -0.0500 0.5000 2.0000]
}

func ExampleELU() {
	show(isrlu.Must(isrlu.ELU(1)))
	// Output: elu:1 [-0.8647 -0.3935 0.5000 2.0000]
}

func ExampleSELU() {
	show(isrlu.SELU())
	// Output: selu [-1.5202 -0.6918 0.5254 2.1014]
}

func ExampleTanh() {
	show(isrlu.Tanh())
	// Output: tanh [-0.9640 -0.4621 0.4621 0.9640]
}

func ExampleSigmoid() {
	show(isrlu.Sigmoid())
	// Output: sigmoid [0.1192 0.3775 0.6225 0.8808]
}

func ExampleSoftplus() {
	show(isrlu.Softplus())
	// Output: softplus [0.1269 0.4741 0.9741 2.1269]
}

func ExampleSiLU() {
	show(isrlu.SiLU())
	// Output: silu [-0.2384 -0.1888 0.3112 1.7616]
}

func ExampleGELU() {
	show(isrlu.GELU())
	// Output: gelu [-0.0455 -0.1543 0.3457 1.9545]
}

func ExampleGELUTanh() {
	show(isrlu.GELUTanh())
	// Output: gelu_tanh [-0.0454 -0.1543 0.3457 1.9546]
}

func ExampleMust() {
	fmt.Println(isrlu.Must(isrlu.ISRLU(3)))
	// Output: isrlu:3
}

func ExampleNew() {
	f, err := isrlu.New("isrlu", 3)
	fmt.Println(f, err)
	_, err = isrlu.New("relu", 1)
	fmt.Println(err)
	// Output:
	// isrlu:3 <nil>
	// isrlu: relu takes no parameters, got 1
}

func ExampleParse() {
	for _, spec := range []string{"isrlu", "isrlu:3", "dyisru:2,0.5"} {
		f, err := isrlu.Parse(spec)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(f.Name(), f.Params())
	}
	// Output:
	// isrlu [1]
	// isrlu [3]
	// dyisru [2 0.5]
}

func ExampleFunctions() {
	for _, info := range isrlu.Functions()[:4] {
		fmt.Printf("%-10s %s\n", info.Name, info.Formula)
	}
	// Output:
	// identity   x
	// relu       max(x, 0)
	// leaky_relu x >= 0 ? x : slope x
	// isrlu      x >= 0 ? x : x/sqrt(1 + alpha x^2)
}

func ExampleNames() {
	fmt.Println(isrlu.Names()[:3])
	// Output: [identity relu leaky_relu]
}

func ExampleFunction_Info() {
	info := isrlu.Must(isrlu.ISRLU(3)).Info()
	fmt.Println(info.Title, info.Params[0].Name, info.Params[0].Domain)
	// Output: ISRLU alpha positive and finite
}

func ExampleFunction_Forward64() {
	x := []float64{-1, 1}
	isrlu.Must(isrlu.ISRU(1)).Forward64(x, x)
	fmt.Printf("%.12f\n", x)
	// Output: [-0.707106781187 0.707106781187]
}

func ExampleFunction_Backward() {
	f := isrlu.Must(isrlu.ISRLU(1))
	x, dy := []float32{-1, 2}, []float32{1, 1}
	f.Backward(dy, dy, x) // the gradient with respect to x takes dy's place
	fmt.Printf("%.4f\n", dy)
	// Output: [0.3536 1.0000]
}

// The input need not be kept for the backward pass.
func ExampleFunction_BackwardFromOutput() {
	f := isrlu.Must(isrlu.ISRLU(1))
	x, dy := []float32{-1, 2}, []float32{1, 1}
	f.Forward(x, x) // the output takes the input's place
	f.BackwardFromOutput(dy, dy, x)
	fmt.Printf("%.4f %v\n", dy, isrlu.GELU().HasBackwardFromOutput())
	// Output: [0.3536 1.0000] false
}

func ExampleFunction_SecondDerivative() {
	f := isrlu.Must(isrlu.ISRLU(1))
	d := []float32{-1, 0, 1}
	f.SecondDerivative(d, d)
	fmt.Printf("%.4f %v\n", d, isrlu.ReLU().HasSecondDerivative())
	// Output: [0.5303 0.0000 0.0000] false
}

func ExampleFunction_Inverse() {
	f := isrlu.Must(isrlu.ISRU(1))
	y := []float32{-0.8, 0, 0.6, 1}
	f.Inverse(y, y)
	fmt.Printf("%.4f %v\n", y, f.HasInverse())
	// Output: [-1.3333 0.0000 0.7500 +Inf] true
}

func ExampleFunction_ParamGrad() {
	f := isrlu.Must(isrlu.ISRLU(1))
	x, dy := []float32{-1, -2, 3}, []float32{1, 1, 1}
	fmt.Printf("dL/dalpha = %.4f\n", f.ParamGrad(0, dy, x))
	// Output: dL/dalpha = 0.5345
}

func ExampleFunction_ParamGradChannels() {
	f := isrlu.Must(isrlu.ISRLU(1))
	// Two samples of two channels of one element.
	x, dy := []float32{-1, -2, -1, -2}, []float32{1, 1, 1, 1}
	grad := make([]float64, 2)
	f.ParamGradChannels(0, grad, dy, x, 1)
	fmt.Printf("%.4f\n", grad)
	// Output: [0.3536 0.7155]
}

func ExampleFunction_WithPrecision() {
	f := isrlu.Must(isrlu.ISRLU(1))
	for _, p := range []isrlu.Precision{isrlu.Exact, isrlu.Default, isrlu.Fast} {
		g := f.WithPrecision(p)
		fmt.Println(g.Precision(), g.Bound(isrlu.Forward))
	}
	// Output:
	// exact {2 0 0}
	// default {4 0 0}
	// fast {0 0 0.00048828125}
}

func ExampleParsePrecision() {
	p, err := isrlu.ParsePrecision("fast")
	fmt.Println(p, err)
	_, err = isrlu.ParsePrecision("quick")
	fmt.Println(err)
	// Output:
	// fast <nil>
	// isrlu: unknown precision "quick"; known: default, exact, fast
}

func ExampleFunction_WithSIMD() {
	f, err := isrlu.Must(isrlu.ISRLU(1)).WithSIMD("portable")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.SIMD(), isrlu.SIMDLevels()[0], isrlu.SIMDError())
	// Output: portable portable <nil>
}

func ExampleFunction_Bound() {
	f := isrlu.Must(isrlu.ISRU(1))
	fmt.Printf("float32: %v ulp, float64: %v ulp\n", f.Bound(isrlu.Forward).ULP, f.Bound64(isrlu.Forward).ULP)
	// Output: float32: 4 ulp, float64: 2.5 ulp
}

func ExampleFunction_ForwardBFloat16() {
	x := []isrlu.BFloat16{isrlu.ToBFloat16(-2), isrlu.ToBFloat16(2)}
	isrlu.Must(isrlu.ISRLU(1)).ForwardBFloat16(x, x)
	fmt.Println(x[0].Float32(), x[1].Float32())
	// Output: -0.89453125 2
}

func ExampleFunction_ForwardFloat16() {
	x := []isrlu.Float16{isrlu.ToFloat16(-2), isrlu.ToFloat16(2)}
	isrlu.Must(isrlu.ISRLU(1)).ForwardFloat16(x, x)
	fmt.Println(x[0].Float32(), x[1].Float32())
	// Output: -0.89453125 2
}

func ExampleNewTable8() {
	f := isrlu.Must(isrlu.ISRLU(1))
	t, err := isrlu.NewTable8[int8](f, isrlu.Quantization{Scale: 0.1}, isrlu.Quantization{Scale: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := []int8{-100, -10, 0, 10, 100}
	t.Forward(q, q)
	fmt.Println(q, t.At(-20))
	// Output: [-10 -7 0 10 100] -9
}

func ExampleDirections() {
	fmt.Println(isrlu.Directions()[:3])
	// Output: [forward backward backward_from_output]
}
