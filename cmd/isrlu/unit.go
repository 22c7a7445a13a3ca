package main

import (
	"fmt"
	"io"

	"github.com/isrlu/isrlu/hdl"
)

// unitLibrary returns a library that says when it searches, which may take long.
func unitLibrary(w io.Writer) *hdl.Library {
	return &hdl.Library{Searching: func(s hdl.Spec) { fmt.Fprintf(w, "searching for the unit %s\n", s) }}
}
