package docs

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var name = regexp.MustCompile("`([^`]+)`")

// mapOfPackages returns the rank of each package in the table of
// docs/architecture.md; those of a row have ranks of their own.
func mapOfPackages(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(root + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| Package | What it is |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if !found {
		t.Fatal("docs/architecture.md has no table of packages")
	}
	rank := map[string]int{}
	for row := range strings.Lines(table) {
		cell, _, _ := strings.Cut(row[1:], "|")
		for _, m := range name.FindAllStringSubmatch(cell, -1) {
			if _, twice := rank[m[1]]; twice {
				t.Errorf("%s stands twice in the table", m[1])
			}
			rank[m[1]] = len(rank)
		}
	}
	return rank
}

// packagesOf returns the packages of this module that the files of each import,
// tests left out, for all systems and processors.
func packagesOf(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, missing := os.Stat(filepath.Join(file, "go.mod"))
			if file != root && (missing == nil || d.Name()[0] == '.' || d.Name() == "testdata") {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		at := packageName(module + "/" + filepath.ToSlash(dir))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if all[at] == nil {
			all[at] = map[string]bool{}
		}
		for _, s := range parsed.Imports {
			path, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			if path == module || strings.HasPrefix(path, module+"/") {
				all[at][packageName(path)] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// packageName spells a path of this module as the table does.
func packageName(path string) string {
	if n := strings.TrimPrefix(path, module+"/"); n != path && n != "." {
		return n
	}
	return "isrlu"
}

// The table in docs/architecture.md has every package, and each imports only what
// stands above it.
func TestMapOfPackages(t *testing.T) {
	rank := mapOfPackages(t)
	packages := packagesOf(t)
	for at, imports := range packages {
		r, ok := rank[at]
		if !ok {
			t.Errorf("%s is missing from the table of docs/architecture.md", at)
			continue
		}
		for other := range imports {
			if above, ok := rank[other]; ok && above >= r {
				t.Errorf("%s imports %s, which does not stand above it in docs/architecture.md", at, other)
			}
		}
	}
	for at := range rank {
		if packages[at] == nil {
			if _, err := os.Stat(filepath.Join(root, at, "go.mod")); err != nil {
				t.Errorf("docs/architecture.md lists %s, which is neither a package nor a module", at)
			}
		}
	}
}
