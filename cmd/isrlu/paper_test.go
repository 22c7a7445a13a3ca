package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isrlu/isrlu/report"
)

const smallPaper = "paper --quick --parts memory,hardware,recurrent --no-timing --seeds 1 --epochs 1 --train-images 100 --test-images 50 --train-chars 3000 --test-chars 1000 --threads 1 -o "

func TestPaperWritesReportsAndGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	out, lines := runCompare(t, smallPaper+dir)
	for _, want := range []string{"Verdict\n", "Cannot be told from this:", "This is a quick run", filepath.Join(dir, "paper.html")} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	for _, want := range []string{"6 trainings among it", "LSTM on rows  tanh  seed 1  test accuracy", "left)"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the lines lack %q:\n%s", want, lines)
		}
	}
	for _, file := range []string{"paper.json", "paper.md", "paper.html", "paper.svg"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", file, err)
		}
	}
	// Nothing is made twice, and the numbers are the same.
	again, lines := runCompare(t, smallPaper+dir+" --format markdown")
	if !strings.Contains(lines, " 0 trainings among it") || again != string(readFile(t, filepath.Join(dir, "paper.md"))) {
		t.Errorf("%s\n%s", lines, again)
	}
	status, _, stderr := isrluCommand(t, strings.Replace(smallPaper, "--epochs 1", "--epochs 2", 1)+dir)
	if status != exitFailed || !strings.Contains(stderr, "other settings; name another folder") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if r, err := report.ReadPaperFile(filepath.Join(dir, "paper.json")); err != nil || len(r.Comparisons) != 2 || r.Interrupted {
		t.Errorf("%v", err)
	}
}

func TestPaperRefusesBadFlags(t *testing.T) {
	for line, want := range map[string]string{
		"--parts sped":       `unknown part "sped"; there are speed, memory`,
		"--seeds 0":          "--seeds must be 1 or more, got 0",
		"--epochs -1":        "--epochs must be 1 or more, got -1",
		"--format csv":       `unknown format "csv"; available: table, markdown, json`,
		"--out=":             "--out must name a folder",
		"--threads -1":       "threads must be from 0",
		"--train-images -1":  "must not be less than 0",
		"--quick --parts a,": `unknown part "a"`,
	} {
		status, _, stderr := isrluCommand(t, "paper "+line)
		if status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", line, status, stderr)
		}
	}
	dir := t.TempDir()
	if status, _, stderr := isrluCommand(t, "paper --quick --data-dir "+dir+" -o "+dir); status != exitFailed || !strings.Contains(stderr, dir) {
		t.Errorf("a folder without MNIST: status %d, %s", status, stderr)
	}
}
