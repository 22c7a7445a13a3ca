package call

import (
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu"
)

func TestSplitSpecsKeepsParametersTogether(t *testing.T) {
	got := SplitSpecs("isrlu:3, dyisru:2,0.5,relu,,dyisru:-1,+2")
	want := []string{"isrlu:3", "dyisru:2,0.5", "relu", "dyisru:-1,+2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseFunctionsDropsRepetitions(t *testing.T) {
	fs, err := ParseFunctions([]string{"isrlu", "relu", "isrlu:1"})
	if err != nil || len(fs) != 2 {
		t.Errorf("got %v, %v", fs, err)
	}
	all, err := ParseFunctions(nil)
	if err != nil || len(all) != len(isrlu.Functions()) {
		t.Errorf("all: %d functions, %v", len(all), err)
	}
}

func TestUnknownNamesListTheKnown(t *testing.T) {
	_, direction := ParseDirections([]string{"sideways"}, nil)
	_, precision := ParsePrecisions([]string{"rough"})
	_, level := ParseLevels([]string{"sse9"})
	_, typ := ParseType("int3")
	for want, err := range map[string]error{
		`"sideways"; available: forward`: direction,
		`"rough"; available: exact`:      precision,
		"available: portable":            level,
		`"int3"; available: float32`:     typ,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestEveryMethodIsReached(t *testing.T) {
	t.Run("float32", reach[float32])
	t.Run("float64", reach[float64])
	t.Run("bfloat16", reach[isrlu.BFloat16])
	t.Run("float16", reach[isrlu.Float16])
}

func reach[T Float](t *testing.T) {
	typ, err := ParseType(strings.TrimPrefix(t.Name(), "TestEveryMethodIsReached/"))
	if err != nil {
		t.Fatal(err)
	}
	f := isrlu.Must(isrlu.ISRU(1))
	// At x (or y) = 1/2 and dy = 2.
	want := map[isrlu.Direction]float64{
		isrlu.Forward:            0.4472135954999579,
		isrlu.Backward:           1.4310835055998654,
		isrlu.BackwardFromOutput: 1.299038105676658,
		isrlu.SecondDerivative:   -0.8586501033599193,
		isrlu.Inverse:            0.5773502691896258,
		isrlu.ParameterGradient:  -0.0894427190999916,
	}
	for _, d := range Directions {
		call := Of[T](f, d)
		if call == nil {
			if Has(f, d, typ) {
				t.Errorf("%v: no method", d)
			}
			continue
		}
		dst, dy, in := make([]T, 1), []T{Round[T](2)}, []T{Round[T](0.5)}
		call(dst, dy, in)
		if got := Value(dst[0]); got < want[d]-0.004 || got > want[d]+0.004 {
			t.Errorf("%v: %v, want %v", d, got, want[d])
		}
	}
}

func TestVariantsComeInThePrecisionAskedFor(t *testing.T) {
	relu := isrlu.ReLU()
	if vs := Variants(relu, []isrlu.Precision{isrlu.Fast}); len(vs) != 1 || vs[0].Precision() != isrlu.Fast {
		t.Errorf("got %v", vs)
	}
	if vs := Variants(isrlu.Must(isrlu.ISRLU(1)), Precisions); len(vs) != 3 {
		t.Errorf("isrlu has %d variants, want 3", len(vs))
	}
}
