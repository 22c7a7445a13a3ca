package hdl

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// roughUnit returns a unit that nobody searched for: the first way to build it, with
// the greatest sizes.
func roughUnit(t testing.TB, function, format string) *Unit {
	t.Helper()
	f, err := ParseFunction(function)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	truth := newTruth(f, q)
	for _, st := range structures(truth, 1) {
		var sizes []int
		for _, k := range st.knobs {
			sizes = append(sizes, k.most)
		}
		if c := st.build(sizes); truth.measure(c).Ulps <= 1 {
			return &Unit{function: f, format: q, bound: 1, design: &design{structure: st, sizes: sizes, circuit: c}}
		}
	}
	t.Fatalf("%s in %s: no structure is within 1 ulp", function, format)
	return nil
}

// someNumbers returns numbers of all sizes, and the neighbourhoods of a format's values
// and of what lies halfway between them.
func someNumbers(f Format) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	list := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -math.MaxFloat64, 5e-324, math.MaxFloat32}
	around := func(x float64) {
		list = append(list, x, math.Nextafter(x, math.Inf(1)), math.Nextafter(x, math.Inf(-1)))
	}
	for range 20000 {
		b := r.Uint64() & f.mask()
		x := f.Decode(b)
		around(x)
		around(x + f.Ulp(x)/2)
		around(x - f.Ulp(x)/4)
		list = append(list, math.Float64frombits(r.Uint64()), r.NormFloat64())
	}
	for _, x := range []float64{f.Max(), f.Min()} {
		around(x)
		around(x + f.Ulp(x)/2)
		around(x - f.Ulp(x)/2)
	}
	return list
}

func TestRounderEncodes(t *testing.T) {
	for _, name := range []string{"q3.4", "q0.7", "q7.0", "q4.11", "q15.0", "q5.14", "q0.31", "q31.0", "bfloat16", "float16"} {
		f, err := ParseFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		r := newRounder(f)
		for _, x := range someNumbers(f) {
			var got uint64
			if f.IsFloat() {
				got = r.bits(x)
			} else {
				got = uint64(r.fixed(x)) & f.mask()
			}
			if want := f.Encode(x); got != want {
				t.Fatalf("%s: %v is rounded to %#x, want %#x", name, x, got, want)
			}
			if got, want := r.value(x), f.Decode(f.Encode(x)); !same(got, want) && math.Abs(x) <= f.Max() {
				t.Fatalf("%s: the nearest value to %v is %v, want %v", name, x, got, want)
			}
		}
	}
}

// wanted returns what Eval puts out for numbers.
func wanted(u *Unit, src []float64) []float64 {
	bits := make([]uint64, len(src))
	for i, x := range src {
		bits[i] = u.format.Encode(x)
	}
	u.Eval(bits, bits)
	dst := make([]float64, len(src))
	for i, b := range bits {
		dst[i] = u.format.Decode(b)
	}
	return dst
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestForwardIsEval(t *testing.T) {
	for _, u := range []*Unit{
		roughUnit(t, "isrlu", "q3.4"), roughUnit(t, "isru:3", "q4.11"), roughUnit(t, "isrlu", "bfloat16"),
		roughUnit(t, "isru", "float16"), roughUnit(t, "isrlu'", "q2.9"), roughUnit(t, "isrlu", "q5.14"), roughUnit(t, "isru", "q1.28"),
	} {
		x := someNumbers(u.format)
		if u.format.Bits() > exhaustiveBits {
			x = x[:3001] // no whole number of blocks
		}
		want, got := wanted(u, x), make([]float64, len(x))
		u.Forward64(got, x)
		for i := range x {
			if !same(got[i], want[i]) {
				t.Fatalf("%s: %v gives %v, want %v", u.Name(), x[i], got[i], want[i])
			}
		}
		// Some goroutines at once, in place.
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				x32 := make([]float32, len(x))
				for i, v := range x {
					x32[i] = float32(v)
				}
				before := slices.Clone(x32)
				u.Forward(x32, x32)
				for i, v := range before {
					if want := u.format.Decode(u.format.Encode(float64(v))); v == float32(want) && !same(float64(x32[i]), float64(float32(wanted(u, []float64{want})[0]))) {
						t.Errorf("%s: %v gives %v in float32", u.Name(), v, x32[i])
						return
					}
					if i > 200 {
						return
					}
				}
			})
		}
		group.Wait()
	}
}

func TestStraightThroughIsTheFunctions(t *testing.T) {
	u := roughUnit(t, "isrlu:3", "q3.4")
	x := []float32{-100, -8.5, -3.03, -1, -.01, 0, .02, 5, 9, 1e9}
	dy, got, want := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
	for i := range dy {
		dy[i] = float32(i) - 3.5
	}
	u.Backward(got, dy, x, StraightThrough)
	u.asNumbers().real.Backward(want, dy, x)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestExactGradient: against differences of the function at the rounded input.
func TestExactGradient(t *testing.T) {
	for _, test := range []struct{ function, format string }{
		{"isrlu:3", "q3.4"}, {"isru", "q4.11"}, {"isrlu", "bfloat16"}, {"isru_sigmoid:1,0.5", "q0.7"}, {"isru_sigmoid:0.1,8", "q0.11"}, {"isru:2", "q5.14"},
	} {
		u := roughUnit(t, test.function, test.format)
		f := u.format
		r := rand.New(rand.NewPCG(3, 4))
		var x, dy, want []float64
		zeros := 0
		for range 2000 {
			v := (2*r.Float64() - 1) * min(1.5*f.Max(), 60)
			rounded := f.Decode(f.Encode(v))
			const h = 1e-5
			slope := (u.function.Value(rounded+h) - u.function.Value(rounded-h)) / (2 * h)
			// Where it saturates the unit is flat; but close to the end the rounding
			// decides, and ISRLU has a kink at 0.
			y := u.function.Value(rounded)
			if !f.IsFloat() {
				switch edge := f.Ulp(0); {
				case math.Abs(v-f.Max()) < edge || math.Abs(v-f.Min()) < edge || math.Abs(y-f.Max()) < edge || rounded == 0:
					continue
				case v > f.Max() || v < f.Min() || y > f.Max() || y < f.Min():
					slope = 0
					zeros++
				}
			} else if rounded == 0 {
				continue
			}
			x, dy, want = append(x, v), append(dy, r.NormFloat64()), append(want, slope)
		}
		if zeros == 0 && !f.IsFloat() {
			t.Errorf("%s in %s: nothing saturates", test.function, test.format)
		}
		x32, dy32 := make([]float32, len(x)), make([]float32, len(x))
		for i := range x {
			x32[i], dy32[i] = float32(x[i]), float32(dy[i])
		}
		got := slices.Clone(x)
		u.Backward64(got, dy, got, Exact) // dx is x
		u.Backward(dy32, dy32, x32, Exact)
		for i, v := range want {
			if math.Abs(got[i]-dy[i]*v) > 1e-8*(1+math.Abs(dy[i])) {
				t.Fatalf("%s in %s: at %v the gradient is %v, want %v", test.function, test.format, x[i], got[i], dy[i]*v)
			}
			if math.Abs(float64(dy32[i])-got[i]) > 1e-6*(1+math.Abs(dy[i])) && f.Encode(float64(x32[i])) == f.Encode(x[i]) {
				t.Fatalf("%s in %s: at %v the gradient is %v in float32, %v in float64", test.function, test.format, x[i], dy32[i], got[i])
			}
		}
	}
}

func TestBeyondTheFormatTheExactGradientIsZero(t *testing.T) {
	for _, format := range []string{"q3.4", "bfloat16", "q5.14"} {
		u := roughUnit(t, "isrlu", format)
		x := []float64{u.format.Max(), math.Nextafter(u.format.Max(), math.Inf(1)), math.Inf(1), math.Inf(-1)}
		dx := []float64{2, 2, 2, 2}
		u.Backward64(dx, dx, x, Exact)
		if !slices.Equal(dx, []float64{2, 0, 0, 0}) {
			t.Errorf("%s: %v", format, dx)
		}
	}
}

// rounded returns the outputs of a unit that only rounds.
func rounded(u *Unit) []float32 {
	values := make([]float32, 1<<u.format.Bits())
	for b := range values {
		values[b] = float32(u.format.Decode(u.format.Encode(Want(u.function, u.format, uint64(b)))))
	}
	return values
}

func TestMonotone(t *testing.T) {
	for _, test := range []struct {
		function, format string
		bent             []uint64 // inputs whose outputs are moved up
	}{
		{"isrlu", "q3.4", []uint64{0x80, 0xff, 0, 0x7e}},
		{"isru", "bfloat16", []uint64{0xff80, 0x8001, 0x8000, 0, 1, 0x7f7f}},
	} {
		u := roughUnit(t, test.function, test.format)
		values := rounded(u)
		if !u.rises(values) {
			t.Errorf("%s in %s: rounding makes a fall", test.function, test.format)
		}
		for _, b := range test.bent {
			bent := slices.Clone(values)
			bent[b] += 100
			if u.rises(bent) {
				t.Errorf("%s in %s: a fall after %#x is not seen", test.function, test.format, b)
			}
		}
	}
	// Outputs within 1 ulp of the function fall where the error does.
	u := roughUnit(t, "isrlu", "q3.4")
	falls := false
	for i := -128; i < 127; i++ {
		values := u.asNumbers().values
		falls = falls || values[uint8(i+1)] < values[uint8(i)]
	}
	if u.Monotone() == falls {
		t.Errorf("monotone is %v, but the outputs fall somewhere: %v", u.Monotone(), falls)
	}
	if roughUnit(t, "rsqrt", "q8.7").Monotone() {
		t.Error("the inverse square root rises")
	}
	if roughUnit(t, "isrlu", "q5.14").Monotone() {
		t.Error("of a wide format it is not known")
	}
}

func TestDerivativesHaveNoBackward(t *testing.T) {
	for function, want := range map[string]bool{"isrlu": true, "isrlu'": false, "rsqrt": false} {
		u := roughUnit(t, function, "q8.7")
		if u.HasBackward() != want {
			t.Errorf("%s: there is a backward pass: %v", function, !want)
		}
		if !want {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: Backward does not panic", function)
					}
				}()
				u.Backward(nil, nil, nil, Exact)
			}()
		}
	}
}

func TestUnitsOnNumbersDoNotAllocate(t *testing.T) {
	for _, u := range []*Unit{roughUnit(t, "isrlu", "q3.4"), roughUnit(t, "isrlu", "q5.14")} {
		x, y := make([]float32, 1000), make([]float32, 1000)
		if n := testing.AllocsPerRun(3, func() {
			u.Forward(y, x)
			u.Backward(y, y, x, StraightThrough)
			u.Backward(y, y, x, Exact)
		}); n != 0 {
			t.Errorf("%s: %v allocations", u.Name(), n)
		}
	}
}

func BenchmarkForward(b *testing.B) {
	for _, test := range []struct{ function, format string }{{"isrlu", "q3.4"}, {"isrlu", "q4.11"}, {"isrlu", "bfloat16"}, {"isrlu", "q5.14"}} {
		u := roughUnit(b, test.function, test.format)
		x, y := make([]float32, 4096), make([]float32, 4096)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		each := func(name string, f func()) {
			b.Run(u.Name()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/element")
			})
		}
		each("forward", func() { u.Forward(y, x) })
		each("straight-through", func() { u.Backward(y, y, x, StraightThrough) })
		each("exact", func() { u.Backward(y, y, x, Exact) })
	}
}
