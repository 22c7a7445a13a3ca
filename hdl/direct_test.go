package hdl

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// direct returns the structures that approximate the function itself.
func direct(tr *truth, bound float64) []*structure {
	if tr.format.IsFloat() {
		return directFloat(tr, bound)
	}
	return directFixed(tr, bound)
}

// truthOf returns the truth for a function and a format by their names.
func truthOf(t *testing.T, spec, format string) *truth {
	t.Helper()
	f, err := ParseFunction(spec)
	if err != nil {
		t.Fatal(err)
	}
	fm, err := ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	return newTruth(f, fm)
}

// verify runs a design on all inputs of its truth, with its intervals checked.
func verify(t *testing.T, tr *truth, d *design, bound float64) {
	t.Helper()
	e := d.circuit.Evaluator()
	e.Check = true
	got := Error{All: tr.all}
	tr.run(e, &got)
	if got = got.end(); got.Ulps > bound {
		t.Errorf("%s in %s: %s: %s, want at most %v", tr.f, tr.format, d, got, bound)
	}
}

// directSpecs are all functions that have direct structures.
var directSpecs = []string{"elu", "tanh", "sigmoid", "isrlu", "isru", "isru_sigmoid", "isrlu'", "isru'", "isru_sigmoid'"}

func TestDirectUnitsKeepToTheBound(t *testing.T) {
	formats := []string{"q3.4", "q0.7", "q4.11", "q7.8", "q2.13", "q0.15", "bfloat16", "float16"}
	bounds := []float64{1, 0.55, 2}
	n := 0
	for i, spec := range directSpecs {
		for j, format := range formats {
			// A search in 16 bits takes seconds: every second one, or a few.
			every := 2
			if testing.Short() {
				every = 16
			}
			if n++; j > 1 && (i+n)%every != 0 {
				continue
			}
			bound := bounds[(i+j)%len(bounds)]
			t.Run(fmt.Sprint(spec, " ", format, " ", bound), func(t *testing.T) {
				tr := truthOf(t, spec, format)
				d := newSearcher(tr, bound).best(direct(tr, bound))
				if d == nil {
					t.Fatal("no structure keeps to the bound")
				}
				verify(t, tr, d, bound)
			})
		}
	}
}

func TestDirectUnitsOfOtherParameters(t *testing.T) {
	formats := []string{"q3.4", "q0.7", "q4.11", "bfloat16", "float16"}
	for i, spec := range []string{"elu:0.25", "elu:3", "isrlu:0.25", "isru:3", "isru_sigmoid:0.25", "isru_sigmoid:3", "isru_sigmoid:1,0.5", "isru:0.25'", "isrlu:3'"} {
		for j, format := range formats {
			every := 2 // as above
			if testing.Short() {
				every = 8
			}
			if j > 1 && (i+j)%every != 0 {
				continue
			}
			t.Run(spec+" "+format, func(t *testing.T) {
				tr := truthOf(t, spec, format)
				if tr.format.IsFloat() && spec == "isru_sigmoid:0.25" {
					t.Skip("its sign changes below 0, where no segments keep a relative error")
				}
				d := newSearcher(tr, 1).best(direct(tr, 1))
				if d == nil {
					t.Fatal("no structure keeps to the bound")
				}
				verify(t, tr, d, 1)
			})
		}
	}
}

// Rounding alone takes half an ulp; tables of 8-bit formats have nothing else.
func TestTablesRoundCorrectly(t *testing.T) {
	for _, spec := range directSpecs {
		for _, format := range []string{"q3.4", "q0.7", "q1.6"} {
			tr := truthOf(t, spec, format)
			d := newSearcher(tr, 0.5).best(direct(tr, 0.5))
			if d == nil {
				t.Errorf("%s in %s: no structure rounds correctly", spec, format)
				continue
			}
			verify(t, tr, d, 0.5)
		}
	}
}

func TestEveryDirectFamilyHasUnits(t *testing.T) {
	for _, test := range []struct {
		spec, format, family string
		bound                float64
	}{
		{"tanh", "q3.4", "table", 1},
		{"elu", "q0.7", "table", 0.55},
		{"sigmoid", "q3.4", "linear", 1},
		{"isru", "q4.11", "linear", 2},
		{"elu", "q4.11", "quadratic", 1},
		{"isrlu'", "q7.8", "quadratic", 1},
		{"tanh", "q3.20", "cubic", 2},
		{"isru'", "bfloat16", "table", 1},
		{"tanh", "bfloat16", "linear", 1},
		{"isru_sigmoid", "bfloat16", "quadratic", 2},
		{"sigmoid", "float16", "quadratic", 2},
		{"sigmoid", "bfloat16", "exponential", 0.55},
		{"sigmoid", "float16", "exponential", 2},
	} {
		t.Run(test.family+" "+test.spec+" "+test.format, func(t *testing.T) {
			tr := truthOf(t, test.spec, test.format)
			list := slices.DeleteFunc(direct(tr, test.bound), func(st *structure) bool { return st.family != test.family })
			d := newSearcher(tr, test.bound).best(list)
			if d == nil {
				t.Fatalf("none of %d structures keeps to %v ulp", len(list), test.bound)
			}
			verify(t, tr, d, test.bound)
		})
	}
}

// Formats of more than 16 bits are tried on samples.
func TestDirectUnitsOfWideFormats(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many seconds")
	}
	for _, test := range []struct{ spec, format string }{
		{"elu", "q8.23"}, {"tanh", "q15.16"}, {"sigmoid", "q3.28"}, {"isru", "q0.31"}, {"isru_sigmoid", "q3.20"},
	} {
		tr := truthOf(t, test.spec, test.format)
		d := newSearcher(tr, 1).best(directFixed(tr, 1))
		if d == nil {
			t.Errorf("%s in %s: no structure keeps to the bound", test.spec, test.format)
			continue
		}
		verify(t, tr, d, 1)
	}
}

func TestSpecialValuesOfDirectFloats(t *testing.T) {
	inf := math.Inf(1)
	for _, format := range []string{"bfloat16", "float16"} {
		for _, spec := range append(directSpecs, "elu:3") {
			tr := truthOf(t, spec, format)
			fm := tr.format
			d := (*design)(nil)
			for _, st := range direct(tr, 1) {
				s := newSearcher(tr, 1)
				if c := s.at(st, st.sizes(func(k knob) int { return k.most })); s.meets(c.circuit) {
					d = c
					break
				}
			}
			if d == nil {
				t.Errorf("%s in %s: no structure keeps to the bound", spec, format)
				continue
			}
			least := fm.Decode(1)
			e := d.circuit.Evaluator()
			for _, x := range []float64{0, math.Copysign(0, -1), inf, -inf, math.NaN(), least, -least, fm.Max(), fm.Min()} {
				in := fm.Encode(x)
				out := []int64{int64(in)}
				e.Run(out, out)
				got, want := fm.Decode(uint64(out[0])), fm.Decode(fm.Encode(tr.f.Value(x)))
				switch {
				case math.IsNaN(want):
					if !math.IsNaN(got) {
						t.Errorf("%s in %s at NaN: got %v", spec, format, got)
					}
				case got != want:
					t.Errorf("%s in %s at %v: got %v, want %v", spec, format, x, got, want)
				case x == 0 && tr.f.shape == odd && math.Signbit(got) != math.Signbit(x):
					t.Errorf("%s in %s at %v: got %v", spec, format, x, got)
				}
			}
		}
	}
}

func TestISRUSigmoidDoesNotCancel(t *testing.T) {
	for _, test := range []struct{ alpha, x, want float64 }{
		{1, -1e10, 2.5e-21}, {1, -1e30, 2.5e-61}, {4, math.Inf(-1), 0.25}, {1, math.Inf(-1), 0},
		{1, 0, 0.5}, {0.25, math.Inf(-1), -0.5}, {1, math.Inf(1), 1},
	} {
		if got := isruSigmoid(test.x, test.alpha, 1); math.Abs(got-test.want) > 1e-12*math.Abs(test.want) {
			t.Errorf("alpha %v at %v: got %v, want %v", test.alpha, test.x, got, test.want)
		}
	}
}
