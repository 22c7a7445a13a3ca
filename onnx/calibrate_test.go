package onnx

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/nn"
)

func normals(n int, scale float64) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * r.NormFloat64())
	}
	return x
}

func TestMomentsAreThoseOfTheValues(t *testing.T) {
	if got := momentsOf([]float32{1, 2, 3, 6}); got.Mean != 3 || math.Abs(got.Std-math.Sqrt(3.5)) > 1e-15 {
		t.Errorf("got %v", got)
	}
	if got := momentsOf([]float32{7, 7}); got != (Moments{7, 0}) {
		t.Errorf("of equal values: %v", got)
	}
	// A mean that is large against the deviation, and parts of different sizes.
	x := normals(1000, 1)
	for i := range x {
		x[i] += 1e4
	}
	want := momentsOf(x)
	if math.Abs(want.Std-1) > .1 {
		t.Errorf("moments %v", want)
	}
	var s momentSum
	for _, part := range [][]float32{x[:1], x[1:1], x[1:700], x[700:]} {
		s.add(part)
	}
	if got := s.moments(); got.distance(want) > 1e-9 {
		t.Errorf("of parts %v, of all %v", got, want)
	}
	if momentsOf([]float32{1, float32(math.NaN())}).finite() || momentsOf([]float32{1, float32(math.Inf(-1))}).finite() || momentsOf(nil).finite() || !want.finite() {
		t.Error("finite is wrong")
	}
}

func TestMatchMomentsFindsTheParameter(t *testing.T) {
	for _, c := range []struct{ from, made string }{
		{"isrlu:1", "isrlu:3"}, {"isrlu:100", "isrlu:0.05"}, {"isrlu:1", "isrlu:250"}, {"isru:1", "isru:0.4"},
		{"isru_sigmoid:1,0.5", "isru_sigmoid:2,0.5"}, {"elu:1", "elu:0.3"}, {"leaky_relu:0.01", "leaky_relu:0.2"},
		// The ends of the range, and beyond.
		{"isrlu:1", "isrlu:0.001"}, {"isrlu:1", "isrlu:10000"},
	} {
		x := normals(4000, 2)
		made, f := isrlu.Must(isrlu.Parse(c.made)), isrlu.Must(isrlu.Parse(c.from))
		y := make([]float32, len(x))
		made.Forward(y, x)
		got, err := matchMoments(f, x, momentsOf(y))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := got.Params()[0], made.Params()[0]; math.Abs(a/b-1) > .005 || got.Name() != made.Name() || !slices.Equal(got.Params()[1:], made.Params()[1:]) {
			t.Errorf("%s for the moments of %s", got, made)
		}
	}
	x := normals(1000, 1)
	for want, end := range map[Moments]float64{{0, 1}: lowAlpha, {5, 0}: highAlpha} {
		if f, err := matchMoments(isrlu.Must(isrlu.Parse("isrlu")), x, want); err != nil || f.Params()[0] != end {
			t.Errorf("%v: %v, %v; want the end %v", want, f, err, end)
		}
	}
}

func TestMatchMomentsKeepsWhatNothingBetters(t *testing.T) {
	f := isrlu.Must(isrlu.Parse("isrlu:7.12345"))
	for name, x := range map[string][]float32{
		"positive": {1, 2, 3}, "constant": {2, 2, 2, 2}, "zeros": make([]float32, 10), "one": {3},
	} {
		if g, err := matchMoments(f, x, Moments{.3, .5}); err != nil || g.String() != f.String() {
			t.Errorf("%s: %v, %v", name, g, err)
		}
	}
	// What f makes itself.
	x := normals(100, 1)
	y := make([]float32, 100)
	f.Forward(y, x)
	if g, err := matchMoments(f, x, momentsOf(y)); err != nil || g.String() != f.String() {
		t.Errorf("its own moments: %v, %v", g, err)
	}
	if g, err := matchMoments(f, []float32{-2, -2, -2}, Moments{-.5, 0}); err != nil || math.Abs(g.Params()[0]-3.75) > .01 {
		t.Errorf("constant negative inputs: %v, %v", g, err)
	}
}

func TestMatchMomentsTakesFiniteNumbersAlone(t *testing.T) {
	f := isrlu.Must(isrlu.Parse("isrlu:3"))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		x    []float32
		want Moments
	}{
		"NaN": {[]float32{1, nan, -1}, Moments{0, 1}}, "infinity": {[]float32{1, inf, -1}, Moments{0, 1}},
		"nothing": {nil, Moments{0, 1}}, "NaN wanted": {[]float32{1, -1}, Moments{math.NaN(), 1}},
		"infinity wanted": {[]float32{1, -1}, Moments{0, math.Inf(1)}},
	} {
		if g, err := matchMoments(f, c.x, c.want); err == nil || g != nil {
			t.Errorf("%s: %v", name, g)
		}
	}
}

func TestFourDigits(t *testing.T) {
	for x, want := range map[float64]float64{1: 1, 3.14159: 3.142, .00123456: .001235, 9999.9: 10000, 1e4: 1e4, .001: .001} {
		if got := fourDigits(x); got != want {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}

// All places of a layer come up, also where its size divides the stride.
func TestSamplersTakeAllChannels(t *testing.T) {
	m, err := nn.New[float32](nn.Network{Input: nn.Shape{64, 64, 16}, Layers: nn.Sequential{nn.Activation{Function: "relu"}, nn.GlobalAvgPool{}}}, nn.Options{Batch: 1, Threads: 1, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := &tuning{options: TuneOptions{Train: digits().Train, Calibration: 64}}
	s := w.sampler(m, &tunedLayer{})
	const size = 64 * 64 * 16
	if s.stride < 16 {
		t.Fatalf("the stride is %d", s.stride)
	}
	seen := map[int]int{}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(i)
	}
	n := 0
	for range 64 {
		for _, v := range s.take(nil, values) {
			seen[int(v)%16]++
			n++
		}
	}
	if len(seen) != 16 || n < 1<<17 || n > 1<<19 {
		t.Errorf("%d values of the channels %v", n, seen)
	}
	for c, k := range seen {
		if k < n/20 || k > n/12 {
			t.Errorf("channel %d: %d of %d values", c, k, n)
		}
	}
}

// mapActivations walks the activation layers in the order that models have.
func TestMapActivationsHasTheOrderOfModels(t *testing.T) {
	next := 0
	act := func() nn.Layer { return nn.Activation{Function: "relu"} }
	layers := nn.Sequential{act(),
		nn.Residual{Body: nn.Sequential{act(), nn.Product{Body: nn.Sequential{act()}, Gate: nn.Sequential{act(), act()}}}, Shortcut: nn.Sequential{act()}},
		nn.Concat{Branches: []nn.Sequential{{act(), nn.Residual{Body: nn.Sequential{act()}}}, {}, {act()}}},
		nn.Product{Gate: nn.Sequential{act()}}, act(), nn.Flatten{}, nn.Dense{Units: 3}}
	mapped := mapActivations(layers, func(a nn.Activation) nn.Activation {
		next++
		a.Function = "isrlu:" + string(rune('0'+next%10)) + ".5"
		return a
	})
	if next != 11 {
		t.Errorf("%d activations", next)
	}
	for _, unfused := range []bool{false, true} {
		m, err := nn.New[float32](nn.Network{Input: nn.Shape{4, 4, 2}, Layers: mapped}, nn.Options{Batch: 1, Inference: true, Unfused: unfused})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for i, a := range m.Activations() {
			if want := "isrlu:" + string(rune('0'+(i+1)%10)) + ".5"; a.Function != want {
				t.Errorf("activation %d is %s, want %s", i, a.Function, want)
			}
		}
		if len(m.Activations()) != next {
			t.Errorf("the model has %d", len(m.Activations()))
		}
	}
	// The description that was given is as it was.
	mapActivations(layers, func(a nn.Activation) nn.Activation {
		if a.Function != "relu" {
			t.Errorf("%s in the original", a.Function)
		}
		return a
	})
}

// holders are the layers that mapActivations looks into.
var holders = []string{"Concat.Branches", "Product.Body", "Product.Gate", "Residual.Body", "Residual.Shortcut"}

// A layer type that holds others must be known to mapActivations.
func TestMapActivationsKnowsAllLayersThatHoldOthers(t *testing.T) {
	paths, err := filepath.Glob("../nn/*.go")
	if err != nil {
		t.Fatal(err)
	}
	layers, fields := map[string]bool{}, map[string][]string{}
	inspect := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl: // what has the method kind is a layer
			if n.Recv != nil && n.Name.Name == "kind" {
				if name, ok := n.Recv.List[0].Type.(*ast.Ident); ok {
					layers[name.Name] = true
				}
			}
		case *ast.TypeSpec:
			s, ok := n.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range s.Fields.List {
				elem := f.Type
				if a, ok := elem.(*ast.ArrayType); ok {
					elem = a.Elt
				}
				if id, ok := elem.(*ast.Ident); ok && (id.Name == "Sequential" || id.Name == "Layer") {
					for _, name := range f.Names {
						fields[n.Name.Name] = append(fields[n.Name.Name], n.Name.Name+"."+name.Name)
					}
				}
			}
		}
		return true
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, inspect)
	}
	if !layers["Dense"] || !layers["Residual"] || len(layers) < 15 {
		t.Fatalf("layers %v", layers)
	}
	var got []string
	for name := range layers {
		got = append(got, fields[name]...)
	}
	slices.Sort(got)
	if !slices.Equal(got, holders) {
		t.Errorf("layers that hold others are %v; mapActivations knows %v", got, holders)
	}
}
