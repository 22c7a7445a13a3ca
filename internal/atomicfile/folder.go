package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFolder puts files, named in the map with their contents, into a folder, which
// it makes if it is not there. All of them are written to path with .tmp appended
// first, so that a full disk leaves the folder as it was. A new folder appears whole or
// not at all; in one that is there, each file is replaced as a whole, and others stay.
func WriteFolder(path string, files map[string][]byte) error {
	path = filepath.Clean(path)
	for name := range files {
		if err := checkRegular(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	stage := path + ".tmp"
	if err := os.Mkdir(stage, 0o777); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there, maybe from a process that was killed; remove it", stage)
	} else if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	for name, data := range files {
		write := func(w io.Writer) error { _, err := w.Write(data); return err }
		if err := Replace(filepath.Join(stage, name), write); err != nil {
			return err
		}
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(stage, path); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(path))
	}
	for name := range files {
		if err := os.Rename(filepath.Join(stage, name), filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return syncFolder(path)
}
