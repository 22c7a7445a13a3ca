package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/nn"
)

// smallNetwork has all that a checkpoint keeps, and trains in no time.
const smallNetwork = `{
  "name": "small", "input": [28, 28, 1],
  "layers": [
    {"type": "conv2d", "filters": 4, "kernel": 5, "stride": 3},
    {"type": "batch_norm"},
    {"type": "activation"},
    {"type": "dropout", "rate": 0.1},
    {"type": "flatten"},
    {"type": "dense", "units": 10}
  ]
}`

// smallTraining returns a folder with a network's file and the command line that
// trains it for three epochs of 15 steps.
func smallTraining(t *testing.T) (dir, line string) {
	t.Helper()
	dir = t.TempDir()
	file := filepath.Join(dir, "net.json")
	if err := os.WriteFile(file, []byte(smallNetwork), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir, "train --network " + file + " --activation isrlu:3:learn --train-images 290 --test-images 60 --batch 20 --epochs 3 --threads 1"
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTrainingPrintsALineForEachEpochAndSaves(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	out := mustRun(t, line+" -o "+file)
	for _, want := range []string{"isrlu:3:learn", "1 parameters", "290 + 60", "3 epochs of 15 steps", "epoch 1/3  loss ", "epoch 3/3", "test accuracy", "images/s", file} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "\nepoch "); n != 3 {
		t.Errorf("%d lines about epochs, expected 3:\n%s", n, out)
	}
	trainer, metadata, err := nn.Resume[float32](file, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Model().Close()
	if trainer.Steps() != 45 || metadata[metaImage] != "[28,28,1]" || metadata[metaMean] == "" || metadata[metaStd] == "" || !strings.HasPrefix(metadata[metaClasses], `["0","1"`) {
		t.Errorf("step %d, metadata %v", trainer.Steps(), metadata)
	}
	again := filepath.Join(dir, "b.safetensors")
	mustRun(t, strings.Replace(line, "--threads 1", "--threads 3", 1)+" --save-every 4 --save-every-epoch=false -o "+again)
	if !bytes.Equal(readFile(t, file), readFile(t, again)) {
		t.Error("the same training on other threads gives another file")
	}
	if out := mustRun(t, "train --resume -o "+file); !strings.Contains(out, "trained already") {
		t.Errorf("resumed at the end:\n%s", out)
	}
}

// An interruption saves; what goes on from there ends with the same bytes.
func TestInterruptedTrainingGoesOnWithTheSameBits(t *testing.T) {
	dir, line := smallTraining(t)
	whole, file := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.safetensors")
	mustRun(t, line+" -o "+whole)
	ctx, cancel := context.WithCancel(t.Context())
	watch := &cancelAfter{line: "epoch 1/3", cancel: cancel}
	var errs strings.Builder
	status := execute(ctx, strings.Fields(line+" -o "+file), watch, &errs)
	if status != exitInterrupted || !strings.Contains(errs.String(), "saved "+file+" at step 15 of 45; go on with --resume\n") || !strings.HasSuffix(errs.String(), "isrlu: interrupted\n") {
		t.Errorf("status %d, %q", status, errs.String())
	}
	if out := mustRun(t, "train --resume --threads 2 -o "+file); !strings.Contains(out, "goes on at step 15 of 45, in epoch 2") {
		t.Errorf("resumed:\n%s", out)
	}
	if !bytes.Equal(readFile(t, whole), readFile(t, file)) {
		t.Error("the interrupted training ends with other bytes")
	}
}

// cancelAfter is a writer that cancels when a line has been written.
type cancelAfter struct {
	line   string
	cancel func()
}

func (c *cancelAfter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.line) {
		c.cancel()
	}
	return len(p), nil
}

func TestConstantScheduleTakesMoreEpochs(t *testing.T) {
	dir, line := smallTraining(t)
	whole, file := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.safetensors")
	line += " --schedule constant --lr 0.001 --optimizer adamw"
	mustRun(t, line+" -o "+whole)
	mustRun(t, strings.Replace(line, "--epochs 3", "--epochs 2", 1)+" -o "+file)
	mustRun(t, "train --resume --epochs 3 -o "+file)
	if !bytes.Equal(readFile(t, whole), readFile(t, file)) {
		t.Error("two epochs and one more are not three")
	}
}

func TestResumeRefusesOtherSettings(t *testing.T) {
	dir, line := smallTraining(t)
	file := filepath.Join(dir, "a.safetensors")
	line += " -o " + file
	mustRun(t, line)
	before := readFile(t, file)
	mustRun(t, line+" --resume")
	for flag, wants := range map[string][]string{
		"--lr 0.5":              {"--lr 0.5", "0.003"},
		"--batch 7":             {"--batch 7", "20"},
		"--epochs 4":            {"--epochs 4", "3"},
		"--seed 9":              {"--seed 9"},
		"--activation elu":      {"--activation elu", "isrlu:3:learn"},
		"--network conv3":       {"--network conv3", "net.json"},
		"--optimizer sgd":       {"--optimizer sgd", "adam"},
		"--schedule cosine":     {"--schedule cosine", "exponential"},
		"--weight-decay 1":      {"--weight-decay 1"},
		"--clip-norm 2":         {"--clip-norm 2"},
		"--train-images 100":    {"--train-images 100", "290"},
		"--data fashion-mnist":  {"--data fashion-mnist", "digits"},
		"--final-lr 0.00000001": {"--final-lr 1e-08"},
	} {
		status, _, stderr := isrluCommand(t, "train --resume -o "+file+" "+flag)
		if status != exitUsage {
			t.Errorf("%s: status %d, %s", flag, status, stderr)
		}
		for _, want := range append(wants, file, "differs") {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q does not say %q", flag, stderr, want)
			}
		}
	}
	status, _, stderr := isrluCommand(t, line)
	if status != exitUsage || !strings.Contains(stderr, "--resume") || !strings.Contains(stderr, "--force") || !strings.Contains(stderr, file) {
		t.Errorf("without --resume: status %d, %s", status, stderr)
	}
	if !bytes.Equal(readFile(t, file), before) {
		t.Error("the checkpoint changed")
	}
	mustRun(t, line+" --force")
	if !bytes.Equal(readFile(t, file), before) {
		t.Error("the same training with --force gives another file")
	}
}

func TestBadTrainingCommandLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.safetensors")
	for flags, wants := range map[string][]string{
		"--network nets":    {`"nets"`, "mlp"},
		"--activation foo":  {"--activation", `"foo"`},
		"--data imagenet":   {`"imagenet"`, "fashion-mnist"},
		"--optimizer adan":  {`"adan"`, "adamw"},
		"--schedule step":   {`"step"`, "cosine"},
		"--lr 0":            {"got 0"},
		"--lr NaN":          {"NaN"},
		"--final-lr 0":      {"got 0"},
		"--epochs 0":        {"epochs", "got 0"},
		"--batch -1":        {"batch", "-1"},
		"--threads -2":      {"threads", "-2"},
		"--save-every -3":   {"--save-every", "-3"},
		"--train-images -3": {"training", "-3"},
		"--weight-decay -1": {"weight decay", "-1"},
		"--clip-norm Inf":   {"clip norm", "Inf"},
		"--resume --force":  {"--resume", "--force"},
		"--seed x":          {`"x"`},
		"extra":             {`"extra"`},
		"--epochs 100000 --batch 1 --train-images 22000": {"100000 epochs", "fewer"},
	} {
		status, stdout, stderr := isrluCommand(t, "train -o "+file+" "+flags)
		if status != exitUsage || stdout != "" {
			t.Errorf("%s: status %d, %q, %q", flags, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q does not say %q", flags, stderr, want)
			}
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("the folder has %v", list)
	}
}
