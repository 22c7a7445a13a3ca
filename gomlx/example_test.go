package gomlx_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/isrlu/isrlu/gomlx"
	"github.com/isrlu/isrlu/nn"
)

// A function and its gradient.
func ExampleISRLU() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		log.Fatal(err)
	}
	exec, err := graph.NewExec(backend, func(x *graph.Node) (y, dx *graph.Node) {
		y = gomlx.ISRLU(x, 1)
		return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
	})
	if err != nil {
		log.Fatal(err)
	}
	y, dx, err := exec.Exec2([]float64{-1e300, -1, 0, 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n%.3f\n", y.Value(), dx.Value())
	// Output:
	// [-1.000 -0.707 0.000 2.000]
	// [0.000 0.354 1.000 1.000]
}

// A layer that learns an alpha for each channel.
func ExampleActivation() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.New()
	exec, err := context.NewExec(backend, ctx, func(ctx *context.Context, x *graph.Node) *graph.Node {
		return gomlx.Activation(ctx.In("1.activation"), x, "isru:4:learn-channel")
	})
	if err != nil {
		log.Fatal(err)
	}
	y, err := exec.Exec1([][]float32{{-1, 2}, {3, -4}})
	if err != nil {
		log.Fatal(err)
	}
	alpha, err := ctx.GetVariableByScopeAndName("/1.activation", "alpha").Value()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n%v\n", y.Value(), alpha.Value())
	// Output:
	// [[-0.447 0.485] [0.493 -0.496]]
	// [4 4]
}

// A recurrent layer with ISRU for the states and the ISRU sigmoid for the gates.
func ExampleLSTM() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		log.Fatal(err)
	}
	exec, err := context.NewExec(backend, context.New(), func(ctx *context.Context, x *graph.Node) *graph.Node {
		return gomlx.LSTM(ctx.In("1.lstm"), x, nn.LSTM{Units: 16, Activation: "isru", Last: true})
	})
	if err != nil {
		log.Fatal(err)
	}
	const samples, steps, features = 2, 5, 3
	h, err := exec.Exec1(tensors.FromFlatDataAndDimensions(make([]float32, samples*steps*features), samples, steps, features))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.Shape())
	// Output: (Float32)[2 16]
}

// A network goes to GoMLX and back.
func ExampleModel() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	m, err := gomlx.New(nn.Network{
		Input:      nn.Shape{2},
		Activation: "isrlu",
		Layers:     nn.Sequential{nn.Dense{Units: 3}, nn.Activation{}, nn.Dense{Units: 2}},
	}, 1)
	if err != nil {
		log.Fatal(err)
	}
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		log.Fatal(err)
	}
	exec, err := context.NewExec(backend, m.Context(), m.Logits)
	if err != nil {
		log.Fatal(err)
	}
	y, err := exec.Exec1([][]float32{{1, -2}})
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Save(path, nil); err != nil {
		log.Fatal(err)
	}
	back, _, err := nn.Load[float32](path, nn.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer back.Close()
	fmt.Printf("%.2f\n%.2f\n", y.Value(), back.Predict([]float32{1, -2}))
	// Output:
	// [[3.20 0.36]]
	// [3.20 0.36]
}
