package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/nn"
)

// predicting trains a small network and writes its test images and labels.
type predicting struct {
	checkpoint, images, zipped, labels string
	test                               *data.Images
}

func newPredicting(t *testing.T) predicting {
	t.Helper()
	dir, line := smallTraining(t)
	p := predicting{
		checkpoint: filepath.Join(dir, "a.safetensors"),
		images:     filepath.Join(dir, "images"), zipped: filepath.Join(dir, "images.gz"), labels: filepath.Join(dir, "labels"),
	}
	mustRun(t, line+" -o "+p.checkpoint)
	set, err := data.Load(t.Context(), "digits", data.Options{Train: 290, Test: 60})
	if err != nil {
		t.Fatal(err)
	}
	_, p.test = set.Images()
	writeIDX(t, p.images, []int{60, 28, 28}, p.test.Pixels)
	writeIDX(t, p.labels, []int{60}, p.test.Labels)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(readFile(t, p.images)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.zipped, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return p
}

func writeIDX(t *testing.T, path string, dims []int, values []uint8) {
	t.Helper()
	var b bytes.Buffer
	if err := data.WriteIDX(&b, dims, values); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, out string) []prediction {
	t.Helper()
	var list []prediction
	for line := range strings.Lines(out) {
		var p prediction
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestPredictionsOfAllFormatsAgree(t *testing.T) {
	p := newPredicting(t)
	plain := mustRun(t, "predict "+p.checkpoint+" "+p.images)
	zipped := mustRun(t, "predict --batch 7 --threads 2 "+p.checkpoint+" "+p.zipped)
	if strings.ReplaceAll(zipped, p.zipped, p.images) != plain {
		t.Error("the compressed file gives other predictions")
	}
	list := lines(t, plain)
	if len(list) != 60 {
		t.Fatalf("%d predictions", len(list))
	}
	correct := 0
	for i, v := range list {
		var sum float32
		for _, q := range v.Probabilities {
			sum += q
		}
		if v.File != p.images || v.Index != i || v.Label != fmt.Sprint(v.Class) || len(v.Probabilities) != 10 || sum < .999 || sum > 1.001 {
			t.Errorf("prediction %d is %+v", i, v)
		}
		if v.Class == int(p.test.Labels[i]) {
			correct++
		}
	}
	status, _, stderr := isrluCommand(t, "predict --labels "+p.labels+" "+p.checkpoint+" "+p.images)
	if want := fmt.Sprintf("%d of 60", correct); status != exitOK || !strings.Contains(stderr, want) {
		t.Errorf("status %d, %q does not say %q", status, stderr, want)
	}
	// The first image as a gray, a colour and a paletted PNG.
	gray := &image.Gray{Pix: p.test.At(0), Stride: 28, Rect: image.Rect(0, 0, 28, 28)}
	rgb, paletted := image.NewNRGBA(gray.Rect), image.NewPaletted(gray.Rect, nil)
	for v := range 256 {
		paletted.Palette = append(paletted.Palette, color.Gray{uint8(v)})
	}
	for y := range 28 {
		for x := range 28 {
			rgb.Set(x, y, gray.At(x, y))
			paletted.Set(x, y, gray.At(x, y))
		}
	}
	for name, m := range map[string]image.Image{"gray.png": gray, "rgb.png": rgb, "paletted.png": paletted} {
		file := filepath.Join(t.TempDir(), name)
		writePNG(t, file, m)
		got := lines(t, mustRun(t, "predict --top 3 "+p.checkpoint+" "+file))[0]
		if len(got.Top) != 3 || got.Probabilities != nil || got.File != file || got.Index != 0 || got.Class != list[0].Class ||
			got.Top[0].Class != got.Class || got.Top[0].Probability != list[0].Probabilities[got.Class] {
			t.Errorf("%s: %+v, expected %+v", name, got, list[0])
		}
	}
}

func TestPredictErrorsNameTheFile(t *testing.T) {
	p := newPredicting(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	writeIDX(t, file("wide"), []int{2, 28, 30}, make([]uint8, 2*28*30))
	writeIDX(t, file("colour"), []int{1, 28, 28, 3}, make([]uint8, 28*28*3))
	writeIDX(t, file("few"), []int{2}, []uint8{1, 2})
	writeIDX(t, file("wrong"), []int{60}, bytes.Repeat([]byte{77}, 60))
	writePNG(t, file("large.png"), image.NewGray(image.Rect(0, 0, 32, 28)))
	writePNG(t, file("whole.png"), image.NewGray(image.Rect(0, 0, 28, 28)))
	whole := readFile(t, file("whole.png"))
	for name, content := range map[string][]byte{
		"text": []byte("hello"), "empty": nil, "cut.png": whole[:len(whole)-20], "short.png": whole[:12],
		"cut.idx": readFile(t, p.images)[:1000], "cut.gz": readFile(t, p.zipped)[:1000],
	} {
		if err := os.WriteFile(file(name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"wide": "28x30 (height x width), the network takes 28x28", "colour": "3 channels", "few": "dimensions",
		"large.png": "28x32 (height x width), the network takes 28x28", "cut.png": "not a whole PNG", "short.png": "truncated",
		"text": "neither IDX", "empty": "neither IDX", "cut.idx": "truncated", "cut.gz": "truncated", "none": "none",
	} {
		mustFailPlainly(t, "predict "+p.checkpoint+" "+p.images+" "+file(name), file(name), want)
	}
	mustFailPlainly(t, "predict --labels "+file("few")+" "+p.checkpoint+" "+p.images, file("few"), "2 labels for 60 images")
	mustFailPlainly(t, "predict --labels "+file("wrong")+" "+p.checkpoint+" "+p.images, file("wrong"), "label 0 is 77")
	mustFailPlainly(t, "predict --labels "+p.images+" "+p.checkpoint+" "+p.images, p.images, "1 dimension")
	for _, line := range []string{"predict", "predict " + p.checkpoint, "predict a b --top -1", "predict a b --batch 0", "predict a b --threads -1"} {
		if status, _, stderr := isrluCommand(t, line); status != exitUsage {
			t.Errorf("%s: status %d, %s", line, status, stderr)
		}
	}
}

// mustFailPlainly runs a command line that must fail, with an error that has all
// the words and no trace of the stack.
func mustFailPlainly(t *testing.T, line string, words ...string) {
	t.Helper()
	status, stdout, stderr := isrluCommand(t, line)
	if status != exitFailed || stdout != "" || strings.Contains(stderr, "goroutine") || strings.Contains(stderr, "isrlu: isrlu:") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("isrlu %s: status %d, %q, %q", line, status, stdout, stderr)
	}
	for _, word := range words {
		if !strings.Contains(stderr, word) {
			t.Errorf("isrlu %s: %q does not say %q", line, stderr, word)
		}
	}
}

func TestDamagedCheckpointsFailPlainly(t *testing.T) {
	p := newPredicting(t)
	whole := readFile(t, p.checkpoint)
	bad := filepath.Join(t.TempDir(), "bad.safetensors")
	for i := range 12 {
		content := bytes.Clone(whole)
		if i < 6 {
			content = content[:len(content)*i/6]
		} else {
			content[len(content)*(i-6)/6] ^= 4
		}
		if err := os.WriteFile(bad, content, 0o666); err != nil {
			t.Fatal(err)
		}
		mustFailPlainly(t, "predict "+bad+" "+p.images, bad)
		mustFailPlainly(t, "train --resume -o "+bad, bad)
		if !bytes.Equal(readFile(t, bad), content) {
			t.Errorf("damage %d: train replaced the file that it could not read", i)
		}
	}
	mustFailPlainly(t, "predict "+filepath.Join(t.TempDir(), "none")+" "+p.images, "none")
	mustFailPlainly(t, "train -o "+filepath.Join(t.TempDir(), "none", "a")+" --train-images 10 --test-images 10", "none")
}

// A training that diverges fails with advice and leaves the last checkpoint.
func TestDivergedTrainingSaysWhatToTry(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	status, _, stderr := isrluCommand(t, line+" --schedule constant --lr 1e38 -o "+file)
	if status != exitFailed {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"diverged", "--lr than 1e+38", "--clip-norm", file} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q does not say %q", stderr, want)
		}
	}
	if _, err := loadPredictor(file, nn.Options{Inference: true}); err != nil {
		t.Error(err)
	}
}
