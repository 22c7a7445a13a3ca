package experiment

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/nn"
)

// TestComparisonWithUnits: it searches for each unit once, describes it, and is the
// same on any threads.
func TestComparisonWithUnits(t *testing.T) {
	set, s := smallSet(t), smallSettings("isrlu", "isrlu@q3.4", "isrlu@q3.4:exact", "isru_sigmoid:1@q1.6")
	first := sameOnThreads(t, []int{1, 3}, func(threads int) *Result {
		s.Threads = threads
		searches := 0
		r, err := Compare(t.Context(), smallNetwork(), set, s, Options{
			NoCosts: true, Units: &hdl.Library{Searching: func(hdl.Spec) { searches++ }},
		})
		if err != nil {
			t.Fatal(err)
		}
		if searches != 2 {
			t.Errorf("%d searches for two units", searches)
		}
		return r
	})
	for _, run := range first.Runs {
		if e := run.Epochs; e[1].TrainLoss >= e[0].TrainLoss {
			t.Errorf("%s: nothing was learned: %+v", run.Activation, e)
		}
	}
	if len(first.Units) != 3 {
		t.Fatalf("%d units are described", len(first.Units))
	}
	straight, exact := first.Units[0], first.Units[1]
	if straight.Activation != "isrlu@q3.4" || straight.Unit != "isrlu:1@q3.4" || straight.Built == "" || !(straight.ErrorULP > 0 && straight.ErrorULP <= 1) {
		t.Errorf("%+v", straight)
	}
	if !slices.Equal(straight.Values, exact.Values) || slices.Equal(straight.Slopes, exact.Slopes) {
		t.Error("the gradient changes the unit's outputs, or nothing")
	}
	for i, x := range straight.Points() {
		want := x
		if x < 0 {
			want = x / math.Sqrt(1+x*x)
		}
		if y := straight.Values[i]; math.Abs(y-want) > 1.6/16 || y*16 != math.Trunc(y*16) {
			t.Errorf("f(%v) is %v, want a multiple of 1/16 about %v", x, y, want)
		}
	}
}

func TestCostsOfUnitsAreMarked(t *testing.T) {
	r := result(map[string][]float64{"a": {.9, .91}, "isru@q3.4": {.9, .91}, "b": {.9, .91}}, "a", "isru@q3.4", "b")
	if v := r.Verdict(); strings.Contains(v, "software model") {
		t.Errorf("nothing was timed: %s", v)
	}
	r.Costs = []Cost{cost("a", 2, 1, .1, 1<<20), cost("isru@q3.4", 1, .5, .1, 1<<20), cost("b", 3, 2, .1, 1<<20)}
	v := r.Verdict()
	for _, want := range []string{"takes 2 ms with a, and 1.50 times that with b;", "The times with isru@q3.4 are those of a software model"} {
		if !strings.Contains(v, want) {
			t.Errorf("%q does not say %q", v, want)
		}
	}
}

func TestUnitsAsChoices(t *testing.T) {
	for _, spec := range []string{"isrlu@q4.11", "isrlu:3@q3.4:exact", "isrlu:1e+2@bfloat16:2ulp+dyisru", "isru@q3.4/sigmoid"} {
		if err := CheckActivation(spec); err != nil || !Simulated(spec) {
			t.Errorf("%s: %v, simulated %v", spec, err, Simulated(spec))
		}
	}
	if Simulated("isru:3/isru_sigmoid+dyisru") {
		t.Error("a function is a simulated unit")
	}
	if c := parseChoice("isrlu:1e+2@bfloat16:2ulp+dyisru"); c.activation != "isrlu:1e+2@bfloat16:2ulp" || c.norm != "dyisru" {
		t.Errorf("%+v", c)
	}
	for spec, want := range map[string]string{
		"isrlu@q4":               `"q4"`,
		"gelu@q4.11":             `no units for "gelu"`,
		"isrlu@q4.11:learn":      "isrlu:learn",
		"isru/isru_sigmoid@q3.4": "the gate: recurrent layers take no units",
		"isru@q3.4/foo":          `"foo"`,
	} {
		if err := CheckActivation(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", spec, err, want)
		}
	}
}

func TestUnitsThatCannotBe(t *testing.T) {
	recurrent := nn.Network{Input: nn.Shape{28, 28}, Layers: nn.Sequential{nn.RNN{Units: 4, Last: true}, nn.Dense{Units: 10}}}
	s := smallSettings("isru@q3.4")
	s.Task = "seq-digits"
	if _, err := Compare(t.Context(), recurrent, smallSet(t), s, Options{}); err == nil || !strings.Contains(err.Error(), "isru@q3.4: recurrent layers take no units") {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ended, smallNetwork(), smallSet(t), smallSettings("isrlu@q4.11"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: the search went on", err)
	}
}
