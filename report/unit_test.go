package report

import (
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

// TestPagesDrawUnits as the result describes them, and say that their times are those
// of a simulation.
func TestPagesDrawUnits(t *testing.T) {
	r := sampleResult()
	const name = "isrlu@q3.4"
	old := r.Settings.Activations[0]
	r.Settings.Activations[0], r.Costs[0].Activation = name, name
	for i := range r.Runs {
		if r.Runs[i].Activation == old {
			r.Runs[i].Activation = name
		}
	}
	unknown := writeHTML(t, r)
	if !strings.Contains(unknown, "Not drawn, because their definition is not known here: "+name) {
		t.Error("a unit that the result does not describe is drawn")
	}
	r.Units = []experiment.Unit{{Activation: name, Unit: "isrlu:1@q3.4", Built: "lines of 8 segments", ErrorULP: .87,
		From: -4, To: 4, Values: []float64{-1, -.9375, 0, 2, 4}, Slopes: []float64{0, .5, 1, 1, 1}}}
	page := writeHTML(t, r)
	for _, want := range []string{name + ", built by lines of 8 segments, with an error of at most 0.87 ulp", ", simulated", "software model of the hardware"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "Not drawn") {
		t.Error("the unit is not drawn")
	}
	checkSVG(t, page)
}
