package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

// sampleHardware is an exploration of two functions by two families, in which yosys
// was there and nextpnr was not.
func sampleHardware() *experiment.HardwareResult {
	s := experiment.HardwareSettings{
		Functions: []string{"isrlu", "elu"}, Formats: []string{"q3.4"}, Bounds: []float64{1, 2}, Families: []string{"rsqrt", "table"},
		Stages: 1, Targets: []string{"gates", "ice40"}, Place: true, Seeds: 1,
	}
	r := &experiment.HardwareResult{Settings: s, Absent: []string{"nextpnr-ice40 is not here: install the Debian package nextpnr-ice40"}}
	gates := 100.0
	for _, f := range s.Functions {
		for _, bound := range s.Bounds {
			for _, family := range s.Families {
				u := experiment.HardwareUnit{Function: f, Format: "q3.4", Bound: bound, Asked: family, Stages: 1}
				if f == "elu" && family == "rsqrt" {
					u.None = "hdl: there is no unit"
				} else {
					u.Family, u.Architecture, u.MaxError, u.Inputs, u.Exhaustive = family, "of "+family, bound-.1, 256, true
					u.Gates, u.StageDepth, u.Latency = gates+3, 20, 1
					u.Synthesis = map[string]experiment.Synthesis{"gates": {Gates: gates, Depth: 9, FlipFlops: 8}, "ice40": {LUTs: 31, FlipFlops: 8}}
				}
				gates -= 7
				r.Units = append(r.Units, u)
			}
		}
	}
	return r
}

func TestHardwareTable(t *testing.T) {
	r := sampleHardware()
	var text, data strings.Builder
	for format, b := range map[Format]*strings.Builder{Text: &text, CSV: &data} {
		if err := Hardware(r).Write(b, format); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"of 1 stage", "ulp allowed", "ice40 LUTs", "no nextpnr-ice40", "No unit by rsqrt: elu in q3.4.", "Debian package nextpnr-ice40"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
	if lines := strings.Split(strings.TrimSpace(data.String()), "\n"); len(lines) != 7 || !strings.Contains(lines[1], "of rsqrt") || strings.Contains(data.String(), "no nextpnr") {
		t.Errorf("CSV:\n%s", data.String())
	}
	r.Settings.Levels = 20
	if title := Hardware(r).Title; !strings.Contains(title, "at most 20 levels") {
		t.Error(title)
	}
}

func TestHardwareFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	if list, err := ReadHardwareFile(path); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	r := sampleHardware()
	r.Others = []experiment.HardwareUnit{{Function: "tanh"}}
	if err := WriteHardwareFile(path, r); err != nil {
		t.Fatal(err)
	}
	list, err := ReadHardwareFile(path)
	if err != nil || !reflect.DeepEqual(list, append(r.Units, r.Others...)) {
		t.Errorf("%+v, %v", list, err)
	}
	var written struct{ Verdict []string }
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &written)
	}
	if err != nil || len(written.Verdict) == 0 {
		t.Errorf("%v, %v", written, err)
	}
	for content, want := range map[string]string{"[]": "cannot unmarshal", "{}": "name another file"} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadHardwareFile(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestHardwareFigure(t *testing.T) {
	fig := HardwareFigure(sampleHardware())
	if len(fig.Rows) != 3 {
		t.Fatalf("%d rows of panels", len(fig.Rows))
	}
	bars := fig.Rows[0][0].(*Bars)
	if len(bars.Groups) != 2 || bars.Groups[1].Values[1] != 100-5*7 || bars.YLabel != "gates" {
		t.Errorf("%+v", bars)
	}
	lines := fig.Rows[2][0].(*Lines)
	if len(lines.Series) != 2 || !reflect.DeepEqual(lines.Series[0].Y, []float64{93, 79}) {
		t.Errorf("%+v", lines)
	}
	for _, format := range []string{"svg", "png"} {
		var b bytes.Buffer
		if err := fig.Write(&b, format); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", format, err)
		}
	}
}
