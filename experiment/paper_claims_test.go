package experiment

import (
	"math"
	"strings"
	"testing"
)

// trainedWith returns a comparison on MNIST with so many percent for each function and
// seed.
func trainedWith(name string, epochs int, accuracies map[string][]float64) PaperComparison {
	r := &Result{Settings: Settings{Data: mnistName, Train: 60_000, Test: 10_000, Epochs: epochs, Batch: 100}}
	for _, a := range paperFunctions {
		r.Settings.Activations = append(r.Settings.Activations, a)
		for i, v := range accuracies[a] {
			if seed := uint64(i + 1); len(r.Settings.Seeds) < i+1 {
				r.Settings.Seeds = append(r.Settings.Seeds, seed)
			}
			r.Runs = append(r.Runs, Run{Activation: a, Seed: uint64(i + 1), Digest: "x",
				Epochs: []Epoch{{Epoch: epochs, TestAccuracy: v / 100, TestLoss: .0231}}})
		}
	}
	return PaperComparison{Name: name, Result: r}
}

// outcomes returns the outcome of each claim that begins so.
func outcomes(r *PaperResult, begin string) []Outcome {
	var list []Outcome
	for _, c := range r.Claims() {
		if strings.HasPrefix(c.Claim, begin) {
			list = append(list, c.Outcome)
		}
	}
	return list
}

func TestNetworkClaims(t *testing.T) {
	low := []float64{98.90, 98.91, 98.92, 98.90, 98.91}
	high := []float64{99.40, 99.41, 99.39, 99.40, 99.42}
	wide := []float64{99.10, 99.50, 99.30, 99.20, 99.45}
	for _, c := range []struct {
		name          string
		epochs        int
		three, others []float64
		best, reached Outcome
	}{
		{"better", 10, high, low, Holds, Holds},
		{"worse", 10, low, high, DoesNotHold, DoesNotHold},
		{"unclear", 10, wide, wide, CannotBeTold, CannotBeTold},
		{"few epochs", 2, high, low, CannotBeTold, CannotBeTold},
		{"epochs that rank", 5, low, high, DoesNotHold, CannotBeTold},
		{"epochs that reach", 5, high, low, Holds, Holds},
		{"one seed", 10, high[:1], low[:1], CannotBeTold, CannotBeTold},
	} {
		r := &PaperResult{Comparisons: []PaperComparison{trainedWith(networkA, c.epochs,
			map[string][]float64{"isrlu": c.others, "isrlu:3": c.three, "elu": c.others, "relu": c.others})}}
		if got := outcomes(r, "Network A is most accurate"); len(got) != 1 || got[0] != c.best {
			t.Errorf("%s: best %v", c.name, got)
		}
		if got := outcomes(r, "Network A with isrlu:3 reaches"); len(got) != 1 || got[0] != c.reached {
			t.Errorf("%s: reached %v", c.name, got)
		}
	}
	// Images that are not MNIST say nothing of it.
	other := trainedWith(networkB, 10, map[string][]float64{"isrlu": high, "isrlu:3": low, "elu": low, "relu": low})
	other.Result.Settings.Data = digitsName
	for _, c := range (&PaperResult{Comparisons: []PaperComparison{other}}).Claims() {
		if c.Outcome != CannotBeTold || !strings.Contains(c.Why, "not MNIST") {
			t.Errorf("%+v", c)
		}
	}
}

func TestSpeedClaims(t *testing.T) {
	add := func(s *PaperSpeed, function, precision string, ns ...float64) {
		s.Kernels = append(s.Kernels, PaperKernel{Function: function, Precision: precision, Direction: "forward", Elements: paperSizes[0], NS: spread(ns), Rounds: ns})
	}
	var s PaperSpeed
	add(&s, rsqrtName, "default", .1, .1, .1)
	add(&s, "elu", "exact", .15, .1, .2)
	add(&s, "tanh", "exact", .5, .5, .5)
	add(&s, "isrlu", "default", .1, .1, .1)
	add(&s, "isrlu", "fast", .2, .2, .2)
	add(&s, "relu", "exact", .1, .1, .1)
	got := (&PaperResult{Speed: &s}).Claims()[:4]
	for i, want := range []Outcome{Holds, Holds, DoesNotHold, DoesNotHold} {
		if got[i].Outcome != want || got[i].Paper == "" || got[i].Here == "" {
			t.Errorf("%+v, want %s", got[i], want)
		}
	}
	// Times that go up and down carry nothing.
	s.Kernels[1].Rounds = []float64{.05, .2, .11}
	if c := (&PaperResult{Speed: &s}).Claims()[0]; c.Outcome != CannotBeTold {
		t.Errorf("%+v", c)
	}
}

func TestMemoryClaims(t *testing.T) {
	of := func(isrlu, relu, silu int64) *PaperResult {
		return &PaperResult{Memory: []PaperMemory{{networkA, "isrlu", 100, isrlu, 0}, {networkA, "relu", 100, relu, 0}, {networkA, "silu", 100, silu, 0}}}
	}
	for _, c := range []struct {
		r    *PaperResult
		want [2]Outcome
	}{
		{of(10, 10, 20), [2]Outcome{Holds, Holds}},
		{of(11, 10, 11), [2]Outcome{DoesNotHold, DoesNotHold}},
	} {
		for i, claim := range c.r.Claims() {
			if claim.Outcome != c.want[i] {
				t.Errorf("%+v", claim)
			}
		}
	}
}

// The interval is that of Student's t: 12.706 standard errors for two values, 2.776
// for five.
func TestInterval(t *testing.T) {
	for n, want := range map[int]float64{2: 12.706 / math.Sqrt2, 5: 2.7764 / math.Sqrt(5)} {
		low, high := MeanStd{10, 1}.Interval(n)
		if math.Abs(high-10-want) > 1e-3 || math.Abs(10-low-want) > 1e-3 {
			t.Errorf("%d values: %v to %v", n, low, high)
		}
	}
	if low, _ := (MeanStd{10, math.NaN()}).Interval(1); !math.IsNaN(low) {
		t.Error("one value has an interval")
	}
}

// Areas within what estimates are off by are even.
func TestHardwareClaims(t *testing.T) {
	for _, c := range []struct {
		isrlu float64
		want  Outcome
	}{{80, Holds}, {95, CannotBeTold}, {105, CannotBeTold}, {120, DoesNotHold}} {
		r := &PaperResult{Hardware: &PaperHardware{MultiplyAdds: []MultiplyAdd{{"q3.4", 100}}, Units: &HardwareResult{
			Settings: HardwareSettings{Functions: []string{"isrlu", "elu", rsqrtName}, Formats: []string{"q3.4"}, Bounds: []float64{1}},
			Units: []HardwareUnit{
				{Function: "isrlu", Format: "q3.4", Bound: 1, Gates: c.isrlu}, {Function: "elu", Format: "q3.4", Bound: 1, Gates: 100},
				{Function: rsqrtName, Format: "q3.4", Bound: 1, Gates: 150, LogicGates: 150},
			},
		}}}
		if got := outcomes(r, "A unit of isrlu"); len(got) != 1 || got[0] != c.want {
			t.Errorf("%v gates: %v", c.isrlu, got)
		}
		if got := outcomes(r, "An inverse square root unit"); len(got) != 1 || got[0] != DoesNotHold {
			t.Errorf("150 of 100 gates: %v", got)
		}
	}
}
