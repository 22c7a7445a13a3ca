package docs

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every exported name of the public packages has a comment, or stands in a group
// that has one, and every package but the commands has an example.
func TestPublicNamesHaveComments(t *testing.T) {
	for at := range mapOfPackages(t) {
		if strings.HasPrefix(at, "internal/") || strings.HasPrefix(at, "cmd/") {
			continue
		}
		dir := filepath.Join(root, at)
		if at == "isrlu" {
			dir = root
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && at != "isrlu" {
			continue // another module
		}
		p := documentation(t, dir)
		missing := func(name, comment string) {
			if strings.TrimSpace(comment) == "" {
				t.Errorf("%s: %s has no comment", at, name)
			}
		}
		missing("the package", p.Doc)
		values := func(list []*doc.Value) {
			for _, v := range list {
				for _, s := range v.Decl.Specs {
					s := s.(*ast.ValueSpec)
					for _, n := range s.Names {
						if n.IsExported() {
							missing(n.Name, v.Doc+s.Doc.Text()+s.Comment.Text())
						}
					}
				}
			}
		}
		functions := func(of string, list []*doc.Func) {
			for _, f := range list {
				missing(of+f.Name, f.Doc)
			}
		}
		values(p.Consts)
		values(p.Vars)
		functions("", p.Funcs)
		for _, typ := range p.Types {
			missing(typ.Name, typ.Doc)
			values(typ.Consts)
			values(typ.Vars)
			functions("", typ.Funcs)
			functions(typ.Name+".", typ.Methods)
		}
		if !hasExample(p) {
			t.Errorf("%s has no example", at)
		}
	}
}

func documentation(t *testing.T, dir string) *doc.Package {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(set, files, "p")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hasExample(p *doc.Package) bool {
	n := len(p.Examples)
	for _, f := range p.Funcs {
		n += len(f.Examples)
	}
	for _, typ := range p.Types {
		n += len(typ.Examples)
		for _, f := range append(typ.Funcs, typ.Methods...) {
			n += len(f.Examples)
		}
	}
	return n > 0
}
