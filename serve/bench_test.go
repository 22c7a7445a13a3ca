package serve

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkRequest is the time that the server takes for a request with an image of
// MNIST's size beside the network and the model.
func BenchmarkRequest(b *testing.B) {
	m := model("m", engineFunc{32, func(x []float32) []float32 { return make([]float32, 10*len(x)/784) }})
	m.Input.Shape, m.Output.Shape = []int{28, 28, 1}, []int{10}
	s := newServer(b, Options{}, m)
	x := normal(rand.New(rand.NewPCG(1, 1)), 784)
	for i := range x {
		x[i] = float32(int(x[i]*1e6)) / 1e6 // as many digits as clients send
	}
	binary, length := inferBody(b, m, "FP32", []int{1, 28, 28, 1}, appendBinary(nil, x), `,"parameters":{"binary_data_output":true}`)
	inJSON := `{"inputs":[{"name":"x","shape":[1,28,28,1],"datatype":"FP32","data":` + mustJSON(b, x) + `}]}`
	for _, c := range []struct{ name, body, length string }{{"binary", binary, length}, {"json", inJSON, ""}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if w := do(s, "POST", "/v2/models/m/infer", c.body, headerLength, c.length); w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
