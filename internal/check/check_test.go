package check

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/call"
)

// square is a group of one subject, x^2 with the bound of half an ulp.
func square(f call.Func[float32]) []Group[float32] {
	return []Group[float32]{{
		Truth: func(in, _ float64) (float64, float64, bool) { return in * in, 0, true },
		Subjects: []Subject[float32]{{
			Function: "square", Bound: isrlu.Bound{ULP: 0.5}, Call: f,
		}},
	}}
}

func goodSquare(dst, _, in []float32) {
	for i, x := range in {
		dst[i] = x * x
	}
}

func sweepSquare(t *testing.T, f call.Func[float32], o Options) Result {
	t.Helper()
	rs, err := Sweep(context.Background(), square(f), o)
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}

func TestGoodFunctionKeepsItsBound(t *testing.T) {
	r := sweepSquare(t, goodSquare, Options{})
	if !r.OK() || r.ULP.Error > 0.5 || r.ULP.Error < 0.49 || r.Checked < 1e6 {
		t.Errorf("got %+v", r)
	}
}

func TestBrokenFunctionsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(x, y float32) float32
		input  float64 // at which the first fault may be
		ulp    float64
	}{
		"one ulp at one input": {func(x, y float32) float32 {
			if x == 1 {
				return math.Nextafter32(y, 2)
			}
			return y
		}, 1, 1},
		"a number for NaN": {func(x, y float32) float32 {
			if x != x {
				return 0
			}
			return y
		}, math.NaN(), math.Inf(1)},
		"NaN for infinity": {func(x, y float32) float32 {
			if x == float32(math.Inf(-1)) {
				return float32(math.NaN())
			}
			return y
		}, math.Inf(-1), math.Inf(1)},
		"flushed subnormals": {func(x, y float32) float32 {
			if y < 0x1p-126 && math.Abs(float64(x)) == 0x1p-64 {
				return 0
			}
			return y
		}, 0x1p-64, 1 << 21},
	} {
		r := sweepSquare(t, func(dst, dy, in []float32) {
			goodSquare(dst, dy, in)
			for i, x := range in {
				dst[i] = c.breaks(x, dst[i])
			}
		}, Options{Workers: 2})
		same := r.First.Input == c.input || math.IsNaN(r.First.Input) && math.IsNaN(c.input)
		if r.OK() || !same || r.ULP.Error != c.ulp {
			t.Errorf("%s: broken %d, first at %v, max %v ulp at %v", name, r.Broken, r.First.Input, r.ULP.Error, r.ULP.Input)
		}
	}
}

func TestResultsDoNotDependOnTheWorkers(t *testing.T) {
	o := Options{Workers: 1, Step: 65537}
	want := sweepSquare(t, goodSquare, o)
	for o.Workers = 2; o.Workers <= 5; o.Workers++ {
		if got := sweepSquare(t, goodSquare, o); !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: %+v, one: %+v", o.Workers, got, want)
		}
	}
}

func TestSweepStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Exhaustive: true, Workers: 1, Progress: func(done, total uint64) { cancel() }}
	if _, err := Sweep(ctx, square(goodSquare), o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	var last, total uint64
	sweepSquare(t, goodSquare, Options{Workers: 3, Progress: func(d, n uint64) {
		if d <= last {
			t.Errorf("progress from %d to %d", last, d)
		}
		last, total = d, n
	}})
	if last != total || total == 0 {
		t.Errorf("ended at %d of %d", last, total)
	}
}

func TestExhaustiveWalkIsAllPatterns(t *testing.T) {
	w := newWalk[float32](Options{Exhaustive: true}, nil)
	if w.n != 1<<32 {
		t.Fatalf("%d inputs", w.n)
	}
	for _, i := range []uint64{0, 1, 0x3f800000, 0x7f800000, 1<<32 - 1} {
		if got := math.Float32bits(w.at(i)); got != uint32(i) {
			t.Errorf("input %#x is %#x", i, got)
		}
	}
}

func TestErrorsCountUlps(t *testing.T) {
	f32, f16 := &formats[call.Float32], &formats[call.Float16]
	inf, nan := math.Inf(1), math.NaN()
	const max32, max16 = math.MaxFloat32, 65504
	for _, c := range []struct {
		f           *format
		got, hi, lo float64
		ulp         float64
	}{
		{f32, 1, 1, 0, 0},
		{f32, 1, 1 + 0x1p-24, 0, 0.5},
		{f32, 1, 1 - 0x1p-25, 0, 0.5},
		{f32, 1, 1, 0x1p-60, 0x1p-37},
		{f32, 0, 0x1p-149, 0, 1},
		{f32, 0x1p-149, 0, 0, 1},
		{f32, nan, nan, 0, 0},
		{f32, 0, nan, 0, inf},
		{f32, nan, 1, 0, inf},
		{f32, inf, inf, 0, 0},
		{f32, max32, inf, 0, inf},
		{f32, -inf, inf, 0, inf},
		{f32, inf, 1e39, 0, 0},
		{f32, inf, max32, 0, 1},
		{f32, -inf, max32, 0, inf},
		{f32, max32, 0x1p128, 0, 1},
		{f16, inf, 65520, 0, 0},
		{f16, inf, max16, 0, 1},
		{f16, 1, 1 + 0x1p-11, 0, 0.5},
		{f16, 0, 0x1p-25, 0, 0.5},
	} {
		if e := c.f.deviation(c.got, c.hi, c.lo); e.ulp != c.ulp {
			t.Errorf("%v: got %v for %v + %v: %v ulp, want %v", c.f.typ, c.got, c.hi, c.lo, e.ulp, c.ulp)
		}
	}
}

func TestEitherNumberKeepsTheBound(t *testing.T) {
	b := isrlu.Bound{ULP: 2, Abs: 1e-7}
	for _, c := range []struct {
		e    deviation
		b    isrlu.Bound
		want bool
	}{
		{deviation{ulp: 2, abs: 1}, b, true},
		{deviation{ulp: 3, abs: 1e-7}, b, true},
		{deviation{ulp: 3, abs: 1e-6}, b, false},
		{deviation{ulp: math.Inf(1)}, b, false},
		{deviation{ulp: 1e9}, isrlu.Bound{}, true},
		{wrongSpecial, isrlu.Bound{}, false},
	} {
		if got := within(c.e, c.b); got != c.want {
			t.Errorf("within(%+v, %+v) = %v", c.e, c.b, got)
		}
	}
}

func TestGradientsAreExactInAllTypes(t *testing.T) {
	ones, negative := 0, 0
	for i := range uint64(4096) {
		g := gradient(i)
		if g == 1 {
			ones++
		}
		if g < 0 {
			negative++
		}
		if a := math.Abs(g); a < 1 || a >= 2 || call.Value(call.Round[isrlu.BFloat16](g)) != g {
			t.Fatalf("gradient %v", g)
		}
	}
	if ones < 900 || negative < 900 {
		t.Errorf("%d ones and %d negative of 4096", ones, negative)
	}
}

func TestEveryFunctionHasTruth(t *testing.T) {
	for _, info := range isrlu.Functions() {
		f := isrlu.Must(isrlu.New(info.Name))
		for _, typ := range []call.Type{call.Float32, call.Float64} {
			for _, d := range call.Directions {
				if !call.Has(f, d, typ) {
					continue
				}
				truth, err := truthOf(f, d, typ)
				if err != nil {
					t.Error(err)
					continue
				}
				if v, _, ok := truth(0.25, 1); !ok || math.IsNaN(v) {
					t.Errorf("%s %v %v: %v, %v", info.Name, d, typ, v, ok)
				}
			}
		}
	}
}

func TestTruthInTwoPartsIsCloserThanOne(t *testing.T) {
	truth, err := truthOf(isrlu.Must(isrlu.ISRU(1)), isrlu.Forward, call.Float64)
	if err != nil {
		t.Fatal(err)
	}
	// 1/sqrt(2) = 0.70710678118654752440084436210484903928...
	hi, lo, ok := truth(1, 1)
	if hi != math.Sqrt2/2 || math.Abs(lo+4.833646656726457e-17) > 1e-31 || !ok {
		t.Errorf("got %v + %v, %v", hi, lo, ok)
	}
}

func TestOutputsBeyondTheRangeAreLeftOut(t *testing.T) {
	truth, err := truthOf(isrlu.Must(isrlu.ISRLU(4)), isrlu.BackwardFromOutput, call.Float32)
	if err != nil {
		t.Fatal(err)
	}
	for y, want := range map[float64]bool{-0.5: true, -0.50001: false, 3: true, math.Inf(1): true, math.Inf(-1): false} {
		if _, _, ok := truth(y, 1); ok != want {
			t.Errorf("y = %v: %v", y, ok)
		}
	}
	if v, _, ok := truth(math.NaN(), 1); !ok || !math.IsNaN(v) {
		t.Errorf("NaN: %v, %v", v, ok)
	}
}

func TestRunCoversWhatIsChosen(t *testing.T) {
	o := Options{
		Functions:  []*isrlu.Function{isrlu.Must(isrlu.ISRLU(2)), isrlu.ReLU()},
		Precisions: call.Precisions, Directions: call.Directions, SIMD: isrlu.SIMDLevels(),
	}
	for typ, want := range map[call.Type]int{call.Float32: 6*3 + 3, call.BFloat16: 3*3 + 3, call.Float16: 3*3 + 3} {
		o.Type = typ
		rs, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(rs) != want*len(o.SIMD) {
			t.Errorf("%v: %d results, want %d on each level", typ, len(rs), want)
		}
		for _, r := range rs {
			if r.Type != typ || r.Checked < 1000 {
				t.Errorf("%+v", r)
			}
		}
	}
	o.Type, o.Exhaustive = call.Float64, true
	if _, err := Run(context.Background(), o); err == nil {
		t.Error("an exhaustive walk of float64 began")
	}
}
