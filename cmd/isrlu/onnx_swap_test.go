package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/onnx"
)

const geluModel = "../../onnx/testdata/mlp_gelu.onnx"

func TestONNXInfoDescribesAModel(t *testing.T) {
	out := mustRun(t, "onnx info "+geluModel)
	for _, want := range []string{"pytorch 1.13.0", "ai.onnx 17", "input float32 [N, 12]", "571 of float32", "activation  function  count  nodes\ngelu        gelu          2  /1/Mul_1, /1_1/Mul_1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	var info onnx.Info
	if err := json.Unmarshal([]byte(mustRun(t, "onnx info --json "+geluModel)), &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Activations) != 1 || info.Activations[0].Count != 2 || info.Outputs[0].Name != "output" {
		t.Errorf("%+v", info)
	}
}

func TestONNXSwapWritesTheSwappedModel(t *testing.T) {
	for style, want := range map[string]string{"primitive": "isrlu       isrlu:3       2", "function": "function       isrlu.ISRLU", "custom": "isrlu.ISRLU 2"} {
		path := filepath.Join(t.TempDir(), "swapped.onnx")
		out := mustRun(t, "onnx swap "+geluModel+" --from Elu,Gelu --to isrlu:3 --style "+style+" -o "+path)
		if want := "node        from  to       nodes\n/1/Mul_1    gelu  isrlu:3      5\n/1_1/Mul_1  gelu  isrlu:3      5\n"; out != want {
			t.Errorf("prints\n%swant\n%s", out, want)
		}
		if info := mustRun(t, "onnx info "+path); !strings.Contains(info, want) {
			t.Errorf("%q is not in\n%s", want, info)
		}
		// In its own place, and again.
		mustRun(t, "onnx swap "+path+" --from isrlu --to relu -o "+path)
		if out := mustRun(t, "onnx swap "+path+" --node *Mul_1 --to relu -o "+path); !strings.Contains(out, "left alone: /1/Mul_1 (relu), it is relu already") {
			t.Errorf("again: %s", out)
		}
	}
}

func TestONNXSwapTakesFunctionsOfTwoParameters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "swapped.onnx")
	mustRun(t, "onnx swap "+geluModel+" --from gelu --to dyisru:2,0.5 -o "+path)
	if out := mustRun(t, "onnx swap "+path+" --from dyisru:2,0.5,elu --to relu --dry-run"); strings.Count(out, "dyisru:2,0.5") != 2 {
		t.Errorf("swapped back: %s", out)
	}
	if status, _, stderr := isrluCommand(t, "onnx swap "+path+" --from dyisru:2,0.6 --to relu --dry-run"); status != exitFailed || !strings.Contains(stderr, "no dyisru:2,0.6") {
		t.Errorf("another function: status %d, %s", status, stderr)
	}
}

func TestONNXSwapReportsAsJSONAndWritesNothingInADryRun(t *testing.T) {
	before, err := os.ReadDir(filepath.Dir(geluModel))
	if err != nil {
		t.Fatal(err)
	}
	var r onnx.SwapReport
	if err := json.Unmarshal([]byte(mustRun(t, "onnx swap "+geluModel+" --from gelu --node /1/* --to isru_sigmoid --dry-run --json")), &r); err != nil {
		t.Fatal(err)
	}
	if want := (onnx.Swapped{Node: "/1/Mul_1", From: "gelu", To: "isru_sigmoid:1", Nodes: 5}); len(r.Swapped) != 1 || r.Swapped[0] != want {
		t.Errorf("%+v", r)
	}
	after, err := os.ReadDir(filepath.Dir(geluModel))
	if err != nil || len(after) != len(before) {
		t.Errorf("%d files, were %d, %v", len(after), len(before), err)
	}
}

func TestBadONNXCommandLinesNameValueAndRemedy(t *testing.T) {
	const swap = "onnx swap " + geluModel
	for line, wants := range map[string][]string{
		"onnx info":                                                      {"model is missing"},
		"onnx info --format json x":                                      {"--format"},
		"onnx swap":                                                      {"model is missing"},
		swap + " --from gelu -o x":                                       {"--to", "isrlu:3"},
		swap + " --to isrlu -o x":                                        {"--from", "--node"},
		swap + " --from gelu --to isrlu":                                 {"-o", "--dry-run"},
		swap + " --from gelu --to isrlu -o x --dry-run":                  {"-o", "--dry-run"},
		swap + " --from gelou --to isrlu -o x":                           {`"gelou"`, "hard_swish"},
		swap + " --from gelu --to isrlu:0 -o x":                          {"alpha must be positive", "got 0"},
		swap + " --from gelu --to foo -o x":                              {`"foo"`, "isrlu, isru"},
		swap + " --from gelu --to isrlu --style mine -o x":               {`"mine"`, "primitive, function, custom"},
		swap + " --from gelu:1 --to isrlu --style primitive --dry-run":   {"gelu takes no parameters"},
		swap + " --from gelu --to isrlu --alpha 3 --dry-run":             {"--alpha"},
		swap + " --from gelu --to isrlu --dry-run --dry-run=maybe -o x ": {"maybe"},
	} {
		status, stdout, stderr := isrluCommand(t, line)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "isrlu: ") || strings.Contains(stderr, "onnx: ") {
			t.Errorf("isrlu %s: status %d, stdout %q, stderr %q", line, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("isrlu %s: %q does not say %q", line, stderr, want)
			}
		}
	}
}

func TestONNXFailuresNameTheRemedy(t *testing.T) {
	for line, wants := range map[string][]string{
		"onnx info nowhere.onnx":                                               {"nowhere.onnx"},
		"onnx info onnx_swap_test.go":                                          {"onnx_swap_test.go", "not an ONNX model"},
		"onnx swap " + geluModel + " --from elu --to isrlu --dry-run":          {"no elu in the model", "gelu (2)"},
		"onnx swap " + geluModel + " --from gelu --node x* --to isrlu -o x":    {`"x*"`, "isrlu onnx info"},
		"onnx swap " + geluModel + " --from gelu --to isrlu:1e37 -o x":         {"alpha = 1e+37", "float32"},
		"onnx swap " + geluModel + " --from gelu --to isrlu -o nowhere/x.onnx": {"nowhere/x.onnx"},
	} {
		status, stdout, stderr := isrluCommand(t, line)
		if status != exitFailed || stdout != "" || strings.Contains(stderr, "--help") {
			t.Errorf("isrlu %s: status %d, stdout %q, stderr %q", line, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("isrlu %s: %q does not say %q", line, stderr, want)
			}
		}
	}
}
