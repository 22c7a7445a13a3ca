package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/experiment"
)

func TestHDLGenerateWritesAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "unit")
	line := "hdl generate --function isrlu:3 --format q3.4 --family linear --stages 2 --handshake ready -o " + dir
	out := mustRun(t, line)
	for _, want := range []string{"isrlu_3_q3_4: isrlu:3 in q3.4", "linear", "all inputs", "2 clock cycles; handshake ready", "NAND2 equivalents", "isrlu_3_q3_4_tb.v", "make -C " + dir} {
		if !strings.Contains(out, want) {
			t.Errorf("the summary lacks %q:\n%s", want, out)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 5 {
		t.Fatalf("the folder has %v, %v", list, err)
	}
	module := filepath.Join(dir, "isrlu_3_q3_4.v")
	first, err := os.ReadFile(module)
	if err != nil || !strings.Contains(string(first), "module isrlu_3_q3_4 (") || !strings.Contains(string(first), "in_ready") {
		t.Fatalf("%v: %s", err, first)
	}
	// The same unit may be written again, another one may not.
	mustRun(t, strings.Replace(line, "--stages 2", "--stages 1", 1))
	if again, _ := os.ReadFile(module); string(again) == string(first) {
		t.Error("the module was not replaced")
	}
	other := strings.Replace(line, "isrlu:3", "elu", 1)
	status, _, stderr := isrluCommand(t, other)
	if status != exitFailed || !strings.Contains(stderr, filepath.Join(dir, "Makefile")) || !strings.Contains(stderr, "--force") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if list, _ := os.ReadDir(dir); len(list) != 5 {
		t.Errorf("the folder has %v", list)
	}
	mustRun(t, other+" --force --derivative=false")
	if list, _ := os.ReadDir(dir); len(list) != 9 {
		t.Errorf("the folder has %v", list)
	}
}

func TestHDLGenerateOptions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "unit")
	line := "hdl generate --function isru --derivative --format q3.4 --error 0.8 --verify 1000 --vectors 3 -o " + dir
	if out := mustRun(t, line); !strings.Contains(out, "isru_1_derivative_q3_4: isru:1' in q3.4") || !strings.Contains(out, "at most 0.8 ulp") {
		t.Error(out)
	}
	vectors, err := os.ReadFile(filepath.Join(dir, "isru_1_derivative_q3_4_vectors.hex"))
	if err != nil || !strings.Contains(string(vectors), "3 random inputs") {
		t.Errorf("%v: %s", err, vectors)
	}
	if experiment.SimulatorMissing() != nil && os.Getenv("ISRLU_REQUIRE_HDL_TOOLS") != "1" {
		t.Skip(experiment.SimulatorMissing())
	}
	if out := mustRun(t, line+" --simulate"); !strings.Contains(out, "vectors, all met") {
		t.Error(out)
	}
}

func TestHDLWithoutSimulator(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := filepath.Join(t.TempDir(), "unit")
	status, _, stderr := isrluCommand(t, "hdl generate --format q3.4 --simulate -o "+dir)
	if status != exitFailed || !strings.Contains(stderr, "Debian package iverilog") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was written")
	}
	out := mustRun(t, "hdl explore --functions isrlu --formats q3.4 --targets ice40 --place --simulate")
	for _, want := range []string{"no yosys", "no nextpnr-ice40", "no iverilog", "Debian package yosys"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
}

func TestHDLExplore(t *testing.T) {
	dir := t.TempDir()
	results, plot := filepath.Join(dir, "a.json"), filepath.Join(dir, "a.svg")
	line := "hdl explore --functions isrlu,elu --formats q3.4 --errors 1,2 --families all --output " + results + " --plot " + plot
	out := mustRun(t, line)
	for _, want := range []string{"of 1 stage", "rsqrt", "table", "q3.4 at 2 ulp: isrlu / elu: gates (estimate)", "the inverse square root loses for isrlu", "No unit by rsqrt: elu in q3.4", plot} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	if data, err := os.ReadFile(plot); err != nil || !strings.Contains(string(data), "isrlu") {
		t.Errorf("the plot: %v", err)
	}
	// What is in the file is not made again: a change of it stays.
	data, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(data), `"architecture": "`, `"architecture": "changed `, 1)
	if err := os.WriteFile(results, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(mustRun(t, line+" --format csv"))).ReadAll()
	if err != nil || len(rows) < 7 || !strings.Contains(strings.Join(rows[1], ","), "changed ") {
		t.Errorf("%v, %v", rows, err)
	}
	var r struct {
		Units   []experiment.HardwareUnit
		Others  []experiment.HardwareUnit
		Verdict []string
	}
	object := mustRun(t, "hdl explore --functions isrlu --formats q3.4 --errors 1 --families table --format json --output "+results)
	if err := json.Unmarshal([]byte(object), &r); err != nil || len(r.Units) != 1 || r.Units[0].Family != "table" || len(r.Others) != 23 {
		t.Errorf("%v: %d units, %d others", err, len(r.Units), len(r.Others))
	}
}

func TestBadHDLCommandsNameValueAndRemedy(t *testing.T) {
	for line, wants := range map[string][]string{
		"generate --function elou":                 {`"elou"`, "isrlu, isru"},
		"generate --function relu":                 {"relu", "there are for isrlu"},
		"generate --function isrlu:0":              {"alpha must be positive", "got 0"},
		"generate --function isrlu'":               {"--derivative"},
		"generate --function tanh --derivative":    {"tanh", "derivative"},
		"generate --function rsqrt --format q0.15": {"q0.15", "above 1"},
		"generate --format q5":                     {`"q5"`, "q4.11"},
		"generate --format q20.20":                 {"41 bits", "8 to 32"},
		"generate --error 0":                       {"0.5", "got 0"},
		"generate --error 0.3":                     {"0.3 ulp", "q4.12"},
		"generate --error -1":                      {"-1", "positive"},
		"generate --family cordic":                 {`"cordic"`, "rsqrt, table"},
		"generate --stages -1":                     {"from 0 to 32", "-1"},
		"generate --stages two":                    {`"two"`, "--stages"},
		"generate --handshake axi":                 {`"axi"`, "none, valid, ready"},
		"generate --vectors 0":                     {"--vectors", "got 0"},
		"generate --verify some":                   {`"some"`, "all"},
		"generate --verify 0":                      {`"0"`, "all"},
		"generate --output=":                       {"--output"},
		"generate isrlu":                           {`"isrlu"`},
		"explore --functions=":                     {"needs a function"},
		"explore --functions isrlu,isrlu":          {"isrlu", "twice"},
		"explore --formats q3":                     {`"q3"`, "q4.11"},
		"explore --errors one":                     {`"one"`, "0.6,1,2"},
		"explore --errors 0":                       {"0.5", "got 0"},
		"explore --errors 0.2":                     {"0.2 ulp", "half of an ulp"},
		"explore --families least":                 {`"least"`, "rsqrt, table"},
		"explore --targets spartan":                {`"spartan"`, "gates, ice40"},
		"explore --stages 40":                      {"from 0 to 32", "40"},
		"explore --levels 0":                       {"--levels", "got 0"},
		"explore --levels 9 --stages 2":            {"--levels 9", "leave one out"},
		"explore --place --seeds 0":                {"placements", "got 0"},
		"explore --workers -1":                     {"-1"},
		"explore --plot a.gif":                     {`"a.gif"`, ".svg or .png"},
		"explore --format xml":                     {`"xml"`, "table, csv, json"},
	} {
		status, stdout, stderr := isrluCommand(t, "hdl "+line)
		if status != exitUsage || stdout != "" || strings.Contains(stderr, "isrlu: hdl:") {
			t.Errorf("isrlu hdl %s: status %d, stdout %q, stderr %q", line, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("isrlu hdl %s: %q does not say %q", line, stderr, want)
			}
		}
	}
}

// A bound that no unit meets is found by the search: it is no error of the command
// line. The remedy is a bound that can be met.
func TestHDLBoundsThatCannotBeMet(t *testing.T) {
	status, _, stderr := isrluCommand(t, "hdl generate --function elu --format q3.4 --family rsqrt -o "+t.TempDir())
	if status != exitFailed || !strings.Contains(stderr, `by "rsqrt"; leave the family out`) {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestInterruptedHDLLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	for _, line := range []string{
		"hdl generate --format q4.11 -o " + filepath.Join(dir, "unit"),
		"hdl explore --formats q4.11 --functions isrlu --plot " + filepath.Join(dir, "a.svg"),
	} {
		var out, errs strings.Builder
		status := execute(ctx, strings.Fields(line), &out, &errs)
		if status != exitInterrupted || out.String() != "" || errs.String() != "isrlu: interrupted\n" {
			t.Errorf("isrlu %s: status %d, %q, %q", line, status, out.String(), errs.String())
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("%v is left", list)
	}
}
