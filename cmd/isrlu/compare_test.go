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

const smallCompare = "compare --network mlp --train-images 300 --test-images 100 --epochs 2 --seeds 2 --activations isrlu,isrlu:3:learn,relu "

// runCompare runs a command line that must succeed, and returns the two outputs.
func runCompare(t *testing.T, line string) (stdout, stderr string) {
	t.Helper()
	status, stdout, stderr := isrluCommand(t, line)
	if status != exitOK {
		t.Fatalf("isrlu %s: status %d, %s", line, status, stderr)
	}
	return stdout, stderr
}

// readResult reads the file of a comparison.
func readResult(t *testing.T, path string) *experiment.Result {
	t.Helper()
	var r experiment.Result
	if err := json.Unmarshal(readFile(t, path), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestCompareWritesTableVerdictAndPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	out, lines := runCompare(t, smallCompare+"--out "+dir)
	for _, want := range []string{"mlp on digits, 300 + 100 images, 2 epochs of batches of 100, 2 seeds", "test accuracy %", "isrlu:3:learn", "Over 2 seeds", "inference takes", filepath.Join(dir, "report.html")} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(lines, "test accuracy"); n != 12 || !strings.Contains(lines, "isrlu:3:learn  seed 2  epoch 2/2  loss ") {
		t.Errorf("%d lines for 12 epochs:\n%s", n, lines)
	}
	if page := string(readFile(t, filepath.Join(dir, "report.html"))); !strings.Contains(page, "isrlu:3:learn") || !strings.Contains(page, "</html>") {
		t.Error("report.html is not whole")
	}
	r := readResult(t, filepath.Join(dir, "result.json"))
	if r.Interrupted || len(r.Runs) != 6 || len(r.Costs) != 3 || r.Settings.Threads < 1 || r.Environment.Version == "" {
		t.Errorf("%+v", r)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 2 {
		t.Errorf("%v: the folder holds %v", err, list)
	}
}

func TestCompareGivesTheSameNumbersOnAnyThreads(t *testing.T) {
	var first []byte
	for _, threads := range []string{"1", "1", "2"} {
		out, _ := runCompare(t, smallCompare+"--no-timing --format json --out= --threads "+threads)
		var r experiment.Result
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		for i := range r.Runs {
			for j := range r.Runs[i].Epochs {
				e := &r.Runs[i].Epochs[j]
				e.Seconds, e.ImagesPerSecond = 0, 0
			}
		}
		runs, err := json.Marshal(r.Runs)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = runs
		} else if string(first) != string(runs) {
			t.Errorf("--threads %s gives other numbers", threads)
		}
	}
}

func TestCompareReadsImagesRowByRow(t *testing.T) {
	dir := t.TempDir()
	line := "compare --task seq-digits --train-images 200 --test-images 100 --epochs 1 --activations isru,tanh/isru_sigmoid --out " + dir
	out, _ := runCompare(t, line)
	for _, want := range []string{"lstm on digits", "tanh/isru_sigmoid", "test accuracy %"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	r := readResult(t, filepath.Join(dir, "result.json"))
	if r.Settings.Task != "seq-digits" || r.Layers[0].Kind != "lstm" || len(r.Runs) != 2 || r.Runs[0].Digest == r.Runs[1].Digest {
		t.Errorf("result %+v", r.Settings)
	}
	for line, want := range map[string]string{
		"compare --task chess":                                       "seq-digits",
		"compare --task seq-digits --network conv3":                  "it has lstm, gru",
		"compare --task seq-digits --activations gelu":               "tanh and isru",
		"compare --network mlp --activations relu/tanh --out " + dir: "no recurrent layer",
	} {
		if status, _, stderr := isrluCommand(t, line+" --train-images 100 --test-images 100"); status == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("isrlu %s: status %d, %s", line, status, stderr)
		}
	}
}

func TestCompareAsCSV(t *testing.T) {
	out, _ := runCompare(t, smallCompare+"--no-timing --format csv --out=")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][0] != "activation" || rows[2][0] != "isrlu:3:learn" {
		t.Errorf("%v: %v", err, rows)
	}
}

// Ctrl-C ends a comparison with status 130; what is done is reported.
func TestInterruptedCompareReportsWhatIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	var out strings.Builder
	errs := &cancelAfter{line: "isrlu:3:learn  seed 1  epoch 2/2", cancel: cancel}
	status := execute(ctx, strings.Fields(smallCompare+"--out "+dir), &out, errs)
	if status != exitInterrupted || !strings.Contains(out.String(), "was interrupted") {
		t.Errorf("status %d:\n%s", status, out.String())
	}
	r := readResult(t, filepath.Join(dir, "result.json"))
	if !r.Interrupted || len(r.Runs) == 0 || !r.Runs[0].Complete() {
		t.Errorf("%+v", r)
	}
	if page := string(readFile(t, filepath.Join(dir, "report.html"))); !strings.Contains(page, "interrupted") {
		t.Error("the page does not say that it was interrupted")
	}
}

func TestBadComparisonsNameValueAndRemedy(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	network := filepath.Join(dir, "net.json")
	if err := os.WriteFile(network, []byte(`{"input": [28, 28, 1], "layers": [{"type": "activation"}, {"type": "dense", "units": 0}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, wants := range map[string][]string{
		"--activations foo":        {`"foo"`, "--activations"},
		"--activations isrlu:-1":   {"alpha must be positive", "-1"},
		"--activations relu:learn": {"relu", "no parameter"},
		"--activations ,":          {"no activation function"},
		"--activations relu,relu":  {`"relu"`, "twice"},
		"--seeds 0":                {"--seeds", "0"},
		"--seeds 5000":             {"--seeds", "5000"},
		"--target 98":              {"target", "98"},
		"--epochs 0":               {"epochs", "0"},
		"--threads 99999":          {"threads", "99999"},
		"--network none.json":      {`"none.json"`, "conv4", "file"},
		"--format xml":             {`"xml"`, "csv"},
		"--data cifar":             {`"cifar"`, "mnist"},
		"extra":                    {`"extra"`},
	} {
		status, stdout, stderr := isrluCommand(t, "compare --out "+filepath.Join(dir, "out")+" "+flags)
		if status != exitUsage || stdout != "" {
			t.Errorf("%s: status %d, %q, %q", flags, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q does not say %q", flags, stderr, want)
			}
		}
	}
	for flags, wants := range map[string][]string{
		"--network " + network: {network, "layer 2 (dense)", "units"},
		"--out " + file:        {"--out", file},
		"--network mlp --data mnist --data-dir " + dir: {dir, "mnist"},
	} {
		status, stdout, stderr := isrluCommand(t, "compare --train-images 100 --test-images 50 "+flags)
		if status != exitFailed || stdout != "" {
			t.Errorf("%s: status %d, %q, %q", flags, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q does not say %q", flags, stderr, want)
			}
		}
	}
	if text := string(readFile(t, file)); text != "mine" {
		t.Errorf("the file in the way holds %q", text)
	}
}
