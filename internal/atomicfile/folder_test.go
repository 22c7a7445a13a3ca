package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderAppearsWholeOrStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "made", "unit")
	files := map[string][]byte{"a": []byte("1"), "b": []byte("2")}
	if err := WriteFolder(path, files); err != nil {
		t.Fatal(err)
	}
	content := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(path, name))
		return string(b)
	}
	if content("a") != "1" || content("b") != "2" {
		t.Errorf("%q, %q", content("a"), content("b"))
	}
	if err := os.WriteFile(filepath.Join(path, "mine"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	files["a"] = []byte("3")
	if err := WriteFolder(path+"/", files); err != nil || content("a") != "3" {
		t.Errorf("%q, %v", content("a"), err)
	}
	// A file that cannot be written leaves all as they were.
	files["a"], files["no/where"] = []byte("4"), nil
	if err := WriteFolder(path, files); err == nil || content("a") != "3" {
		t.Errorf("%q, %v", content("a"), err)
	}
	delete(files, "no/where")
	if err := os.Mkdir(filepath.Join(path, "c"), 0o777); err != nil {
		t.Fatal(err)
	}
	files["c"] = nil
	if err := WriteFolder(path, files); err == nil || content("a") != "3" {
		t.Errorf("a folder was replaced: %q, %v", content("a"), err)
	}
	if list, _ := os.ReadDir(path); len(list) != 4 {
		t.Errorf("the folder has %v", list)
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("beside it are %v", list)
	}
	if err := os.Mkdir(path+".tmp", 0o777); err != nil {
		t.Fatal(err)
	}
	delete(files, "c")
	if err := WriteFolder(path, files); err == nil || !strings.Contains(err.Error(), "unit.tmp is there") {
		t.Errorf("%v", err)
	}
}
