package hdl

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// measureChecked returns the unit's error over all inputs of its truth, with all
// intervals of the circuit checked.
func measureChecked(t *testing.T, u *Unit) Error {
	t.Helper()
	tr := newTruth(u.function, u.format)
	ev := u.design.circuit.Evaluator()
	ev.Check = true
	e := Error{All: tr.all}
	tr.run(ev, &e)
	return e.end()
}

func newUnit(t *testing.T, o Options) *Unit {
	t.Helper()
	u, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The units by an inverse square root keep to their bounds, for every input where the
// format has 16 bits or fewer.
func TestInverseRootUnitsKeepToTheirBounds(t *testing.T) {
	// Other formats and parameters than TestVerilogIsTheModel has.
	formats := []string{"q3.4", "q0.15", "float16", "q0.31"}
	functions := []string{"isrlu", "isru:3", "isru_sigmoid:3,0.7", "rsqrt", "isru:0.25'"}
	if testing.Short() {
		formats = formats[:1]
	}
	for i, format := range formats {
		for j, f := range functions {
			// A search takes up to seconds: of the wide formats every second one.
			if i > 0 && (i+j)%2 != 0 {
				continue
			}
			bounds := []float64{1}
			if i == 0 {
				bounds = []float64{0.7, 1, 2}
			}
			for _, bound := range bounds {
				o := Options{Function: f, Format: mustFormat(t, format), Bound: bound, Family: "rsqrt"}
				name := fmt.Sprintf("%s %s %v", f, format, bound)
				if strings.HasPrefix(f, "isru_sigmoid") && o.Format.IsFloat() ||
					f == "rsqrt" && o.Format.integer == 0 && !o.Format.IsFloat() {
					continue
				}
				u, err := New(context.Background(), o)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if e := measureChecked(t, u); e.Ulps > bound || e.All != (o.Format.Bits() <= 16) {
					t.Errorf("%s: error %v of %s", name, e, u.Architecture())
				}
			}
		}
	}
}

func TestFloatingPointSpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, format := range []Format{BFloat16(), Float16()} {
		for f, list := range map[string][][2]float64{
			"isrlu":  {{0, 0}, {inf, inf}, {-inf, -1}, {nan, nan}, {format.Max(), format.Max()}, {-format.Max(), -1}},
			"isru:4": {{0, 0}, {inf, 0.5}, {-inf, -0.5}, {nan, nan}, {format.Max(), 0.5}},
			"isrlu'": {{0, 1}, {inf, 1}, {-inf, 0}, {nan, nan}},
			"isru'":  {{0, 1}, {inf, 0}, {-inf, 0}, {nan, nan}},
			"rsqrt":  {{0, inf}, {math.Copysign(0, -1), -inf}, {inf, 0}, {-inf, nan}, {-1, nan}, {nan, nan}},
		} {
			u := newUnit(t, Options{Function: f, Format: format})
			for _, v := range list {
				y := []uint64{format.Encode(v[0])}
				u.Eval(y, y)
				if got := format.Decode(y[0]); got != v[1] && !(math.IsNaN(got) && math.IsNaN(v[1])) {
					t.Errorf("%s in %s of %v is %v, want %v", f, format, v[0], got, v[1])
				}
			}
			// An odd function keeps the sign of 0, and subnormal numbers pass.
			if strings.HasSuffix(f, "'") || f == "rsqrt" {
				continue
			}
			for _, b := range []uint64{0, 1 << 15, 1, 1<<15 | 1, 1<<format.fraction - 1} {
				y := []uint64{b}
				if u.Eval(y, y); y[0] != b {
					t.Errorf("%s in %s of the bits %x is %x", f, format, b, y[0])
				}
			}
		}
	}
}

func TestWhatCannotBeMetIsNamedWithTheWidthThatWould(t *testing.T) {
	q := func(s string) Format { return mustFormat(t, s) }
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Function: "isrlu", Format: q("q3.4"), Bound: 0.3}, "q3.5 (9 bits) with an error of 0.6 ulp there"},
		{Options{Function: "isrlu", Format: q("q0.31"), Bound: 0.3}, "q0.32 (33 bits, more than the 32 that units have)"},
		{Options{Function: "isrlu", Format: BFloat16(), Bound: 0.1}, "float16, with an error of 0.8 ulp there"},
		{Options{Function: "rsqrt", Format: q("q2.8"), Bound: 0.5}, "q2.10 (13 bits)"},
		{Options{Function: "isrlu", Format: q("q4.11"), Bound: 0.5, Family: "rsqrt"}, "ask for that, or for any family"},
		{Options{Function: "isru_sigmoid:2,65536'", Format: q("q10.1"), Family: "rsqrt"}, "ask for any family"},
		{Options{Function: "rsqrt", Format: q("q0.7")}, "q4.7 (12 bits) could hold it"},
		{Options{Function: "isrlu", Format: q("q3.4"), Bound: math.NaN()}, "NaN"},
		{Options{Function: "isrlu", Format: q("q3.4"), Bound: -1}, "-1"},
		{Options{Function: "isrlu"}, "q4.11"},
		{Options{Function: "isrlu:1e9", Format: q("q3.4")}, "2^16, got isrlu:1e+09"},
		{Options{Function: "gelu", Format: q("q3.4")}, `no units for "gelu"`},
		{Options{Function: "rsqrt:2", Format: q("q3.4")}, "rsqrt has no parameters"},
		{Options{Function: "tanh'", Format: q("q3.4")}, "derivative of tanh"},
		{Options{Function: "isrlu:-1", Format: q("q3.4")}, "got -1"},
		{Options{Function: "isrlu", Format: q("q3.4"), Family: "magic"}, `"magic"; known: `},
	} {
		if _, err := New(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want an error with %s", c.o, err, c.want)
		}
	}
}

// Where a family can follow a function only with values of more than 63 bits, or is
// constant but for a few inputs, the search goes on without.
func TestUnitsOfExtremeParameters(t *testing.T) {
	for _, o := range []Options{
		{Function: "isru_sigmoid:2,65536'", Format: mustFormat(t, "q10.1")},
		{Function: "isru_sigmoid:3,65536'", Format: mustFormat(t, "q3.8")},
		{Function: "isru:0.25", Format: mustFormat(t, "q27.0")},
		{Function: "sigmoid", Format: mustFormat(t, "q21.4")},
		{Function: "isru_sigmoid:65536,65536", Format: mustFormat(t, "q0.24")},
	} {
		u := newUnit(t, o)
		if e := measureChecked(t, u); e.Ulps > u.Bound() {
			t.Errorf("%s in %s: %v", o.Function, o.Format, e)
		}
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(ctx, Options{Function: "isrlu", Format: mustFormat(t, "q4.11")}); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// A stricter bound takes no less area.
func TestAreaGrowsWithTheBound(t *testing.T) {
	last := 0.0
	for _, bound := range []float64{4, 2, 1, 0.6} {
		u := newUnit(t, Options{Function: "isrlu", Format: mustFormat(t, "q4.11"), Bound: bound})
		gates := u.Cost().Gates
		if gates < 0.95*last {
			t.Errorf("%v ulp takes %.0f gates, a looser bound %.0f", bound, gates, last)
		}
		last = max(last, gates)
	}
}

func TestWantSaturates(t *testing.T) {
	f := mustFunction(t, "rsqrt")
	q := mustFormat(t, "q3.4")
	for x, want := range map[float64]float64{0: 7.9375, -1: 7.9375, 0.25: 2, 4: 0.5} {
		if got := Want(f, q, q.Encode(x)); got != want {
			t.Errorf("the inverse root of %v shall be %v, want %v", x, got, want)
		}
	}
}

// The output for 0 has no error where the format holds the true value.
func TestUnitsAreExactAtZero(t *testing.T) {
	for _, format := range []string{"q3.4", "q0.7", "q4.11", "bfloat16"} {
		f := mustFormat(t, format)
		for _, name := range []string{"isru", "isru_sigmoid:1,0.5", "tanh", "sigmoid", "isru'"} {
			want := Want(mustFunction(t, name), f, 0)
			if f.Decode(f.Encode(want)) != want {
				continue
			}
			u := newUnit(t, Options{Function: name, Format: f, Bound: 2})
			y := []uint64{0}
			if u.Eval(y, y); f.Decode(y[0]) != want {
				t.Errorf("%s in %s of 0 is %v, want %v", name, format, f.Decode(y[0]), want)
			}
			if testing.Short() {
				break
			}
		}
	}
}

func mustFunction(t *testing.T, spec string) *Function {
	t.Helper()
	f, err := ParseFunction(spec)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestVerifyFindsTheGreatestError(t *testing.T) {
	u := newUnit(t, Options{Function: "tanh", Format: mustFormat(t, "q3.4")})
	last := int64(0)
	all, err := u.Verify(t.Context(), 0, func(done, total int64) {
		if last = done; total != 256 {
			t.Errorf("%d inputs in all", total)
		}
	})
	if err != nil || all != u.Error() || !all.All || last != 256 {
		t.Errorf("%v, %v, %d done; the search found %v", all, err, last, u.Error())
	}
	some, err := u.Verify(t.Context(), 20, nil)
	if err != nil || some.All || some.Ulps > all.Ulps || some.Inputs != 20+int64(len(Corners(u.format))) {
		t.Errorf("of 20 inputs: %v, %v", some, err)
	}
	// Another function is far from what the unit computes.
	other := &Unit{function: mustFunction(t, "isru:4"), format: u.format, design: u.design}
	if e, err := other.Verify(t.Context(), 0, nil); err != nil || e.Ulps < 7 || e.Ulps > 9 {
		t.Errorf("tanh as isru:4: %v, %v", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Verify(ctx, 0, nil); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestCornersAreWhereUnitsFail(t *testing.T) {
	for format, list := range map[string][]float64{
		"q4.11":    {0, 1.0 / 2048, -1.0 / 2048, 1, -1, 2, -8, 15.99951171875, -16, 1 - 1.0/2048, 3, -1.5},
		"bfloat16": {0, 1, -1, math.Inf(1), math.Inf(-1), 0x1p-133, -0x1p-133, 0x1p-126, 0x1.fep127, 0x1p100, 0.5},
	} {
		f := mustFormat(t, format)
		corners := Corners(f)
		for _, x := range list {
			if !slices.Contains(corners, f.Encode(x)) {
				t.Errorf("%s lacks %v", format, x)
			}
		}
	}
}
