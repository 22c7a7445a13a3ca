package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

// isRecurrentModel tells whether a model of PyTorch has recurrent nodes.
func isRecurrentModel(name string) bool {
	return slices.ContainsFunc([]string{"lstm_", "gru_", "rnn_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// recurrentFunctionsOf returns those of the recurrent layers of a network.
func recurrentFunctionsOf(n nn.Network) (list []string) {
	for _, l := range n.Layers {
		switch l := l.(type) {
		case nn.LSTM:
			list = append(list, l.Gate, l.Activation)
		case nn.GRU:
			list = append(list, l.Gate, l.Activation)
		case nn.RNN:
			list = append(list, l.Activation)
		}
	}
	return list
}

// A model whose recurrent nodes have become Scans is loaded as the network of these
// nodes, with the functions and weights that they have.
func TestSwappedRecurrentModelsAreLoaded(t *testing.T) {
	r := maybeRuntime(t)
	for _, to := range []string{"isru", "isru_sigmoid:1,0.5"} {
		for _, style := range []Style{Primitive, LocalFunction} {
			loaded := 0
			for _, tm := range torchModels(t) {
				if !isRecurrentModel(tm.Name) {
					continue
				}
				m := tm.Model.Clone()
				if style == LocalFunction && m.Opset() < 12 {
					continue
				}
				loaded++
				t.Run(to+"/"+style.String()+"/"+tm.Name, func(t *testing.T) {
					mustSwap(t, m, SwapOptions{Nodes: []string{"*"}, To: to, Style: style})
					l := loadModel(t, m, LoadOptions{Options: nn.Options{Batch: 2}})
					functions := recurrentFunctionsOf(l.Model().Network())
					if len(functions) == 0 || slices.ContainsFunc(functions, func(f string) bool { return f != canonical(t, to) }) {
						t.Errorf("the functions are %v", functions)
					}
					if r != nil {
						for seed := range uint64(3) {
							compareWithRuntime(t, r, l, mustEncode(t, m), tm.Input.random(seed), 1e-4)
						}
					}
				})
			}
			if loaded == 0 {
				t.Error("no models")
			}
		}
	}
}

func canonical(t *testing.T, spec string) string {
	t.Helper()
	f, err := isrlu.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return f.String()
}
