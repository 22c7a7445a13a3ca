package gomlx

import (
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/pkg/core/graph"
)

// kept returns how many values of at least so many elements the backward pass of a
// function between two products reads of the forward pass, those of the input left out.
func kept(t *testing.T, f func(x *Node) *Node, elements int) int {
	t.Helper()
	count := 0
	run(t, func(in []*Node) []*Node {
		y := product(f(product(in[0], in[1])), in[2])
		loss := ReduceAllSum(y)
		gradients := Gradient(loss, in[1], in[2])
		last := loss.Id()
		seen, forward := map[*Node]bool{}, map[*Node]bool{}
		var walk func(n *Node)
		walk = func(n *Node) {
			if seen[n] {
				return
			}
			seen[n] = true
			for _, input := range n.Inputs() {
				if input.Id() > last {
					walk(input)
					continue
				}
				// An identity is what it is of.
				for input.Type() == NodeTypeIdentity {
					input = input.Inputs()[0]
				}
				if input.Shape().Size() >= elements && input.Type() != NodeTypeBroadcastInDim && !slices.Contains(in, input) {
					forward[input] = true
				}
			}
		}
		for _, g := range gradients {
			walk(g)
		}
		count = len(forward)
		return gradients
	}, make2(50, 8), make2(8, 30), make2(30, 8))
	return count
}

func make2(rows, columns int) [][]float32 {
	m := make([][]float32, rows)
	for i := range m {
		m[i] = make([]float32, columns)
	}
	return m
}

// From the output the backward pass keeps one tensor, which the layer after the function
// keeps as well. From the input it keeps another, or several that a compiler may compute
// again from one.
func TestFromOutputKeepsTheOutputAlone(t *testing.T) {
	const alpha = 2
	for name, f := range map[string]func(x, alpha *Node, from Backward) *Node{"ISRLU": ISRLUWith, "ISRU": ISRUWith} {
		of := func(from Backward) func(x *Node) *Node {
			return func(x *Node) *Node { return f(x, constant(x, alpha), from) }
		}
		if n := kept(t, of(FromOutput), 50*30); n != 1 {
			t.Errorf("%s from the output keeps %d tensors, want 1", name, n)
		}
		if n := kept(t, of(FromInput), 50*30); n < 2 {
			t.Errorf("%s from the input keeps %d tensors: the count is wrong", name, n)
		}
	}
	if n := kept(t, func(x *Node) *Node { return x }, 50*30); n != 1 {
		t.Errorf("without a function the products keep %d tensors, want 1", n)
	}
	written := func(x *Node) *Node { // as one would write it
		return Where(LessThan(x, ScalarZero(x.Graph(), x.DType())), Div(x, Sqrt(OnePlus(MulScalar(Square(x), alpha)))), x)
	}
	t.Logf("ISRLU written down in operations of GoMLX keeps %d tensors", kept(t, written, 50*30))
}
