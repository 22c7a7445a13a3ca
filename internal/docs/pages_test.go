package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module.
const root = "../.."

// A page is a Markdown file, named from the root.
type page struct {
	name  string
	lines []string
}

// pages returns README.md, CONTRIBUTING.md, CHANGELOG.md and all of docs.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root+"/docs", func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 10 {
		t.Fatalf("only %d pages were found: %v", len(names), names)
	}
	var list []page
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page{filepath.ToSlash(rel), strings.Split(string(text), "\n")})
	}
	return list
}

// prose returns the page's lines with those of fenced and indented code empty.
func (p page) prose() []string {
	lines := slices.Clone(p.lines)
	fenced := false
	for i, l := range lines {
		fence := strings.HasPrefix(l, "```")
		if fence || fenced || strings.HasPrefix(l, "    ") {
			lines[i] = ""
		}
		fenced = fenced != fence
	}
	return lines
}

var (
	markup  = regexp.MustCompile("[`*_]|\\]\\([^)]*\\)|[\\[\\]]")
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\- ]`)
)

// anchors returns what a link may name in the page: its headings as GitHub spells
// them, the second of the same name with -1 behind it.
func (p page) anchors() map[string]bool {
	seen := map[string]int{}
	all := map[string]bool{}
	for _, l := range p.prose() {
		title := strings.TrimLeft(l, "#")
		if level := len(l) - len(title); level == 0 || level > 6 || !strings.HasPrefix(title, " ") {
			continue
		}
		a := strings.ToLower(strings.TrimSpace(markup.ReplaceAllString(title, "")))
		a = strings.ReplaceAll(dropped.ReplaceAllString(a, ""), " ", "-")
		if n := seen[a]; n > 0 {
			all[a+"-"+string(rune('0'+n))] = true
		} else {
			all[a] = true
		}
		seen[a]++
	}
	return all
}
