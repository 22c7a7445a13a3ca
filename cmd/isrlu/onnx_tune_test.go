package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/onnx"
)

// eluModel writes a small network with ELU that was trained on digits.
func eluModel(t *testing.T) string {
	t.Helper()
	dir, line := smallTraining(t)
	checkpoint, model := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "elu.onnx")
	mustRun(t, strings.Replace(line, "isrlu:3:learn", "elu", 1)+" -o "+checkpoint)
	mustRun(t, "onnx export "+checkpoint+" -o "+model)
	return model
}

const quickTune = " --from Elu --to isrlu:9 --train-images 120 --test-images 50 --batch 20 --lr 1e-4 --threads 1 --time 1us "

// mustTune runs onnx tune, of which so short a training may do harm.
func mustTune(t *testing.T, line string) string {
	t.Helper()
	status, stdout, stderr := isrluCommand(t, "onnx tune "+line)
	if status != exitOK || stderr != "" && (!strings.Contains(stderr, "training has made the error larger") || strings.Count(stderr, "\n") != 1) {
		t.Fatalf("isrlu onnx tune %s: status %d, %s", line, status, stderr)
	}
	return stdout
}

type tuneJSON struct {
	Stages []struct {
		Stage            string
		Accuracy         *float64
		Agreement, Error float64
	}
	Layers []onnx.TunedLayer
	Swap   onnx.SwapReport
	Times  []struct {
		Model, Runtime string
		Batch          int
		MS             *experiment.Spread
		Problem        string
	}
}

func parseTune(t *testing.T, out string) tuneJSON {
	t.Helper()
	var r tuneJSON
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func TestONNXTuneInEachFormat(t *testing.T) {
	noRuntime(t)
	model := eluModel(t)
	tuned := filepath.Join(t.TempDir(), "tuned.onnx")
	line := model + quickTune + "-o " + tuned
	out := mustTune(t, line)
	for _, want := range []string{"1 activations swapped", "accuracy", "agreement", "original   ", "swapped   ", "calibrated ", "epoch 1 ", "100.00%", "0.00%",
		"isrlu:9", "elu:1", "elu.onnx    isrlu", "tuned.onnx  isrlu", "The tuned model takes ", " of the original's time in isrlu."} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	first := readFile(t, tuned)
	if info := mustRun(t, "onnx info "+tuned); !strings.Contains(info, "isrlu:") || strings.Contains(info, "elu:1") {
		t.Errorf("the tuned model is\n%s", info)
	}

	r := parseTune(t, mustTune(t, line+" --format json"))
	var names []string
	for _, s := range r.Stages {
		names = append(names, s.Stage)
		if s.Accuracy == nil || *s.Accuracy < 0 || *s.Accuracy > 1 {
			t.Errorf("stage %+v", s)
		}
	}
	if got := strings.Join(names, ", "); got != "original, swapped, calibrated, epoch 1" {
		t.Errorf("stages %s", got)
	}
	if len(r.Layers) != 1 || r.Layers[0].From != "elu:1" || r.Layers[0].Tuned == "isrlu:9" || len(r.Swap.Swapped) != 1 {
		t.Errorf("layers %+v", r.Layers)
	}
	if len(r.Times) != 2 || r.Times[1].Model != "tuned.onnx" || r.Times[0].MS == nil || r.Times[0].Batch != 20 {
		t.Errorf("times %+v", r.Times)
	}
	if !bytes.Equal(readFile(t, tuned), first) {
		t.Error("the same command writes another model")
	}

	// CSV is the steps alone.
	rows, err := csv.NewReader(strings.NewReader(mustTune(t, line+" --format csv --no-bench --epochs 0 --calibration 0"))).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Equal(rows[0], []string{"stage", "accuracy", "agreement", "error"}) || rows[1][0] != "original" || rows[1][2] != "1" || rows[2][0] != "swapped" {
		t.Errorf("%v, %v", rows, err)
	}
	swapped := filepath.Join(t.TempDir(), "swapped.onnx")
	mustRun(t, "onnx swap "+model+" --from elu --to isrlu:9 -o "+swapped)
	if !bytes.Equal(readFile(t, swapped), readFile(t, tuned)) {
		t.Error("without calibration and epochs it is not what swap writes")
	}
	r = parseTune(t, mustTune(t, line+" --format json --no-bench --learn --style function --seed 3"))
	if r.Times != nil || r.Layers[0].Tuned == r.Layers[0].Calibrated {
		t.Errorf("%+v", r)
	}
	if info := mustRun(t, "onnx info "+tuned); !strings.Contains(info, "isrlu.ISRLU") {
		t.Errorf("the tuned model is\n%s", info)
	}
	// The model itself may be replaced, where its time is not wanted.
	mustTune(t, tuned+strings.Replace(quickTune, "--from Elu --to isrlu:9", "--from isrlu --to relu", 1)+"--no-bench -o "+tuned)
	if info := mustRun(t, "onnx info "+tuned); !strings.Contains(info, "relu        relu  ") || strings.Contains(info, "isrlu.ISRLU") {
		t.Errorf("the tuned model is\n%s", info)
	}
}

func TestONNXTuneOnFiles(t *testing.T) {
	noRuntime(t)
	model := eluModel(t)
	p := newPredicting(t)
	dir := t.TempDir()
	tuned, x, labels := filepath.Join(dir, "tuned.onnx"), filepath.Join(dir, "x.npy"), filepath.Join(dir, "y.npy")
	values, classes := make([]float32, 60*784), make([]float32, 60)
	for i := range values {
		values[i] = float32(p.test.Pixels[i])/255*3 - .4
	}
	for i := range classes {
		classes[i] = float32(p.test.Labels[i])
	}
	writeNPY(t, x, []int{60, 1, 28, 28}, values...)
	writeNPY(t, labels, []int{60}, classes...)
	line := model + " --from elu --to isrlu:9 --batch 9 --lr 1e-4 --no-bench --format json -o " + tuned

	// The last tenth is held out: 6 samples, whose accuracy is a sixth or several.
	r := parseTune(t, mustTune(t, line+" --inputs "+x+" --labels "+labels))
	if a := *r.Stages[0].Accuracy * 6; a != float64(int(a+.5)) {
		t.Errorf("the accuracy %v is not one of 6 samples", *r.Stages[0].Accuracy)
	}
	// The same samples as images, labels in IDX; with test samples of their own.
	r = parseTune(t, mustTune(t, line+" --inputs "+p.images+" --labels "+p.labels+" --test-inputs "+x+" --test-labels "+labels+" --mean 0.1333333 --std 0.3333333"))
	if a := *r.Stages[0].Accuracy * 60; a < 10 || a-float64(int(a+.5)) > 1e-9 {
		t.Errorf("the accuracy is %v", *r.Stages[0].Accuracy)
	}
	// Without labels there is no accuracy, in any format.
	out := mustTune(t, line+" --inputs "+x)
	if r = parseTune(t, out); strings.Contains(out, "accuracy") || len(r.Stages) != 4 || r.Stages[0].Accuracy != nil || !(r.Stages[1].Error > 0) {
		t.Errorf("%s", out)
	}
	text := mustTune(t, line+" --format table --inputs "+x)
	if !strings.Contains(text, "100.00%") || strings.Contains(text, "NaN") {
		t.Errorf("%s", text)
	}
	rows, err := csv.NewReader(strings.NewReader(mustTune(t, line+" --format csv --inputs "+x))).ReadAll()
	if err != nil || len(rows) != 5 || rows[1][1] != "" {
		t.Errorf("%v, %v", rows, err)
	}

	// What does not fit.
	one, wrong := filepath.Join(dir, "one.npy"), filepath.Join(dir, "wrong.npy")
	writeNPY(t, one, []int{1, 28, 28}, values[:784]...)
	writeNPY(t, wrong, []int{60}, slices.Repeat([]float32{11}, 60)...)
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+one, one, "1 samples", "at least 2")
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+x+" --labels "+wrong, wrong, "label 0 is 11", "10 classes")
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+x+" --labels "+one, one, "label 0")
	writeNPY(t, wrong, []int{59}, make([]float32, 59)...)
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+x+" --labels "+wrong, "59 labels for 60 samples", x, wrong)
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+labels, labels, "[60]", "[1 28 28]")
	mustFailPlainly(t, "onnx tune "+line+" --inputs "+x+" --test-inputs "+filepath.Join(dir, "none"), "none")
}

func TestONNXTuneUsageErrors(t *testing.T) {
	noRuntime(t)
	out := filepath.Join(t.TempDir(), "tuned.onnx")
	for flags, want := range map[string]string{
		"--from elu":                                                 "--output is missing",
		"-o " + out:                                                  "nothing says what to swap",
		"--from elou -o " + out:                                      `"elou"`,
		"--from elu --to isrlou -o " + out:                           `"isrlou"`,
		"--from elu --style plain -o " + out:                         "primitive, function, custom",
		"--from elu --calibration -1 -o " + out:                      "--calibration",
		"--from elu --epochs -1 -o " + out:                           "--epochs",
		"--from elu --batch 0 -o " + out:                             "--batch",
		"--from elu --threads -1 -o " + out:                          "--threads",
		"--from elu --lr 0 -o " + out:                                "--lr",
		"--from elu --lr NaN -o " + out:                              "--lr",
		"--from elu --train-images -1 -o " + out:                     "--train-images",
		"--from elu --learn --epochs 0 -o " + out:                    "--learn",
		"--from elu --labels y -o " + out:                            "--inputs is missing",
		"--from elu --inputs x --data mnist -o " + out:               "either --data",
		"--from elu --inputs x --test-images 5 -o " + out:            "either --data",
		"--from elu --inputs x --test-labels y -o " + out:            "--test-inputs is missing",
		"--from elu --inputs x --labels y --test-inputs z -o " + out: "labels of both",
		"--from elu --time 0s -o " + out:                             "0s",
		"--from elu --format xml -o " + out:                          "table, csv, json",
		"--from elu --std 0 -o " + out:                               "std more than 0",
		"--from gelu -o " + geluModel:                                "--no-bench",
	} {
		status, stdout, stderr := isrluCommand(t, "onnx tune "+geluModel+" "+flags)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q, %q", flags, status, stdout, stderr)
		}
	}
	mustBeAbsent(t, out)
}

// What would fail after the training fails before it.
func TestONNXTuneFailsEarly(t *testing.T) {
	noRuntime(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "tuned.onnx")
	long := "onnx tune " + geluModel + " --from gelu --epochs 10000 --inputs none.npy "
	begun := time.Now()
	mustFailPlainly(t, long+"-o "+out+" --onnxruntime "+dir, "--onnxruntime", dir, "npm install")
	mustFailPlainly(t, long+"-o "+filepath.Join(dir, "no", "tuned.onnx"), "cannot write", "tuned.onnx")
	mustFailPlainly(t, long+"-o "+dir, "cannot write", "not a regular file")
	mustFailPlainly(t, "onnx tune "+geluModel+" --from gelu -o "+out+" --train-images 10 --test-images 10", "12 values", "digits", "have 784", "--inputs")
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	mustBeAbsent(t, out)
	if os.Geteuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o777)
		mustFailPlainly(t, long+"-o "+out, "cannot write")
	}
}

func TestONNXTuneFailures(t *testing.T) {
	noRuntime(t)
	model := eluModel(t)
	out := filepath.Join(t.TempDir(), "tuned.onnx")
	mustFailPlainly(t, "onnx tune "+model+quickTune+"--lr 1e30 --no-bench -o "+out, "diverged in epoch 1", "lower rate")
	mustFailPlainly(t, "onnx tune "+model+strings.Replace(quickTune, "Elu", "Gelu", 1)+"-o "+out, "no Gelu in the model", "elu (1)")
	mustFailPlainly(t, "onnx tune "+model+strings.Replace(quickTune, "isrlu:9", "elu:1", 1)+"-o "+out, "nothing was swapped", "elu:1 already")
	mustBeAbsent(t, out)
	// An interrupt while it trains leaves nothing.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	var stdout, stderr strings.Builder
	status := execute(ctx, strings.Fields("onnx tune "+model+quickTune+"--epochs 10000 -o "+out), &stdout, &stderr)
	if status != exitInterrupted || stdout.String() != "" || stderr.String() != "isrlu: interrupted\n" {
		t.Errorf("status %d, %s, %s", status, stdout.String(), stderr.String())
	}
	mustBeAbsent(t, out)
	// A training that does harm says so.
	status, _, text := isrluCommand(t, "onnx tune "+model+quickTune+"--lr 0.3 --no-bench -o "+out)
	if status != exitOK || !strings.Contains(text, "isrlu: warning: training has made the error larger") || !strings.Contains(text, "--lr than 0.3") {
		t.Errorf("status %d, %s", status, text)
	}
}

func TestONNXTuneTellsWhatItLeaves(t *testing.T) {
	noRuntime(t)
	dir := t.TempDir()
	model, x, out := openModel(t, 2), filepath.Join(dir, "x.npy"), filepath.Join(dir, "out.onnx")
	values := make([]float32, 20*3*2)
	for i := range values {
		values[i] = float32(i%7) - 3
	}
	writeNPY(t, x, []int{20, 3, 2}, values...)
	status, _, stderr := isrluCommand(t, "onnx tune "+model+" --from relu --to isrlu --inputs "+x+" --shape 3,0 --lr 1e-4 --time 1us -o "+out)
	if status != exitOK || !strings.Contains(stderr, `isrlu: warning: output "h" is not compared and trained, only "y" is`) {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestONNXTuneMeasuresONNXRuntime(t *testing.T) {
	dir := runtimeFolder(t)
	noRuntime(t)
	model := eluModel(t)
	out := filepath.Join(t.TempDir(), "elu.onnx")
	r := parseTune(t, mustTune(t, model+quickTune+"--format json --onnxruntime "+dir+" -o "+out))
	if len(r.Times) != 4 || r.Times[0].Model != model || r.Times[3].Model != out || r.Times[1].Runtime != "ONNX Runtime" || r.Times[3].MS == nil {
		t.Errorf("times %+v", r.Times)
	}
	// A model for other runtimes has a problem there, and is written.
	status, text, stderr := isrluCommand(t, "onnx tune "+model+quickTune+"--style custom --onnxruntime "+dir+" -o "+out)
	if status != exitOK || !strings.Contains(stderr, "does not run in ONNX Runtime") || !strings.Contains(text, "In isrlu it takes ") {
		t.Errorf("status %d, %s, %s", status, text, stderr)
	}
}

func TestTimeVerdictOfWhatRan(t *testing.T) {
	ran := func(model, runtime string, ms float64) experiment.ModelTime {
		return experiment.ModelTime{Model: model, Runtime: runtime, MS: experiment.Spread{Median: ms}}
	}
	none := experiment.ModelTime{Model: "a", Runtime: experiment.OwnRuntime, Problem: "no"}
	for want, times := range map[string][]experiment.ModelTime{
		"The tuned model takes 0.50 of the original's time in isrlu.": {ran("a", "isrlu", 4), ran("a", "isrlu", 2)},
		"The tuned model takes 0.50 of the original's time in isrlu, 2.00 of the original's time in ONNX Runtime. In isrlu it takes 0.25 of the original's time in ONNX Runtime.": {
			ran("a", "isrlu", 4), ran("a", "ONNX Runtime", 8), ran("b", "isrlu", 2), ran("b", "ONNX Runtime", 16)},
		"No runtime runs both models.": {none, ran("b", "isrlu", 2)},
	} {
		if got := timeVerdict(times); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestONNXBenchInEachFormat(t *testing.T) {
	noRuntime(t)
	const relu, transformer = "../../onnx/testdata/mlp_relu.onnx", "../../onnx/testdata/transformer.onnx"
	line := "onnx bench --time 1us --batch 3 " + geluModel + " " + relu
	out := mustRun(t, line)
	for _, want := range []string{"go1.", "SIMD ", "model          runtime  batch", "mlp_gelu.onnx  isrlu", "mlp_relu.onnx  isrlu", "1.00\n", "samples/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(mustRun(t, line+" --format csv"))).ReadAll()
	if err != nil || len(rows) != 3 || strings.Join(rows[0], ",") != "model,runtime,batch,threads,ms,low,high,samples_per_s,of_first,problem" || rows[1][8] != "1" || rows[2][2] != "3" {
		t.Errorf("%v, %v", rows, err)
	}
	var v struct {
		Processor string
		Results   []map[string]any
	}
	status, stdout, stderr := isrluCommand(t, line+" "+transformer+" --format json")
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatal(err)
	}
	if status != exitOK || len(v.Results) != 3 || v.Processor == "" || v.Results[0]["problem"] != nil || v.Results[0]["ms"] == nil || v.Results[2]["ms"] != nil ||
		!strings.Contains(fmt.Sprint(v.Results[2]["problem"]), "Slice") || !strings.Contains(stderr, "transformer.onnx does not run in isrlu: ") {
		t.Errorf("status %d, %+v, %s", status, v, stderr)
	}
	// Nothing runs.
	status, _, stderr = isrluCommand(t, "onnx bench --time 1us "+transformer)
	if status != exitFailed || !strings.Contains(stderr, "no runtime runs transformer.onnx") {
		t.Errorf("status %d, %s", status, stderr)
	}
	// The first model's time is what others are relative to, also if it fails or has
	// the name of another.
	_, stdout, _ = isrluCommand(t, "onnx bench --time 1us --format csv "+transformer+" "+relu)
	if rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll(); err != nil || rows[2][8] != "" {
		t.Errorf("%v, %v", rows, err)
	}
	same := filepath.Join(t.TempDir(), "mlp_relu.onnx")
	if err := os.WriteFile(same, readFile(t, geluModel), 0o666); err != nil {
		t.Fatal(err)
	}
	rows, err = csv.NewReader(strings.NewReader(mustRun(t, "onnx bench --time 1us --format csv "+relu+" "+same))).ReadAll()
	if err != nil || rows[1][0] != relu || rows[2][0] != same || rows[1][8] != "1" {
		t.Errorf("%v, %v", rows, err)
	}
	if out := mustRun(t, "onnx bench --time 1us --shape 5,0 "+openModel(t, 1)); !strings.Contains(out, "open.onnx") {
		t.Errorf("%s", out)
	}
}

func TestONNXBenchErrors(t *testing.T) {
	noRuntime(t)
	for _, flags := range []string{"", geluModel + " --batch 0", geluModel + " --threads 0", geluModel + " --time 0s", geluModel + " --format xml", geluModel + " --shape a"} {
		if status, stdout, stderr := isrluCommand(t, "onnx bench "+flags); status != exitUsage || stdout != "" {
			t.Errorf("isrlu onnx bench %s: status %d, %s", flags, status, stderr)
		}
	}
	mustFailPlainly(t, "onnx bench missing.onnx", "missing.onnx")
	mustFailPlainly(t, "onnx bench "+geluModel+" --onnxruntime "+t.TempDir(), "npm install")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	if status := execute(ctx, strings.Fields("onnx bench "+geluModel), &out, &errs); status != exitInterrupted || out.String() != "" {
		t.Errorf("interrupted: status %d, %s", status, errs.String())
	}
}

func TestONNXBenchMeasuresONNXRuntime(t *testing.T) {
	dir := runtimeFolder(t)
	noRuntime(t)
	status, out, stderr := isrluCommand(t, "onnx bench --time 1us --batch 2 --format csv --onnxruntime "+dir+" "+geluModel+" ../../onnx/testdata/transformer.onnx ../../onnx/testdata/resnet_silu_fixed.onnx")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if status != exitOK || err != nil || len(rows) != 7 {
		t.Fatalf("status %d, %v, %v", status, rows, err)
	}
	if rows[2][1] != "ONNX Runtime" || rows[2][8] != "1" || rows[3][4] != "" || rows[4][4] == "" || !strings.Contains(rows[6][9], "fixed batch of 1") || rows[5][4] == "" {
		t.Errorf("%v", rows)
	}
	if !strings.Contains(stderr, "resnet_silu_fixed.onnx does not run in ONNX Runtime: the model has a fixed batch of 1") {
		t.Errorf("%s", stderr)
	}
}
