package ort

import (
	"os"
	"strings"
	"testing"
)

func TestStartTellsWhatIsMissing(t *testing.T) {
	t.Setenv(Variable, "")
	if _, err := Start(""); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("no folder: %v", err)
	}
	dir := t.TempDir()
	if _, err := Start(dir); err == nil || !strings.Contains(err.Error(), "npm install onnxruntime-node") {
		t.Errorf("empty folder: %v", err)
	}
}

func TestErrorsOfTheRuntimeComeBack(t *testing.T) {
	if os.Getenv(Variable) == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", Variable)
	}
	r, err := Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if _, err := r.Open([]byte("no model"), 1); err == nil || !strings.HasPrefix(err.Error(), "ONNX Runtime: ") {
			t.Errorf("error %v", err)
		}
	}
}
