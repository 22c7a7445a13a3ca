package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCompareWithAUnit(t *testing.T) {
	dir := t.TempDir()
	out, lines := runCompare(t, "compare --network mlp --train-images 300 --test-images 100 --epochs 2 --activations relu,isrlu@q3.4 --out "+dir)
	for _, want := range []string{"\nisrlu@q3.4 ", "The times with isrlu@q3.4 are those of a software model"} {
		if !strings.Contains(strings.ReplaceAll(out, "\n", " "), strings.ReplaceAll(want, "\n", " ")) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if strings.Count(lines, "searching for the unit isrlu:1@q3.4") != 1 {
		t.Errorf("the unit is not searched for once:\n%s", lines)
	}
	r := readResult(t, filepath.Join(dir, "result.json"))
	if len(r.Units) != 1 || r.Units[0].Activation != "isrlu@q3.4" || len(r.Units[0].Values) == 0 || r.Costs[1].FromOutput {
		t.Errorf("units %+v", r.Units)
	}
	if page := string(readFile(t, filepath.Join(dir, "report.html"))); !strings.Contains(page, "isrlu@q3.4, built by") {
		t.Error("the page does not describe the unit")
	}
}

// TestTrainingWithAUnit: the checkpoint holds it, for predictions and to go on.
func TestTrainingWithAUnit(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	for _, command := range []string{line + " --activation isrlu@q3.4:exact -o " + file, "train --resume -o " + file} {
		if _, stderr := runCompare(t, command); stderr != "searching for the unit isrlu:1@q3.4\n" {
			t.Errorf("isrlu %s: %q", command, stderr)
		}
	}
	status, _, stderr := isrluCommand(t, "onnx export "+file+" -o "+filepath.Join(dir, "a.onnx"))
	if status == exitOK || !strings.Contains(stderr, "isrlu:1@q3.4:exact is a unit of hardware") {
		t.Errorf("status %d: %s", status, stderr)
	}
	text := filepath.Join(dir, "text.safetensors")
	runCompare(t, "train --task chars --network transformer --activation isrlu@q3.4 --train-chars 2000 --test-chars 500 --epochs 1 -o "+text)
	if out, _ := runCompare(t, "generate "+text+" --length 5"); out == "" {
		t.Error("nothing was generated")
	}
}

func TestBadUnitsOnTheCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"compare --activations relu,isrlu@q4":                                                           `unknown format "q4"; write q4.11`,
		"compare --activations isrlu@q4.11:learn":                                                       "isrlu:learn",
		"train --activation gelu@q4.11":                                                                 `no units for "gelu"`,
		"bench network --activation isrlu@q4.11:0.1ulp":                                                 "ask for more, or for q4.14",
		"compare --task seq-digits --train-images 100 --test-images 100 --out= --activations isru@q3.4": "recurrent layers take no units",
	} {
		status, _, stderr := isrluCommand(t, line)
		if status == exitOK || !strings.Contains(stderr, want) || strings.Contains(stderr, "hdl:") {
			t.Errorf("isrlu %s: status %d, %s", line, status, stderr)
		}
	}
}

// TestPredictWithUnits: the network of a checkpoint runs by units of hardware.
func TestPredictWithUnits(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	runCompare(t, line+" --activation isrlu -o "+file)
	images := newPredicting(t).images
	float, _ := runCompare(t, "predict "+file+" "+images)
	by, lines := runCompare(t, "predict "+file+" "+images+" --unit q3.4:2ulp")
	if float == by || strings.Count(lines, "searching for the unit isrlu:1@q3.4:2ulp") != 1 {
		t.Errorf("the same probabilities, or %q", lines)
	}
	for _, unit := range []string{"q3", "q3.4:0.2ulp"} {
		if status, _, stderr := isrluCommand(t, "predict "+file+" "+images+" --unit "+unit); status != exitUsage || !strings.Contains(stderr, "--unit: ") {
			t.Errorf("--unit %s: status %d, %s", unit, status, stderr)
		}
	}
}
