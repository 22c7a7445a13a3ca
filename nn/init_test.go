package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestInitializersHaveTheirMoments(t *testing.T) {
	const inputs, outputs, n = 300, 100, 200_000
	for _, test := range []struct {
		init       Init
		std, bound float64
	}{
		{He(), math.Sqrt(2. / inputs), math.Inf(1)},
		{LeCun(), math.Sqrt(1. / inputs), math.Inf(1)},
		{Glorot(), math.Sqrt(2. / (inputs + outputs)), math.Sqrt(6. / (inputs + outputs))},
		// The variance of a normal distribution cut at 2 is 1 - 4 phi(2)/(2 Phi(2) - 1).
		{TruncatedNormal(.1), .1 * math.Sqrt(.7737413), .2},
	} {
		w := make([]float64, n)
		draw(test.init, w, inputs, outputs, rand.New(rand.NewPCG(1, 1)))
		sum, square, most := 0.0, 0.0, 0.0
		for _, v := range w {
			sum, square, most = sum+v, square+v*v, max(most, math.Abs(v))
		}
		mean, std := sum/n, math.Sqrt(square/n)
		// Five standard errors; that of the standard deviation is largest for the
		// normal distribution.
		if math.Abs(mean) > 5*test.std/math.Sqrt(n) || math.Abs(std/test.std-1) > 5/math.Sqrt(2*n) {
			t.Errorf("%v: mean %v, standard deviation %v, want 0 and %v", test.init, mean, std, test.std)
		}
		if most > test.bound*(1+1e-7) {
			t.Errorf("%v: %v is beyond %v", test.init, most, test.bound)
		}
	}
}

func TestBadInitializersNameTheValue(t *testing.T) {
	for text, want := range map[string]string{
		`"xavier"`: `"xavier"`, `"truncated_normal"`: "truncated_normal:0.1", `"truncated_normal:-1"`: "-1",
		`"truncated_normal:x"`: "not a number", `"he:3"`: "he", `3`: "3",
	} {
		var i Init
		if err := i.UnmarshalJSON([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", text, err, want)
		}
	}
}

// Networks that differ in their activations alone begin with the same weights:
// that is what makes a comparison fair.
func TestActivationsHaveNoPartInTheFirstWeights(t *testing.T) {
	weights := func(n Network, activation string, seed uint64) (all []float32) {
		n.Activation = activation
		m, err := New[float32](n, Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for _, p := range m.Parameters() {
			if strings.HasSuffix(p.Name, ".weight") {
				all = append(all, p.Value...)
			}
		}
		return all
	}
	for _, n := range networks {
		first := weights(n, "isrlu", 1)
		for _, activation := range []string{"isrlu", "relu", "isrlu:3", "isru", "tanh"} {
			if !slices.Equal(first, weights(n, activation, 1)) {
				t.Errorf("%s: %s begins with other weights", n.Name, activation)
			}
		}
		if slices.Equal(first, weights(n, "isrlu", 2)) {
			t.Errorf("%s: another seed gives the same weights", n.Name)
		}
	}
	first := weights(everyLayer, "isrlu", 1)
	for _, activation := range []string{"isrlu:3:learn", "isru:learn-channel", "gelu"} {
		if !slices.Equal(first, weights(everyLayer, activation, 1)) {
			t.Errorf("%s begins with other weights", activation)
		}
	}
}
