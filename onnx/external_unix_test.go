//go:build unix

package onnx

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// To open a pipe waits until someone writes into it.
func TestPipesInThePlaceOfDataDoNotHang(t *testing.T) {
	path := writeFiles(t, 0, externalTensor("w", float, []int64{1}, "location", "pipe"))
	if err := syscall.Mkfifo(filepath.Join(filepath.Dir(path), "pipe"), 0o666); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}
