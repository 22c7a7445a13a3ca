package gomlx_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program of README.md prints what its comment says.
func TestProgramOfTheREADME(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```go\n")
	code, _, _ = strings.Cut(code, "```")
	_, want, found := strings.Cut(code, "// prints ")
	want, _, _ = strings.Cut(want, "\n")
	if !found {
		t.Fatal("README.md has no program that says what it prints")
	}
	dir := t.TempDir()
	source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	module, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(module, "examples", "readme", "main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{source: code, overlay: string(list)} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "-tags", "noxla", "-overlay", overlay, "./examples/readme")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOMLX_BACKEND=go:ops_sequential")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != want+"\n" {
		t.Errorf("%v; it prints\n%s\nand its comment says %s", err, out, want)
	}
}
