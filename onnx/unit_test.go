package onnx

import (
	"strings"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// TestUnitsOfHardwareAreNoONNX: exports and swaps name the layer or the unit, and the
// function to take.
func TestUnitsOfHardwareAreNoONNX(t *testing.T) {
	m, err := nn.New[float32](nn.Network{Input: nn.Shape{3}, Layers: nn.Sequential{
		nn.Dense{Units: 4}, nn.Activation{Function: "isrlu:3@q3.4"}, nn.Dense{Units: 2},
	}}, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, exported := Export(m, ExportOptions{})
	for name, test := range map[string]struct {
		err   error
		wants []string
	}{
		"export":    {exported, []string{"layer 2.activation", "isrlu:3@q3.4", "take the function isrlu:3"}},
		"swap to":   {SwapOptions{From: []string{"relu"}, To: "isrlu@q4.11"}.Check(), []string{"isrlu@q4.11", "take the function isrlu"}},
		"swap from": {SwapOptions{From: []string{"isrlu@q4.11"}, To: "relu"}.Check(), []string{"isrlu@q4.11", "take the function isrlu"}},
	} {
		for _, want := range test.wants {
			if test.err == nil || !strings.Contains(test.err.Error(), want) {
				t.Errorf("%s: error %v does not say %q", name, test.err, want)
			}
		}
	}
}
