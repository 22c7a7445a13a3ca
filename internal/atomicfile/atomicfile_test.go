package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestFailureLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	old := []byte("old")
	if err := os.WriteFile(path, old, 0o666); err != nil {
		t.Fatal(err)
	}
	fault := errors.New("the disk is full")
	for _, after := range []int{0, 1, 100_000} {
		err := Replace(path, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, after)); err != nil {
				return err
			}
			return fault
		})
		if !errors.Is(err, fault) {
			t.Errorf("error %v", err)
		}
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, old) {
		t.Error("the old file is gone")
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %v", list)
	}
	if err := Replace(path, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("the file has %q", got)
	}
	if err := Replace(dir, func(io.Writer) error { return nil }); err == nil {
		t.Error("a folder was replaced")
	}
}

func TestReplaceAsTakesTheNameThatWriteReturns(t *testing.T) {
	dir := t.TempDir()
	tmp := filepath.Join(dir, "tmp")
	if err := os.WriteFile(tmp, []byte("left by a killed process"), 0o666); err != nil {
		t.Fatal(err)
	}
	as := func(path string, fault error) error {
		return ReplaceAs(tmp, func(w io.Writer) (string, error) {
			if _, err := w.Write([]byte("content")); err != nil {
				return "", err
			}
			return path, fault
		})
	}
	path := filepath.Join(dir, "file")
	if err := as(path, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "content" {
		t.Errorf("the file has %q", got)
	}
	fault := errors.New("the disk is full")
	if err := as(filepath.Join(dir, "other"), fault); !errors.Is(err, fault) {
		t.Errorf("error %v", err)
	}
	if err := as(dir, nil); err == nil {
		t.Error("a folder was replaced")
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %v", list)
	}
}
