package report_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/report"
)

// One table is text for people, and CSV or JSON for programs.
func ExampleTable() {
	t := report.Table{
		Columns: []report.Column{
			{Name: "function", Left: true},
			{Name: "ns_per_element", Title: "ns/element", Verb: "%.2f"},
		},
		Rows: [][]any{{"isrlu:1", 0.0961}, {"elu:1", 0.1328}},
	}
	for _, f := range []report.Format{report.Text, report.CSV} {
		if err := t.Write(os.Stdout, f); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// function  ns/element
	// isrlu:1         0.10
	// elu:1           0.13
	// function,ns_per_element
	// isrlu:1,0.0961
	// elu:1,0.1328
}

// Curves draws functions and their derivatives.
func ExampleCurves() {
	fs := []*isrlu.Function{isrlu.Must(isrlu.ISRLU(1)), isrlu.ReLU()}
	figure, err := report.Curves(fs, []isrlu.Direction{isrlu.Forward, isrlu.Backward}, -5, 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	fmt.Println(figure.WriteFile(filepath.Join(dir, "curves.svg")))
	// Output: <nil>
}
