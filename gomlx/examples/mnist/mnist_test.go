package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/isrlu/isrlu/data"
	"github.com/isrlu/isrlu/experiment"
	"github.com/isrlu/isrlu/gomlx"
	"github.com/isrlu/isrlu/gomlx/internal/devices"
	"github.com/isrlu/isrlu/nn"
)

// command runs the command with GoMLX's backend in Go.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, other bytes.Buffer
	err = run(context.Background(), append([]string{"-backend", "go"}, args...), &out, &other)
	return out.String(), other.String(), err
}

// small are flags of a short training.
var small = []string{"-network", "mlp", "-train-images", "300", "-test-images", "100", "-epochs", "2", "-batch", "50"}

// What is trained here begins with the weights of isrlu train and sees the images in its
// order, and so it comes to the same results, within rounding. The checkpoint is one of
// package nn.
func TestTrainingIsThatOfPackageNN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, activation := range []string{"isrlu:3:learn-channel", "relu"} {
		stdout, _, err := command(t, append(small, "-activation", activation, "-o", path, "-force")...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stdout, "epoch 2/2  loss ") || !strings.Contains(stdout, "test accuracy") {
			t.Errorf("it printed %q", stdout)
		}
		got, metadata, err := nn.Load[float32](path, nn.Options{Batch: 100, Inference: true})
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		for _, key := range []string{"mean", "std", "image", "classes"} {
			if metadata[key] == "" {
				t.Errorf("the metadata lacks %s: %v", key, metadata)
			}
		}
		want, set := reference(t, activation)
		x, labels := make([]float32, 100*784), make([]int, 100)
		set.Test.Fill(x, labels, data.Permutation(100, 1, 0))
		a, b := got.Predict(x), want.Predict(x)
		for i := range a {
			if d := math.Abs(float64(a[i] - b[i])); !(d < 1e-3) {
				t.Fatalf("%s: logit %d is %v, isrlu train comes to %v", activation, i, a[i], b[i])
			}
		}
	}
}

// reference trains with package nn what the flags in small ask for.
func reference(t *testing.T, activation string) (*nn.Model[float32], *data.Set) {
	t.Helper()
	o, err := parse(small, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	set, err := data.Load(context.Background(), o.data, data.Options{Train: o.train, Test: o.test})
	if err != nil {
		t.Fatal(err)
	}
	n, err := experiment.Builtin(experiment.Tasks[0], o.network)
	if err != nil {
		t.Fatal(err)
	}
	model, err := nn.New[float32](experiment.Choose(n, activation), nn.Options{Batch: o.batch * 2, Seed: o.seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	trainer, err := nn.NewTrainer(model, nn.TrainerOptions{Optimizer: nn.Adam(), Schedule: o.learning(o.epochs * o.train / o.batch)})
	if err != nil {
		t.Fatal(err)
	}
	x, labels := make([]float32, o.batch*784), make([]int, o.batch)
	for epoch := range o.epochs {
		for indices := range slices.Chunk(data.Permutation(o.train, o.seed, epoch), o.batch) {
			set.Train.Fill(x, labels, indices)
			trainer.Step(nn.Batch[float32]{X: x, Labels: labels})
		}
	}
	return model, set
}

// On two devices, which are one here, training comes to the weights of training on one.
// Parts of batches, the replicated weights and what is saved are those of GoMLX's
// distributed trainer.
func TestTwoDevicesTrainAsOne(t *testing.T) {
	dir := t.TempDir()
	results := [][]float32{}
	for _, n := range []int{1, 2} {
		b, err := devices.New(n)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "model.safetensors")
		o, err := parse([]string{"-network", "mlp", "-activation", "isrlu:3:learn", "-train-images", "132", "-test-images", "75", "-batch", "50", "-epochs", "2", "-o", path, "-lr", "0.001"}, os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		s, err := newSession(context.Background(), o, b)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := s.run(context.Background(), &out, &out); err != nil {
			t.Fatal(err)
		}
		// Six steps of training, two batches of tests after each epoch, and one computation
		// for the first values of Adam's averages.
		if want := (n - 1) * 11; b.Runs != want {
			t.Errorf("%d devices: %d distributed computations, want %d", n, b.Runs, want)
		}
		m, _, err := gomlx.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if m.Network().Activation != "isrlu:3:learn" {
			t.Errorf("the network is %+v", m.Network())
		}
		model, _, err := nn.Load[float32](path, nn.Options{Inference: true})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		x := make([]float32, 784)
		for i := range x {
			x[i] = float32(i%9)/4 - 1
		}
		results = append(results, slices.Clone(model.Predict(x)))
	}
	for i, v := range results[0] {
		if d := math.Abs(float64(v - results[1][i])); !(d < 1e-3) {
			t.Errorf("logits are %v on one device, %v on two", results[0], results[1])
			break
		}
	}
}

// A second training begins with the checkpoint of the first.
func TestTrainingFromACheckpoint(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.safetensors"), filepath.Join(dir, "second.safetensors")
	if _, _, err := command(t, append(small, "-o", first)...); err != nil {
		t.Fatal(err)
	}
	one, _, err := command(t, "-from", first, "-train-images", "300", "-test-images", "100", "-epochs", "1", "-lr", "1e-9", "-schedule", "constant", "-o", second)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(one, "mlp with isrlu on 300 images") {
		t.Errorf("it printed %q", one)
	}
	a, _, err := nn.Load[float32](first, nn.Options{Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, metadata, err := nn.Load[float32](second, nn.Options{Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if metadata["classes"] == "" {
		t.Errorf("the metadata is %v", metadata)
	}
	for i, p := range a.Parameters() {
		for k, v := range p.Value {
			if d := math.Abs(float64(v - b.Parameters()[i].Value[k])); d > 1e-6 {
				t.Fatalf("%s[%d] was %v and is %v", p.Name, k, v, b.Parameters()[i].Value[k])
			}
		}
	}
}

func TestBench(t *testing.T) {
	stdout, _, err := command(t, "-bench", "-bench-time", "1ms", "-bench-elements", "1000", "-network", "mlp", "-batch", "4")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"copy ", "isrlu ", "elu forward and backward", "training step of mlp, batch 4, 1 device", "ratio to relu"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing from %s", want, stdout)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-epochs", "0"}, "-epochs and -batch must be from 1"},
		{[]string{"-lr", "-1"}, "the learning rate must be positive and finite, got -1"},
		{[]string{"-schedule", "line"}, `unknown schedule "line"`},
		{[]string{"-activation", "isrlo"}, `-activation: `},
		{[]string{"-devices", "3"}, "-devices is 3, but the backend has 1"},
		{[]string{"-backend", "nothing"}, `can't find backend "nothing"`},
		{[]string{"-network", "none.json"}, "-network: "},
		{[]string{"-from", "x", "-activation", "relu"}, "-activation is that of the checkpoint; leave it out beside -from"},
		{[]string{"-o", there}, "is there already; replace it with -force"},
		{[]string{"more"}, `it takes flags only, got "more"`},
		{[]string{"-nothing"}, "flag provided but not defined: -nothing"},
	} {
		_, _, err := command(t, append([]string{"-o", filepath.Join(t.TempDir(), "new")}, c.args...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, new(usageError)) {
			t.Errorf("%v: got %v, want a usage error with %q", c.args, err, c.want)
		}
	}
	if _, stderr, err := command(t, "-help"); !errors.Is(err, flag.ErrHelp) || !strings.Contains(stderr, "-bench") {
		t.Errorf("-help: %v, %s", err, stderr)
	}
	for _, c := range [][2]string{{"resnet8", "layer 2 (batch_norm)"}, {"conv4", "no checkpoint"}} {
		args := []string{"-network", c[0]}
		if c[0] == "conv4" {
			args = []string{"-from", there}
		}
		_, _, err := command(t, append(args, "-train-images", "10", "-test-images", "10", "-o", there+"2")...)
		if err == nil || errors.As(err, new(usageError)) {
			t.Errorf("%v: got %v, want an error", c, err)
		}
	}
}

// Where nothing names a backend and XLA is not there, the command says so and goes on in
// Go.
func TestWithoutXLA(t *testing.T) {
	t.Setenv(backends.ConfigEnvVar, "")
	if b, err := bestXLA(); err == nil {
		b.Finalize()
		t.Skip("XLA is there")
	}
	var out, other bytes.Buffer
	err := run(context.Background(), []string{"-network", "mlp", "-train-images", "20", "-test-images", "10", "-batch", "10", "-epochs", "1", "-o", filepath.Join(t.TempDir(), "x")}, &out, &other)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"XLA is not there: ", "Training runs on one device, in Go", "backend: Simple Go"} {
		if !strings.Contains(other.String(), want) {
			t.Errorf("%q is missing from %s", want, other.String())
		}
	}
}

// The commands that README.md shows have flags that exist, and values that they take.
func TestCommandsOfTheREADME(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for line := range strings.Lines(string(page)) {
		_, args, ok := strings.Cut(line, "go run ./examples/mnist")
		if !ok || !strings.HasPrefix(line, "    ") {
			continue
		}
		commands++
		if _, err := parse(strings.Fields(args), io.Discard); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if commands < 4 {
		t.Errorf("only %d commands were found", commands)
	}
}
