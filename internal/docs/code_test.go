package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "github.com/isrlu/isrlu"

// A block is Go code of a page. given declares the names that it uses and does not
// make; a comment before the block has them, which readers of the page do not see:
//
//	<!-- go: x, y []float32 -->
//
// A block that is a file of a folder of the repository says so instead:
//
//	<!-- go: in gen -->
type block struct {
	at    string // page and line
	given string
	code  string
}

var givenComment = regexp.MustCompile(`^<!-- go: (.*) -->$`)

func blocks(t *testing.T) []block {
	t.Helper()
	var list []block
	for _, p := range pages(t) {
		given := ""
		for i := 0; i < len(p.lines); i++ {
			if m := givenComment.FindStringSubmatch(p.lines[i]); m != nil {
				given = m[1]
			}
			if p.lines[i] != "```go" {
				continue
			}
			from := i + 1
			for i++; i < len(p.lines) && p.lines[i] != "```"; i++ {
			}
			list = append(list, block{fmt.Sprintf("%s:%d", p.name, from+1), given, strings.Join(p.lines[from:i], "\n") + "\n"})
			given = ""
		}
	}
	if len(list) < 3 {
		t.Fatalf("only %d blocks of Go were found", len(list))
	}
	return list
}

// imports are the packages that a block may use without saying so.
var imports = map[string]string{
	"isrlu": module, "rsqrt": module + "/rsqrt", "nn": module + "/nn", "data": module + "/data",
	"onnx": module + "/onnx", "experiment": module + "/experiment", "report": module + "/report", "serve": module + "/serve",
	"context": "context", "fmt": "fmt", "log": "log", "math": "math", "os": "os",
}

// file returns the block as a file: itself if it has a package clause, and else the
// body of a function that may return an error. What it declares counts as used.
func (b block) file() (string, error) {
	if strings.HasPrefix(b.code, "package ") {
		return b.code, nil
	}
	body := "func _(" + b.given + ") error {\n" + b.code
	parsed, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body+"}\n", parser.SkipObjectResolution)
	if err != nil {
		// A block of declarations.
		body = b.code
		if parsed, err = parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, parser.SkipObjectResolution); err != nil {
			return "", err
		}
	} else {
		for _, s := range parsed.Decls[0].(*ast.FuncDecl).Body.List {
			if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				for _, l := range a.Lhs {
					if id, ok := l.(*ast.Ident); ok && id.Name != "_" {
						body += "_ = " + id.Name + "\n"
					}
				}
			}
		}
		body += "return nil\n}\n"
	}
	used, own := map[string]bool{}, map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, l := range a.Lhs {
				if id, ok := l.(*ast.Ident); ok {
					own[id.Name] = true
				}
			}
		}
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && imports[id.Name] != "" && !own[id.Name] {
				used[imports[id.Name]] = true
			}
		}
		return true
	})
	head := "package p\n\n"
	for path := range used {
		head += fmt.Sprintf("import %q\n", path)
	}
	return head + body, nil
}

// Every block of Go in the pages is formatted, and compiles in a module of a user.
func TestGoCode(t *testing.T) {
	dir := t.TempDir()
	list := blocks(t)
	for i, b := range list {
		if formatted, err := format.Source([]byte(b.code)); err != nil {
			t.Errorf("%s: %v", b.at, err)
		} else if string(formatted) != b.code {
			t.Errorf("%s is not formatted; gofmt writes\n%s", b.at, formatted)
		}
		if folder, ok := strings.CutPrefix(b.given, "in "); ok {
			compileIn(t, folder, b)
			continue
		}
		text, err := b.file()
		if err != nil {
			t.Errorf("%s: %v", b.at, err)
			continue
		}
		write(t, filepath.Join(dir, fmt.Sprintf("block%d", i), "block.go"), text)
	}
	userModule(t, dir)
	// Equal declarations in several blocks would clash: each is a package.
	if out, err := goCommand(dir, "build", "-mod=mod", "-o", os.DevNull, "./..."); err != nil {
		text := regexp.MustCompile(`block(\d+)/block\.go`).ReplaceAllStringFunc(out, func(s string) string {
			var i int
			if _, err := fmt.Sscanf(s, "block%d/", &i); err != nil {
				return s
			}
			return "the block at " + list[i].at
		})
		t.Fatalf("%v\n%s", err, text)
	}
	for i, b := range list {
		if strings.HasPrefix(b.code, "package main\n") && !strings.HasPrefix(b.given, "in ") {
			b.run(t, dir, fmt.Sprintf("./block%d", i))
		}
	}
}

var prints = regexp.MustCompile(`(?m)// prints (.*)$`)

// run runs a program of a page, whose comments tell what each line prints.
func (b block) run(t *testing.T, dir, name string) {
	t.Helper()
	out, err := goCommand(dir, "run", "-mod=mod", name)
	var want string
	for _, m := range prints.FindAllStringSubmatch(b.code, -1) {
		want += m[1] + "\n"
	}
	if err != nil || out != want || want == "" {
		t.Errorf("the program at %s: %v; it prints\n%sand its comments say\n%s", b.at, err, out, want)
	}
}

// goCommand runs the go command in a folder, without a network, and returns all that it
// prints.
func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// compileIn compiles the block as one more file of a folder.
func compileIn(t *testing.T, folder string, b block) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "block.go")
	write(t, source, b.code)
	in, err := filepath.Abs(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(in, "block_of_page.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "overlay.json")
	write(t, list, string(overlay))
	if out, err := goCommand(in, "build", "-overlay", list, "-o", os.DevNull, "."); err != nil {
		t.Errorf("%s: %v\n%s", b.at, err, out)
	}
}

// userModule makes the folder a module that requires this one, in this working
// tree, and what this one requires.
func userModule(t *testing.T, dir string) {
	t.Helper()
	path, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	required := strings.Replace(string(own), "module "+module, "module example", 1)
	write(t, filepath.Join(dir, "go.mod"), required+"\nrequire "+module+" v0.0.0\n\nreplace "+module+" => "+path+"\n")
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
