// Package atomicfile replaces files as a whole, so that a crash or a full disk at
// any moment leaves either the old content or the new.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Replace gives the file at path the content that write writes: all of it or,
// on an error or if the process is killed, none. What is written stands in path
// with .tmp appended until it is whole and on the disk. A file of that name that
// a killed process left is replaced.
func Replace(path string, write func(io.Writer) error) error {
	if err := checkRegular(path); err != nil {
		return err
	}
	return ReplaceAs(path+".tmp", func(w io.Writer) (string, error) { return path, write(w) })
}

// ReplaceAs is Replace for a file whose name follows from its content: write
// returns the path. What is written stands in name, in the same folder, until it
// is whole.
func ReplaceAs(name string, write func(io.Writer) (path string, err error)) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	path, err := writeOut(tmp, write)
	if err != nil {
		tmp.Close()
		os.Remove(name)
		return err
	}
	if err = checkRegular(path); err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		os.Remove(name)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// checkRegular returns an error if there is something at path that is not a
// regular file.
func checkRegular(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}

// writeOut writes the file, brings it to the disk and closes it. It returns the
// path that the file shall have.
func writeOut(f *os.File, write func(io.Writer) (string, error)) (string, error) {
	w := bufio.NewWriterSize(f, 1<<16)
	path, err := write(w)
	if err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	mine, err := f.Stat()
	if err != nil {
		return "", err
	}
	if there, err := os.Stat(f.Name()); err != nil || !os.SameFile(mine, there) {
		return "", fmt.Errorf("%s is not the file that was opened: another process writes it too", f.Name())
	}
	return path, f.Close()
}

// syncFolder brings a new name in the folder to the disk, where the system has a
// way to do that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Some file systems know no such operation.
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
