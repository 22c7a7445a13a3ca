package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isrlu/isrlu/nn"
)

// buildCommand returns the path of the command, built.
func buildCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "isrlu")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// numberFrom returns the number in a variable of the environment, or the default.
func numberFrom(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s must be a number, got %q", variable, v)
	}
	return n
}

// A training that is killed at any moments, and resumed each time, comes to the
// same bytes as one that is not. ISRLU_KILLS sets the number of kills.
func TestKilledTrainingGoesOnWithTheSameBits(t *testing.T) {
	kills := 10
	if testing.Short() {
		kills = 3
	}
	kills = numberFrom(t, "ISRLU_KILLS", kills)
	command := buildCommand(t)
	dir, line := smallTraining(t)
	whole, file := filepath.Join(dir, "whole.safetensors"), filepath.Join(dir, "killed.safetensors")
	args := append(strings.Fields(line), "--save-every", "1", "-o")
	begun := time.Now()
	if out, err := exec.Command(command, append(args, whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	duration := time.Since(begun)
	want := readFile(t, whole)

	r := rand.New(rand.NewPCG(uint64(begun.UnixNano()), 0))
	args = append(args, file, "--resume")
	killed, ended, saves := 0, 0, 0
	for killed < kills {
		var out bytes.Buffer
		c := exec.Command(command, args...)
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(duration))))
		_ = c.Process.Kill()
		err := c.Wait()
		switch {
		case err == nil:
			// It was done before. The next one begins anew.
			ended++
			if !bytes.Equal(readFile(t, file), want) {
				t.Fatalf("after %d kills the file differs from that of an uninterrupted training", killed)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		case strings.Contains(out.String(), "isrlu: "):
			t.Fatalf("after %d kills: %v\n%s", killed, err, &out)
		}
		killed++
		trainer, _, err := nn.Resume[float32](file, nn.Options{Threads: 1})
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was killed before it saved for the first time
		}
		if err != nil {
			t.Fatalf("after %d kills: %v", killed, err)
		}
		saves++
		trainer.Model().Close()
	}
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Equal(readFile(t, file), want) {
		t.Errorf("after %d kills the file differs from that of an uninterrupted training", killed)
	}
	if _, err := os.Stat(file + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a temporary file is left: %v", err)
	}
	t.Logf("%d kills, %d of them with a checkpoint there; %d trainings ended and were compared", killed, saves, ended+1)
}
