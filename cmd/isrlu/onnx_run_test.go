package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/internal/ort"
)

const (
	tokenModel = "../../onnx/testdata/lstm_tokens.onnx"
	stepsModel = "../../onnx/testdata/gru_all.onnx" // time steps first
)

func writeNPY(t *testing.T, path string, dims []int, values ...float32) {
	t.Helper()
	var b bytes.Buffer
	if err := data.WriteNPY(&b, dims, values); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readNPY(t *testing.T, path string) *data.Array {
	t.Helper()
	a, err := data.ReadNPY(bytes.NewReader(readFile(t, path)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// noRuntime takes ONNX Runtime out of the environment.
func noRuntime(t *testing.T) { t.Setenv(ort.Variable, "") }

// runtimeFolder is the folder of ONNX Runtime; the test is skipped where there is
// none.
func runtimeFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(ort.Variable)
	if dir == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", ort.Variable)
	}
	return dir
}

// mustBeAbsent fails if a file is there, or one that a writer has left beside it.
func mustBeAbsent(t *testing.T, path string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".isrlu*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(list, hidden...) {
		if strings.HasPrefix(name, path) || strings.Contains(name, ".isrlu") {
			t.Errorf("%s is there", name)
		}
	}
}

// A runLine is a line of onnx run.
type runLine struct {
	File   string
	Index  int
	Class  *int
	Label  string
	Output []float32
}

func runLines(t *testing.T, out string) []runLine {
	t.Helper()
	var list []runLine
	for line := range strings.Lines(out) {
		var r runLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func close32(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
}

// The exported model gives what predict does for images, arrays and batches.
func TestONNXRunOfImagesAndArraysAgree(t *testing.T) {
	p := newPredicting(t)
	noRuntime(t)
	dir := t.TempDir()
	model := filepath.Join(dir, "model.onnx")
	mustRun(t, "onnx export "+p.checkpoint+" -o "+model+" --softmax")
	want := lines(t, mustRun(t, "predict "+p.checkpoint+" "+p.images))

	got := runLines(t, mustRun(t, "onnx run --batch 7 "+model+" "+p.images))
	if len(got) != 60 {
		t.Fatalf("%d lines", len(got))
	}
	for i, r := range got {
		if r.File != p.images || r.Index != i || r.Class == nil || *r.Class != want[i].Class || r.Label != want[i].Label || !close32(r.Output, want[i].Probabilities) {
			t.Errorf("sample %d: %+v, predict has %+v", i, r, want[i])
		}
	}
	// The same as a PNG, and as arrays in ONNX's order that are normalized.
	picture := filepath.Join(dir, "0.png")
	writePNG(t, picture, &image.Gray{Pix: p.test.At(0), Stride: 28, Rect: image.Rect(0, 0, 28, 28)})
	_, metadata := readONNX(t, model)
	var mean, std float32
	if _, err := fmt.Sscan(metadata["mean"]+" "+metadata["std"], &mean, &std); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*784)
	for i := range x {
		x[i] = (float32(p.test.Pixels[i])/255 - mean) / std
	}
	one, batch := filepath.Join(dir, "one.npy"), filepath.Join(dir, "batch.npy")
	writeNPY(t, one, []int{1, 28, 28}, x[:784]...)
	writeNPY(t, batch, []int{3, 1, 28, 28}, x...)
	list := runLines(t, mustRun(t, "onnx run "+model+" "+picture+" "+batch+" "+one))
	if len(list) != 5 {
		t.Fatalf("%d lines", len(list))
	}
	for i, k := range []int{0, 0, 1, 2, 0} {
		if !close32(list[i].Output, want[k].Probabilities) {
			t.Errorf("line %d is not that of image %d: %+v", i, k, list[i])
		}
	}
	if list[2].Index != 1 || list[2].File != batch || list[4].File != one || list[4].Index != 0 {
		t.Errorf("lines %+v", list)
	}
	// Flags are taken in place of the metadata.
	status, out, _ := isrluCommand(t, fmt.Sprintf("onnx run %s %s --mean %v --std %v", model, picture, mean, std))
	if status != exitOK || !close32(runLines(t, out)[0].Output, want[0].Probabilities) {
		t.Errorf("status %d, %s", status, out)
	}
	if other := runLines(t, mustRun(t, "onnx run "+model+" "+picture+" --mean 0 --std 3"))[0]; close32(other.Output, want[0].Probabilities) {
		t.Error("--mean and --std change nothing")
	}
	// As one array.
	y := filepath.Join(dir, "y.npy")
	if out := mustRun(t, "onnx run "+model+" "+batch+" "+one+" -o "+y); out != "" {
		t.Errorf("it prints %s", out)
	}
	a := readNPY(t, y)
	if !slices.Equal(a.Dims, []int{4, 10}) || !close32(a.Values[10:20], want[1].Probabilities) || !close32(a.Values[30:], want[0].Probabilities) {
		t.Errorf("array %v", a.Dims)
	}
	// Accuracy.
	correct := 0
	for i, r := range got {
		if *r.Class == int(p.test.Labels[i]) {
			correct++
		}
	}
	status, _, stderr := isrluCommand(t, "onnx run "+model+" "+p.images+" --labels "+p.labels)
	if text := fmt.Sprintf(": %d of 60\n", correct); status != exitOK || !strings.HasSuffix(stderr, text) || !strings.HasPrefix(stderr, "accuracy ") {
		t.Errorf("status %d, %q does not say %q", status, stderr, text)
	}
	many := filepath.Join(dir, "many.npy")
	writeNPY(t, many, []int{60}, slices.Repeat([]float32{10}, 60)...)
	mustFailPlainly(t, "onnx run "+model+" "+p.images+" --labels "+many, many, "label 0 is 10", "10 classes")
	mustFailPlainly(t, "onnx run "+model+" "+batch+" --labels "+p.labels, p.labels, "60 labels for 3 samples")
	writeNPY(t, many, []int{60}, slices.Repeat([]float32{.5}, 60)...)
	mustFailPlainly(t, "onnx run "+model+" "+p.images+" --labels "+many, many, "label 0 is 0.5")
	if status, _, stderr := isrluCommand(t, "onnx run "+model+" "+picture+" --mean 0,0"); status != exitUsage || !strings.Contains(stderr, "--mean has 2 numbers") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestONNXRunTakesMeansOfChannels(t *testing.T) {
	noRuntime(t)
	dir := t.TempDir()
	const model = "../../onnx/testdata/vgg_relu.onnx" // 3 x 8 x 8
	m := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	x := make([]float32, 3*64)
	for i := range 64 {
		for c := range 4 {
			m.Pix[4*i+c] = 255
			if c < 3 {
				m.Pix[4*i+c] = uint8(i * (c + 1))
				x[c*64+i] = (float32(m.Pix[4*i+c])/255 - []float32{.5, .4, .3}[c]) / []float32{.2, .25, .5}[c]
			}
		}
	}
	picture, array := filepath.Join(dir, "a.png"), filepath.Join(dir, "a.npy")
	writePNG(t, picture, m)
	writeNPY(t, array, []int{3, 8, 8}, x...)
	out := runLines(t, mustRun(t, "onnx run "+model+" "+picture+" "+array+" --mean 0.5,0.4,0.3 --std 0.2,0.25,0.5"))
	if len(out) != 2 || !close32(out[0].Output, out[1].Output) {
		t.Errorf("%+v", out)
	}
}

func TestONNXRunOfSequences(t *testing.T) {
	noRuntime(t)
	dir := t.TempDir()
	// Steps stand first in the model, samples in files.
	y := filepath.Join(dir, "y.npy")
	mustRun(t, "onnx run "+stepsModel+" --random 5 -o "+y)
	if a := readNPY(t, y); !slices.Equal(a.Dims, []int{5, 7, 4}) {
		t.Errorf("the output is %v", a.Dims)
	}
	for _, r := range runLines(t, mustRun(t, "onnx run "+stepsModel+" --random 2")) {
		if r.Class != nil || len(r.Output) != 28 || r.File != "random" {
			t.Errorf("line %+v", r)
		}
	}
	tokens := filepath.Join(dir, "tokens.npy")
	writeNPY(t, tokens, []int{2, 7}, 0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 0)
	if out := runLines(t, mustRun(t, "onnx run "+tokenModel+" "+tokens)); len(out) != 2 {
		t.Errorf("%+v", out)
	}
	for _, bad := range []float32{-1, 1e6, .5, float32(math.NaN())} {
		writeNPY(t, tokens, []int{7}, 0, 1, bad, 3, 4, 5, 6)
		mustFailPlainly(t, "onnx run "+tokenModel+" "+tokens, tokens, "value 2 is", "whole numbers below")
	}
	picture := filepath.Join(dir, "a.png")
	writePNG(t, picture, image.NewGray(image.Rect(0, 0, 7, 1)))
	mustFailPlainly(t, "onnx run "+tokenModel+" "+picture, picture, "no images", ".npy")
}

// openModel writes a model that leaves the time steps open and has two outputs.
func openModel(t *testing.T, weight float32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "open.onnx")
	writeOpenModel(t, path, weight)
	return path
}

func TestONNXRunOfOpenShapesAndOtherOutputs(t *testing.T) {
	noRuntime(t)
	model, dir := openModel(t, 2), t.TempDir()
	x := filepath.Join(dir, "x.npy")
	writeNPY(t, x, []int{1, 3, 2}, 1, -2, 3, -4, 5, -6)
	mustFailPlainly(t, "onnx run "+model+" "+x, model, `"x" is open`)
	mustFailPlainly(t, "onnx run "+model+" "+x+" --shape 4,2", x, "[1 3 2]", "[4 2]")
	out := runLines(t, mustRun(t, "onnx run "+model+" "+x+" --shape 3,0"))
	if len(out) != 1 || !slices.Equal(out[0].Output, []float32{2, 0, 6, 0, 10, 0}) {
		t.Errorf("%+v", out)
	}
	out = runLines(t, mustRun(t, "onnx run "+model+" "+x+" --shape 3,2 --output-name h"))
	if len(out) != 1 || !slices.Equal(out[0].Output, []float32{2, -4, 6, -8, 10, -12}) {
		t.Errorf("%+v", out)
	}
	mustFailPlainly(t, "onnx run "+model+" "+x+" --shape 3,2 --output-name z", model, `no output "z"`)
	// Outputs that are not finite are an error, but can be written.
	writeNPY(t, x, []int{2, 1, 2}, 1, 2, 3e38, 1)
	status, stdout, stderr := isrluCommand(t, "onnx run "+model+" "+x+" --shape 1,2")
	if status != exitFailed || len(runLines(t, stdout)) != 1 || !strings.Contains(stderr, "sample 1 of "+x) || !strings.Contains(stderr, "-o") {
		t.Errorf("status %d, %s, %s", status, stdout, stderr)
	}
	y := filepath.Join(dir, "y.npy")
	mustRun(t, "onnx run "+model+" "+x+" --shape 1,2 -o "+y)
	if a := readNPY(t, y); !slices.Equal(a.Dims, []int{2, 1, 2}) || !math.IsInf(float64(a.Values[2]), 1) {
		t.Errorf("%+v", a)
	}
	mustFailPlainly(t, "onnx run "+model+" "+x+" --shape 1,2 --labels "+x, "--labels", "not a list of classes")
}

func TestONNXRunErrors(t *testing.T) {
	noRuntime(t)
	dir := t.TempDir()
	x := filepath.Join(dir, "x.npy")
	writeNPY(t, x, []int{12}, make([]float32, 12)...)
	for _, line := range []string{
		"onnx run", "onnx run " + geluModel, "onnx run " + geluModel + " " + x + " --random 3", "onnx run " + geluModel + " --random -1",
		"onnx run " + geluModel + " --random 3 --labels " + x, "onnx run " + geluModel + " " + x + " --batch 0", "onnx run " + geluModel + " " + x + " --threads -1",
		"onnx run " + geluModel + " " + x + " --std 0", "onnx run " + geluModel + " " + x + " --mean NaN", "onnx run " + geluModel + " " + x + " --std 1,-1",
		"onnx run " + geluModel + " " + x + " --shape a",
	} {
		if status, stdout, stderr := isrluCommand(t, line); status != exitUsage || stdout != "" {
			t.Errorf("isrlu %s: status %d, %s", line, status, stderr)
		}
	}
	y := filepath.Join(dir, "none", "y.npy")
	mustFailPlainly(t, "onnx run "+geluModel+" "+x+" -o "+y, "cannot write", y)
	mustFailPlainly(t, "onnx run "+geluModel+" "+x+" -o "+dir, dir, "not a regular file")
	mustFailPlainly(t, "onnx run "+geluModel+" "+filepath.Join(dir, "missing.npy"), "missing.npy")
	mustFailPlainly(t, "onnx run "+x+" "+x, x)
	y = filepath.Join(dir, "y.npy")
	mustFailPlainly(t, "onnx run "+geluModel+" "+x+" --onnxruntime "+dir+" -o "+y, "--onnxruntime", dir, "npm install")
	mustBeAbsent(t, y)
	for name, dims := range map[string][]int{"wrong.npy": {13}, "flat.npy": {2, 2, 12}, "none.npy": {0, 12}} {
		file := filepath.Join(dir, name)
		n := 1
		for _, d := range dims {
			n *= d
		}
		writeNPY(t, file, dims, make([]float32, n)...)
		mustFailPlainly(t, "onnx run "+geluModel+" "+file+" -o "+y, file, fmt.Sprint(dims), "[12]")
	}
	mustBeAbsent(t, y)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	if status := execute(ctx, strings.Fields("onnx run "+geluModel+" "+x+" -o "+y), &out, &errs); status != exitInterrupted {
		t.Errorf("interrupted: status %d, %s", status, errs.String())
	}
	mustBeAbsent(t, y)
	// Metadata that are no numbers name the remedy.
	model := openModel(t, 1)
	setMetadata(t, model, "std", "wide")
	mustFailPlainly(t, "onnx run "+model+" "+x+" --shape 6,2", `"wide"`, "--std")
	setMetadata(t, model, "std", "0")
	mustFailPlainly(t, "onnx run "+model+" "+x+" --shape 6,2", `"0"`, "--std")
	if _, err := os.Stat(y); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestONNXRunComparesWithONNXRuntime(t *testing.T) {
	dir := runtimeFolder(t)
	noRuntime(t)
	for _, model := range []string{geluModel, stepsModel, tokenModel, "../../onnx/testdata/resnet_silu_fixed.onnx"} {
		status, stdout, stderr := isrluCommand(t, "onnx run "+model+" --random 3 --onnxruntime "+dir)
		if status != exitOK || len(runLines(t, stdout)) != 3 || !strings.HasPrefix(stderr, "largest difference from ONNX Runtime: ") {
			t.Errorf("%s: status %d, %s", model, status, stderr)
		}
	}
	// By the environment.
	t.Setenv(ort.Variable, dir)
	if status, _, stderr := isrluCommand(t, "onnx run "+geluModel+" --random 3"); status != exitOK || !strings.Contains(stderr, "ONNX Runtime") {
		t.Errorf("status %d, %s", status, stderr)
	}
}
