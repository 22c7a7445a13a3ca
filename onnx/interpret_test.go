package onnx

import (
	"math"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/onnxpb"
)

// interpret computes a graph of elementwise operators in float32, as ONNX defines
// them, from x to y.
func interpret(t *testing.T, m *Model, x []float32) []float32 {
	t.Helper()
	return interpretAs(t, m, x, func(v float32) float32 { return v })
}

// interpretHalf computes a graph for one number, each operator in float16.
func interpretHalf(t *testing.T, m *Model, x float32) float32 {
	t.Helper()
	return interpretAs(t, m, []float32{x}, func(v float32) float32 { return isrlu.ToFloat16(v).Float32() })[0]
}

// interpretAs rounds what each operator computes.
func interpretAs(t *testing.T, m *Model, x []float32, round func(float32) float32) []float32 {
	t.Helper()
	g := newGraph(m.proto.Graph)
	values := map[string][]float32{"x": x}
	get := func(name string) func(i int) float32 {
		if v, ok := values[name]; ok {
			return func(i int) float32 { return v[i] }
		}
		v, err := m.floats(g.constant(name))
		if err != nil || len(v) != 1 {
			t.Fatalf("constant %q: %v, %d elements", name, err, len(v))
		}
		return func(int) float32 { return v[0] }
	}
	for _, n := range m.proto.Graph.Node {
		if n.OpType == "Constant" {
			continue
		}
		if !isDefault(n.Domain) {
			t.Fatalf("%s: not one of ONNX's operators", label(n))
		}
		var in []func(int) float32
		for _, name := range n.Input {
			in = append(in, get(name))
		}
		y := make([]float32, len(x))
		for i := range y {
			var a [3]float32
			for k := range in {
				a[k] = in[k](i)
			}
			y[i] = round(elementwise(t, n, a))
		}
		values[n.Output[0]] = y
	}
	return values["y"]
}

func elementwise(t *testing.T, n *onnxpb.NodeProto, a [3]float32) float32 {
	t.Helper()
	x, v := a[0], float64(a[0])
	attr := func(name string, otherwise float32) float64 { return float64(floatAttribute(n, name, otherwise)) }
	switch n.OpType {
	case "Identity":
		return x
	case "Add":
		return x + a[1]
	case "Sub":
		return x - a[1]
	case "Mul":
		return x * a[1]
	case "Div":
		return x / a[1]
	case "Neg":
		return -x
	case "Max":
		return float32(math.Max(v, float64(a[1])))
	case "Min": // of -0 and 0 ONNX leaves open which; the first is what runtimes give
		if a[1] < x || a[1] != a[1] {
			return a[1]
		}
		return x
	case "Clip":
		low, high := attr("min", -math.MaxFloat32), attr("max", math.MaxFloat32)
		if len(n.Input) == 3 {
			low, high = float64(a[1]), float64(a[2])
		}
		if v < low {
			return float32(low)
		}
		if v > high {
			return float32(high)
		}
		return x
	case "Sqrt":
		return float32(math.Sqrt(v))
	case "Relu":
		return max(x, 0)
	case "LeakyRelu":
		if x < 0 {
			return float32(attr("alpha", 0.01)) * x
		}
		return x
	case "Elu":
		if x < 0 {
			return float32(attr("alpha", 1) * math.Expm1(v))
		}
		return x
	case "Selu":
		if x <= 0 {
			v = attr("alpha", seluAlpha) * math.Expm1(v)
		}
		return float32(attr("gamma", seluGamma) * v)
	case "Tanh":
		return float32(math.Tanh(v))
	case "Sigmoid":
		return float32(1 / (1 + math.Exp(-v)))
	case "Softplus":
		if v > 30 {
			return x
		}
		return float32(math.Log1p(math.Exp(v)))
	case "Erf":
		return float32(math.Erf(v))
	case "Gelu":
		if stringAttribute(n, "approximate", "none") == "tanh" {
			return float32(v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) / 2)
		}
		return float32(v * (1 + math.Erf(v/math.Sqrt2)) / 2)
	}
	t.Fatalf("%s: an operator that the test does not know", label(n))
	return 0
}
