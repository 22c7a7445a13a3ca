package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Every link to a file of the repository leads to one, and to a heading that it has.
func TestLinks(t *testing.T) {
	anchors := map[string]map[string]bool{}
	for _, p := range pages(t) {
		anchors[p.name] = p.anchors()
	}
	n := 0
	for _, p := range pages(t) {
		for i, l := range p.prose() {
			for _, m := range link.FindAllStringSubmatch(l, -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				n++
				target, anchor, found := strings.Cut(m[1], "#")
				name := p.name
				if target != "" {
					name = path.Join(path.Dir(p.name), target)
				}
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s:%d: %s: there is no %s", p.name, i+1, m[1], name)
				} else if found && !anchors[name][anchor] {
					t.Errorf("%s:%d: %s: %s has no heading of that name", p.name, i+1, m[1], name)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d links were found", n)
	}
}

// Every page is linked from another one.
func TestPagesAreLinked(t *testing.T) {
	linked := map[string]bool{"README.md": true}
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(strings.Join(p.prose(), "\n"), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if name := path.Join(path.Dir(p.name), target); target != "" && name != p.name {
				linked[name] = true
			}
		}
	}
	for _, p := range pages(t) {
		if !linked[p.name] {
			t.Errorf("no page links to %s", p.name)
		}
	}
}

var (
	mentioned = regexp.MustCompile(`\b(docs/[a-z_/]+\.md|[A-Z]+\.md)\b`)
	// The package may stand on either side of the name.
	testRun = regexp.MustCompile(`go test [^\n]*?(?:(\.\S*) )?-run=?\s?'?(?:\^?(?:Test|Benchmark|Fuzz))?([\w|]+)'?\$?(?: (\.\S*))?`)
)

// What comments of the code and commands of the pages name is there.
func TestNamesInCode(t *testing.T) {
	n := 0
	err := filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(file); ext != ".go" && ext != ".py" && ext != ".js" && ext != ".c" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, name := range mentioned.FindAllString(string(text), -1) {
			n++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s names %s, which is not there", file, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("no comment names a page")
	}
}

// The tests that pages tell to run exist in the package named.
func TestTestsInPages(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		text := strings.NewReplacer("\n", " ", "`", "\n").Replace(strings.Join(p.lines, "\n"))
		for _, m := range testRun.FindAllStringSubmatch(text, -1) {
			n++
			files, err := filepath.Glob(filepath.Join(root, m[1]+m[3], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			name := regexp.MustCompile(`(?m)^func (?:Test|Benchmark|Fuzz)\w*(?:` + m[2] + `)\w*\(`)
			found := false
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				found = found || name.Match(text)
			}
			if !found {
				t.Errorf("%s: no test of %s has %s in its name", p.name, m[1]+m[3], m[2])
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d commands that run tests were found", n)
	}
}
