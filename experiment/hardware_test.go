package experiment

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/internal/eda"
)

func smallHardware() HardwareSettings {
	return HardwareSettings{Functions: []string{"isrlu", "elu"}, Formats: []string{"q3.4"}, Bounds: []float64{1}, Families: []string{LeastFamily, "rsqrt"}, Stages: 1}
}

func explore(t *testing.T, s HardwareSettings, o HardwareOptions) *HardwareResult {
	t.Helper()
	r, err := ExploreHardware(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExplorationIsTheSameOnAnyWorkers(t *testing.T) {
	var first []HardwareUnit
	for _, workers := range []int{1, 3} {
		r := explore(t, smallHardware(), HardwareOptions{Workers: workers})
		if first == nil {
			first = r.Units
		}
		if !reflect.DeepEqual(r.Units, first) || r.Interrupted {
			t.Errorf("%d workers: %+v", workers, r)
		}
	}
	if len(first) != 4 || first[3].None == "" || first[3].Family != "" {
		t.Fatalf("%+v", first)
	}
	for _, u := range first[:3] {
		if u.None != "" || u.MaxError > 1 || !u.Exhaustive || u.Inputs != 256 || u.Latency != 1 || u.RegisterBits < 5 || u.Gates <= u.LogicGates || u.StageDepth <= 0 {
			t.Errorf("%+v", u)
		}
	}
	if root := first[1]; root.Family != "rsqrt" || root.LogicGates < first[0].LogicGates {
		t.Errorf("the least unit takes more than %+v", root)
	}
}

// What is there is not made again, and what it lacks is added.
func TestExplorationResumes(t *testing.T) {
	s := smallHardware()
	earlier := explore(t, s, HardwareOptions{}).Units
	earlier[0].Architecture = "kept"
	earlier = append(earlier, HardwareUnit{Function: "tanh", Format: "q3.4"})
	saved := 0
	o := HardwareOptions{Earlier: earlier, Finished: func(*HardwareResult) error { saved++; return nil }}
	r := explore(t, s, o)
	if saved != 0 || r.Units[0].Architecture != "kept" || len(r.Others) != 1 || r.Others[0].Function != "tanh" {
		t.Errorf("saved %d times: %+v", saved, r)
	}
	s.Levels = 20
	if r = explore(t, s, o); saved != 4 || len(r.Others) != 5 || r.Units[1].Latency < 2 || r.Units[1].StageDepth > 20 {
		t.Errorf("saved %d times: %+v", saved, r.Units)
	}
	if s.Levels = 1; explore(t, s, HardwareOptions{}).Units[1].None == "" {
		t.Error("stages of one level are possible")
	}
}

// An exploration that ends early keeps what was known of the units it did not come to.
func TestExplorationKeepsWhatItDidNotComeTo(t *testing.T) {
	s := smallHardware()
	earlier := explore(t, s, HardwareOptions{}).Units
	s.Functions = []string{"tanh", "isrlu", "elu"}
	ctx, cancel := context.WithCancel(t.Context())
	var saved *HardwareResult
	ExploreHardware(ctx, s, HardwareOptions{Workers: 1, Earlier: earlier, Finished: func(r *HardwareResult) error {
		saved = r
		cancel()
		return nil
	}})
	if len(saved.Units) != 1 || !reflect.DeepEqual(saved.Others, earlier) {
		t.Errorf("%+v", saved)
	}
}

func TestExplorationEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := HardwareOptions{Workers: 1, Finished: func(*HardwareResult) error { cancel(); return nil }}
	r, err := ExploreHardware(ctx, smallHardware(), o)
	if !errors.Is(err, context.Canceled) || len(r.Units) != 1 || !r.Interrupted {
		t.Errorf("%+v, %v", r, err)
	}
	full := errors.New("the disk is full")
	o.Finished = func(*HardwareResult) error { return full }
	if r, err := ExploreHardware(t.Context(), smallHardware(), o); !errors.Is(err, full) || len(r.Units) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAbsentToolsAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := smallHardware()
	s.Functions, s.Families = s.Functions[:1], s.Families[:1]
	s.Targets, s.Place, s.Seeds, s.Simulate = []string{"gates", "ice40"}, true, 1, true
	r := explore(t, s, HardwareOptions{})
	u := r.Units[0]
	if u.Family == "" || u.Synthesis != nil || u.Placement != nil || u.Simulated != 0 {
		t.Errorf("%+v", u)
	}
	if list := strings.Join(r.Absent, "\n"); strings.Count(list, "yosys is not here") != 1 || !strings.Contains(list, "iverilog") {
		t.Error(list)
	}
}

func TestExplorationWithTools(t *testing.T) {
	eda.Need(t, "yosys", "nextpnr-ice40", "iverilog")
	s := smallHardware()
	s.Functions, s.Families = s.Functions[:1], s.Families[:1]
	earlier := explore(t, s, HardwareOptions{}).Units
	s.Targets, s.Place, s.Seeds, s.Simulate = []string{"gates", "ice40"}, true, 1, true
	r := explore(t, s, HardwareOptions{Earlier: earlier})
	u := r.Units[0]
	if g := u.Synthesis["gates"]; g.Gates < 20 || g.Gates > 200 || g.Depth < 2 || g.FlipFlops == 0 {
		t.Errorf("%+v", g)
	}
	if u.Synthesis["ice40"].LUTs == 0 || u.Placement == nil || u.Placement.MHz < 50 || u.Simulated != 256 {
		t.Errorf("%+v", u)
	}
	if u.Architecture != earlier[0].Architecture {
		t.Errorf("another unit: %+v", u)
	}
}

func TestHardwareSettingsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*HardwareSettings){
		"needs a function":        func(s *HardwareSettings) { s.Functions = nil },
		"isrlu is there twice":    func(s *HardwareSettings) { s.Functions = []string{"isrlu", "isrlu"} },
		"1 is there twice":        func(s *HardwareSettings) { s.Bounds = []float64{1, 1} },
		`"relu6"`:                 func(s *HardwareSettings) { s.Functions = []string{"relu6"} },
		`"q9"`:                    func(s *HardwareSettings) { s.Formats = []string{"q9"} },
		"0.3 ulp":                 func(s *HardwareSettings) { s.Bounds = []float64{0.3} },
		`"cordic"`:                func(s *HardwareSettings) { s.Families = []string{"cordic"} },
		"got 99":                  func(s *HardwareSettings) { s.Stages = 99 },
		"levels of a stage":       func(s *HardwareSettings) { s.Levels = -1 },
		`unknown target "spartan`: func(s *HardwareSettings) { s.Targets = []string{"spartan"} },
		"placements":              func(s *HardwareSettings) { s.Place = true },
	} {
		s := smallHardware()
		change(&s)
		if _, err := ExploreHardware(t.Context(), s, HardwareOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// hardwareOf returns a unit of so many gates by a family.
func hardwareOf(function, family string, gates, mhz float64) HardwareUnit {
	return HardwareUnit{Function: function, Format: "q3.4", Bound: 1, Asked: family, Family: family, Gates: gates, StageDepth: 10, Latency: 1,
		Placement: &Placement{MHz: mhz}}
}

func TestHardwareVerdict(t *testing.T) {
	r := &HardwareResult{
		Settings: HardwareSettings{Functions: []string{"isrlu:3", "elu", "isru'", "tanh", "sigmoid"}, Formats: []string{"q3.4"}, Bounds: []float64{1}},
		Units: []HardwareUnit{
			hardwareOf("isrlu:3", "rsqrt", 300, 90), hardwareOf("isrlu:3", "table", 100, 80), hardwareOf("elu", "table", 125, 100),
			hardwareOf("isru'", "rsqrt", 50, 90), hardwareOf("isru'", "table", 100, 90), hardwareOf("tanh", "table", 10, 90),
		},
	}
	want := []string{
		"q3.4 at 1 ulp: isrlu:3 / elu: gates (estimate) 0.80, levels 1.00, MHz 0.80; wins in gates (estimate); loses in MHz.",
		"q3.4 at 1 ulp: the inverse square root loses for isrlu:3: 300 gates (estimate), against 100 of table.",
		"q3.4 at 1 ulp: isru' by an inverse square root takes 0.50 of the gates (estimate) of the next, table.",
	}
	if got := r.Verdict(); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	// A twentieth of an estimate decides nothing.
	r.Units[1].Gates = 119
	if got := r.Verdict()[0]; !strings.Contains(got, "gates (estimate) 0.95, levels 1.00, MHz 0.80; loses in MHz.") {
		t.Error(got)
	}
	// Gates by Yosys count where they are known.
	for i := range r.Units {
		r.Units[i].Synthesis = map[string]Synthesis{"gates": {Gates: 7}}
	}
	if got := r.Verdict()[0]; !strings.Contains(got, ": gates 1.00, levels") {
		t.Error(got)
	}
	if got := (&HardwareResult{Settings: r.Settings}).Verdict(); len(got) != 0 {
		t.Error(got)
	}
}
