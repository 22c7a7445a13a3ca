package onnx

import (
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// Whatever model the decoder takes is loaded or an error, in a time and memory that
// its size bounds; what is loaded is stored again.
func FuzzLoad(f *testing.F) {
	for _, c := range graphCases {
		data, err := c.model(f).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, m := range torchModels(f) {
		data, err := m.Model.Encode()
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		o := LoadOptions{Options: nn.Options{Threads: 1, Inference: true}}
		c, err := m.convert(o)
		if err != nil {
			return
		}
		network, steps, err := c.network()
		if err != nil {
			return
		}
		// The engine has limits of its own, which are beyond a fuzzer's memory.
		weights := 0
		for _, s := range steps {
			for _, b := range s.step.bindings {
				if b.from != nil {
					weights += b.from.size()
				}
			}
		}
		if c.total > 1<<18 || sizeOf(network.Input) > 1<<18 || weights > 1<<18 {
			return
		}
		l, err := load[float32](c, o)
		if err != nil {
			return
		}
		defer l.Close()
		if err := l.Store(); err != nil {
			return
		}
		if _, err := m.Encode(); err != nil {
			t.Error(err)
		}
	})
}
